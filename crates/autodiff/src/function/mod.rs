//! The operators that a user asks for derivatives with.
//!
//! This folder imports `compiled` and what is below it.
//!
//! | file | |
//! |---|---|
//! | `one_shot.rs`, `generic.rs`, `closure.rs` | derivatives of a closure at one point, over `f64` and over either precision |
//! | `recorded.rs` | how they are computed, once it is recorded |
//! | `forward.rs` | the same by forward mode, without a recording |
//! | `tree.rs`, `losses.rs` | structured inputs; names for closures |
//! | `record/` | the one way to record |
//! | `scalar.rs`, `vector.rs`, `composite.rs`, `per_example.rs` | what is recorded |
//! | `linearization.rs` | a function at a point, ready for products |
//! | `recorder.rs` | gradients of one-shot recordings in memory that is kept |
//! | `sparse/` | sparse Hessians and Jacobians |
//! | `implicit.rs`, `checkpoint.rs` | what is defined by an equation; recomputing instead of storing |
//! | `inspect.rs`, `steps.rs`, `smoothness.rs` | looking into a recorded function |

mod checkpoint;
mod closure;
mod composite;
pub mod forward;
pub mod generic;
#[cfg(feature = "linear-algebra")]
mod implicit;
mod inspect;
mod linearization;
mod losses;
mod one_shot;
mod per_example;
mod record;
mod recorded;
mod recorder;
mod scalar;
mod smoothness;
mod sparse;
mod steps;
mod tree;
mod vector;

pub use checkpoint::{checkpoint, checkpoint_scalars};
pub use composite::{Composite, CompositeLinearization};
#[cfg(feature = "linear-algebra")]
pub use implicit::{implicit_minimum, implicit_optimum, implicit_root};
pub use inspect::{Inspection, Memory, Quantity};
pub use linearization::Linearization;
pub use losses::{array_loss, scalar_loss, scalar_residuals};
pub use one_shot::{
    gauss_newton, gradient, gradient_of, hessian, hvp, jacobian, jvp, taylor, third_derivative,
    value_and_gradient, value_and_gradient_of, value_gradient_and_auxiliary_of,
    value_gradient_and_hvp, vjp,
};
pub use per_example::PerExample;
pub use record::{
    AsArray, Plain, Record, Returned, Scalars, WithAuxiliary, WithData, record, record_f32,
};
pub use recorder::Recorder;
pub use scalar::Function;
pub use smoothness::{Irregular, Smoothness};
pub use sparse::{
    SparseHessian, SparseJacobian, SparseMatrix, SparsityPattern, sparse_hessian, sparse_jacobian,
};
pub use steps::Step;
pub use tree::{Fixed, Tree};
pub use vector::{VectorFunction, VectorLinearization};

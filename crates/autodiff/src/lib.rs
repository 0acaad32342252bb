#![doc = include_str!("../README.md")]

mod array;
mod derivative;
mod error;
mod interop;
mod kernel;
mod lattice;
mod parts;
#[cfg(feature = "planted-faults")]
#[doc(hidden)]
pub mod planted;
mod program;
mod rules;
mod scalar;
mod tape;

pub use array::Array;
pub use derivative::{
    BranchPolicy, Composite, CompositeLinearization, Fixed, Function, IndeterminatePolicy,
    Inspection, Irregular, Likelihood, LinearMap, Linearization, Matrix, Memory, PerExample,
    Quantity, Recorder, Smoothness, SparseHessian, SparseJacobian, SparseMatrix, SparsityPattern,
    Step, Tree, VectorFunction, array_loss, checkpoint, checkpoint_scalars, forward, gauss_newton,
    generic, gradient, gradient_of, hessian, hvp, jacobian, jvp, scalar_loss, scalar_residuals,
    sparse_hessian, sparse_jacobian, taylor, third_derivative, value_and_gradient,
    value_and_gradient_of, value_gradient_and_auxiliary_of, vjp,
};
#[cfg(feature = "linear-algebra")]
pub use derivative::{implicit_minimum, implicit_optimum, implicit_root};
/// The same [`Error`] under a name that no other crate has, for code that imports everything of several.
pub use error::Error as AutodiffError;
pub use error::{Error, Fault};
pub use kernel::{View, vectorized};
pub use parts::{Entries, Part, Parts};
pub use rules::{
    ARRAY_OPERATIONS, Adjoint, Binary, Elementwise, Irregularity, NumericAdjoint, Operation, Unary,
};
pub use scalar::{Const, Dual, Dual2, Elementary, IntoScalar, Real, Scalar, c};
pub use tape::{Convolution, IntoTensor, Pooling, Tape, Tensor, Var};

/// What most programs need, in one import; without [`Error`], of which every crate has its own.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::prelude::*;
///
/// let loss = scalar_loss(|x| (x[0] - 1.0).powi(2) + x[1].max(0.5));
/// assert_eq!(gradient(&loss, &[3.0, 1.0])?, [4.0, 1.0]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
pub mod prelude {
    pub use crate::{
        Array, AutodiffError, Dual, Function, IntoScalar, IntoTensor, Linearization, Matrix, Real,
        Scalar, Tape, Tensor, Var, VectorFunction, array_loss, c, gradient, hessian, hvp, jacobian,
        jvp, scalar_loss, scalar_residuals, value_and_gradient, vjp,
    };
}

#![doc = include_str!("../README.md")]

mod array;
mod derivative;
mod error;
mod interop;
mod kernel;
mod lattice;
#[cfg(feature = "planted-faults")]
#[doc(hidden)]
pub mod planted;
mod program;
mod rules;
mod scalar;
mod tape;

pub use array::Array;
pub use derivative::{
    BranchPolicy, Composite, CompositeLinearization, Fixed, Function, Inspection, Likelihood,
    LinearMap, Linearization, Matrix, Memory, PerExample, Quantity, Recorder, SparseHessian,
    SparseJacobian, SparseMatrix, SparsityPattern, Step, Tree, VectorFunction, checkpoint,
    checkpoint_scalars, forward, gauss_newton, generic, gradient, gradient_of, hessian, hvp,
    jacobian, jvp, sparse_hessian, sparse_jacobian, taylor, third_derivative, value_and_gradient,
    value_and_gradient_of, value_gradient_and_auxiliary_of, vjp,
};
#[cfg(feature = "linear-algebra")]
pub use derivative::{implicit_optimum, implicit_root};
pub use error::{Error, Fault};
pub use kernel::{View, vectorized};
pub use rules::{ARRAY_OPERATIONS, Adjoint, Binary, Elementwise, NumericAdjoint, Operation, Unary};
pub use scalar::{Const, Dual, Dual2, Elementary, IntoScalar, Real, Scalar, c};
pub use tape::{Convolution, IntoTensor, Pooling, Tape, Tensor, Var};

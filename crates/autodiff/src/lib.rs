#![doc = include_str!("../README.md")]

mod array;
mod compiled;
mod error;
mod function;
mod interop;
mod kernel;
mod number;
mod op;
mod parts;
mod program;
mod rule;
mod strided;
mod tape;
mod tensor;
mod transform;

pub use array::{Array, View};
pub use compiled::{BranchPolicy, IndeterminatePolicy, Likelihood, Matrix};
/// The same [`Error`] under a name that no other crate has, for code that imports everything of several.
pub use error::Error as AutodiffError;
pub use error::{Error, Fault};
pub use function::{
    Composite, CompositeLinearization, Fixed, Function, Inspection, Irregular, LinearMap,
    Linearization, Memory, PerExample, Quantity, Recorder, Smoothness, SparseHessian,
    SparseJacobian, SparseMatrix, SparsityPattern, Step, Tree, VectorFunction, array_loss,
    checkpoint, checkpoint_scalars, forward, gauss_newton, generic, gradient, gradient_of, hessian,
    hvp, jacobian, jvp, scalar_loss, scalar_residuals, sparse_hessian, sparse_jacobian, taylor,
    third_derivative, value_and_gradient, value_and_gradient_of, value_gradient_and_auxiliary_of,
    vjp,
};
#[cfg(feature = "linear-algebra")]
pub use function::{implicit_minimum, implicit_optimum, implicit_root};
#[doc(hidden)]
pub use number::by_precision;
#[cfg(feature = "planted-faults")]
#[doc(hidden)]
pub use number::planted;
pub use number::{
    Binary, Const, Dual, Dual2, Elementary, IntoScalar, Irregularity, Real, Scalar, Unary, c,
    vectorized,
};
pub use op::ARRAY_OPERATIONS;
pub use parts::{Entries, Part, Parts};
pub use tape::{IntoTensor, Tape, Tensor, Var};
pub use tensor::{Convolution, Pooling};
pub use transform::{Adjoint, Elementwise, NumericAdjoint, Operation};

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

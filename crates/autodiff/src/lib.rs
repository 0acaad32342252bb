#![doc = include_str!("../README.md")]

mod array;
mod compiled;
mod error;
mod function;
mod interop;
mod kernel;
mod number;
mod op;
pub mod parts;
mod pool;
mod program;
mod rule;
mod strided;
mod tape;
mod tensor;
mod transform;

pub use array::Array;
pub use compiled::{BranchPolicy, IndeterminatePolicy, Likelihood, Matrix, Recorded};
/// The same [`Error`] under a name that no other crate has, for code that imports everything of several.
pub use error::Error as AutodiffError;
pub use error::Error;
pub use function::{
    Composite, CompositeLinearization, Function, Linearization, PerExample, Record, Recorder,
    VectorFunction, VectorLinearization, array_loss, checkpoint, checkpoint_scalars, forward,
    gauss_newton, generic, gradient, hessian, hvp, jacobian, jvp, record, record_f32, scalar_loss,
    scalar_residuals, taylor, third_derivative, value_and_gradient, value_gradient_and_hvp, vjp,
};
#[doc(hidden)]
pub use number::by_precision;
#[cfg(feature = "planted-faults")]
#[doc(hidden)]
pub use number::planted;
pub use number::{Dual, Elementary, IntoScalar, Real, Scalar, c};
pub use tape::{IntoTensor, Tape, Tensor, Var};

/// What a [`Record`] is a record of: how closures take the inputs, and what they return.
pub mod recording {
    pub use crate::function::{AsArray, Plain, Returned, Scalars, WithAuxiliary, WithData};
}

/// Looking into what is [`Recorded`].
pub mod inspect {
    pub use crate::function::{Inspection, Irregular, Memory, Quantity, Smoothness, Step};
    pub use crate::number::Irregularity;
    pub use crate::op::ARRAY_OPERATIONS;
}

/// Sparse Hessians and Jacobians: the pattern found from the program, few products by colouring.
pub mod sparse {
    pub use crate::function::{
        SparseHessian, SparseJacobian, SparseMatrix, SparsityPattern, sparse_hessian as hessian,
        sparse_jacobian as jacobian,
    };
}

/// What is defined by an equation, differentiated by the implicit function theorem.
#[cfg(feature = "linear-algebra")]
pub mod implicit {
    pub use crate::function::{
        implicit_minimum as minimum, implicit_optimum as optimum, implicit_root as root,
    };
}

/// Operations with derivatives of a user's own.
pub mod custom {
    pub use crate::array::View;
    pub use crate::error::Fault;
    pub use crate::transform::{Adjoint, Elementwise, NumericAdjoint, Operation};
}

/// Derivatives with respect to structures of numbers and arrays.
pub mod tree {
    pub use crate::function::{
        Fixed, Tree, gradient_of, value_and_gradient_of, value_gradient_and_auxiliary_of,
    };
}

/// Numbers beyond those that a loss is written with, and their functions as data.
pub mod numbers {
    pub use crate::number::{Binary, Const, Dual2, Unary, vectorized};
}

/// How windows move over arrays.
pub mod windows {
    pub use crate::tensor::{Convolution, Pooling};
}

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
        jvp, record, record_f32, scalar_loss, scalar_residuals, value_and_gradient,
        value_gradient_and_hvp, vjp,
    };
}

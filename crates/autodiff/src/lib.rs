#![doc = include_str!("../README.md")]

mod array;
mod derivative;
mod error;
mod kernel;
mod lattice;
mod program;
mod rules;
mod scalar;
mod tape;

pub use array::Array;
pub use derivative::{
    Composite, CompositeLinearization, Function, Likelihood, LinearMap, Linearization, Matrix, PerExample, VectorFunction, checkpoint, checkpoint_scalars, generic, gradient, hessian, hvp, implicit_optimum, implicit_root, jacobian, jvp, value_and_gradient, vjp,
};
pub use error::{Error, Fault};
pub use kernel::View;
pub use rules::{Adjoint, Binary, Elementwise, NumericAdjoint, Operation, Unary};
pub use scalar::{Const, Dual, Elementary, Real, Scalar, c};
pub use tape::{IntoTensor, Tape, Tensor, Var};

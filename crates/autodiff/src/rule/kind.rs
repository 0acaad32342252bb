//! How the derivative of an operation is stated, and what it contributes.

use crate::number::Scalar;
use crate::strided::Lattice;
use crate::tape::Tensor;

/// How an operation's derivative is stated.
pub(crate) enum Kind {
    /// No operands, or locally constant.
    Constant,
    /// In its first operand if nothing else is said: indices that follow have no derivative.
    Linear,
    Bilinear,
    Partials,
    /// Stated as a composition by the operation itself.
    Own,
}

/// What an adjoint rule gives to an operand: all of its cotangent, or a piece of it.
pub(crate) enum Contribution<'t, S: Scalar> {
    Whole(Tensor<'t, S>),
    Piece { offset: usize, cotangent: Tensor<'t, S> },
    Strided { lattice: Lattice, cotangent: Tensor<'t, S> },
}

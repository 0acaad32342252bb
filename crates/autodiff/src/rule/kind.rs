//! How the derivative of an operation is stated, and what it contributes.

use smallvec::SmallVec;

use crate::number::Scalar;
use crate::op::TensorOp;
use crate::strided::Lattice;
use crate::tape::Tensor;

/// The derivative of an operation, as it is stated.
pub(crate) enum Derivative<'a, S: Scalar> {
    /// No operands, or locally constant.
    Constant,
    Linear(&'a dyn Linear<S>),
    Bilinear(&'a dyn Bilinear<S>),
    Partials(&'a dyn Partials<S>),
    /// Stated as compositions by the operation itself.
    Composed(&'a dyn Composed<S>),
}

/// The transposes of a linear operation.
pub(crate) trait Linear<S: Scalar> {
    /// What the cotangent `y_bar` contributes to that of operand `i`; nothing, where that is an index or a condition.
    fn transpose<'t>(&self, i: usize, x: &[Tensor<'t, S>], y_bar: Tensor<'t, S>) -> Given<'t, S>;

    /// The tangent, `op` being the operation itself: if nothing else is said, it is linear in its first operand alone.
    fn tangent<'t>(
        &self,
        op: &TensorOp<S>,
        x: &[Tensor<'t, S>],
        _y: Tensor<'t, S>,
        x_dot: &[Option<Tensor<'t, S>>],
    ) -> Option<Tensor<'t, S>> {
        let first = x_dot[0]?;
        let mut operands: SmallVec<[Tensor<'t, S>; 4]> = x.into();
        operands[0] = first;
        Some(first.record(op.clone(), &operands))
    }
}

/// The transposes of an operation that is linear in each of two operands.
pub(crate) trait Bilinear<S: Scalar> {
    /// The cotangent of operand `i`.
    fn transpose<'t>(&self, i: usize, x: &[Tensor<'t, S>], y_bar: Tensor<'t, S>) -> Tensor<'t, S>;
}

/// The partial derivatives of an operation whose results depend on few elements each.
pub(crate) trait Partials<S: Scalar> {
    /// `∂y/∂xᵢ`, element by element: in the result's shape, or before the reduction in the operand's.
    fn partial<'t>(&self, i: usize, x: &[Tensor<'t, S>], y: Tensor<'t, S>) -> Tensor<'t, S>;

    /// The axis that is reduced, if any.
    fn reduced_axis(&self) -> Option<usize> {
        None
    }
}

/// A derivative that no general kind describes.
pub(crate) trait Composed<S: Scalar> {
    /// The tangent, `None` standing for zero.
    fn tangent<'t>(
        &self,
        x: &[Tensor<'t, S>],
        y: Tensor<'t, S>,
        x_dot: &[Option<Tensor<'t, S>>],
    ) -> Option<Tensor<'t, S>>;

    /// The cotangents of the operands that want one, for `y_bar` in the shape of the result.
    fn adjoint<'t>(
        &self,
        x: &[Tensor<'t, S>],
        y: Tensor<'t, S>,
        y_bar: Tensor<'t, S>,
        wanted: &[bool],
    ) -> Vec<Option<Tensor<'t, S>>>;
}

/// What a transpose gives to an operand, if anything.
pub(crate) type Given<'t, S> = Option<Contribution<'t, S>>;

/// What an adjoint rule gives to an operand: all of its cotangent, or a piece of it.
pub(crate) enum Contribution<'t, S: Scalar> {
    Whole(Tensor<'t, S>),
    /// Contiguous elements from this one on.
    Piece {
        offset: usize,
        cotangent: Tensor<'t, S>,
    },
    /// Regularly spaced elements.
    Strided {
        lattice: Box<Lattice>,
        cotangent: Tensor<'t, S>,
    },
}

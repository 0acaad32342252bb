//! Strided and conditional reading: tangents and transposes.

use crate::array::Shape;
use crate::number::{Elementary, Scalar};
use crate::op::{Lattices, TensorOp};
use crate::tape::Tensor;

impl Lattices {
    /// The tangent: the pieces that have one.
    pub(crate) fn tangent<'t, S: Scalar>(
        &self,
        shape: &Shape,
        x_dot: &[Option<Tensor<'t, S>>],
    ) -> Option<Tensor<'t, S>> {
        let present = x_dot.iter().zip(&self.pieces).filter(|(x, _)| x.is_some());
        let (x, pieces): (Vec<_>, Vec<_>) =
            present.filter_map(|(x, piece)| Some((x.as_ref().copied()?, piece.clone()))).unzip();
        let first = x.first()?;
        let lattices = Self::new(pieces, shape);
        Some(first.record(TensorOp::StridedAdd { lattices, shape: shape.clone() }, &x))
    }
}

/// `select(condition, a_dot, b_dot)`, with zero where there is none.
pub(crate) fn select_tangent<'t, S: Scalar>(
    x: &[Tensor<'t, S>],
    y: Tensor<'t, S>,
    x_dot: &[Option<Tensor<'t, S>>],
) -> Option<Tensor<'t, S>> {
    let any = x_dot[1].or(x_dot[2])?;
    let [a_dot, b_dot] = [x_dot[1], x_dot[2]].map(|x_dot| x_dot.unwrap_or(any.lift(0.0)));
    Some(any.record(TensorOp::Select, &[x[0], a_dot, b_dot]).broadcast(y.shape()))
}

/// What is selected from operand `i` keeps its cotangent, the rest has zero: a multiplication by 0 would let infinities
/// through.
pub(crate) fn select_transpose<'t, S: Scalar>(
    i: usize,
    x: &[Tensor<'t, S>],
    y_bar: Tensor<'t, S>,
) -> Tensor<'t, S> {
    let zero = y_bar.lift(0.0);
    let branches = if i == 1 { [x[0], y_bar, zero] } else { [x[0], zero, y_bar] };
    y_bar.record(TensorOp::Select, &branches).sum_to(x[i].shape())
}

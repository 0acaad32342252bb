//! The transposes of operations that move elements.

use super::index::select_transpose;
use crate::array::{Axes, Shape};
use crate::number::Scalar;
use crate::op::TensorOp;
use crate::tape::Tensor;

/// The tangent of [`assemble`]: the pieces that have one.
pub(crate) fn assemble_tangent<'t, S: Scalar>(
    offsets: &[usize],
    shape: &Shape,
    x_dot: &[Option<Tensor<'t, S>>],
) -> Option<Tensor<'t, S>> {
    let present = || x_dot.iter().zip(offsets).filter_map(|(x, &offset)| x.map(|x| (x, offset)));
    let pieces: Vec<_> = present().map(|(x, _)| x).collect();
    let offsets = present().map(|(_, offset)| offset).collect();
    let first = pieces.first()?;
    Some(first.record(TensorOp::Assemble { offsets, shape: shape.clone() }, &pieces))
}

/// The transposes of the linear operations, applied to `y_bar`.
pub(crate) fn transpose<'t, S: Scalar>(
    op: &TensorOp<S>,
    i: usize,
    x: &[Tensor<'t, S>],
    y_bar: Tensor<'t, S>,
) -> Tensor<'t, S> {
    let shape = x[i].shape();
    match op {
        TensorOp::Sum(axes) => {
            let kept: Shape = (0..shape.len())
                .map(|axis| if axes.contains(&axis) { 1 } else { shape[axis] })
                .collect();
            y_bar.reshape(&kept).broadcast(shape)
        }
        TensorOp::SumTo(_) => y_bar.broadcast(shape),
        TensorOp::Broadcast(_) => y_bar.sum_to(shape),
        TensorOp::Assemble { offsets, .. } => y_bar.view(offsets[i], shape),
        TensorOp::Permute(axes) => {
            let mut inverse: Axes = axes.clone();
            for (to, &from) in axes.iter().enumerate() {
                inverse[from] = to;
            }
            y_bar.record(TensorOp::Permute(inverse), &[y_bar])
        }
        TensorOp::Triangle { .. } => y_bar.record(op.clone(), &[y_bar]),
        TensorOp::StridedAdd { lattices, .. } => y_bar.strided(lattices.piece(i).clone()),
        TensorOp::Gather(indexing) => y_bar.record(TensorOp::ScatterAdd(*indexing), &[y_bar, x[1]]),
        TensorOp::ScatterAdd(indexing) => y_bar.record(TensorOp::Gather(*indexing), &[y_bar, x[1]]),
        TensorOp::Select => select_transpose(i, x, y_bar),
        TensorOp::CumulativeSum { axis, from_end } => {
            y_bar.record(TensorOp::CumulativeSum { axis: *axis, from_end: !from_end }, &[y_bar])
        }
        op => unreachable!("{} has no transpose of its own", op.name()),
    }
}

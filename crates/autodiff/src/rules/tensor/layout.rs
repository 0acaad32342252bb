//! Operations that move elements without computing on them, and their transposes.

use super::index::select_transpose;
use super::{Axes, TensorOp};
use crate::array::{Shape, size};
use crate::kernel::View;
use crate::scalar::Scalar;
use crate::tape::Tensor;

/// The shape without these axes.
pub(super) fn strip_axes(shape: &[usize], axes: &[usize]) -> Shape {
    shape.iter().enumerate().filter(|(i, _)| !axes.contains(i)).map(|(_, &n)| n).collect()
}

/// `small`, if broadcasting can repeat it to `large`.
pub(super) fn broadcasts(small: &[usize], large: &[usize]) -> Result<Shape, String> {
    let fits = small.len() <= large.len()
        && small.iter().rev().zip(large.iter().rev()).all(|(&s, &l)| s == l || s == 1);
    if fits {
        Ok(small.into())
    } else {
        Err(format!("{small:?} to be repeated to {large:?}, aligned at the last axis"))
    }
}

pub(super) fn view_shape(x: &[usize], offset: usize, shape: &[usize]) -> Result<Shape, String> {
    let end = offset.checked_add(size(shape));
    if end.is_some_and(|end| end <= size(x)) {
        Ok(shape.into())
    } else {
        Err(format!(
            "shape {shape:?} from offset {offset} on to lie within its {} elements",
            size(x)
        ))
    }
}

pub(super) fn assemble_shape(
    x: &[&[usize]],
    offsets: &[usize],
    shape: &[usize],
) -> Result<Shape, String> {
    let within = |(x, &offset): (&&[usize], &usize)| offset + size(x) <= size(shape);
    if x.len() == offsets.len() && x.iter().zip(offsets).all(within) {
        Ok(shape.into())
    } else {
        Err(format!("pieces at {offsets:?} that lie within {shape:?}"))
    }
}

/// `y = Σⱼ xⱼ`, each laid from its offset on, zero elsewhere.
pub(crate) fn assemble<'a, S: Scalar + 'a>(
    pieces: impl Iterator<Item = &'a [S]> + Clone,
    offsets: &[usize],
    y: &mut [S],
) {
    if !tiles(pieces.clone().map(<[S]>::len), offsets, y.len()) {
        y.fill(S::zero());
        for (x, &offset) in pieces.zip(offsets) {
            for (y, &x) in y[offset..].iter_mut().zip(x) {
                *y += x;
            }
        }
        return;
    }
    for (x, &offset) in pieces.zip(offsets) {
        y[offset..offset + x.len()].copy_from_slice(x);
    }
}

/// Whether pieces of these lengths at these offsets cover `total` elements in order, from either end, without overlap.
pub(crate) fn tiles(
    lengths: impl Iterator<Item = usize> + Clone,
    offsets: &[usize],
    total: usize,
) -> bool {
    let mut next = 0;
    let ascending = lengths.clone().zip(offsets).all(|(length, &offset)| {
        let fits = offset == next;
        next += length;
        fits
    });
    if ascending && next == total {
        return true;
    }
    let mut end = total;
    let descending = lengths.zip(offsets).all(|(length, &offset)| {
        let fits = offset + length == end;
        end = offset;
        fits
    });
    descending && end == 0
}

pub(super) fn permute_shape(x: &[usize], axes: &[usize]) -> Result<Shape, String> {
    let mut sorted: Axes = axes.into();
    sorted.sort_unstable();
    if sorted.iter().copied().eq(0..x.len()) {
        Ok(axes.iter().map(|&axis| x[axis]).collect())
    } else {
        Err(format!("every axis below {} once, not {axes:?}", x.len()))
    }
}

/// The tangent of [`assemble`]: the pieces that have one.
pub(super) fn assemble_tangent<'t, S: Scalar>(
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
pub(super) fn transpose<'t, S: Scalar>(
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

pub(super) fn matrix_shape(x: &[usize]) -> Result<Shape, String> {
    if x.len() >= 2 { Ok(x.into()) } else { Err("a matrix (rank 2 or more)".into()) }
}

/// One triangle of each matrix, the diagonal times a factor.
pub(super) fn triangle<S: Scalar>(x: View<'_, S>, lower: bool, diagonal: f64, y: &mut [S]) {
    let [.., rows, cols] = *x.shape else { return };
    y.fill(S::zero());
    for (k, (x, y)) in
        x.data.chunks_exact(cols.max(1)).zip(y.chunks_exact_mut(cols.max(1))).enumerate()
    {
        let i = k % rows;
        let strict = if lower { 0..i.min(cols) } else { (i + 1).min(cols)..cols };
        y[strict.clone()].copy_from_slice(&x[strict]);
        if i < cols {
            y[i] = if diagonal == 1.0 { x[i] } else { x[i] * S::constant(diagonal) };
        }
    }
}

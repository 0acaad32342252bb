//! Operations that move elements without computing on them.

use crate::array::{Axes, Shape, View, size};
use crate::number::Scalar;

/// The shape without these axes.
pub(crate) fn strip_axes(shape: &[usize], axes: &[usize]) -> Shape {
    shape.iter().enumerate().filter(|(i, _)| !axes.contains(i)).map(|(_, &n)| n).collect()
}

/// `small`, if broadcasting can repeat it to `large`.
pub(crate) fn broadcasts(small: &[usize], large: &[usize]) -> Result<Shape, String> {
    let fits = small.len() <= large.len()
        && small.iter().rev().zip(large.iter().rev()).all(|(&s, &l)| s == l || s == 1);
    if fits {
        Ok(small.into())
    } else {
        Err(format!("{small:?} to be repeated to {large:?}, aligned at the last axis"))
    }
}

pub(crate) fn view_shape(x: &[usize], offset: usize, shape: &[usize]) -> Result<Shape, String> {
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

pub(crate) fn assemble_shape(
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

pub(crate) fn permute_shape(x: &[usize], axes: &[usize]) -> Result<Shape, String> {
    let mut sorted: Axes = axes.into();
    sorted.sort_unstable();
    if sorted.iter().copied().eq(0..x.len()) {
        Ok(axes.iter().map(|&axis| x[axis]).collect())
    } else {
        Err(format!("every axis below {} once, not {axes:?}", x.len()))
    }
}

pub(crate) fn matrix_shape(x: &[usize]) -> Result<Shape, String> {
    if x.len() >= 2 { Ok(x.into()) } else { Err("a matrix (rank 2 or more)".into()) }
}

/// One triangle of each matrix, the diagonal times a factor.
pub(crate) fn triangle<S: Scalar>(x: View<'_, S>, lower: bool, diagonal: f64, y: &mut [S]) {
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

//! Running along an axis: each element from the one before, and the place of the largest.

use num_traits::Float;

use super::max::split;
use crate::array::View;
use crate::number::Scalar;

/// Runs along `axis`, or from its end: calls `step` with the place of each element but the first, the element, and the one
/// before it.
#[inline]
pub(crate) fn scan<S: Copy>(
    shape: &[usize],
    axis: usize,
    from_end: bool,
    y: &mut [S],
    step: impl Fn(usize, &mut S, S),
) {
    let (n, inner) = split(shape, axis);
    if y.is_empty() {
        return;
    }
    for (block, y) in y.chunks_exact_mut(n * inner).enumerate() {
        for k in 1..n {
            let (before, after) = y.split_at_mut(if from_end { n - k } else { k } * inner);
            let (row, these, last) = match from_end {
                true => (n - k - 1, &mut before[(n - k - 1) * inner..], &after[..inner]),
                false => (k, &mut after[..inner], &before[(k - 1) * inner..]),
            };
            let start = (block * n + row) * inner;
            for (j, (y, &last)) in these.iter_mut().zip(last).enumerate() {
                step(start + j, y, last);
            }
        }
    }
}

/// The number of the largest element along `axis`; of the first at a tie, and of the first NaN if there is one.
pub(crate) fn argmax<S: Scalar>(x: View<S>, axis: usize, y: &mut [S]) {
    let (n, inner) = split(x.shape, axis);
    if x.data.is_empty() {
        return y.fill(S::nan());
    }
    for (x, y) in x.data.chunks_exact(n * inner).zip(y.chunks_exact_mut(inner)) {
        for (j, y) in y.iter_mut().enumerate() {
            let mut best = 0;
            for k in 1..n {
                let (largest, x) = (x[best * inner + j].primal(), x[k * inner + j].primal());
                if x > largest || x.is_nan() && !largest.is_nan() {
                    best = k;
                }
            }
            *y = S::constant(best as f64);
        }
    }
}

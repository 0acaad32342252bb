//! Running along an axis: cumulative sums, and the place of the largest element.

use num_traits::Float;

use super::max::split;
use crate::array::View;
use crate::number::Scalar;

/// `y[k] = x[0] + … + x[k]` along `axis`, or from the end: `x[k] + … + x[n−1]`, added one by one in that direction.
pub(crate) fn cumulative_sum<S: Scalar>(x: View<S>, axis: usize, from_end: bool, y: &mut [S]) {
    let (n, inner) = split(x.shape, axis);
    if x.data.is_empty() {
        return;
    }
    y.copy_from_slice(x.data);
    for y in y.chunks_exact_mut(n * inner) {
        for k in 1..n {
            let (before, after) = y.split_at_mut(if from_end { n - k } else { k } * inner);
            let (sum, last) = match from_end {
                true => (&mut before[(n - k - 1) * inner..], &after[..inner]),
                false => (&mut after[..inner], &before[(k - 1) * inner..]),
            };
            for (sum, &last) in sum.iter_mut().zip(last) {
                *sum += last;
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

//! Logarithm of a sum of exponentials along an axis.

use super::max::{max, split};
use super::sum::sum_slice;
use crate::array::View;
use crate::number::{Kernels, Loop, MulAdd, Scalar, Unary};

/// Number of exponentials computed at a time: of several rows where rows are short.
const BLOCK: usize = 64;

/// `y = ln Σ exp x` along `axis`, computed as `m + ln Σ exp(x − m)` with `m = max x`, so that nothing overflows.
/// An infinite or NaN m is the result.
pub(crate) fn log_sum_exp<S: Scalar>(x: View<S>, axis: usize, y: &mut [S]) {
    let (n, inner) = split(x.shape, axis);
    max(x, axis, y);
    if x.data.is_empty() {
        return;
    }
    if inner == 1 {
        return S::run(AlongRows { x: x.data, n, y });
    }
    for (x, y) in x.data.chunks_exact(n * inner).zip(y.chunks_exact_mut(inner)) {
        S::run(DownColumns { x, y });
    }
}

/// Log-sum-exp of every row of `x`, of length `n`. `y` holds the maxima at first.
struct AlongRows<'a, S> {
    x: &'a [S],
    n: usize,
    y: &'a mut [S],
}

impl<S: Scalar> Loop for AlongRows<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run<M: MulAdd>(self) {
        let n = self.n;
        let (mut shifted, mut exps) = ([S::zero(); BLOCK], [S::zero(); BLOCK]);
        // Either whole rows that fit into a block, or one row in several blocks.
        let rows = (BLOCK / n).max(1);
        for (x, y) in self.x.chunks(rows * n).zip(self.y.chunks_mut(rows)) {
            let mut sums = [S::zero(); BLOCK];
            for x in x.chunks(BLOCK) {
                let (shifted, exps) = (&mut shifted[..x.len()], &mut exps[..x.len()]);
                for ((shifted, x), &m) in shifted.chunks_mut(n).zip(x.chunks(n)).zip(&*y) {
                    for (shifted, &x) in shifted.iter_mut().zip(x) {
                        *shifted = x - m;
                    }
                }
                S::map_slice::<M>(Unary::Exp, shifted, exps);
                for (sum, exps) in sums.iter_mut().zip(exps.chunks(n)) {
                    *sum += sum_slice(exps);
                }
            }
            add_logs::<S, M>(&sums, y);
        }
    }
}

/// Log-sum-exp of every column of `x`. `y` holds the maxima at first.
struct DownColumns<'a, S> {
    x: &'a [S],
    y: &'a mut [S],
}

impl<S: Scalar> Loop for DownColumns<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run<M: MulAdd>(self) {
        let width = self.y.len();
        let (mut shifted, mut exps) = ([S::zero(); BLOCK], [S::zero(); BLOCK]);
        for (i, y) in self.y.chunks_mut(BLOCK).enumerate() {
            let columns = i * BLOCK..i * BLOCK + y.len();
            let rows = BLOCK / y.len();
            let mut sums = [S::zero(); BLOCK];
            for x in self.x.chunks(rows * width) {
                let len = x.len() / width * y.len();
                let (shifted, exps) = (&mut shifted[..len], &mut exps[..len]);
                for (shifted, x) in shifted.chunks_exact_mut(y.len()).zip(x.chunks_exact(width)) {
                    for ((shifted, &x), &m) in shifted.iter_mut().zip(&x[columns.clone()]).zip(&*y)
                    {
                        *shifted = x - m;
                    }
                }
                S::map_slice::<M>(Unary::Exp, shifted, exps);
                for exps in exps.chunks_exact(y.len()) {
                    for (sum, &exp) in sums.iter_mut().zip(exps) {
                        *sum += exp;
                    }
                }
            }
            add_logs::<S, M>(&sums, y);
        }
    }
}

/// `m[i] += ln sums[i]` where m is finite.
#[inline(always)]
fn add_logs<S: Kernels + Scalar, M: MulAdd>(sums: &[S; BLOCK], m: &mut [S]) {
    let mut logs = [S::zero(); BLOCK];
    let logs = &mut logs[..m.len()];
    S::map_slice::<M>(Unary::Ln, &sums[..m.len()], logs);
    for (m, &log) in m.iter_mut().zip(&*logs) {
        if m.is_finite() {
            *m += log;
        }
    }
}

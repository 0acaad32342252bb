//! Products of matrices and vectors.

use super::dispatch::{Loop, MulAdd};
use super::sum::sum_terms;
use super::{Strided, View};
use crate::scalar::Scalar;

/// `y = op(a)·op(b)` for matrices, where `op` transposes if `ta` (`tb`) says so.
pub(crate) fn matmul<S: Scalar>(a: View<S>, ta: bool, b: View<S>, tb: bool, y: &mut [S]) {
    let (m, k, a) = operand(a, ta);
    let (k_of_b, n, b) = operand(b, tb);
    debug_assert_eq!(k, k_of_b);
    debug_assert_eq!(y.len(), m * n);
    match y {
        [y] => *y = dot(a.data, b.data),
        y => S::matmul_into([m, k, n], a, b, y),
    }
}

/// Rows, columns and elements of `op(x)`.
fn operand<S>(x: View<'_, S>, transposed: bool) -> (usize, usize, Strided<'_, S>) {
    let &[rows, cols] = x.shape else {
        unreachable!("a matrix product needs rank 2, not shape {:?}", x.shape)
    };
    if transposed {
        (cols, rows, Strided { data: x.data, row_stride: 1, col_stride: cols })
    } else {
        (rows, cols, Strided { data: x.data, row_stride: cols, col_stride: 1 })
    }
}

/// `Σ a[i]·b[i]`.
pub(super) fn dot<S: Scalar>(a: &[S], b: &[S]) -> S {
    debug_assert_eq!(a.len(), b.len());
    S::run(Dot { a, b })
}

struct Dot<'a, S> {
    a: &'a [S],
    b: &'a [S],
}

impl<S: Scalar> Loop for Dot<'_, S> {
    type Output = S;

    #[inline(always)]
    fn run<M: MulAdd>(self) -> S {
        sum_terms(self.a, self.b, |a, b| a * b)
    }
}

//! Products of matrices and vectors.

use super::layout::Walk;
use super::sum::sum_terms;
use crate::array::View;
use crate::number::{Loop, MulAdd, Scalar, Strided};

/// `y = op(a)·op(b)` for matrices, where `op` transposes if `ta` (`tb`) says so; for every batch of leading axes, broadcast
/// to each other.
pub(crate) fn matmul<S: Scalar>(
    a: View<S>,
    ta: bool,
    b: View<S>,
    tb: bool,
    y: &mut [S],
    y_shape: &[usize],
) {
    let (m, k, a_batch, a_one) = factor(a, ta);
    let (k_of_b, n, b_batch, b_one) = factor(b, tb);
    debug_assert_eq!(k, k_of_b);
    if y.is_empty() {
        return;
    }
    let one = |a: Strided<'_, S>, b: Strided<'_, S>, y: &mut [S]| match y {
        [y] => *y = dot(a.data, b.data),
        y => S::matmul_into([m, k, n], a, b, y),
    };
    let batch = &y_shape[..y_shape.len() - 2];
    if batch.is_empty() {
        return one(a_one, b_one, y);
    }
    let mut products = y.chunks_exact_mut(m * n);
    Walk::broadcast(batch, [a_batch, b_batch]).for_each(|[at_a, at_b]| {
        let y = products.next().expect("one product for each position");
        let a = Strided { data: &a.data[at_a * m * k..(at_a + 1) * m * k], ..a_one };
        let b = Strided { data: &b.data[at_b * k * n..(at_b + 1) * k * n], ..b_one };
        one(a, b, y);
    });
}

/// Rows and columns of `op(x)`, the batch axes of `x`, and its elements as one matrix.
fn factor<S>(x: View<'_, S>, transposed: bool) -> (usize, usize, &[usize], Strided<'_, S>) {
    let [batch @ .., rows, cols] = x.shape else {
        unreachable!("a matrix product needs rank 2 or more, not shape {:?}", x.shape)
    };
    let (&rows, &cols) = (rows, cols);
    if transposed {
        (cols, rows, batch, Strided { data: x.data, row_stride: 1, col_stride: cols })
    } else {
        (rows, cols, batch, Strided { data: x.data, row_stride: cols, col_stride: 1 })
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

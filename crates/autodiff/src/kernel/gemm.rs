//! The matrix product of `f32` and `f64`: the only place that knows the `gemm` crate.

#![expect(unsafe_code, reason = "the gemm crate takes raw pointers")]

use crate::number::{Loop, MulAdd, Real, Strided, simd};

/// Up to this many multiplications, plain loops take less time than the crate does before its first one.
const TINY: usize = 128;

/// `y = a·b`, with `a` m×k, `b` k×n, and `y` m×n row-major, on the calling thread.
///
/// # Panics
///
/// If an operand is shorter than its shape and strides say.
pub(super) fn matmul<R: Real>([m, k, n]: [usize; 3], a: Strided<R>, b: Strided<R>, y: &mut [R]) {
    assert_eq!(Some(y.len()), m.checked_mul(n), "a result of {m}×{n}");
    assert!(a.covers(m, k), "a left factor of {m}×{k}");
    assert!(b.covers(k, n), "a right factor of {k}×{n}");
    if y.is_empty() {
        return;
    }
    if k == 0 {
        return y.fill(R::zero());
    }
    if m * k * n <= TINY {
        return simd::run(Tiny { size: [m, k, n], a, b, y });
    }
    // `gemm` computes dst = alpha·dst + beta·lhs·rhs; alpha is not used because dst is not read.
    let (read_dst, alpha, beta) = (false, R::zero(), R::one());
    // SAFETY: all lengths are positive, so the assertions above say that the largest offset `(rows − 1)·row_stride +
    // (cols − 1)·col_stride` into each operand is within its slice, and offsets grow with both indices. `y` is row-major
    // with m·n elements and, being borrowed mutably, apart from the factors. R is f32 or f64, which `gemm` supports.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            y.as_mut_ptr(),
            1,
            n as isize,
            read_dst,
            a.data.as_ptr(),
            a.col_stride as isize,
            a.row_stride as isize,
            b.data.as_ptr(),
            b.col_stride as isize,
            b.row_stride as isize,
            alpha,
            beta,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// A product of tiny matrices, by plain loops.
struct Tiny<'a, R> {
    size: [usize; 3],
    a: Strided<'a, R>,
    b: Strided<'a, R>,
    y: &'a mut [R],
}

impl<R: Real> Loop for Tiny<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<M: MulAdd>(self) {
        let [_, k, n] = self.size;
        for (i, y) in self.y.chunks_exact_mut(n).enumerate() {
            for (j, y) in y.iter_mut().enumerate() {
                let mut sum = self.a.at(i, 0) * self.b.at(0, j);
                for p in 1..k {
                    sum = M::mul_add(self.a.at(i, p), self.b.at(p, j), sum);
                }
                *y = sum;
            }
        }
    }
}

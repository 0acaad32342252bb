//! The fast kernels of `f32` and `f64`.

use super::vmath::each;
use super::{gemm, vmath};
use crate::number::{Binary, Kernels, Loop, MulAdd, Real, Side, Strided, Unary, simd};

/// `real_kernels!(f32, f64)` is `impl Kernels for f32 { .. }` and the same for `f64`. A blanket implementation for
/// [`Real`] would exclude the defaults that other numbers use.
macro_rules! real_kernels {
    ($($R:ty),*) => {$(
        impl Kernels for $R {
            const HAS_TANGENTS: bool = false;

            fn run<L: Loop>(task: L) -> L::Output {
                simd::run(task)
            }

            #[inline(always)]
            fn map_slice<M: MulAdd>(f: Unary, x: &[Self], y: &mut [Self]) {
                vmath::map::<Self, M>(f, x, y);
            }

            #[inline(always)]
            fn power_int_slice(n: i32, x: &[Self], y: &mut [Self]) {
                power_int_slice(n, x, y);
            }

            #[inline(always)]
            fn zip_slice(f: Binary, a: Side<Self>, b: Side<Self>, y: &mut [Self]) {
                zip_slice(f, a, b, y);
            }

            fn matmul_into(size: [usize; 3], a: Strided<Self>, b: Strided<Self>, y: &mut [Self]) {
                gemm::matmul(size, a, b, y);
            }
        }
    )*};
}

real_kernels!(f32, f64);

/// `y[i] = x[i]ⁿ` by repeated squaring, like `powi` of the standard library and with the same rounding: squares from the
/// lowest bit of `|n|` up, one reciprocal at the end.
#[inline(always)]
fn power_int_slice<R: Real>(n: i32, x: &[R], y: &mut [R]) {
    match n {
        1 => y.copy_from_slice(x),
        2 => each(x, y, |x| x * x),
        3 => each(x, y, |x| x * (x * x)),
        _ => {
            // Blocks, so that the loop over the bits of n is outside of the one over elements.
            const BLOCK: usize = 16;
            let (blocks, rest) = x.as_chunks::<BLOCK>();
            let (y_blocks, y_rest) = y.as_chunks_mut::<BLOCK>();
            for (x, y) in blocks.iter().zip(y_blocks) {
                *y = power_int_block(n, *x);
            }
            for (&x, y) in rest.iter().zip(y_rest) {
                [*y] = power_int_block(n, [x]);
            }
        }
    }
}

#[inline(always)]
fn power_int_block<R: Real, const B: usize>(n: i32, x: [R; B]) -> [R; B] {
    let mut bits = n.unsigned_abs();
    let (mut square, mut power) = (x, [R::one(); B]);
    loop {
        if bits & 1 == 1 {
            power = std::array::from_fn(|i| power[i] * square[i]);
        }
        bits >>= 1;
        if bits == 0 {
            break;
        }
        square = square.map(|s| s * s);
    }
    if n < 0 { power.map(R::recip) } else { power }
}

#[inline(always)]
fn zip_slice<R: Real>(f: Binary, a: Side<R>, b: Side<R>, y: &mut [R]) {
    match (a, b) {
        (Side::Each(a), Side::Each(b)) => {
            let (a, b) = (&a[..y.len()], &b[..y.len()]);
            f.value_into(y, |i| a[i], |i| b[i]);
        }
        (Side::Each(a), Side::All(b)) => {
            let a = &a[..y.len()];
            f.value_into(y, |i| a[i], |_| b);
        }
        (Side::All(a), Side::Each(b)) => {
            let b = &b[..y.len()];
            f.value_into(y, |_| a, |i| b[i]);
        }
        (Side::All(a), Side::All(b)) => y.fill(f.value(a, b)),
    }
}

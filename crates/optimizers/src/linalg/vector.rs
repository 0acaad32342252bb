//! The few vector operations that the methods are written in.
//!
//! Sums run over eight interleaved partial sums: the order is fixed, so results are reproducible, the rounding error
//! grows with `n/8`, and the compiler can use vector registers.

use dualtape_autodiff::{Real, numbers::vectorized};

const LANES: usize = 8;

/// `Σᵢ aᵢ bᵢ`.
pub(crate) fn dot<S: Real>(a: &[S], b: &[S]) -> S {
    debug_assert_eq!(a.len(), b.len());
    vectorized(|| sum_of_products(a, b))
}

/// Inlined, so that the caller's vector registers are used.
#[inline(always)]
fn sum_of_products<S: Real>(a: &[S], b: &[S]) -> S {
    let mut partial = [S::zero(); LANES];
    let (a_blocks, b_blocks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a_blocks.remainder().iter().zip(b_blocks.remainder());
    let tail = rest.fold(S::zero(), |sum, (&a, &b)| sum + a * b);
    for (a, b) in a_blocks.zip(b_blocks) {
        for (sum, (&a, &b)) in partial.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    partial.iter().fold(tail, |sum, &p| sum + p)
}

/// `vᵀMv` for a symmetric matrix given by its rows.
pub(crate) fn quadratic_form<'a, S: Real>(rows: impl Iterator<Item = &'a [S]>, v: &[S]) -> S {
    rows.zip(v).fold(S::zero(), |sum, (row, &v_i)| sum + v_i * dot(row, v))
}

/// `maxᵢ |aᵢ|`; NaN if an entry is NaN (which `Float::max` would hide).
pub(crate) fn norm_inf<S: Real>(a: &[S]) -> S {
    a.iter().fold(S::zero(), |max, &v| if v.abs() > max || v.is_nan() { v.abs() } else { max })
}

/// `‖a‖₂`, without overflow or underflow of the squares.
pub(crate) fn norm<S: Real>(a: &[S]) -> S {
    let plain = dot(a, a);
    if plain.is_normal() {
        return plain.sqrt();
    }
    let scale = norm_inf(a);
    if scale.is_zero() || !scale.is_finite() {
        return scale;
    }
    scale * a.iter().fold(S::zero(), |sum, &v| sum + (v / scale) * (v / scale)).sqrt()
}

/// `‖x‖₂` as the size of a point, and 1 at the origin: the length of what may be moved by where nothing else is known.
pub(crate) fn size<S: Real>(x: &[S]) -> S {
    let size = norm(x);
    if size.is_normal() { size } else { S::one() }
}

/// `y ← y + α x`.
pub(crate) fn axpy<S: Real>(alpha: S, x: &[S], y: &mut [S]) {
    debug_assert_eq!(x.len(), y.len());
    vectorized(|| {
        for (y, &x) in y.iter_mut().zip(x) {
            *y += alpha * x;
        }
    });
}

/// `x ← α x`.
pub(crate) fn scale<S: Real>(alpha: S, x: &mut [S]) {
    for x in x {
        *x *= alpha;
    }
}

/// `out ← −x`.
pub(crate) fn negate<S: Real>(x: &[S], out: &mut [S]) {
    for (out, &x) in out.iter_mut().zip(x) {
        *out = -x;
    }
}

/// `‖a − b‖₂`.
pub(crate) fn distance<S: Real>(a: &[S], b: &[S]) -> S {
    a.iter().zip(b).fold(S::zero(), |sum, (&a, &b)| sum + (a - b) * (a - b)).sqrt()
}

/// Index of the first entry that is NaN or infinite.
pub(crate) fn first_non_finite<S: Real>(a: &[S]) -> Option<usize> {
    // Whether there is one is found faster than which it is.
    let any = vectorized(|| a.iter().fold(false, |any, x| any | !x.is_finite()));
    if any { a.iter().position(|x| !x.is_finite()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_covers_blocks_and_remainder() {
        let a: Vec<f64> = (0..19).map(|i| 0.5 - f64::from(i)).collect();
        let b: Vec<f64> = (0..19).map(|i| 1.0 / (1.0 + f64::from(i))).collect();
        let plain: f64 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
        assert!((dot(&a, &b) - plain).abs() < 19.0 * f64::EPSILON * plain.abs());
    }

    #[test]
    fn norms_survive_extreme_magnitudes() {
        for size in [1e200, 1e-200] {
            assert!((norm(&[3.0 * size, -4.0 * size]) / size - 5.0_f64).abs() < 1e-14);
        }
        assert_eq!(norm::<f64>(&[0.0, 0.0]), 0.0);
        assert!(norm_inf(&[1.0, f64::NAN, 2.0]).is_nan());
        assert!(norm(&[1.0, f64::INFINITY]).is_infinite());
    }
}

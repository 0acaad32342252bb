//! The natural logarithm and what is built on it.
//!
//! `x = 2ᵏ(1 + f)` with `√½ ≤ 1 + f < √2`; then `ln(1 + f) = 2 artanh(s)` with `s = f/(2 + f)`, and a polynomial for
//! artanh. The leading term f is exact and is added last.

use super::exp::exp;
use super::format::Format;
use super::polynomial::polynomial;
use crate::number::MulAdd;

/// `ln x`.
#[inline(always)]
pub(super) fn ln<R: Format, M: MulAdd>(x: R) -> R {
    let subnormal = x < R::min_positive_value();
    let (factor, exponent) = if subnormal { R::NORMALIZE } else { (R::one(), R::zero()) };
    let (k, m) = (x * factor).split();
    let y = ln_split::<R, M>(k - exponent, m, R::zero());
    at_limits(x, R::zero(), y)
}

/// `ln(1 + x)`, accurate near 0.
#[inline(always)]
pub(super) fn ln_1p<R: Format, M: MulAdd>(x: R) -> R {
    let y = at_limits(x, -R::one(), ln_1p_normal::<R, M>(x));
    if x.abs() < R::TINY { x } else { y }
}

/// `ln(1 + eˣ) = max(x, 0) + ln(1 + e^(−|x|))`.
#[inline(always)]
pub(super) fn softplus<R: Format, M: MulAdd>(x: R) -> R {
    let positive_part = if x < R::zero() { R::zero() } else { x };
    positive_part + ln_1p_normal::<R, M>(exp::<R, M>(-x.abs()))
}

/// `x ln x`, 0 at 0.
#[inline(always)]
pub(super) fn x_log_x<R: Format, M: MulAdd>(x: R) -> R {
    let y = x * ln::<R, M>(x);
    if x == R::zero() { R::zero() } else { y }
}

/// `ln(1 + x)` for finite `x > −1`, with `ln(1 − 0) = +0`; NaN for NaN.
#[inline(always)]
fn ln_1p_normal<R: Format, M: MulAdd>(x: R) -> R {
    let u = x + R::one();
    let (k, m) = u.split();
    // What rounding took from u; the subtractions are exact. To first order, ln(1 + x) = ln u + lost/u.
    let lost = x - (u - R::one());
    ln_split::<R, M>(k, m, lost / u)
}

/// `k ln 2 + ln m + correction`, with a correction of the size of a rounding error or with `k = 0, m = 1`.
#[inline(always)]
fn ln_split<R: Format, M: MulAdd>(k: R, m: R, correction: R) -> R {
    let f = m - R::one();
    let s = f / (f + R::of(2.0));
    let z = s * s;
    let tail = z * polynomial::<R, M>(R::ARTANH, z);
    // 2 artanh(s) = 2s + s·tail = f − (f²/2 − s(f²/2 + tail)), since f = s(2 + f).
    let half_square = f * f * R::of(0.5);
    let low = M::mul_add(s, half_square + tail, M::mul_add(k, R::LN2_LO, correction));
    k * R::LN2_HI - ((half_square - low) - f)
}

/// The logarithm `y` at x, corrected where x is at or beyond an end of the domain `(low, ∞)`, or NaN.
#[inline(always)]
fn at_limits<R: Format>(x: R, low: R, y: R) -> R {
    let y = if x < R::infinity() { y } else { x };
    let y = if x == low { R::neg_infinity() } else { y };
    if x < low { R::nan() } else { y }
}

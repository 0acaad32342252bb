//! The exponential function and what is built on it.
//!
//! `x = n ln 2 + r` with an integer n and `|r| ≤ ½ ln 2` (Cody and Waite: `ln 2` in two parts, so that r is accurate);
//! then `eˣ = 2ⁿ·eʳ` with a polynomial for `eʳ`.

use super::format::Format;
use super::polynomial::polynomial;
use crate::number::MulAdd;

/// `eˣ`.
#[inline(always)]
pub(super) fn exp<R: Format, M: MulAdd>(x: R) -> R {
    exp_scaled::<R, M>(x, R::zero())
}

/// `eˣ − 1`, accurate near 0.
#[inline(always)]
pub(super) fn exp_m1<R: Format, M: MulAdd>(x: R) -> R {
    // Below −40 the result is −1.
    let y = exp_m1_normal::<R, M>(clamp(x, R::of(-40.0), R::EXP_MAX));
    if x.abs() < R::TINY { x } else { y }
}

/// `tanh x = (e²ᶻ − 1)/(e²ᶻ + 1)` with `z = |x|`, and the sign of x.
#[inline(always)]
pub(super) fn tanh<R: Format, M: MulAdd>(x: R) -> R {
    // From 20 on the result is 1.
    let z = clamp(x.abs(), R::zero(), R::of(20.0));
    let e = exp_m1_normal::<R, M>(z + z);
    (e / (e + R::of(2.0))).copysign(x)
}

/// `sech²x = 4q/(1 + q)²` with `q = e^(−2|x|)`. The numerator is formed without q, which may be subnormal.
#[inline(always)]
pub(super) fn sech2<R: Format, M: MulAdd>(x: R) -> R {
    let z = x.abs();
    let four_q = exp_scaled::<R, M>(-(z + z), R::of(2.0));
    let q = four_q * R::of(0.25);
    // (1 + q)² = 1 + q(2 + q), in which no error is squared.
    four_q / M::mul_add(q, q + R::of(2.0), R::one())
}

/// `σ(x) = 1/(1 + e⁻ˣ)`, for negative x as `eˣ/(1 + eˣ)`.
#[inline(always)]
pub(super) fn sigmoid<R: Format, M: MulAdd>(x: R) -> R {
    let e = exp::<R, M>(-x.abs());
    let numerator = if x < R::zero() { e } else { R::one() };
    numerator / (e + R::one())
}

/// `2ᵏ·eˣ` for an integer `k ≤ 2`, rounded once where it is subnormal.
#[inline(always)]
fn exp_scaled<R: Format, M: MulAdd>(x: R, k: R) -> R {
    let (n, p) = reduce::<R, M>(clamp(x, R::EXP_MIN, R::EXP_MAX));
    // 2ⁿ may exceed the range of normal numbers where the result does not: multiply by two powers that do not.
    let n = n + k;
    let half_shifted = n * R::of(0.5) + R::SHIFT;
    let rest = n - (half_shifted - R::SHIFT);
    (p + R::one()) * R::exp2_shifted(half_shifted) * R::exp2_shifted(rest + R::SHIFT)
}

/// `eˣ − 1` where neither x nor the result is subnormal or below the range in which `2ⁿ⁻¹` is normal.
#[inline(always)]
fn exp_m1_normal<R: Format, M: MulAdd>(x: R) -> R {
    let (n, p) = reduce::<R, M>(x);
    // 2ⁿ(p + 1) − 1 = 2(2ⁿ⁻¹p + (2ⁿ⁻¹ − ½)): exact but for one rounding of either sum, without overflow before the end.
    let half_power = R::exp2_shifted((n - R::one()) + R::SHIFT);
    let y = M::mul_add(half_power, p, half_power - R::of(0.5));
    y + y
}

/// `(n, eʳ − 1)` for `x = n ln 2 + r`.
#[inline(always)]
fn reduce<R: Format, M: MulAdd>(x: R) -> (R, R) {
    let n = M::mul_add(x, R::FRAC_1_LN_2, R::SHIFT) - R::SHIFT;
    let r = M::mul_add(n, -R::LN2_LO, M::mul_add(n, -R::LN2_HI, x));
    (n, M::mul_add(r * r, polynomial::<R, M>(R::EXP, r), r))
}

/// `x` limited to `[low, high]`; NaN stays NaN.
#[inline(always)]
fn clamp<R: Format>(x: R, low: R, high: R) -> R {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

//! Values of special functions, in double precision.
//!
//! `erf`, `erfc`, `ln Γ`, `ψ`, `J₀` and `J₁` are those of pxfm, which rounds correctly in nearly all cases, also beside
//! their zeros. Single precision is computed in double and rounded.

use std::f64::consts::FRAC_1_SQRT_2;

use crate::scalar::Real;

/// `f(x)`, computed in double precision.
#[inline]
pub(super) fn in_double<R: Real>(x: R, f: impl Fn(f64) -> f64) -> R {
    R::constant(f(x.as_f64()))
}

/// `e^(−x²)`.
pub(super) fn gauss(x: f64) -> f64 {
    exp_minus_square(x, 1.0)
}

/// `e^(−x²/2)/√(2π)`.
pub(super) fn normal_density(x: f64) -> f64 {
    const FRAC_1_SQRT_TAU: f64 = 0.398_942_280_401_432_7;
    exp_minus_square(x, 0.5) * FRAC_1_SQRT_TAU
}

/// `Φ(x) = ½ erfc(−x/√2)`.
///
/// In the tail the error of `x/√2`, half a unit in the last place, would become x² units in that of the result. So it is
/// computed as `½ e^(−x²/2)·erfcx(|x|/√2)`: the last factor varies slowly.
pub(super) fn normal_cdf(x: f64) -> f64 {
    if x < 0.0 {
        0.5 * exp_minus_square(x, 0.5) * pxfm::f_erfcx(-x * FRAC_1_SQRT_2)
    } else {
        0.5 * pxfm::f_erfc(-x * FRAC_1_SQRT_2)
    }
}

/// `e^(−c·x²)` for a power of two c. The rounding error of x² would be multiplied by x²: it is taken back to first order.
fn exp_minus_square(x: f64, c: f64) -> f64 {
    let square = x * x;
    if square > 2000.0 {
        return 0.0;
    }
    let lost = x.mul_add(x, -square);
    let y = (-c * square).exp();
    y - y * (c * lost)
}

/// `ln |Γ(x)|`.
pub(super) fn ln_gamma(x: f64) -> f64 {
    if x <= 0.0 && x == x.floor() { f64::INFINITY } else { pxfm::f_lgamma(x) }
}

/// `ψ(x)`.
pub(super) fn digamma(x: f64) -> f64 {
    if x == 0.0 {
        -x.recip()
    } else if x < 0.0 && x == x.floor() {
        f64::NAN
    } else {
        pxfm::f_digamma(x)
    }
}

/// `ψ⁽ⁿ⁾(x) = (−1)ⁿ⁺¹ n! ζ(n + 1, x)` for `n ≥ 1`, with the zeta function of Hurwitz.
///
/// For negative `x`, at the distance r above one pole and `1 − r` below the next, the series of `ζ(s, x)` has the terms of
/// `ζ(s, r)`, and to the left of them `(−1)ˢ` times those of `ζ(s, 1 − r)` that are not in `ζ(s, 1 − x)`.
pub(super) fn polygamma(order: f64, x: f64) -> f64 {
    const MAX_ORDER: f64 = 170.0;
    if order == 0.0 {
        return digamma(x);
    }
    let is_order = order == order.floor() && (0.0..=MAX_ORDER).contains(&order);
    if !is_order || x.is_nan() || x == f64::NEG_INFINITY {
        return f64::NAN;
    }
    let n = order as i32;
    let s = n + 1;
    let odd_order = n % 2 == 1;
    let factorial: f64 = (1..=n).map(f64::from).product();
    let sign = if odd_order { 1.0 } else { -1.0 };
    if x == 0.0 {
        return if odd_order { f64::INFINITY } else { -x.recip() };
    }
    if x > 0.0 {
        return sign * factorial * hurwitz_zeta(s, x);
    }
    let (above, below) = (x - x.floor(), -x - (-x).floor());
    if above == 0.0 {
        return if odd_order { f64::INFINITY } else { f64::NAN };
    }
    let left = hurwitz_zeta(s, below) - hurwitz_zeta(s, 1.0 - x);
    sign * factorial * (hurwitz_zeta(s, above) + sign * left)
}

/// `ζ(s, x) = Σ_{k≥0} (x + k)⁻ˢ` for `x > 0` and an integer `s ≥ 2`: the first terms, and the formula of Euler and Maclaurin
/// for the others.
fn hurwitz_zeta(s: i32, x: f64) -> f64 {
    /// `B₂ⱼ/(2j)!` for j = 1, 2, …
    const COEFFICIENTS: [f64; 12] = [
        1.0 / 12.0,
        -1.0 / 720.0,
        1.0 / 30_240.0,
        -1.0 / 1_209_600.0,
        1.0 / 47_900_160.0,
        -691.0 / 1_307_674_368_000.0,
        1.0 / 74_724_249_600.0,
        -3617.0 / 10_670_622_842_880_000.0,
        8.586_062_056_277_845e-15,
        -2.174_868_698_558_061_7e-16,
        5.509_002_828_360_229_5e-18,
        -1.395_446_468_581_252_3e-19,
    ];
    let order = f64::from(s);
    let terms = (order + 10.0 - x).ceil().max(0.0) as i32;
    let a = x + f64::from(terms);
    let power = a.powi(-s);
    if power == 0.0 && terms == 0 {
        return a.powi(1 - s) / (order - 1.0);
    }
    let mut derivative = power * order / a;
    let mut rest = 0.0;
    for (j, coefficient) in COEFFICIENTS.iter().enumerate() {
        rest += coefficient * derivative;
        let next = order + 2.0 * j as f64 + 1.0;
        derivative *= next * (next + 1.0) / (a * a);
    }
    let integral = power * a / (order - 1.0);
    // The smallest terms first.
    (0..terms).rev().fold(rest + 0.5 * power + integral, |sum, k| sum + (x + f64::from(k)).powi(-s))
}

/// `Jₙ(x)`, in time proportional to n; NaN for `|n| > 2²⁰`, unless it underflows.
///
/// For `|x| ≤ n` it is at most `(z·e^√(1−z²)/(1 + √(1−z²)))ⁿ` with `z = |x|/n` (Kapteyn's inequality, DLMF 10.14.8).
pub(super) fn bessel_j(order: f64, x: f64) -> f64 {
    const MAX_ORDER: f64 = 1_048_576.0;
    if order != order.floor() || order.is_infinite() {
        return f64::NAN;
    }
    if order.abs() > MAX_ORDER {
        let z = x.abs() / order.abs();
        let root = (1.0 - z * z).sqrt();
        let ln_bound = order.abs() * (z.ln() + root - root.ln_1p());
        return if x.is_infinite() || ln_bound < -750.0 { 0.0 } else { f64::NAN };
    }
    let order = order as i32;
    // J₋ₙ = (−1)ⁿ Jₙ.
    let sign = if order < 0 && order % 2 != 0 { -1.0 } else { 1.0 };
    sign * match order.abs() {
        0 => pxfm::f_j0(x),
        1 => pxfm::f_j1(x),
        n => libm::jn(n, x),
    }
}

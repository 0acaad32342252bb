//! Values of special functions, in double precision.
//!
//! `erf`, `erfc`, `ln Γ`, `ψ`, `J₀` and `J₁` are those of pxfm, which rounds correctly in nearly all cases, also beside
//! their zeros. Single precision is computed in double and rounded.

use std::f64::consts::FRAC_1_SQRT_2;

use crate::number::real::Real;

/// `f(x)`, computed in double precision.
#[inline]
pub(crate) fn in_double<R: Real>(x: R, f: impl Fn(f64) -> f64) -> R {
    R::constant(f(x.as_f64()))
}

/// `e^(−x²)`.
pub(crate) fn gauss(x: f64) -> f64 {
    exp_minus_square(x, 1.0)
}

/// `e^(−x²/2)/√(2π)`.
pub(crate) fn normal_density(x: f64) -> f64 {
    const FRAC_1_SQRT_TAU: f64 = 0.398_942_280_401_432_7;
    exp_minus_square(x, 0.5) * FRAC_1_SQRT_TAU
}

/// `Φ(x) = ½ erfc(−x/√2)`.
///
/// In the tail the error of `x/√2`, half a unit in the last place, would become x² units in that of the result. So it is
/// computed as `½ e^(−x²/2)·erfcx(|x|/√2)`: the last factor varies slowly.
pub(crate) fn normal_cdf(x: f64) -> f64 {
    if x < 0.0 {
        0.5 * exp_minus_square(x, 0.5) * pxfm::f_erfcx(-x * FRAC_1_SQRT_2)
    } else {
        0.5 * pxfm::f_erfc(-x * FRAC_1_SQRT_2)
    }
}

/// `ln Φ(x)`.
///
/// In the lower tail `−x²/2 + ln(½ erfcx(−x/√2))`, in the upper one `ln(1 − Φ(−x))`.
pub(crate) fn normal_log_cdf(x: f64) -> f64 {
    if x < -1.0 {
        (0.5 * pxfm::f_erfcx(-x * FRAC_1_SQRT_2)).ln() - 0.5 * x * x
    } else if x < 0.0 {
        normal_cdf(x).ln()
    } else {
        (-0.5 * pxfm::f_erfc(x * FRAC_1_SQRT_2)).ln_1p()
    }
}

/// `λ(x) = φ(x)/Φ(x)`, the inverse Mills ratio.
pub(crate) fn mills_ratio(x: f64) -> f64 {
    match mills_tail(x) {
        Some([m, ..]) => m - x,
        None if x > 0.0 => normal_density(x) / normal_cdf(x),
        None => SQRT_2_OVER_PI / pxfm::f_erfcx(-x * FRAC_1_SQRT_2),
    }
}

/// `λ′(x) = −λ·m` with `m = x + λ`.
pub(crate) fn mills_slope(x: f64) -> f64 {
    let ratio = mills_ratio(x);
    // λ vanishes faster than x grows.
    if ratio == 0.0 {
        return -0.0;
    }
    -ratio * mills_tail(x).map_or(x + ratio, |[m, ..]| m)
}

/// `λ″(x) = λ·(m² + λm − 1)`, which in the tail is `2λm²·q₂·(3q₃ − 2q₂)`.
pub(crate) fn mills_curvature(x: f64) -> f64 {
    let ratio = mills_ratio(x);
    match mills_tail(x) {
        Some([m, q2, q3]) => 2.0 * ratio * m * m * q2 * (3.0 * q3 - 2.0 * q2),
        None if ratio == 0.0 => 0.0,
        None => {
            let m = x + ratio;
            ratio * (m * m + ratio * m - 1.0)
        }
    }
}

const SQRT_2_OVER_PI: f64 = 0.797_884_560_802_865_4;

/// The first tails `qₖ = 1/(t + (k + 1)·qₖ₊₁)` of Laplace's continued fraction for `λ(−t) = t + q₁`, for `t ≥ 1`.
///
/// All its terms are positive, so nothing cancels. Source: Abramowitz and Stegun, 26.2.14.
fn mills_tail(x: f64) -> Option<[f64; 3]> {
    let t = -x;
    if t.is_nan() || t < 1.0 {
        return None;
    }
    // Enough terms for double precision, measured from t = 1 to 10⁸.
    let terms = 20 + (600.0 / (t * t)) as u32;
    let mut q = t.recip();
    let mut tails = [0.0; 3];
    for k in (1..=terms).rev() {
        q = (t + f64::from(k + 1) * q).recip();
        if let Some(tail) = tails.get_mut(k as usize - 1) {
            *tail = q;
        }
    }
    Some(tails)
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
pub(crate) fn ln_gamma(x: f64) -> f64 {
    if x <= 0.0 && x == x.floor() { f64::INFINITY } else { pxfm::f_lgamma(x) }
}

/// `ψ(x)`.
pub(crate) fn digamma(x: f64) -> f64 {
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
pub(crate) fn polygamma(order: f64, x: f64) -> f64 {
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
pub(crate) fn bessel_j(order: f64, x: f64) -> f64 {
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

#[cfg(test)]
mod tests {
    use crate::number::dual::Dual;
    use crate::number::scalar::Scalar;

    /// `ln Φ` and its derivatives to third order, computed with mpmath to 80 digits.
    #[expect(
        clippy::excessive_precision,
        clippy::approx_constant,
        reason = "references as they were computed"
    )]
    const NORMAL_LOG_CDF: [(f64, [f64; 4]); 16] = [
        (
            -1e8,
            [-5000000000000019.34, 100000000.00000001, -0.9999999999999999, 1.9999999999999976e-24],
        ),
        (
            -1e4,
            [-50000010.1292789152, 10000.000099999998, -0.9999999900000006, 1.99999976000003e-12],
        ),
        (
            -300.0,
            [
                -45006.6227321186634,
                300.003333259263374,
                -0.99998888962956105,
                7.40641989023958089e-8,
            ],
        ),
        (
            -50.0,
            [
                -1254.8313611394199,
                50.0199840319056398,
                -0.9996009568131961,
                0.0000159235818911973858,
            ],
        ),
        (
            -20.0,
            [
                -203.917155371097264,
                20.0497530685278505,
                -0.997536738384947836,
                0.000242726578935842024,
            ],
        ),
        (
            -5.0,
            [
                -15.0649983939887257,
                5.18650396712584212,
                -0.967303565382887775,
                0.0108257645063566997,
            ],
        ),
        (
            -3.0,
            [
                -6.60772622151034954,
                3.28309865493043651,
                -0.929440813214731883,
                0.0314706728308424879,
            ],
        ),
        (
            -1.0001,
            [
                -1.84117416254141075,
                1.52521536697906695,
                -0.800914027153325023,
                0.116923278151574736,
            ],
        ),
        (
            -0.9999,
            [
                -1.84086913548613961,
                1.52505518651220743,
                -0.800890640914227557,
                0.116939113148313731,
            ],
        ),
        (
            -0.5,
            [-1.17591176159361861, 1.14107777036806448, -0.731519592844121054, 0.16260392517612297],
        ),
        (
            0.0,
            [
                -0.693147180559945309,
                0.797884560802865356,
                -0.636619772367581343,
                0.218013614144990161,
            ],
        ),
        (
            0.5,
            [
                -0.368946415288656393,
                0.509160433837033486,
                -0.513824564303632897,
                0.270990124468707833,
            ],
        ),
        (
            2.0,
            [
                -0.0230129093289634885,
                0.0552478626789899591,
                -0.11354805168857645,
                0.184394815032477592,
            ],
        ),
        (
            5.0,
            [
                -2.86651612963763593e-7,
                1.48671994090490571e-6,
                -7.43360191486071125e-6,
                0.0000356813117367670497,
            ],
        ),
        (
            8.0,
            [
                -6.22096057427178606e-16,
                5.05227108353689543e-15,
                -4.0418168668295189e-14,
                3.18293078262825025e-13,
            ],
        ),
        (
            20.0,
            [
                -2.7536241186062337e-89,
                5.52094836215976319e-88,
                -1.10418967243195264e-86,
                2.20285839650174551e-85,
            ],
        ),
    ];

    #[test]
    fn the_logarithm_of_the_normal_distribution_is_accurate_to_third_order() {
        type Third = Dual<Dual<Dual<f64, 1>, 1>, 1>;
        for (x, expected) in NORMAL_LOG_CDF {
            let x: Third = Dual::variable(Dual::variable(Dual::variable(x, 0), 0), 0);
            let y = x.normal_log_cdf();
            let [first, second] = [y.re.re.eps[0], y.re.eps[0].eps[0]];
            let got = [y.re.re.re, first, second, y.eps[0].eps[0].eps[0]];
            for (order, (got, expected)) in got.into_iter().zip(expected).enumerate() {
                let error = ((got - expected) / expected).abs();
                assert!(error < 2e-14, "order {order} at {}: {got} for {expected}", x.primal());
            }
        }
    }
}

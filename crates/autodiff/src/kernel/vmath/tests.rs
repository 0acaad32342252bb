//! Errors in units in the last place, against double-double arithmetic (twice the precision of `f64`), and agreement with the
//! standard library where the result is exact.

use std::f64::consts::LN_2;
use std::ops::{Add, Div, Mul, Sub};

use super::format::Format;
use crate::number::{Fused, Loop, MulAdd, Separate, Unary};

/// The functions that are ours.
const OWN: [Unary; 10] = [
    Unary::Exp,
    Unary::ExpM1,
    Unary::Ln,
    Unary::Ln1p,
    Unary::Tanh,
    Unary::Sech2,
    Unary::Sigmoid,
    Unary::LogSigmoid,
    Unary::Softplus,
    Unary::XLogX,
];

/// The unevaluated sum of two `f64`, of which the second is at most half a unit in the last place of the first.
#[derive(Clone, Copy, Debug)]
struct Wide(f64, f64);

const ONE: Wide = Wide(1.0, 0.0);

impl Add for Wide {
    type Output = Wide;
    fn add(self, b: Wide) -> Wide {
        let (sum, error) = two_sum(self.0, b.0);
        let (low, low_error) = two_sum(self.1, b.1);
        let (sum, error) = quick_two_sum(sum, error + low);
        let (sum, error) = quick_two_sum(sum, error + low_error);
        Wide(sum, error)
    }
}

impl Sub for Wide {
    type Output = Wide;
    fn sub(self, b: Wide) -> Wide {
        self + Wide(-b.0, -b.1)
    }
}

impl Mul for Wide {
    type Output = Wide;
    fn mul(self, b: Wide) -> Wide {
        let product = self.0 * b.0;
        let error = self.0.mul_add(b.0, -product) + (self.0 * b.1 + self.1 * b.0);
        let (high, low) = quick_two_sum(product, error);
        Wide(high, low)
    }
}

impl Div for Wide {
    type Output = Wide;
    fn div(self, b: Wide) -> Wide {
        let first = Wide(self.0 / b.0, 0.0);
        let rest = self - first * b;
        let second = Wide(rest.0 / b.0, 0.0);
        let rest = rest - second * b;
        first + second + Wide(rest.0 / b.0, 0.0)
    }
}

fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_part = sum - a;
    (sum, (a - (sum - b_part)) + (b - b_part))
}

fn quick_two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    (sum, b - (sum - a))
}

impl Wide {
    /// `eˣ − 1`: the Taylor series of the remainder after `k ln 2`, in nested form.
    fn exp_m1(self) -> Wide {
        // ln 2 − LN_2, from its expansion to 40 digits.
        let ln_2 = Wide(LN_2, 2.319_046_813_846_3e-17);
        let k = (self.0 / LN_2).round();
        let r = self - Wide(k, 0.0) * ln_2;
        let series = (2..30).rev().fold(ONE, |sum, n| ONE + r / Wide(f64::from(n), 0.0) * sum);
        let p = r * series;
        let power = Wide(k.exp2(), 0.0);
        if k == 0.0 { p } else { power * p + (power - ONE) }
    }

    /// `eˣ`; near the smallest numbers, where the second part would be lost, that of the standard library.
    fn exp(self) -> Wide {
        if self.0.abs() < 600.0 { self.exp_m1() + ONE } else { Wide(self.0.exp(), 0.0) }
    }

    /// `ln(1 + x)`: one step of Newton's method from the standard library's.
    fn ln_1p(self) -> Wide {
        let y = Wide(self.0.ln_1p(), 0.0);
        let e = y.exp_m1();
        y + (self - e) / (e + ONE)
    }

    /// `ln x`: near 1 through `ln_1p`, else one step of Newton's method from the standard library's.
    fn ln(self) -> Wide {
        if (0.5..2.0).contains(&self.0) {
            return (self - ONE).ln_1p();
        }
        let y = Wide(self.0.ln(), 0.0);
        if y.0.abs() > 600.0 { y } else { y + (self * Wide(-y.0, 0.0).exp() - ONE) }
    }

    fn abs(self) -> Wide {
        if self.0 < 0.0 { Wide(0.0, 0.0) - self } else { self }
    }

    fn softplus(self) -> Wide {
        let e = (Wide(0.0, 0.0) - self.abs()).exp();
        e.ln_1p() + if self.0 > 0.0 { self } else { Wide(0.0, 0.0) }
    }
}

fn reference(f: Unary, x: f64) -> Wide {
    let x = Wide(x, 0.0);
    let zero = Wide(0.0, 0.0);
    match f {
        Unary::Exp => x.exp(),
        Unary::ExpM1 if x.0.abs() < 600.0 => x.exp_m1(),
        Unary::ExpM1 => Wide(x.0.exp_m1(), 0.0),
        Unary::Ln => x.ln(),
        Unary::Ln1p => x.ln_1p(),
        Unary::Tanh if x.0.abs() > 50.0 => Wide(x.0.signum(), 0.0),
        Unary::Tanh => {
            let e = (x + x).exp_m1();
            e / (e + Wide(2.0, 0.0))
        }
        Unary::Sech2 => {
            let q = (zero - (x + x).abs()).exp();
            let d = q + ONE;
            Wide(4.0, 0.0) * q / (d * d)
        }
        Unary::Sigmoid if x.0 < 0.0 => {
            let e = x.exp();
            e / (e + ONE)
        }
        Unary::Sigmoid => ONE / ((zero - x).exp() + ONE),
        Unary::Softplus => x.softplus(),
        Unary::LogSigmoid => zero - (zero - x).softplus(),
        Unary::XLogX => x * x.ln(),
        _ => unreachable!("{f:?} is the standard library's"),
    }
}

/// Arguments of every magnitude, dense where the functions change their course.
fn points<R: Format>(f: Unary) -> Vec<R> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut x = Vec::new();
    for _ in 0..4000 {
        let sign = if uniform() < 0.5 { -1.0 } else { 1.0 };
        x.extend([
            sign * 10_f64.powf(-20.0 + 23.0 * uniform()),
            sign * 0.4 * uniform(),
            sign * 2.0 * uniform(),
            sign * 40.0 * uniform(),
            sign * 750.0 * uniform(),
            1.0 + 0.6 * (uniform() - 0.5),
            -1.0 + 10_f64.powf(-16.0 * uniform()),
            10_f64.powf(-323.0 + 631.0 * uniform()),
            sign * 10_f64.powf(-323.0 + 60.0 * uniform()),
        ]);
    }
    let in_domain = |&x: &f64| match f {
        Unary::Ln => x > 0.0,
        // The product is subnormal where the reference has no second part.
        Unary::XLogX => x > 1e-290 && x < 1e290,
        Unary::Ln1p => x > -1.0 && x < 1e250,
        // Beyond, 4q is not subnormal where q is.
        Unary::Sech2 => x.abs() < 350.0,
        Unary::Tanh => true,
        _ => x.abs() < 745.0,
    };
    // Rounding to R may lead out of the domain.
    let rounded = x.into_iter().map(R::of);
    rounded.filter(|x| x.is_finite() && in_domain(&x.as_f64())).collect()
}

/// The distance of neighbouring numbers of format `R` in the binade of `y`.
fn ulp<R: Format>(y: f64) -> f64 {
    let binade = f64::from_bits(y.to_bits() & f64::INFINITY.to_bits());
    let smallest = R::min_positive_value() * R::epsilon();
    (binade * R::epsilon().as_f64()).max(smallest.as_f64())
}

struct Run<'a, R> {
    f: Unary,
    x: &'a [R],
    y: &'a mut [R],
}

impl<R: Format> Loop for Run<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run<M: MulAdd>(self) {
        R::map_slice::<M>(self.f, self.x, self.y);
    }
}

/// The three compilations: as dispatched on this processor, and both ways to multiply and add.
fn all_ways<R: Format>(f: Unary, x: &[R]) -> [(&'static str, Vec<R>); 3] {
    let mut y = [vec![R::zero(); x.len()], vec![R::zero(); x.len()], vec![R::zero(); x.len()]];
    let [dispatched, fused, separate] = &mut y;
    R::run(Run { f, x, y: dispatched });
    Run { f, x, y: fused }.run::<Fused>();
    Run { f, x, y: separate }.run::<Separate>();
    let [dispatched, fused, separate] = y;
    [("dispatched", dispatched), ("fused", fused), ("separate", separate)]
}

fn check_errors<R: Format>(limits: impl Fn(Unary) -> f64) {
    for f in OWN {
        let x = points::<R>(f);
        let exact: Vec<Wide> = x.iter().map(|x| reference(f, x.as_f64())).collect();
        for (way, y) in all_ways(f, &x) {
            let (mut worst, mut at) = (0.0, R::zero());
            for ((&x, &y), exact) in x.iter().zip(&y).zip(&exact) {
                let error = if exact.0.abs() > R::max_value().as_f64() && y.is_infinite() {
                    0.0
                } else {
                    ((y.as_f64() - exact.0) - exact.1).abs() / ulp::<R>(exact.0)
                };
                if error > worst || error.is_nan() {
                    (worst, at) = (error, x);
                }
            }
            let limit = limits(f);
            assert!(worst <= limit, "{f:?} ({way}): {worst:.3} > {limit} ulp at {at:e}");
        }
    }
}

/// Measured maxima against 160-bit arithmetic are at most 2.3 (`tanh`).
fn limit(f: Unary) -> f64 {
    match f {
        Unary::Exp | Unary::Ln | Unary::Ln1p => 1.0,
        Unary::Softplus | Unary::LogSigmoid | Unary::XLogX => 1.75,
        Unary::ExpM1 => 2.0,
        _ => 2.5,
    }
}

#[test]
fn f64_errors_are_small() {
    // In the far tails the reference itself has half an ulp of error.
    check_errors::<f64>(|f| limit(f) + 0.5);
}

#[test]
fn f32_errors_are_small() {
    check_errors::<f32>(limit);
}

fn check_limits<R: Format>() {
    let tiny = R::min_positive_value() * R::epsilon();
    let mut x =
        vec![R::zero(), R::one(), R::infinity(), R::max_value(), R::min_positive_value(), tiny];
    x.extend([1e-30, 25.0, 88.0, 89.0, 104.5, 120.0, 710.0, 746.0, 800.0, 1e30].map(R::of));
    x.extend(x.clone().into_iter().map(|x| -x));
    x.push(R::nan());
    for f in OWN {
        for (way, y) in all_ways(f, &x) {
            for (&x, &y) in x.iter().zip(&y) {
                let std = f.value(x);
                if std.is_nan() || !std.is_normal() {
                    // Zero, with its sign; infinity; subnormal; NaN.
                    let equal = std == y && std.is_sign_negative() == y.is_sign_negative();
                    assert!(
                        equal || std.is_nan() && y.is_nan(),
                        "{f:?} ({way}) at {x:e}: {y:e}, not {std:e}"
                    );
                } else {
                    let error = ((y - std) / std).abs();
                    assert!(
                        error <= R::of(4.0) * R::epsilon(),
                        "{f:?} ({way}) at {x:e}: {y:e}, not {std:e}"
                    );
                }
            }
        }
    }
}

#[test]
fn limits_agree_with_the_standard_library() {
    check_limits::<f32>();
    check_limits::<f64>();
}

#[test]
fn the_value_does_not_depend_on_the_position() {
    let x: Vec<f64> = (0..67).map(|i| 0.1 * f64::from(i) + 0.01).collect();
    for f in OWN {
        let whole = all_ways(f, &x);
        for (i, x) in x.iter().enumerate() {
            for ((_, whole), (way, one)) in whole.iter().zip(all_ways(f, &[*x])) {
                assert_eq!(whole[i].to_bits(), one[0].to_bits(), "{f:?} ({way}) at {x}");
            }
        }
    }
}

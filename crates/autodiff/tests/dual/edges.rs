//! Kinks, poles and ends of domains: what the derivative is there, to third order.

use dualtape_autodiff::{Dual, Elementary, Scalar, numbers::Binary};

use super::{assert_close, assert_same};

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

type Third = Dual<Dual<Dual<f64, 1>, 1>, 1>;

/// Checks value and derivatives of `f` at `x`, to the order given.
#[track_caller]
fn check<const ORDER: usize>(f: impl Fn(Third) -> Third, x: f64, expected: [f64; ORDER]) {
    let y = f(Dual::variable(Dual::variable(Dual::variable(x, 0), 0), 0));
    let got = [y.re.re.re, y.re.re.eps[0], y.re.eps[0].eps[0], y.eps[0].eps[0].eps[0]];
    for (order, (got, expected)) in got.into_iter().zip(expected).enumerate() {
        // Both zeros are zero.
        assert_same(got + 0.0, expected + 0.0, ("derivative", order));
    }
}

#[test]
fn of_roots_at_zero() {
    check(|x| x.sqrt(), 0.0, [0.0, INF, -INF]);
    check(|x| x.cbrt(), 0.0, [0.0, INF]);
    check(|x| x.cbrt(), -0.0, [0.0, INF]);
    check(|x| x.sqrt(), -1.0, [NAN, NAN]);
    // In a direction in which x does not move, √x has derivative 0.
    let x = Dual { re: 0.0, eps: [0.0, 1.0, -2.0] };
    assert_eq!(x.sqrt().eps, [0.0, INF, -INF]);
}

#[test]
fn of_real_powers_of_zero() {
    let power = |p: f64| move |x: Third| x.powf(p);
    check(power(2.5), 0.0, [0.0, 0.0, 0.0, INF]);
    check(power(2.0), 0.0, [0.0, 0.0, 2.0, 0.0]);
    check(power(3.0), 0.0, [0.0, 0.0, 0.0, 6.0]);
    check(power(1.0), 0.0, [0.0, 1.0, 0.0, 0.0]);
    check(power(0.5), 0.0, [0.0, INF]);
    check(power(0.0), 0.0, [1.0, 0.0, 0.0, 0.0]);
    check(power(-0.5), 0.0, [INF, -INF]);
    check(power(2.0), -2.0, [4.0, -4.0, 2.0, 0.0]);
    check(power(0.5), -2.0, [NAN, NAN]);
}

#[test]
fn of_integer_powers_of_zero() {
    let power = |n: i32| move |x: Third| x.powi(n);
    check(power(0), 0.0, [1.0, 0.0, 0.0, 0.0]);
    check(power(1), 0.0, [0.0, 1.0, 0.0, 0.0]);
    check(power(2), 0.0, [0.0, 0.0, 2.0, 0.0]);
    check(power(3), 0.0, [0.0, 0.0, 0.0, 6.0]);
    check(power(-1), 0.0, [INF, -INF, INF]);
    check(power(3), -2.0, [-8.0, 12.0, -12.0, 6.0]);
    check(power(i32::MIN), 1.0, [1.0, f64::from(i32::MIN)]);
}

/// With a varying exponent `0ᵇ` is constant for `b > 0`, and leaps from 1 at `b = 0`.
#[test]
fn of_powers_of_zero_in_the_exponent() {
    let power = |b: Third| Third::constant(Scalar::constant(0.0)).powf(b);
    check(power, 2.5, [0.0, 0.0, 0.0, 0.0]);
    check(power, 0.0, [1.0, -INF]);
    let y = Dual::<f64, 2>::variable(0.0, 0).powf(Dual::variable(2.0, 1));
    assert_eq!((y.re, y.eps), (0.0, [0.0, 0.0]));
}

#[test]
fn of_kinks() {
    // The slope leaps: there is no second derivative, and that of |x|² would not be 0.
    check(|x| x.abs(), 0.0, [0.0, 0.0, f64::NAN]);
    check(|x| x.abs(), -0.0, [0.0, 0.0, f64::NAN]);
    check(|x| x.relu(), 0.0, [0.0, 0.0, 0.0]);
    check(|x| x.max(-x), 0.0, [0.0, 0.0, 0.0]);
    check(|x| x.max(x * x), 1.0, [1.0, 1.5, 1.0]);
    check(|x| x.min(x * x), 1.0, [1.0, 1.5, 1.0]);
    check(|x| x.floor() + x.fract(), 2.0, [2.0, 1.0, 0.0]);
    check(|x| x.signum(), 0.0, [1.0, 0.0, 0.0]);
}

/// `max` and `min` return the operand that is a number, and its tangent.
#[test]
fn of_extrema_with_nan() {
    let (x, nan) = (Dual { re: 1.0, eps: [3.0] }, Dual { re: NAN, eps: [7.0] });
    for y in [x.max(nan), nan.max(x), x.min(nan), nan.min(x)] {
        assert_eq!((y.re, y.eps), (1.0, [3.0]));
    }
}

#[test]
fn of_the_angle_and_the_distance() {
    let at = |f: Binary, a: f64, b: f64| {
        let y = Dual::<f64, 2>::variable(a, 0).zip(f, Dual::variable(b, 1));
        [y.re, y.eps[0], y.eps[1]].map(|part| part + 0.0)
    };
    let pi = std::f64::consts::PI;
    assert_eq!(at(Binary::Atan2, 0.0, 2.0), [0.0, 0.5, 0.0]);
    assert_eq!(at(Binary::Atan2, 2.0, 0.0), [pi / 2.0, 0.0, -0.5]);
    assert_eq!(at(Binary::Atan2, 0.0, -2.0), [pi, -0.5, 0.0]);
    assert_eq!(at(Binary::Atan2, -0.0, -2.0), [-pi, -0.5, 0.0]);
    let [_, in_a, in_b] = at(Binary::Atan2, 3e200, 4e200);
    assert_close(in_a * 1e201, 1.6, 4.0 * f64::EPSILON, "far away");
    assert_close(in_b * 1e201, -1.2, 4.0 * f64::EPSILON, "far away");
    assert!(at(Binary::Atan2, 0.0, 0.0)[1..].iter().all(|slope| slope.is_nan()));

    assert_eq!(at(Binary::Hypot, 0.0, 0.0), [0.0, 0.0, 0.0]);
    assert_eq!(at(Binary::Hypot, 0.0, -2.0), [2.0, 0.0, -1.0]);
    let [_, in_a, in_b] = at(Binary::Hypot, 3e200, 4e200);
    assert_close(in_a, 0.6, f64::EPSILON, "far away");
    assert_close(in_b, 0.8, f64::EPSILON, "far away");
    check(|x| x.hypot(2.0), 0.0, [2.0, 0.0, 0.5, 0.0]);
}

#[test]
fn of_logarithms_and_quotients_at_zero() {
    check(|x| x.ln(), 0.0, [-INF, INF, -INF]);
    check(|x| x.recip(), 0.0, [INF, -INF, INF]);
    check(|x| x.recip(), -0.0, [-INF, -INF, -INF]);
    check(|x| x.xlogx(), 0.0, [0.0, -INF, INF]);
    let y = Dual { re: 1.0, eps: [0.0, 1.0, 0.0] } / Dual { re: 0.0, eps: [0.0, 0.0, 1.0] };
    assert_eq!((y.re, y.eps), (INF, [0.0, INF, -INF]));
}

/// Where the naive formulas overflow or cancel.
#[test]
fn of_saturated_functions() {
    check(|x| x.tanh(), 800.0, [1.0, 0.0, 0.0, 0.0]);
    check(|x| x.sigmoid(), -800.0, [0.0, 0.0, 0.0, 0.0]);
    check(|x| x.softplus(), 800.0, [800.0, 1.0, 0.0, 0.0]);
    check(|x| x.log_sigmoid(), -800.0, [-800.0, 1.0, 0.0, 0.0]);
    check(|x| x.asin(), 1.0, [std::f64::consts::FRAC_PI_2, INF]);
    check(|x| x.asin(), 1e-300, [1e-300, 1.0, 1e-300, 1.0]);
    check(|x| x.atanh(), 1e-300, [1e-300, 1.0, 2e-300, 2.0]);
    check(|x| x.atan(), 1e200, [std::f64::consts::FRAC_PI_2, 0.0, 0.0, 0.0]);
}

/// 1.0 / 0.1 rounds to 10, while 0.1 (a little more than a tenth) goes only 9 times into 1.
#[test]
fn of_a_remainder_whose_quotient_rounds_up() {
    let y = Dual::<f64, 2>::variable(1.0, 0) % Dual::variable(0.1, 1);
    assert_eq!(y.eps, [1.0, -9.0]);
}

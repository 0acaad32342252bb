//! Tangents are derivatives: against differences, against each other, and by the laws they obey.

use dualtape_autodiff::{
    Dual, Elementary, Scalar, c,
    numbers::{Binary, Unary},
};
use num_traits::Float;
use proptest::prelude::*;

use super::{assert_close, assert_same, derivative, edge, fixed};

type Second = Dual<Dual<f64, 1>, 1>;

/// Where the function is smooth and well conditioned: no kink, jump or pole nearby.
fn domain(f: Unary) -> std::ops::Range<f64> {
    use Unary::*;
    match f {
        Neg | Exp | Exp2 | ExpM1 | Sin | Cos | Atan | Sinh | Cosh | Tanh | Sech2 | Asinh
        | OneMinusSquare | Sigmoid | LogSigmoid | Softplus | Erf | Erfc | Gauss | NormalCdf
        | NormalDensity | NormalLogCdf | MillsRatio | MillsSlope | MillsCurvature => -3.0..3.0,
        Recip | Ln | Ln1p | Log2 | Log10 | Sqrt | Cbrt | XLogX | LnGamma | Digamma => 0.3..5.0,
        Asin | Acos | Atanh => -0.8..0.8,
        Tan => -1.1..1.1,
        Acosh => 1.3..4.0,
        _ => 0.1..0.45,
    }
}

/// As [`domain`], for two arguments.
fn domains(f: Binary) -> (std::ops::Range<f64>, std::ops::Range<f64>) {
    use Binary::*;
    match f {
        Add | Sub | Mul | Chain | MulNoNan | Pow | PowLog | PowLog2 | Atan2 | Hypot | Direction => {
            (0.4..3.0, -2.0..2.0)
        }
        Div | XDivY | XLogY => (-2.0..2.0, 0.4..3.0),
        LogAddExp | CopySign => (0.4..3.0, 0.4..3.0),
        Polygamma | BesselJ => (0.0..4.0, 0.4..3.0),
        Max | Min | Exceeds | AtLeast | AtMost | Below | LessOrEqual | Equal | Rem => {
            (1.41..1.46, 0.55..0.69)
        }
    }
}

/// Central difference of order 4, and how far it may be from the derivative.
///
/// With steps `h ≈ ε^(1/5)` truncation `h⁴·f⁽⁵⁾/30` and rounding `ε·f/h` are both about `ε^(4/5)`; the factor allows for the
/// size of `f⁽⁵⁾`.
fn difference(f: impl Fn(f64) -> f64, x: f64) -> (f64, f64) {
    let h = 2.0.powi(-10);
    let slope = (8.0 * (f(x + h) - f(x - h)) - (f(x + 2.0 * h) - f(x - 2.0 * h))) / (12.0 * h);
    (slope, 1e4 * f64::EPSILON.powf(0.8) * (1.0 + f(x).abs() + slope.abs()))
}

/// Checks the first and the second derivative of `f` at `x`.
fn check(f: impl Fn(Second) -> Second, x: f64, what: impl std::fmt::Debug) {
    let at = |x: f64| f(Dual::variable(Dual::variable(x, 0), 0));
    let y = at(x);
    let (slope, tolerance) = difference(|x| at(x).primal(), x);
    assert_close(y.eps[0].re, slope, tolerance, ("first derivative", &what));
    assert_same(y.re.eps[0], y.eps[0].re, ("the levels' first derivatives", &what));
    let (curvature, tolerance) = difference(|x| at(x).eps[0].re, x);
    assert_close(y.eps[0].eps[0], curvature, tolerance, ("second derivative", &what));
}

proptest! {
    #![proptest_config(fixed(100))]

    #[test]
    fn of_instructions_are_the_limits_of_differences(t in 0.0..1.0, u in 0.0..1.0) {
        let at = |domain: std::ops::Range<f64>, t| domain.start + t * (domain.end - domain.start);
        // Its derivative is not the limit of differences, by intent.
        for &f in Unary::ALL.iter().filter(|&&f| f != Unary::StopGradient) {
            let x = at(domain(f), t);
            check(|x| x.map(f), x, (f, x));
        }
        for &f in Binary::ALL {
            let (a, b) = (at(domains(f).0, t), at(domains(f).1, u));
            if matches!(f, Binary::Polygamma | Binary::BesselJ) {
                let order = <Second as Scalar>::constant(a.floor());
                check(|x| order.zip(f, x), b, (f, "of order", a.floor(), b));
                continue;
            }
            check(|x| x.zip(f, Scalar::constant(b)), a, (f, "in a", a, b));
            check(|x| <Second as Scalar>::constant(a).zip(f, x), b, (f, "in b", a, b));
            check(|x| (x * a).zip(f, x * b), 1.0, (f, "along (a, b)", a, b));
        }
    }

    #[test]
    fn of_powers_are_the_limits_of_differences(x in 0.5..2.0, p in -3.0..3.0, n in -5..6) {
        check(|x| x.powi(n), x, (x, n));
        check(|x| (-x).powi(n), x, (-x, n));
        check(|x| x.powf(p), x, (x, p));
        check(|x| x.powf(x * p), x, (x, p));
    }

    /// The operators state the product and the quotient rule themselves; so do the instructions `Mul`, `Div`, …
    #[test]
    fn of_operators_are_those_of_the_instructions(a in 0.4..3.0, b in 0.4..3.0, d in -2.0..2.0) {
        let x: Second = Dual { re: Dual { re: a, eps: [1.5] }, eps: [Dual { re: -0.5, eps: [0.25] }] };
        let y: Second = Dual { re: Dual { re: b, eps: [d] }, eps: [Dual { re: 2.0, eps: [-d] }] };
        let pairs = [
            (x + y, Binary::Add),
            (x - y, Binary::Sub),
            (x * y, Binary::Mul),
            (x / y, Binary::Div),
            (x % y, Binary::Rem),
        ];
        for (got, f) in pairs {
            let expected = x.zip(f, y);
            for (got, expected) in flat(got).into_iter().zip(flat(expected)) {
                assert_close(got, expected, 1e3 * f64::EPSILON, (f, a, b, d));
            }
        }
        let fused = flat(x.mul_add(y, x));
        for (fused, plain) in fused.into_iter().zip(flat(x * y + x)) {
            assert_close(fused, plain, 1e3 * f64::EPSILON, (a, b, d));
        }
        assert_eq!(flat(-x), flat(x).map(|part| -part));
    }

    /// Composed functions of the interface, against the same in other words.
    #[test]
    fn of_composed_methods_agree_with_their_meaning(x in 0.3..3.0, y in 1.2..3.0) {
        let at = |x: f64| Second::variable(Dual::variable(x, 0), 0);
        let same = |got: Second, expected: Second, what: &str| {
            for (got, expected) in flat(got).into_iter().zip(flat(expected)) {
                assert_close(got, expected, 1e3 * f64::EPSILON, (what, x, y));
            }
        };
        let (v, w) = (at(x), at(y));
        same(v.log(w), v.ln() / w.ln(), "log");
        same(v.to_degrees(), v * c(180.0 / std::f64::consts::PI), "to_degrees");
        same(v.to_radians(), v * c(std::f64::consts::PI / 180.0), "to_radians");
        same(v.sin_cos().0, v.sin(), "sin_cos");
        same(v.sin_cos().1, v.cos(), "sin_cos");
        same((w + v).abs_sub(w), v, "abs_sub");
        same(w.abs_sub(w + v), Scalar::constant(0.0), "abs_sub");
        same(v.copysign(-w), -v, "copysign");
        same((-v).copysign(w), v, "copysign");
        same((w + v).clamp(w - v, w), w, "clamp");
        same((w - v).clamp(w, w + v), w, "clamp");
        same(w.clamp(w - v, w + v), w, "clamp");
        same(v.sqrt() * v.sqrt(), v, "sqrt");
        same(v.sigmoid(), c(1.0) / (c(1.0) + (-v).exp()), "sigmoid");
        same(v.log_sigmoid(), v.sigmoid().ln(), "log_sigmoid");
        same(v.softplus(), v.exp().ln_1p(), "softplus");
        same(v.relu() + (-v).relu(), v, "relu");
        same(v.xlogx(), v * v.ln(), "xlogx");
        same(v.powf(w), (w * v.ln()).exp(), "powf");
    }

    /// An inner derivative must not see the outer tangent, nor the outer the inner (Siskind and Pearlmutter, 2005).
    #[test]
    fn of_nested_derivatives_are_not_confused(x in -3.0..3.0) {
        let outer = |x| x * derivative(|y| Dual::constant(x) + y, Scalar::constant(1.0));
        assert_eq!(derivative(outer, x), 1.0);
        // x · d/dy(x·y³) at y = 2x is 12x⁴, where d/dx sees both uses of x.
        let outer = |x: Dual<f64, 1>| x * derivative(|y| y.powi(3) * Dual::constant(x), c(2.0) * x);
        assert_close(derivative(outer, x), 48.0 * x.powi(3), 1e-12, x);
    }

    #[test]
    fn of_mixed_order_do_not_depend_on_it(x in 0.3..3.0, y in 0.3..3.0) {
        fn f<S: Scalar>(x: S, y: S) -> S {
            (x * y).sin() / (x + y * y).sqrt() + x.powf(y) * x.atan2(y).exp()
        }
        let moving = |x| Dual::<f64, 1>::variable(x, 0);
        let xy = derivative(|x| f(x, Dual::constant(moving(y))), Dual::constant(x)).eps[0];
        let yx = derivative(|y| f(Dual::constant(moving(x)), y), Dual::constant(y)).eps[0];
        assert_close(xy, yx, 1e4 * f64::EPSILON * (1.0 + xy.abs()), (x, y));
    }

    #[test]
    fn of_lanes_are_those_of_single_passes(
        x in prop::array::uniform3(edge()), seeds in prop::array::uniform3(prop::array::uniform4(lane_seed())),
    ) {
        let together = program([0, 1, 2].map(|i| Dual { re: x[i], eps: seeds[i] }));
        for lane in 0..4 {
            let single = program([0, 1, 2].map(|i| Dual { re: x[i], eps: [seeds[i][lane]] }));
            for (f, (together, single)) in together.iter().zip(&single).enumerate() {
                assert_same(together.eps[lane], single.eps[0], (f, lane, x, seeds));
            }
        }
    }

    #[test]
    fn are_linear_in_the_tangents_of_the_inputs(
        x in prop::array::uniform3(0.3..0.9), u in prop::array::uniform3(-2.0..2.0),
        v in prop::array::uniform3(-2.0..2.0), s in -3.0..3.0,
    ) {
        let y = program([0, 1, 2].map(|i| Dual { re: x[i], eps: [u[i], v[i], u[i] + s * v[i]] }));
        for (f, y) in y.into_iter().enumerate().filter(|(_, y)| !y.is_nan()) {
            let scale = y.eps[0].abs() + y.eps[1].abs() + 1.0;
            assert_close(y.eps[2], y.eps[0] + s * y.eps[1], 1e3 * f64::EPSILON * scale, (f, x, u, v, s));
        }
    }

    /// A constant has no derivative, not even where the function has an infinite one or none.
    #[test]
    fn of_constants_vanish(a in edge(), b in edge(), n in any::<i32>()) {
        let [x, y] = [a, b].map(Dual::<f64, 2>::constant);
        let mut results = vec![x + y, x - y, x * y, x / y, x % y, -x, x.mul_add(y, x), x.powi(n), x.powf(y)];
        results.extend(Unary::ALL.iter().map(|&f| x.map(f)));
        results.extend(Binary::ALL.iter().map(|&f| x.zip(f, y)));
        for (i, y) in results.into_iter().enumerate() {
            assert_eq!(y.eps, [0.0; 2], "result {} at {:?}", i, (a, b, n));
        }
    }
}

/// All parts of a number of second order.
fn flat(x: Second) -> [f64; 4] {
    [x.re.re, x.re.eps[0], x.eps[0].re, x.eps[0].eps[0]]
}

/// Tangents with the zeros that are treated specially.
fn lane_seed() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(1.0), -2.0..2.0]
}

/// A little of everything that combines tangents.
fn program<const N: usize>([x, y, z]: [Dual<f64, N>; 3]) -> Vec<Dual<f64, N>> {
    let mut results = vec![
        x * y / z,
        (x - y) % z,
        x.mul_add(y, z),
        x.powi(3) - y.powi(-2),
        (x * y).exp() + z.ln() * c(3.0),
        [x, y, z].iter().sum(),
        [x, y, z].iter().product(),
    ];
    results.extend(Unary::ALL.iter().map(|&f| (x * y).map(f) + z));
    results.extend(Binary::ALL.iter().map(|&f| x.zip(f, y) * z));
    results
}

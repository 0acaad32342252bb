//! Values and first three derivatives of scalar functions against references computed with mpmath in high precision.
//!
//! Every derivative comes from nested duals, so one pass checks a rule, the derivative of the rule, and the derivative of
//! that.

use dualtape_autodiff::{Dual, Scalar, c};
use serde_json::Value;

type Third = Dual<Dual<Dual<f64, 1>, 1>, 1>;

/// Relative distance allowed between a result and its reference.
const TOLERANCE: f64 = 1e-13;

/// Functions of the data that the crate does not have.
const MISSING: &[&str] = &["gelu_erf", "erf", "lgamma", "logsumexp_5"];

/// What fails at `TOLERANCE`: function, point, derivative. An entry that no longer fails must go.
const KNOWN_FAILURES: &[(&str, &str, &str)] = &[
    // cos³x − cos x cancels to −sin²x·cos x: a sum of the composition, not of a rule.
    ("comp_exp_sin", "1e-8", "d3"),
    // x² overflows before the logarithm sees it.
    ("comp_ln_1p_sq", "1e+200", "f"),
    ("comp_ln_1p_sq", "1e+200", "d1"),
];

fn univariate<S: Scalar>(name: &str, x: S) -> Option<S> {
    Some(match name {
        "exp" => x.exp(),
        "exp_m1" => x.exp_m1(),
        "ln" => x.ln(),
        "ln_1p" => x.ln_1p(),
        "sin" => x.sin(),
        "cos" => x.cos(),
        "atan" => x.atan(),
        "tanh" => x.tanh(),
        "sqrt" => x.sqrt(),
        "recip" => x.recip(),
        "square" => x * x,
        "powi_3" => x.powi(3),
        "powi_neg2" => x.powi(-2),
        "powf_neg1.5" => x.powf(S::constant(-1.5)),
        "powf_2.0" => x.powf(S::constant(2.0)),
        "abs" => x.abs(),
        "sigmoid" => x.sigmoid(),
        "softplus" => x.softplus(),
        "x_log_x" => x.xlogx(),
        "comp_exp_sin" => x.sin().exp(),
        "comp_ln_1p_sq" => (x * x).ln_1p(),
        "comp_tanh_tanh" => (c(2.0) * x.tanh()).tanh(),
        _ => return None,
    })
}

fn bivariate<S: Scalar>(name: &str, [a, b]: [S; 2]) -> Option<S> {
    Some(match name {
        "hypot" => a.hypot(b),
        "pow" => a.powf(b),
        "mul" => a * b,
        "div" => a / b,
        _ => return None,
    })
}

/// `x` moving along `d[0]`, `d[1]` and `d[2]`, one direction a level.
fn moving(x: f64, d: [f64; 3]) -> Third {
    let inner = |x, d| Dual { re: x, eps: [d] };
    let middle = Dual { re: inner(x, d[0]), eps: [Dual::constant(d[1])] };
    Dual { re: middle, eps: [Dual::constant(Dual::constant(d[2]))] }
}

/// Value and first, second, third derivative along the directions of the levels.
fn parts(y: Third) -> [f64; 4] {
    [y.re.re.re, y.re.re.eps[0], y.re.eps[0].eps[0], y.eps[0].eps[0].eps[0]]
}

fn number(v: &Value) -> f64 {
    match v {
        Value::String(s) => s.parse().unwrap(),
        v => v.as_f64().unwrap(),
    }
}

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array().unwrap().iter().map(number).collect()
}

fn agrees(got: f64, reference: f64) -> bool {
    got == reference || (got - reference).abs() <= TOLERANCE * reference.abs()
}

/// Collects what disagrees, and finally compares it with the list of known failures.
#[derive(Default)]
struct Report {
    checked: usize,
    missing: Vec<String>,
    failures: Vec<(String, String, String)>,
}

impl Report {
    fn check(&mut self, function: &str, x: &Value, derivative: &str, got: f64, reference: f64) {
        self.checked += 1;
        if !agrees(got, reference) {
            println!("{function} at {x}, {derivative}: {got:e} instead of {reference:e}");
            self.failures.push((function.into(), x.to_string(), derivative.into()));
        }
    }
}

fn check_univariate(report: &mut Report, function: &str, points: &[Value]) {
    if univariate(function, 0.5).is_none() {
        return report.missing.push(function.into());
    }
    for point in points {
        let x = number(&point["x"]);
        let got = parts(univariate(function, moving(x, [1.0; 3])).unwrap());
        for (derivative, got) in ["f", "d1", "d2", "d3"].into_iter().zip(got) {
            report.check(function, &point["x"], derivative, got, number(&point[derivative]));
        }
        let plain = univariate(function, x).unwrap();
        assert_eq!(plain.to_bits(), got[0].to_bits(), "primal of {function} at {x}");
    }
}

fn check_bivariate(report: &mut Report, function: &str, points: &[Value]) {
    if bivariate(function, [0.5; 2]).is_none() {
        return report.missing.push(function.into());
    }
    const A: [f64; 2] = [1.0, 0.0];
    const B: [f64; 2] = [0.0, 1.0];
    let paths = [("xxx", [A, A, A]), ("xxy", [A, A, B]), ("xyy", [A, B, B]), ("yyy", [B, B, B])];
    for point in points {
        let x = numbers(&point["x"]);
        let along = |path: [[f64; 2]; 3]| {
            let [a, b] = [0, 1].map(|i| moving(x[i], path.map(|direction| direction[i])));
            parts(bivariate(function, [a, b]).unwrap())
        };
        let [xxx, xxy, xyy, yyy] = paths.map(|(_, path)| along(path));
        let gradient = [("x", xxx[1]), ("y", yyy[1])];
        let hessian = [("xx", xxx[2]), ("xy", xyy[2]), ("yy", yyy[2])];
        let third = [("xxx", xxx[3]), ("xxy", xxy[3]), ("xyy", xyy[3]), ("yyy", yyy[3])];

        report.check(function, &point["x"], "f", xxx[0], number(&point["f"]));
        let expected = [
            numbers(&point["grad"]),
            numbers(&point["hess_xx_xy_yy"]),
            numbers(&point["third_xxx_xxy_xyy_yyy"]),
        ];
        let got = gradient.into_iter().chain(hessian).chain(third);
        for ((derivative, got), reference) in got.zip(expected.concat()) {
            report.check(function, &point["x"], derivative, got, reference);
        }
    }
}

#[test]
fn values_and_three_derivatives_match_the_references() {
    let data: Value = serde_json::from_str(include_str!("data/scalar.json")).unwrap();
    let mut report = Report::default();
    for entry in data["univariate"].as_array().unwrap() {
        let points = entry["points"].as_array().unwrap();
        check_univariate(&mut report, entry["fn"].as_str().unwrap(), points);
    }
    for entry in data["multivariate"].as_array().unwrap() {
        let points = entry["points"].as_array().map_or(&[][..], Vec::as_slice);
        check_bivariate(&mut report, entry["fn"].as_str().unwrap(), points);
    }

    assert_eq!(report.missing, MISSING);
    let known: Vec<_> = KNOWN_FAILURES
        .iter()
        .map(|&(function, x, derivative)| (function.into(), x.into(), derivative.into()))
        .collect();
    assert_eq!(report.failures, known);
    assert_eq!(report.checked, 848);
}

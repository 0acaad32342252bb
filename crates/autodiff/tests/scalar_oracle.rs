//! Values and first three derivatives of scalar functions against references computed with mpmath in high precision.
//!
//! Every derivative comes from nested duals, so one pass checks a rule, the derivative of the rule, and the derivative of
//! that.

use dualtape_autodiff::{Dual, Real, Scalar, c};
use serde_json::Value;

type Third<R = f64> = Dual<Dual<Dual<R, 1>, 1>, 1>;

/// Relative distance allowed between a result and its reference.
const TOLERANCE: f64 = 1e-13;

/// What fails at `TOLERANCE`: function, point, derivative. An entry that no longer fails must go.
const KNOWN_FAILURES: &[(&str, &str, &str)] = &[
    // cos³x − cos x cancels to −sin²x·cos x: a sum of the composition, not of a rule.
    ("comp_exp_sin", "1e-8", "d3"),
    // x² overflows before the logarithm sees it.
    ("comp_ln_1p_sq", "1e+200", "f"),
    ("comp_ln_1p_sq", "1e+200", "d1"),
];

/// Points that are the doubles nearest to a zero of the function: there the value is right to 1e-16, not relatively.
const BESIDE_ZEROS: &[(&str, f64, &str)] = &[
    ("ln_gamma", 1.4616321449683622, "d1"),
    ("digamma", 1.4616321449683622, "f"),
    ("digamma", 1.4616321449683625, "f"),
    ("digamma", -0.5040830082644554, "f"),
    ("digamma", -1.5734984731623904, "f"),
    ("bessel_j1", 1.8411837813406593, "d1"),
    ("bessel_j3", 6.380161895923983, "f"),
];

pub fn univariate<S: Scalar>(name: &str, x: S) -> S {
    match name {
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
        "powi_1000" => x.powi(1000),
        "powi_neg600" => x.powi(-600),
        _ if name.starts_with("powf_") => {
            let power = name["powf_".len()..].replace("neg", "-");
            x.powf(S::constant(power.parse().unwrap()))
        }
        "abs" => x.abs(),
        "sigmoid" => x.sigmoid(),
        "softplus" => x.softplus(),
        "x_log_x" => x.xlogx(),
        "comp_exp_sin" => x.sin().exp(),
        "comp_ln_1p_sq" => (x * x).ln_1p(),
        "comp_tanh_tanh" => (c(2.0) * x.tanh()).tanh(),
        "gelu_erf" | "gelu" => x.gelu(),
        "gelu_tanh" => x.gelu_tanh(),
        "silu" => x.silu(),
        "mish" => x.mish(),
        "elu_0.7" => x.elu(0.7),
        "erf" => x.erf(),
        "erfc" => x.erfc(),
        "normal_cdf" => x.normal_cdf(),
        "lgamma" | "ln_gamma" => x.ln_gamma(),
        "digamma" => x.digamma(),
        "trigamma" => x.polygamma(1),
        "polygamma_5" => x.polygamma(5),
        "bessel_j0" => x.bessel_j0(),
        "bessel_j1" => x.bessel_j1(),
        "bessel_j3" => x.bessel_j(3),
        "log_base_of" => S::constant(3.0).log(x),
        "log_2.5" => x.log(S::constant(2.5)),
        "log_add_exp_1" => x.log_add_exp(S::constant(1.0)),
        "hypot_2" => x.hypot(S::constant(2.0)),
        "atan2_2" => x.atan2(S::constant(2.0)),
        "log_sigmoid" => x.log_sigmoid(),
        "exp2" => x.exp2(),
        "log2" => x.log2(),
        "log10" => x.log10(),
        "tan" => x.tan(),
        "asin" => x.asin(),
        "acos" => x.acos(),
        "sinh" => x.sinh(),
        "cosh" => x.cosh(),
        "asinh" => x.asinh(),
        "acosh" => x.acosh(),
        "atanh" => x.atanh(),
        "cbrt" => x.cbrt(),
        _ => panic!("the data has a function {name}"),
    }
}

fn bivariate<S: Scalar>(name: &str, [a, b]: [S; 2]) -> S {
    match name {
        "hypot" => a.hypot(b),
        "pow" => a.powf(b),
        "mul" => a * b,
        "div" => a / b,
        _ => panic!("the data has a function {name}"),
    }
}

/// `x` moving along `d[0]`, `d[1]` and `d[2]`, one direction a level.
pub fn moving<R: Real>(x: R, d: [R; 3]) -> Third<R> {
    let inner = |x, d| Dual { re: x, eps: [d] };
    let middle = Dual { re: inner(x, d[0]), eps: [Dual::constant(d[1])] };
    Dual { re: middle, eps: [Dual::constant(Dual::constant(d[2]))] }
}

/// Value and first, second, third derivative along the directions of the levels.
pub fn parts<R: Real>(y: Third<R>) -> [R; 4] {
    [y.re.re.re, y.re.re.eps[0], y.re.eps[0].eps[0], y.eps[0].eps[0].eps[0]]
}

pub fn number(v: &Value) -> f64 {
    match v {
        Value::String(s) => s.parse().unwrap(),
        v => v.as_f64().unwrap(),
    }
}

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array().unwrap().iter().map(number).collect()
}

/// Collects what disagrees, and finally compares it with the list of known failures.
#[derive(Default)]
struct Report {
    checked: usize,
    failures: Vec<(String, String, String)>,
}

impl Report {
    fn check(&mut self, function: &str, x: &Value, derivative: &str, got: f64, reference: f64) {
        self.checked += 1;
        let point = (function, x.as_f64().unwrap_or(f64::NAN), derivative);
        let least = if BESIDE_ZEROS.contains(&point) { 1e-16 } else { 0.0 };
        let allowed = (TOLERANCE * reference.abs()).max(least);
        let agrees = got == reference || (got - reference).abs() <= allowed;
        if !agrees {
            println!("{function} at {x}, {derivative}: {got:e} instead of {reference:e}");
            self.failures.push((function.into(), x.to_string(), derivative.into()));
        }
    }
}

fn check_univariate(report: &mut Report, function: &str, points: &[Value]) {
    for point in points {
        let x = number(&point["x"]);
        let got = parts(univariate(function, moving(x, [1.0; 3])));
        for (derivative, got) in ["f", "d1", "d2", "d3"].into_iter().zip(got) {
            report.check(function, &point["x"], derivative, got, number(&point[derivative]));
        }
        // Those that are more accurate than the standard library's.
        if !["asinh", "acosh", "atanh"].contains(&function) {
            let plain = univariate(function, x);
            assert_eq!(plain.to_bits(), got[0].to_bits(), "primal of {function} at {x}");
        }
    }
}

fn check_bivariate(report: &mut Report, function: &str, points: &[Value]) {
    const A: [f64; 2] = [1.0, 0.0];
    const B: [f64; 2] = [0.0, 1.0];
    let paths = [("xxx", [A, A, A]), ("xxy", [A, A, B]), ("xyy", [A, B, B]), ("yyy", [B, B, B])];
    for point in points {
        let x = numbers(&point["x"]);
        let along = |path: [[f64; 2]; 3]| {
            let [a, b] = [0, 1].map(|i| moving(x[i], path.map(|direction| direction[i])));
            parts(bivariate(function, [a, b]))
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

/// Value, gradient and Hessian of the logarithm of a sum of exponentials, one pair of directions a pass.
fn check_log_sum_exp(report: &mut Report, entry: &Value) {
    let x = numbers(&entry["x"]);
    let unit = |i: usize, k: usize| if i == k { 1.0 } else { 0.0 };
    let along = |k: usize, l: usize| {
        let terms = x.iter().enumerate().map(|(i, &x)| moving(x, [unit(i, k), unit(i, l), 0.0]));
        parts(Third::log_sum_exp_of(terms))
    };
    let gradient = numbers(&entry["grad"]);
    for k in 0..x.len() {
        let row = numbers(&entry["hess"][k]);
        for (l, &entry_of_hessian) in row.iter().enumerate() {
            let [f, slope, curvature, _] = along(k, l);
            report.check("log_sum_exp", &k.into(), "f", f, number(&entry["f"]));
            report.check("log_sum_exp", &k.into(), "d1", slope, gradient[k]);
            report.check("log_sum_exp", &k.into(), "d2", curvature, entry_of_hessian);
        }
    }
}

#[test]
fn values_and_three_derivatives_match_the_references() {
    let data: Value = serde_json::from_str(include_str!("data/scalar.json")).unwrap();
    let special: Value = serde_json::from_str(include_str!("data/special.json")).unwrap();
    let mut report = Report::default();
    for entry in [&data, &special].iter().flat_map(|d| d["univariate"].as_array().unwrap()) {
        let points = entry["points"].as_array().unwrap();
        check_univariate(&mut report, entry["fn"].as_str().unwrap(), points);
    }
    for entry in data["multivariate"].as_array().unwrap() {
        match entry["points"].as_array() {
            Some(points) => check_bivariate(&mut report, entry["fn"].as_str().unwrap(), points),
            None => check_log_sum_exp(&mut report, entry),
        }
    }

    let known: Vec<_> = KNOWN_FAILURES
        .iter()
        .map(|&(function, x, derivative)| (function.into(), x.into(), derivative.into()))
        .collect();
    assert_eq!(report.failures, known);
    assert_eq!(report.checked, 2023);
}

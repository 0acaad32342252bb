//! Values and first three derivatives, of two arguments first two, at the edges of the range of numbers, in both precisions: where a factor on the way
//! over- or underflows though the derivative does not.

use dualtape_autodiff::{Real, Scalar};
use serde_json::Value;

use super::scalar_oracle::{moving, number, parts, univariate};

fn bivariate<S: Scalar>(name: &str, [a, b]: [S; 2]) -> S {
    match name {
        "hypot" => a.hypot(b),
        "atan2" => a.atan2(b),
        "div" => a / b,
        "xlogy" => a.xlogy(b),
        "pow" => a.powf(b),
        _ => panic!("the data has a function {name}"),
    }
}

/// Collects what is not the reference, rounded.
struct Report<R> {
    checked: usize,
    failures: Vec<String>,
    tolerance: f64,
    precision: std::marker::PhantomData<R>,
}

impl<R: Real> Report<R> {
    fn new(tolerance: f64) -> Self {
        Self { checked: 0, failures: Vec::new(), tolerance, precision: std::marker::PhantomData }
    }

    fn check(&mut self, function: &str, x: &[f64], derivative: &str, got: R, reference: f64) {
        self.checked += 1;
        let (got, largest) = (got.as_f64(), R::max_value().as_f64());
        let normal = R::min_positive_value().as_f64();
        // What underflows is right to some of the smallest numbers. Only an integer power whose reciprocal overflows and the
        // inverse of a hypotenuse that does are 0 as soon as they are below the normal numbers.
        let flushed = function.starts_with("powi_") || x.len() == 2;
        let least = if flushed { normal } else { 64.0 * normal * R::epsilon().as_f64() };
        // Infinities of opposite signs may meet where the derivative is infinite, or its arguments are below the normal numbers.
        let none = got.is_nan()
            && (reference.is_infinite() || x.len() == 2 && x.iter().any(|x| x.abs() < normal));
        // The largest numbers may round to infinity.
        let agrees = got == reference
            || none
            || (got - reference).abs() <= self.tolerance * reference.abs() + least
            || (got.abs() >= largest * (1.0 - self.tolerance)
                && reference.abs() >= largest * (1.0 - self.tolerance)
                && got.signum() == reference.signum());
        if !agrees {
            let what =
                format!("{function} at {x:?}, {derivative}: {got:e} instead of {reference:e}");
            self.failures.push(what);
        }
    }

    fn univariate(&mut self, data: &Value) {
        for entry in data.as_array().unwrap() {
            let function = entry["fn"].as_str().unwrap();
            for point in entry["points"].as_array().unwrap() {
                let point: Vec<f64> = point.as_array().unwrap().iter().map(number).collect();
                let x = R::constant(point[0]);
                let got = parts(univariate(function, moving(x, [R::one(); 3])));
                let derivatives = ["f", "d1", "d2", "d3"].into_iter().zip(got);
                for ((derivative, got), &reference) in derivatives.zip(&point[1..]) {
                    self.check(function, &point[..1], derivative, got, reference);
                }
            }
        }
    }

    fn bivariate(&mut self, data: &Value) {
        let (a, b) = ([1.0, 0.0], [0.0, 1.0]);
        let paths = [[a, a, a], [a, b, a], [b, b, b]];
        for entry in data.as_array().unwrap() {
            let function = entry["fn"].as_str().unwrap();
            for point in entry["points"].as_array().unwrap() {
                let point: Vec<f64> = point.as_array().unwrap().iter().map(number).collect();
                let [aa, ab, bb] = paths.map(|path| {
                    let along = |i: usize| path.map(|direction| R::constant(direction[i]));
                    let x = [0, 1].map(|i| moving(R::constant(point[i]), along(i)));
                    parts(bivariate(function, x))
                });
                let got = [
                    ("f", aa[0]),
                    ("a", aa[1]),
                    ("b", bb[1]),
                    ("aa", aa[2]),
                    ("ab", ab[2]),
                    ("bb", bb[2]),
                ];
                for ((derivative, got), &reference) in got.into_iter().zip(&point[2..]) {
                    self.check(function, &point[..2], derivative, got, reference);
                }
            }
        }
    }
}

fn check<R: Real>(precision: &str, tolerance: f64) {
    let data: Value = serde_json::from_str(include_str!("data/range.json")).unwrap();
    let mut report = Report::<R>::new(tolerance);
    report.univariate(&data[precision]["univariate"]);
    report.bivariate(&data[precision]["bivariate"]);
    println!("{} numbers", report.checked);
    assert!(report.failures.is_empty(), "{:#?}", report.failures);
}

#[test]
fn double_precision_to_the_edges() {
    check::<f64>("double", 1e-13);
}

#[test]
fn single_precision_to_the_edges() {
    check::<f32>("single", 2e-5);
}

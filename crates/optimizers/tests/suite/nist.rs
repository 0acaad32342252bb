//! Nonlinear regression on the NIST Statistical Reference Datasets: certified parameters and standard errors, from both
//! starts, with nothing derived by hand.

use std::f64::consts::PI;

use crate::support::numbers;
use dualtape_autodiff::Var;
use dualtape_optimizers::prelude::*;
use dualtape_optimizers::{LevenbergMarquardt, Residuals, Uncertainty};
use serde_json::Value;

fn datasets() -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("../data/nist_strd.json")).unwrap();
    file["datasets"].as_array().unwrap().clone()
}

/// The models in the notation of NIST; `x` has one or two entries.
fn model<'t>(name: &str, b: &[Var<'t>], x: &[f64]) -> Var<'t> {
    let (t, b) = (x[0], |i: usize| b[i - 1]);
    match name {
        "Misra1a" => b(1) * (1.0 - (-b(2) * t).exp()),
        "Chwirut2" => (-b(1) * t).exp() / (b(2) + b(3) * t),
        "DanWood" => b(1) * (b(2) * t.ln()).exp(),
        "Lanczos3" => {
            b(1) * (-b(2) * t).exp() + b(3) * (-b(4) * t).exp() + b(5) * (-b(6) * t).exp()
        }
        "Gauss1" => {
            let peak = |height: Var<'t>, at: Var<'t>, width: Var<'t>| {
                height * (-((t - at) / width).powi(2)).exp()
            };
            b(1) * (-b(2) * t).exp() + peak(b(3), b(4), b(5)) + peak(b(6), b(7), b(8))
        }
        "Kirby2" => (b(1) + b(2) * t + b(3) * t * t) / (1.0 + b(4) * t + b(5) * t * t),
        "MGH09" => b(1) * (t * t + t * b(2)) / (t * t + t * b(3) + b(4)),
        "Rat42" => b(1) / (1.0 + (b(2) - b(3) * t).exp()),
        "ENSO" => {
            let wave = |c: Var<'t>, s: Var<'t>, period: Var<'t>| {
                let angle = 2.0 * PI * t / period;
                c * angle.cos() + s * angle.sin()
            };
            let year = 2.0 * PI * t / 12.0;
            b(1) + b(2) * year.cos()
                + b(3) * year.sin()
                + wave(b(5), b(6), b(4))
                + wave(b(8), b(9), b(7))
        }
        "Nelson" => b(1) - b(2) * t * (-b(3) * x[1]).exp(),
        "Roszman1" => b(1) - b(2) * t - (b(3) / (t - b(4))).atan() / PI,
        other => panic!("no model {other}"),
    }
}

/// The regression of a data set, recorded at `start`.
fn regression<'d>(data: &'d Value, start: &[f64]) -> Residuals<'d> {
    let name = data["name"].as_str().unwrap();
    let y = numbers(&data["y"]);
    let y: Vec<f64> = if name == "Nelson" { y.into_iter().map(f64::ln).collect() } else { y };
    let columns: Vec<Vec<f64>> = ["x", "x1", "x2"]
        .iter()
        .filter(|key| data[**key].is_array())
        .map(|key| numbers(&data[*key]))
        .collect();
    let rows: Vec<Vec<f64>> =
        (0..y.len()).map(|i| columns.iter().map(|c| c[i]).collect()).collect();
    Residuals::record(start, move |b| {
        rows.iter().zip(&y).map(|(x, &y)| y - model(name, b, x)).collect()
    })
    .unwrap()
}

/// The number of correct digits of the worst entry: `−log₁₀` of the relative error, at most 17.
fn correct_digits(got: &[f64], want: &[f64]) -> f64 {
    assert_eq!(got.len(), want.len());
    let errors = got.iter().zip(want).map(|(got, want)| ((got - want) / want).abs());
    -errors.fold(1e-17, f64::max).log10()
}

/// Correct digits of the parameters and of their standard errors, against the certified values and against those refined
/// in forty digits.
struct Accuracy {
    parameters: f64,
    deviations: f64,
    refined_parameters: f64,
    refined_deviations: f64,
}

fn accuracy(data: &Value, residuals: &Residuals<'_>, x: &[f64]) -> Accuracy {
    let uncertainty = Uncertainty::of_least_squares(residuals, x).unwrap();
    let deviations = uncertainty.standard_errors();
    Accuracy {
        parameters: correct_digits(x, &numbers(&data["certified_params"])),
        deviations: correct_digits(deviations, &numbers(&data["certified_sd"])),
        refined_parameters: correct_digits(x, &numbers(&data["refined_params_17"])),
        refined_deviations: correct_digits(deviations, &numbers(&data["refined_sd_17"])),
    }
}

#[test]
fn levenberg_marquardt_reaches_the_certified_values_from_both_starts() {
    let (mut sum, mut count) = (0.0, 0.0);
    for data in datasets() {
        for start in ["start1", "start2"] {
            let mut x = numbers(&data[start]);
            let residuals = regression(&data, &x);
            let report = LevenbergMarquardt::default().minimize(&residuals, &mut x).unwrap();
            let digits = accuracy(&data, &residuals, &x);
            let what = format!("{} from {start}", data["name"]);
            // The table, shown by `--nocapture`.
            println!(
                "{what:25} {:3} iterations, {:3} Hessians; digits of parameters {:4.1}, of deviations {:4.1}; refined {:4.1}, {:4.1}",
                report.iterations,
                report.counts.hessians,
                digits.parameters,
                digits.deviations,
                digits.refined_parameters,
                digits.refined_deviations,
            );
            assert!(report.converged(), "{what}: {report}");
            sum += digits.parameters + digits.deviations;
            count += 2.0;
            let least = digits.parameters.min(digits.deviations);
            let refined = digits.refined_parameters.min(digits.refined_deviations);
            assert!(least >= 9.5 && refined >= 9.5, "{what}: {least} {refined}\n{report}");
        }
    }
    println!("average {:.2}", sum / count);
    assert!(sum / count >= 10.4);
}

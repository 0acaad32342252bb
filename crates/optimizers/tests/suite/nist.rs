//! Nonlinear regression on the NIST Statistical Reference Datasets: certified parameters and standard errors, from both
//! starts, with nothing derived by hand.

use std::f64::consts::PI;

use crate::support::numbers;
use dualtape_autodiff::Var;
use dualtape_optimizers::prelude::*;
use dualtape_optimizers::{LevenbergMarquardt, Residuals, Subproblem, TrustRegion, Uncertainty};
use serde_json::Value;

fn file(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Those for which there are refined values.
fn datasets() -> Vec<Value> {
    let file = file(include_str!("../data/nist_strd.json"));
    file["datasets"].as_array().unwrap().clone()
}

fn all_datasets() -> Vec<Value> {
    let more = file(include_str!("../data/nist_strd_more.json"));
    let mut all = datasets();
    all.extend(more["datasets"].as_array().unwrap().iter().cloned());
    assert_eq!(all.len(), 21);
    all
}

/// The models in the notation of NIST; `x` has one or two entries.
fn model<'t>(name: &str, b: &[Var<'t>], x: &[f64]) -> Var<'t> {
    let (t, b) = (x[0], |i: usize| b[i - 1]);
    match name {
        "Misra1a" => b(1) * (1.0 - (-b(2) * t).exp()),
        "Misra1b" => b(1) * (1.0 - (1.0 + b(2) * t / 2.0).powi(-2)),
        "Misra1c" => b(1) * (1.0 - 1.0 / (1.0 + 2.0 * b(2) * t).sqrt()),
        "Chwirut1" | "Chwirut2" => (-b(1) * t).exp() / (b(2) + b(3) * t),
        "DanWood" => b(1) * (b(2) * t.ln()).exp(),
        "Lanczos1" | "Lanczos2" | "Lanczos3" => {
            b(1) * (-b(2) * t).exp() + b(3) * (-b(4) * t).exp() + b(5) * (-b(6) * t).exp()
        }
        "Gauss1" | "Gauss2" => {
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
        "Thurber" => {
            (b(1) + b(2) * t + b(3) * t.powi(2) + b(4) * t.powi(3))
                / (1.0 + b(5) * t + b(6) * t.powi(2) + b(7) * t.powi(3))
        }
        "MGH10" => b(1) * (b(2) / (t + b(3))).exp(),
        "Eckerle4" => (b(1) / b(2)) * (-0.5 * ((t - b(3)) / b(2)).powi(2)).exp(),
        "BoxBOD" => b(1) * (1.0 - (-b(2) * t).exp()),
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

/// The digits that are certified.
const CERTIFIED: f64 = 11.0;

/// Digits by which a problem counts as solved.
const SOLVED: f64 = 4.0;

#[test]
fn levenberg_marquardt_solves_all_that_is_solved_elsewhere_and_says_where_it_did_not() {
    let elsewhere = file(include_str!("../data/nist_scipy.json"));
    let (mut sum, mut count) = (0.0, 0.0);
    for data in all_datasets() {
        let name = data["name"].as_str().unwrap();
        for start in ["start1", "start2"] {
            let mut x = numbers(&data[start]);
            let residuals = regression(&data, &x);
            let report = LevenbergMarquardt::default().minimize(&residuals, &mut x).unwrap();
            let digits =
                correct_digits(&x, &numbers(&data["certified_params"])).clamp(0.0, CERTIFIED);
            let what = format!("{name} from {start}");
            let other = &elsewhere["digits"][name][start];
            let best = ["lm", "trf"].map(|method| other[method].as_f64().unwrap());
            let best = best[0].max(best[1]);
            println!(
                "{what:22} {digits:4.1} digits ({best:4.1} elsewhere), {:3} iterations, {} / {}",
                report.iterations, report.stop, report.second_order
            );
            assert!(digits >= SOLVED || best < SOLVED, "{what}: {digits}\n{report}");
            // A minimum is claimed where there is one.
            let rss = data["certified_rss"].as_f64().unwrap();
            assert_eq!(report.converged(), digits >= SOLVED, "{what}: {rss:e} {x:?}\n{report}");
            sum += digits;
            count += 1.0;
        }
    }
    println!("average {:.2}", sum / count);
    assert!(sum / count >= 9.4);
}

/// Two parameters whose curvatures differ by 10¹⁴.
#[test]
fn trust_regions_stand_parameters_of_different_units() {
    let data = &datasets()[0];
    for start in ["start1", "start2"] {
        for subproblem in [
            Subproblem::Dogleg,
            Subproblem::Exact,
            Subproblem::ConjugateGradients,
            Subproblem::Krylov,
        ] {
            let mut x = numbers(&data[start]);
            let residuals = regression(data, &x);
            let report = TrustRegion::new(subproblem).minimize(&residuals, &mut x).unwrap();
            let digits = correct_digits(&x, &numbers(&data["certified_params"]));
            assert!(report.converged() && digits > 5.0, "{subproblem:?}: {digits}\n{report}");
        }
    }
}

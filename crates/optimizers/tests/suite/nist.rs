//! Nonlinear regression on the NIST Statistical Reference Datasets: certified parameters and standard errors, from both
//! starts, with nothing derived by hand.

use crate::regressions::{Regression, STARTS, numbers};
use dualtape_optimizers::prelude::*;
use dualtape_optimizers::{LevenbergMarquardt, Residuals, Subproblem, TrustRegion, Uncertainty};
use serde_json::Value;

/// The regression of a data set, recorded at `start`.
fn recorded<'d>(regression: &'d Regression, start: &[f64]) -> Residuals<'d> {
    Residuals::record(start, |b| regression.residuals(b)).unwrap()
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
    for regression in Regression::refined() {
        let data = &regression.data;
        for start in STARTS {
            let mut x = regression.start(start);
            let residuals = recorded(&regression, &x);
            let report = LevenbergMarquardt::default().minimize(&residuals, &mut x).unwrap();
            let digits = accuracy(data, &residuals, &x);
            let what = format!("{} from {start}", regression.name);
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
    let elsewhere: Value = serde_json::from_str(include_str!("../data/nist_scipy.json")).unwrap();
    let (mut sum, mut count) = (0.0, 0.0);
    for regression in Regression::all() {
        let (data, name) = (&regression.data, &regression.name);
        for start in STARTS {
            let mut x = regression.start(start);
            let residuals = recorded(&regression, &x);
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
    let regression = &Regression::refined()[0];
    for start in STARTS {
        for subproblem in [
            Subproblem::Dogleg,
            Subproblem::Exact,
            Subproblem::ConjugateGradients,
            Subproblem::Krylov,
        ] {
            let mut x = regression.start(start);
            let residuals = recorded(regression, &x);
            let report = TrustRegion::new(subproblem).minimize(&residuals, &mut x).unwrap();
            let digits = correct_digits(&x, &numbers(&regression.data["certified_params"]));
            assert!(report.converged() && digits > 5.0, "{subproblem:?}: {digits}\n{report}");
        }
    }
}

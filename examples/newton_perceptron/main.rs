//! A sigmoid perceptron trained by Newton's method with its exact Hessian: with a fixed step, with a line search, and with
//! the array that is sometimes taken for the Hessian; its directions combined with momentum, RMSprop and Adam; and what the
//! curvature looks like where training ends.
//!
//! ```text
//! cargo run --release --example newton_perceptron -- --help
//! ```

mod combined;
#[path = "../common/demonstration.rs"]
mod demonstration;
#[path = "../common/distance.rs"]
mod distance;
mod folk;
mod models;

use std::process::ExitCode;

use clap::Args;
use dualtape::optimizers::{CurvatureInspection, CurvatureReport, LossCurve, LossSurface, Picture};
use dualtape::prelude::*;

use crate::demonstration::{Outcome, demonstrate, ensure};
use crate::models::{DATA, NETWORK_BLOCKS, network, perceptron};

/// Near the minimum, where the Hessian is positive definite.
const NEAR: [f64; 2] = [0.5, -0.3];
/// Farther off, where it is indefinite.
const FAR: [f64; 2] = [1.0, 1.0];
/// The fixed step `α` of the training.
const ALPHA: f64 = 0.01;
/// The loss is told so often.
const EVERY: usize = 100;

#[derive(Clone, Debug, Args)]
struct Options {
    /// Epochs with a fixed step
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = clap::value_parser!(u32).range(500..))]
    epochs: u32,
}

fn main() -> ExitCode {
    let about = "Train a sigmoid perceptron on the four inputs of XOR by Newton's method, in the ways that are right and in one that is not";
    demonstrate(about, run)
}

fn run(options: Options) -> Outcome<String> {
    let epochs = options.epochs as usize;
    let loss = record(&NEAR).function(|w| perceptron(w))?;
    folk::compare(&NEAR)?;
    let near = near_the_minimum(&loss, epochs)?;
    let far = far_from_it(&loss, epochs)?;
    adaptive_steps(&loss)?;
    combined::compare()?;
    let report = curvature_of_the_perceptron(&loss)?;
    let deep = a_network_that_can(epochs)?;

    let mut curves = Vec::new();
    for pair in &report.extremes.largest {
        curves.push(LossCurve::along_eigenvector(&loss, &[0.0; 2], pair, 4.0, 81)?);
    }
    let surface = LossSurface::around(&loss, &[0.0; 2], [&[1.0, 0.0], &[0.0, 1.0]], 6.0, 61)?;
    let runs = [
        (format!("near, fixed step {ALPHA}"), near.fixed),
        ("near, folk Hessian".to_owned(), near.folk),
        (format!("far, fixed step {ALPHA}"), far.fixed),
        ("far, line search".to_owned(), far.searched),
        ("network 2-2-1, line search".to_owned(), deep),
    ];
    let picture = Picture::new("A sigmoid perceptron on the inputs of XOR, by Newton's method");
    let picture = picture.histories(runs).surface(&surface).curves(&curves);
    Ok(picture.eigenvalues(&report.extremes).to_svg()?)
}

/// The losses of some runs from one start.
struct Losses {
    fixed: Vec<f64>,
    searched: Vec<f64>,
    folk: Vec<f64>,
}

fn history(report: &Report<f64>) -> Vec<f64> {
    report.history.iter().map(|record| record.value).collect()
}

fn fixed_step(loss: &Function<'_, f64>, start: [f64; 2], epochs: usize) -> Outcome<Report<f64>> {
    let mut newton = Newton::default().fixed_step(ALPHA).gradient_tolerance(1e-10);
    newton = newton.max_iterations(epochs);
    Ok(newton.minimize(loss, &mut start.clone())?)
}

fn searched(loss: &Function<'_, f64>, start: [f64; 2]) -> Outcome<(Report<f64>, [f64; 2])> {
    let mut w = start;
    let report = Newton::default().gradient_tolerance(1e-10).minimize(loss, &mut w)?;
    Ok((report, w))
}

/// Where the Hessian is positive definite, a fixed step works: the loss falls by `(1 − α)²` an epoch.
fn near_the_minimum(loss: &Function<'_, f64>, epochs: usize) -> Outcome<Losses> {
    println!("From {NEAR:?}, the loss with W ← W − {ALPHA} H⁻¹∂L/∂W");
    let fixed = history(&fixed_step(loss, NEAR, epochs)?);
    let folk = folk::train(NEAR, ALPHA, epochs)?;
    println!("  epoch   exact Hessian   folk Hessian");
    for epoch in (0..=epochs).step_by(EVERY) {
        // A run that reached its tolerance stays where it is.
        let exact = fixed.get(epoch).or(fixed.last()).copied().unwrap_or(f64::NAN);
        println!("{epoch:7}   {exact:13.9}   {:12.6}", folk[epoch]);
    }
    let (report, w) = searched(loss, NEAR)?;
    println!("  with a line search: {:.9} after {} epochs\n", report.value, report.iterations);
    let excess = |epoch: usize| fixed[epoch] - report.value;
    let rate = (excess(400) / excess(300)).powf(0.01);
    ensure(
        (rate - (1.0 - ALPHA).powi(2)).abs() < 1e-3,
        "a fixed step converges at the rate (1 − α)²",
    )?;
    ensure(report.certified() && report.iterations < 10, "a line search takes a few epochs")?;
    ensure(w.iter().all(|w| w.abs() < 1e-9), "without hidden units nothing beats W = 0 on XOR")?;
    ensure(folk[epochs] > folk[0], "the folk Hessian does not train")?;
    Ok(Losses { fixed, searched: history(&report), folk })
}

/// Where it is indefinite, Newton's step leads uphill, however short; a globalised method goes down.
fn far_from_it(loss: &Function<'_, f64>, epochs: usize) -> Outcome<Losses> {
    println!("From {FAR:?}, where the Hessian has a negative eigenvalue");
    let fixed = fixed_step(loss, FAR, epochs)?;
    let last = fixed.history.last().map_or(f64::NAN, |record| record.value);
    println!(
        "  fixed step:  {:.6} → {last:.6} in {} epochs, {}",
        fixed.history[0].value, fixed.iterations, fixed.stop
    );
    let (report, _) = searched(loss, FAR)?;
    println!(
        "  line search: {:.6} → {:.6} in {} epochs",
        fixed.history[0].value, report.value, report.iterations
    );
    println!("               {}\n", report.second_order);
    ensure(last > fixed.history[0].value, "a fixed step leads uphill")?;
    ensure(
        report.certified() && (report.value - 0.5).abs() < 1e-12,
        "a line search finds the minimum",
    )?;
    Ok(Losses { fixed: history(&fixed), searched: history(&report), folk: vec![] })
}

/// The step that a line search takes, beside the pure Newton step.
fn adaptive_steps(loss: &Function<'_, f64>) -> Outcome<()> {
    println!("The steps of the line search from {FAR:?} (α: – where the Hessian was not definite)");
    println!("  epoch       loss   smallest eigenvalue   length of the step   α");
    let (mut x, mut rows) = (FAR, Vec::new());
    let report = Newton::default()
        .gradient_tolerance(1e-10)
        .on_iteration(|it| {
            rows.push((it.x.to_vec(), it.record.value, it.record.step_length));
            std::ops::ControlFlow::Continue(())
        })
        .minimize(loss, &mut x)?;
    let mut pure = f64::NAN;
    let mut full_steps = 0;
    for (k, (w, value, step)) in rows.iter().enumerate() {
        let alpha = step / pure;
        let told = if alpha.is_finite() { format!("{alpha:.3}") } else { "–".into() };
        let h = hessian(|w| perceptron(w), w)?;
        let g = gradient(|w| perceptron(w), w)?;
        let (half, det) =
            (0.5 * (h[(0, 0)] + h[(1, 1)]), h[(0, 0)] * h[(1, 1)] - h[(0, 1)].powi(2));
        let smallest = half - (half * half - det).max(0.0).sqrt();
        println!("{k:7}   {value:.6}   {smallest:19.3e}   {step:18.3e}   {told}");
        full_steps += usize::from((alpha - 1.0).abs() < 1e-6);
        // The pure step exists as a descent direction only where the Hessian is positive definite.
        let d = [
            (h[(1, 1)] * g[0] - h[(0, 1)] * g[1]) / det,
            (h[(0, 0)] * g[1] - h[(0, 1)] * g[0]) / det,
        ];
        pure = if smallest > 0.0 { d[0].hypot(d[1]) } else { f64::NAN };
    }
    println!();
    ensure(report.certified() && full_steps >= 2, "near the minimum α = 1, the full Newton step")
}

fn curvature_of_the_perceptron(loss: &Function<'_, f64>) -> Outcome<CurvatureReport<f64>> {
    let at = Objective::linearize(loss, &[0.0; 2])?;
    let report = CurvatureInspection::new("Hessian of the perceptron at its minimum W = 0")
        .block("w₁", 0..1)
        .block("w₂", 1..2)
        .inspect(at.hessian())?;
    println!("{report}");
    let values = report.extremes.spectrum.clone().unwrap_or_default();
    let exact = values.len() == 2
        && (values[0] - 1.0 / 16.0).abs() < 1e-15
        && (values[1] - 3.0 / 16.0).abs() < 1e-15;
    ensure(exact, "the eigenvalues are 1/16 and 3/16")?;
    Ok(report)
}

/// Two hidden units can compute XOR. A line search gets there; the full step, taken come what may, ends at a minimum where
/// they are worth nothing.
fn a_network_that_can(epochs: usize) -> Outcome<Vec<f64>> {
    let start = models::network_start();
    let loss = record(&start).function(|w| network(w))?;
    let mut w = start;
    let report = Newton::default().gradient_tolerance(1e-10).minimize(&loss, &mut w)?;
    println!("A network with two hidden units and weight decay, line search:\n{report}\n");
    let mut v = start;
    let pure = Newton::default()
        .fixed_step(1.0)
        .gradient_tolerance(1e-10)
        .max_iterations(epochs)
        .minimize(&loss, &mut v)?;
    println!("The same with the full step, come what may: loss {:.6}, {}", pure.value, pure.stop);
    println!("{}\n", pure.second_order);

    let at = Objective::linearize(&loss, &w)?;
    let mut inspection = CurvatureInspection::new("Hessian of the network at its minimum");
    for (name, range) in NETWORK_BLOCKS {
        inspection = inspection.block(name, range);
    }
    println!("{}", inspection.inspect(at.hessian())?);
    let learnt = models::outputs(&w);
    println!("Outputs for (0,0), (0,1), (1,0), (1,1): {learnt:.3?}\n");
    ensure(report.certified(), "the network ends at a certified minimum")?;
    let right = learnt.iter().zip(DATA).all(|(output, (_, answer))| (output - answer).abs() < 0.15);
    ensure(right, "the network computes XOR")?;
    ensure(pure.value > 4.0 * report.value, "the full step ends at a worse point")?;
    Ok(history(&report))
}

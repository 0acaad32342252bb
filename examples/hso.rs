//! HSO, the "inverse rank-one correction" `H⁻¹ + εI`, beside Newton's method and the true rank-one correction.
//!
//! ```text
//! cargo run --release --example hso
//! ```
//!
//! Shows, and checks: that `εI` is a shift of full rank; at what rate HSO converges with it; and what it does to the
//! training of a multilayer perceptron, a convolutional and a recurrent network, with the gradient that flows into each of
//! their parameters.

#[path = "common/chart.rs"]
mod chart;
#[path = "digits/data.rs"]
mod data;
#[path = "common/demonstration.rs"]
mod demonstration;

use std::process::ExitCode;

use dualtape::autodiff::{Array, Function, Tensor, Var, parts::Parts};
use dualtape::layers::{
    Activation, AvgPool2d, Conv2d, Dataset, Flatten, Linear, Module, Recurrent, Sequential,
    Supervised, cross_entropy, mean_squared_error, mlp,
};
use dualtape::optimizers::prelude::*;
use dualtape::optimizers::{Form, Hso, Newton, QuasiNewtonMatrix, Report, Shift, Sr1, UpdateRule};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use crate::chart::{Curve, Curves, Figure};
use crate::data::{CLASSES, Digits};
use crate::demonstration::{Outcome, demonstrate, ensure};

fn main() -> ExitCode {
    demonstrate("Compare HSO with Newton's method and SR1", |()| run())
}

fn run() -> Outcome<String> {
    let tasks = [perceptron()?, images()?, sequences()?];
    rank(&tasks[0])?;
    rate(&tasks[0])?;
    let mut panels = Vec::new();
    for task in &tasks {
        gradient_flow(task)?;
        panels.push(Curves {
            title: task.name.into(),
            x_title: "iteration + 1".into(),
            y_title: "‖∇f‖∞".into(),
            curves: trainings(task)?,
        });
    }
    chart::svg(1680, &[(520, panels.iter().map(|panel| panel as &dyn Figure).collect())])
}

/// A network, its data, and where its training starts.
struct Task {
    name: &'static str,
    parts: Parts,
    loss: Function<'static>,
    start: Vec<f64>,
}

impl Task {
    fn new(
        name: &'static str,
        model: Sequential<f64>,
        data: &Dataset<f64>,
        loss: impl for<'t> Fn(Tensor<'t, f64>, Tensor<'t, f64>) -> Var<'t, f64> + Send + Sync + 'static,
    ) -> Outcome<Self> {
        let parts = model.layout()?.parts();
        let start = model.init(&mut ChaCha8Rng::seed_from_u64(7));
        // A penalty that makes the minima strict.
        let loss = Supervised::new(model, loss)?.weight_decay(1e-3)?.function(data)?;
        Ok(Task { name, parts, loss, start })
    }
}

/// The network of the source, 10-5-1, on a smooth function of ten variables.
fn perceptron() -> Outcome<Task> {
    let examples = 80;
    let x = |i: usize, k: usize| ((i * (2 * k + 3)) as f64 * 0.37 + k as f64).sin();
    let inputs = (0..examples * 10).map(|j| x(j / 10, j % 10)).collect();
    let target = |i: usize| (x(i, 0) * x(i, 1) + x(i, 2)).tanh() - 0.5 * x(i, 5) * x(i, 7);
    let targets = (0..examples).map(target).collect();
    let data =
        Dataset::new(Array::new(&[examples, 10], inputs)?, Array::new(&[examples, 1], targets)?)?;
    Task::new("MLP 10-5-1", mlp(&[10, 5, 1], Activation::Tanh), &data, mean_squared_error)
}

/// How many of the digits the convolutional network is shown.
const SHOWN: usize = 3;
const _: () = assert!(SHOWN <= CLASSES);

/// The first of the digits, seen by a small convolutional network.
fn images() -> Outcome<Task> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/optdigits.txt");
    let Digits { pixels, labels } = Digits::read(file.as_ref())?;
    let chosen: Vec<usize> = (0..labels.len()).filter(|&i| labels[i] < SHOWN).take(90).collect();
    let grey = chosen.iter().flat_map(|&i| pixels[i * 64..][..64].iter().copied()).collect();
    let labels: Vec<usize> = chosen.iter().map(|&i| labels[i]).collect();
    let data =
        Dataset::classification(Array::new(&[labels.len(), 1, 8, 8], grey)?, &labels, SHOWN)?;
    // Averages, since the maximum of a window has kinks, where second derivatives mislead.
    let model = Sequential::new()
        .then(Conv2d::new(1, 2, [3, 3]).padding([1, 1]))
        .then(Activation::Tanh)
        .then(AvgPool2d::new([2, 2]))
        .then(Flatten::new())
        .then(Linear::new(2 * 4 * 4, SHOWN));
    Task::new("CNN", model, &data, cross_entropy)
}

/// A recurrent network that says how a wave goes on.
fn sequences() -> Outcome<Task> {
    let (examples, steps) = (40, 8);
    let wave = |i: usize, t: usize| (0.3 * i as f64 + (0.4 + 0.01 * i as f64) * t as f64).sin();
    let inputs = (0..examples * steps).map(|j| wave(j / steps, j % steps)).collect();
    let targets = (0..examples).map(|i| wave(i, steps)).collect();
    let data = Dataset::new(
        Array::new(&[examples, steps, 1], inputs)?,
        Array::new(&[examples, 1], targets)?,
    )?;
    let model = Sequential::new().then(Recurrent::rnn(1, 4).last()).then(Linear::new(4, 1));
    Task::new("RNN", model, &data, mean_squared_error)
}

/// The rank of what HSO and SR1 add to an inverse.
fn rank(task: &Task) -> Outcome<()> {
    const EPSILON: f64 = 0.01;
    let n = task.loss.dim();
    println!("1. What is added to an inverse Hessian of {} parameters\n", n);
    // Some inverse: what BFGS makes of a few gradients of the network.
    let mut inverse = QuasiNewtonMatrix::scaled_identity(Form::Inverse, UpdateRule::Bfgs, n, 1.0);
    let gradient = |x: &[f64]| task.loss.gradient(x);
    let pair = |k: usize| -> Outcome<(Vec<f64>, Vec<f64>)> {
        let s: Vec<f64> = (0..n).map(|i| 0.1 * ((i + 1) as f64 * (k + 1) as f64).sin()).collect();
        let x: Vec<f64> = task.start.iter().zip(&s).map(|(x, s)| x + s).collect();
        let y = gradient(&x)?.iter().zip(gradient(&task.start)?).map(|(a, b)| a - b).collect();
        Ok((s, y))
    };
    for k in 0..4 {
        let (s, y) = pair(k)?;
        inverse.update(&s, &y)?;
    }
    let before = inverse.as_slice().to_vec();
    let mut corrected = QuasiNewtonMatrix::from_dense(Form::Inverse, UpdateRule::Sr1, n, &before)?;
    let (s, y) = pair(4)?;
    corrected.update(&s, &y)?;
    let mut shifted = before.clone();
    shifted.iter_mut().step_by(n + 1).for_each(|entry| *entry += EPSILON);
    let added = |after: &[f64]| after.iter().zip(&before).map(|(a, b)| a - b).collect::<Vec<f64>>();
    let (by_sr1, by_hso) = (rank_of(n, added(corrected.as_slice())), rank_of(n, added(&shifted)));
    println!("  SR1, (s − Hy)(s − Hy)ᵀ/(s − Hy)ᵀy:  rank {by_sr1}");
    println!("  HSO, εI with ε = {EPSILON}:              rank {by_hso} of {n}");
    // All singular values of εI are ε: a matrix of rank one takes one of them away.
    let left = (1.0 - 1.0 / n as f64).sqrt();
    println!("  The best matrix of rank one leaves {:.1} % of εI.\n", 100.0 * left);
    ensure(by_sr1 == 1 && by_hso == n, "SR1 adds rank one, HSO full rank")
}

/// The number of pivots that are not rounding (elimination with complete pivoting).
fn rank_of(n: usize, mut a: Vec<f64>) -> usize {
    let largest = |a: &[f64], from: usize| -> (f64, usize, usize) {
        let entries = (from..n).flat_map(|i| (from..n).map(move |j| (i, j)));
        entries.fold((0.0, from, from), |best, (i, j)| {
            if a[i * n + j].abs() > best.0 { (a[i * n + j].abs(), i, j) } else { best }
        })
    };
    let first = largest(&a, 0).0;
    for p in 0..n {
        let (size, i, j) = largest(&a, p);
        if size <= 1e-10 * first {
            return p;
        }
        (0..n).for_each(|k| a.swap(p * n + k, i * n + k));
        (0..n).for_each(|k| a.swap(k * n + p, k * n + j));
        for row in p + 1..n {
            let factor = a[row * n + p] / a[p * n + p];
            (p..n).for_each(|k| a[row * n + k] -= factor * a[p * n + k]);
        }
    }
    n
}

/// Near a minimum a step of HSO leaves `−ελ` of the error in a direction of curvature `λ`.
fn rate(task: &Task) -> Outcome<()> {
    println!("2. {}: full steps from near the minimum, with ε fixed\n", task.name);
    let mut minimum = task.start.clone();
    let found = Newton::default().gradient_tolerance(1e-12).minimize(&task.loss, &mut minimum)?;
    ensure(found.converged() && found.certified(), "Newton finds a strict minimum")?;
    let largest = largest_eigenvalue(&task.loss, &minimum)?;
    println!("  largest curvature λ = {largest:.3}\n");
    println!("  {:>8} {:>10} {:>22}", "ελ", "ε", "‖g‖ after / before");
    for factor in [0.01, 0.1, 0.5, 0.9, 1.1] {
        let epsilon = factor / largest;
        let mut x: Vec<f64> =
            minimum.iter().enumerate().map(|(i, x)| x + 1e-6 * (i as f64).cos()).collect();
        let report = Hso::newton(Shift::Fixed(epsilon))
            .fixed_step(1.0)
            .max_iterations(8)
            .gradient_tolerance(0.0)
            .second_order_check(false)
            .minimize(&task.loss, &mut x)?;
        let norms: Vec<f64> = report.history.iter().map(|record| record.gradient_norm).collect();
        let mut steps = norms.windows(2).rev();
        let last = steps.find(|pair| pair[1] > 1e-13);
        let measured = last.map_or(0.0, |pair| pair[1] / pair[0]);
        println!("  {factor:>8} {epsilon:>10.5} {measured:>22.3}");
        if factor >= 0.1 {
            ensure((measured - factor).abs() < 0.1 * factor, "the rate is ελ")?;
        }
    }
    println!(
        "\n  Newton's method alone converges quadratically; with ελ > 1 full steps of HSO diverge.\n"
    );
    Ok(())
}

/// By powers of the Hessian.
fn largest_eigenvalue(f: &Function<'_>, x: &[f64]) -> Outcome<f64> {
    let at = f.linearize(x)?;
    let mut v: Vec<f64> = (0..x.len()).map(|i| 1.0 + (i as f64).sin()).collect();
    let mut eigenvalue = 0.0;
    for _ in 0..500 {
        v = at.hvp(&v)?;
        eigenvalue = v.iter().map(|v| v * v).sum::<f64>().sqrt();
        v.iter_mut().for_each(|v| *v /= eigenvalue);
    }
    Ok(eigenvalue)
}

/// What flows into each parameter at the start: gradient, Newton step, and the part that HSO adds.
fn gradient_flow(task: &Task) -> Outcome<()> {
    const EPSILON: f64 = 0.1;
    let gradient = task.loss.gradient(&task.start)?;
    let mut x = task.start.clone();
    let mut first = Vec::new();
    Newton::default()
        .max_iterations(1)
        .on_iteration(|it| {
            first = it.x.to_vec();
            std::ops::ControlFlow::Continue(())
        })
        .minimize(&task.loss, &mut x)?;
    let step: Vec<f64> = first.iter().zip(&task.start).map(|(a, b)| a - b).collect();
    let size = |v: &[f64]| (v.iter().map(|v| v * v).sum::<f64>() / v.len() as f64).sqrt();
    let largest = task.parts.iter().map(|part| size(&gradient[part.range()])).fold(0.0, f64::max);
    println!("3. {}: what flows into each parameter at the start (root mean squares)\n", task.name);
    println!(
        "  {:22} {:>10} {:>12} {:>14}  flow",
        "parameter", "gradient", "Newton step", "ε∇f, ε = 0.1"
    );
    for part in task.parts.iter() {
        let here = size(&gradient[part.range()]);
        let verdict = if here < 1e-4 * largest { "vanishing" } else { "healthy" };
        println!(
            "  {:22} {here:>10.2e} {:>12.2e} {:>14.2e}  {verdict}",
            part.name(),
            size(&step[part.range()]),
            EPSILON * here
        );
    }
    println!();
    Ok(())
}

/// Trains by each method; returns the gradient norms along the way.
fn trainings(task: &Task) -> Outcome<Vec<Curve>> {
    type Minimize = Box<dyn Fn(&Function<'_>, &mut [f64]) -> Outcome<Report<f64>>>;
    fn with<'c, M: Minimizer<'c, f64>>(method: impl Fn() -> M + 'static) -> Minimize {
        Box::new(move |f, x| {
            Ok(method().gradient_tolerance(1e-9).max_iterations(3000).minimize(f, x)?)
        })
    }
    let methods: [(&str, Minimize); 6] = [
        ("Newton", with(Newton::default)),
        ("HSO, ε = 0.001", with(|| Hso::newton(Shift::Fixed(0.001)))),
        ("HSO, ε = 0.1", with(|| Hso::newton(Shift::Fixed(0.1)))),
        ("HSO, adaptive", with(|| Hso::newton(Shift::Adaptive(0.1)))),
        ("HSO on BFGS", with(|| Hso::bfgs(Shift::Adaptive(0.1)))),
        ("SR1", with(Sr1::default)),
    ];
    println!("   {} of {} parameters trained to a gradient of 1e-9\n", task.name, task.loss.dim());
    println!(
        "  {:15} {:>6} {:>10} {:>9} {:>12} {:>10} {:>9}",
        "method", "iter.", "gradients", "Hessians", "loss", "‖∇f‖∞", "time"
    );
    let mut curves = Vec::new();
    for (name, minimize) in methods {
        let report = minimize(&task.loss, &mut task.start.clone())?;
        println!(
            "  {name:15} {:>6} {:>10} {:>9} {:>12.6} {:>10.1e} {:>7.0} ms",
            report.iterations,
            report.counts.gradients + report.counts.linearizations,
            report.counts.hessians,
            report.value,
            report.gradient_norm,
            1e3 * report.elapsed.as_secs_f64()
        );
        // The others may need more iterations than they are given, and say so.
        if ["Newton", "HSO, ε = 0.001", "HSO, adaptive"].contains(&name) {
            ensure(report.converged(), &format!("{name} converges"))?;
        }
        let norms = report.history.iter().map(|record| record.gradient_norm);
        curves.push((name.to_owned(), (1..).map(f64::from).zip(norms).collect()));
    }
    println!();
    Ok(curves)
}

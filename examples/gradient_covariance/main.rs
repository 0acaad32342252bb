//! The covariance of gradients, the Fisher matrix and the Hessian: three matrices that are often taken for one.
//!
//! ```text
//! cargo run --release --example gradient_covariance
//! ```

#[path = "../common/chart.rs"]
mod chart;
#[path = "../common/demonstration.rs"]
mod demonstration;
#[path = "../common/distance.rs"]
mod distance;

use std::process::ExitCode;

use dualtape::autodiff::{Composite, Likelihood, Tensor, Var};
use dualtape::layers::{
    Activation, Dataset, Module, Supervised, cross_entropy, mean_squared_error, mlp, perceptron,
    table,
};
use dualtape::optimizers::prelude::*;
use dualtape::optimizers::{CurvatureMatrix, Dense, NaturalGradient, Newton, Report, WithExamples};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use crate::chart::{Curve, Curves};
use crate::demonstration::{Outcome, demonstrate, ensure};
use crate::distance::distance;

fn main() -> ExitCode {
    let about = "Compare the exact Hessian, the true and the empirical Fisher matrix, and natural gradients with each";
    demonstrate(about, |()| run())
}

type Loss = WithExamples<'static, Composite<'static>, f64>;

fn run() -> Outcome<String> {
    let curves = at_the_optimum()?;
    away_from_the_optimum()?;
    descents()?;
    let chart = Curves {
        title: "Covariance of gradients: distance from the Hessian at the optimum".into(),
        x_title: "examples".into(),
        y_title: "‖B − H‖ / ‖H‖".into(),
        curves,
    };
    chart::svg(960, &[(620, vec![&chart])])
}

const SIZES: [usize; 6] = [50, 200, 800, 3200, 12_800, 51_200];

/// Three ways in which labels come to be.
#[derive(Clone, Copy, PartialEq)]
enum World {
    /// Classes drawn from the distribution that the model has at some weights.
    Softmax,
    /// A line with noise of variance ½, for which the mean squared error is the log-likelihood.
    Line,
    /// A line with noise four times as large: the model does not know its variance.
    NoisyLine,
}

impl World {
    fn name(self) -> &'static str {
        match self {
            World::Softmax => "softmax regression, well specified",
            World::Line => "line, noise as the model says",
            World::NoisyLine => "line, noise twice what the model says",
        }
    }

    fn loss(self, examples: usize, rng: &mut ChaCha8Rng) -> Outcome<Loss> {
        let points: Vec<[f64; 2]> = (0..examples).map(|_| [normal(rng), normal(rng)]).collect();
        match self {
            World::Softmax => {
                let logits = |x: &[f64; 2]| [x[0] - 0.5 * x[1], 0.8 * x[1] + 0.3, -0.7 * x[0]];
                let labels: Vec<usize> = points.iter().map(|x| draw(&logits(x), rng)).collect();
                let data = Dataset::classification(table(&points)?, &labels, 3)?;
                joined(
                    perceptron(2, 3, Activation::Identity),
                    cross_entropy,
                    &data,
                    Likelihood::Categorical,
                )
            }
            World::Line | World::NoisyLine => {
                let spread = if self == World::Line { 0.5_f64.sqrt() } else { 2.0_f64.sqrt() };
                let value = |x: &[f64; 2], noise: f64| [1.5 * x[0] - x[1] + 0.4 + spread * noise];
                let targets: Vec<[f64; 1]> = points.iter().map(|x| value(x, normal(rng))).collect();
                let data = Dataset::new(table(&points)?, table(&targets)?)?;
                let likelihood = Likelihood::Gaussian { variance: 0.5 };
                joined(
                    perceptron(2, 1, Activation::Identity),
                    mean_squared_error,
                    &data,
                    likelihood,
                )
            }
        }
    }
}

/// A mean loss in two parts, with its examples.
fn joined(
    model: impl Module<f64> + 'static,
    loss: impl for<'t> Fn(Tensor<'t>, Tensor<'t>) -> Var<'t> + Send + Sync + 'static,
    data: &Dataset<f64>,
    likelihood: Likelihood,
) -> Outcome<Loss> {
    let supervised = Supervised::new(model, loss)?;
    let mean = supervised.composite(data, Some(likelihood))?;
    Ok(WithExamples::new(mean, supervised.per_example(data)?)?)
}

/// A standard normal deviate (Box & Muller).
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// A class with the probabilities of these logits.
fn draw(logits: &[f64; 3], rng: &mut ChaCha8Rng) -> usize {
    let weights = logits.map(f64::exp);
    let mut left = rng.random::<f64>() * weights.iter().sum::<f64>();
    for (class, weight) in weights.iter().enumerate() {
        left -= weight;
        if left < 0.0 {
            return class;
        }
    }
    2
}

fn matrix(loss: &Loss, x: &[f64], which: CurvatureMatrix) -> Outcome<Vec<f64>> {
    let at = loss.linearize(x)?;
    let operator = at.curvature(which)?;
    Ok(Dense::of(&*operator)?.as_slice().to_vec())
}

/// At the optimum of models without hidden layers: Fisher's matrix is the Hessian, and the covariance of gradients tends to
/// it only where the model is right.
fn at_the_optimum() -> Outcome<Vec<Curve>> {
    println!("At the optimum, relative distance from the exact Hessian (Frobenius):\n");
    println!("{:<40}{:>10}{:>14}{:>20}", "", "examples", "true Fisher", "empirical Fisher");
    let mut curves = Vec::new();
    for world in [World::Softmax, World::Line, World::NoisyLine] {
        let mut points = Vec::new();
        for examples in SIZES {
            let loss = world.loss(examples, &mut ChaCha8Rng::seed_from_u64(5))?;
            let mut x = vec![0.0; loss.dim()];
            let report = Newton::default().gradient_tolerance(1e-12).minimize(&loss, &mut x)?;
            ensure(report.value.is_finite(), "the fit has a value")?;
            let hessian = matrix(&loss, &x, CurvatureMatrix::Hessian)?;
            let fisher = distance(&matrix(&loss, &x, CurvatureMatrix::Fisher)?, &hessian);
            let covariance = matrix(&loss, &x, CurvatureMatrix::EmpiricalFisher)?;
            let empirical = distance(&covariance, &hessian);
            ensure(fisher < 1e-12, "without hidden layers Fisher's matrix is the Hessian")?;
            println!(
                "{:<40}{examples:>10}{fisher:>14.1e}{:>18.2} %",
                world.name(),
                100.0 * empirical
            );
            points.push((examples as f64, empirical));
        }
        println!();
        let (first, last) = (points[0].1, points[SIZES.len() - 1].1);
        if world == World::NoisyLine {
            ensure(last > 2.5, "it stays wrong where the model is misspecified")?;
        } else {
            ensure(last < 0.2 * first && last < 0.03, "it converges where the model is right")?;
        }
        curves.push((world.name().to_owned(), points));
    }
    println!(
        "Where the noise is not what the model says, more data do not help: the covariance of gradients"
    );
    println!("is off by the ratio of the variances, 4, and so is a step with its inverse.");
    Ok(curves)
}

/// The weights that the network's data come from: of the hidden units, their biases, of the output, its bias.
const TEACHER: [f64; 13] = [2.1, -0.9, 0.6, 1.9, -1.6, 1.2, 0.6, -1.0, 0.4, 6.0, -5.0, 4.0, 0.1];

/// A small network that is well specified, its loss, and two starts: one at random, one near the optimum.
fn network() -> Outcome<(Loss, [Vec<f64>; 2])> {
    let rng = &mut ChaCha8Rng::seed_from_u64(11);
    let points: Vec<[f64; 2]> = (0..1000).map(|_| [normal(rng), normal(rng)]).collect();
    let output = |x: &[f64; 2], noise: f64| {
        let unit =
            |k: usize| (TEACHER[2 * k] * x[0] + TEACHER[2 * k + 1] * x[1] + TEACHER[6 + k]).tanh();
        [(0..3).map(|k| TEACHER[9 + k] * unit(k)).sum::<f64>()
            + TEACHER[12]
            + 0.5_f64.sqrt() * noise]
    };
    let targets: Vec<[f64; 1]> = points.iter().map(|x| output(x, normal(rng))).collect();
    let data = Dataset::new(table(&points)?, table(&targets)?)?;
    let model = mlp(&[2, 3, 1], Activation::Tanh);
    let start = model.init(rng);
    let near = TEACHER.iter().map(|w| w + 0.2 * normal(rng)).collect();
    let likelihood = Likelihood::Gaussian { variance: 0.5 };
    Ok((joined(model, mean_squared_error, &data, likelihood)?, [start, near]))
}

/// On the way of a network with a hidden layer, no two of the matrices are alike.
fn away_from_the_optimum() -> Outcome<()> {
    let (loss, [start, near]) = network()?;
    println!("\nA network 2-3-1 on the way of Newton's method, relative distances:\n");
    println!(
        "{:<14}{:>12}{:>14}{:>18}{:>16}{:>22}",
        "", "‖g‖∞", "true Fisher", "empirical Fisher", "ggᵀ", "smallest λ of H"
    );
    let mut indefinite = false;
    for (name, start, iterations) in [
        ("start", &start, 0),
        ("1 iteration", &start, 1),
        ("3 iterations", &start, 3),
        ("optimum", &near, 1000),
    ] {
        let mut x = start.clone();
        Newton::default()
            .gradient_tolerance(1e-10)
            .max_iterations(iterations)
            .minimize(&loss, &mut x)?;
        let at = loss.linearize(&x)?;
        let hessian = matrix(&loss, &x, CurvatureMatrix::Hessian)?;
        let off =
            |which| -> Outcome<f64> { Ok(100.0 * distance(&matrix(&loss, &x, which)?, &hessian)) };
        let g = at.gradient();
        let outer: Vec<f64> = g.iter().flat_map(|a| g.iter().map(move |b| a * b)).collect();
        let smallest = at.hessian().extreme_eigenvalues()?.smallest;
        indefinite |= smallest < -1e-6;
        println!(
            "{name:<14}{:>12.1e}{:>12.1} %{:>16.1} %{:>14.1} %{smallest:>22.2e}",
            g.iter().fold(0.0_f64, |max, g| max.max(g.abs())),
            off(CurvatureMatrix::Fisher)?,
            off(CurvatureMatrix::EmpiricalFisher)?,
            100.0 * distance(&outer, &hessian),
        );
    }
    ensure(indefinite, "the Hessian is indefinite on the way, as no covariance can be")?;
    println!(
        "\nThe Hessian may have negative eigenvalues, a covariance never; and ggᵀ, the outer product of the mean"
    );
    println!(
        "gradient, has rank one, so that its inverse, which the folk formula asks for, does not exist:"
    );
    let at = loss.linearize(&start)?;
    let g = at.gradient();
    let outer = g.iter().flat_map(|a| g.iter().map(move |b| a * b)).collect();
    let outer = Dense::new(g.len(), outer)?;
    let refused = outer.solve_shifted(0.0, g, &mut vec![0.0; g.len()]);
    let error = refused.err().map(|error| error.to_string());
    println!("    {}", error.as_deref().unwrap_or("not refused"));
    ensure(error.is_some(), "ggᵀ is singular")
}

/// Natural gradients with either matrix, and Newton's method, to the same gradient.
fn descents() -> Outcome<()> {
    println!("\nTo ‖g‖∞ ≤ 1e-6 from the same start:\n");
    println!("{:<40}{:<28}{:>11}{:>11}{:>12}", "", "method", "iterations", "time", "loss");
    let (network, [_, near]) = network()?;
    let line = World::NoisyLine.loss(800, &mut ChaCha8Rng::seed_from_u64(5))?;
    let softmax = World::Softmax.loss(800, &mut ChaCha8Rng::seed_from_u64(5))?;
    let problems = [
        (World::Softmax.name(), softmax, vec![0.0; 9]),
        (World::NoisyLine.name(), line, vec![0.0; 3]),
        ("network 2-3-1", network, near),
    ];
    for (name, loss, start) in &problems {
        let tell = |method: &str, report: &Report<f64>| {
            println!(
                "{name:<40}{method:<28}{:>11}{:>8.1} ms{:>12.6}{}",
                report.iterations,
                1e3 * report.elapsed.as_secs_f64(),
                report.value,
                if report.converged() { "" } else { "  not reached" },
            );
        };
        let newton =
            Newton::default().gradient_tolerance(1e-6).minimize(loss, &mut start.clone())?;
        let natural = |method: NaturalGradient<'static, f64>| {
            method.gradient_tolerance(1e-6).max_iterations(2000).minimize(loss, &mut start.clone())
        };
        let fisher = natural(NaturalGradient::new())?;
        let empirical = natural(NaturalGradient::empirical())?;
        tell("Newton", &newton);
        tell("natural, true Fisher", &fisher);
        tell("natural, empirical Fisher", &empirical);
        println!();
        ensure(
            newton.converged() && fisher.converged(),
            "Newton and the true Fisher matrix lead to the optimum",
        )?;
        ensure(
            fisher.iterations <= empirical.iterations,
            "the true Fisher matrix is the better metric",
        )?;
    }
    Ok(())
}

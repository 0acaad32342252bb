//! The Hessian of a small network, and the cheaper matrices that are put in its place: how far off each is, and what that
//! costs a training.
//!
//! ```text
//! cargo run --release --example hessian_variants
//! ```

#[path = "../common/chart.rs"]
mod chart;
#[path = "../common/demonstration.rs"]
mod demonstration;
#[path = "../common/distance.rs"]
mod distance;
mod maps;

use std::ops::{ControlFlow, Range};
use std::process::ExitCode;

use dualtape::autodiff::{Composite, Likelihood};
use dualtape::layers::{Activation, Dataset, Module, Supervised, mean_squared_error, mlp, table};
use dualtape::optimizers::prelude::*;
use dualtape::optimizers::{
    BlockDiagonal, CurvatureMatrix, Dense, Diagonal, Linearized, LowRank, Newton, Report,
    Structure, StructuredNewton, WithExamples,
};

use crate::chart::{Curves, Figure};
use crate::demonstration::{Outcome, demonstrate, ensure};
use crate::distance::{distance, norm};
use crate::maps::Map;

/// Inputs, hidden units, outputs.
const NETWORK: [usize; 3] = [2, 4, 1];
const EXAMPLES: usize = 300;
const RANK: usize = 8;
/// The largest component of the gradient, at the end of each training.
const TOLERANCE: f64 = 1e-5;
const ITERATIONS: usize = 3000;

fn main() -> ExitCode {
    demonstrate("Compare the Hessian of a small network with what is put in its place", |()| run())
}

type Loss = WithExamples<'static, Composite<'static>, f64>;

/// A matrix in place of the Hessian.
struct Variant {
    name: &'static str,
    matrix: CurvatureMatrix,
    structure: Structure,
}

impl Variant {
    fn all(layers: &[Range<usize>]) -> Vec<Variant> {
        use CurvatureMatrix::{EmpiricalFisher, GaussNewton, Hessian};
        let variant = |name, matrix, structure| Variant { name, matrix, structure };
        vec![
            variant("exact Hessian", Hessian, Structure::Full),
            variant("outer product: Gauss–Newton", GaussNewton, Structure::Full),
            variant("outer product: empirical Fisher", EmpiricalFisher, Structure::Full),
            variant("low rank, Lanczos", Hessian, Structure::Lanczos { rank: RANK }),
            variant("low rank, Nyström", GaussNewton, Structure::Nystrom { rank: RANK }),
            variant("block-diagonal, per layer", Hessian, Structure::Blocks(layers.to_vec())),
            variant("diagonal", Hessian, Structure::Diagonal),
        ]
    }

    /// The matrix as it is, before anything is made positive.
    fn at(&self, at: &dyn Linearized<f64>) -> Outcome<Dense<f64>> {
        let operator = at.curvature(self.matrix)?;
        Ok(match &self.structure {
            Structure::Diagonal => Dense::of(&Diagonal::of(&*operator)?)?,
            Structure::Blocks(ranges) => Dense::of(&BlockDiagonal::of(&*operator, ranges)?)?,
            Structure::Lanczos { rank } => Dense::of(&LowRank::lanczos(&*operator, *rank, 0)?)?,
            Structure::Nystrom { rank } => Dense::of(&LowRank::nystrom(&*operator, *rank, 0)?)?,
            _ => Dense::of(&*operator)?,
        })
    }

    fn minimizer(&self) -> StructuredNewton<'static, f64> {
        StructuredNewton::new(self.matrix, self.structure.clone())
            .gradient_tolerance(TOLERANCE)
            .max_iterations(ITERATIONS)
    }
}

/// The course of one training.
struct Course {
    name: &'static str,
    report: Report<f64>,
    /// Iteration, counted from 1, and largest component of the gradient.
    gradients: Vec<(f64, f64)>,
}

fn run() -> Outcome<String> {
    let model = mlp::<f64>(&NETWORK, Activation::Tanh);
    let layers = layers(&model)?;
    let start: Vec<f64> =
        TEACHER.iter().enumerate().map(|(i, w)| w + 0.3 * (2.3 * i as f64 + 1.0).sin()).collect();
    let loss = record()?;
    let dim = start.len();
    println!("{dim} parameters in {} layers, {EXAMPLES} noisy examples\n", layers.len());

    let variants = Variant::all(&layers);
    let mut optimum = start.clone();
    let report = Newton::default().gradient_tolerance(1e-11).minimize(&loss, &mut optimum)?;
    ensure(report.certified(), "Newton's method finds a certified minimum")?;
    let mut midway = start.clone();
    Newton::default().max_iterations(3).minimize(&loss, &mut midway)?;
    let points = [("start", &start), ("3 iterations", &midway), ("optimum", &optimum)];
    errors(&loss, &variants, &points)?;
    folk_formula(&loss, &points)?;

    let courses: Vec<Course> =
        variants.iter().map(|variant| train(&loss, variant, &start)).collect::<Result<_, _>>()?;
    tell(&courses, dim);
    let converged =
        |name: &str| courses.iter().any(|course| course.name == name && course.report.converged());
    ensure(converged("exact Hessian"), "the exact Hessian reaches the tolerance")?;
    ensure(converged("outer product: Gauss–Newton"), "Gauss–Newton reaches the tolerance")?;
    let iterations = |k: usize| courses[k].report.iterations;
    ensure(iterations(6) > 2 * iterations(0), "the diagonal alone is slower")?;

    let at = loss.linearize(&optimum)?;
    let mut matrices = Vec::new();
    for variant in &variants {
        matrices.push((variant.name, variant.at(&*at)?));
    }
    let maps = Map::all(matrices);
    let maps = maps.iter().map(|map| map as &dyn Figure).collect();
    let trainings = Curves {
        title: "Newton's method with each: largest component of the gradient".into(),
        x_title: "iteration + 1".into(),
        y_title: "‖g‖∞".into(),
        curves: courses.into_iter().map(|course| (course.name.into(), course.gradients)).collect(),
    };
    println!();
    chart::svg(1320, &[(280, maps), (620, vec![&trainings])])
}

/// The weights that the data come from: of the hidden units, their biases, of the output, its bias.
const TEACHER: [f64; 17] =
    [2.1, -0.9, 0.6, 1.9, -1.6, 1.2, 1.1, 1.7, 0.6, -1.0, 0.4, -1.6, 2.0, -1.6, 1.4, 1.8, 0.1];

/// What such a network makes of points on a plane, with noise.
fn data() -> Outcome<Dataset<f64>> {
    let place =
        |i: usize, step: f64| 2.0 * (step * i as f64).sin() + (0.31 * step * i as f64).cos();
    let points: Vec<[f64; 2]> = (0..EXAMPLES).map(|i| [place(i, 1.7), place(i, 2.9)]).collect();
    let output = |x: &[f64; 2], noise: f64| {
        let unit =
            |k: usize| (TEACHER[2 * k] * x[0] + TEACHER[2 * k + 1] * x[1] + TEACHER[8 + k]).tanh();
        [(0..4).map(|k| TEACHER[12 + k] * unit(k)).sum::<f64>() + TEACHER[16] + 0.1 * noise]
    };
    let noise = |i: usize| (37.0 * (i * i) as f64).sin() + (11.3 * i as f64).cos();
    let targets: Vec<[f64; 1]> =
        points.iter().enumerate().map(|(i, x)| output(x, noise(i))).collect();
    Ok(Dataset::new(table(&points)?, table(&targets)?)?)
}

/// The mean squared error in two parts, with its examples.
fn record() -> Outcome<Loss> {
    let data = data()?;
    let supervised = Supervised::new(mlp(&NETWORK, Activation::Tanh), mean_squared_error)?;
    let mean = supervised.composite(&data, Some(Likelihood::Gaussian { variance: 0.5 }))?;
    Ok(WithExamples::new(mean, supervised.per_example(&data)?)?)
}

/// The ranges of the parameters of each layer.
fn layers(model: &impl Module<f64>) -> Outcome<Vec<Range<usize>>> {
    Ok(model.layout()?.parts().modules().iter().map(|layer| layer.range()).collect())
}

/// Tells how far each variant is from the exact Hessian at each point.
fn errors(loss: &Loss, variants: &[Variant], points: &[(&str, &Vec<f64>)]) -> Outcome<()> {
    println!(
        "‖B − H‖/‖H‖                        {:>14}{:>14}{:>14}",
        points[0].0, points[1].0, points[2].0
    );
    for variant in variants {
        print!("{:<35}", variant.name);
        for (_, x) in points {
            let at = loss.linearize(x)?;
            let exact = Dense::of(at.hessian())?;
            let error = distance(variant.at(&*at)?.as_slice(), exact.as_slice());
            print!("{:>13.2} %", 100.0 * error);
        }
        println!();
    }
    Ok(())
}

/// Tells what the outer product of one gradient, `ggᵀ`, has to do with the Hessian.
fn folk_formula(loss: &Loss, points: &[(&str, &Vec<f64>)]) -> Outcome<()> {
    println!(
        "\nThe folk formula says that the outer product of the gradient, ggᵀ, \"is\" the Hessian:"
    );
    println!(
        "{:<16}{:>12}{:>12}{:>14}{:>22}{:>12}",
        "", "‖g‖", "‖H‖", "‖ggᵀ−H‖/‖H‖", "best multiple of ggᵀ", "rank of H"
    );
    for (name, x) in points {
        let at = loss.linearize(x)?;
        let (g, exact) = (at.gradient(), Dense::of(at.hessian())?);
        let outer: Vec<f64> = g.iter().flat_map(|a| g.iter().map(move |b| a * b)).collect();
        let size = norm(exact.as_slice());
        let cosine = if norm(&outer) > 1e-30 {
            outer.iter().zip(exact.as_slice()).map(|(a, b)| a * b).sum::<f64>()
                / norm(&outer)
                / size
        } else {
            0.0
        };
        let best = (1.0 - cosine * cosine).sqrt();
        let rank = LowRank::lanczos(&exact, x.len(), 0)?;
        let rank = rank.weights().iter().filter(|w| w.abs() > 1e-10 * size).count();
        println!(
            "{name:<16}{:>12.2e}{size:>12.2e}{:>12.1} %{:>20.1} %{rank:>12}",
            norm(g),
            100.0 * distance(&outer, exact.as_slice()),
            100.0 * best,
        );
        ensure(best > 0.1, "no multiple of ggᵀ is near the Hessian")?;
    }
    println!(
        "It has rank 1 where the Hessian has full rank, the square of its units, and is 0 at the optimum."
    );
    Ok(())
}

fn train(loss: &Loss, variant: &Variant, start: &[f64]) -> Outcome<Course> {
    let mut gradients = Vec::new();
    let mut x = start.to_vec();
    let report = variant
        .minimizer()
        .on_iteration(|it| {
            gradients.push((it.record.iteration as f64 + 1.0, it.record.gradient_norm));
            ControlFlow::Continue(())
        })
        .minimize(loss, &mut x)?;
    Ok(Course { name: variant.name, report, gradients })
}

fn tell(courses: &[Course], dim: usize) {
    println!("\nNewton's method with each, from the same start to ‖g‖∞ ≤ {TOLERANCE:e}:");
    println!("{:<35}{:>11}{:>11}{:>11}{:>12}  end", "", "iterations", "products", "time", "loss");
    for course in courses {
        let Report { iterations, counts, value, elapsed, stop, .. } = &course.report;
        let products = counts.hvps + counts.curvature_products + dim * counts.hessians;
        println!(
            "{:<35}{iterations:>11}{products:>11}{:>8.1} ms{value:>12.6}  {stop}",
            course.name,
            1e3 * elapsed.as_secs_f64()
        );
    }
}

//! The inverse of the Hessian learnt from gradients by updates of rank two, and Hessian–vector products without a Hessian.
//!
//! ```text
//! cargo run --release --example inverse_rank_two
//! ```
//!
//! Shows, and checks: how fast the matrices of BFGS, DFP and Broyden's class approach the true inverse; what a
//! Hessian–vector product costs beside a gradient; what each method needs to train a network; and that the Jacobian of a
//! scalar loss, which some take for its Hessian, is none.

mod curves;
#[path = "../digits/data.rs"]
mod data;

use std::cell::RefCell;
use std::error::Error;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use curves::{Curve, Panel};
use dualtape::autodiff::{Array, Function, Matrix, Scalar, c};
use dualtape::layers::{Activation, Dataset, Module, Supervised, cross_entropy, mlp};
use dualtape::optimizers::prelude::*;
use dualtape::optimizers::{
    Form, Lbfgs, LineSearch, MoreThuente, NewtonCg, QuasiNewton, QuasiNewtonMatrix, Report,
    UpdateRule,
};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use crate::data::{CLASSES, Digits};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Watch quasi-Newton matrices converge.
#[derive(Debug, Parser)]
#[command(name = "inverse_rank_two", version)]
struct Cli {
    /// Where to draw
    #[arg(long, default_value = "target/inverse_rank_two.svg", value_name = "FILE.svg")]
    out: PathBuf,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Outcome<()> {
    let quadratic = the_inverse_of_a_quadratic()?;
    let regression = the_inverse_of_a_regression()?;
    let network = Network::read()?;
    cost_of_products(&network)?;
    let training = trainings(&network)?;
    folk_formula()?;
    let panel = |title: &str, y_title, curves| Panel {
        title: title.into(),
        x_title: "iteration",
        y_title,
        curves,
    };
    let error = "‖H − (∇²f)⁻¹‖ / ‖(∇²f)⁻¹‖";
    curves::draw(
        &[
            panel("Quadratic of 8 variables, exact searches", error, quadratic),
            panel("Logistic regression", error, regression),
            panel("Network 64-8-10: gradient", "‖∇f‖∞", training),
        ],
        &cli.out,
    )?;
    println!("\ndrawn: {}", cli.out.display());
    Ok(())
}

/// `Err` unless a claim holds.
fn ensure(holds: bool, claim: &str) -> Outcome<()> {
    if holds { Ok(()) } else { Err(format!("not as claimed: {claim}").into()) }
}

const RULES: [(&str, UpdateRule<f64>); 3] = [
    ("BFGS", UpdateRule::Bfgs),
    ("DFP", UpdateRule::Dfp),
    ("Broyden, φ = ½", UpdateRule::Broyden(0.5)),
];

fn method<'c>(rule: UpdateRule<f64>) -> QuasiNewton<'c, f64> {
    match rule {
        UpdateRule::Dfp => QuasiNewton::dfp(),
        UpdateRule::Broyden(phi) => QuasiNewton::broyden(phi),
        _ => QuasiNewton::bfgs(),
    }
}

/// Searches to the very minimum along each line.
fn exact_search() -> LineSearch<f64> {
    let search = MoreThuente {
        sufficient_decrease: 1e-11,
        curvature_condition: 1e-10,
        ..MoreThuente::default()
    };
    LineSearch::MoreThuente(search)
}

/// Runs a method, and beside it the matrix that it makes of the steps: the relative distance from `inverse` after each.
fn follow(
    rule: UpdateRule<f64>,
    search: LineSearch<f64>,
    f: &Function<'_>,
    start: &[f64],
    inverse: &[f64],
) -> Outcome<(Vec<f64>, Report<f64>)> {
    let n = start.len();
    let h = RefCell::new(QuasiNewtonMatrix::scaled_identity(Form::Inverse, rule, n, 1.0));
    let errors = RefCell::new(Vec::new());
    let mut before: Option<(Vec<f64>, Vec<f64>)> = None;
    let mut method =
        method(rule).line_search(search).gradient_tolerance(1e-11).on_iteration(|it| {
            if let Some((x, g)) = &before {
                let s: Vec<f64> = it.x.iter().zip(x).map(|(a, b)| a - b).collect();
                let y: Vec<f64> = it.gradient.iter().zip(g).map(|(a, b)| a - b).collect();
                let mut h = h.borrow_mut();
                if errors.borrow().len() == 1 {
                    h.reset(dot(&s, &y) / dot(&y, &y));
                }
                h.update(&s, &y).expect("lengths are right");
            }
            errors.borrow_mut().push(distance(h.borrow().as_slice(), inverse));
            before = Some((it.x.to_vec(), it.gradient.to_vec()));
            ControlFlow::Continue(())
        });
    let report = method.minimize(f, &mut start.to_vec())?;
    drop(method);
    Ok((errors.into_inner(), report))
}

fn the_inverse_of_a_quadratic() -> Outcome<Vec<Curve>> {
    println!(
        "1. A quadratic of 8 variables, condition number 100, searched exactly along each line\n"
    );
    const N: usize = 8;
    // ½ Σ wᵢ (xᵢ + ½ xᵢ₋₁ − 1)²: curvatures from 1 to 100, and coupled
    let f = Function::record(&[0.0; N], |x| {
        let term = |i: usize| {
            let before = x[i.saturating_sub(1)] * c(if i == 0 { 0.0 } else { 0.5 });
            (x[i] + before - c(1.0)).powi(2) * c(50.0_f64.powf(i as f64 / 7.0))
        };
        (0..N).map(term).sum()
    })?;
    let start: Vec<f64> = (0..N).map(|i| 3.0 - i as f64).collect();
    let inverse = invert(&f.hessian(&start)?);
    let mut curves = Vec::new();
    for (name, rule) in RULES {
        let (errors, _) = follow(rule, exact_search(), &f, &start, &inverse)?;
        ensure(errors.len() > N && errors[N] < 1e-7, "n steps give the whole inverse")?;
        curves.push((name.to_owned(), errors));
    }
    table(&curves, 1);
    println!("\nAfter n = 8 steps each matrix is the inverse of the Hessian, whatever the rule.\n");
    Ok(curves)
}

fn the_inverse_of_a_regression() -> Outcome<Vec<Curve>> {
    println!("2. Logistic regression of 6 parameters, ordinary line search\n");
    let f = Function::record(&[0.0; 6], |x| logistic(x))?;
    let mut minimum = [0.0; 6];
    QuasiNewton::bfgs().gradient_tolerance(1e-11).minimize(&f, &mut minimum)?;
    let inverse = invert(&f.hessian(&minimum)?);
    let mut curves = Vec::new();
    for (name, rule) in RULES {
        let (errors, report) = follow(rule, LineSearch::default(), &f, &[0.0; 6], &inverse)?;
        ensure(report.converged() && report.certified(), "each rule finds the minimum")?;
        curves.push((name.to_owned(), errors));
    }
    table(&curves, 3);
    for (_, errors) in &curves {
        let last = errors[errors.len() - 1];
        ensure(last < errors[1], "the matrix comes nearer to the inverse")?;
    }
    println!(
        "\nThe matrix learns what the steps show: nearer to the inverse, though no rule promises to reach it.\n"
    );
    Ok(curves)
}

/// Logistic regression on data made by a formula, with a penalty: strictly convex.
fn logistic<S: Scalar>(theta: &[S]) -> S {
    let examples = 60;
    let mut total = S::zero();
    for i in 0..examples {
        let wave =
            |k: usize| ((i * (k + 2)) as f64 * 0.7 + k as f64).sin() * (1.0 + k as f64 * 0.5);
        let label = if wave(0) + 0.5 * wave(1) - wave(2) + 0.8 * (i as f64).cos() > 0.0 {
            1.0
        } else {
            -1.0
        };
        let z = (0..5).fold(theta[5], |z, k| z + theta[k] * c(wave(k)));
        total += (z * c(-label)).exp().ln_1p();
    }
    let penalty: S = theta.iter().map(|&t| t * t).sum();
    total * c(1.0 / examples as f64) + penalty * c(0.01)
}

/// A network and the images it is trained on.
struct Network {
    model: dualtape::layers::Sequential<f64>,
    images: Dataset<f64>,
    start: Vec<f64>,
}

impl Network {
    fn read() -> Outcome<Self> {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/optdigits.txt");
        let Digits { pixels, labels } = Digits::read(file.as_ref())?;
        let count = 400;
        let pixels = Array::new(&[count, 64], pixels[..count * 64].to_vec())?;
        let images = Dataset::classification(pixels, &labels[..count], CLASSES)?;
        let model = mlp(&[64, 8, CLASSES], Activation::Tanh);
        let start = model.init(&mut ChaCha8Rng::seed_from_u64(5));
        Ok(Network { model, images, start })
    }

    fn loss(&self) -> Outcome<Function<'_>> {
        Ok(Supervised::new(&self.model, cross_entropy)?
            .weight_decay(1e-2)?
            .function(&self.images)?)
    }
}

fn cost_of_products(network: &Network) -> Outcome<()> {
    let f = network.loss()?;
    println!(
        "3. A Hessian–vector product beside a gradient: network of {} weights, 400 images\n",
        f.dim()
    );
    let theta = &network.start;
    let (mut g, mut hv) = (vec![0.0; f.dim()], vec![0.0; f.dim()]);
    let gradient = seconds(|| Ok(f.value_and_gradient(theta, &mut g).map(drop)?))?;
    let at = f.linearize(theta)?;
    let linearize = seconds(|| Ok(f.linearize(theta).map(drop)?))?;
    let product = seconds(|| Ok(at.hvp_into(theta, &mut hv)?))?;
    println!("  gradient               {:8.3} ms", 1e3 * gradient);
    println!("  linearization          {:8.3} ms, once at a point", 1e3 * linearize);
    println!(
        "  each product           {:8.3} ms = {:.2} gradients",
        1e3 * product,
        product / gradient
    );
    println!(
        "  the Hessian would have {:8} entries, {:.1} MB\n",
        f.dim().pow(2),
        f.dim().pow(2) as f64 * 8e-6
    );
    ensure(product < 4.0 * gradient, "a product costs a few gradients at most")
}

/// The least of several times, after a warm-up.
fn seconds(mut work: impl FnMut() -> Outcome<()>) -> Outcome<f64> {
    let mut least = f64::INFINITY;
    for _ in 0..8 {
        let started = Instant::now();
        work()?;
        least = least.min(started.elapsed().as_secs_f64());
    }
    Ok(least)
}

fn trainings(network: &Network) -> Outcome<Vec<Curve>> {
    println!("4. The same network trained to a gradient of 1e-5\n");
    println!(
        "  {:16} {:>6} {:>10} {:>6} {:>9}  {:>10}",
        "method", "iter.", "gradients", "HVPs", "time", "loss"
    );
    let f = network.loss()?;
    let mut curves = Vec::new();
    let mut train = |name: &str, minimize: &dyn Fn(&mut [f64]) -> Outcome<Report<f64>>| {
        let report = minimize(&mut network.start.clone())?;
        let (counts, gradients) =
            (report.counts, report.counts.gradients + report.counts.linearizations);
        println!(
            "  {name:16} {:>6} {gradients:>10} {:>6} {:>7.2} s  {:>10.6}",
            report.iterations,
            counts.hvps,
            report.elapsed.as_secs_f64(),
            report.value
        );
        let norms = report.history.iter().map(|record| record.gradient_norm).collect();
        curves.push((name.to_owned(), norms));
        Ok::<bool, Box<dyn Error>>(report.converged())
    };
    let mut converged = Vec::new();
    for (name, rule) in RULES {
        converged.push(train(name, &|x| {
            Ok(method(rule)
                .gradient_tolerance(1e-5)
                .max_iterations(2000)
                .second_order_check(false)
                .minimize(&f, x)?)
        })?);
    }
    converged.push(train("L-BFGS", &|x| {
        Ok(Lbfgs::default().gradient_tolerance(1e-5).second_order_check(false).minimize(&f, x)?)
    })?);
    converged.push(train("Newton-CG", &|x| {
        Ok(NewtonCg::default()
            .gradient_tolerance(1e-5)
            .second_order_check(false)
            .minimize(&f, x)?)
    })?);
    ensure(converged.iter().all(|&done| done), "every method arrives")?;
    println!();
    Ok(curves)
}

/// What a Jacobian of a scalar loss says, taken for a Hessian.
fn folk_formula() -> Outcome<()> {
    println!("5. The Jacobian of a scalar loss is its gradient, not its Hessian\n");
    let f = Function::record(&[0.0; 6], |x| logistic(x))?;
    let mut minimum = [0.0; 6];
    QuasiNewton::bfgs().gradient_tolerance(1e-11).minimize(&f, &mut minimum)?;
    let v: Vec<f64> = (0..6).map(|i| (1.0 - 2.0 * (i % 2) as f64) / (i + 1) as f64).collect();
    println!(
        "  {:14} {:>14} {:>14} {:>26}",
        "at", "Jacobian · v", "vᵀ∇²f v", "‖∇²f − c ggᵀ‖ / ‖∇²f‖"
    );
    let mut least = f64::INFINITY;
    for (name, x) in [("the start", [0.0; 6]), ("the minimum", minimum)] {
        let (g, hessian, hv) = (f.gradient(&x)?, f.hessian(&x)?, f.linearize(&x)?.hvp(&v)?);
        // Even with the factor c that suits it best, the outer product misses nearly all of the Hessian.
        let outer: Vec<f64> = (0..36).map(|k| g[k / 6] * g[k % 6]).collect();
        let factor = dot(&outer, hessian.as_slice()) / dot(&outer, &outer).max(f64::MIN_POSITIVE);
        let scaled: Vec<f64> = outer.iter().map(|o| factor * o).collect();
        let error = distance(&scaled, hessian.as_slice());
        println!("  {name:14} {:>14.6} {:>14.6} {error:>26.3}", dot(&g, &v), dot(&v, &hv));
        least = least.min(error);
    }
    println!(
        "\n  One number or a matrix of rank one cannot stand for {} second derivatives; at the minimum the",
        6 * 7 / 2
    );
    println!(
        "  Jacobian vanishes, and the curvature does not. Symmetrising it, ½(J + Jᵀ), changes nothing."
    );
    ensure(least > 0.3, "the folk formula is far from the Hessian")
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// `‖a − b‖ / ‖b‖` (Frobenius).
fn distance(a: &[f64], b: &[f64]) -> f64 {
    let difference: f64 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
    (difference / dot(b, b)).sqrt()
}

/// The inverse of a small positive definite matrix (Gauss & Jordan), which nothing but this comparison needs.
fn invert(matrix: &Matrix<f64>) -> Vec<f64> {
    let n = matrix.rows();
    let mut a = matrix.as_slice().to_vec();
    for p in 0..n {
        let pivot = a[p * n + p];
        a[p * n + p] = 1.0;
        a[p * n..][..n].iter_mut().for_each(|entry| *entry /= pivot);
        for i in (0..n).filter(|&i| i != p) {
            let factor = std::mem::take(&mut a[i * n + p]);
            for j in 0..n {
                a[i * n + j] -= factor * a[p * n + j];
            }
        }
    }
    a
}

/// Every `stride`-th height of each curve.
fn table(curves: &[Curve], stride: usize) {
    print!("  {:9}", "iteration");
    curves.iter().for_each(|(name, _)| print!(" {name:>15}"));
    println!("      ‖H − (∇²f)⁻¹‖ / ‖(∇²f)⁻¹‖");
    let longest = curves.iter().map(|(_, heights)| heights.len()).max().unwrap_or(0);
    for k in (0..longest).step_by(stride) {
        print!("  {k:9}");
        for (_, heights) in curves {
            match heights.get(k) {
                Some(height) => print!(" {height:>15.2e}"),
                None => print!(" {:>15}", ""),
            }
        }
        println!();
    }
}

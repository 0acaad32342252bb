//! The inverse of the Hessian learnt from gradients by updates of rank two, and Hessian–vector products without a Hessian.
//!
//! ```text
//! cargo run --release --example inverse_rank_two
//! ```
//!
//! Shows, and checks: how fast the matrices of BFGS, DFP and Broyden's class approach the true inverse; what a
//! Hessian–vector product costs beside a gradient; what each method needs to train a network; and that the Jacobian of a
//! scalar loss, which some take for its Hessian, is none.

#[path = "../common/chart.rs"]
mod chart;
#[path = "../digits/data.rs"]
mod data;
#[path = "../common/demonstration.rs"]
mod demonstration;
#[path = "../common/distance.rs"]
mod distance;
mod inverses;

use std::process::ExitCode;
use std::time::Instant;

use dualtape::autodiff::{Array, Function, Scalar, c, record};
use dualtape::layers::{Activation, Dataset, Module, Supervised, cross_entropy, mlp};
use dualtape::optimizers::prelude::*;
use dualtape::optimizers::{Lbfgs, NewtonCg, QuasiNewton, Report};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use crate::chart::{Curve, Curves};
use crate::data::{CLASSES, Digits};
use crate::demonstration::{Outcome, demonstrate, ensure};
use crate::distance::distance;
use crate::inverses::{RULES, method};

fn main() -> ExitCode {
    demonstrate("Watch quasi-Newton matrices converge", |()| run())
}

fn run() -> Outcome<String> {
    let quadratic = inverses::of_a_quadratic()?;
    let regression = inverses::of_a_regression()?;
    let network = Network::read()?;
    cost_of_products(&network)?;
    let training = trainings(&network)?;
    folk_formula()?;
    let panel = |title: &str, y_title: &str, curves| Curves {
        title: title.into(),
        x_title: "iteration + 1".into(),
        y_title: y_title.into(),
        curves,
    };
    let error = "‖H − (∇²f)⁻¹‖ / ‖(∇²f)⁻¹‖";
    let quadratic = panel("Quadratic of 8 variables, exact searches", error, quadratic);
    let regression = panel("Logistic regression", error, regression);
    let training = panel("Network 64-8-10: gradient", "‖∇f‖∞", training);
    chart::svg(1680, &[(520, vec![&quadratic, &regression, &training])])
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
    let gradient = seconds(|| Ok(f.value_and_gradient_into(theta, &mut g).map(drop)?))?;
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
        let norms = report.history.iter().map(|record| record.gradient_norm);
        curves.push((name.to_owned(), (1..).map(f64::from).zip(norms).collect()));
        Outcome::Ok(report.converged())
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
    let f = record(&[0.0; 6]).function(|x| logistic(x))?;
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
        "  Jacobian vanishes, and the curvature does not. Symmetrising it, ½(J + Jᵀ), changes nothing.\n"
    );
    ensure(least > 0.3, "the folk formula is far from the Hessian")
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

//! A training step with Adam, and a step of Newton's method by ten conjugate-gradient iterations, on the networks that
//! `crates/comparison/python/training.py` trains with JAX and PyTorch.
//!
//! `cargo bench -p dualtape-optimizers --features layers --bench training -- [mlp|cnn|lstm|transformer]`

use std::hint::black_box;
use std::time::{Duration, Instant};

use dualtape_autodiff::{Array, Function, Tensor, Var};
use dualtape_layers::{
    Activation, Dataset, EncoderBlock, Error, Linear, Module, MultiHeadAttention, Network,
    Recurrent, Sequential, Supervised, Trainer, cnn, cross_entropy, mean_squared_error, mlp,
};
use dualtape_optimizers::Adam;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

const CG_ITERATIONS: usize = 10;
const DAMPING: f32 = 0.1;
const LEAST_TIME: Duration = Duration::from_secs(2);

type Loss = for<'t> fn(Tensor<'t, f32>, Tensor<'t, f32>) -> Var<'t, f32>;

struct Workload {
    name: &'static str,
    model: Sequential<f32>,
    data: Dataset<f32>,
    loss: Loss,
}

fn uniform(shape: &[usize], seed: u64) -> Array<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let entries = (0..shape.iter().product()).map(|_| rng.random::<f32>()).collect();
    Array::new(shape, entries).expect("as many entries as the shape has places")
}

fn workloads() -> Result<Vec<Workload>, Error> {
    let labels: Vec<usize> = (0..32).map(|i| i % 10).collect();
    let classes = |inputs| Dataset::classification(inputs, &labels, 10);
    let lstm = Sequential::new().then(Recurrent::lstm(16, 64).last()).then(Linear::new(64, 1));
    let attention = MultiHeadAttention::new(64, 1).without_bias();
    let block = EncoderBlock::new(attention, 256).pre_norm().activation(Activation::GeluTanh);
    let images = uniform(&[32, 1, 28, 28], 2);
    Ok(vec![
        Workload {
            name: "mlp",
            model: mlp(&[784, 128, 64, 10], Activation::Tanh),
            data: classes(uniform(&[32, 784], 1))?,
            loss: |z, t| cross_entropy(z, t),
        },
        Workload {
            name: "cnn",
            model: cnn([1, 28, 28], &[8, 16], &[10], Activation::Relu),
            data: classes(images)?,
            loss: |z, t| cross_entropy(z, t),
        },
        Workload {
            name: "lstm",
            model: lstm,
            data: Dataset::new(uniform(&[16, 50, 16], 3), uniform(&[16, 1], 4))?,
            loss: |z, t| mean_squared_error(z, t),
        },
        Workload {
            name: "transformer",
            model: Sequential::new().then(block),
            data: Dataset::new(uniform(&[8, 32, 64], 5), uniform(&[8, 32, 64], 6))?,
            loss: |z, t| mean_squared_error(z, t),
        },
    ])
}

/// Best and median time of a step, from as many runs of `steps` steps as fit.
fn time(steps: usize, mut run: impl FnMut(usize) -> Result<(), Error>) -> Result<[f64; 2], Error> {
    run(2)?;
    let (started, mut samples) = (Instant::now(), Vec::new());
    while started.elapsed() < LEAST_TIME {
        let start = Instant::now();
        run(steps)?;
        samples.push(start.elapsed().as_secs_f64() * 1e6 / steps as f64);
    }
    samples.sort_by(f64::total_cmp);
    Ok([samples[0], samples[samples.len() / 2]])
}

/// Steps of Adam in the training loop, with all that it does: data, gradient, update, history.
fn adam(workload: &Workload) -> Result<[f64; 2], Error> {
    let mut network = Network::new(workload.model.clone(), &mut ChaCha8Rng::seed_from_u64(7))?;
    let mut optimizer = Adam::new(1e-3_f32);
    // Steps are the epochs of one fit, and the recording at its beginning is not among them.
    let mut samples = Vec::new();
    let started = Instant::now();
    while started.elapsed() < LEAST_TIME {
        let history = Trainer::new(workload.loss).epochs(40).fit(
            &mut network,
            &mut optimizer,
            &workload.data,
        )?;
        samples.extend(history.epochs()[2..].iter().map(|epoch| epoch.seconds * 1e6));
    }
    samples.sort_by(f64::total_cmp);
    Ok([samples[0], samples[samples.len() / 2]])
}

/// `θ ← θ + d`, with `d` from ten conjugate-gradient iterations for `(∇²f + λI)·d = −∇f`.
fn newton_cg(workload: &Workload) -> Result<[f64; 2], Error> {
    let objective: Function<'_, f32> =
        Supervised::new(&workload.model, workload.loss)?.function(&workload.data)?;
    let mut theta = workload.model.init(&mut ChaCha8Rng::seed_from_u64(7));
    let n = theta.len();
    let [mut d, mut r, mut p, mut q] = [(); 4].map(|()| vec![0.0_f32; n]);
    time(1, |steps| {
        for _ in 0..steps {
            let at = objective.linearize(&theta)?;
            d.fill(0.0);
            for ((r, p), g) in r.iter_mut().zip(&mut p).zip(at.gradient()) {
                (*r, *p) = (-g, -g);
            }
            let mut rr = dot(&r, &r);
            for _ in 0..CG_ITERATIONS {
                at.hvp_into(&p, &mut q)?;
                add(&mut q, DAMPING, &p);
                let alpha = rr / dot(&p, &q);
                add(&mut d, alpha, &p);
                add(&mut r, -alpha, &q);
                let next = dot(&r, &r);
                for (p, r) in p.iter_mut().zip(&r) {
                    *p = r + next / rr * *p;
                }
                rr = next;
            }
            drop(at);
            // Tiny, so that all steps are taken at about the same point.
            add(&mut theta, 1e-6, &d);
        }
        black_box(&theta);
        Ok(())
    })
}

/// In sixteen sums, as the peers' products are.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    let mut sums = [0.0_f32; 16];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

fn add(y: &mut [f32], a: f32, x: &[f32]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += a * x);
}

/// The most memory that the process had, in MB, where the system tells.
fn peak_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kilobytes.map_or(f64::NAN, |kilobytes| kilobytes / 1e3)
}

fn main() -> Result<(), Error> {
    let chosen: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    println!(
        "{:12} {:>11} {:>11} {:>13} {:>13} {:>9}",
        "µs a step", "Adam best", "median", "Newton best", "median", "peak MB"
    );
    for workload in workloads()? {
        if !chosen.is_empty() && !chosen.iter().any(|name| name == workload.name) {
            continue;
        }
        let ([a, b], [c, d]) = (adam(&workload)?, newton_cg(&workload)?);
        println!(
            "{:12} {a:>11.0} {b:>11.0} {c:>13.0} {d:>13.0} {:>9.0}",
            workload.name,
            peak_memory()
        );
    }
    Ok(())
}

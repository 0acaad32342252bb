//! Two problems on real handwritten digits, solved by every method of the crate: the figures that
//! `crates/comparison/python/optimizers.py` takes of SciPy and PyTorch.
//!
//! `cargo bench -p dualtape-optimizers --bench digits -- [softmax|mlp] [part of a method's name]`
//!
//! * `softmax`: 650 parameters, mean cross entropy and `½·10⁻⁴·‖θ‖²`, from zero, to `‖∇f‖₂ ≤ 10⁻⁶` and `10⁻¹⁰`;
//! * `mlp`: 64-32-10 with tanh, 2,410 parameters, the same loss, from a fixed start, to `f ≤ 0.0210`.
//!
//! On one thread, in double precision. Seconds are those the thread was running, where the system tells, so that other work on
//! the machine does not count; recording is not part of them, and stated by itself.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use dualtape_autodiff::{Array, Composite, Function, Tensor, Var, record};
use dualtape_optimizers::{
    Counts, CubicRegularization, CurvatureMatrix, Forcing, HessianFree, Iteration, Lbfgs, Lbfgsb,
    Minimizer, Newton, NewtonCg, NonlinearCg, Objective, Report, SaddleFreeNewton, Subproblem,
    TrustRegion,
};

const IMAGES: usize = 1797;
const PIXELS: usize = 64;
const CLASSES: usize = 10;
const HIDDEN: usize = 32;
const L2: f64 = 1e-4;
const REPETITIONS: usize = 3;

type Failure = Box<dyn std::error::Error>;

/// Pixels in `[0, 1]` and one-hot labels; the format is described in `examples/data/README.md`.
fn digits() -> Result<(Array<f64>, Array<f64>), Failure> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/data/optdigits.txt");
    let text = std::fs::read_to_string(path)?;
    let (mut pixels, mut targets) = (Vec::new(), Vec::new());
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let grey =
            line.chars().take(PIXELS).map(|c| c.to_digit(17).map(|grey| f64::from(grey) / 16.0));
        pixels.extend(grey.collect::<Option<Vec<f64>>>().ok_or("no grey value")?);
        let label: usize = line[PIXELS..].trim().parse()?;
        targets.extend((0..CLASSES).map(|class| f64::from(u8::from(class == label))));
    }
    Ok((Array::new(&[IMAGES, PIXELS], pixels)?, Array::new(&[IMAGES, CLASSES], targets)?))
}

/// Entries `2u − 1` with `u` from the stream of SplitMix64 that the peers use.
fn uniform(stream: u64, len: u64, scale: f64) -> impl Iterator<Item = f64> {
    (0..len).map(move |k| {
        let mut z = (k + 1 + (stream << 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        scale * (2.0 * ((z >> 11) as f64 * 2_f64.powi(-53)) - 1.0)
    })
}

/// The parameters of an affine map, weights `[inputs, outputs]` and then biases, applied to `x`; and where they end.
fn affine<'t>(
    theta: Tensor<'t>,
    x: Tensor<'t>,
    start: usize,
    [inputs, outputs]: [usize; 2],
) -> (Tensor<'t>, usize) {
    let (bias, end) = (start + inputs * outputs, start + (inputs + 1) * outputs);
    let weights = theta.slice(0, start..bias).reshape(&[inputs, outputs]);
    (x.matmul(weights) + theta.slice(0, bias..end), end)
}

/// Whether a point with this value and `‖∇f‖₂` is good enough.
type IsReached = fn(f64, f64) -> bool;

/// What is to be minimised, and how far.
struct Problem {
    name: &'static str,
    objective: Function<'static>,
    /// The same in two parts, which has a Gauss–Newton matrix.
    in_parts: Composite<'static>,
    start: Vec<f64>,
    targets: &'static [(&'static str, IsReached)],
}

/// The logits of a network with tanh between its layers.
fn logits<'t>(theta: Tensor<'t>, pixels: Tensor<'t>, widths: &[usize]) -> Tensor<'t> {
    let (mut z, mut at) = (pixels, 0);
    for (layer, pair) in widths.windows(2).enumerate() {
        let input = if layer == 0 { z } else { z.tanh() };
        (z, at) = affine(theta, input, at, [pair[0], pair[1]]);
    }
    z
}

fn misfit<'t>(logits: Tensor<'t>, targets: Tensor<'t>) -> Var<'t> {
    (logits.log_softmax(1) * targets).sum() * (-1.0 / IMAGES as f64)
}

fn decay(theta: Tensor<'_>) -> Var<'_> {
    theta.dot(theta) * (0.5 * L2)
}

fn recorded(start: &[f64], widths: &'static [usize]) -> Result<Function<'static>, Failure> {
    let (pixels, targets) = digits()?;
    Ok(record(start).data(&[&pixels, &targets]).function(move |theta, data| {
        misfit(logits(theta, data[0], widths), data[1]) + decay(theta)
    })?)
}

fn record_in_parts(start: &[f64], widths: &'static [usize]) -> Result<Composite<'static>, Failure> {
    let (pixels, targets) = digits()?;
    Ok(record(start).data(&[&pixels, &targets]).composite_with_penalty(
        move |theta, data| logits(theta, data[0], widths),
        |z, data| misfit(z, data[1]),
        |theta, _| decay(theta),
    )?)
}

impl Problem {
    fn new(
        name: &'static str,
        start: Vec<f64>,
        widths: &'static [usize],
        targets: &'static [(&'static str, IsReached)],
    ) -> Result<Self, Failure> {
        let wall = Instant::now();
        let before = seconds(wall);
        let objective = recorded(&start, widths)?;
        println!("{name}: recorded in {:.4} s", seconds(wall) - before);
        let in_parts = record_in_parts(&start, widths)?;
        Ok(Problem { name, objective, in_parts, start, targets })
    }
}

fn problems() -> Result<[Problem; 2], Failure> {
    let zero = vec![0.0; (PIXELS + 1) * CLASSES];
    let network: Vec<f64> = uniform(700, 2048, 1.0 / 8.0)
        .chain(uniform(701, 32, 0.1))
        .chain(uniform(702, 320, 1.0 / 32_f64.sqrt()))
        .chain(uniform(703, 10, 0.1))
        .collect();
    let softmax: &[(&str, IsReached)] = &[("1e-6", |_, g| g <= 1e-6), ("1e-10", |_, g| g <= 1e-10)];
    Ok([
        Problem::new("softmax", zero, &[PIXELS, CLASSES], softmax)?,
        Problem::new(
            "mlp",
            network,
            &[PIXELS, HIDDEN, CLASSES],
            &[("0.0210", |f, _| f <= 0.0210)],
        )?,
    ])
}

/// Seconds this thread was running.
fn seconds(since: Instant) -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let running = told.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    running.map_or_else(|| since.elapsed().as_secs_f64(), |nanoseconds| nanoseconds * 1e-9)
}

type Watch<'w> = Box<dyn FnMut(&Iteration<'_, f64>) -> ControlFlow<()> + 'w>;
type Solve = fn(&dyn Objective<f64>, &mut [f64], Watch<'_>) -> Report<f64>;

/// A method with the settings it is run with.
fn solve<'c>(
    method: impl Minimizer<'c, f64>,
    f: &dyn Objective<f64>,
    x: &mut [f64],
    watch: Watch<'c>,
) -> Report<f64> {
    method
        .gradient_tolerance(1e-13)
        .max_iterations(20_000)
        .second_order_check(false)
        .keep_history(false)
        .on_iteration(watch)
        .minimize(f, x)
        .expect("a recorded function of the right length")
}

/// A method, how it is run, and whether it needs the dense Hessian or the loss in two parts.
struct Row {
    name: &'static str,
    solve: Solve,
    dense: bool,
    in_parts: bool,
}

const fn row(name: &'static str, solve: Solve) -> Row {
    Row { name, solve, dense: false, in_parts: false }
}

const fn dense(name: &'static str, solve: Solve) -> Row {
    Row { dense: true, ..row(name, solve) }
}

const fn in_parts(name: &'static str, solve: Solve) -> Row {
    Row { in_parts: true, ..row(name, solve) }
}

const METHODS: &[Row] = &[
    dense("Newton", |f, x, w| solve(Newton::default(), f, x, w)),
    row("Newton-CG", |f, x, w| solve(NewtonCg::default(), f, x, w)),
    row("Newton-CG, superlinear", |f, x, w| {
        solve(NewtonCg::default().forcing(Forcing::Superlinear), f, x, w)
    }),
    row("Newton-CG, half", |f, x, w| {
        solve(NewtonCg::default().forcing(Forcing::Constant(0.5)), f, x, w)
    }),
    in_parts("Newton-CG, Gauss-Newton", |f, x, w| {
        solve(NewtonCg::default().curvature(CurvatureMatrix::GaussNewton), f, x, w)
    }),
    dense("trust region, dogleg", |f, x, w| solve(TrustRegion::new(Subproblem::Dogleg), f, x, w)),
    dense("trust region, exact", |f, x, w| solve(TrustRegion::new(Subproblem::Exact), f, x, w)),
    row("trust region, CG", |f, x, w| {
        solve(TrustRegion::new(Subproblem::ConjugateGradients), f, x, w)
    }),
    row("trust region, Krylov", |f, x, w| solve(TrustRegion::new(Subproblem::Krylov), f, x, w)),
    row("cubic regularisation", |f, x, w| solve(CubicRegularization::default(), f, x, w)),
    row("saddle-free Newton", |f, x, w| solve(SaddleFreeNewton::default(), f, x, w)),
    in_parts("Hessian-free", |f, x, w| solve(HessianFree::default(), f, x, w)),
    row("Hessian-free, Hessian", |f, x, w| {
        solve(HessianFree::default().curvature(CurvatureMatrix::Hessian), f, x, w)
    }),
    row("L-BFGS", |f, x, w| solve(Lbfgs::default(), f, x, w)),
    row("L-BFGS-B", |f, x, w| {
        let bounds = |side: f64| vec![side * f64::INFINITY; x.len()];
        solve(Lbfgsb::new(bounds(-1.0), bounds(1.0)), f, x, w)
    }),
    row("nonlinear CG", |f, x, w| solve(NonlinearCg::default(), f, x, w)),
];

/// What a run had spent when it reached a target.
#[derive(Clone, Copy)]
struct Reached {
    seconds: f64,
    iterations: usize,
    counts: Counts,
}

/// One run: what it had spent at each target, where it reached it.
fn measure(problem: &Problem, row: &Row) -> (Vec<Option<Reached>>, Report<f64>) {
    let mut reached = vec![None; problem.targets.len()];
    let mut x = problem.start.clone();
    let wall = Instant::now();
    let start = seconds(wall);
    let objective: &dyn Objective<f64> =
        if row.in_parts { &problem.in_parts } else { &problem.objective };
    let report = (row.solve)(
        objective,
        &mut x,
        Box::new(|it| {
            let size = it.gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
            for (reached, (_, is_reached)) in reached.iter_mut().zip(problem.targets) {
                if reached.is_none() && is_reached(it.record.value, size) {
                    *reached = Some(Reached {
                        seconds: seconds(wall) - start,
                        iterations: it.record.iteration,
                        counts: it.record.counts,
                    });
                }
            }
            let all = reached.iter().all(Option::is_some);
            let late = wall.elapsed().as_secs() > 60;
            if all || late { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }),
    );
    (reached, report)
}

fn print_row(problem: &Problem, name: &str, runs: &[(Vec<Option<Reached>>, Report<f64>)]) {
    for (k, (target, _)) in problem.targets.iter().enumerate() {
        let mut reached: Vec<Reached> = runs.iter().filter_map(|(reached, _)| reached[k]).collect();
        reached.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        print!("{:8} {target:7} {name:30} ", problem.name);
        let Some(best) = reached.first() else {
            let report = &runs[0].1;
            let (f, g) = (report.value, report.gradient_norm);
            println!("not reached: {}, f = {f:.9}, ‖g‖∞ = {g:.1e}", report.stop);
            continue;
        };
        let (c, median) = (best.counts, reached[reached.len() / 2].seconds);
        let products = c.hvps + c.curvature_products;
        println!(
            "{:9.4} {median:9.4} {:6} {:6} {:6} {products:6} {:4}",
            best.seconds,
            best.iterations,
            c.values,
            c.gradients + c.linearizations,
            c.hessians,
        );
    }
}

fn main() -> Result<(), Failure> {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    println!(
        "problem  target  method                           best s  median s  iter. values gradnt   HVPs Hess."
    );
    for problem in &problems()? {
        if wanted.first().is_some_and(|name| name != problem.name) {
            continue;
        }
        for row in METHODS {
            let unwanted = wanted.get(1).is_some_and(|part| !row.name.contains(part));
            if unwanted || (row.dense && problem.start.len() > 1000) {
                continue;
            }
            let mut runs = vec![measure(problem, row)];
            if runs[0].0.iter().all(Option::is_some) {
                runs.extend((1..REPETITIONS).map(|_| measure(problem, row)));
            }
            print_row(problem, row.name, &runs);
        }
    }
    Ok(())
}

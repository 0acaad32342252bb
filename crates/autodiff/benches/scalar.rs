//! Scalar workloads: what recording, replaying and differentiating cost, against the plain function in the same run.
//!
//! `cargo bench -p dualtape-autodiff --bench scalar`, or only some: `… --bench scalar -- rosen1000 lv1000`

mod timing;

use dualtape_autodiff::{
    Dual, Error, Recorder, Scalar, Tape, Var, c, forward, gradient, hvp, numbers::Dual2, record,
};
use std::hint::black_box;
use timing::time;

/// Chained Rosenbrock function.
fn rosenbrock<S: Scalar>(x: &[S]) -> S {
    let mut total = S::zero();
    for i in 0..x.len() - 1 {
        total += c(100.0) * (x[i + 1] - x[i] * x[i]).powi(2) + (c(1.0) - x[i]).powi(2);
    }
    total
}

/// Coefficients of the Helmholtz energy of `n` components, so that no cosine is timed.
struct Mixture {
    b: Vec<f64>,
    /// `a[i + j]` is entry `(i, j)` of the symmetric matrix.
    a: Vec<f64>,
}

impl Mixture {
    fn new(n: usize) -> Self {
        let b = (0..n).map(|i| 0.5 + 0.25 * (0.2 * i as f64 + 0.1).cos()).collect();
        let a = (0..2 * n).map(|k| 0.5 + 0.3 * (0.1 * k as f64).cos()).collect();
        Self { b, a }
    }

    /// Helmholtz free energy, with the quadratic form as a plain double loop.
    fn energy<S: Scalar>(&self, x: &[S]) -> S {
        let mut bx = S::zero();
        for (&x, &b) in x.iter().zip(&self.b) {
            bx += x * c(b);
        }
        let mut total = S::zero();
        for &x in x {
            total += x * (x / (c(1.0) - bx)).ln();
        }
        let mut quadratic = S::zero();
        for (i, &x_i) in x.iter().enumerate() {
            let mut row = S::zero();
            for (&x_j, &a) in x.iter().zip(&self.a[i..]) {
                row += x_j * c(a);
            }
            quadratic += x_i * row;
        }
        let root = 2.0_f64.sqrt();
        let ratio = (bx * c(1.0 + root) + c(1.0)) / (bx * c(1.0 - root) + c(1.0));
        total - quadratic / (bx * c(8.0_f64.sqrt())) * ratio.ln()
    }
}

/// Lotka–Volterra by 1000 steps of the classical Runge–Kutta method.
fn lotka_volterra<S: Scalar>(p: &[S]) -> S {
    let slope = |x: S, y: S| (x * (p[0] - p[1] * y), y * (p[3] * x - p[2]));
    let (mut x, mut y) = (p[4], p[5]);
    let h = 0.01;
    for _ in 0..1000 {
        let (k1, l1) = slope(x, y);
        let (k2, l2) = slope(x + k1 * c(0.5 * h), y + l1 * c(0.5 * h));
        let (k3, l3) = slope(x + k2 * c(0.5 * h), y + l2 * c(0.5 * h));
        let (k4, l4) = slope(x + k3 * c(h), y + l3 * c(h));
        x += (k1 + (k2 + k3) * c(2.0) + k4) * c(h / 6.0);
        y += (l1 + (l2 + l3) * c(2.0) + l4) * c(h / 6.0);
    }
    (x - c(1.2)).powi(2) + (y - c(0.8)).powi(2)
}

/// A mixture of `k` Gaussians in `d` dimensions with a Wishart prior, the objective of ADBench.
struct Gaussians {
    d: usize,
    k: usize,
    x: Vec<f64>,
}

impl Gaussians {
    fn new(d: usize, k: usize, n: usize) -> Self {
        let point = |i: f64| 1.5 * (0.37 * i + 0.2).sin() + 0.5 * (0.011 * i).cos();
        Self { d, k, x: (0..n * d).map(|i| point(i as f64)).collect() }
    }

    /// Weights, means, and inverse covariance factors.
    fn parameters(&self) -> Vec<f64> {
        let (d, k) = (self.d, self.k);
        let alphas = (0..k).map(|i| (0.1 * i as f64 + 0.3).sin());
        let means = (0..k * d).map(|i| (0.1 * i as f64 + 0.5).sin());
        let factors = (0..k * d * (d + 1) / 2).map(|i| 0.3 * (0.1 * i as f64 + 0.7).cos());
        alphas.chain(means).chain(factors).collect()
    }

    /// The negative log likelihood but for its constants.
    fn value<S: Scalar>(&self, theta: &[S]) -> S {
        let (d, k) = (self.d, self.k);
        let (alphas, rest) = theta.split_at(k);
        let (means, factors) = rest.split_at(k * d);
        let factors: Vec<&[S]> = factors.chunks_exact(d * (d + 1) / 2).collect();
        let scales: Vec<Vec<S>> =
            factors.iter().map(|factor| factor[..d].iter().map(|q| q.exp()).collect()).collect();
        let log_scales: Vec<S> = factors.iter().map(|factor| sum(&factor[..d])).collect();
        let mut value = S::zero();
        let (mut centred, mut rows) = (vec![S::zero(); d], vec![S::zero(); d]);
        let mut inner = vec![S::zero(); k];
        for x in self.x.chunks_exact(d) {
            for j in 0..k {
                for i in 0..d {
                    centred[i] = c(x[i]) - means[j * d + i];
                    rows[i] = scales[j][i] * centred[i];
                }
                let mut below = factors[j][d..].iter();
                for (column, &centred) in centred.iter().enumerate() {
                    for row in &mut rows[column + 1..] {
                        *row += *below.next().expect("d(d−1)/2 entries") * centred;
                    }
                }
                let mut squares = S::zero();
                for &row in &rows {
                    squares += row * row;
                }
                inner[j] = alphas[j] + log_scales[j] - c(0.5) * squares;
            }
            value += log_sum_exp(&inner);
        }
        let mut prior = S::zero();
        for (factor, scales) in factors.iter().zip(&scales) {
            for &entry in scales.iter().chain(&factor[d..]) {
                prior += entry * entry;
            }
        }
        value - c((self.x.len() / d) as f64) * log_sum_exp(alphas) + c(0.5) * prior
    }
}

fn sum<S: Scalar>(x: &[S]) -> S {
    let mut total = S::zero();
    for &x in x {
        total += x;
    }
    total
}

fn log_sum_exp<S: Scalar>(x: &[S]) -> S {
    let mut max = x[0];
    for &x in &x[1..] {
        max = max.max(x);
    }
    let mut total = S::zero();
    for &x in x {
        total += (x - max).exp();
    }
    total.ln() + max
}

fn wave(n: usize) -> Vec<f64> {
    (0..n).map(|i| (0.1 * i as f64 + 0.3).sin()).collect()
}

fn report<P, F>(name: &str, x: &[f64], plain: P, f: F) -> Result<(), Error>
where
    P: Fn(&[f64]) -> f64,
    F: for<'t> Fn(&[Var<'t>]) -> Var<'t> + Send + Sync + Copy,
{
    if !wanted(name) {
        return Ok(());
    }
    let n = x.len();
    let v: Vec<f64> = (0..n).map(|i| (0.2 * i as f64 + 0.1).cos()).collect();
    let instructions = {
        let tape = Tape::new();
        let inputs: Vec<Var<'_>> = x.iter().map(|&x| tape.input(x)).collect();
        f(&inputs);
        tape.len() as f64
    };
    let recorded = record(x).function(f)?;
    let at = recorded.linearize(x)?;
    let mut recorder = Recorder::new();
    let (mut g, mut hv) = (vec![0.0; n], vec![0.0; n]);
    let base = time(|| plain(black_box(x)));
    let rows = [
        ("plain function", base),
        (
            "record",
            time(|| {
                let tape = Tape::new();
                let inputs: Vec<Var<'_>> = x.iter().map(|&x| tape.input(x)).collect();
                f(&inputs).value()
            }),
        ),
        ("one-shot gradient", time(|| gradient(f, x))),
        ("  memory kept", time(|| recorder.value_and_gradient_into(f, x, &mut g))),
        ("one-shot HVP", time(|| hvp(f, x, &v))),
        ("replayed value", time(|| recorded.value(x))),
        ("replayed gradient", time(|| recorded.value_and_gradient_into(x, &mut g))),
        ("linearize", time(|| recorded.linearize(x).map(|at| at.value()))),
        ("linearised HVP", time(|| at.hvp_into(&v, &mut hv))),
    ];
    println!("\n{name}: {instructions} instructions");
    println!("{:<20}{:>12}{:>12}{:>14}{:>12}", "", "median ns", "best ns", "ns/instr", "× plain");
    for (what, t) in rows {
        println!(
            "{what:<20}{:>12.0}{:>12.0}{:>14.2}{:>12.1}",
            t.median,
            t.best,
            t.best / instructions,
            t.best / base.best
        );
    }
    if n <= 200 {
        let hessian = time(|| at.hessian());
        println!("{:<20}{:>12.0}{:>12.0}", "Hessian at the point", hessian.median, hessian.best);
    }
    Ok(())
}

/// The drivers on the stack, for few inputs.
fn report_forward<const N: usize>(
    name: &str,
    x: &[f64; N],
    plain: impl Fn(&[f64]) -> f64,
    first: impl Fn(&[Dual<f64, N>; N]) -> Dual<f64, N>,
    second: impl Fn(&[Dual2<f64, N>; N]) -> Dual2<f64, N>,
) {
    if !wanted(name) {
        return;
    }
    let rows = [
        ("plain function", time(|| plain(black_box(x)))),
        ("gradient", time(|| forward::gradient(&first, black_box(x)))),
        ("Hessian", time(|| forward::hessian(&second, black_box(x)))),
    ];
    println!("\n{name}, forward on the stack");
    println!("{:<20}{:>12}{:>12}{:>12}", "", "median ns", "best ns", "× plain");
    for (what, t) in rows {
        let ratio = t.best / rows[0].1.best;
        println!("{what:<20}{:>12.0}{:>12.0}{ratio:>12.1}", t.median, t.best);
    }
}

/// Whether a workload is to be timed: all are, unless arguments other than cargo's own name some.
fn wanted(name: &str) -> bool {
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with('-')).peekable();
    words.peek().is_none() || words.any(|word| word == name)
}

fn main() -> Result<(), Error> {
    report("rosen10", &wave(10), rosenbrock, |x| rosenbrock(x))?;
    report("rosen100", &wave(100), rosenbrock, |x| rosenbrock(x))?;
    report("rosen1000", &wave(1000), rosenbrock, |x| rosenbrock(x))?;
    let positive: Vec<f64> = wave(100).iter().map(|x| (1.0 + 0.5 * x) / 200.0).collect();
    let mixture = &Mixture::new(100);
    report("helm100", &positive, |x| mixture.energy(x), |x| mixture.energy(x))?;
    let gaussians = &Gaussians::new(10, 5, 100);
    let parameters = gaussians.parameters();
    report("gmm_d10k5", &parameters, |x| gaussians.value(x), |x| gaussians.value(x))?;
    let start = [1.5, 1.0, 3.0, 1.0, 1.0, 1.0];
    report("lv1000", &start, lotka_volterra, |x| lotka_volterra(x))?;

    let ten: [f64; 10] = std::array::from_fn(|i| (0.1 * i as f64 + 0.3).sin());
    report_forward("rosen10", &ten, rosenbrock, |x| rosenbrock(x), |x| rosenbrock(x));
    let small = &Mixture::new(10);
    let positive = ten.map(|x| (1.0 + 0.5 * x) / 20.0);
    let energy = |x: &[f64]| small.energy(x);
    report_forward("helm10", &positive, energy, |x| small.energy(x), |x| small.energy(x));
    report_forward("lv1000", &start, lotka_volterra, |x| lotka_volterra(x), |x| lotka_volterra(x));
    Ok(())
}

//! Functions of scalars: chained Rosenbrock, a Helmholtz energy, Gaussian mixtures, Lotka–Volterra.

use super::inputs::{cosines, sines};
use crate::number::Number;

/// A function of many scalars, with the point and the direction at which it is differentiated.
#[derive(Debug)]
pub struct Problem {
    /// The workload's name.
    pub name: String,
    /// Where the function is evaluated.
    pub point: Vec<f64>,
    /// `vᵢ = cos(0.2 i + 0.1)`: the direction of every Hessian-vector product.
    pub direction: Vec<f64>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Rosenbrock,
    Helmholtz { a: Vec<f64>, b: Vec<f64> },
    Gaussians(Gaussians),
    LotkaVolterra,
}

impl Problem {
    fn new(name: String, point: Vec<f64>, kind: Kind) -> Self {
        let direction = cosines(point.len(), 0.2, 0.1);
        Self { name, point, direction, kind }
    }

    /// Chained Rosenbrock function, `xᵢ = sin(0.1 i + 0.3)`.
    pub fn rosenbrock(n: usize) -> Self {
        Self::new(format!("rosen{n}"), sines(n, 0.1, 0.3), Kind::Rosenbrock)
    }

    /// Helmholtz energy of `n` components, `xᵢ = (1 + ½ sin(0.1 i + 0.3))/2n`.
    pub fn helmholtz(n: usize) -> Self {
        let point = sines(n, 0.1, 0.3).iter().map(|s| (1.0 + 0.5 * s) / (2.0 * n as f64)).collect();
        let b = cosines(n, 0.2, 0.1).iter().map(|c| 0.5 + 0.25 * c).collect();
        let entry = |i: usize, j: usize| 0.5 + 0.3 * (0.1 * (i + j) as f64).cos();
        let a = (0..n * n).map(|k| entry(k / n, k % n)).collect();
        Self::new(format!("helm{n}"), point, Kind::Helmholtz { a, b })
    }

    /// Gaussian mixture of ADBench: `clusters` of dimension `d`, 100 observations, γ = 1, m = 0.
    pub fn gaussians(d: usize, clusters: usize) -> Self {
        let mut point = sines(clusters, 0.1, 0.3);
        point.extend(sines(clusters * d, 0.1, 0.5));
        point.extend(cosines(clusters * d * (d + 1) / 2, 0.1, 0.7).iter().map(|c| 0.3 * c));
        let kind = Kind::Gaussians(Gaussians::new(d, clusters, 100));
        Self::new(format!("gmm_d{d}k{clusters}"), point, kind)
    }

    /// Lotka–Volterra equations by 1000 classical Runge–Kutta steps, a function of coefficients and start.
    pub fn lotka_volterra() -> Self {
        Self::new("lv1000".into(), vec![1.5, 1.0, 3.0, 1.0, 1.0, 1.0], Kind::LotkaVolterra)
    }

    /// Number of inputs.
    pub fn dim(&self) -> usize {
        self.point.len()
    }

    /// Whether most of the Hessian's entries are zero.
    #[cfg_attr(not(feature = "echidna"), expect(dead_code, reason = "only echidna has them"))]
    pub fn has_sparse_hessian(&self) -> bool {
        matches!(self.kind, Kind::Rosenbrock)
    }

    /// The function.
    pub fn evaluate<N: Number>(&self, x: &[N]) -> N {
        match &self.kind {
            Kind::Rosenbrock => rosenbrock(x),
            Kind::Helmholtz { a, b } => helmholtz(a, b, x),
            Kind::Gaussians(data) => data.objective(x),
            Kind::LotkaVolterra => lotka_volterra(x),
        }
    }
}

/// `Σ 100(xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)²`
fn rosenbrock<N: Number>(x: &[N]) -> N {
    let mut total = N::constant(0.0);
    for pair in x.windows(2) {
        let (x, next) = (pair[0], pair[1]);
        let (a, b) = (next - x * x, x.times(-1.0).plus(1.0));
        total = total + (a * a).times(100.0) + b * b;
    }
    total
}

/// `Σ xᵢ ln(xᵢ/(1−b·x)) − xᵀAx/(√8 b·x)·ln((1+(1+√2)b·x)/(1+(1−√2)b·x))`
fn helmholtz<N: Number>(a: &[f64], b: &[f64], x: &[N]) -> N {
    let bx = N::weighted_sum(b, x);
    let free = bx.times(-1.0).plus(1.0);
    let mut ideal = N::constant(0.0);
    for &x in x {
        ideal = ideal + x * (x / free).ln();
    }
    let mut quadratic = N::constant(0.0);
    for (&x_i, row) in x.iter().zip(a.chunks_exact(x.len())) {
        quadratic = quadratic + x_i * N::weighted_sum(row, x);
    }
    let root = 2.0_f64.sqrt();
    let ratio = bx.times(1.0 + root).plus(1.0) / bx.times(1.0 - root).plus(1.0);
    ideal - quadratic / bx.times(8.0_f64.sqrt()) * ratio.ln()
}

/// The last state's squared distance from (1.2, 0.8).
fn lotka_volterra<N: Number>(p: &[N]) -> N {
    let slope = |x: N, y: N| (x * (p[0] - p[1] * y), y * (p[3] * x - p[2]));
    let (mut x, mut y) = (p[4], p[5]);
    let h = 0.01;
    for _ in 0..1000 {
        let (k1, l1) = slope(x, y);
        let (k2, l2) = slope(x + k1.times(0.5 * h), y + l1.times(0.5 * h));
        let (k3, l3) = slope(x + k2.times(0.5 * h), y + l2.times(0.5 * h));
        let (k4, l4) = slope(x + k3.times(h), y + l3.times(h));
        x = x + (k1 + (k2 + k3).times(2.0) + k4).times(h / 6.0);
        y = y + (l1 + (l2 + l3).times(2.0) + l4).times(h / 6.0);
    }
    let (dx, dy) = (x.plus(-1.2), y.plus(-0.8));
    dx * dx + dy * dy
}

/// Observations, and what does not depend on the parameters.
#[derive(Debug)]
struct Gaussians {
    d: usize,
    clusters: usize,
    observations: Vec<f64>,
    constant: f64,
}

impl Gaussians {
    fn new(d: usize, clusters: usize, n: usize) -> Self {
        let observation =
            |i: usize| 1.5 * (0.37 * i as f64 + 0.2).sin() + 0.5 * (0.011 * i as f64).cos();
        let pi = std::f64::consts::PI;
        let size = d as f64;
        let log_gamma: f64 = 0.25 * size * (size - 1.0) * pi.ln()
            + (1..=d).map(|j| ln_gamma_of_half(d + 2 - j)).sum::<f64>();
        let wishart = (size + 1.0) * size * -0.5 * 2.0_f64.ln() - log_gamma;
        let constant = -(n as f64) * size * 0.5 * (2.0 * pi).ln() - clusters as f64 * wishart;
        Self { d, clusters, observations: (0..n * d).map(observation).collect(), constant }
    }

    /// The log-likelihood with a Wishart prior. Parameters: weights, means, and for each cluster the logarithms of a
    /// diagonal followed by the columns below it.
    fn objective<N: Number>(&self, p: &[N]) -> N {
        let Self { d, clusters, .. } = *self;
        let (weights, rest) = p.split_at(clusters);
        let (means, factors) = rest.split_at(clusters * d);
        let size = d * (d + 1) / 2;
        let mut prior = N::constant(0.0);
        // Row i of a factor: the entries left of the diagonal, then the diagonal.
        let mut rows = Vec::with_capacity(factors.len());
        let mut offsets = Vec::with_capacity(clusters);
        for (&weight, factor) in weights.iter().zip(factors.chunks_exact(size)) {
            let (logarithms, below) = factor.split_at(d);
            offsets.push(logarithms.iter().fold(weight, |sum, &q| sum + q));
            for i in 0..d {
                // Entry (i, j) follows the columns 0..j, which have d − 1, d − 2, … entries.
                rows.extend((0..i).map(|j| below[j * d - j * (j + 1) / 2 + i - j - 1]));
                let diagonal = logarithms[i].exp();
                prior = prior + diagonal * diagonal;
                rows.push(diagonal);
            }
            prior = prior + N::dot(below, below);
        }
        let (mut centred, mut scaled) = (Vec::with_capacity(d), Vec::with_capacity(d));
        let mut terms = Vec::with_capacity(clusters);
        let mut total = N::constant(0.0);
        for observation in self.observations.chunks_exact(d) {
            terms.clear();
            for ((&offset, mean), rows) in
                offsets.iter().zip(means.chunks_exact(d)).zip(rows.chunks_exact(size))
            {
                centred.clear();
                centred.extend(mean.iter().zip(observation).map(|(m, &x)| m.times(-1.0).plus(x)));
                scaled.clear();
                scaled.extend((0..d).map(|i| {
                    let row = &rows[i * (i + 1) / 2..][..=i];
                    N::dot(row, &centred[..=i])
                }));
                terms.push(offset - N::dot(&scaled, &scaled).times(0.5));
            }
            total = total + N::log_sum_exp(&terms);
        }
        let n = (self.observations.len() / d) as f64;
        (total - N::log_sum_exp(weights).times(n) + prior.times(0.5)).plus(self.constant)
    }
}

/// `ln Γ(k/2)` for `k ≥ 1`, by `Γ(x + 1) = x Γ(x)`.
fn ln_gamma_of_half(k: usize) -> f64 {
    match k {
        1 => 0.5 * std::f64::consts::PI.ln(),
        2 => 0.0,
        _ => (0.5 * k as f64 - 1.0).ln() + ln_gamma_of_half(k - 2),
    }
}

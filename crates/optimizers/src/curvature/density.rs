//! The density of the eigenvalues: stochastic Lanczos quadrature.

use std::ops::Range;

use dualtape_autodiff::Real;

use super::estimate::Estimate;
use crate::check::{require, require_count};
use crate::error::Error;
use crate::linalg::{AT_ONCE, Lanczos, LinearOperator, Probes, check_finite, dimension};
use crate::quantile::student_t;

/// The spectral density by stochastic Lanczos quadrature (Ubaru, Chen & Saad, SIAM J. Matrix Anal. Appl. 38 (2017); for
/// Hessians of networks: Papyan, arXiv:1811.07062; Ghorbani, Krishnan & Xiao, ICML 2019).
///
/// From each of `N` random vectors, [Lanczos's process](https://en.wikipedia.org/wiki/Lanczos_algorithm) makes a Gauss
/// quadrature with the eigenvalues `θᵢ` of its tridiagonal matrix as nodes and the squared first components `τᵢ²` of their
/// vectors as weights. Their mean approximates the density `φ(t) = 1/n Σ δ(t − λᵢ)`, drawn with normal densities `g_σ` in
/// place of `δ`:
///
/// ```text
/// φ_σ(t) ≈ 1/N Σₗ Σᵢ τₗᵢ² g_σ(t − θₗᵢ)
/// ```
///
/// The vectors differ, and from how they do follows a confidence band of each `φ_σ(t)` by Student's t: what it covers is
/// the value for infinitely many vectors. The other two errors are the finite number of steps `m`, exponentially small
/// in `m` times `σ` relative to the spread of the spectrum, and the smoothing by `σ`, which is a matter of choice. One
/// vector alone gives no band and is noise.
///
/// **Defaults**: 10 vectors, 80 steps, 95 %, `σ = spread/((m − 1) √(8 ln 3))` (Papyan's rule). As many products as vectors
/// times steps, eight at once; `8 m n` numbers of memory. With as many vectors as parameters, the unit vectors are taken,
/// and there is no sampling error.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::record;
/// use dualtape_optimizers::{StochasticLanczos, prelude::*};
///
/// let x: Vec<f64> = (0..100).map(|i| (i as f64).sin()).collect();
/// let f = record(&x).function(|x| {
///     x.windows(2).map(|x| (x[1] - x[0]).powi(2)).fold(x[0] * 0.0, |sum, square| sum + square)
/// })?;
/// let at = Objective::linearize(&f, &x)?;
/// let density = StochasticLanczos::default().density(at.hessian())?;
/// // tr H² is 4 (2·1 + 98·4 + 198·1): what any function of the eigenvalues sums up to, with its error
/// let (low, high) = density.trace_of(|eigenvalue| eigenvalue * eigenvalue).interval(0.999);
/// assert!(low < 2368.0 && 2368.0 < high);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct StochasticLanczos {
    probes: usize,
    steps: usize,
    broadening: Option<f64>,
    confidence: f64,
    seed: u64,
}

impl Default for StochasticLanczos {
    fn default() -> Self {
        StochasticLanczos { probes: 10, steps: 80, broadening: None, confidence: 0.95, seed: 0 }
    }
}

/// A smoothed density of eigenvalues on a grid, with a confidence band, and the quadratures that it was made of.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SpectralDensity {
    /// Where the density is tabulated: equidistant, beyond the outermost nodes by 5 `σ`.
    pub grid: Vec<f64>,
    /// The density, whose integral is 1.
    pub density: Vec<f64>,
    /// The lower edge of the band, not below zero.
    pub lower: Vec<f64>,
    /// The upper edge of the band.
    pub upper: Vec<f64>,
    /// The probability with which the band covers the smoothed density at a point of the grid.
    pub confidence: f64,
    /// `σ`.
    pub broadening: f64,
    /// For each random vector the nodes, ascending, with their weights.
    pub quadratures: Vec<Vec<(f64, f64)>>,
    /// The number of eigenvalues, `n`.
    pub dim: usize,
    /// Products made.
    pub products: usize,
    /// Whether the random vectors were all unit vectors, so that their mean has no sampling error.
    pub exhaustive: bool,
}

impl StochasticLanczos {
    /// Random vectors. Default 10.
    #[must_use]
    pub fn probes(mut self, probes: usize) -> Self {
        self.probes = probes;
        self
    }

    /// Lanczos steps from each. Default 80.
    #[must_use]
    pub fn steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// The standard deviation `σ` of the normal densities. Default by Papyan's rule.
    #[must_use]
    pub fn broadening(mut self, sigma: f64) -> Self {
        self.broadening = Some(sigma);
        self
    }

    /// The probability with which the band is to cover. Default 0.95.
    #[must_use]
    pub fn confidence(mut self, confidence: f64) -> Self {
        self.confidence = confidence;
        self
    }

    /// Seed of the random vectors. Default 0.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Makes the quadratures and the density.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`], [`Error::Empty`], [`Error::NonFiniteProduct`], [`Error::Eigenvalues`], and whatever the
    /// operator refuses.
    pub fn density<S: Real>(&self, a: &dyn LinearOperator<S>) -> Result<SpectralDensity, Error> {
        require_count("probes", self.probes)?;
        require_count("steps", self.steps)?;
        require("confidence", self.confidence, "in (0, 1)", |c| c > 0.0 && c < 1.0)?;
        require("broadening", self.broadening.unwrap_or(1.0), "positive", |b| b > 0.0)?;
        let n = dimension(a)?;
        let probes = Probes::new(n, self.probes, self.seed);
        let exhaustive = probes.exhaustive();
        let mut quadratures = Vec::with_capacity(probes.count());
        let mut products = 0;
        for group in probes.groups::<S>() {
            let mut processes: Vec<Lanczos<S>> = group.chunks_exact(n).map(Lanczos::new).collect();
            run_side_by_side(a, &mut processes, self.steps)?;
            for process in &processes {
                products += process.steps();
                quadratures.push(quadrature(process)?);
            }
        }
        let sigma = self.broadening.unwrap_or_else(|| papyan(&quadratures, self.steps));
        let mut density = SpectralDensity {
            grid: grid(&quadratures, sigma),
            density: vec![],
            lower: vec![],
            upper: vec![],
            confidence: self.confidence,
            broadening: sigma,
            quadratures,
            dim: n,
            products,
            exhaustive,
        };
        density.tabulate();
        Ok(density)
    }
}

impl SpectralDensity {
    /// `tr f(A) = Σ f(λᵢ)`, with its standard error. Exact but for sampling for polynomials of degree `< 2m`.
    pub fn trace_of(&self, f: impl Fn(f64) -> f64) -> Estimate {
        let sum = |nodes: &Vec<(f64, f64)>| nodes.iter().map(|&(t, w)| w * f(t)).sum();
        let samples: Vec<f64> = self.quadratures.iter().map(sum).collect();
        self.estimate(&samples).scaled(self.dim as f64)
    }

    /// The share of the eigenvalues that lies in `range`, with its standard error.
    pub fn share(&self, range: Range<f64>) -> Estimate {
        let weight = |nodes: &Vec<(f64, f64)>| {
            // From zero, as the sum of nothing is −0.
            let inside = nodes.iter().filter(|(t, _)| range.contains(t));
            inside.fold(0.0, |sum, &(_, w)| sum + w)
        };
        let samples: Vec<f64> = self.quadratures.iter().map(weight).collect();
        self.estimate(&samples)
    }

    fn estimate(&self, samples: &[f64]) -> Estimate {
        let estimate = Estimate::from_samples(samples);
        if self.exhaustive { Estimate::exact(estimate.value) } else { estimate }
    }

    fn tabulate(&mut self) {
        let count = self.quadratures.len();
        let quantile = match count {
            _ if self.exhaustive => 0.0,
            1 => f64::INFINITY,
            n => student_t(self.confidence, (n - 1) as f64),
        };
        for &t in &self.grid {
            let smoothed = |nodes: &Vec<(f64, f64)>| -> f64 {
                nodes.iter().map(|&(node, w)| w * normal_density(t - node, self.broadening)).sum()
            };
            let samples: Vec<f64> = self.quadratures.iter().map(smoothed).collect();
            let Estimate { value, standard_error, .. } = self.estimate(&samples);
            // With one vector, infinity times infinity; with all, zero.
            let half = if standard_error > 0.0 { quantile * standard_error } else { 0.0 };
            self.density.push(value);
            self.lower.push((value - half).max(0.0));
            self.upper.push(value + half);
        }
    }
}

/// Steps of several processes at once; those that are exhausted drop out.
fn run_side_by_side<S: Real>(
    a: &dyn LinearOperator<S>,
    processes: &mut [Lanczos<S>],
    steps: usize,
) -> Result<(), Error> {
    debug_assert!(processes.len() <= AT_ONCE);
    let n = a.dim();
    let (mut vectors, mut products) = (Vec::new(), Vec::new());
    for _ in 0..steps {
        vectors.clear();
        let mut active = Vec::with_capacity(processes.len());
        for process in processes.iter_mut() {
            if let Some(newest) = process.begin() {
                vectors.extend_from_slice(newest);
                active.push(process);
            }
        }
        if active.is_empty() {
            break;
        }
        products.resize(vectors.len(), S::zero());
        a.apply_many(&vectors, &mut products)?;
        check_finite(&products, n)?;
        for (process, product) in active.into_iter().zip(products.chunks_exact(n)) {
            process.finish(product);
        }
    }
    Ok(())
}

/// Gauss's quadrature for the measure that the start sees (Golub & Welsch, Math. Comp. 23 (1969)).
fn quadrature<S: Real>(process: &Lanczos<S>) -> Result<Vec<(f64, f64)>, Error> {
    let dim = process.steps();
    // The entries are finite, as the products are.
    let eigen = process.tridiagonal().eigen()?.ok_or(Error::Eigenvalues { dim })?;
    let weight = |k: usize| eigen.vector::<f64>(k)[0].powi(2);
    Ok(eigen.values.iter().enumerate().map(|(k, &value)| (value, weight(k))).collect())
}

/// The least and the greatest node.
fn extent(quadratures: &[Vec<(f64, f64)>]) -> (f64, f64) {
    let nodes = quadratures.iter().flatten().map(|&(t, _)| t);
    nodes.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), t| (low.min(t), high.max(t)))
}

/// `spread/((m − 1) √(8 ln 3))`, and something visible where there is no spread.
fn papyan(quadratures: &[Vec<(f64, f64)>], steps: usize) -> f64 {
    let (low, high) = extent(quadratures);
    let size = low.abs().max(high.abs());
    let steps = quadratures.iter().map(Vec::len).max().unwrap_or(1).clamp(2, steps.max(2)).max(20);
    let spread = (high - low).max(0.01 * size);
    let sigma = spread / ((steps - 1) as f64 * (8.0 * 3.0_f64.ln()).sqrt());
    if sigma > 0.0 { sigma } else { 1.0 }
}

/// Two points and more to each `σ`, but not more than can be drawn.
fn grid(quadratures: &[Vec<(f64, f64)>], sigma: f64) -> Vec<f64> {
    let (low, high) = extent(quadratures);
    let (low, high) = (low - 5.0 * sigma, high + 5.0 * sigma);
    let intervals = (2.0 * (high - low) / sigma).ceil().clamp(512.0, 65_536.0);
    (0..=intervals as usize).map(|i| low + (high - low) * i as f64 / intervals).collect()
}

fn normal_density(x: f64, sigma: f64) -> f64 {
    (-0.5 * (x / sigma).powi(2)).exp() / (sigma * std::f64::consts::TAU.sqrt())
}

//! The smallest eigenvalue of a symmetric operator, from its products alone or from its dense matrix.

use std::f64::consts::FRAC_PI_2;

use dualtape_autodiff::Real;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use super::basis::{normal_deviates, normalize};
use super::dense::Eigen;
use super::lanczos::Lanczos;
use super::operator::{LinearOperator, dense_matrix};
use crate::error::Error;

/// How the smallest eigenvalue was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CurvatureSource {
    /// From all eigenvalues of the dense Hessian.
    Eigenvalues,
    /// From a Ritz value after so many Lanczos steps.
    Lanczos {
        /// Hessian–vector products spent.
        steps: usize,
    },
}

/// The smallest eigenvalue of the Hessian where the run ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Curvature<S> {
    /// The smallest eigenvalue or Ritz value. A Ritz value is never below the eigenvalue, but for rounding.
    pub smallest: S,
    /// The smallest eigenvalue is not below this. It allows for the rounding of an eigenvalue iteration, `n ε |λ|max`, so
    /// that it may be negative where `smallest` is positive but smaller than can be known.
    ///
    /// If all eigenvalues were computed, that is all there is to allow for. From a Lanczos run, finished or not, it holds with
    /// probability 0.99 for the random start: it allows for eigenvalues of which the start happens to have very little.
    pub lower_bound: S,
    /// Eigenvalues of at most this magnitude count as zero.
    pub tolerance: S,
    /// Where the numbers come from.
    pub source: CurvatureSource,
}

/// The smallest eigenvalue with its unit eigenvector.
pub(crate) type Eigenpair<S> = (Curvature<S>, Vec<S>);

/// Probability that [`Curvature::lower_bound`] from a Lanczos run is wrong.
const FAILURE: f64 = 0.01;

/// How to find the smallest eigenvalue, for a certificate of the second-order conditions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SmallestEigenvalue<S> {
    /// Products allowed.
    pub(crate) max_steps: usize,
    /// Seed of the random start.
    pub(crate) seed: u64,
    /// Eigenvalues within this of zero, relative to the largest, count as zero.
    pub(crate) tolerance: S,
}

impl<S: Real> SmallestEigenvalue<S> {
    /// The smallest Ritz value with its unit Ritz vector; `None` if a product is not finite.
    ///
    /// [`Lanczos`] from a start uniform on the sphere. It ends when the Ritz value is known to be close to the smallest
    /// eigenvalue, when curvature is certainly negative, after `max_steps`, or when interrupted. `k` products and `O(k² n)`
    /// operations.
    pub(crate) fn find(
        &self,
        a: &dyn LinearOperator<S>,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Option<Eigenpair<S>>, Error> {
        let n = a.dim();
        let mut start = vec![S::zero(); n];
        normal_deviates(&mut ChaCha8Rng::seed_from_u64(self.seed), &mut start);
        normalize(&mut start);
        let mut lanczos = Lanczos::new(&start);
        while lanczos.step(a)? {
            let k = lanczos.steps();
            let last = k >= self.max_steps || lanczos.exhausted() || interrupted();
            if last || k <= 10 || k % 5 == 0 {
                let Some(eigen) = lanczos.tridiagonal().eigen()? else { return Ok(None) };
                let ritz = Ritz::new(self, n, &eigen, &lanczos);
                if ritz.settled || last {
                    let mut vector = lanczos.basis().combine(&eigen.vector::<S>(0));
                    normalize(&mut vector);
                    return Ok(Some((ritz.curvature(self, n, k), vector)));
                }
            }
        }
        Ok(None)
    }

    /// The smallest eigenvalue of an operator of moderate dimension, from its dense matrix; `None` if that is not finite.
    pub(crate) fn find_in_dense(
        &self,
        a: &dyn LinearOperator<S>,
    ) -> Result<Option<Eigenpair<S>>, Error> {
        let n = a.dim();
        let Some(eigen) = Eigen::new(n, &dense_matrix(a)?)? else { return Ok(None) };
        let largest = eigen.values.iter().fold(0.0, |max: f64, value| max.max(value.abs()));
        let smallest = S::constant(eigen.values[0]);
        let curvature = Curvature {
            smallest,
            lower_bound: smallest - S::constant(n as f64 * largest) * S::epsilon(),
            tolerance: self.tolerance * S::constant(largest),
            source: CurvatureSource::Eigenvalues,
        };
        Ok(Some((curvature, eigen.vector(0))))
    }
}

/// The smallest Ritz pair after `k` steps.
#[derive(Debug)]
struct Ritz {
    value: f64,
    largest: f64,
    /// How far below the value the smallest eigenvalue may lie, but for rounding.
    gap: f64,
    /// Whether more steps would change nothing of what is said.
    settled: bool,
}

impl Ritz {
    fn new<S: Real>(
        options: &SmallestEigenvalue<S>,
        n: usize,
        eigen: &Eigen,
        lanczos: &Lanczos<S>,
    ) -> Ritz {
        let (k, beta) = (lanczos.steps(), lanczos.remainder().as_f64());
        let (value, top) = (eigen.values[0], eigen.values[k - 1]);
        let largest = value.abs().max(top.abs());
        let gap = match lanczos.exhausted() {
            _ if k == n => 0.0,
            // What is left is rounding, as of any eigenvalues that differ by no more than that.
            true => beta * (n as f64).sqrt(),
            false => gap(n, &eigen.values, &lanczos.tridiagonal().off_diagonal, beta),
        };
        let zero = options.tolerance.as_f64() * largest;
        let close = gap <= 0.1 * value && gap <= S::epsilon().as_f64().sqrt() * largest;
        let residual = (beta * eigen.vector::<f64>(0)[k - 1]).abs();
        let negative = value < -zero && residual <= 0.5 * value.abs();
        let settled = gap <= zero || (close && value - gap > zero) || negative;
        Ritz { value, largest, gap, settled }
    }

    fn curvature<S: Real>(
        &self,
        options: &SmallestEigenvalue<S>,
        n: usize,
        steps: usize,
    ) -> Curvature<S> {
        let rounding = n as f64 * S::epsilon().as_f64() * self.largest;
        Curvature {
            smallest: S::constant(self.value),
            lower_bound: S::constant(self.value - self.gap - rounding),
            tolerance: options.tolerance * S::constant(self.largest),
            source: CurvatureSource::Lanczos { steps },
        }
    }
}

/// How far below the smallest Ritz value `θ₁` the smallest eigenvalue may lie, but for a probability of [`FAILURE`], by the
/// polynomial of Lanczos's process itself (van Dorsselaer, Hochstenbach & van der Vorst, SIAM J. Matrix Anal. Appl. 22 (2000)).
///
/// For a unit eigenvector `u` of an eigenvalue `λ ≤ θ₁`, `A Q = Q T + r eₖᵀ` gives `(T − λ) Qᵀu = −(uᵀr) eₖ`, and so for its share
/// in the start
///
/// ```text
/// |q₁ᵀu| ≤ βₖ |e₁ᵀ(T − λ)⁻¹eₖ| = Πᵢ βᵢ / Πᵢ (θᵢ − λ)
/// ```
///
/// which falls as `λ` does. A start uniform on the sphere has a share of less than `τ` with a probability of at most
/// `τ √(2n/π)`. A residual is no such bound: it tells that some eigenvalue is near, and where several lie close together, their
/// mean is what the first steps show.
fn gap(n: usize, ritz_values: &[f64], off_diagonal: &[f64], beta: f64) -> f64 {
    let least_share = FAILURE * (FRAC_PI_2 / n as f64).sqrt();
    let couplings: f64 = off_diagonal.iter().map(|beta| beta.ln()).sum::<f64>() + beta.ln();
    let too_far = |gap: f64| {
        let distances = ritz_values.iter().map(|theta| (theta - ritz_values[0] + gap).ln());
        couplings - distances.sum::<f64>() <= least_share.ln()
    };
    // |e₁ᵀ(T − λ)⁻¹eₖ| is at most 1/(θ₁ − λ).
    let mut gap = beta / least_share;
    while gap > 0.0 && too_far(0.9 * gap) {
        gap *= 0.9;
    }
    gap
}

#[cfg(test)]
mod tests {
    use super::super::operator::Diagonal;
    use super::*;

    fn within(max_steps: usize) -> SmallestEigenvalue<f64> {
        SmallestEigenvalue { max_steps, seed: 7, tolerance: f64::EPSILON.powf(0.75) }
    }

    #[test]
    fn finds_one_small_negative_eigenvalue_among_many() {
        let mut diagonal = vec![1.0; 2000];
        diagonal[1234] = -1e-3;
        let (curvature, v) =
            within(100).find(&Diagonal::new(diagonal), &|| false).unwrap().unwrap();
        assert!((curvature.smallest + 1e-3).abs() < 1e-12, "{curvature:?}");
        assert!(v[1234].abs() > 1.0 - 1e-9);
    }

    #[test]
    fn small_spaces_are_exhausted() {
        let diagonal: Vec<f64> = (0..12).map(|i| f64::from(i).powi(2) + 0.5).collect();
        let (curvature, v) =
            within(100).find(&Diagonal::new(diagonal), &|| false).unwrap().unwrap();
        assert!((curvature.smallest - 0.5).abs() < 1e-11, "{curvature:?}");
        assert!(curvature.lower_bound > 0.49 && v[0].abs() > 1.0 - 1e-9);
    }

    #[test]
    fn an_unfinished_run_bounds_what_it_has_not_seen() {
        let diagonal: Vec<f64> = (0..5000).map(|i| 1e-6 + f64::from(i) / 5000.0).collect();
        let (curvature, _) = within(20).find(&Diagonal::new(diagonal), &|| false).unwrap().unwrap();
        assert!(curvature.smallest >= 1e-6 && curvature.lower_bound < 1e-6, "{curvature:?}");
    }

    /// Eigenvalues that differ by less than most would take for converged: the first steps show their mean alone.
    #[test]
    fn the_bound_holds_for_eigenvalues_close_together() {
        for spread in [1e-2, 1e-4, 1e-6, 1e-9] {
            let clusters = [2e-7, 0.3, 11.0, 210.0]
                .map(|size| (0..10).map(move |i| size * (1.0 + spread * f64::from(i * i % 7))));
            let diagonal = Diagonal::new(clusters.into_iter().flatten().collect());
            for seed in 0..50 {
                let settings = SmallestEigenvalue { seed, ..within(100) };
                let (found, _) = settings.find(&diagonal, &|| false).unwrap().unwrap();
                assert!(found.smallest >= 2e-7 - 1e-11, "{spread} {seed}: {found:?}");
                assert!(found.lower_bound <= 2e-7, "{spread} {seed}: {found:?}");
                // It says something, too.
                assert!(found.lower_bound > 1.7e-7, "{spread} {seed}: {found:?}");
            }
        }
    }

    #[test]
    fn the_zero_operator_and_non_finite_products() {
        let (curvature, _) =
            within(10).find(&Diagonal::new(vec![0.0; 5]), &|| false).unwrap().unwrap();
        assert_eq!((curvature.smallest, curvature.lower_bound), (0.0, 0.0));
        assert!(within(10).find(&Diagonal::new(vec![f64::NAN; 5]), &|| false).unwrap().is_none());
    }
}

//! The smallest eigenvalue of a symmetric operator, from its products alone.

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use super::{Lanczos, normal_deviates, normalize};
use crate::dense::Eigen;
use crate::report::{Curvature, CurvatureSource, Eigenpair};
use crate::{Error, LinearOperator, Real};

/// Probability that [`Curvature::lower_bound`] from an unfinished Lanczos run is wrong.
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
    /// [`Lanczos`] from a start uniform on the sphere. It ends when the Ritz pair has converged, when curvature is
    /// certainly negative, after `max_steps`, or when interrupted; then the bound of Kuczyński & Woźniakowski, SIAM J.
    /// Matrix Anal. Appl. 13 (1992), Theorem 4.2 tells how far below the true eigenvalue may lie. `k` products and
    /// `O(k² n)` operations.
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
                let ritz = Ritz::new(self, n, &eigen, lanczos.remainder().as_f64());
                if ritz.settled || last {
                    let mut vector = lanczos.basis().combine(&eigen.vector::<S>(0));
                    normalize(&mut vector);
                    return Ok(Some((ritz.curvature(self, n, k), vector)));
                }
            }
        }
        Ok(None)
    }
}

/// The smallest Ritz pair after `k` steps.
#[derive(Debug)]
struct Ritz {
    value: f64,
    residual: f64,
    largest: f64,
    /// Whether the pair has converged or is certainly of negative curvature.
    settled: bool,
    /// Whether the Krylov space is (nearly) invariant, so that its eigenvalues are those of `A`.
    converged: bool,
}

impl Ritz {
    fn new<S: Real>(options: &SmallestEigenvalue<S>, n: usize, eigen: &Eigen, beta: f64) -> Ritz {
        let k = eigen.values.len();
        let (value, top) = (eigen.values[0], eigen.values[k - 1]);
        let largest = value.abs().max(top.abs());
        let epsilon = S::epsilon().as_f64();
        let last: f64 = eigen.vector::<f64>(0)[k - 1];
        let invariant = k == n || beta <= 10.0 * epsilon * largest;
        let residual = if invariant { 0.0 } else { (beta * last).abs() };
        let zero = options.tolerance.as_f64() * largest;
        // A residual that is small beside the largest eigenvalue alone cannot tell several small ones apart.
        let separated = residual <= 0.1 * value && value - residual > zero;
        let converged = residual <= zero || (residual <= epsilon.sqrt() * largest && separated);
        let negative = value < -zero && residual <= 0.5 * value.abs();
        Ritz { value, residual, largest, settled: converged || negative, converged }
    }

    fn curvature<S: Real>(
        &self,
        options: &SmallestEigenvalue<S>,
        n: usize,
        steps: usize,
    ) -> Curvature<S> {
        let rounding = n as f64 * S::epsilon().as_f64() * self.largest;
        let gap = if self.converged {
            self.residual + rounding
        } else {
            let root = (1.648 * (n as f64).sqrt() / FAILURE).ln() / (2 * steps - 1) as f64;
            (root * root).min(1.0) * (self.largest - self.value.min(0.0)) + rounding
        };
        Curvature {
            smallest: S::constant(self.value),
            lower_bound: S::constant(self.value - gap),
            tolerance: options.tolerance * S::constant(self.largest),
            source: CurvatureSource::Lanczos { steps },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Diagonal;

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

    #[test]
    fn the_zero_operator_and_non_finite_products() {
        let (curvature, _) =
            within(10).find(&Diagonal::new(vec![0.0; 5]), &|| false).unwrap().unwrap();
        assert_eq!((curvature.smallest, curvature.lower_bound), (0.0, 0.0));
        assert!(within(10).find(&Diagonal::new(vec![f64::NAN; 5]), &|| false).unwrap().is_none());
    }
}

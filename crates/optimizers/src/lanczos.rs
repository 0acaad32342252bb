//! The smallest eigenvalue of a symmetric operator, from its products alone.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use crate::dense::Eigen;
use crate::report::{Curvature, CurvatureSource, Eigenpair};
use crate::vector::{axpy, dot, norm, scale};
use crate::{Error, LinearOperator, Real};

/// Probability that [`Curvature::lower_bound`] from an unfinished Lanczos run is wrong.
const FAILURE: f64 = 0.01;

/// Settings of [`smallest`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lanczos<S> {
    /// Products allowed.
    pub(crate) max_steps: usize,
    /// Seed of the random start.
    pub(crate) seed: u64,
    /// Eigenvalues within this of zero, relative to the largest, count as zero.
    pub(crate) tolerance: S,
}

/// The tridiagonal matrix `T = QᵀAQ`.
#[derive(Debug, Default)]
struct Tridiagonal {
    diagonal: Vec<f64>,
    off_diagonal: Vec<f64>,
}

impl Tridiagonal {
    fn eigen(&self) -> Result<Option<Eigen>, Error> {
        let k = self.diagonal.len();
        let mut dense = vec![0.0; k * k];
        for i in 0..k {
            dense[i * k + i] = self.diagonal[i];
            if i + 1 < k {
                dense[i * k + i + 1] = self.off_diagonal[i];
                dense[(i + 1) * k + i] = self.off_diagonal[i];
            }
        }
        Eigen::new(k, &dense)
    }
}

impl<S: Real> Lanczos<S> {
    /// The smallest Ritz value with its unit Ritz vector; `None` if a product is not finite.
    ///
    /// Lanczos with full reorthogonalisation, done twice (Parlett, *The Symmetric Eigenvalue Problem*, §6.9, §13.1),
    /// from a start uniform on the sphere. It ends when the Ritz pair has converged, when curvature is certainly
    /// negative, after `max_steps`, or when interrupted; then the bound of Kuczyński & Woźniakowski, SIAM J. Matrix
    /// Anal. Appl. 13 (1992), Theorem 4.2 tells how far below the true eigenvalue may lie. `k` products and `O(k² n)`
    /// operations.
    pub(crate) fn smallest(
        &self,
        a: &dyn LinearOperator<S>,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Option<Eigenpair<S>>, Error> {
        let n = a.dim();
        let steps = self.max_steps.clamp(1, n);
        let mut basis = vec![random_direction(n, self.seed)];
        let mut t = Tridiagonal::default();
        let mut product = vec![S::zero(); n];
        for k in 1..=steps {
            let newest = &basis[k - 1];
            a.apply(newest, &mut product)?;
            t.diagonal.push(dot(newest, &product).as_f64());
            for _ in 0..2 {
                for q in &basis {
                    axpy(-dot(q, &product), q, &mut product);
                }
            }
            let beta = norm(&product);
            let last = k == steps || beta.is_zero() || interrupted();
            if last || k <= 10 || k % 5 == 0 {
                let Some(eigen) = t.eigen()? else { return Ok(None) };
                let ritz = Ritz::new(self, n, &eigen, beta.as_f64());
                if ritz.settled || last {
                    return Ok(Some((
                        ritz.curvature(self, n, k),
                        combine(&basis, &eigen.vector(0)),
                    )));
                }
            }
            t.off_diagonal.push(beta.as_f64());
            scale(S::one() / beta, &mut product);
            basis.push(product.clone());
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
    fn new<S: Real>(options: &Lanczos<S>, n: usize, eigen: &Eigen, beta: f64) -> Ritz {
        let k = eigen.values.len();
        let (value, top) = (eigen.values[0], eigen.values[k - 1]);
        let largest = value.abs().max(top.abs());
        let epsilon = S::epsilon().as_f64();
        let last: f64 = eigen.vector::<f64>(0)[k - 1];
        let invariant = k == n || beta <= 10.0 * epsilon * largest;
        let residual = if invariant { 0.0 } else { (beta * last).abs() };
        let zero = options.tolerance.as_f64() * largest;
        let converged =
            residual <= zero || (residual <= epsilon.sqrt() * largest && value - residual > zero);
        let negative = value < -zero && residual <= 0.5 * value.abs();
        Ritz { value, residual, largest, settled: converged || negative, converged }
    }

    fn curvature<S: Real>(&self, options: &Lanczos<S>, n: usize, steps: usize) -> Curvature<S> {
        let gap = if self.converged {
            self.residual
        } else {
            let root = (1.648 * (n as f64).sqrt() / FAILURE).ln() / (2 * steps - 1) as f64;
            (root * root).min(1.0) * (self.largest - self.value.min(0.0))
        };
        Curvature {
            smallest: S::constant(self.value),
            lower_bound: S::constant(self.value - gap),
            tolerance: options.tolerance * S::constant(self.largest),
            source: CurvatureSource::Lanczos { steps },
        }
    }
}

/// `Σ cₖ qₖ`, of unit length.
fn combine<S: Real>(basis: &[Vec<S>], coefficients: &[S]) -> Vec<S> {
    let mut sum = vec![S::zero(); basis[0].len()];
    for (q, &c) in basis.iter().zip(coefficients) {
        axpy(c, q, &mut sum);
    }
    let length = norm(&sum);
    scale(S::one() / length, &mut sum);
    sum
}

/// A unit vector, uniform on the sphere (normal deviates by Box & Muller).
fn random_direction<S: Real>(n: usize, seed: u64) -> Vec<S> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut direction: Vec<S> = (0..n)
        .map(|_| {
            let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
            S::constant((-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos())
        })
        .collect();
    let length = norm(&direction);
    scale(S::one() / length, &mut direction);
    direction
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Diagonal(Vec<f64>);

    impl LinearOperator<f64> for Diagonal {
        fn dim(&self) -> usize {
            self.0.len()
        }
        fn apply(&self, v: &[f64], out: &mut [f64]) -> Result<(), Error> {
            for ((out, v), d) in out.iter_mut().zip(v).zip(&self.0) {
                *out = v * d;
            }
            Ok(())
        }
    }

    fn lanczos(max_steps: usize) -> Lanczos<f64> {
        Lanczos { max_steps, seed: 7, tolerance: f64::EPSILON.powf(0.75) }
    }

    #[test]
    fn finds_one_small_negative_eigenvalue_among_many() {
        let mut diagonal = vec![1.0; 2000];
        diagonal[1234] = -1e-3;
        let (curvature, v) =
            lanczos(100).smallest(&Diagonal(diagonal), &|| false).unwrap().unwrap();
        assert!((curvature.smallest + 1e-3).abs() < 1e-12, "{curvature:?}");
        assert!(v[1234].abs() > 1.0 - 1e-9);
    }

    #[test]
    fn small_spaces_are_exhausted() {
        let diagonal: Vec<f64> = (0..12).map(|i| f64::from(i).powi(2) + 0.5).collect();
        let (curvature, v) =
            lanczos(100).smallest(&Diagonal(diagonal), &|| false).unwrap().unwrap();
        assert!((curvature.smallest - 0.5).abs() < 1e-11, "{curvature:?}");
        assert!(curvature.lower_bound > 0.49 && v[0].abs() > 1.0 - 1e-9);
    }

    #[test]
    fn an_unfinished_run_bounds_what_it_has_not_seen() {
        let diagonal: Vec<f64> = (0..5000).map(|i| 1e-6 + f64::from(i) / 5000.0).collect();
        let (curvature, _) = lanczos(20).smallest(&Diagonal(diagonal), &|| false).unwrap().unwrap();
        assert!(curvature.smallest >= 1e-6 && curvature.lower_bound < 1e-6, "{curvature:?}");
    }

    #[test]
    fn the_zero_operator_and_non_finite_products() {
        let (curvature, _) =
            lanczos(10).smallest(&Diagonal(vec![0.0; 5]), &|| false).unwrap().unwrap();
        assert_eq!((curvature.smallest, curvature.lower_bound), (0.0, 0.0));
        assert!(lanczos(10).smallest(&Diagonal(vec![f64::NAN; 5]), &|| false).unwrap().is_none());
    }
}

//! Estimates of the diagonal of a curvature matrix.

use dualtape_autodiff::Real;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use crate::check::require_count;
use crate::curvature_matrix::CurvatureMatrix;
use crate::engine::Setting;
use crate::error::Error;
use crate::linalg::{axpy, scale, signs};
use crate::methods::stochastic::source::{Feed, Point, Source};

/// The gradient, and beside it at every `k`-th step Hutchinson's estimate of the diagonal of a curvature matrix `B` at the same
/// point and of the same batch (Bekas, Kokiopoulou & Saad, Appl. Numer. Math. 57 (2007), eq. 2, with random signs):
///
/// ```text
/// ĥ = mean of z ⊙ B z,    zᵢ = ±1
/// ```
///
/// `E ĥ = diag B`; the variance of `ĥᵢ` for one `z` is `Σⱼ≠ᵢ Bᵢⱼ²`. The products `B z` are exact. The signs follow from the
/// seed and the number of the step, so that a run can be resumed.
///
/// **Defaults**: `B` the Hessian, one `z`, every step, seed 0.
///
/// # Example
///
/// ```
/// use dualtape_optimizers::{AdaHessian, stochastic::sources::HutchinsonDiagonal};
///
/// // four products, every other step
/// let method = AdaHessian::<f64>::new(0.1).with_source(HutchinsonDiagonal::default().samples(4).every(2).seed(7));
/// # let _ = method;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HutchinsonDiagonal {
    matrix: CurvatureMatrix,
    samples: usize,
    every: usize,
    seed: u64,
}

impl Default for HutchinsonDiagonal {
    fn default() -> Self {
        HutchinsonDiagonal { matrix: CurvatureMatrix::Hessian, samples: 1, every: 1, seed: 0 }
    }
}

impl HutchinsonDiagonal {
    /// The matrix `B`. One that the objective does not have is refused at the first step.
    #[must_use]
    pub fn of(mut self, matrix: CurvatureMatrix) -> Self {
        self.matrix = matrix;
        self
    }

    /// How many `z` each time.
    #[must_use]
    pub fn samples(mut self, samples: usize) -> Self {
        self.samples = samples;
        self
    }

    /// At which steps: the first, and each after so many others.
    #[must_use]
    pub fn every(mut self, steps: usize) -> Self {
        self.every = steps;
        self
    }

    /// The seed of the signs.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The vectors `z` of the step after so many, one after the other, `n` entries each.
    pub fn probes<S: Real>(&self, steps: u64, n: usize) -> Vec<S> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(steps);
        let mut probes = vec![S::one(); self.samples * n];
        signs(&mut rng, &mut probes);
        probes
    }
}

impl<S: Real> Source<S> for HutchinsonDiagonal {
    fn check(&self) -> Result<(), Error> {
        require_count("samples", self.samples)?;
        require_count("every", self.every)
    }

    fn settings(&self) -> Vec<Setting> {
        vec![
            ("of", f64::from(self.matrix as u8)),
            ("samples", self.samples as f64),
            ("every", self.every as f64),
            // In halves, as one number would not keep all bits.
            ("seed", f64::from((self.seed >> 32) as u32)),
            ("seed", f64::from(self.seed as u32)),
        ]
    }

    fn needs_curvature(&self, steps: u64) -> bool {
        steps.is_multiple_of(self.every as u64)
    }

    fn feed(&mut self, point: &Point<'_, S>) -> Result<Feed<S>, Error> {
        if !Source::<S>::needs_curvature(self, point.steps) {
            return Ok(Feed::default());
        }
        let n = point.x.len();
        let mut probes = self.probes(point.steps, n);
        let mut products = vec![S::zero(); probes.len()];
        point.linearized()?.curvature(self.matrix)?.apply_many(&probes, &mut products)?;
        for (z, product) in probes.iter_mut().zip(products) {
            *z *= product;
        }
        let (first, others) = probes.split_at_mut(n);
        for other in others.chunks_exact(n) {
            axpy(S::one(), other, first);
        }
        scale(S::one() / S::constant(self.samples as f64), first);
        probes.truncate(n);
        Ok(Feed { direction: None, estimate: Some(probes) })
    }
}

//! The covariance of the gradients of single examples.

use dualtape_autodiff::{Real, parts::Parts};

use super::linear_operator::LinearOperator;
use super::low_rank::LowRank;
use crate::error::Error;
use crate::linalg::vector::{axpy, scale};

/// The empirical Fisher matrix `F̂ = 1/N Σᵢ gᵢ gᵢᵀ`: the (uncentred) covariance of the gradients of `N` examples, taken with
/// the labels of the *data*.
///
/// **It is neither the Fisher matrix**, which takes the labels from the *model's* distribution, **nor the Hessian**, nor the
/// Gauss–Newton matrix. It approaches the Fisher matrix only where the model is well specified, at the optimum, for many
/// examples; where the residuals are small it tends to 0 while the others do not (Kunstner, Hennig & Balles, NeurIPS 2019).
/// And the outer product of *one* gradient, the mean `ggᵀ`, has rank 1 and is none of them.
///
/// Positive semidefinite, of rank at most `N`. Products cost `O(Nn)`; a solve is Woodbury's if `N < n`: `O(N²n + N³)`.
///
/// # Example
///
/// ```
/// use dualtape_optimizers::{EmpiricalFisher, LinearOperator};
///
/// let fisher = EmpiricalFisher::new(3, vec![1.0, 0.0, 1.0, 0.0, 2.0, 0.0])?;
/// let mut product = [0.0; 3];
/// fisher.apply(&[1.0, 1.0, 0.0], &mut product)?;
/// assert_eq!(product, [0.5, 2.0, 0.5]);
/// assert_eq!(fisher.mean_gradient(), [0.5, 1.0, 0.5]);
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct EmpiricalFisher<S> {
    sum: LowRank<S>,
    parts: Option<Parts>,
}

impl<S: Real> EmpiricalFisher<S> {
    /// From the gradients of the examples, one after the other, `n` entries each.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`] if `n = 0` or there is no example; [`Error::Length`] if the last gradient is not complete.
    pub fn new(n: usize, gradients: Vec<S>) -> Result<Self, Error> {
        if n == 0 || gradients.is_empty() {
            return Err(Error::Empty);
        }
        let examples = gradients.len() / n;
        let weights = vec![S::one() / S::constant(examples as f64); examples];
        Ok(EmpiricalFisher { sum: LowRank::new(n, gradients, weights)?, parts: None })
    }

    /// With what the parameters are called, if that is known.
    pub(crate) fn of(self, parts: Option<Parts>) -> Self {
        Self { parts, ..self }
    }

    /// The number of examples `N`.
    pub fn examples(&self) -> usize {
        self.sum.rank()
    }

    /// The gradients of the examples, one after the other.
    pub fn gradients(&self) -> &[S] {
        self.sum.vectors()
    }

    /// `1/N Σᵢ gᵢ`, the gradient of the mean.
    pub fn mean_gradient(&self) -> Vec<S> {
        let mut mean = vec![S::zero(); self.dim()];
        self.gradients().chunks_exact(self.dim()).for_each(|g| axpy(S::one(), g, &mut mean));
        scale(S::one() / S::constant(self.examples() as f64), &mut mean);
        mean
    }
}

impl<S: Real> LinearOperator<S> for EmpiricalFisher<S> {
    fn dim(&self) -> usize {
        self.sum.dim()
    }

    fn parts(&self) -> Option<&Parts> {
        self.parts.as_ref()
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        self.sum.apply(v, out)
    }

    fn diagonal(&self, out: &mut [S]) -> Result<(), Error> {
        self.sum.diagonal(out)
    }

    fn to_dense(&self, out: &mut [S]) -> Result<(), Error> {
        self.sum.to_dense(out)
    }

    fn shifted_inverse(&self, shift: S) -> Result<Box<dyn LinearOperator<S> + '_>, Error> {
        self.sum.shifted_inverse(shift)
    }
}

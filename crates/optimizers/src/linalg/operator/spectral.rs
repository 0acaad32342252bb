//! The ends of an operator's spectrum, from its products.

use dualtape_autodiff::{Real, compiled_here};

use super::linear_operator::LinearOperator;
use crate::error::Error;
use crate::linalg::eigenpairs::ExtremeEigenpairs;

/// The smallest and the largest eigenvalue of an operator: what
/// [`LinearOperator::extreme_eigenvalues`] returns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpectrumEnds<S> {
    /// The smallest eigenvalue.
    pub smallest: S,
    /// The largest eigenvalue.
    pub largest: S,
    /// Whether both have converged, or come from the structure of the operator. If not, an iteration had to end early: the
    /// true ends lie outside.
    pub converged: bool,
}

impl<S: Real> SpectrumEnds<S> {
    /// Two eigenvalues, in any order, that are known.
    pub fn known(one: S, other: S) -> Self {
        SpectrumEnds { smallest: one.min(other), largest: one.max(other), converged: true }
    }

    /// The ends after `change` to all eigenvalues, which keeps or reverses their order.
    pub(super) fn map(self, change: impl Fn(S) -> S) -> Self {
        let changed = Self::known(change(self.smallest), change(self.largest));
        SpectrumEnds { converged: self.converged, ..changed }
    }

    /// The ends of two spectra together.
    pub(super) fn union(self, other: Self) -> Self {
        SpectrumEnds {
            smallest: self.smallest.min(other.smallest),
            largest: self.largest.max(other.largest),
            converged: self.converged && other.converged,
        }
    }
}

/// The smallest and the largest eigenvalue.
pub(super) fn extreme_eigenvalues<S: Real>(
    a: &dyn LinearOperator<S>,
) -> Result<SpectrumEnds<S>, Error> {
    compiled_here!(ends, fn(&dyn LinearOperator<S>) -> Result<SpectrumEnds<S>, Error>)(a)
}

fn ends<S: Real>(a: &dyn LinearOperator<S>) -> Result<SpectrumEnds<S>, Error> {
    let found = ExtremeEigenpairs::new(1, 1).find(a)?;
    let converged = found.converged();
    match (found.smallest.first(), found.largest.first()) {
        (Some(smallest), Some(largest)) => Ok(SpectrumEnds {
            smallest: S::constant(smallest.value),
            largest: S::constant(largest.value),
            converged,
        }),
        _ => Err(Error::Empty),
    }
}

//! What conjugate gradients are preconditioned with.

use std::fmt;

use dualtape_autodiff::Real;

use super::operator::{Diagonal, LinearOperator};
use crate::error::Error;

/// Makes an approximate inverse of the curvature matrix at a point, once for an outer iteration.
pub(crate) struct Preconditioner<'c, S: Real>(Box<Make<'c, S>>);

type Make<'c, S> = dyn Fn(&[S]) -> Result<Box<dyn LinearOperator<S> + 'c>, Error> + 'c;

impl<'c, S: Real> Preconditioner<'c, S> {
    pub(crate) fn new(
        make: impl Fn(&[S]) -> Result<Box<dyn LinearOperator<S> + 'c>, Error> + 'c,
    ) -> Self {
        Preconditioner(Box::new(make))
    }

    /// From a function that writes the diagonal of the matrix itself.
    pub(crate) fn diagonal(fill: impl Fn(&[S], &mut [S]) + 'c) -> Self {
        Self::new(move |x| {
            let mut diagonal = vec![S::one(); x.len()];
            fill(x, &mut diagonal);
            inverse_of_positive(diagonal)
        })
    }

    pub(crate) fn at(&self, x: &[S]) -> Result<Box<dyn LinearOperator<S> + 'c>, Error> {
        let inverse = (self.0)(x)?;
        Error::check_length("the preconditioner", inverse.dim(), x.len())?;
        Ok(inverse)
    }
}

impl<S: Real> fmt::Debug for Preconditioner<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Preconditioner").finish_non_exhaustive()
    }
}

/// `r ↦ r/m`, the inverse of a positive diagonal matrix `m`.
pub(crate) fn inverse_of_positive<'a, S: Real>(
    diagonal: Vec<S>,
) -> Result<Box<dyn LinearOperator<S> + 'a>, Error> {
    match diagonal.iter().position(|&m| !(m > S::zero() && m.is_finite())) {
        Some(component) => {
            Err(Error::Preconditioner { component, value: diagonal[component].as_f64() })
        }
        None => Diagonal::new(diagonal).into_inverse(),
    }
}

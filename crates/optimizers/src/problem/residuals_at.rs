//! Residuals at a point.

use dualtape_autodiff::Real;

use crate::error::Error;

/// Residuals and their Jacobian at a point.
///
/// What [`Linearized::residuals`](crate::Linearized::residuals) returns; an [`Objective`](crate::Objective) of one's own that is a sum of squares makes it from its numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct ResidualsAt<S> {
    values: Vec<S>,
    columns: Vec<S>,
}

impl<S: Real> ResidualsAt<S> {
    /// Residuals `r` (`m` entries) of `n` parameters, and `J = ∂r/∂x`, column after column (`n` columns of `m` entries).
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if `columns` does not have `m·n` entries.
    pub fn new(n: usize, values: Vec<S>, columns: Vec<S>) -> Result<Self, Error> {
        Error::check_length("the Jacobian of the residuals", columns.len(), n * values.len())?;
        Ok(ResidualsAt { values, columns })
    }

    /// Of `n` parameters, where residuals cannot be computed.
    pub(crate) fn not_a_number(n: usize) -> Self {
        ResidualsAt { values: vec![S::nan()], columns: vec![S::nan(); n] }
    }

    /// The residuals `r`.
    pub fn values(&self) -> &[S] {
        &self.values
    }

    /// The Jacobian, column after column: `∂r/∂xⱼ` is the `j`-th run of `m` entries.
    pub fn columns(&self) -> &[S] {
        &self.columns
    }

    /// `∂r/∂xⱼ`.
    ///
    /// # Panics
    ///
    /// If there is no such parameter.
    pub fn column(&self, j: usize) -> &[S] {
        let m = self.values.len();
        &self.columns[j * m..(j + 1) * m]
    }
}

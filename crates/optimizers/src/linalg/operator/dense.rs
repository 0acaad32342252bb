//! Matrices that are written out.

use dualtape_autodiff::Real;

use super::inverse;
use super::linear_operator::{LinearOperator, check_indices, check_vectors, dense_matrix};
use crate::error::Error;
use crate::linalg::dense::symmetrize;
use crate::linalg::vector::dot;

/// A symmetric matrix that is written out. Products cost `O(n²)`, factors `O(n³/3)`, a solve with them `O(n²)`.
///
/// # Example
///
/// ```
/// use dualtape_optimizers::{Dense, LinearOperator};
///
/// let a = Dense::new(2, vec![2.0, 1.0, 1.0, -3.0])?;
/// let mut x = [0.0; 2];
/// a.solve_shifted(0.0, &[3.0, -2.0], &mut x)?;
/// assert!((x[0] - 1.0_f64).abs() < 1e-15 && (x[1] - 1.0).abs() < 1e-15);
/// let ends = a.extreme_eigenvalues()?;
/// assert!(ends.converged && (ends.smallest + ends.largest - a.trace()?).abs() < 1e-14);
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Dense<S> {
    dim: usize,
    entries: Vec<S>,
}

impl<S: Real> Dense<S> {
    /// `½(M + Mᵀ)` of an `n × n` matrix given row by row.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if there are not `n·n` entries.
    pub fn new(n: usize, mut entries: Vec<S>) -> Result<Self, Error> {
        Error::check_length("the dense matrix", entries.len(), n * n)?;
        symmetrize(n, &mut entries);
        Ok(Dense { dim: n, entries })
    }

    /// The matrix of any operator, written out.
    ///
    /// # Errors
    ///
    /// The errors of the operator's own [`to_dense`](LinearOperator::to_dense).
    pub fn of(operator: &dyn LinearOperator<S>) -> Result<Self, Error> {
        Self::new(operator.dim(), dense_matrix(operator)?)
    }

    /// The entries, row by row.
    pub fn as_slice(&self) -> &[S] {
        &self.entries
    }
}

impl<S: Real> LinearOperator<S> for Dense<S> {
    fn dim(&self) -> usize {
        self.dim
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        check_vectors(self.dim, v, out)?;
        for (out, row) in out.iter_mut().zip(self.entries.chunks_exact(self.dim)) {
            *out = dot(row, v);
        }
        Ok(())
    }

    fn diagonal(&self, out: &mut [S]) -> Result<(), Error> {
        Error::check_length("the diagonal", out.len(), self.dim)?;
        for (i, out) in out.iter_mut().enumerate() {
            *out = self.entries[i * self.dim + i];
        }
        Ok(())
    }

    fn to_dense(&self, out: &mut [S]) -> Result<(), Error> {
        Error::check_length("the dense matrix", out.len(), self.entries.len())?;
        out.copy_from_slice(&self.entries);
        Ok(())
    }

    fn block(&self, indices: &[usize], out: &mut [S]) -> Result<(), Error> {
        check_indices(indices, self.dim)?;
        Error::check_length("the block", out.len(), indices.len() * indices.len())?;
        for (row, &i) in out.chunks_exact_mut(indices.len().max(1)).zip(indices) {
            for (entry, &j) in row.iter_mut().zip(indices) {
                *entry = self.entries[i * self.dim + j];
            }
        }
        Ok(())
    }

    fn shifted_inverse(&self, shift: S) -> Result<Box<dyn LinearOperator<S> + '_>, Error> {
        inverse::factored(self.dim, self.entries.clone(), shift)
    }
}

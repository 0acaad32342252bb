//! Diagonal matrices.

use dualtape_autodiff::Real;

use super::linear_operator::{LinearOperator, check_vectors};
use super::spectral::SpectrumEnds;
use crate::error::Error;

/// `diag d`. Everything costs `O(n)`.
///
/// # Example
///
/// ```
/// use dualtape_optimizers::{Diagonal, LinearOperator};
///
/// let a = Diagonal::new(vec![2.0, -4.0]);
/// let mut x = [0.0; 2];
/// a.solve_shifted(1.0, &[6.0, 6.0], &mut x)?;
/// assert_eq!(x, [2.0, -2.0]);
/// let ends = a.extreme_eigenvalues()?;
/// assert_eq!((ends.smallest, ends.largest, ends.converged), (-4.0, 2.0, true));
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Diagonal<S> {
    entries: Vec<S>,
}

impl<S: Real> Diagonal<S> {
    /// `diag d`.
    pub fn new(entries: Vec<S>) -> Self {
        Diagonal { entries }
    }

    /// `c I` of order `n`.
    pub fn constant(n: usize, c: S) -> Self {
        Diagonal { entries: vec![c; n] }
    }

    /// The diagonal of any operator, without the rest.
    ///
    /// # Errors
    ///
    /// The errors of the operator's own [`diagonal`](LinearOperator::diagonal).
    pub fn of(operator: &dyn LinearOperator<S>) -> Result<Self, Error> {
        let mut entries = vec![S::zero(); operator.dim()];
        operator.diagonal(&mut entries)?;
        Ok(Diagonal { entries })
    }

    /// Division by the entries.
    pub(crate) fn into_inverse<'a>(self) -> Result<Box<dyn LinearOperator<S> + 'a>, Error> {
        if let Some(row) = self.entries.iter().position(|d| !d.is_finite()) {
            return Err(Error::NonFiniteMatrix { row });
        }
        if self.entries.iter().any(S::is_zero) {
            return Err(Error::Singular { dim: self.entries.len() });
        }
        Ok(Box::new(Reciprocal(self.entries)))
    }

    /// `d`.
    pub fn as_slice(&self) -> &[S] {
        &self.entries
    }
}

impl<S: Real> LinearOperator<S> for Diagonal<S> {
    fn dim(&self) -> usize {
        self.entries.len()
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        check_vectors(self.entries.len(), v, out)?;
        for ((out, &v), &d) in out.iter_mut().zip(v).zip(&self.entries) {
            *out = d * v;
        }
        Ok(())
    }

    fn diagonal(&self, out: &mut [S]) -> Result<(), Error> {
        Error::check_length("the diagonal", out.len(), self.entries.len())?;
        out.copy_from_slice(&self.entries);
        Ok(())
    }

    fn extreme_eigenvalues(&self) -> Result<SpectrumEnds<S>, Error> {
        if let Some(index) = self.entries.iter().position(|d| !d.is_finite()) {
            return Err(Error::NonFiniteMatrix { row: index });
        }
        let &first = self.entries.first().ok_or(Error::Empty)?;
        let known = self.entries.iter().map(|&d| SpectrumEnds::known(d, d));
        Ok(known.fold(SpectrumEnds::known(first, first), SpectrumEnds::union))
    }

    fn shifted_inverse(&self, shift: S) -> Result<Box<dyn LinearOperator<S> + '_>, Error> {
        Diagonal::new(self.entries.iter().map(|&d| d + shift).collect()).into_inverse()
    }
}

/// Division by a diagonal.
struct Reciprocal<S>(Vec<S>);

impl<S: Real> LinearOperator<S> for Reciprocal<S> {
    fn dim(&self) -> usize {
        self.0.len()
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        check_vectors(self.0.len(), v, out)?;
        for ((out, &v), &d) in out.iter_mut().zip(v).zip(&self.0) {
            *out = v / d;
        }
        Ok(())
    }

    fn diagonal(&self, out: &mut [S]) -> Result<(), Error> {
        let ones = vec![S::one(); self.0.len()];
        self.apply(&ones, out)
    }
}

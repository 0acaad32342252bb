//! Solving with any operator: dense factors where the matrix is small, MINRES where it is not.

use dualtape_autodiff::{Real, compiled_here};

use super::linear_operator::{LinearOperator, check_vectors, dense_matrix};
use super::minres::minres;
use crate::error::Error;
use crate::linalg::dense::{Pivots, SymmetricFactors};

/// Up to this many variables a matrix is written out to be factored.
pub(super) const DENSE: usize = 500;

/// `(A + shift·I)⁻¹`.
pub(super) fn of<'a, S: Real>(
    a: &'a (impl LinearOperator<S> + ?Sized),
    shift: S,
) -> Result<Box<dyn LinearOperator<S> + 'a>, Error> {
    if a.dim() <= DENSE {
        let factored = compiled_here!(
            factored,
            fn(usize, Vec<S>, S) -> Result<Box<dyn LinearOperator<S>>, Error>
        );
        factored(a.dim(), dense_matrix(a)?, shift)
    } else {
        Ok(Box::new(Iterative { operator: Box::new(a), shift }))
    }
}

/// `(A + shift·I)⁻¹` of a matrix that is written out.
pub(super) fn factored<'a, S: Real>(
    n: usize,
    mut matrix: Vec<S>,
    shift: S,
) -> Result<Box<dyn LinearOperator<S> + 'a>, Error> {
    matrix.iter_mut().step_by(n + 1).for_each(|d| *d += shift);
    Ok(Box::new(Factored::new(n, &matrix, Pivots::Exact)?))
}

/// Dense factors of a matrix.
#[derive(Debug)]
pub(crate) struct Factored {
    dim: usize,
    factors: SymmetricFactors,
}

impl Factored {
    /// Of a row-major `n × n` matrix.
    pub(crate) fn new<S: Real>(n: usize, matrix: &[S], pivots: Pivots) -> Result<Self, Error> {
        let Some(factors) = SymmetricFactors::new(n, matrix, pivots) else {
            let entry = matrix.iter().position(|a| !a.is_finite()).unwrap_or(0);
            return Err(Error::NonFiniteMatrix { row: entry / n });
        };
        if factors.reciprocal_condition() <= n as f64 * S::epsilon().as_f64() {
            return Err(Error::Singular { dim: n });
        }
        Ok(Factored { dim: n, factors })
    }
}

impl<S: Real> LinearOperator<S> for Factored {
    fn dim(&self) -> usize {
        self.dim
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        check_vectors(self.dim, v, out)?;
        out.copy_from_slice(v);
        self.factors.solve_in_place(out);
        Ok(())
    }
}

/// Products from which each solve is made anew.
struct Iterative<'a, S> {
    operator: Box<dyn LinearOperator<S> + 'a>,
    shift: S,
}

impl<S: Real> LinearOperator<S> for Iterative<'_, S> {
    fn dim(&self) -> usize {
        self.operator.dim()
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        check_vectors(self.operator.dim(), v, out)?;
        minres(&*self.operator, self.shift, v, out)
    }
}

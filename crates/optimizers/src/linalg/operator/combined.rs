//! Operators made of operators.

use dualtape_autodiff::{Real, parts::Parts};

use super::diagonal::Diagonal;
use super::linear_operator::{LinearOperator, check_indices, check_vectors};
use super::spectral::SpectrumEnds;
use crate::error::Error;
use crate::linalg::vector::{axpy, scale};

/// `c A`, made by [`LinearOperator::scaled`].
#[derive(Debug, Clone, PartialEq)]
pub struct Scaled<A, S> {
    operator: A,
    factor: S,
}

impl<A, S> Scaled<A, S> {
    pub(super) fn new(operator: A, factor: S) -> Self {
        Scaled { operator, factor }
    }
}

impl<S: Real, A: LinearOperator<S>> LinearOperator<S> for Scaled<A, S> {
    fn dim(&self) -> usize {
        self.operator.dim()
    }

    fn parts(&self) -> Option<&Parts> {
        self.operator.parts()
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        self.operator.apply(v, out)?;
        scale(self.factor, out);
        Ok(())
    }

    fn apply_many(&self, vs: &[S], out: &mut [S]) -> Result<(), Error> {
        self.operator.apply_many(vs, out)?;
        scale(self.factor, out);
        Ok(())
    }

    fn diagonal(&self, out: &mut [S]) -> Result<(), Error> {
        self.operator.diagonal(out)?;
        scale(self.factor, out);
        Ok(())
    }

    fn to_dense(&self, out: &mut [S]) -> Result<(), Error> {
        self.operator.to_dense(out)?;
        scale(self.factor, out);
        Ok(())
    }

    fn block(&self, indices: &[usize], out: &mut [S]) -> Result<(), Error> {
        self.operator.block(indices, out)?;
        scale(self.factor, out);
        Ok(())
    }

    fn trace(&self) -> Result<S, Error> {
        Ok(self.factor * self.operator.trace()?)
    }

    fn extreme_eigenvalues(&self) -> Result<SpectrumEnds<S>, Error> {
        Ok(self.operator.extreme_eigenvalues()?.map(|eigenvalue| self.factor * eigenvalue))
    }

    /// `(cA + sI)⁻¹ = 1/c (A + s/c I)⁻¹`.
    fn shifted_inverse(&self, shift: S) -> Result<Box<dyn LinearOperator<S> + '_>, Error> {
        if self.factor.is_zero() {
            return Diagonal::constant(self.dim(), shift).into_inverse();
        }
        let inverse = self.operator.shifted_inverse(shift / self.factor)?;
        Ok(Box::new(inverse.scaled(S::one() / self.factor)))
    }
}

/// `A + tI`, made by [`LinearOperator::shifted`].
#[derive(Debug, Clone, PartialEq)]
pub struct Shifted<A, S> {
    operator: A,
    shift: S,
}

impl<A, S> Shifted<A, S> {
    pub(super) fn new(operator: A, shift: S) -> Self {
        Shifted { operator, shift }
    }
}

impl<S: Real, A: LinearOperator<S>> Shifted<A, S> {
    /// Adds the shift to the diagonal of a row-major matrix of order `n`.
    fn add_to_diagonal(&self, n: usize, matrix: &mut [S]) {
        matrix.iter_mut().step_by(n + 1).for_each(|d| *d += self.shift);
    }
}

impl<S: Real, A: LinearOperator<S>> LinearOperator<S> for Shifted<A, S> {
    fn dim(&self) -> usize {
        self.operator.dim()
    }

    fn parts(&self) -> Option<&Parts> {
        self.operator.parts()
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        self.operator.apply(v, out)?;
        axpy(self.shift, v, out);
        Ok(())
    }

    fn apply_many(&self, vs: &[S], out: &mut [S]) -> Result<(), Error> {
        self.operator.apply_many(vs, out)?;
        axpy(self.shift, vs, out);
        Ok(())
    }

    fn diagonal(&self, out: &mut [S]) -> Result<(), Error> {
        self.operator.diagonal(out)?;
        out.iter_mut().for_each(|d| *d += self.shift);
        Ok(())
    }

    fn to_dense(&self, out: &mut [S]) -> Result<(), Error> {
        self.operator.to_dense(out)?;
        self.add_to_diagonal(self.dim(), out);
        Ok(())
    }

    /// An index that is given twice stands for one variable, whose shift counts in each entry that it has.
    fn block(&self, indices: &[usize], out: &mut [S]) -> Result<(), Error> {
        self.operator.block(indices, out)?;
        for (row, &i) in out.chunks_exact_mut(indices.len().max(1)).zip(indices) {
            for (entry, &j) in row.iter_mut().zip(indices) {
                if i == j {
                    *entry += self.shift;
                }
            }
        }
        Ok(())
    }

    fn trace(&self) -> Result<S, Error> {
        Ok(self.operator.trace()? + S::constant(self.dim() as f64) * self.shift)
    }

    fn extreme_eigenvalues(&self) -> Result<SpectrumEnds<S>, Error> {
        Ok(self.operator.extreme_eigenvalues()?.map(|eigenvalue| eigenvalue + self.shift))
    }

    fn shifted_inverse(&self, shift: S) -> Result<Box<dyn LinearOperator<S> + '_>, Error> {
        self.operator.shifted_inverse(self.shift + shift)
    }
}

/// `A + B`, made by [`LinearOperator::plus`].
///
/// # Example
///
/// ```
/// use dualtape_optimizers::{Dense, Diagonal, LinearOperator};
///
/// let a = Dense::new(2, vec![1.0, 2.0, 2.0, 5.0])?;
/// let sum = a.plus(Diagonal::new(vec![0.5, -1.0]))?;
/// let mut product = [0.0; 2];
/// sum.apply(&[2.0, 1.0], &mut product)?;
/// assert_eq!(product, [5.0, 8.0]);
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Sum<A, B> {
    left: A,
    right: B,
}

impl<A, B> Sum<A, B> {
    pub(super) fn new<S: Real>(left: A, right: B) -> Result<Self, Error>
    where
        A: LinearOperator<S>,
        B: LinearOperator<S>,
    {
        Error::check_length("the operator to add", right.dim(), left.dim())?;
        Ok(Sum { left, right })
    }

    /// `out ← left + right`, each written by the same method.
    fn both<S: Real>(
        &self,
        out: &mut [S],
        left: impl FnOnce(&A, &mut [S]) -> Result<(), Error>,
        right: impl FnOnce(&B, &mut [S]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        left(&self.left, out)?;
        let mut other = vec![S::zero(); out.len()];
        right(&self.right, &mut other)?;
        axpy(S::one(), &other, out);
        Ok(())
    }
}

impl<S: Real, A: LinearOperator<S>, B: LinearOperator<S>> LinearOperator<S> for Sum<A, B> {
    fn dim(&self) -> usize {
        self.left.dim()
    }

    fn parts(&self) -> Option<&Parts> {
        self.left.parts().or(self.right.parts())
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        self.both(out, |a, out| a.apply(v, out), |b, out| b.apply(v, out))
    }

    fn apply_many(&self, vs: &[S], out: &mut [S]) -> Result<(), Error> {
        self.both(out, |a, out| a.apply_many(vs, out), |b, out| b.apply_many(vs, out))
    }

    fn diagonal(&self, out: &mut [S]) -> Result<(), Error> {
        self.both(out, |a, out| a.diagonal(out), |b, out| b.diagonal(out))
    }

    fn to_dense(&self, out: &mut [S]) -> Result<(), Error> {
        self.both(out, |a, out| a.to_dense(out), |b, out| b.to_dense(out))
    }

    fn block(&self, indices: &[usize], out: &mut [S]) -> Result<(), Error> {
        self.both(out, |a, out| a.block(indices, out), |b, out| b.block(indices, out))
    }

    fn trace(&self) -> Result<S, Error> {
        Ok(self.left.trace()? + self.right.trace()?)
    }
}

/// `A` on some variables, the others held fixed: the principal sub-matrix. Made by [`LinearOperator::restricted`].
///
/// # Example
///
/// ```
/// use dualtape_optimizers::{Dense, LinearOperator};
///
/// let a = Dense::new(3, (0..9).map(f64::from).collect())?; // made symmetric: [0 2 4; 2 4 6; 4 6 8]
/// let part = a.restricted([2, 0])?;
/// let mut product = [0.0; 2];
/// part.apply(&[1.0, 10.0], &mut product)?;
/// assert_eq!(product, [48.0, 4.0]);
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Restricted<A> {
    operator: A,
    indices: Vec<usize>,
}

impl<A> Restricted<A> {
    pub(super) fn new<S: Real>(
        operator: A,
        indices: impl IntoIterator<Item = usize>,
    ) -> Result<Self, Error>
    where
        A: LinearOperator<S>,
    {
        let indices: Vec<usize> = indices.into_iter().collect();
        check_indices(&indices, operator.dim())?;
        Ok(Restricted { operator, indices })
    }
}

impl<S: Real, A: LinearOperator<S>> LinearOperator<S> for Restricted<A> {
    fn dim(&self) -> usize {
        self.indices.len()
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        check_vectors(self.indices.len(), v, out)?;
        let n = self.operator.dim();
        let (mut whole, mut product) = (vec![S::zero(); n], vec![S::zero(); n]);
        for (&i, &v) in self.indices.iter().zip(v) {
            whole[i] += v;
        }
        self.operator.apply(&whole, &mut product)?;
        for (out, &i) in out.iter_mut().zip(&self.indices) {
            *out = product[i];
        }
        Ok(())
    }

    fn to_dense(&self, out: &mut [S]) -> Result<(), Error> {
        self.operator.block(&self.indices, out)
    }

    fn block(&self, indices: &[usize], out: &mut [S]) -> Result<(), Error> {
        check_indices(indices, self.indices.len())?;
        let indices: Vec<usize> = indices.iter().map(|&k| self.indices[k]).collect();
        self.operator.block(&indices, out)
    }
}

//! What a linear operator can do.

use dualtape_autodiff::{Real, parts::Parts};

use super::combined::{Restricted, Scaled, Shifted, Sum};
use super::spectral::SpectrumEnds;
use super::{inverse, spectral};
use crate::error::Error;
use crate::linalg::dense::symmetrize;

/// A symmetric linear map `v ↦ A v` on `ℝⁿ`: the form in which the methods see curvature.
///
/// Symmetry (`uᵀA v = vᵀA u`) is part of the contract; the Hessian of a twice differentiable function has it, and all
/// operators of this crate have it by construction. Only [`dim`](Self::dim) and [`apply`](Self::apply) must be written;
/// an operator with a structure overrides what its structure makes cheaper.
///
/// | operator | matrix | solves by |
/// |---|---|---|
/// | [`Dense`](crate::Dense) | any | `LBLᵀ` with rook pivoting |
/// | [`Diagonal`](crate::Diagonal) | `diag d` | division |
/// | [`BlockDiagonal`](crate::BlockDiagonal) | `diag(A₁, …, Aₖ)` | its blocks |
/// | [`LowRank`](crate::LowRank) | `diag d + U Λ Uᵀ`, signs of `Λ` kept | Woodbury's formula |
/// | [`EmpiricalFisher`](crate::EmpiricalFisher) | `1/N Σ gᵢ gᵢᵀ` | Woodbury's formula if `N < n` |
/// | [`KroneckerFactored`](crate::KroneckerFactored) | `G ⊗ A` | eigenvectors of `G` and `A` |
/// | [`Scaled`], [`Shifted`] | `cA`, `A + tI` | what `A` does |
/// | [`Sum`], [`Restricted`] | `A + B`, `A` on some variables | as any operator |
///
/// # Example
///
/// ```
/// use dualtape_optimizers::{Error, LinearOperator};
///
/// /// diag(1, 2, …, n)
/// struct Ramp(usize);
///
/// impl LinearOperator<f64> for Ramp {
///     fn dim(&self) -> usize {
///         self.0
///     }
///     fn apply(&self, v: &[f64], out: &mut [f64]) -> Result<(), Error> {
///         for (i, (out, v)) in out.iter_mut().zip(v).enumerate() {
///             *out = (i + 1) as f64 * v;
///         }
///         Ok(())
///     }
/// }
///
/// let mut dense = [0.0; 4];
/// Ramp(2).to_dense(&mut dense)?;
/// assert_eq!(dense, [1.0, 0.0, 0.0, 2.0]);
///
/// // ½·diag(1, 2, 3) + 4I
/// let operator = Ramp(3).scaled(0.5).shifted(4.0);
/// assert_eq!(operator.trace()?, 15.0);
/// let mut x = [0.0; 3];
/// operator.solve_shifted(0.0, &[9.0, 5.0, 11.0], &mut x)?;
/// assert_eq!(x, [2.0, 1.0, 2.0]);
/// # Ok::<(), Error>(())
/// ```
pub trait LinearOperator<S: Real> {
    /// The dimension `n`.
    fn dim(&self) -> usize;

    /// What the variables are called, if that is known: then shares of parts of another vector are refused. As provided: not
    /// known.
    fn parts(&self) -> Option<&Parts> {
        None
    }

    /// `out ← A v`.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if `v` or `out` do not have `n` entries, or whatever the computation itself refuses.
    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error>;

    /// `outₖ ← A vₖ` for as many vectors as `vs` holds, one after the other, `n` entries each.
    ///
    /// As provided: one application after the other. Operators that read their data once for several vectors do better.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if `vs` is not a whole number of vectors or `out` not as long, and the errors of
    /// [`apply`](LinearOperator::apply).
    fn apply_many(&self, vs: &[S], out: &mut [S]) -> Result<(), Error> {
        let n = self.dim().max(1);
        Error::check_length("the vectors to multiply", vs.len(), vs.len() / n * n)?;
        Error::check_length("the products", out.len(), vs.len())?;
        vs.chunks_exact(n).zip(out.chunks_exact_mut(n)).try_for_each(|(v, out)| self.apply(v, out))
    }

    /// `out ← diag A`.
    ///
    /// As provided: `n` applications to unit vectors.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if `out` does not have `n` entries, and the errors of [`apply`](LinearOperator::apply).
    fn diagonal(&self, out: &mut [S]) -> Result<(), Error> {
        let n = self.dim();
        Error::check_length("the diagonal", out.len(), n)?;
        let (mut unit, mut column) = (vec![S::zero(); n], vec![S::zero(); n]);
        for (i, entry) in out.iter_mut().enumerate() {
            unit[i] = S::one();
            self.apply(&unit, &mut column)?;
            unit[i] = S::zero();
            *entry = column[i];
        }
        Ok(())
    }

    /// Writes the whole matrix, `n·n` entries row by row.
    ///
    /// As provided: `n` applications to unit vectors, and then `½(A + Aᵀ)`, which removes the asymmetry of rounding.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if `out` does not have `n·n` entries, and the errors of [`apply`](LinearOperator::apply).
    fn to_dense(&self, out: &mut [S]) -> Result<(), Error> {
        let n = self.dim();
        Error::check_length("the dense matrix", out.len(), n * n)?;
        let mut unit = vec![S::zero(); n];
        for (i, row) in out.chunks_exact_mut(n.max(1)).enumerate() {
            unit[i] = S::one();
            self.apply(&unit, row)?;
            unit[i] = S::zero();
        }
        symmetrize(n, out);
        Ok(())
    }

    /// Writes the block that belongs to some variables, `k·k` entries row by row for `k` indices: entry `(a, b)` is that of
    /// the matrix at `(indices[a], indices[b])`.
    ///
    /// As provided: `k` applications to unit vectors.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchVariable`] if an index is not below `n`, [`Error::Length`] if `out` does not have `k·k` entries, and
    /// the errors of [`apply`](LinearOperator::apply).
    fn block(&self, indices: &[usize], out: &mut [S]) -> Result<(), Error> {
        let (n, k) = (self.dim(), indices.len());
        check_indices(indices, n)?;
        Error::check_length("the block", out.len(), k * k)?;
        let (mut unit, mut column) = (vec![S::zero(); n], vec![S::zero(); n]);
        for (row, &i) in out.chunks_exact_mut(k.max(1)).zip(indices) {
            unit[i] = S::one();
            self.apply(&unit, &mut column)?;
            unit[i] = S::zero();
            for (entry, &j) in row.iter_mut().zip(indices) {
                *entry = column[j];
            }
        }
        symmetrize(k, out);
        Ok(())
    }

    /// `tr A`, exactly. As provided: the sum of the [`diagonal`](LinearOperator::diagonal).
    ///
    /// # Errors
    ///
    /// The errors of [`apply`](LinearOperator::apply).
    fn trace(&self) -> Result<S, Error> {
        let mut diagonal = vec![S::zero(); self.dim()];
        self.diagonal(&mut diagonal)?;
        Ok(diagonal.iter().fold(S::zero(), |sum, &d| sum + d))
    }

    /// The smallest and the largest eigenvalue.
    ///
    /// As provided: by block Lanczos, with the defaults of [`ExtremeEigenpairs`](crate::ExtremeEigenpairs). Where these are
    /// not enough, [`SpectrumEnds::converged`] says so, and the ends lie inside the true ones.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`] if `n = 0`, [`Error::NonFiniteProduct`], and the errors of [`apply`](LinearOperator::apply).
    fn extreme_eigenvalues(&self) -> Result<SpectrumEnds<S>, Error> {
        spectral::extreme_eigenvalues(&self)
    }

    /// `(A + shift·I)⁻¹` as an operator, ready for many right-hand sides: whatever can be factored is factored here.
    ///
    /// As provided: for at most 500 variables the dense `LBLᵀ` factors with rook pivoting, beyond MINRES (Paige &
    /// Saunders, SIAM J. Numer. Anal. 12 (1975)), run to the level of rounding for each right-hand side and restarted on the
    /// residual. An inverse matrix is never formed.
    ///
    /// # Errors
    ///
    /// [`Error::Singular`] if the shifted matrix is singular to rounding, [`Error::NonFiniteMatrix`], and the errors of
    /// [`apply`](LinearOperator::apply). Applying the inverse may fail with [`Error::Singular`] or [`Error::NotSolved`].
    fn shifted_inverse(&self, shift: S) -> Result<Box<dyn LinearOperator<S> + '_>, Error> {
        inverse::of(self, shift)
    }

    /// Solves `(A + shift·I) out = b`. For several right-hand sides, keep the
    /// [`shifted_inverse`](LinearOperator::shifted_inverse).
    ///
    /// # Errors
    ///
    /// As there, and [`Error::Length`] if `b` or `out` do not have `n` entries.
    fn solve_shifted(&self, shift: S, b: &[S], out: &mut [S]) -> Result<(), Error> {
        self.shifted_inverse(shift)?.apply(b, out)
    }

    /// `c A`.
    fn scaled(self, factor: S) -> Scaled<Self, S>
    where
        Self: Sized,
    {
        Scaled::new(self, factor)
    }

    /// `A + tI`.
    fn shifted(self, shift: S) -> Shifted<Self, S>
    where
        Self: Sized,
    {
        Shifted::new(self, shift)
    }

    /// `A + B`.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if the dimensions differ.
    fn plus<B: LinearOperator<S>>(self, other: B) -> Result<Sum<Self, B>, Error>
    where
        Self: Sized,
    {
        Sum::new(self, other)
    }

    /// `A` restricted to some variables, in the order of the indices, which may be a range.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchVariable`] if an index is not below `n`.
    fn restricted(self, indices: impl IntoIterator<Item = usize>) -> Result<Restricted<Self>, Error>
    where
        Self: Sized,
    {
        Restricted::new(self, indices)
    }
}

/// Passes everything on to what a pointer points at.
macro_rules! through_pointers {
    ($($Pointer:ty),*) => { $(
        impl<S: Real, T: LinearOperator<S> + ?Sized> LinearOperator<S> for $Pointer {
            fn dim(&self) -> usize {
                (**self).dim()
            }

            fn parts(&self) -> Option<&Parts> {
                (**self).parts()
            }

            fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
                (**self).apply(v, out)
            }

            fn apply_many(&self, vs: &[S], out: &mut [S]) -> Result<(), Error> {
                (**self).apply_many(vs, out)
            }

            fn diagonal(&self, out: &mut [S]) -> Result<(), Error> {
                (**self).diagonal(out)
            }

            fn to_dense(&self, out: &mut [S]) -> Result<(), Error> {
                (**self).to_dense(out)
            }

            fn block(&self, indices: &[usize], out: &mut [S]) -> Result<(), Error> {
                (**self).block(indices, out)
            }

            fn trace(&self) -> Result<S, Error> {
                (**self).trace()
            }

            fn extreme_eigenvalues(&self) -> Result<SpectrumEnds<S>, Error> {
                (**self).extreme_eigenvalues()
            }

            fn shifted_inverse(&self, shift: S) -> Result<Box<dyn LinearOperator<S> + '_>, Error> {
                (**self).shifted_inverse(shift)
            }

            fn solve_shifted(&self, shift: S, b: &[S], out: &mut [S]) -> Result<(), Error> {
                (**self).solve_shifted(shift, b, out)
            }
        }
    )* };
}

through_pointers!(&T, Box<T>);

/// `Ok` if `v` and `out` have `n` entries.
pub(super) fn check_vectors<S>(n: usize, v: &[S], out: &[S]) -> Result<(), Error> {
    Error::check_length("the vector to multiply", v.len(), n)?;
    Error::check_length("the product", out.len(), n)
}

/// `Ok` if all indices are below `n`.
pub(crate) fn check_indices(indices: &[usize], n: usize) -> Result<(), Error> {
    match indices.iter().find(|&&index| index >= n) {
        Some(&index) => Err(Error::NoSuchVariable { index, dim: n }),
        None => Ok(()),
    }
}

/// The matrix of an operator, in memory of its own.
pub(crate) fn dense_matrix<S: Real>(
    a: &(impl LinearOperator<S> + ?Sized),
) -> Result<Vec<S>, Error> {
    let n = a.dim();
    let mut matrix = vec![S::zero(); n * n];
    a.to_dense(&mut matrix)?;
    Ok(matrix)
}

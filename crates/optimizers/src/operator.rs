//! Symmetric linear maps that are known by what they do to a vector.

use crate::{Error, Real};

/// A symmetric linear map `v ↦ A v` on `ℝⁿ`: the form in which the methods see curvature.
///
/// Symmetry (`uᵀA v = vᵀA u`) is part of the contract; the Hessian of a twice differentiable function has it.
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
/// # Ok::<(), Error>(())
/// ```
pub trait LinearOperator<S: Real> {
    /// The dimension `n`.
    fn dim(&self) -> usize;

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
}

impl<S: Real, T: LinearOperator<S> + ?Sized> LinearOperator<S> for &T {
    fn dim(&self) -> usize {
        (**self).dim()
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
}

/// `A ← ½(A + Aᵀ)` for a row-major `n × n` matrix.
pub(crate) fn symmetrize<S: Real>(n: usize, a: &mut [S]) {
    let half = S::constant(0.5);
    for i in 0..n {
        for j in 0..i {
            let mean = half * a[i * n + j] + half * a[j * n + i];
            (a[i * n + j], a[j * n + i]) = (mean, mean);
        }
    }
}

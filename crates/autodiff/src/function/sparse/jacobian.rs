//! Sparse Jacobians of recorded functions.

use std::fmt;

use super::colouring::columns;
use super::compressed::{Compression, Place};
use super::matrix::SparseMatrix;
use super::pattern::SparsityPattern;
use super::plan::{Compressed, Plan, transposed_pattern};
use crate::compiled::{Kind, ProductKind, Stage};
use crate::error::Error;
use crate::function::record::record;
use crate::function::vector::VectorFunction;
use crate::number::Real;
use crate::tape::Var;

/// The sparse Jacobian of a [`VectorFunction`], planned once and evaluated at many points.
///
/// The pattern is found from the recorded program, as by a [`SparseHessian`](crate::sparse::SparseHessian), and holds at every
/// point on the recorded branch. Columns without a common row share a product `J·v`, or rows without a common column
/// share one `wᵀJ`, whichever needs fewer products ([Curtis, Powell and Reid
/// 1974](https://doi.org/10.1093/imamat/13.1.117)). Every entry is read from one product unchanged.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::record;
///
/// // A discretised boundary value problem: each residual has three unknowns.
/// let n = 100;
/// let residuals = record(&vec![0.0; n]).vector(|u| {
///     (1..n - 1).map(|i| u[i - 1] - 2.0 * u[i] + u[i + 1] + 0.01 * u[i].exp()).collect()
/// })?;
/// let mut plan = residuals.plan_sparse_jacobian(&vec![0.0; n])?;
/// assert_eq!((plan.pattern().nnz(), plan.products()), (3 * 98, 3));
/// let j = plan.evaluate(&vec![0.0; n])?;
/// assert_eq!((j.get(0, 0), j.get(0, 1), j.get(97, 99), j.get(0, 3)), (1.0, -1.99, 1.0, 0.0));
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
pub struct SparseJacobian<'a, S: Real = f64> {
    plan: Plan<'a, S>,
}

impl<'a, S: Real> SparseJacobian<'a, S> {
    fn new(
        function: &'a VectorFunction<'a, S>,
        x: &[S],
        given: Option<SparsityPattern>,
    ) -> Result<Self, Error> {
        Ok(Self { plan: Plan::new(&function.recorded, Kind::Jacobian, compressed, given, x)? })
    }

    /// Where the Jacobian has entries.
    pub fn pattern(&self) -> &SparsityPattern {
        self.plan.pattern()
    }

    /// The number of products with the Jacobian that an evaluation takes, that of the check of a given pattern included.
    pub fn products(&self) -> usize {
        self.plan.products()
    }

    /// The Jacobian at `x`. Allocates nothing after the first time, unless the pattern was given.
    ///
    /// # Errors
    ///
    /// [`Error::Length`]; [`Error::PatternMisses`] if the pattern was given and does not fit; and what was refused if the
    /// function had to be recorded again.
    pub fn evaluate(&mut self, x: &[S]) -> Result<&SparseMatrix<S>, Error> {
        self.plan.evaluate(x)
    }
}

/// By columns or by rows, whichever needs fewer products.
fn compressed<S: Real>(
    stage: &Stage<S>,
    given: Option<&SparsityPattern>,
    threads: usize,
) -> Result<Compressed, Error> {
    let (m, n) =
        (stage.product(ProductKind::Forward).length, stage.product(ProductKind::Reverse).length);
    let (pattern, transposed) = match given {
        Some(pattern) => {
            pattern.check_size(m, n)?;
            (pattern.clone(), pattern.transposed())
        }
        None => {
            let transposed = transposed_pattern(stage, ProductKind::Forward);
            (transposed.transposed(), transposed)
        }
    };
    let (by_columns, by_rows) = (columns(&pattern), columns(&transposed));
    let by_rows_is_better = by_rows.count < by_columns.count;
    let (kind, colouring) = if by_rows_is_better {
        (ProductKind::Reverse, by_rows)
    } else {
        (ProductKind::Forward, by_columns)
    };
    let colours = colouring.colours.clone();
    let place = |i: usize, j: usize| match by_rows_is_better {
        true => Place { colour: colours[i], component: j },
        false => Place { colour: colours[j], component: i },
    };
    let compression = Compression::new(threads, &pattern, colouring, given.is_some(), place);
    Ok(Compressed { kind, transposed: by_rows_is_better, pattern, compression })
}

impl<'f, S: Real> VectorFunction<'f, S> {
    /// The structure of the Jacobian: which entries are not zero at every point on the branch taken at `x`.
    ///
    /// # Errors
    ///
    /// As [`values`](Self::values).
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::record;
    ///
    /// let f = record(&[1.0; 3]).vector(|x| vec![x[0] * x[2], x[1].exp(), x[2].floor()])?;
    /// let pattern = f.jacobian_pattern(&[1.0; 3])?;
    /// assert_eq!(pattern.entries().collect::<Vec<_>>(), [(0, 0), (1, 1), (0, 2)]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    pub fn jacobian_pattern(&self, x: &[S]) -> Result<SparsityPattern, Error> {
        let pattern =
            |stage: &Stage<S>| transposed_pattern(stage, ProductKind::Forward).transposed();
        self.recorded.read(x, Kind::Jacobian, |run| pattern(&run.stage))
    }

    /// Plans the sparse Jacobian: pattern, colouring and structure are made once, values at as many points as one likes.
    ///
    /// # Errors
    ///
    /// As [`values`](Self::values).
    ///
    /// # Example
    ///
    /// See [`SparseJacobian`].
    pub fn plan_sparse_jacobian(&self, x: &[S]) -> Result<SparseJacobian<'_, S>, Error> {
        SparseJacobian::new(self, x, None)
    }

    /// Plans the sparse Jacobian with a pattern that is known.
    ///
    /// Every evaluation checks the pattern by one product with a random direction.
    ///
    /// # Errors
    ///
    /// As [`values`](Self::values); [`Error::Length`] if the pattern is not of the Jacobian's size.
    pub fn plan_sparse_jacobian_with(
        &self,
        x: &[S],
        pattern: &SparsityPattern,
    ) -> Result<SparseJacobian<'_, S>, Error> {
        SparseJacobian::new(self, x, Some(pattern.clone()))
    }

    /// The sparse Jacobian `J(x)`.
    ///
    /// Pattern and colouring are made anew; for several points, see
    /// [`plan_sparse_jacobian`](Self::plan_sparse_jacobian).
    ///
    /// # Errors
    ///
    /// As [`values`](Self::values).
    #[track_caller]
    pub fn sparse_jacobian(&self, x: &[S]) -> Result<SparseMatrix<S>, Error> {
        let mut plan = self.plan_sparse_jacobian(x)?;
        plan.evaluate(x)?;
        Ok(plan.plan.into_matrix())
    }
}

/// The sparse Jacobian of a vector-valued function of scalars, row `i` the gradient of value `i`.
///
/// # Errors
///
/// As [`gradient`](crate::gradient()).
///
/// # Example
///
/// ```
/// use dualtape_autodiff::sparse;
///
/// let j = sparse::jacobian(|x| vec![x[0] * x[1], x[2].powi(2)], &[2.0, 3.0, 5.0])?;
/// assert_eq!((j.col_ptr(), j.row_idx()), (&[0, 1, 2, 3][..], &[0, 0, 1][..]));
/// assert_eq!(j.values(), [3.0, 2.0, 10.0]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[track_caller]
pub fn sparse_jacobian<F>(f: F, x: &[f64]) -> Result<SparseMatrix, Error>
where
    F: for<'t> Fn(&[Var<'t>]) -> Vec<Var<'t>> + Send + Sync,
{
    record(x).vector(f)?.sparse_jacobian(x)
}

impl<S: Real> fmt::Debug for SparseJacobian<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SparseJacobian({:?}, {} products)", self.pattern(), self.products())
    }
}

//! Sparse matrices as results.

use std::fmt;

use super::pattern::SparsityPattern;
use crate::compiled::Matrix;
use crate::number::Real;

/// A sparse matrix in compressed sparse column form: a Jacobian, or a Hessian with both its triangles.
///
/// `values()[k]` is the entry in row `row_idx()[k]`, for `k` from `col_ptr()[j]` to `col_ptr()[j + 1]` in column `j`;
/// rows increase within a column. The form is that of the sparse direct solvers (faer, SuiteSparse, SciPy's
/// `csc_matrix`).
///
/// # Example
///
/// ```
/// use dualtape_autodiff::sparse;
///
/// let h = sparse::hessian(|x| x[0].powi(3) + x[1] * x[2], &[2.0, 5.0, 7.0])?;
/// assert_eq!((h.col_ptr(), h.row_idx()), (&[0, 1, 2, 3][..], &[0, 2, 1][..]));
/// assert_eq!(h.values(), [12.0, 1.0, 1.0]);
/// assert_eq!((h.get(2, 1), h.get(2, 0)), (1.0, 0.0));
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct SparseMatrix<S = f64> {
    pattern: SparsityPattern,
    values: Vec<S>,
}

impl<S: Real> SparseMatrix<S> {
    pub(crate) fn zeros(pattern: SparsityPattern) -> Self {
        let values = vec![S::zero(); pattern.nnz()];
        Self { pattern, values }
    }

    /// Entry `(i, j)`, zero where the matrix has none.
    ///
    /// # Panics
    ///
    /// If there is no such row or column.
    pub fn get(&self, i: usize, j: usize) -> S {
        let (rows, cols) = (self.rows(), self.cols());
        assert!(i < rows && j < cols, "entry ({i}, {j}) of a {rows}×{cols} matrix");
        self.pattern.position(i, j).map_or(S::zero(), |k| self.values[k])
    }

    /// The same matrix with all its zeros.
    pub fn to_dense(&self) -> Matrix<S> {
        let cols = self.cols();
        let mut data = vec![S::zero(); self.rows() * cols];
        for (i, j, value) in self.triplets() {
            data[i * cols + j] = value;
        }
        Matrix::from_rows(self.rows(), cols, data)
    }

    /// The entries on and below the diagonal: half of a symmetric matrix.
    pub fn lower(&self) -> Self {
        let values = self.triplets().filter(|&(i, j, _)| i >= j).map(|(.., value)| value).collect();
        Self { pattern: self.pattern.lower(), values }
    }

    /// The product `A·x`.
    ///
    /// # Panics
    ///
    /// If `x` has not one entry for each column.
    pub fn times(&self, x: &[S]) -> Vec<S> {
        assert_eq!(x.len(), self.cols(), "a vector with an entry for each column");
        let mut y = vec![S::zero(); self.rows()];
        for (i, j, value) in self.triplets() {
            y[i] += value * x[j];
        }
        y
    }

    /// The entries `(row, column, value)`, column by column.
    pub fn triplets(&self) -> impl Iterator<Item = (usize, usize, S)> {
        self.pattern.entries().zip(&self.values).map(|((i, j), &value)| (i, j, value))
    }
}

impl<S> SparseMatrix<S> {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.pattern.rows()
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.pattern.cols()
    }

    /// Number of entries, zero ones among them included.
    pub fn nnz(&self) -> usize {
        self.values.len()
    }

    /// Where the entries are.
    pub fn pattern(&self) -> &SparsityPattern {
        &self.pattern
    }

    /// Where each column starts among the entries, and where the last one ends.
    pub fn col_ptr(&self) -> &[usize] {
        self.pattern.col_ptr()
    }

    /// The row of every entry, column by column.
    pub fn row_idx(&self) -> &[usize] {
        self.pattern.row_idx()
    }

    /// The value of every entry, column by column.
    pub fn values(&self) -> &[S] {
        &self.values
    }

    pub(crate) fn values_mut(&mut self) -> &mut [S] {
        &mut self.values
    }
}

impl<S: fmt::Debug> fmt::Debug for SparseMatrix<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.pattern.entries().zip(&self.values)).finish()
    }
}

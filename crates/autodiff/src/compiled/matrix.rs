//! Dense matrices as results.

use std::fmt;
use std::ops::Index;

use crate::number::Real;

/// A dense row-major matrix: a Jacobian or a Hessian.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::hessian;
///
/// let h = hessian(|x| x[0] * x[0] * x[1], &[3.0, 5.0])?;
/// assert_eq!((h.rows(), h[(0, 0)], h[(0, 1)], h.row(1)), (2, 10.0, 6.0, &[6.0, 0.0][..]));
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Matrix<S = f64> {
    rows: usize,
    cols: usize,
    data: Vec<S>,
}

impl<S> Matrix<S> {
    pub(crate) fn from_rows(rows: usize, cols: usize, data: Vec<S>) -> Self {
        debug_assert_eq!(rows * cols, data.len());
        Self { rows, cols, data }
    }

    pub(crate) fn transposed(&self) -> Self
    where
        S: Copy,
    {
        let (rows, cols) = (self.cols, self.rows);
        let entries = (0..rows).flat_map(|i| (0..cols).map(move |j| (i, j)));
        Self { rows, cols, data: entries.map(|(i, j)| self[(j, i)]).collect() }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Row `i`.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn row(&self, i: usize) -> &[S] {
        &self.data[i * self.cols..(i + 1) * self.cols]
    }

    /// All elements, row by row.
    pub fn as_slice(&self) -> &[S] {
        &self.data
    }

    /// All elements, row by row, to write.
    pub fn as_mut_slice(&mut self) -> &mut [S] {
        &mut self.data
    }

    /// The elements, row by row.
    pub fn into_vec(self) -> Vec<S> {
        self.data
    }
}

impl<S> Index<(usize, usize)> for Matrix<S> {
    type Output = S;

    /// Element `(i, j)`.
    ///
    /// # Panics
    ///
    /// If there is no such element.
    fn index(&self, (i, j): (usize, usize)) -> &S {
        assert!(j < self.cols, "column {j} of a matrix with {} columns", self.cols);
        &self.row(i)[j]
    }
}

impl<S: fmt::Debug> fmt::Debug for Matrix<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries((0..self.rows).map(|i| self.row(i))).finish()
    }
}

/// Makes a matrix exactly symmetric, where rounding left it nearly so.
pub(crate) fn symmetrize<S: Real>(n: usize, h: &mut [S]) {
    let half = S::constant(0.5);
    for i in 0..n {
        for j in 0..i {
            let mean = half * h[i * n + j] + half * h[j * n + i];
            (h[i * n + j], h[j * n + i]) = (mean, mean);
        }
    }
}

//! Conversions between our row-major matrices and arrays and nalgebra's column-major ones.

use nalgebra::{DMatrix, DVector, Scalar};

use crate::array::Array;
use crate::compiled::Matrix;
use crate::error::Error;

impl<S: Scalar> From<Matrix<S>> for DMatrix<S> {
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::hessian;
    /// use nalgebra::DMatrix;
    ///
    /// let h: DMatrix<f64> = hessian(|x| x[0] * x[0] + x[0] * x[1] + x[1] * x[1], &[1.0, 2.0])?.into();
    /// assert_eq!(h.determinant(), 3.0);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    fn from(m: Matrix<S>) -> Self {
        DMatrix::from_row_slice(m.rows(), m.cols(), m.as_slice())
    }
}

impl<S: Scalar> From<&DMatrix<S>> for Matrix<S> {
    fn from(m: &DMatrix<S>) -> Self {
        Matrix::from_rows(m.nrows(), m.ncols(), row_major(m))
    }
}

impl<S: Scalar> From<&DMatrix<S>> for Array<S> {
    /// The array of rank 2.
    fn from(m: &DMatrix<S>) -> Self {
        Array::new(&[m.nrows(), m.ncols()], row_major(m)).expect("one element for each entry")
    }
}

impl<S: Scalar> From<&DVector<S>> for Array<S> {
    /// The array of rank 1.
    fn from(v: &DVector<S>) -> Self {
        Array::vector(v.as_slice().to_vec())
    }
}

impl<S: Scalar> TryFrom<&Array<S>> for DMatrix<S> {
    type Error = Error;

    /// # Errors
    ///
    /// [`Error::Length`] if the array is not of rank 2.
    fn try_from(array: &Array<S>) -> Result<Self, Error> {
        match *array.shape() {
            [rows, cols] => Ok(DMatrix::from_row_slice(rows, cols, array.data())),
            _ => Err(rank(array, 2)),
        }
    }
}

impl<S: Scalar> TryFrom<&Array<S>> for DVector<S> {
    type Error = Error;

    /// # Errors
    ///
    /// [`Error::Length`] if the array is not of rank 1.
    fn try_from(array: &Array<S>) -> Result<Self, Error> {
        match array.shape() {
            [_] => Ok(DVector::from_column_slice(array.data())),
            _ => Err(rank(array, 1)),
        }
    }
}

fn row_major<S: Scalar>(m: &DMatrix<S>) -> Vec<S> {
    m.row_iter().flat_map(|row| row.iter().cloned().collect::<Vec<S>>()).collect()
}

fn rank<S>(array: &Array<S>, expected: usize) -> Error {
    Error::Length { what: "the shape of the array", got: array.shape().len(), expected }
}

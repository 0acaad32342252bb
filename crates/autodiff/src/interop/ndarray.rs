//! Conversions of ndarray's arrays.

use ndarray::{Array1, Array2, ArrayBase, ArrayD, Data, Dimension, Ix1, Ix2, IxDyn};

use crate::array::Array;
use crate::compiled::Matrix;
use crate::error::Error;

impl<S: Clone, D: Dimension, A: Data<Elem = S>> From<&ArrayBase<A, D>> for Array<S> {
    /// The elements in logical, row-major order, whatever the layout in memory.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::Array;
    /// use ndarray::array;
    ///
    /// let a = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
    /// let transposed = Array::from(&a.t());
    /// assert_eq!((transposed.shape(), transposed.data()[1]), (&[3, 2][..], 4.0));
    /// assert_eq!(ndarray::ArrayD::from(transposed), a.t().into_dyn());
    /// ```
    fn from(a: &ArrayBase<A, D>) -> Self {
        Array::new(a.shape(), a.iter().cloned().collect()).expect("one element for each index")
    }
}

impl<S: Clone> From<Array<S>> for ArrayD<S> {
    fn from(array: Array<S>) -> Self {
        ArrayD::from_shape_vec(IxDyn(array.shape()), array.data().to_vec())
            .expect("one element for each index")
    }
}

impl<S: Clone> From<Matrix<S>> for Array2<S> {
    fn from(m: Matrix<S>) -> Self {
        Array2::from_shape_vec(Ix2(m.rows(), m.cols()), m.as_slice().to_vec())
            .expect("one element for each entry")
    }
}

impl<S: Clone> From<&Array2<S>> for Matrix<S> {
    fn from(a: &Array2<S>) -> Self {
        Matrix::from_rows(a.nrows(), a.ncols(), a.iter().cloned().collect())
    }
}

impl<S: Clone> TryFrom<&Array<S>> for Array1<S> {
    type Error = Error;

    /// # Errors
    ///
    /// [`Error::Length`] if the array is not of rank 1.
    fn try_from(array: &Array<S>) -> Result<Self, Error> {
        match *array.shape() {
            [len] => Ok(Array1::from_shape_vec(Ix1(len), array.data().to_vec())
                .expect("one element for each index")),
            _ => {
                let got = array.shape().len();
                Err(Error::Length { what: "the shape of the array", got, expected: 1 })
            }
        }
    }
}

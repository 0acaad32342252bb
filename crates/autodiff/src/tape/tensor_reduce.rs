//! Reductions over axes, and running sums.

use super::Tensor;
use crate::rules::tensor::TensorOp;
use crate::scalar::Scalar;

impl<'t, S: Scalar> Tensor<'t, S> {
    /// Sum of the elements so far along an axis: `y[k] = x[0] + … + x[k]`.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape};
    ///
    /// let tape = Tape::new();
    /// let x = tape.constant(&Array::vector(vec![1.0, 2.0, 3.0]));
    /// assert_eq!(x.cumsum(0).data(), [1.0, 3.0, 6.0]);
    /// ```
    #[track_caller]
    pub fn cumsum(self, axis: usize) -> Self {
        self.record(TensorOp::CumulativeSum { axis, from_end: false }, &[self])
    }
}

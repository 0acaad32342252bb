//! Triangles of matrices.

use super::kind::{Contribution, Given, Linear};
use crate::number::Scalar;
use crate::op::Triangle;
use crate::tape::Tensor;

/// Its own transpose.
impl<S: Scalar> Linear<S> for Triangle {
    fn transpose<'t>(&self, _: usize, _: &[Tensor<'t, S>], y_bar: Tensor<'t, S>) -> Given<'t, S> {
        Some(Contribution::Whole(y_bar.record(*self, &[y_bar])))
    }
}

//! The largest element along an axis.

use super::kind::Partials;
use crate::number::Scalar;
use crate::op::{Max, MaxShare};
use crate::tape::Tensor;

impl<S: Scalar> Partials<S> for Max {
    fn partial<'t>(&self, _: usize, x: &[Tensor<'t, S>], _y: Tensor<'t, S>) -> Tensor<'t, S> {
        x[0].record(MaxShare(self.0), &[x[0]])
    }

    fn reduced_axis(&self) -> Option<usize> {
        Some(self.0)
    }
}

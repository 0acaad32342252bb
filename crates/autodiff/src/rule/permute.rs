//! Axes in another order.

use super::kind::{Contribution, Given, Linear};
use crate::number::Scalar;
use crate::op::Permute;
use crate::tape::Tensor;

impl<S: Scalar> Linear<S> for Permute {
    fn transpose<'t>(&self, _: usize, _: &[Tensor<'t, S>], y_bar: Tensor<'t, S>) -> Given<'t, S> {
        let mut inverse = self.0.clone();
        for (to, &from) in self.0.iter().enumerate() {
            inverse[from] = to;
        }
        Some(Contribution::Whole(y_bar.record(Self(inverse), &[y_bar])))
    }
}

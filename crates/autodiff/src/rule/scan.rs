//! Running along an axis.

use super::kind::{Contribution, Given, Linear};
use crate::number::Scalar;
use crate::op::CumulativeSum;
use crate::tape::Tensor;

/// The sum from the other end.
impl<S: Scalar> Linear<S> for CumulativeSum {
    fn transpose<'t>(&self, _: usize, _: &[Tensor<'t, S>], y_bar: Tensor<'t, S>) -> Given<'t, S> {
        let op = Self { from_end: !self.from_end, ..*self };
        Some(Contribution::Whole(y_bar.record(op, &[y_bar])))
    }
}

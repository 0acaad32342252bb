//! Reading at indices, and adding there.

use super::kind::{Contribution, Given, Linear};
use crate::number::Scalar;
use crate::op::{Gather, ScatterAdd};
use crate::tape::Tensor;

impl<S: Scalar> Linear<S> for Gather {
    fn transpose<'t>(&self, i: usize, x: &[Tensor<'t, S>], y_bar: Tensor<'t, S>) -> Given<'t, S> {
        let added = || y_bar.record(ScatterAdd(self.0), &[y_bar, x[1]]);
        (i == 0).then(|| Contribution::Whole(added()))
    }
}

impl<S: Scalar> Linear<S> for ScatterAdd {
    fn transpose<'t>(&self, i: usize, x: &[Tensor<'t, S>], y_bar: Tensor<'t, S>) -> Given<'t, S> {
        let read = || y_bar.record(Gather(self.0), &[y_bar, x[1]]);
        (i == 0).then(|| Contribution::Whole(read()))
    }
}

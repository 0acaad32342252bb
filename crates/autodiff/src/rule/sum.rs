//! Sums over axes, and what repeats elements.

use super::kind::{Contribution, Given, Linear};
use crate::array::Shape;
use crate::number::Scalar;
use crate::op::{Broadcast, Sum, SumTo};
use crate::tape::Tensor;

impl<S: Scalar> Linear<S> for Sum {
    fn transpose<'t>(&self, i: usize, x: &[Tensor<'t, S>], y_bar: Tensor<'t, S>) -> Given<'t, S> {
        let shape = x[i].shape();
        let length = |axis: usize| if self.0.contains(&axis) { 1 } else { shape[axis] };
        let kept: Shape = (0..shape.len()).map(length).collect();
        Some(Contribution::Whole(y_bar.reshape(&kept).broadcast(shape)))
    }
}

impl<S: Scalar> Linear<S> for SumTo {
    fn transpose<'t>(&self, i: usize, x: &[Tensor<'t, S>], y_bar: Tensor<'t, S>) -> Given<'t, S> {
        Some(Contribution::Whole(y_bar.broadcast(x[i].shape())))
    }
}

impl<S: Scalar> Linear<S> for Broadcast {
    fn transpose<'t>(&self, i: usize, x: &[Tensor<'t, S>], y_bar: Tensor<'t, S>) -> Given<'t, S> {
        Some(Contribution::Whole(y_bar.sum_to(x[i].shape())))
    }
}

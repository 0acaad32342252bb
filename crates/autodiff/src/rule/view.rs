//! Contiguous pieces of arrays, and arrays assembled of them.

use super::kind::{Contribution, Given, Linear};
use crate::number::Scalar;
use crate::op::{Assemble, TensorOp, View};
use crate::tape::Tensor;

impl<S: Scalar> Linear<S> for View {
    fn transpose<'t>(&self, _: usize, _: &[Tensor<'t, S>], y_bar: Tensor<'t, S>) -> Given<'t, S> {
        Some(Contribution::Piece { offset: self.offset, cotangent: y_bar })
    }
}

impl<S: Scalar> Linear<S> for Assemble {
    fn transpose<'t>(&self, i: usize, x: &[Tensor<'t, S>], y_bar: Tensor<'t, S>) -> Given<'t, S> {
        Some(Contribution::Whole(y_bar.view(self.offsets[i], x[i].shape())))
    }

    /// The pieces that have one.
    fn tangent<'t>(
        &self,
        _: &TensorOp<S>,
        _: &[Tensor<'t, S>],
        _: Tensor<'t, S>,
        x_dot: &[Option<Tensor<'t, S>>],
    ) -> Option<Tensor<'t, S>> {
        let present = x_dot.iter().zip(&self.offsets).filter_map(|(x, &at)| Some(((*x)?, at)));
        let (pieces, offsets): (Vec<Tensor<'t, S>>, Vec<usize>) = present.unzip();
        Some(pieces.first()?.record(Self { offsets, shape: self.shape.clone() }, &pieces))
    }
}

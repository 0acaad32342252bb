//! Elements at regularly spaced positions, and arrays that are sums of such pieces.

use super::kind::{Contribution, Given, Linear};
use crate::number::Scalar;
use crate::op::{Strided, StridedAdd, TensorOp};
use crate::tape::Tensor;

impl<S: Scalar> Linear<S> for Strided {
    fn transpose<'t>(&self, _: usize, _: &[Tensor<'t, S>], y_bar: Tensor<'t, S>) -> Given<'t, S> {
        Some(Contribution::Strided { lattice: Box::new(self.0.clone()), cotangent: y_bar })
    }
}

impl<S: Scalar> Linear<S> for StridedAdd {
    fn transpose<'t>(&self, i: usize, _: &[Tensor<'t, S>], y_bar: Tensor<'t, S>) -> Given<'t, S> {
        Some(Contribution::Whole(y_bar.strided(self.pieces[i].clone())))
    }

    /// The pieces that have one.
    fn tangent<'t>(
        &self,
        _: &TensorOp<S>,
        _: &[Tensor<'t, S>],
        _: Tensor<'t, S>,
        x_dot: &[Option<Tensor<'t, S>>],
    ) -> Option<Tensor<'t, S>> {
        let present =
            x_dot.iter().zip(&self.pieces).filter_map(|(x, at)| Some(((*x)?, at.clone())));
        let (x, pieces): (Vec<Tensor<'t, S>>, Vec<_>) = present.unzip();
        Some(x.first()?.record(Self::new(pieces, &self.shape), &x))
    }
}

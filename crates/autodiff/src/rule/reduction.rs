//! Reductions over axes.

use crate::number::{Elementary, Scalar, Unary};
use crate::tape::Tensor;

/// `∂/∂x ln Σ exp x = exp(x − y)`.
pub(crate) fn softmax<'t, S: Scalar>(
    x: Tensor<'t, S>,
    y: Tensor<'t, S>,
    axis: usize,
) -> Tensor<'t, S> {
    (x - y.keep_axis(axis)).map(Unary::Exp)
}

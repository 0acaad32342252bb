//! Reductions over axes.

use super::layout::strip_axes;
use crate::array::Shape;
use crate::rules::Unary;
use crate::scalar::{Elementary, Scalar};
use crate::tape::Tensor;

pub(super) fn shape(x: &[usize], axes: &[usize]) -> Result<Shape, String> {
    if axes.iter().all(|&axis| axis < x.len()) && axes.windows(2).all(|pair| pair[0] < pair[1]) {
        Ok(strip_axes(x, axes))
    } else {
        Err(format!("distinct axes below {}, not {axes:?}", x.len()))
    }
}

/// `∂/∂x ln Σ exp x = exp(x − y)`.
pub(super) fn softmax<'t, S: Scalar>(
    x: Tensor<'t, S>,
    y: Tensor<'t, S>,
    axis: usize,
) -> Tensor<'t, S> {
    (x - y.keep_axis(axis)).map(Unary::Exp)
}

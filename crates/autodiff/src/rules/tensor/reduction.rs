//! Reductions over axes.

use super::layout::strip_axes;
use crate::array::Shape;
use crate::kernel::View;
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

/// Which elements are the largest along the axis: 1, or 1/k at a tie of k.
pub(super) fn max_share<S: Scalar>(x: View<'_, S>, axis: usize, share: &mut [S]) {
    let length = x.shape[axis];
    let stride: usize = x.shape[axis + 1..].iter().product();
    if length == 0 || stride == 0 {
        return;
    }
    for outer in (0..x.data.len()).step_by(length * stride) {
        for start in outer..outer + stride {
            let along = || (0..length).map(|k| start + k * stride);
            let largest = along().map(|i| x.data[i]).fold(x.data[start], |m, v| m.max(v));
            let ties = along().filter(|&i| x.data[i] == largest).count();
            for i in along() {
                let part = if x.data[i] == largest { 1.0 / ties as f64 } else { 0.0 };
                share[i] = S::constant(part);
            }
        }
    }
}

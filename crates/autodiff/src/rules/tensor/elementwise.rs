//! Elementwise operations on arrays: the scalar rules, read over tensors.

use super::TensorOp;
use crate::array::Shape;
use crate::rules::{power_int_derivative, power_real_derivative};
use crate::scalar::Scalar;
use crate::tape::Tensor;

/// NumPy's rule: shapes are aligned at the last axis; an axis that is missing or of length 1 is repeated.
pub(super) fn broadcast_shape(a: &[usize], b: &[usize]) -> Result<Shape, String> {
    let rank = a.len().max(b.len());
    let axis = |x: &[usize], i: usize| (i + x.len()).checked_sub(rank).map_or(1, |i| x[i]);
    (0..rank)
        .map(|i| match (axis(a, i), axis(b, i)) {
            (m, n) if m == n || n == 1 => Ok(m),
            (1, n) => Ok(n),
            (m, n) => Err(format!(
                "axes aligned from the last must have equal lengths or length 1, not {m} and {n}; \
                 give one operand an axis of length 1 there (`keep_axis`) if it is to be repeated"
            )),
        })
        .collect()
}

/// `∂y/∂xᵢ` of an elementwise operation.
pub(super) fn partial<'t, S: Scalar>(
    op: &TensorOp<S>,
    i: usize,
    x: &[Tensor<'t, S>],
    y: Tensor<'t, S>,
) -> Tensor<'t, S> {
    match (op, i) {
        (TensorOp::Map(f), _) => f.derivative(x[0], y),
        (TensorOp::PowerInt(n), _) => power_int_derivative(x[0], *n),
        (TensorOp::PowerReal(p), _) => power_real_derivative(x[0], *p),
        (TensorOp::Zip(f), 0) => f.partial_a(x[0], x[1], y),
        (TensorOp::Zip(f), _) => f.partial_b(x[0], x[1], y),
        (op, _) => unreachable!("{} is not elementwise", op.name()),
    }
}

//! Elementwise operations on arrays: the scalar rules, read over tensors.

use crate::number::{Scalar, power_int_derivative, power_real_derivative};
use crate::op::TensorOp;
use crate::tape::Tensor;

/// `∂y/∂xᵢ` of an elementwise operation.
pub(crate) fn partial<'t, S: Scalar>(
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

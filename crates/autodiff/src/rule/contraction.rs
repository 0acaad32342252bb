//! Matrix products.

use crate::number::Scalar;
use crate::op::TensorOp;
use crate::tape::Tensor;

/// The transposes of `Y = A·B`: `A_bar = Y_bar·Bᵀ`, `B_bar = Aᵀ·Y_bar`, and for a transposed operand the transpose of
/// that, again as one product without copies. A factor that serves several batches has the sum of their cotangents.
pub(crate) fn matmul_adjoint<'t, S: Scalar>(
    i: usize,
    x: &[Tensor<'t, S>],
    transpose_a: bool,
    transpose_b: bool,
    y_bar: Tensor<'t, S>,
) -> Tensor<'t, S> {
    let product = |a: Tensor<'t, S>, transpose_a, b: Tensor<'t, S>, transpose_b| {
        y_bar.record(TensorOp::MatMul { transpose_a, transpose_b }, &[a, b])
    };
    let x_bar = match (i, transpose_a, transpose_b) {
        (0, false, _) => product(y_bar, false, x[1], !transpose_b),
        (0, true, _) => product(x[1], transpose_b, y_bar, true),
        (_, _, false) => product(x[0], !transpose_a, y_bar, false),
        (_, _, true) => product(y_bar, true, x[0], transpose_a),
    };
    x_bar.sum_to(x[i].shape())
}

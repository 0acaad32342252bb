//! Matrix products.

use super::TensorOp;
use super::elementwise::broadcast_shape;
use crate::array::Shape;
use crate::scalar::Scalar;
use crate::tape::Tensor;

pub(super) fn matmul_shape(
    a: &[usize],
    transpose_a: bool,
    b: &[usize],
    transpose_b: bool,
) -> Result<Shape, String> {
    let ([a_batch @ .., a0, a1], [b_batch @ .., b0, b1]) = (a, b) else {
        return Err("matrices (rank 2), vectors, or batches of matrices".into());
    };
    let (m, k) = if transpose_a { (a1, a0) } else { (a0, a1) };
    let (k_b, n) = if transpose_b { (b1, b0) } else { (b0, b1) };
    if k != k_b {
        return Err(format!("as many columns on the left as rows on the right, not {k} and {k_b}"));
    }
    let mut shape = broadcast_shape(a_batch, b_batch)?;
    shape.extend([*m, *n]);
    Ok(shape)
}

/// The transposes of `Y = A·B`: `A_bar = Y_bar·Bᵀ`, `B_bar = Aᵀ·Y_bar`, and for a transposed operand the transpose of
/// that, again as one product without copies. A factor that serves several batches has the sum of their cotangents.
pub(super) fn matmul_adjoint<'t, S: Scalar>(
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

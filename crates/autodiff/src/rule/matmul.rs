//! Products of matrices.

use super::kind::Bilinear;
use crate::number::Scalar;
use crate::op::MatMul;
use crate::tape::Tensor;

/// The transposes of `Y = A·B`: `A_bar = Y_bar·Bᵀ`, `B_bar = Aᵀ·Y_bar`, and for a transposed operand the transpose of
/// that, again as one product without copies. A factor that serves several batches has the sum of their cotangents.
impl<S: Scalar> Bilinear<S> for MatMul {
    fn transpose<'t>(&self, i: usize, x: &[Tensor<'t, S>], y_bar: Tensor<'t, S>) -> Tensor<'t, S> {
        let product = |a: Tensor<'t, S>, transpose_a, b: Tensor<'t, S>, transpose_b| {
            y_bar.record(Self { transpose_a, transpose_b }, &[a, b])
        };
        let x_bar = match (i, self.transpose_a, self.transpose_b) {
            (0, false, transpose_b) => product(y_bar, false, x[1], !transpose_b),
            (0, true, transpose_b) => product(x[1], transpose_b, y_bar, true),
            (_, transpose_a, false) => product(x[0], !transpose_a, y_bar, false),
            (_, transpose_a, true) => product(y_bar, true, x[0], transpose_a),
        };
        x_bar.sum_to(x[i].shape())
    }
}

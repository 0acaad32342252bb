//! `ln Σ exp` over an axis.

use super::kind::Partials;
use crate::number::{Elementary, Scalar, Unary};
use crate::op::LogSumExp;
use crate::tape::Tensor;

/// `∂/∂x ln Σ exp x = exp(x − y)`.
impl<S: Scalar> Partials<S> for LogSumExp {
    fn partial<'t>(&self, _: usize, x: &[Tensor<'t, S>], y: Tensor<'t, S>) -> Tensor<'t, S> {
        (x[0] - y.keep_axis(self.0)).map(Unary::Exp)
    }

    fn reduced_axis(&self) -> Option<usize> {
        Some(self.0)
    }
}

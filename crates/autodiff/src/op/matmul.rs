//! Products of matrices.

use super::elementwise::broadcast_shape;
use super::operation::{Around, Batched, Forward, Operation, Out, Pattern};
use crate::array::{Shape, View};
use crate::error::Fault;
use crate::kernel;
use crate::number::{Irregularity, Real, Scalar};

/// `op(a)·op(b)` of matrices, where `op` may transpose, for every batch of leading axes, broadcast to each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct MatMul {
    pub transpose_a: bool,
    pub transpose_b: bool,
}

impl Operation for MatMul {
    const NAME: &'static str = "matmul";

    fn text(&self) -> String {
        let mark = |transposed| if transposed { "ᵀ" } else { "" };
        format!("matmul _{} _{}", mark(self.transpose_a), mark(self.transpose_b))
    }

    fn shape(&self, x: &[&[usize]]) -> Result<Shape, String> {
        let ([a_batch @ .., a0, a1], [b_batch @ .., b0, b1]) = (x[0], x[1]) else {
            return Err("matrices (rank 2), vectors, or batches of matrices".into());
        };
        let (m, k) = if self.transpose_a { (a1, a0) } else { (a0, a1) };
        let (k_b, n) = if self.transpose_b { (b1, b0) } else { (b0, b1) };
        if k != k_b {
            return Err(format!(
                "as many columns on the left as rows on the right, not {k} and {k_b}"
            ));
        }
        let mut shape = broadcast_shape(a_batch, b_batch)?;
        shape.extend([*m, *n]);
        Ok(shape)
    }

    fn pattern(&self) -> Pattern {
        let Self { transpose_a, transpose_b } = *self;
        Pattern::Product { transpose_a, transpose_b }
    }

    fn batched(&self, _lanes: usize, _x: &[&[usize]], _shape: &[usize]) -> Batched<Self> {
        Batched::Broadcasting(*self)
    }

    fn irregularity<R: Real>(&self, _at: &Around<'_, R>) -> Option<Irregularity> {
        None
    }
}

impl Forward for MatMul {
    fn forward<S: Scalar>(&self, x: &[View<'_, S>], y: Out<'_, S>) -> Result<(), Fault> {
        kernel::matmul(x[0], self.transpose_a, x[1], self.transpose_b, y.data, y.shape);
        Ok(())
    }
}

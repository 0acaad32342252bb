//! Elements chosen by a condition.

use super::kind::{Contribution, Given, Linear};
use crate::number::{Elementary, Scalar};
use crate::op::{Select, TensorOp};
use crate::tape::Tensor;

impl<S: Scalar> Linear<S> for Select {
    /// What is selected from operand `i` keeps its cotangent, the rest has zero: a multiplication by 0 would let infinities
    /// through.
    fn transpose<'t>(&self, i: usize, x: &[Tensor<'t, S>], y_bar: Tensor<'t, S>) -> Given<'t, S> {
        let zero = y_bar.lift(0.0);
        let branches = match i {
            0 => return None,
            1 => [x[0], y_bar, zero],
            _ => [x[0], zero, y_bar],
        };
        Some(Contribution::Whole(y_bar.record(*self, &branches).sum_to(x[i].shape())))
    }

    /// `select(condition, a_dot, b_dot)`, with zero where there is none.
    fn tangent<'t>(
        &self,
        _: &TensorOp<S>,
        x: &[Tensor<'t, S>],
        y: Tensor<'t, S>,
        x_dot: &[Option<Tensor<'t, S>>],
    ) -> Option<Tensor<'t, S>> {
        let any = x_dot[1].or(x_dot[2])?;
        let [a_dot, b_dot] = [x_dot[1], x_dot[2]].map(|x_dot| x_dot.unwrap_or(any.lift(0.0)));
        Some(any.record(*self, &[x[0], a_dot, b_dot]).broadcast(y.shape()))
    }
}

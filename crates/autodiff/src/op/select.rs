//! Elements chosen by a condition.

use super::elementwise::broadcast_shape;
use super::operation::{Around, Batched, Forward, Operation, Out, Pattern};
use crate::array::{Shape, View};
use crate::error::Fault;
use crate::kernel;
use crate::number::{Irregularity, Real, Scalar};

/// `a` where the condition, the first operand, is not 0; elsewhere `b`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Select;

impl Operation for Select {
    const NAME: &'static str = "select";

    fn shape(&self, x: &[&[usize]]) -> Result<Shape, String> {
        broadcast_shape(&broadcast_shape(x[0], x[1])?, x[2])
    }

    fn pattern(&self) -> Pattern {
        Pattern::Elementwise
    }

    fn batched(&self, _lanes: usize, _x: &[&[usize]], _shape: &[usize]) -> Batched<Self> {
        Batched::Broadcasting(*self)
    }

    fn irregularity<R: Real>(&self, _at: &Around<'_, R>) -> Option<Irregularity> {
        None
    }
}

impl Forward for Select {
    fn forward<S: Scalar>(&self, x: &[View<'_, S>], y: Out<'_, S>) -> Result<(), Fault> {
        kernel::select([x[0], x[1], x[2]], y.data, y.shape);
        Ok(())
    }
}

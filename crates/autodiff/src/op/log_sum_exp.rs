//! `ln Σ exp` over an axis.

use super::operation::{Around, Batched, Forward, Operation, Out, Pattern};
use super::sum::reduced;
use crate::array::{Shape, View};
use crate::error::Fault;
use crate::kernel;
use crate::number::{Irregularity, Real, Scalar};

/// `ln Σ exp` over an axis, which disappears.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LogSumExp(pub usize);

impl Operation for LogSumExp {
    const NAME: &'static str = "log_sum_exp";

    fn shape(&self, x: &[&[usize]]) -> Result<Shape, String> {
        reduced(x[0], &[self.0])
    }

    fn pattern(&self) -> Pattern {
        Pattern::All
    }

    fn batched(&self, _lanes: usize, _x: &[&[usize]], _shape: &[usize]) -> Batched<Self> {
        Batched::Leading(Self(self.0 + 1))
    }

    fn irregularity<R: Real>(&self, _at: &Around<'_, R>) -> Option<Irregularity> {
        None
    }
}

impl Forward for LogSumExp {
    fn forward<S: Scalar>(&self, x: &[View<'_, S>], y: Out<'_, S>) -> Result<(), Fault> {
        kernel::log_sum_exp(x[0], self.0, y.data);
        Ok(())
    }
}

//! Running along an axis.

use super::operation::{Around, Batched, Forward, Operation, Out, Pattern};
use super::sum::reduced;
use crate::array::{Shape, View};
use crate::error::Fault;
use crate::kernel;
use crate::number::{Irregularity, Real, Scalar};

/// Sum of the elements so far along an axis, from its start or from its end, added one by one in that direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CumulativeSum {
    pub axis: usize,
    pub from_end: bool,
}

impl Operation for CumulativeSum {
    const NAME: &'static str = "cumsum";

    fn shape(&self, x: &[&[usize]]) -> Result<Shape, String> {
        reduced(x[0], &[self.axis]).map(|_| x[0].into())
    }

    fn pattern(&self) -> Pattern {
        Pattern::Traced { by: None }
    }

    fn batched(&self, _lanes: usize, _x: &[&[usize]], _shape: &[usize]) -> Batched<Self> {
        Batched::Leading(Self { axis: self.axis + 1, ..*self })
    }

    fn irregularity<R: Real>(&self, _at: &Around<'_, R>) -> Option<Irregularity> {
        None
    }
}

impl Forward for CumulativeSum {
    fn forward<S: Scalar>(&self, x: &[View<'_, S>], y: Out<'_, S>) -> Result<(), Fault> {
        y.data.copy_from_slice(x[0].data);
        kernel::scan(y.shape, self.axis, self.from_end, y.data, |_, y, last| *y += last);
        Ok(())
    }
}

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

/// Product of the elements so far along an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CumulativeProduct {
    pub axis: usize,
}

/// `y[k] = a[k]·y[k−1] + b[k]` along an axis, or from its end: what products so far change by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Recurrence {
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

impl Operation for CumulativeProduct {
    const NAME: &'static str = "cumprod";

    fn shape(&self, x: &[&[usize]]) -> Result<Shape, String> {
        reduced(x[0], &[self.axis]).map(|_| x[0].into())
    }

    fn pattern(&self) -> Pattern {
        Pattern::Traced { by: None }
    }

    fn batched(&self, _lanes: usize, _x: &[&[usize]], _shape: &[usize]) -> Batched<Self> {
        Batched::Leading(Self { axis: self.axis + 1 })
    }

    fn irregularity<R: Real>(&self, _at: &Around<'_, R>) -> Option<Irregularity> {
        None
    }
}

impl Forward for CumulativeProduct {
    fn forward<S: Scalar>(&self, x: &[View<'_, S>], y: Out<'_, S>) -> Result<(), Fault> {
        y.data.copy_from_slice(x[0].data);
        kernel::scan(y.shape, self.axis, false, y.data, |_, y, last| *y = last * *y);
        Ok(())
    }
}

impl Operation for Recurrence {
    const NAME: &'static str = "recurrence";

    fn shape(&self, x: &[&[usize]]) -> Result<Shape, String> {
        match reduced(x[0], &[self.axis]) {
            Ok(_) if x[0] == x[1] => Ok(x[0].into()),
            Ok(_) => Err("as many factors as summands".into()),
            Err(needs) => Err(needs),
        }
    }

    fn pattern(&self) -> Pattern {
        Pattern::Traced { by: None }
    }

    fn batched(&self, _lanes: usize, _x: &[&[usize]], _shape: &[usize]) -> Batched<Self> {
        Batched::Repeated(Self { axis: self.axis + 1, ..*self })
    }

    fn irregularity<R: Real>(&self, _at: &Around<'_, R>) -> Option<Irregularity> {
        None
    }
}

impl Forward for Recurrence {
    fn forward<S: Scalar>(&self, x: &[View<'_, S>], y: Out<'_, S>) -> Result<(), Fault> {
        let (a, b) = (x[0].data, x[1].data);
        y.data.copy_from_slice(b);
        kernel::scan(y.shape, self.axis, self.from_end, y.data, |i, y, last| *y = a[i] * last + *y);
        Ok(())
    }
}

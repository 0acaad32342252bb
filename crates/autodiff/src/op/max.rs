//! The largest element along an axis: its value, its place, and its shares in the derivative.

use super::operation::{Around, Batched, Forward, Operation, Out, Pattern};
use super::sum::reduced;
use crate::array::{Shape, View, size};
use crate::error::Fault;
use crate::kernel;
use crate::number::{Irregularity, Real, Scalar};

/// The largest along an axis, which disappears.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Max(pub usize);

/// The share each element has in the maximum along an axis: 1, or 1/k at a tie of k.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MaxShare(pub usize);

/// The largest along an axis if it is finite, else 0, without a derivative: what log-sum-exp shifts by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shift(pub usize);

/// The number of the largest element along an axis, which disappears; of the first at a tie.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ArgMax(pub usize);

impl Operation for Max {
    const NAME: &'static str = "max";

    fn shape(&self, x: &[&[usize]]) -> Result<Shape, String> {
        reduced(x[0], &[self.0])
    }

    fn pattern(&self) -> Pattern {
        Pattern::All
    }

    fn batched(&self, _lanes: usize, _x: &[&[usize]], _shape: &[usize]) -> Batched<Self> {
        Batched::Leading(Self(self.0 + 1))
    }

    fn irregularity<R: Real>(&self, at: &Around<'_, R>) -> Option<Irregularity> {
        ties(at, self.0).then_some(Irregularity::Kink)
    }
}

impl Forward for Max {
    fn forward<S: Scalar>(&self, x: &[View<'_, S>], y: Out<'_, S>) -> Result<(), Fault> {
        kernel::max(x[0], self.0, y.data);
        Ok(())
    }
}

impl Operation for MaxShare {
    const NAME: &'static str = "max_share";
    const NAMES: &'static [&'static str] = &[];

    fn shape(&self, x: &[&[usize]]) -> Result<Shape, String> {
        reduced(x[0], &[self.0]).map(|_| x[0].into())
    }

    fn pattern(&self) -> Pattern {
        Pattern::All
    }

    fn batched(&self, _lanes: usize, _x: &[&[usize]], _shape: &[usize]) -> Batched<Self> {
        Batched::Leading(Self(self.0 + 1))
    }

    fn irregularity<R: Real>(&self, at: &Around<'_, R>) -> Option<Irregularity> {
        ties(at, self.0).then_some(Irregularity::Kink)
    }
}

impl Forward for MaxShare {
    fn forward<S: Scalar>(&self, x: &[View<'_, S>], y: Out<'_, S>) -> Result<(), Fault> {
        kernel::max_share(x[0], self.0, y.data);
        Ok(())
    }
}

impl Operation for Shift {
    const NAME: &'static str = "shift";
    const NAMES: &'static [&'static str] = &[];

    fn shape(&self, x: &[&[usize]]) -> Result<Shape, String> {
        reduced(x[0], &[self.0])
    }

    fn pattern(&self) -> Pattern {
        Pattern::All
    }

    fn batched(&self, _lanes: usize, _x: &[&[usize]], _shape: &[usize]) -> Batched<Self> {
        Batched::Leading(Self(self.0 + 1))
    }

    /// What it shifts by does not show.
    fn irregularity<R: Real>(&self, _at: &Around<'_, R>) -> Option<Irregularity> {
        None
    }
}

impl Forward for Shift {
    fn forward<S: Scalar>(&self, x: &[View<'_, S>], y: Out<'_, S>) -> Result<(), Fault> {
        kernel::max(x[0], self.0, y.data);
        y.data.iter_mut().filter(|y| !y.is_finite()).for_each(|y| *y = S::zero());
        Ok(())
    }
}

impl Operation for ArgMax {
    const NAME: &'static str = "argmax";
    const NAMES: &'static [&'static str] = &[];

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

impl Forward for ArgMax {
    fn forward<S: Scalar>(&self, x: &[View<'_, S>], y: Out<'_, S>) -> Result<(), Fault> {
        kernel::argmax(x[0], self.0, y.data);
        Ok(())
    }
}

/// Whether along an axis the largest element is met more than once.
fn ties<R: Real>(at: &Around<'_, R>, axis: usize) -> bool {
    let View { data, shape } = at.x[0];
    let inner = size(&shape[axis + 1..]);
    let (length, outer) = (shape[axis], size(&shape[..axis]));
    (0..outer).any(|i| {
        (0..inner).any(|k| {
            let along = || (0..length).map(|j| data[(i * length + j) * inner + k].as_f64());
            let largest = along().fold(f64::NEG_INFINITY, f64::max);
            largest.is_finite() && along().filter(|x| largest - x <= at.margin).count() > 1
        })
    })
}

//! Sums over axes, and what repeats elements: their transposes.

use super::operation::{Around, Batched, Forward, Operation, Out, Pattern, with_lanes};
use crate::array::{Axes, Shape, View};
use crate::error::Fault;
use crate::kernel;
use crate::number::{Irregularity, Real, Scalar};

/// Sum over the axes, which disappear.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sum(pub Axes);

/// Sum over the axes that broadcasting from this shape added or stretched.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SumTo(pub Shape);

/// Repetition to a larger shape, by NumPy's rules.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Broadcast(pub Shape);

impl Operation for Sum {
    const NAME: &'static str = "sum";

    fn shape(&self, x: &[&[usize]]) -> Result<Shape, String> {
        reduced(x[0], &self.0)
    }

    fn pattern(&self) -> Pattern {
        Pattern::Traced { by: None }
    }

    fn batched(&self, _lanes: usize, _x: &[&[usize]], _shape: &[usize]) -> Batched<Self> {
        Batched::Leading(Self(self.0.iter().map(|axis| axis + 1).collect()))
    }

    fn irregularity<R: Real>(&self, _at: &Around<'_, R>) -> Option<Irregularity> {
        None
    }
}

impl Forward for Sum {
    fn forward<S: Scalar>(&self, x: &[View<'_, S>], y: Out<'_, S>) -> Result<(), Fault> {
        kernel::sum(x[0], &self.0, y.data);
        Ok(())
    }
}

impl Operation for SumTo {
    const NAME: &'static str = "sum_to";

    fn shape(&self, x: &[&[usize]]) -> Result<Shape, String> {
        broadcasts(&self.0, x[0])
    }

    fn pattern(&self) -> Pattern {
        Pattern::Traced { by: None }
    }

    /// To a shape of the operand's rank, so that no axis is aligned with that of the lanes.
    fn batched(&self, lanes: usize, x: &[&[usize]], shape: &[usize]) -> Batched<Self> {
        let ones = std::iter::repeat_n(1, x[0].len() - shape.len());
        let kept: Shape = ones.chain(shape.iter().copied()).collect();
        Batched::Leading(Self(with_lanes(lanes, &kept)))
    }

    fn irregularity<R: Real>(&self, _at: &Around<'_, R>) -> Option<Irregularity> {
        None
    }
}

impl Forward for SumTo {
    fn forward<S: Scalar>(&self, x: &[View<'_, S>], y: Out<'_, S>) -> Result<(), Fault> {
        kernel::sum_to(x[0], y.data, y.shape);
        Ok(())
    }
}

impl Operation for Broadcast {
    const NAME: &'static str = "broadcast";

    fn shape(&self, x: &[&[usize]]) -> Result<Shape, String> {
        broadcasts(x[0], &self.0).map(|_| self.0.clone())
    }

    fn pattern(&self) -> Pattern {
        Pattern::Traced { by: None }
    }

    fn batched(&self, lanes: usize, _x: &[&[usize]], shape: &[usize]) -> Batched<Self> {
        Batched::Broadcasting(Self(with_lanes(lanes, shape)))
    }

    fn irregularity<R: Real>(&self, _at: &Around<'_, R>) -> Option<Irregularity> {
        None
    }
}

impl Forward for Broadcast {
    fn forward<S: Scalar>(&self, x: &[View<'_, S>], y: Out<'_, S>) -> Result<(), Fault> {
        kernel::broadcast(x[0], y.data, y.shape);
        Ok(())
    }
}

/// The shape without these axes, which must be distinct and in order.
pub(super) fn reduced(x: &[usize], axes: &[usize]) -> Result<Shape, String> {
    if axes.iter().all(|&axis| axis < x.len()) && axes.windows(2).all(|pair| pair[0] < pair[1]) {
        let kept = x.iter().enumerate().filter(|(i, _)| !axes.contains(i));
        Ok(kept.map(|(_, &length)| length).collect())
    } else {
        Err(format!("distinct axes below {}, not {axes:?}", x.len()))
    }
}

/// `small`, if broadcasting can repeat it to `large`.
fn broadcasts(small: &[usize], large: &[usize]) -> Result<Shape, String> {
    let fits = small.len() <= large.len()
        && small.iter().rev().zip(large.iter().rev()).all(|(&s, &l)| s == l || s == 1);
    if fits {
        Ok(small.into())
    } else {
        Err(format!("{small:?} to be repeated to {large:?}, aligned at the last axis"))
    }
}

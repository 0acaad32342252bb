//! Axes in another order.

use super::operation::{Around, Batched, Forward, Operation, Out, Pattern};
use crate::array::{Axes, Shape, View};
use crate::error::Fault;
use crate::kernel;
use crate::number::{Irregularity, Real, Scalar};

/// Axis `i` of the result is axis `.0[i]` of the operand.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Permute(pub Axes);

impl Operation for Permute {
    const NAME: &'static str = "permute";

    fn shape(&self, x: &[&[usize]]) -> Result<Shape, String> {
        let (x, axes) = (x[0], &self.0);
        let mut sorted = axes.clone();
        sorted.sort_unstable();
        if sorted.iter().copied().eq(0..x.len()) {
            Ok(axes.iter().map(|&axis| x[axis]).collect())
        } else {
            Err(format!("every axis below {} once, not {axes:?}", x.len()))
        }
    }

    fn pattern(&self) -> Pattern {
        Pattern::Traced { by: None }
    }

    fn batched(&self, _lanes: usize, _x: &[&[usize]], _shape: &[usize]) -> Batched<Self> {
        let axes = self.0.iter().map(|axis| axis + 1);
        Batched::Leading(Self(std::iter::once(0).chain(axes).collect()))
    }

    fn irregularity<R: Real>(&self, _at: &Around<'_, R>) -> Option<Irregularity> {
        None
    }
}

impl Forward for Permute {
    fn forward<S: Scalar>(&self, x: &[View<'_, S>], y: Out<'_, S>) -> Result<(), Fault> {
        kernel::permute(x[0], &self.0, y.data);
        Ok(())
    }
}

//! Running along an axis.

use super::derivative::sum_present;
use super::kind::{Composed, Contribution, Given, Linear};
use crate::array::Shape;
use crate::number::{Elementary, Scalar};
use crate::op::{CumulativeProduct, CumulativeSum, Recurrence};
use crate::tape::Tensor;

/// The sum from the other end.
impl<S: Scalar> Linear<S> for CumulativeSum {
    fn transpose<'t>(&self, _: usize, _: &[Tensor<'t, S>], y_bar: Tensor<'t, S>) -> Given<'t, S> {
        let op = Self { from_end: !self.from_end, ..*self };
        Some(Contribution::Whole(y_bar.record(op, &[y_bar])))
    }
}

/// From `yₖ = xₖ·yₖ₋₁`, without a division, and so where elements are zero too: `y_dot` runs with the factors `xₖ` and the summands
/// `xₖ_dot·yₖ₋₁`; `λ`, the cotangent of all products from `yₖ` on, runs back with the factors `xₖ₊₁`, and `xₖ_bar = λₖ·yₖ₋₁`.
impl<S: Scalar> Composed<S> for CumulativeProduct {
    fn tangent<'t>(
        &self,
        x: &[Tensor<'t, S>],
        y: Tensor<'t, S>,
        x_dot: &[Option<Tensor<'t, S>>],
    ) -> Option<Tensor<'t, S>> {
        let running = Recurrence { axis: self.axis, from_end: false };
        let moved = x_dot[0]?.broadcast(y.shape()).chain(running.last(y, 1.0));
        Some(y.record(running, &[x[0], moved]))
    }

    fn adjoint<'t>(
        &self,
        x: &[Tensor<'t, S>],
        y: Tensor<'t, S>,
        y_bar: Tensor<'t, S>,
        _wanted: &[bool],
    ) -> Vec<Option<Tensor<'t, S>>> {
        let running = Recurrence { axis: self.axis, from_end: false };
        let lambda = running.back(x[0], y_bar);
        vec![Some(lambda.chain(running.last(y, 1.0)))]
    }
}

/// `yₖ_dot = aₖ·yₖ₋₁_dot + (bₖ_dot + aₖ_dot·yₖ₋₁)`; and back, `bₖ_bar = yₖ_bar + aₖ₊₁·bₖ₊₁_bar`, `aₖ_bar = bₖ_bar·yₖ₋₁`.
impl<S: Scalar> Composed<S> for Recurrence {
    fn tangent<'t>(
        &self,
        x: &[Tensor<'t, S>],
        y: Tensor<'t, S>,
        x_dot: &[Option<Tensor<'t, S>>],
    ) -> Option<Tensor<'t, S>> {
        let [a_dot, b_dot] = [x_dot[0], x_dot[1]].map(|x_dot| Some(x_dot?.broadcast(y.shape())));
        let moved = sum_present([b_dot, a_dot.map(|a_dot| a_dot.chain(self.last(y, 0.0)))])?;
        Some(y.record(*self, &[x[0], moved]))
    }

    fn adjoint<'t>(
        &self,
        x: &[Tensor<'t, S>],
        y: Tensor<'t, S>,
        y_bar: Tensor<'t, S>,
        wanted: &[bool],
    ) -> Vec<Option<Tensor<'t, S>>> {
        let b_bar = self.back(x[0], y_bar);
        vec![wanted[0].then(|| b_bar.chain(self.last(y, 0.0))), Some(b_bar)]
    }
}

impl Recurrence {
    /// Its transpose in the summands.
    fn back<'t, S: Scalar>(self, a: Tensor<'t, S>, y_bar: Tensor<'t, S>) -> Tensor<'t, S> {
        let back = Self { from_end: !self.from_end, ..self };
        y_bar.record(back, &[back.last(a, 0.0), y_bar])
    }

    /// For each element that before it in the direction of running, and this for the first.
    fn last<'t, S: Scalar>(self, x: Tensor<'t, S>, first: f64) -> Tensor<'t, S> {
        let Self { axis, from_end } = self;
        let mut shape: Shape = x.shape().into();
        let Some(n) = shape[axis].checked_sub(1) else { return x };
        shape[axis] = 1;
        let first = x.lift(first).broadcast(&shape);
        match from_end {
            true => Tensor::concat(&[x.slice(axis, 1..n + 1), first], axis),
            false => Tensor::concat(&[first, x.slice(axis, 0..n)], axis),
        }
    }
}

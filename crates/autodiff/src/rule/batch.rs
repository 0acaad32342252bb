//! Batching rules: an operation for K lanes at once, the lanes along a leading axis.
//!
//! A rule maps an operation to one on arrays with that axis, beside operands that all lanes share. What has no rule is
//! computed lane by lane, so a rule is only ever a matter of speed.

use std::panic::Location;

use crate::array::{Axes, Shape, size};
use crate::number::{Binary, Scalar};
use crate::op::TensorOp;
use crate::tape::Tensor;

/// How the results of a batched program relate to those of K evaluations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rounding {
    /// Bit for bit the same.
    Exact,
    /// Products of a shared matrix with that of each lane may be one larger product, which may round otherwise.
    Free,
}

/// An operand of a batched operation.
#[derive(Clone, Copy)]
pub(crate) enum Lane<'t, S: Scalar> {
    /// The same for all lanes.
    Shared(Tensor<'t, S>),
    /// One each, along the first axis.
    Each(Tensor<'t, S>),
}

impl<'t, S: Scalar> Lane<'t, S> {
    /// The array, with or without an axis for lanes.
    pub(crate) fn value(self) -> Tensor<'t, S> {
        match self {
            Self::Shared(x) | Self::Each(x) => x,
        }
    }

    /// The operand as broadcasting to K results of this rank needs it: with axes of length 1 after the lanes' axis.
    fn aligned(self, rank: usize) -> Tensor<'t, S> {
        match self {
            Self::Shared(x) => x,
            Self::Each(x) => {
                let (lanes, shape) = (x.shape()[0], &x.shape()[1..]);
                let ones = std::iter::repeat_n(1, rank - shape.len());
                let shape: Shape =
                    std::iter::once(lanes).chain(ones).chain(shape.iter().copied()).collect();
                x.reshape(&shape)
            }
        }
    }
}

/// This shape for each lane.
pub(crate) fn with_lanes(lanes: usize, shape: &[usize]) -> Shape {
    std::iter::once(lanes).chain(shape.iter().copied()).collect()
}

impl<S: Scalar> TensorOp<S> {
    /// The results of the operation, of this shape in each lane, for operands of which at least one has lanes; `None` if
    /// there is no rule.
    pub(crate) fn batch<'t>(
        &self,
        lanes: usize,
        x: &[Lane<'t, S>],
        shape: &[usize],
        rounding: Rounding,
        at: &'static Location<'static>,
    ) -> Option<Tensor<'t, S>> {
        let record = |op, x: &[Tensor<'t, S>]| x[0].tape.record(op, x, at);
        if let Self::Zip(_) | Self::Select | Self::MatMul { .. } = self {
            if let Some(larger) = self.one_product(lanes, x, shape, rounding, at) {
                return Some(larger);
            }
            let x: Vec<_> = x.iter().map(|x| x.aligned(shape.len())).collect();
            return Some(record(self.clone(), &x));
        }
        let &[Lane::Each(x)] = x else { return None };
        let next = |axis: &usize| axis + 1;
        let op = match self {
            Self::Map(_) | Self::PowerInt(_) | Self::PowerReal(_) => self.clone(),
            Self::Sum(axes) => Self::Sum(axes.iter().map(next).collect()),
            Self::LogSumExp(axis) => Self::LogSumExp(axis + 1),
            Self::Max(axis) => Self::Max(axis + 1),
            Self::MaxShare(axis) => Self::MaxShare(axis + 1),
            Self::Shift(axis) => Self::Shift(axis + 1),
            Self::ArgMax(axis) => Self::ArgMax(axis + 1),
            Self::CumulativeSum { axis, from_end } => {
                Self::CumulativeSum { axis: axis + 1, from_end: *from_end }
            }
            Self::Strided(lattice) => {
                let length = (x.len() / lanes.max(1)) as isize;
                Self::Strided(lattice.clone().with_axis(0, lanes, length))
            }
            Self::Permute(axes) => {
                let axes: Axes = std::iter::once(0).chain(axes.iter().map(next)).collect();
                Self::Permute(axes)
            }
            Self::Broadcast(_) => {
                let x = Lane::Each(x).aligned(shape.len());
                return Some(record(Self::Broadcast(with_lanes(lanes, shape)), &[x]));
            }
            Self::SumTo(_) => {
                let ones = std::iter::repeat_n(1, x.rank() - 1 - shape.len());
                let kept = std::iter::once(lanes).chain(ones).chain(shape.iter().copied());
                let y = record(Self::SumTo(kept.collect()), &[x]);
                return Some(y.reshape(&with_lanes(lanes, shape)));
            }
            Self::View { offset: 0, .. } if lanes * size(shape) == x.len() => {
                Self::View { offset: 0, shape: with_lanes(lanes, shape) }
            }
            _ => return None,
        };
        Some(record(op, &[x]))
    }

    /// The products of all lanes as one operation that is faster than as many products, where rounding is free.
    fn one_product<'t>(
        &self,
        lanes: usize,
        x: &[Lane<'t, S>],
        shape: &[usize],
        rounding: Rounding,
        at: &'static Location<'static>,
    ) -> Option<Tensor<'t, S>> {
        let &Self::MatMul { transpose_a, transpose_b } = self else { return None };
        let one_matrix = |x: &Lane<'t, S>| match x {
            Lane::Shared(x) => x.rank() == 2,
            Lane::Each(x) => x.rank() == 3,
        };
        if rounding == Rounding::Exact || !x.iter().all(one_matrix) {
            return None;
        }
        match *x {
            // The rows of all lanes are those of one matrix.
            [Lane::Each(a), Lane::Shared(b)] if !transpose_a => {
                let rows = a.reshape(&[a.shape()[0] * a.shape()[1], a.shape()[2]]);
                let op = Self::MatMul { transpose_a: false, transpose_b };
                Some(rows.tape.record(op, &[rows, b], at).reshape(&with_lanes(lanes, shape)))
            }
            [Lane::Each(a), Lane::Each(b)] if is_outer(a, b, shape) => {
                let column = a.reshape(&[lanes, shape[0], 1]);
                let row = b.reshape(&[lanes, 1, shape[1]]);
                Some(a.tape.record(Self::Zip(Binary::Mul), &[column, row], at))
            }
            _ => None,
        }
    }
}

/// Whether the product of each lane is that of a column and a row.
fn is_outer<S: Scalar>(a: Tensor<'_, S>, b: Tensor<'_, S>, shape: &[usize]) -> bool {
    let lanes = a.shape()[0];
    a.len() == lanes * shape[0] && b.len() == lanes * shape[1]
}

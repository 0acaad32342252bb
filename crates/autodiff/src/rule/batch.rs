//! Batching: an operation for K lanes at once, the lanes along a leading axis.
//!
//! An operation says which other one does that for it, beside operands that all lanes share. Where it is none, the operation is
//! computed lane by lane, so this is only ever a matter of speed.

use std::panic::Location;

use smallvec::SmallVec;

use crate::array::Shape;
use crate::number::{Binary, Scalar};
use crate::op::{Batched, MatMul, TensorOp, Zip, with_lanes};
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

    /// Its shape in one lane.
    fn shape(self) -> &'t [usize] {
        match self {
            Self::Shared(x) => x.shape(),
            Self::Each(x) => &x.shape()[1..],
        }
    }

    /// The operand with an axis for lanes.
    fn repeated(self, lanes: usize) -> Tensor<'t, S> {
        match self {
            Self::Shared(x) => x.broadcast(&with_lanes(lanes, x.shape())),
            Self::Each(x) => x,
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
        if let TensorOp::MatMul(product) = self
            && let Some(larger) = one_product(*product, lanes, x, shape, rounding, at)
        {
            return Some(larger);
        }
        let shapes: SmallVec<[&[usize]; 4]> = x.iter().map(|x| x.shape()).collect();
        let result = with_lanes(lanes, shape);
        let (op, x): (_, SmallVec<[Tensor<'t, S>; 4]>) = match self.batched(lanes, &shapes, shape) {
            Batched::Leading(op) => (op, x.iter().map(|x| x.value()).collect()),
            Batched::Broadcasting(op) => (op, x.iter().map(|x| x.aligned(shape.len())).collect()),
            Batched::Repeated(op) => (op, x.iter().map(|x| x.repeated(lanes)).collect()),
            Batched::LaneByLane => return None,
        };
        Some(x[0].tape.record(op, &x, at).reshape(&result))
    }
}

/// The products of all lanes as one operation that is faster than as many products, where rounding is free.
fn one_product<'t, S: Scalar>(
    op: MatMul,
    lanes: usize,
    x: &[Lane<'t, S>],
    shape: &[usize],
    rounding: Rounding,
    at: &'static Location<'static>,
) -> Option<Tensor<'t, S>> {
    let MatMul { transpose_a, transpose_b } = op;
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
            let op = MatMul { transpose_a: false, transpose_b };
            Some(rows.tape.record(op.into(), &[rows, b], at).reshape(&with_lanes(lanes, shape)))
        }
        [Lane::Each(a), Lane::Each(b)] if is_outer(a, b, shape) => {
            let column = a.reshape(&[lanes, shape[0], 1]);
            let row = b.reshape(&[lanes, 1, shape[1]]);
            Some(a.tape.record(Zip(Binary::Mul).into(), &[column, row], at))
        }
        _ => None,
    }
}

/// Whether the product of each lane is that of a column and a row.
fn is_outer<S: Scalar>(a: Tensor<'_, S>, b: Tensor<'_, S>, shape: &[usize]) -> bool {
    let lanes = a.shape()[0];
    a.len() == lanes * shape[0] && b.len() == lanes * shape[1]
}

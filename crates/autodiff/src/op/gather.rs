//! Reading at indices, and adding there: each other's transposes.

use super::operation::{Around, Batched, Forward, Operation, Out, Pattern};
use crate::array::{Shape, View, size};
use crate::error::Fault;
use crate::kernel::{self, Indexed};
use crate::number::{Irregularity, Real, Scalar};

/// The elements at the indices that the second operand holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Gather(pub Indexing);

/// The transpose of [`Gather`]: the elements are added to zeros at the indices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ScatterAdd(pub Indexing);

/// Reading `x` at `indices`, an array of whole numbers: along axis `axis`, after `batch` leading axes that `x` and the indices
/// share. The axes of the indices beyond those take the place of the axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Indexing {
    pub batch: usize,
    pub axis: usize,
    /// The length of the axis.
    pub length: usize,
}

impl Operation for Gather {
    const NAME: &'static str = "gather";

    fn shape(&self, x: &[&[usize]]) -> Result<Shape, String> {
        self.0.gather_shape(x[0], x[1])
    }

    fn pattern(&self) -> Pattern {
        Pattern::Traced { by: Some(1) }
    }

    fn batched(&self, _lanes: usize, _x: &[&[usize]], _shape: &[usize]) -> Batched<Self> {
        Batched::LaneByLane
    }

    fn irregularity<R: Real>(&self, _at: &Around<'_, R>) -> Option<Irregularity> {
        None
    }
}

impl Forward for Gather {
    fn forward<S: Scalar>(&self, x: &[View<'_, S>], y: Out<'_, S>) -> Result<(), Fault> {
        let layout = self.0.layout(x[0].shape, x[1].shape);
        kernel::gather(x[0].data, x[1].data, layout, y.data)
    }
}

impl Operation for ScatterAdd {
    const NAME: &'static str = "scatter_add";

    fn shape(&self, x: &[&[usize]]) -> Result<Shape, String> {
        self.0.scatter_shape(x[0], x[1])
    }

    fn pattern(&self) -> Pattern {
        Pattern::Traced { by: Some(1) }
    }

    fn batched(&self, _lanes: usize, _x: &[&[usize]], _shape: &[usize]) -> Batched<Self> {
        Batched::LaneByLane
    }

    fn irregularity<R: Real>(&self, _at: &Around<'_, R>) -> Option<Irregularity> {
        None
    }
}

impl Forward for ScatterAdd {
    fn forward<S: Scalar>(&self, x: &[View<'_, S>], y: Out<'_, S>) -> Result<(), Fault> {
        let layout = self.0.layout(y.shape, x[1].shape);
        kernel::scatter_add(x[0].data, x[1].data, layout, y.data)
    }
}

impl Indexing {
    pub(crate) fn gather_shape(&self, x: &[usize], indices: &[usize]) -> Result<Shape, String> {
        let Self { batch, axis, length } = *self;
        if batch <= axis
            && batch <= indices.len()
            && x.get(axis) == Some(&length)
            && x[..batch] == indices[..batch]
        {
            Ok([&x[..axis], &indices[batch..], &x[axis + 1..]].concat().into())
        } else {
            Err(format!("an axis {axis} of length {length} and {batch} leading axes in common"))
        }
    }

    /// The shape of the table from which an array of shape `y` was read.
    pub(crate) fn scatter_shape(&self, y: &[usize], indices: &[usize]) -> Result<Shape, String> {
        let Self { batch, axis, length } = *self;
        let inserted = indices.get(batch..).unwrap_or(&[]);
        let table = || -> Option<Shape> {
            let after = y.get(axis + inserted.len()..)?;
            Some([y.get(..axis)?, &[length], after].concat().into())
        };
        match table() {
            Some(table) if self.gather_shape(&table, indices).as_deref() == Ok(y) => Ok(table),
            _ => {
                Err(format!("elements as if read at the indices {indices:?}, from axis {axis} on"))
            }
        }
    }

    /// For a table of shape `x`.
    pub(crate) fn layout(&self, x: &[usize], indices: &[usize]) -> Indexed {
        Indexed {
            batches: size(&x[..self.batch]),
            before: size(&x[self.batch..self.axis]),
            length: self.length,
            after: size(&x[self.axis + 1..]),
            indices: size(&indices[self.batch..]),
        }
    }
}

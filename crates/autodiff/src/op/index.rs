//! Strided, indexed and conditional reading: shapes and positions.

use super::elementwise::broadcast_shape;
use crate::array::{Shape, View, size};
use crate::kernel::{Indexed, write_lattice};
use crate::number::Scalar;
use crate::strided::Lattice;

pub(crate) fn strided_shape(x: &[usize], lattice: &Lattice) -> Result<Shape, String> {
    if lattice.lies_within(size(x)) {
        Ok(lattice.shape.clone())
    } else {
        let Lattice { offset, strides, shape } = lattice;
        Err(format!(
            "positions {offset} + i·{strides:?}, i below {shape:?}, to lie within its {} elements",
            size(x)
        ))
    }
}

/// Where each operand of a [`TensorOp::StridedAdd`] is added.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lattices {
    pub(crate) pieces: Vec<Lattice>,
    /// Whether every element of the result is that of one piece, so that nothing has to be added.
    partition: bool,
}

impl Lattices {
    /// Complexity: that of laying the pieces once.
    pub(crate) fn new(pieces: Vec<Lattice>, shape: &[usize]) -> Self {
        let total = size(shape);
        let partition = pieces.iter().map(Lattice::len).sum::<usize>() == total && {
            let mut seen = vec![false; total];
            for piece in pieces.iter().filter(|piece| piece.lies_within(total)) {
                let marks = vec![true; piece.len()];
                write_lattice(&marks, piece, &mut seen, |seen, mark| *seen = mark);
            }
            seen.into_iter().all(|seen| seen)
        };
        Self { pieces, partition }
    }

    pub(crate) fn shape(&self, x: &[&[usize]], shape: &Shape) -> Result<Shape, String> {
        let fits = |(x, piece): (&&[usize], &Lattice)| {
            **x == piece.shape[..] && piece.lies_within(size(shape))
        };
        if x.len() == self.pieces.len() && x.iter().zip(&self.pieces).all(fits) {
            Ok(shape.clone())
        } else {
            Err(format!("pieces whose positions {:?} lie within {shape:?}", self.pieces))
        }
    }

    pub(crate) fn add<S: Scalar>(&self, x: &[View<'_, S>], y: &mut [S]) {
        let pieces = x.iter().zip(&self.pieces);
        if self.partition {
            return pieces.for_each(|(x, piece)| write_lattice(x.data, piece, y, |y, x| *y = x));
        }
        y.fill(S::zero());
        pieces.for_each(|(x, piece)| write_lattice(x.data, piece, y, |y, x| *y += x));
    }

    pub(crate) fn piece(&self, i: usize) -> &Lattice {
        &self.pieces[i]
    }
}

/// Reading `x` at `indices`, an array of whole numbers: along axis `axis`, after `batch` leading axes that `x` and the indices
/// share. The axes of the indices beyond those take the place of the axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Indexing {
    pub batch: usize,
    pub axis: usize,
    /// The length of the axis.
    pub length: usize,
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

pub(crate) fn select_shape(x: &[&[usize]]) -> Result<Shape, String> {
    broadcast_shape(&broadcast_shape(x[0], x[1])?, x[2])
}

//! Contiguous pieces of arrays, and arrays assembled of them: each other's transposes.

use super::operation::{Around, Batched, Forward, Operation, Out, Pattern, with_lanes};
use crate::array::{self, Shape, size};
use crate::error::Fault;
use crate::number::{Irregularity, Real, Scalar};

/// The contiguous elements from `offset` on, in a new shape.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct View {
    pub offset: usize,
    pub shape: Shape,
}

/// The array of this shape that is the sum of its operands, each laid contiguously from its offset on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Assemble {
    pub offsets: Vec<usize>,
    pub shape: Shape,
}

impl Operation for View {
    const NAME: &'static str = "view";

    fn text(&self) -> String {
        match self.offset {
            0 => Self::NAME.into(),
            offset => format!("view from {offset} of"),
        }
    }

    fn shape(&self, x: &[&[usize]]) -> Result<Shape, String> {
        let Self { offset, shape } = self;
        let end = offset.checked_add(size(shape));
        if end.is_some_and(|end| end <= size(x[0])) {
            Ok(shape.clone())
        } else {
            let length = size(x[0]);
            Err(format!(
                "shape {shape:?} from offset {offset} on to lie within its {length} elements"
            ))
        }
    }

    fn pattern(&self) -> Pattern {
        Pattern::Contiguous { offset: self.offset }
    }

    fn batched(&self, lanes: usize, x: &[&[usize]], shape: &[usize]) -> Batched<Self> {
        if self.offset == 0 && size(shape) == size(x[0]) {
            Batched::Leading(Self { offset: 0, shape: with_lanes(lanes, shape) })
        } else {
            Batched::LaneByLane
        }
    }

    fn irregularity<R: Real>(&self, _at: &Around<'_, R>) -> Option<Irregularity> {
        None
    }
}

impl Forward for View {
    fn forward<S: Scalar>(&self, x: &[array::View<'_, S>], y: Out<'_, S>) -> Result<(), Fault> {
        y.data.copy_from_slice(&x[0].data[self.offset..self.offset + y.data.len()]);
        Ok(())
    }
}

impl Operation for Assemble {
    const NAME: &'static str = "assemble";

    fn shape(&self, x: &[&[usize]]) -> Result<Shape, String> {
        let Self { offsets, shape } = self;
        let within = |(x, &offset): (&&[usize], &usize)| offset + size(x) <= size(shape);
        if x.len() == offsets.len() && x.iter().zip(offsets).all(within) {
            Ok(shape.clone())
        } else {
            Err(format!("pieces at {offsets:?} that lie within {shape:?}"))
        }
    }

    fn pattern(&self) -> Pattern {
        Pattern::Traced { by: None }
    }

    /// Of pieces apart from each other, a batch is laid tile by tile instead.
    fn batched(&self, _lanes: usize, _x: &[&[usize]], _shape: &[usize]) -> Batched<Self> {
        Batched::LaneByLane
    }

    fn irregularity<R: Real>(&self, _at: &Around<'_, R>) -> Option<Irregularity> {
        None
    }
}

impl Forward for Assemble {
    fn forward<S: Scalar>(&self, x: &[array::View<'_, S>], y: Out<'_, S>) -> Result<(), Fault> {
        assemble(x.iter().map(|x| x.data), &self.offsets, y.data);
        Ok(())
    }
}

/// `y = Σⱼ xⱼ`, each laid from its offset on, zero elsewhere.
pub(crate) fn assemble<'a, S: Scalar + 'a>(
    pieces: impl Iterator<Item = &'a [S]> + Clone,
    offsets: &[usize],
    y: &mut [S],
) {
    if !tiles(pieces.clone().map(<[S]>::len), offsets, y.len()) {
        y.fill(S::zero());
        for (x, &offset) in pieces.zip(offsets) {
            for (y, &x) in y[offset..].iter_mut().zip(x) {
                *y += x;
            }
        }
        return;
    }
    for (x, &offset) in pieces.zip(offsets) {
        y[offset..offset + x.len()].copy_from_slice(x);
    }
}

/// Whether pieces of these lengths at these offsets cover `total` elements in order, from either end, without overlap.
pub(crate) fn tiles(
    lengths: impl Iterator<Item = usize> + Clone,
    offsets: &[usize],
    total: usize,
) -> bool {
    let mut next = 0;
    let ascending = lengths.clone().zip(offsets).all(|(length, &offset)| {
        let fits = offset == next;
        next += length;
        fits
    });
    if ascending && next == total {
        return true;
    }
    let mut end = total;
    let descending = lengths.zip(offsets).all(|(length, &offset)| {
        let fits = offset + length == end;
        end = offset;
        fits
    });
    descending && end == 0
}

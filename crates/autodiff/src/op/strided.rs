//! Elements at regularly spaced positions, and arrays that are sums of such pieces: each other's transposes.

use super::operation::{Around, Batched, Forward, Operation, Out, Pattern};
use crate::array::{Shape, View, size};
use crate::error::Fault;
use crate::kernel::{read_lattice, write_lattice};
use crate::number::{Irregularity, Real, Scalar};
use crate::strided::Lattice;

/// The elements at regularly spaced positions of the flat data.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Strided(pub Lattice);

/// The array of this shape that is the sum of its operands, each laid at regularly spaced positions.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StridedAdd {
    pub pieces: Vec<Lattice>,
    pub shape: Shape,
    /// Whether every element of the result is that of one piece, so that nothing has to be added.
    partition: bool,
}

impl StridedAdd {
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
        Self { pieces, shape: shape.into(), partition }
    }
}

impl Operation for Strided {
    const NAME: &'static str = "strided";

    fn text(&self) -> String {
        format!("strided from {} of", self.0.offset)
    }

    fn shape(&self, x: &[&[usize]]) -> Result<Shape, String> {
        let lattice = &self.0;
        if lattice.lies_within(size(x[0])) {
            Ok(lattice.shape.clone())
        } else {
            let Lattice { offset, strides, shape } = lattice;
            Err(format!(
                "positions {offset} + i·{strides:?}, i below {shape:?}, to lie within its {} elements",
                size(x[0])
            ))
        }
    }

    fn pattern(&self) -> Pattern {
        Pattern::Traced { by: None }
    }

    fn batched(&self, lanes: usize, x: &[&[usize]], _shape: &[usize]) -> Batched<Self> {
        Batched::Leading(Self(self.0.clone().with_axis(0, lanes, size(x[0]) as isize)))
    }

    fn irregularity<R: Real>(&self, _at: &Around<'_, R>) -> Option<Irregularity> {
        None
    }
}

impl Forward for Strided {
    fn forward<S: Scalar>(&self, x: &[View<'_, S>], y: Out<'_, S>) -> Result<(), Fault> {
        read_lattice(x[0].data, &self.0, y.data);
        Ok(())
    }
}

impl Operation for StridedAdd {
    const NAME: &'static str = "strided_add";

    fn shape(&self, x: &[&[usize]]) -> Result<Shape, String> {
        let fits = |(x, piece): (&&[usize], &Lattice)| {
            **x == piece.shape[..] && piece.lies_within(size(&self.shape))
        };
        if x.len() == self.pieces.len() && x.iter().zip(&self.pieces).all(fits) {
            Ok(self.shape.clone())
        } else {
            let Self { pieces, shape, .. } = self;
            Err(format!("pieces whose positions {pieces:?} lie within {shape:?}"))
        }
    }

    fn pattern(&self) -> Pattern {
        Pattern::Traced { by: None }
    }

    fn batched(&self, _lanes: usize, _x: &[&[usize]], _shape: &[usize]) -> Batched<Self> {
        Batched::LaneByLane
    }

    fn irregularity<R: Real>(&self, _at: &Around<'_, R>) -> Option<Irregularity> {
        None
    }
}

impl Forward for StridedAdd {
    fn forward<S: Scalar>(&self, x: &[View<'_, S>], y: Out<'_, S>) -> Result<(), Fault> {
        let (pieces, y) = (x.iter().zip(&self.pieces), y.data);
        if self.partition {
            pieces.for_each(|(x, piece)| write_lattice(x.data, piece, y, |y, x| *y = x));
        } else {
            y.fill(S::zero());
            pieces.for_each(|(x, piece)| write_lattice(x.data, piece, y, |y, x| *y += x));
        }
        Ok(())
    }
}

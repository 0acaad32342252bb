//! Triangles of matrices.

use super::operation::{Around, Batched, Forward, Operation, Out, Pattern};
use crate::array::{Shape, View};
use crate::error::Fault;
use crate::number::{Irregularity, Real, Scalar};

/// One triangle of a matrix, its diagonal times a factor, and zeros.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Triangle {
    pub lower: bool,
    pub diagonal: f64,
}

impl Operation for Triangle {
    const NAME: &'static str = "triangle";
    /// Recorded by operations on matrices alone.
    const NAMES: &'static [&'static str] =
        if cfg!(feature = "linear-algebra") { &[Self::NAME] } else { &[] };

    fn shape(&self, x: &[&[usize]]) -> Result<Shape, String> {
        if x[0].len() >= 2 { Ok(x[0].into()) } else { Err("a matrix (rank 2 or more)".into()) }
    }

    fn pattern(&self) -> Pattern {
        Pattern::Traced { by: None }
    }

    fn batched(&self, _lanes: usize, _x: &[&[usize]], _shape: &[usize]) -> Batched<Self> {
        Batched::Leading(*self)
    }

    fn irregularity<R: Real>(&self, _at: &Around<'_, R>) -> Option<Irregularity> {
        None
    }
}

impl Forward for Triangle {
    fn forward<S: Scalar>(&self, x: &[View<'_, S>], y: Out<'_, S>) -> Result<(), Fault> {
        let Self { lower, diagonal } = *self;
        let [.., rows, cols] = *y.shape else { return Ok(()) };
        y.data.fill(S::zero());
        let lines = x[0].data.chunks_exact(cols.max(1));
        for (k, (x, y)) in lines.zip(y.data.chunks_exact_mut(cols.max(1))).enumerate() {
            let i = k % rows;
            let strict = if lower { 0..i.min(cols) } else { (i + 1).min(cols)..cols };
            y[strict.clone()].copy_from_slice(&x[strict]);
            if i < cols {
                y[i] = if diagonal == 1.0 { x[i] } else { x[i] * S::constant(diagonal) };
            }
        }
        Ok(())
    }
}

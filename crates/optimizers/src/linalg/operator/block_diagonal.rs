//! Block-diagonal matrices.

use std::ops::Range;

use dualtape_autodiff::Real;

use super::dense::Dense;
use super::linear_operator::{LinearOperator, check_vectors, dense_matrix};
use super::spectral::SpectrumEnds;
use crate::error::Error;

/// `diag(A₁, …, Aₖ)` over consecutive ranges of the variables. Everything costs what it costs for the blocks.
///
/// # Example
///
/// The blocks of the exact Hessian that belong to two groups of parameters:
///
/// ```
/// use dualtape_autodiff::record;
/// use dualtape_optimizers::{BlockDiagonal, LinearOperator, Objective};
///
/// let f = record(&[1.0; 3]).function(|x| (x[0] * x[1]).exp() + x[1] * x[2].powi(3))?;
/// let at = Objective::linearize(&f, &[0.5, 0.0, 2.0])?;
/// let blocks = BlockDiagonal::of(at.hessian(), &[0..2, 2..3])?;
/// let mut v = [0.0; 3];
/// blocks.apply(&[1.0, 1.0, 1.0], &mut v)?;
/// // ∂²f = [0 1 0; 1 ¼ 12; 0 12 0], without the 12
/// assert_eq!(v, [1.0, 1.25, 0.0]);
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct BlockDiagonal<B> {
    dim: usize,
    blocks: Vec<(Range<usize>, B)>,
}

impl<B> BlockDiagonal<B> {
    /// `diag(A₁, …, Aₖ)` of blocks that follow each other.
    pub fn new<S: Real>(blocks: impl IntoIterator<Item = B>) -> Self
    where
        B: LinearOperator<S>,
    {
        let mut dim = 0;
        let place = |block: B| {
            let start = dim;
            dim += block.dim();
            (start..dim, block)
        };
        let blocks = blocks.into_iter().map(place).collect();
        BlockDiagonal { dim, blocks }
    }

    /// The blocks, each with its range of variables.
    pub fn blocks(&self) -> impl Iterator<Item = (Range<usize>, &B)> {
        self.blocks.iter().map(|(range, block)| (range.clone(), block))
    }
}

impl<S: Real> BlockDiagonal<Dense<S>> {
    /// The exact blocks of any operator on its diagonal, for ranges that follow each other and cover all variables.
    ///
    /// One product for each variable, no more than the blocks in memory.
    ///
    /// # Errors
    ///
    /// [`Error::Blocks`] if the ranges do not follow each other or do not cover all variables, and the errors of the
    /// operator's own [`block`](LinearOperator::block).
    pub fn of(operator: &dyn LinearOperator<S>, ranges: &[Range<usize>]) -> Result<Self, Error> {
        check_ranges(ranges, operator.dim())?;
        let block = |range: &Range<usize>| {
            let indices: Vec<usize> = range.clone().collect();
            let mut entries = vec![S::zero(); indices.len() * indices.len()];
            operator.block(&indices, &mut entries)?;
            Dense::new(indices.len(), entries)
        };
        Ok(Self::new(ranges.iter().map(block).collect::<Result<Vec<_>, Error>>()?))
    }
}

/// `Ok` if the ranges follow each other from 0 to `n`.
pub(crate) fn check_ranges(ranges: &[Range<usize>], n: usize) -> Result<(), Error> {
    let mut covered = 0;
    for (block, range) in ranges.iter().enumerate() {
        if range.start != covered || range.end <= range.start {
            return Err(Error::Blocks { block, start: range.start, expected: covered, dim: n });
        }
        covered = range.end;
    }
    if covered == n {
        Ok(())
    } else {
        Err(Error::Blocks { block: ranges.len(), start: n, expected: covered, dim: n })
    }
}

impl<S: Real, B: LinearOperator<S>> LinearOperator<S> for BlockDiagonal<B> {
    fn dim(&self) -> usize {
        self.dim
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        check_vectors(self.dim, v, out)?;
        self.blocks
            .iter()
            .try_for_each(|(range, block)| block.apply(&v[range.clone()], &mut out[range.clone()]))
    }

    fn diagonal(&self, out: &mut [S]) -> Result<(), Error> {
        Error::check_length("the diagonal", out.len(), self.dim)?;
        self.blocks.iter().try_for_each(|(range, block)| block.diagonal(&mut out[range.clone()]))
    }

    fn to_dense(&self, out: &mut [S]) -> Result<(), Error> {
        Error::check_length("the dense matrix", out.len(), self.dim * self.dim)?;
        out.fill(S::zero());
        for (range, block) in &self.blocks {
            let entries = dense_matrix(block)?;
            for (i, row) in range.clone().zip(entries.chunks_exact(range.len().max(1))) {
                let start = i * self.dim + range.start;
                out[start..start + row.len()].copy_from_slice(row);
            }
        }
        Ok(())
    }

    fn extreme_eigenvalues(&self) -> Result<SpectrumEnds<S>, Error> {
        let ends = self.blocks.iter().filter(|(range, _)| !range.is_empty());
        let ends = ends.map(|(_, block)| block.extreme_eigenvalues());
        ends.reduce(|left, right| Ok(left?.union(right?))).unwrap_or(Err(Error::Empty))
    }

    fn shifted_inverse(&self, shift: S) -> Result<Box<dyn LinearOperator<S> + '_>, Error> {
        let mut blocks = Vec::with_capacity(self.blocks.len());
        for (range, block) in &self.blocks {
            blocks.push((range.clone(), block.shifted_inverse(shift)?));
        }
        Ok(Box::new(BlockDiagonal { dim: self.dim, blocks }))
    }
}

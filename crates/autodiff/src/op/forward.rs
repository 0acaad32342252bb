//! The forward computation of each operation.

use super::own::OwnRule;
use super::{TensorOp, layout};
use crate::array::View;
use crate::error::Fault;
use crate::kernel;
use crate::number::Scalar;

impl<S: Scalar> TensorOp<S> {
    /// Computes the result, of the given shape, into `y`; where the operands' values do not allow one, says why.
    pub(crate) fn forward(
        &self,
        x: &[View<'_, S>],
        y: &mut [S],
        shape: &[usize],
    ) -> Result<(), Fault> {
        match self {
            Self::Input(_) | Self::Data(_) | Self::Constant(_) => {
                unreachable!("the elements of a source are where they came from")
            }
            Self::Map(f) => kernel::map(*f, x[0].data, y),
            Self::PowerInt(n) => kernel::power_int(*n, x[0].data, y),
            Self::PowerReal(p) => kernel::power_real(*p, x[0].data, y),
            Self::Zip(f) => kernel::zip(*f, x[0], x[1], y, shape),
            Self::MatMul { transpose_a, transpose_b } => {
                kernel::matmul(x[0], *transpose_a, x[1], *transpose_b, y, shape);
            }
            Self::Sum(axes) => kernel::sum(x[0], axes, y),
            Self::SumTo(_) => kernel::sum_to(x[0], y, shape),
            Self::Broadcast(_) => kernel::broadcast(x[0], y, shape),
            Self::LogSumExp(axis) => kernel::log_sum_exp(x[0], *axis, y),
            Self::Max(axis) => kernel::max(x[0], *axis, y),
            Self::MaxShare(axis) => kernel::max_share(x[0], *axis, y),
            Self::Shift(axis) => {
                kernel::max(x[0], *axis, y);
                y.iter_mut().filter(|y| !y.is_finite()).for_each(|y| *y = S::zero());
            }
            Self::View { offset, .. } => y.copy_from_slice(&x[0].data[*offset..*offset + y.len()]),
            Self::Assemble { offsets, .. } => {
                layout::assemble(x.iter().map(|x| x.data), offsets, y)
            }
            Self::Permute(axes) => kernel::permute(x[0], axes, y),
            Self::Triangle { lower, diagonal } => layout::triangle(x[0], *lower, *diagonal, y),
            Self::Pointwise(_) | Self::Custom(_) | Self::Call(_) => S::own(OwnRule(self), x, y)?,
            #[cfg(feature = "linear-algebra")]
            Self::LinearAlgebra(_) => S::own(OwnRule(self), x, y)?,
            Self::Strided(lattice) => kernel::read_lattice(x[0].data, lattice, y),
            Self::StridedAdd { lattices, .. } => lattices.add(x, y),
            Self::Gather(indexing) => {
                let layout = indexing.layout(x[0].shape, x[1].shape);
                kernel::gather(x[0].data, x[1].data, layout, y)?;
            }
            Self::ScatterAdd(indexing) => {
                let layout = indexing.layout(shape, x[1].shape);
                kernel::scatter_add(x[0].data, x[1].data, layout, y)?;
            }
            Self::Select => kernel::select([x[0], x[1], x[2]], y, shape),
            Self::CumulativeSum { axis, from_end } => {
                kernel::cumulative_sum(x[0], *axis, *from_end, y);
            }
            Self::ArgMax(axis) => kernel::argmax(x[0], *axis, y),
        }
        Ok(())
    }
}

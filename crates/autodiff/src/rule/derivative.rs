//! Tangents and adjoints of the array instructions, from their kinds.

use smallvec::SmallVec;

use super::kind::{Contribution, Kind};
#[cfg(feature = "planted-faults")]
use super::planted;
use super::{contraction, elementwise, index, layout, own, reduction};
use crate::number::{Elementary, Scalar, Unary};
use crate::op::TensorOp;
use crate::tape::Tensor;

impl<S: Scalar> TensorOp<S> {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Input(_)
            | Self::Data(_)
            | Self::Constant(_)
            | Self::MaxShare(_)
            | Self::ArgMax(_)
            | Self::Shift(_)
            | Self::Map(Unary::StopGradient) => Kind::Constant,
            Self::Sum(_)
            | Self::SumTo(_)
            | Self::Broadcast(_)
            | Self::View { .. }
            | Self::Assemble { .. }
            | Self::Permute(_)
            | Self::Triangle { .. }
            | Self::Strided(_)
            | Self::StridedAdd { .. }
            | Self::Gather(_)
            | Self::ScatterAdd(_)
            | Self::Select
            | Self::CumulativeSum { .. } => Kind::Linear,
            Self::MatMul { .. } => Kind::Bilinear,
            Self::Map(_)
            | Self::PowerInt(_)
            | Self::PowerReal(_)
            | Self::Zip(_)
            | Self::LogSumExp(_)
            | Self::Max(_)
            | Self::Pointwise(_) => Kind::Partials,
            #[cfg(feature = "linear-algebra")]
            Self::LinearAlgebra(op) => op.kind(),
            Self::Custom(_) | Self::Call(_) => Kind::Own,
        }
    }

    /// `∂y/∂xᵢ`, element by element: in the result's shape, or before the reduction in the operand's.
    fn partial<'t>(&self, i: usize, x: &[Tensor<'t, S>], y: Tensor<'t, S>) -> Tensor<'t, S> {
        match self {
            Self::LogSumExp(axis) => reduction::softmax(x[0], y, *axis),
            Self::Max(axis) => x[0].record(Self::MaxShare(*axis), &[x[0]]),
            Self::Pointwise(f) => x[0].record(Self::Pointwise(f.partial(i)), x),
            _ => elementwise::partial(self, i, x, y),
        }
    }

    /// The axis that an operation of kind `Partials` reduces, if any.
    fn reduced_axis(&self) -> Option<usize> {
        match self {
            Self::LogSumExp(axis) | Self::Max(axis) => Some(*axis),
            _ => None,
        }
    }

    /// The tangent of `y` for tangents `x_dot` of the operands, `None` standing for zero.
    pub(crate) fn tangent<'t>(
        &self,
        x: &[Tensor<'t, S>],
        y: Tensor<'t, S>,
        x_dot: &[Option<Tensor<'t, S>>],
    ) -> Option<Tensor<'t, S>> {
        let y_dot = match (self.kind(), self) {
            (Kind::Constant, _) => None,
            (Kind::Linear, Self::Assemble { offsets, shape }) => {
                layout::assemble_tangent(offsets, shape, x_dot)
            }
            (Kind::Linear, Self::StridedAdd { lattices, shape }) => lattices.tangent(shape, x_dot),
            (Kind::Linear, Self::Select) => index::select_tangent(x, y, x_dot),
            (Kind::Linear, _) => x_dot[0].map(|x_dot| {
                let mut operands: SmallVec<[Tensor<'t, S>; 4]> = x.into();
                operands[0] = x_dot;
                x_dot.record(self.clone(), &operands)
            }),
            (Kind::Bilinear, _) => sum_present([
                x_dot[0].map(|a_dot| y.record(self.clone(), &[a_dot, x[1]])),
                x_dot[1].map(|b_dot| y.record(self.clone(), &[x[0], b_dot])),
            ]),
            (Kind::Partials, _) => {
                let terms = x_dot
                    .iter()
                    .enumerate()
                    .map(|(i, x_dot)| x_dot.and_then(|x_dot| scaled(self.partial(i, x, y), x_dot)));
                sum_present(terms).map(|total| match self.reduced_axis() {
                    Some(axis) => total.sum_axis(axis),
                    None => total.broadcast(y.shape()),
                })
            }
            (Kind::Own, _) => own::tangent(self, x, y, x_dot),
        };
        #[cfg(feature = "planted-faults")]
        let y_dot = planted::tangent(self.name(), y_dot);
        y_dot
    }

    /// What the cotangent `y_bar` of the result contributes to those of the operands that want it.
    pub(crate) fn adjoints<'t>(
        &self,
        x: &[Tensor<'t, S>],
        y: Tensor<'t, S>,
        y_bar: Tensor<'t, S>,
        wanted: &[bool],
    ) -> Vec<(usize, Contribution<'t, S>)> {
        let x_bar = match self.kind() {
            Kind::Own => own::adjoints(self, x, y, y_bar, wanted),
            _ => {
                let wanted = (0..x.len()).filter(|&i| wanted[i]);
                wanted.filter_map(|i| Some((i, self.adjoint(i, x, y, y_bar)?))).collect()
            }
        };
        #[cfg(feature = "planted-faults")]
        let x_bar = planted::adjoints(self.name(), y_bar, x_bar);
        x_bar
    }

    /// What the cotangent `y_bar` of the result contributes to that of operand `i`, for the general kinds.
    fn adjoint<'t>(
        &self,
        i: usize,
        x: &[Tensor<'t, S>],
        y: Tensor<'t, S>,
        y_bar: Tensor<'t, S>,
    ) -> Option<Contribution<'t, S>> {
        let cotangent = match (self.kind(), self) {
            (Kind::Constant, _) => return None,
            (Kind::Bilinear, Self::MatMul { transpose_a, transpose_b }) => {
                contraction::matmul_adjoint(i, x, *transpose_a, *transpose_b, y_bar)
            }
            (Kind::Partials, _) => {
                let y_bar = match self.reduced_axis() {
                    Some(axis) => y_bar.keep_axis(axis),
                    None => y_bar,
                };
                scaled(self.partial(i, x, y), y_bar)?.sum_to(x[i].shape())
            }
            (_, Self::View { offset, .. }) => {
                return Some(Contribution::Piece { offset: *offset, cotangent: y_bar });
            }
            (_, Self::Strided(lattice)) => {
                return Some(Contribution::Strided { lattice: lattice.clone(), cotangent: y_bar });
            }
            (_, Self::Gather(_) | Self::ScatterAdd(_)) if i > 0 => return None,
            (_, Self::Select) if i == 0 => return None,
            (_, linear) => layout::transpose(linear, i, x, y_bar),
        };
        Some(Contribution::Whole(cotangent))
    }
}

/// `partial·tangent`, or nothing where the partial is known to be zero.
fn scaled<'t, S: Scalar>(partial: Tensor<'t, S>, tangent: Tensor<'t, S>) -> Option<Tensor<'t, S>> {
    (partial.constant_value() != Some(0.0)).then(|| tangent.chain(partial))
}

/// The sum of those terms that there are.
fn sum_present<'t, S: Scalar>(
    terms: impl IntoIterator<Item = Option<Tensor<'t, S>>>,
) -> Option<Tensor<'t, S>> {
    terms.into_iter().flatten().reduce(|a, b| a + b)
}

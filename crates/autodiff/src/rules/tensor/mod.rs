//! The array instructions.
//!
//! An operation states its shape rule, its forward kernel, and its kind of derivative; tangent and adjoint
//! follow from the kind, so nothing is said twice:
//!
//! | kind | stated | tangent `y_dot` | adjoint `x_bar` |
//! |---|---|---|---|
//! | linear | its transpose | the operation applied to `x_dot` | the transpose applied to `y_bar` |
//! | bilinear | its transposes | `Σᵢ` the operation with `xᵢ` replaced by `xᵢ_dot` | transpose `i` applied to `y_bar` |
//! | partials | `Pᵢ = ∂y/∂xᵢ`, element by element | `Σᵢ reduce(Pᵢ·xᵢ_dot)` | `Pᵢ·expand(y_bar)` |
//! | own | both, as compositions | as stated | as stated |
//!
//! Rules are written with [`Tensor`] handles, and so over whatever number the tape holds: on a tape of `f64` they
//! compute, on a tape of duals they compute with tangents, and in either case they are recorded, differentiable again.

mod batch;
mod contraction;
mod custom;
mod elementwise;
mod index;
mod layout;
pub(crate) mod linear_algebra;
mod own;
mod pointwise;
mod reduction;
mod verify;

use smallvec::SmallVec;

use crate::array::{Array, Shape};
use crate::error::Fault;
use crate::kernel::{self, OwnRule, View};
use crate::lattice::Lattice;
use crate::program::Call;
use crate::rules::{Binary, Unary};
use crate::scalar::{Elementary, Scalar};
use crate::tape::Tensor;

pub(crate) use batch::{Lane, Rounding, with_lanes};
pub use custom::{Adjoint, NumericAdjoint, Operation};
pub(crate) use index::{Indexing, Lattices, strided_add};
pub(crate) use layout::{assemble, tiles};
pub(crate) use linear_algebra::LinearAlgebra;
pub(crate) use own::{Shared, over_duals, over_reals, over_recorded};
pub use pointwise::Elementwise;

use custom::Custom;
use pointwise::Pointwise;

/// Axis numbers of an array.
pub(crate) type Axes = SmallVec<[usize; 4]>;

/// An array operation with its fixed arguments.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TensorOp<S> {
    /// Input number `.0` of the function.
    Input(usize),
    /// Data array number `.0`: comes with an evaluation, not differentiated.
    Data(usize),
    /// A constant.
    Constant(Array<S>),
    /// `f` of every element.
    Map(Unary),
    /// Every element to an integer power.
    PowerInt(i32),
    /// Every element to a constant real power.
    PowerReal(f64),
    /// `f` of corresponding elements, with NumPy's broadcasting.
    Zip(Binary),
    /// `op(a)·op(b)` of matrices, where `op` may transpose, for every batch of leading axes, broadcast to each other.
    MatMul { transpose_a: bool, transpose_b: bool },
    /// Sum over the axes, which disappear.
    Sum(Axes),
    /// Sum over the axes that broadcasting to this shape's successor added or stretched.
    SumTo(Shape),
    /// Repetition to a larger shape, by NumPy's rules.
    Broadcast(Shape),
    /// `ln Σ exp` over an axis, which disappears.
    LogSumExp(usize),
    /// The largest along an axis, which disappears.
    Max(usize),
    /// The share each element has in the maximum along an axis: 1, or 1/k at a tie of k.
    MaxShare(usize),
    /// The largest along an axis if it is finite, else 0, without a derivative: what log-sum-exp shifts by.
    Shift(usize),
    /// The same elements, without a derivative.
    StopGradient,
    /// The contiguous elements from `offset` on, in a new shape.
    View { offset: usize, shape: Shape },
    /// The array of this shape that is the sum of its operands, each laid contiguously from its offset on.
    Assemble { offsets: Vec<usize>, shape: Shape },
    /// Axis `i` of the result is axis `.0[i]` of the operand.
    Permute(Axes),
    /// An operation on matrices.
    LinearAlgebra(LinearAlgebra),
    /// One triangle of a matrix, its diagonal times a factor, and zeros.
    Triangle { lower: bool, diagonal: f64 },
    /// A user's elementwise function, or a partial derivative of it.
    Pointwise(Pointwise),
    /// A user's operation with its own adjoint.
    Custom(Custom),
    /// A program of its own.
    Call(Call),
    /// The elements at regularly spaced positions of the flat data.
    Strided(Lattice),
    /// The array of this shape that is the sum of its operands, each laid at regularly spaced positions.
    StridedAdd { lattices: Lattices, shape: Shape },
    /// The elements at the indices that the second operand holds.
    Gather(Indexing),
    /// The transpose of [`Gather`](Self::Gather): the elements are added to zeros at the indices.
    ScatterAdd(Indexing),
    /// `a` where the condition, the first operand, is not 0; elsewhere `b`.
    Select,
    /// Sum of the elements so far along an axis, from its start or from its end.
    CumulativeSum { axis: usize, from_end: bool },
    /// The number of the largest element along an axis, which disappears; of the first at a tie.
    ArgMax(usize),
}

/// How an operation's derivative is stated.
pub(crate) enum Kind {
    /// No operands, or locally constant.
    Constant,
    /// In its first operand if nothing else is said: indices that follow have no derivative.
    Linear,
    Bilinear,
    Partials,
    /// Stated as a composition by the operation itself.
    Own,
}

/// What an adjoint rule gives to an operand: all of its cotangent, or a piece of it.
pub(crate) enum Contribution<'t, S: Scalar> {
    Whole(Tensor<'t, S>),
    Piece { offset: usize, cotangent: Tensor<'t, S> },
    Strided { lattice: Lattice, cotangent: Tensor<'t, S> },
}

impl<S: Scalar> TensorOp<S> {
    /// The operation's name in messages and listings.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Input(_) => "input",
            Self::Data(_) => "data",
            Self::Constant(_) => "constant",
            Self::Map(_) => "map",
            Self::PowerInt(_) | Self::PowerReal(_) => "power",
            Self::Zip(_) => "elementwise operation",
            Self::MatMul { .. } => "matmul",
            Self::Sum(_) => "sum",
            Self::SumTo(_) => "sum_to",
            Self::Broadcast(_) => "broadcast",
            Self::LogSumExp(_) => "log_sum_exp",
            Self::Max(_) => "max",
            Self::MaxShare(_) => "max_share",
            Self::Shift(_) => "shift",
            Self::StopGradient => "stop_gradient",
            Self::View { .. } => "view",
            Self::Assemble { .. } => "assemble",
            Self::Permute(_) => "permute",
            Self::LinearAlgebra(op) => op.name(),
            Self::Triangle { .. } => "triangle",
            Self::Pointwise(f) => f.name(),
            Self::Custom(op) => op.name(),
            Self::Call(call) => call.name(),
            Self::Strided(_) => "strided",
            Self::StridedAdd { .. } => "strided_add",
            Self::Gather(_) => "gather",
            Self::ScatterAdd(_) => "scatter_add",
            Self::Select => "select",
            Self::CumulativeSum { .. } => "cumsum",
            Self::ArgMax(_) => "argmax",
        }
    }

    /// The same operation over another number, its constants embedded by `embed`.
    pub(crate) fn over<T>(&self, embed: impl Fn(&Array<S>) -> Array<T>) -> TensorOp<T> {
        match self {
            Self::Constant(array) => TensorOp::Constant(embed(array)),
            Self::Input(number) => TensorOp::Input(*number),
            Self::Data(slot) => TensorOp::Data(*slot),
            Self::Map(f) => TensorOp::Map(*f),
            Self::PowerInt(n) => TensorOp::PowerInt(*n),
            Self::PowerReal(p) => TensorOp::PowerReal(*p),
            Self::Zip(f) => TensorOp::Zip(*f),
            Self::MatMul { transpose_a, transpose_b } => {
                TensorOp::MatMul { transpose_a: *transpose_a, transpose_b: *transpose_b }
            }
            Self::Sum(axes) => TensorOp::Sum(axes.clone()),
            Self::SumTo(shape) => TensorOp::SumTo(shape.clone()),
            Self::Broadcast(shape) => TensorOp::Broadcast(shape.clone()),
            Self::LogSumExp(axis) => TensorOp::LogSumExp(*axis),
            Self::Max(axis) => TensorOp::Max(*axis),
            Self::MaxShare(axis) => TensorOp::MaxShare(*axis),
            Self::Shift(axis) => TensorOp::Shift(*axis),
            Self::StopGradient => TensorOp::StopGradient,
            Self::View { offset, shape } => {
                TensorOp::View { offset: *offset, shape: shape.clone() }
            }
            Self::Assemble { offsets, shape } => {
                TensorOp::Assemble { offsets: offsets.clone(), shape: shape.clone() }
            }
            Self::Permute(axes) => TensorOp::Permute(axes.clone()),
            Self::LinearAlgebra(op) => TensorOp::LinearAlgebra(*op),
            Self::Triangle { lower, diagonal } => {
                TensorOp::Triangle { lower: *lower, diagonal: *diagonal }
            }
            Self::Pointwise(f) => TensorOp::Pointwise(f.clone()),
            Self::Custom(op) => TensorOp::Custom(op.clone()),
            Self::Call(call) => TensorOp::Call(call.clone()),
            Self::Strided(lattice) => TensorOp::Strided(lattice.clone()),
            Self::StridedAdd { lattices, shape } => {
                TensorOp::StridedAdd { lattices: lattices.clone(), shape: shape.clone() }
            }
            Self::Gather(indexing) => TensorOp::Gather(*indexing),
            Self::ScatterAdd(indexing) => TensorOp::ScatterAdd(*indexing),
            Self::Select => TensorOp::Select,
            Self::CumulativeSum { axis, from_end } => {
                TensorOp::CumulativeSum { axis: *axis, from_end: *from_end }
            }
            Self::ArgMax(axis) => TensorOp::ArgMax(*axis),
        }
    }

    /// The result's shape, or what the operation needs of the operands' shapes.
    pub(crate) fn shape(&self, x: &[&[usize]]) -> Result<Shape, String> {
        match self {
            Self::Input(_) | Self::Data(_) | Self::Constant(_) => {
                unreachable!("the shape of a source comes with it")
            }
            Self::Map(_) | Self::PowerInt(_) | Self::PowerReal(_) | Self::StopGradient => {
                Ok(x[0].into())
            }
            Self::Zip(_) => elementwise::broadcast_shape(x[0], x[1]),
            Self::MatMul { transpose_a, transpose_b } => {
                contraction::matmul_shape(x[0], *transpose_a, x[1], *transpose_b)
            }
            Self::Sum(axes) => reduction::shape(x[0], axes),
            Self::LogSumExp(axis) | Self::Max(axis) | Self::Shift(axis) | Self::ArgMax(axis) => {
                reduction::shape(x[0], &[*axis])
            }
            Self::MaxShare(axis) | Self::CumulativeSum { axis, .. } => {
                reduction::shape(x[0], &[*axis]).map(|_| x[0].into())
            }
            Self::SumTo(shape) => layout::broadcasts(shape, x[0]),
            Self::Broadcast(shape) => layout::broadcasts(x[0], shape).map(|_| shape.clone()),
            Self::View { offset, shape } => layout::view_shape(x[0], *offset, shape),
            Self::Assemble { offsets, shape } => layout::assemble_shape(x, offsets, shape),
            Self::Permute(axes) => layout::permute_shape(x[0], axes),
            Self::LinearAlgebra(op) => op.shape(x),
            Self::Triangle { .. } => layout::matrix_shape(x[0]),
            Self::Pointwise(_) => Pointwise::shape(x),
            Self::Custom(op) => op.shape::<S::Real>(x),
            Self::Call(call) => call.shape::<S::Real>(x),
            Self::Strided(lattice) => index::strided_shape(x[0], lattice),
            Self::StridedAdd { lattices, shape } => lattices.shape(x, shape),
            Self::Gather(indexing) => indexing.gather_shape(x[0], x[1]),
            Self::ScatterAdd(indexing) => indexing.scatter_shape(x[0], x[1]),
            Self::Select => index::select_shape(x),
        }
    }

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
            Self::StopGradient => y.copy_from_slice(x[0].data),
            Self::View { offset, .. } => y.copy_from_slice(&x[0].data[*offset..*offset + y.len()]),
            Self::Assemble { offsets, .. } => {
                layout::assemble(x.iter().map(|x| x.data), offsets, y)
            }
            Self::Permute(axes) => kernel::permute(x[0], axes, y),
            Self::Triangle { lower, diagonal } => layout::triangle(x[0], *lower, *diagonal, y),
            Self::LinearAlgebra(_) | Self::Pointwise(_) | Self::Custom(_) | Self::Call(_) => {
                S::own(OwnRule(self), x, y)?;
            }
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

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Input(_)
            | Self::Data(_)
            | Self::Constant(_)
            | Self::MaxShare(_)
            | Self::ArgMax(_)
            | Self::Shift(_)
            | Self::StopGradient => Kind::Constant,
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
        match (self.kind(), self) {
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
                let total = sum_present(terms)?;
                Some(match self.reduced_axis() {
                    Some(axis) => total.sum_axis(axis),
                    None => total.broadcast(y.shape()),
                })
            }
            (Kind::Own, _) => own::tangent(self, x, y, x_dot),
        }
    }

    /// What the cotangent `y_bar` of the result contributes to those of the operands that want it.
    pub(crate) fn adjoints<'t>(
        &self,
        x: &[Tensor<'t, S>],
        y: Tensor<'t, S>,
        y_bar: Tensor<'t, S>,
        wanted: &[bool],
    ) -> Vec<(usize, Contribution<'t, S>)> {
        match self.kind() {
            Kind::Own => own::adjoints(self, x, y, y_bar, wanted),
            _ => {
                let wanted = (0..x.len()).filter(|&i| wanted[i]);
                wanted.filter_map(|i| Some((i, self.adjoint(i, x, y, y_bar)?))).collect()
            }
        }
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

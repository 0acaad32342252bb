//! What an array operation *is*: its data, name, shape and forward computation, over any number.
//!
//! How it is differentiated is stated in `rule`, where there are handles to write a derivative with.
//!
//! This folder imports `kernel` and what is below it, and what stands in `knot.rs`.
//!
//! | file | |
//! |---|---|
//! | `mod.rs` | [`TensorOp`], the list of the operations; names and shapes |
//! | `forward.rs` | the forward computation of each |
//! | `elementwise.rs`, `contraction.rs`, `reduction.rs`, `layout.rs`, `index.rs` | what families of operations need for that |
//! | `linear_algebra.rs`, `eigen.rs` | operations on matrices |
//! | `own.rs` | operations with a derivative rule of their own: what a number does with them |
//! | `shared.rs` | what such an operation holds |
//! | `knot.rs` | the operations with rules of their own that stand above |

mod contraction;
#[cfg(feature = "linear-algebra")]
mod eigen;
mod elementwise;
mod forward;
mod index;
mod knot;
mod layout;
#[cfg(feature = "linear-algebra")]
mod linear_algebra;
mod own;
mod reduction;
mod shared;

#[cfg(feature = "linear-algebra")]
pub(crate) use eigen::Eigen;
pub(crate) use elementwise::broadcast_shape;
pub(crate) use index::{Indexing, Lattices};
pub(crate) use layout::{assemble, tiles};
#[cfg(feature = "linear-algebra")]
pub(crate) use linear_algebra::LinearAlgebra;
pub(crate) use own::{Own, OwnRule};
pub(crate) use shared::Shared;

use crate::array::{Array, Axes, Shape};
use crate::number::{Binary, Scalar, Unary};
use crate::op::knot::{Call, Custom, Pointwise};
use crate::strided::Lattice;

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
    /// The contiguous elements from `offset` on, in a new shape.
    View { offset: usize, shape: Shape },
    /// The array of this shape that is the sum of its operands, each laid contiguously from its offset on.
    Assemble { offsets: Vec<usize>, shape: Shape },
    /// Axis `i` of the result is axis `.0[i]` of the operand.
    Permute(Axes),
    /// An operation on matrices.
    #[cfg(feature = "linear-algebra")]
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

/// The names of the array operations that have derivatives, as listings of programs have them.
///
/// Each is reached by functions of [`Tensor`](crate::Tensor), some only through derivatives of others. Operations that users define have names of
/// their own.
pub const ARRAY_OPERATIONS: &[&str] = &[
    "map",
    "power",
    "elementwise operation",
    "matmul",
    "sum",
    "sum_to",
    "broadcast",
    "log_sum_exp",
    "max",
    "view",
    "assemble",
    "permute",
    "strided",
    "strided_add",
    "gather",
    "scatter_add",
    "select",
    "cumsum",
    #[cfg(feature = "linear-algebra")]
    "cholesky",
    #[cfg(feature = "linear-algebra")]
    "solve_triangular",
    #[cfg(feature = "linear-algebra")]
    "solve",
    #[cfg(feature = "linear-algebra")]
    "log_abs_det",
    #[cfg(feature = "linear-algebra")]
    "eigenvectors",
    #[cfg(feature = "linear-algebra")]
    "eigenvalues",
    #[cfg(feature = "linear-algebra")]
    "derivative of eigenvectors",
    #[cfg(feature = "linear-algebra")]
    "triangle",
];

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
            Self::View { .. } => "view",
            Self::Assemble { .. } => "assemble",
            Self::Permute(_) => "permute",
            #[cfg(feature = "linear-algebra")]
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
            Self::View { offset, shape } => {
                TensorOp::View { offset: *offset, shape: shape.clone() }
            }
            Self::Assemble { offsets, shape } => {
                TensorOp::Assemble { offsets: offsets.clone(), shape: shape.clone() }
            }
            Self::Permute(axes) => TensorOp::Permute(axes.clone()),
            #[cfg(feature = "linear-algebra")]
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
            Self::Map(_) | Self::PowerInt(_) | Self::PowerReal(_) => Ok(x[0].into()),
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
            #[cfg(feature = "linear-algebra")]
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
}

/// Pieces added to zeros of this shape.
pub(crate) fn strided_add<S: Scalar>(pieces: Vec<Lattice>, shape: &[usize]) -> TensorOp<S> {
    TensorOp::StridedAdd { lattices: Lattices::new(pieces, shape), shape: shape.into() }
}

//! Operations on matrices as functions of handles, for methods and rules alike.

use smallvec::SmallVec;

use crate::array::Array;
use crate::number::Scalar;
use crate::op::{Eigen, LinearAlgebra, MatMul, Permute, Triangle};
use crate::tape::Tensor;
use LinearAlgebra::*;

/// What belongs to single eigenvalues, along the last axis.
#[track_caller]
pub(crate) fn simple<'t, S: Scalar>(x: Tensor<'t, S>, values: Tensor<'t, S>) -> Tensor<'t, S> {
    record(Eigen::Simple, &[x, values])
}

#[track_caller]
pub(crate) fn record<'t, S: Scalar>(op: Eigen, x: &[Tensor<'t, S>]) -> Tensor<'t, S> {
    apply(LinearAlgebra::Eigen(op), x)
}

#[track_caller]
pub(crate) fn apply<'t, S: Scalar>(op: LinearAlgebra, x: &[Tensor<'t, S>]) -> Tensor<'t, S> {
    x[0].record(op, x)
}

#[track_caller]
pub(crate) fn product<'t, S: Scalar>(
    a: Tensor<'t, S>,
    transpose_a: bool,
    b: Tensor<'t, S>,
    transpose_b: bool,
) -> Tensor<'t, S> {
    a.record(MatMul { transpose_a, transpose_b }, &[a, b])
}

/// `op(T)⁻¹·B`
#[track_caller]
pub(crate) fn solve_triangular<'t, S: Scalar>(
    t: Tensor<'t, S>,
    lower: bool,
    transpose: bool,
    b: Tensor<'t, S>,
) -> Tensor<'t, S> {
    apply(SolveTriangular { lower, transpose }, &[t, b])
}

/// `op(A)⁻¹·B`, given the factors of `A`.
#[track_caller]
pub(crate) fn solve<'t, S: Scalar>(
    a: Tensor<'t, S>,
    factors: Tensor<'t, S>,
    transpose: bool,
    b: Tensor<'t, S>,
) -> Tensor<'t, S> {
    apply(Solve { transpose }, &[a, factors, b])
}

/// Elements of one triangle, those on the diagonal times a factor, zero elsewhere.
#[track_caller]
pub(crate) fn triangle<'t, S: Scalar>(
    a: Tensor<'t, S>,
    lower: bool,
    diagonal: f64,
) -> Tensor<'t, S> {
    a.record(Triangle { lower, diagonal }, &[a])
}

/// The transposed matrices of a batch.
#[track_caller]
pub(crate) fn transposed<'t, S: Scalar>(a: Tensor<'t, S>) -> Tensor<'t, S> {
    let mut axes: SmallVec<[usize; 4]> = (0..a.rank()).collect();
    if let [.., i, j] = &mut axes[..] {
        std::mem::swap(i, j);
    }
    a.record(Permute(axes), &[a])
}

/// The identity, for every matrix of a batch of this shape.
#[track_caller]
pub(crate) fn identity<'t, S: Scalar>(like: Tensor<'t, S>) -> Tensor<'t, S> {
    let n = like.shape()[like.rank() - 1];
    let entry = |k: usize| if k / n == k % n { S::one() } else { S::zero() };
    let data: Vec<S> = (0..n * n).map(entry).collect();
    like.constant(&Array::from_shared(&[n, n], data.into())).broadcast(like.shape())
}

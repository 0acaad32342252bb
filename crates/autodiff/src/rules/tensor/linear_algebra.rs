//! Linear algebra: factorizations, solves, determinants, eigenvalues of symmetric matrices.
//!
//! Matrices are the last two axes; leading axes are a batch. The rules are those of Giles (*Collected matrix derivative
//! results for forward and reverse mode algorithmic differentiation*, 2008) and Murray (*Differentiation of the Cholesky
//! decomposition*, 2016), as compositions, so every higher order follows.
//!
//! A factorization that several instructions need is an instruction of its own without a derivative: a solve reads the
//! factors and states its derivative in the matrix. So value, gradient and all Hessian-vector products factor once.

use smallvec::SmallVec;

use super::derivative::Kind;
use super::{Eigen, TensorOp, eigen};
use crate::array::{Array, Shape};
use crate::error::Fault;
use crate::kernel::{self, Field, Triangular, View};
use crate::scalar::{Real, Scalar};
use crate::tape::Tensor;

/// An operation on matrices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum LinearAlgebra {
    /// The lower triangular `L` with `A = L·Lᵀ`, for symmetric `A`.
    Cholesky,
    /// `X` with `op(T)·X = B`, of one triangle of `T`.
    SolveTriangular { lower: bool, transpose: bool },
    /// The factors of `A` by Gaussian elimination, packed: n rows for `L` and `U`, one for the order of the rows. No
    /// derivative.
    Lu,
    /// `X` with `op(A)·X = B`, from `A`, its factors, `B`.
    Solve { transpose: bool },
    /// `ln |det A|`, from `A` and its factors.
    LogAbsDet,
    /// The sign of `det A`, from the factors of `A`. Locally constant.
    DetSign,
    /// The eigenvectors of a symmetric `A`, as columns.
    Eigenvectors,
    /// The eigenvalues of a symmetric `A`, ascending, from `A` and its eigenvectors.
    Eigenvalues,
    /// A part of the derivatives of the last two.
    Eigen(Eigen),
}

use LinearAlgebra::*;

impl LinearAlgebra {
    pub(super) fn name(self) -> &'static str {
        match self {
            Cholesky => "cholesky",
            SolveTriangular { .. } => "solve_triangular",
            Lu => "lu",
            Solve { .. } => "solve",
            LogAbsDet => "log_abs_det",
            DetSign => "sign of the determinant",
            Eigenvectors => "eigenvectors",
            Eigenvalues => "eigenvalues",
            Eigen(_) => "derivative of eigenvectors",
        }
    }

    pub(super) fn kind(self) -> Kind {
        match self {
            Lu | DetSign => Kind::Constant,
            _ => Kind::Own,
        }
    }

    pub(super) fn shape(self, x: &[&[usize]]) -> Result<Shape, String> {
        if let Eigen(_) = self {
            return Ok(Eigen::shape(x));
        }
        let [batch @ .., rows, n] = x[0] else { return Err("a matrix (rank 2 or more)".into()) };
        if *rows != *n + usize::from(self == DetSign) {
            return Err("a square matrix".into());
        }
        let batch = Shape::from_slice(batch);
        let with = |axes: &[usize]| batch.iter().chain(axes).copied().collect();
        Ok(match self {
            Lu => with(&[n + 1, *n]),
            LogAbsDet | DetSign => batch,
            Eigenvalues => with(&[*n]),
            Cholesky | Eigenvectors | Eigen(_) => x[0].into(),
            SolveTriangular { .. } | Solve { .. } => match x[x.len() - 1] {
                [of_b @ .., rows, columns] if of_b == &batch[..] && rows == n => {
                    with(&[*n, *columns])
                }
                _ => return Err("a right side with as many rows, for the same batch".into()),
            },
        })
    }

    pub(crate) fn forward<R: Real + Field>(
        self,
        x: &[View<'_, R>],
        y: &mut [R],
    ) -> Result<(), Fault> {
        if let Eigen(op) = self {
            return op.forward(x, y);
        }
        let shape = x[0].shape;
        let n = shape[shape.len() - 1];
        let batch: usize = shape[..shape.len() - 2].iter().product();
        let matrix = |x: View<'_, R>, i: usize| {
            let size = x.data.len() / batch;
            i * size..(i + 1) * size
        };
        for i in 0..batch {
            let size = y.len() / batch;
            let y = &mut y[i * size..(i + 1) * size];
            let a = &x[0].data[matrix(x[0], i)];
            let operand = |k: usize| &x[k].data[matrix(x[k], i)];
            match self {
                Cholesky => kernel::cholesky(n, a, y)?,
                SolveTriangular { lower, transpose } => {
                    y.copy_from_slice(operand(1));
                    kernel::solve_triangular(n, a, Triangular { lower, transpose }, y)?;
                }
                Lu => kernel::lu(n, a, y)?,
                Solve { transpose } => {
                    y.copy_from_slice(operand(2));
                    kernel::solve_lu(n, operand(1), transpose, y);
                }
                LogAbsDet => y[0] = kernel::log_determinant(n, operand(1)).1,
                DetSign => y[0] = kernel::log_determinant(n, a).0,
                Eigenvectors => kernel::eigenvectors(n, a, y)?,
                Eigenvalues => rayleigh_quotients(n, a, operand(1), y),
                Eigen(_) => unreachable!("computed above"),
            }
        }
        Ok(())
    }

    /// The tangent, `None` standing for zero.
    pub(super) fn tangent<'t, S: Scalar>(
        self,
        x: &[Tensor<'t, S>],
        y: Tensor<'t, S>,
        x_dot: &[Option<Tensor<'t, S>>],
    ) -> Option<Tensor<'t, S>> {
        let a = x[0];
        let a_dot = x_dot[0].map(|a_dot| a_dot.broadcast(a.shape()));
        match self {
            Lu | DetSign => None,
            // L_dot = L·Φ(L⁻¹·A_dot·L⁻ᵀ)
            Cholesky => {
                let half = solve_triangular(y, true, false, a_dot?);
                let both = solve_triangular(y, true, false, transposed(half));
                Some(product(y, false, triangle(both, true, 0.5), false))
            }
            // X_dot = op(A)⁻¹·(B_dot − op(A_dot)·X)
            SolveTriangular { transpose, .. } | Solve { transpose } => {
                let b = x.len() - 1;
                let b_dot = x_dot[b].map(|b_dot| b_dot.broadcast(x[b].shape()));
                let from_a = a_dot.map(|a_dot| product(self.used(a_dot), transpose, y, false));
                let right_side = match (b_dot, from_a) {
                    (Some(b_dot), Some(from_a)) => b_dot - from_a,
                    (Some(b_dot), None) => b_dot,
                    (None, from_a) => -from_a?,
                };
                Some(self.solve_again(x, transpose, right_side))
            }
            // y_dot = Σᵢⱼ (A⁻ᵀ)ᵢⱼ·A_dotᵢⱼ
            LogAbsDet => Some(sum_matrix(inverse_transposed(x) * a_dot?)),
            Eigenvectors => Some(eigen::vectors_tangent(a, y, a_dot?)),
            Eigenvalues => Some(eigen::values_tangent(y, x[1], a_dot?)),
            Eigen(op) => op.tangent(x, y, x_dot),
        }
    }

    /// The cotangents of the operands that want one.
    pub(super) fn adjoint<'t, S: Scalar>(
        self,
        x: &[Tensor<'t, S>],
        y: Tensor<'t, S>,
        y_bar: Tensor<'t, S>,
        wanted: &[bool],
    ) -> Vec<Option<Tensor<'t, S>>> {
        let mut x_bar = vec![None; x.len()];
        let a = x[0];
        match self {
            Lu | DetSign => {}
            // A_bar = L⁻ᵀ·Φ(Lᵀ·L_bar)·L⁻¹, up to its transpose: A is symmetric
            Cholesky => {
                let inner = triangle(product(y, true, y_bar, false), true, 0.5);
                let half = solve_triangular(y, true, true, inner);
                x_bar[0] = Some(solve_triangular(y, true, true, transposed(half)));
            }
            // B_bar = op(A)⁻ᵀ·X_bar, op(A)_bar = −B_bar·Xᵀ
            SolveTriangular { transpose, .. } | Solve { transpose } => {
                let b_bar = self.solve_again(x, !transpose, y_bar);
                x_bar[x.len() - 1] = Some(b_bar);
                if wanted[0] {
                    let (left, right) = if transpose { (y, b_bar) } else { (b_bar, y) };
                    x_bar[0] = Some(-self.used(product(left, false, right, true)));
                }
            }
            LogAbsDet => {
                x_bar[0] =
                    Some(inverse_transposed(x) * y_bar.keep_axis(y.rank()).keep_axis(y.rank() + 1));
            }
            Eigenvectors => x_bar[0] = Some(eigen::vectors_adjoint(a, y, y_bar)),
            Eigenvalues => x_bar[0] = Some(eigen::values_adjoint(y, x[1], y_bar)),
            Eigen(op) => return op.adjoint(x, y, y_bar),
        }
        x_bar
    }

    /// The part of a matrix that the operation reads.
    fn used<'t, S: Scalar>(self, a: Tensor<'t, S>) -> Tensor<'t, S> {
        match self {
            SolveTriangular { lower, .. } => triangle(a, lower, 1.0),
            _ => a,
        }
    }

    /// The same system, transposed or not, with another right side.
    fn solve_again<'t, S: Scalar>(
        self,
        x: &[Tensor<'t, S>],
        transpose: bool,
        b: Tensor<'t, S>,
    ) -> Tensor<'t, S> {
        match self {
            SolveTriangular { lower, .. } => solve_triangular(x[0], lower, transpose, b),
            _ => solve(x[0], x[1], transpose, b),
        }
    }
}

/// `vⱼᵀ·A·vⱼ` for the columns of `V`: second-order accurate in what the vectors lack.
fn rayleigh_quotients<R: Real>(n: usize, a: &[R], v: &[R], y: &mut [R]) {
    for (j, y) in y.iter_mut().enumerate() {
        let column = || v[j..].iter().step_by(n).copied();
        let row = |i: usize| a[i * n..(i + 1) * n].iter().zip(column()).map(|(&a, v)| a * v);
        *y = column().enumerate().map(|(i, v)| v * row(i).sum::<R>()).sum();
    }
}

#[track_caller]
pub(crate) fn apply<'t, S: Scalar>(op: LinearAlgebra, x: &[Tensor<'t, S>]) -> Tensor<'t, S> {
    x[0].record(TensorOp::LinearAlgebra(op), x)
}

#[track_caller]
pub(crate) fn product<'t, S: Scalar>(
    a: Tensor<'t, S>,
    transpose_a: bool,
    b: Tensor<'t, S>,
    transpose_b: bool,
) -> Tensor<'t, S> {
    a.record(TensorOp::MatMul { transpose_a, transpose_b }, &[a, b])
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
fn triangle<'t, S: Scalar>(a: Tensor<'t, S>, lower: bool, diagonal: f64) -> Tensor<'t, S> {
    a.record(TensorOp::Triangle { lower, diagonal }, &[a])
}

/// The transposed matrices of a batch.
#[track_caller]
pub(crate) fn transposed<'t, S: Scalar>(a: Tensor<'t, S>) -> Tensor<'t, S> {
    let mut axes: SmallVec<[usize; 4]> = (0..a.rank()).collect();
    if let [.., i, j] = &mut axes[..] {
        std::mem::swap(i, j);
    }
    a.record(TensorOp::Permute(axes), &[a])
}

/// The identity, for every matrix of a batch of this shape.
#[track_caller]
pub(crate) fn identity<'t, S: Scalar>(like: Tensor<'t, S>) -> Tensor<'t, S> {
    let n = like.shape()[like.rank() - 1];
    let entry = |k: usize| if k / n == k % n { S::one() } else { S::zero() };
    let data: Vec<S> = (0..n * n).map(entry).collect();
    like.constant(&Array::from_shared(&[n, n], data.into())).broadcast(like.shape())
}

/// `A⁻ᵀ`, given `A` and its factors.
fn inverse_transposed<'t, S: Scalar>(x: &[Tensor<'t, S>]) -> Tensor<'t, S> {
    solve(x[0], x[1], true, identity(x[0]))
}

/// The sum of the elements of each matrix.
fn sum_matrix<'t, S: Scalar>(a: Tensor<'t, S>) -> Tensor<'t, S> {
    a.record(TensorOp::Sum(SmallVec::from_slice(&[a.rank() - 2, a.rank() - 1])), &[a])
}

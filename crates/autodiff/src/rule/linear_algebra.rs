//! Derivatives of factorizations, solves and determinants.
//!
//! The rules are those of Giles (*Collected matrix derivative results for forward and reverse mode algorithmic differentiation*,
//! 2008) and Murray (*Differentiation of the Cholesky decomposition*, 2016), as compositions, so every higher order follows.

use smallvec::SmallVec;

use super::eigen;
use super::kind::Composed;
use crate::number::Scalar;
use crate::op::{LinearAlgebra, Sum};
use crate::tape::Tensor;
use crate::tensor::{identity, product, solve, solve_triangular, transposed, triangle};
use LinearAlgebra::*;

impl<S: Scalar> Composed<S> for LinearAlgebra {
    fn tangent<'t>(
        &self,
        x: &[Tensor<'t, S>],
        y: Tensor<'t, S>,
        x_dot: &[Option<Tensor<'t, S>>],
    ) -> Option<Tensor<'t, S>> {
        let a = x[0];
        let a_dot = x_dot[0].map(|a_dot| a_dot.broadcast(a.shape()));
        match *self {
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

    fn adjoint<'t>(
        &self,
        x: &[Tensor<'t, S>],
        y: Tensor<'t, S>,
        y_bar: Tensor<'t, S>,
        wanted: &[bool],
    ) -> Vec<Option<Tensor<'t, S>>> {
        let mut x_bar = vec![None; x.len()];
        let a = x[0];
        match *self {
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
}

impl LinearAlgebra {
    pub(super) fn is_locally_constant(self) -> bool {
        matches!(self, Lu | DetSign)
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

/// `A⁻ᵀ`, given `A` and its factors.
fn inverse_transposed<'t, S: Scalar>(x: &[Tensor<'t, S>]) -> Tensor<'t, S> {
    solve(x[0], x[1], true, identity(x[0]))
}

/// The sum of the elements of each matrix.
fn sum_matrix<'t, S: Scalar>(a: Tensor<'t, S>) -> Tensor<'t, S> {
    a.record(Sum(SmallVec::from_slice(&[a.rank() - 2, a.rank() - 1])), &[a])
}

//! Linear algebra: factorizations, solves, determinants, eigenvalues of symmetric matrices.
//!
//! Matrices are the last two axes; leading axes are a batch. A factorization that several instructions need is an instruction of
//! its own without a derivative: a solve reads the factors and states its derivative in the matrix. So value, gradient and all
//! Hessian-vector products factor once.

use super::eigen::Eigen;
use super::operation::{Around, Batched, Operation, Pattern};
use crate::array::{Shape, View};
use crate::error::Fault;
use crate::kernel;
use crate::kernel::{Field, Triangular};
use crate::number::{Irregularity, Real};

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

impl Operation for LinearAlgebra {
    const NAME: &'static str = "linear algebra";
    const NAMES: &'static [&'static str] = &[
        "cholesky",
        "solve_triangular",
        "solve",
        "log_abs_det",
        "eigenvectors",
        "eigenvalues",
        "derivative of eigenvectors",
    ];

    fn name(&self) -> &'static str {
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

    fn shape(&self, x: &[&[usize]]) -> Result<Shape, String> {
        if let Eigen(_) = self {
            return Ok(Eigen::shape(x));
        }
        let [batch @ .., rows, n] = x[0] else { return Err("a matrix (rank 2 or more)".into()) };
        if *rows != *n + usize::from(*self == DetSign) {
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

    fn pattern(&self) -> Pattern {
        Pattern::All
    }

    fn batched(&self, _lanes: usize, _x: &[&[usize]], _shape: &[usize]) -> Batched<Self> {
        Batched::LaneByLane
    }

    fn irregularity<R: Real>(&self, _at: &Around<'_, R>) -> Option<Irregularity> {
        None
    }
}

impl LinearAlgebra {
    /// Computes the result over plain numbers; over others it is what the derivatives say.
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
}

/// `vⱼᵀ·A·vⱼ` for the columns of `V`: second-order accurate in what the vectors lack.
fn rayleigh_quotients<R: Real>(n: usize, a: &[R], v: &[R], y: &mut [R]) {
    for (j, y) in y.iter_mut().enumerate() {
        let column = || v[j..].iter().step_by(n).copied();
        let row = |i: usize| a[i * n..(i + 1) * n].iter().zip(column()).map(|(&a, v)| a * v);
        *y = column().enumerate().map(|(i, v)| v * row(i).sum::<R>()).sum();
    }
}

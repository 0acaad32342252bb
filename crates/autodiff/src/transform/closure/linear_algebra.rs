//! Operations on matrices.

use super::cases::{Loss, stacked, weighted};
use super::differentiable_to_third_order;
use crate::array::Array;
use crate::error::Error;
use crate::op::{Eigen, LinearAlgebra};
use crate::tape::{Tensor, Var};

const KINDS: [&str; 16] = [
    "cholesky",
    "solve_triangular",
    "lu",
    "solve",
    "log_abs_det",
    "sign of the determinant",
    "eigenvectors",
    "eigenvalues",
    "blocks of eigenvalues",
    "within blocks",
    "turn of eigenvectors",
    "level",
    "derivative of level",
    "simple",
    "cotangent of simple",
    "Triangle",
];

pub(crate) fn kind(op: LinearAlgebra) -> &'static str {
    match op {
        LinearAlgebra::Cholesky => "cholesky",
        LinearAlgebra::SolveTriangular { .. } => "solve_triangular",
        LinearAlgebra::Lu => "lu",
        LinearAlgebra::Solve { .. } => "solve",
        LinearAlgebra::LogAbsDet => "log_abs_det",
        LinearAlgebra::DetSign => "sign of the determinant",
        LinearAlgebra::Eigenvectors => "eigenvectors",
        LinearAlgebra::Eigenvalues => "eigenvalues",
        LinearAlgebra::Eigen(op) => match op {
            Eigen::Blocks => "blocks of eigenvalues",
            Eigen::WithinBlocks => "within blocks",
            Eigen::Turn => "turn of eigenvectors",
            Eigen::Level { checked: false } => "level",
            Eigen::Level { checked: true } => "derivative of level",
            Eigen::Simple => "simple",
            Eigen::TangentOfSimple => "tangent of simple",
            Eigen::CotangentOfSimple => "cotangent of simple",
        },
    }
}

/// A regular matrix of two rows, with this added to the diagonal.
fn matrix<'t>(x: &[Var<'t>], diagonal: f64) -> Tensor<'t> {
    let diagonal = Array::new(&[2, 2], vec![diagonal, 0.0, 0.0, 1.2 * diagonal]);
    let a = stacked(x).view(1, &[2, 2]);
    a + a.constant(&diagonal.expect("four elements"))
}

fn cases() -> Vec<(String, Loss)> {
    let mut cases: Vec<(String, Loss)> = Vec::new();
    let mut case = |name: &str, loss: Loss| cases.push((name.into(), loss));
    case(
        "cholesky",
        Box::new(|x| {
            let l = matrix(x, 2.0).cholesky();
            weighted(l) + l.log_det_cholesky().to_var()
        }),
    );
    case(
        "solve",
        Box::new(|x| {
            let (a, b) = (matrix(x, 0.6), stacked(x).view(2, &[2]));
            weighted(a.solve(b)) + weighted(a.inverse().solve_transposed(a.exp()))
        }),
    );
    case(
        "solve_triangular",
        Box::new(|x| {
            let (a, b) = (matrix(x, 0.6), stacked(x).view(0, &[2, 3]));
            weighted(a.solve_lower(b) + a.solve_upper(b))
                + weighted(a.solve_lower_transposed(b) + a.solve_upper_transposed(b))
        }),
    );
    case(
        "determinant",
        Box::new(|x| {
            let (sign, log) = matrix(x, -0.9).sign_and_log_abs_det();
            (log.exp() * sign).to_var()
        }),
    );
    case(
        "symmetric eigenvalues",
        Box::new(|x| {
            let (values, vectors) = stacked(x).view(1, &[2, 2]).eigh();
            weighted(values) + weighted(vectors)
        }),
    );
    cases
}

#[test]
fn every_operation_on_matrices_is_differentiable_to_third_order() -> Result<(), Error> {
    differentiable_to_third_order(cases(), &KINDS)
}

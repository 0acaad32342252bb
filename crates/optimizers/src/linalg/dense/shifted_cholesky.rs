//! Cholesky's factors of a matrix whose diagonal is shifted.

use dualtape_autodiff::Real;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt;
use faer::linalg::triangular_solve::{
    solve_lower_triangular_in_place, solve_upper_triangular_in_place,
};
use faer::{Mat, Par, Spec};

use super::finite_matrix;
use crate::linalg::subproblem::Shiftable;
use crate::linalg::vector::quadratic_form;

/// A symmetric matrix and Cholesky's factors `L Lᵀ` of it with a shifted diagonal.
#[derive(Debug)]
pub(crate) struct ShiftedCholesky {
    matrix: Mat<f64>,
    lower: Mat<f64>,
    precision: f64,
}

impl ShiftedCholesky {
    /// Takes a row-major `n × n` symmetric matrix; `None` if an entry is not finite.
    pub(crate) fn new<S: Real>(n: usize, a: &[S]) -> Option<ShiftedCholesky> {
        let precision = S::epsilon().as_f64();
        Some(ShiftedCholesky { matrix: finite_matrix(n, a)?, lower: Mat::zeros(n, n), precision })
    }

    /// `pᵀAp` without the shift.
    pub(crate) fn quadratic_form(&self, p: &[f64]) -> f64 {
        quadratic_form((0..p.len()).map(|j| self.matrix.col_as_slice(j)), p)
    }
}

impl Shiftable for ShiftedCholesky {
    fn dim(&self) -> usize {
        self.matrix.nrows()
    }

    fn least_diagonal(&self) -> f64 {
        (0..self.dim()).map(|i| self.matrix[(i, i)]).fold(f64::INFINITY, f64::min)
    }

    fn norm_bound(&self) -> f64 {
        self.matrix.norm_l2()
    }

    fn precision(&self) -> f64 {
        self.precision
    }

    /// `O(n³/3)`. A matrix that is definite by rounding only, so that steps with it would be rounding, does not count.
    fn factor(&mut self, shift: f64) -> bool {
        let n = self.dim();
        self.lower.copy_from(&self.matrix);
        for i in 0..n {
            self.lower[(i, i)] += shift;
        }
        // What is left of a diagonal entry, relative to the entry, does not depend on the scaling of the variables.
        let rounding = 10.0 * n as f64 * f64::EPSILON;
        let visible: Vec<f64> = (0..n).map(|i| rounding * self.lower[(i, i)]).collect();
        let params = Spec::default();
        let scratch = llt::factor::cholesky_in_place_scratch::<f64>(n, Par::Seq, params);
        let mut memory = MemBuffer::new(scratch);
        let stack = MemStack::new(&mut memory);
        let regularization = llt::factor::LltRegularization::default();
        let lower = self.lower.as_mut();
        llt::factor::cholesky_in_place(lower, regularization, Par::Seq, stack, params).is_ok()
            && (0..n).all(|i| self.lower[(i, i)].is_finite())
            && (0..n).all(|i| self.lower[(i, i)].powi(2) > visible[i])
    }

    fn solve_in_place(&self, x: &mut [f64]) {
        let mut y = Mat::from_fn(x.len(), 1, |i, _| x[i]);
        solve_lower_triangular_in_place(self.lower.as_ref(), y.as_mut(), Par::Seq);
        solve_upper_triangular_in_place(self.lower.transpose(), y.as_mut(), Par::Seq);
        x.copy_from_slice(y.col_as_slice(0));
    }
}

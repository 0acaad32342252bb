//! Symmetric tridiagonal matrices, factored in linear time.

use super::secular::Shiftable;
use crate::linalg::lanczos::Tridiagonal;

/// A symmetric tridiagonal matrix `T`, and the factors `L D Lᵀ` of `T + λI`.
#[derive(Debug)]
pub(super) struct FactoredTridiagonal<'t> {
    matrix: &'t Tridiagonal,
    pivots: Vec<f64>,
    multipliers: Vec<f64>,
    precision: f64,
}

impl<'t> FactoredTridiagonal<'t> {
    /// `precision` is that of the products that the matrix comes from.
    pub(super) fn new(matrix: &'t Tridiagonal, precision: f64) -> Self {
        FactoredTridiagonal { matrix, pivots: Vec::new(), multipliers: Vec::new(), precision }
    }
}

impl Shiftable for FactoredTridiagonal<'_> {
    fn dim(&self) -> usize {
        self.matrix.diagonal.len()
    }

    fn least_diagonal(&self) -> f64 {
        self.matrix.diagonal.iter().fold(f64::INFINITY, |least, &d| least.min(d))
    }

    fn norm_bound(&self) -> f64 {
        self.matrix.size()
    }

    fn precision(&self) -> f64 {
        self.precision
    }

    fn factor(&mut self, shift: f64) -> bool {
        self.pivots.clear();
        self.multipliers.clear();
        for (k, &diagonal) in self.matrix.diagonal.iter().enumerate() {
            let mut pivot = diagonal + shift;
            if k > 0 {
                let beside = self.matrix.off_diagonal[k - 1];
                let multiplier = beside / self.pivots[k - 1];
                self.multipliers.push(multiplier);
                pivot -= multiplier * beside;
            }
            if pivot <= 0.0 || !pivot.is_finite() {
                return false;
            }
            self.pivots.push(pivot);
        }
        true
    }

    fn solve_in_place(&self, x: &mut [f64]) {
        for k in 1..x.len() {
            x[k] -= self.multipliers[k - 1] * x[k - 1];
        }
        for (x, pivot) in x.iter_mut().zip(&self.pivots) {
            *x /= pivot;
        }
        for k in (1..x.len()).rev() {
            x[k - 1] -= self.multipliers[k - 1] * x[k];
        }
    }
}

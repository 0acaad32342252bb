//! Models that are known by products.

use dualtape_autodiff::Real;

use crate::linalg::LinearOperator;

/// What the solvers that work with products need.
pub(super) struct Products<'a, S: Real> {
    pub(super) operator: &'a dyn LinearOperator<S>,
    pub(super) gradient: &'a [S],
    pub(super) tolerance: S,
    pub(super) max_products: usize,
    pub(super) interrupted: &'a dyn Fn() -> bool,
}

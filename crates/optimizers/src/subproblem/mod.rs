//! Quadratic models whose steps are held short: what trust regions and cubic regularisation solve at each point.

mod agreement;
mod krylov;
mod secular;
mod tridiagonal;

pub(crate) use agreement::agreement;
pub(crate) use krylov::{Krylov, Space};
pub(crate) use secular::{Accuracy, Bound, Shiftable, ShortStep, minimize};

/// Steps tried from a point at most, each held shorter than the one before: halved as often, the largest number is 0.
pub(crate) const MAX_TRIALS: usize = 2100;

#[cfg(test)]
mod tests;

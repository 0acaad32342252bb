//! Quadratic models whose steps are held short: what trust regions and cubic regularisation solve at each point.

mod agreement;
mod krylov;
mod secular;
mod tridiagonal;

pub(crate) use agreement::agreement;
pub(crate) use krylov::{Krylov, Space};
pub(crate) use secular::{Accuracy, Bound, Shiftable, ShortStep, minimize};

#[cfg(test)]
mod tests;

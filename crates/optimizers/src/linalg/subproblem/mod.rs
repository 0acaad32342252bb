//! Quadratic models whose steps are held short: what trust regions and cubic regularisation solve at each point.
//!
//! | file | |
//! |---|---|
//! | `secular.rs` | the secular equation, for any matrix that can be factored with a shift |
//! | `tridiagonal.rs` | such a matrix |
//! | `krylov.rs` | the model within a Krylov space |

mod krylov;
mod secular;
mod tridiagonal;

pub(crate) use krylov::{Krylov, Space};
pub(crate) use secular::{Accuracy, Bound, Shiftable, ShortStep, minimize};

#[cfg(test)]
mod tests;

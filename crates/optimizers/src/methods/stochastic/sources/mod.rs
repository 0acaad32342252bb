//! What rules are fed with.
//!
//! | file | |
//! |---|---|
//! | `gradient.rs` | the gradient |
//! | `hutchinson_diagonal.rs` | the gradient, and an estimate of the curvature's diagonal |
//! | `newton.rs`, `lbfgs.rs` | second-order directions |

mod gradient;
mod hutchinson_diagonal;
mod lbfgs;
mod newton;

pub use gradient::Gradient;
pub use hutchinson_diagonal::HutchinsonDiagonal;
pub use lbfgs::Lbfgs;
pub use newton::{Newton, NewtonCg};

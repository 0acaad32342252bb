//! What rules are fed with.

mod gradient;
mod hutchinson_diagonal;
mod lbfgs;
mod newton;

pub use gradient::Gradient;
pub use hutchinson_diagonal::HutchinsonDiagonal;
pub use lbfgs::Lbfgs;
pub use newton::{Newton, NewtonCg};

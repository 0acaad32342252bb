//! Methods that use the gradient alone, and keep nothing of the order of a matrix.
//!
//! | file | |
//! |---|---|
//! | `gradient_descent.rs` | steepest descent with a line search |
//! | `nonlinear_cg.rs` | nonlinear conjugate gradients |

mod gradient_descent;
mod nonlinear_cg;

pub use gradient_descent::GradientDescent;
pub use nonlinear_cg::{Conjugacy, NonlinearCg};

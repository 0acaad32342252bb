//! Newton's method, and methods with another matrix in the Hessian's place.
//!
//! | file | |
//! |---|---|
//! | `dense_newton.rs`, `newton_cg.rs` | with the dense Hessian, and with its products |
//! | `structured_newton.rs` | with blocks, the diagonal, low rank, Gauss–Newton, the covariance of gradients |
//! | `saddle_free_newton.rs` | with absolute eigenvalues |
//! | `hessian_free.rs` | with damped Gauss–Newton products |
//! | `natural_gradient.rs` | with the Fisher matrix |
//! | `hso.rs` | with a shifted inverse, of Newton's or the BFGS kind |

mod dense_newton;
mod hessian_free;
mod hso;
mod natural_gradient;
mod newton_cg;
mod saddle_free_newton;
mod structured_newton;

pub use dense_newton::Newton;
pub use hessian_free::HessianFree;
pub use hso::{Hso, Shift};
pub use natural_gradient::NaturalGradient;
pub use newton_cg::NewtonCg;
pub use saddle_free_newton::SaddleFreeNewton;
pub use structured_newton::{Structure, StructuredNewton};

//! Least squares: methods that use that the objective is made of residuals, and the uncertainty of what is fitted.
//!
//! | file | |
//! |---|---|
//! | `tangent.rs` | the linear model of residuals at a point |
//! | `damped.rs` | steps of limited length in a quadratic model |
//! | `gauss_newton.rs`, `levenberg_marquardt.rs` | the methods |
//! | `uncertainty.rs` | covariances, standard errors and intervals |

mod damped;
mod gauss_newton;
mod levenberg_marquardt;
mod tangent;
mod uncertainty;

pub use gauss_newton::GaussNewton;
pub use levenberg_marquardt::{LevenbergMarquardt, Scaling, SecondOrderTerm};
pub use uncertainty::Uncertainty;

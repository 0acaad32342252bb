//! Least squares: objectives made of residuals, methods that use that they are, and the uncertainty of what is fitted.

mod damped;
mod gauss_newton;
mod levenberg_marquardt;
mod residuals;
mod tangent;
mod uncertainty;

pub use gauss_newton::GaussNewton;
pub use levenberg_marquardt::{LevenbergMarquardt, Scaling, SecondOrderTerm};
pub use residuals::{Residuals, ResidualsAt};
pub use uncertainty::Uncertainty;

use crate::Real;

/// Between what rounding allows and what suffices: parameters accurate to about `10⁻¹⁰` of their standard errors.
fn default_orthogonality_tolerance<S: Real>() -> S {
    S::constant(1e-3) * S::epsilon().sqrt()
}

//! How well a model foretold what a step does.

use dualtape_autodiff::Real;

use crate::linalg::{dot, first_non_finite};
use crate::problem::Linearized;

/// The decrease of the objective in the step `p`, divided by the one predicted; `−∞` if the objective is not finite after
/// the step.
///
/// Near a minimum the difference of two values is rounding, while gradients, which tend to zero, are still known. Where
/// both decreases are within `√ε |f|`, the actual one is therefore taken as `−½ (g + g₊)ᵀ p`, the trapezoidal rule for the
/// integral of the slope.
pub(crate) fn agreement<S: Real>(
    before: &dyn Linearized<S>,
    after: &dyn Linearized<S>,
    step: &[S],
    predicted: S,
) -> S {
    let usable = after.value().is_finite() && first_non_finite(after.gradient()).is_none();
    if !usable || predicted.is_nan() || predicted <= S::zero() {
        return S::neg_infinity();
    }
    let actual = before.value() - after.value();
    let noise = S::epsilon().sqrt() * before.value().abs();
    if predicted > noise || actual.abs() > noise {
        return actual / predicted;
    }
    let slopes = dot(before.gradient(), step) + dot(after.gradient(), step);
    S::constant(-0.5) * slopes / predicted
}

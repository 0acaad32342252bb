//! Backtracking.

use dualtape_autodiff::Real;

use super::line::{Accepted, Condition, Line, LineSearchFailure, Origin, check_first, check_wolfe};
use crate::error::Error;

/// Backtracking to sufficient decrease (Armijo 1966; Nocedal & Wright, Alg. 3.1), for descent directions and for
/// directions of negative curvature.
///
/// Accepts the first `a` with
///
/// ```text
/// φ(a) ≤ φ(0) + c₁ (a φ'(0) + ½ a² min(φ''(0), 0))
/// ```
///
/// The second-order term (Moré & Sorensen, Math. Programming 16 (1979)) lets the search leave a stationary point, where
/// `φ'(0) = 0`. There the length of the direction means nothing, so the step is doubled or halved for as long as values
/// fall. Otherwise a step that fails is shortened by the minimiser of the parabola through `φ(0)`, `φ'(0)`, `φ(a)`, kept
/// within `[0.1a, 0.5a]`; one of non-finite value to a fifth.
///
/// Where the change of value may be rounding, the search asks for the slope and decides by the approximate Wolfe
/// conditions.
///
/// Defaults: `c₁ = 10⁻⁴`, 60 evaluations. Use it where the first step is usually right and gradients are dear.
///
/// # Example
///
/// ```
/// use dualtape_optimizers::{Armijo, Error, Line, Origin};
///
/// struct Parabola; // φ(a) = (a − 1)²
/// impl Line<f64> for Parabola {
///     fn value(&mut self, a: f64) -> Result<f64, Error> {
///         Ok((a - 1.0) * (a - 1.0))
///     }
///     fn value_and_slope(&mut self, a: f64) -> Result<(f64, f64), Error> {
///         Ok(((a - 1.0) * (a - 1.0), 2.0 * (a - 1.0)))
///     }
/// }
/// let accepted = Armijo::default().search(&mut Parabola, Origin::descent(1.0, -2.0), 8.0)?;
/// assert!(accepted.is_ok_and(|a| a.value < 1.0));
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Armijo<S> {
    /// `c₁`.
    pub sufficient_decrease: S,
    /// Evaluations allowed.
    pub max_evaluations: usize,
}

impl<S: Real> Default for Armijo<S> {
    fn default() -> Self {
        Armijo { sufficient_decrease: S::constant(1e-4), max_evaluations: 60 }
    }
}

impl<S: Real> Armijo<S> {
    /// Slope condition of the approximate Wolfe test.
    const CURVATURE: f64 = 0.9;

    pub(crate) fn check(&self) -> Result<(), Error> {
        check_wolfe(self.sufficient_decrease, S::constant(Self::CURVATURE))
    }

    /// Searches from the trial step `first`. `Ok(Err(_))` says why no step was found.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] for unusable constants or a first step that is not positive, and those of the evaluations.
    pub fn search(
        &self,
        line: &mut dyn Line<S>,
        origin: Origin<S>,
        first: S,
    ) -> Result<Result<Accepted<S>, LineSearchFailure>, Error> {
        self.check()?;
        check_first(first)?;
        if !origin.decreases() {
            return Ok(Err(LineSearchFailure::NotDescent));
        }
        let mut a = first;
        let mut failure = LineSearchFailure::NonFinite;
        for evaluation in 1..=self.max_evaluations {
            let value = line.value(a)?;
            let change = value - origin.value;
            // −∞ is outside the domain.
            let lower = change.is_finite() && change < -origin.rounding();
            if lower && change <= self.required(&origin, a) {
                let accepted = Accepted { step: a, value, condition: Condition::Armijo };
                let left = self.max_evaluations - evaluation;
                return self.improve(line, &origin, accepted, left).map(Ok);
            }
            if change.abs() <= origin.noise() {
                failure = LineSearchFailure::Rounding;
                if let Some(accepted) = self.judge_by_slope(line, &origin, a)? {
                    return Ok(Ok(accepted));
                }
            } else if change.is_finite() {
                failure = LineSearchFailure::TooManyEvaluations;
            }
            a *= shrink(&origin, a, change);
        }
        Ok(Err(failure))
    }

    /// The change of value that is good enough, `≤ 0`.
    fn required(&self, origin: &Origin<S>, a: S) -> S {
        let half = S::constant(0.5);
        let curvature = origin.curvature.min(S::zero());
        self.sufficient_decrease * a * (origin.slope + half * a * curvature)
    }

    fn judge_by_slope(
        &self,
        line: &mut dyn Line<S>,
        origin: &Origin<S>,
        a: S,
    ) -> Result<Option<Accepted<S>>, Error> {
        let (value, slope) = line.value_and_slope(a)?;
        let curvature = S::constant(Self::CURVATURE);
        let good = origin.approximate_wolfe(self.sufficient_decrease, curvature, a, value, slope);
        Ok(good.then_some(Accepted { step: a, value, condition: Condition::ApproximateWolfe }))
    }

    /// Along negative curvature, doubles the step for as long as that pays, or else halves it.
    fn improve(
        &self,
        line: &mut dyn Line<S>,
        origin: &Origin<S>,
        mut accepted: Accepted<S>,
        evaluations: usize,
    ) -> Result<Accepted<S>, Error> {
        if origin.curvature >= S::zero() {
            return Ok(accepted);
        }
        let first = accepted.step;
        let (double, half) = (S::constant(2.0), S::constant(0.5));
        let mut factor = double;
        for _ in 0..evaluations {
            let step = factor * accepted.step;
            let value = line.value(step)?;
            let sufficient = value - origin.value <= self.required(origin, step);
            if value.is_finite() && value < accepted.value && sufficient {
                accepted = Accepted { step, value, ..accepted };
            } else if factor == double && accepted.step == first {
                factor = half;
            } else {
                break;
            }
        }
        Ok(accepted)
    }
}

/// The factor by which to shorten a step that changed the value by `change`.
fn shrink<S: Real>(origin: &Origin<S>, a: S, change: S) -> S {
    if !change.is_finite() {
        return S::constant(0.2);
    }
    if origin.curvature < S::zero() {
        return S::constant(0.5);
    }
    let minimizer = -origin.slope * a / (S::constant(2.0) * (change - origin.slope * a));
    if minimizer.is_finite() {
        minimizer.max(S::constant(0.1)).min(S::constant(0.5))
    } else {
        S::constant(0.5)
    }
}

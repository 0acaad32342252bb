//! The line search of Hager and Zhang.

use std::convert::Infallible;

use dualtape_autodiff::Real;

use super::line::{Accepted, Condition, Line, LineSearchFailure, Origin, check_first, check_wolfe};
use crate::check::{require, require_count};
use crate::error::Error;

/// A step that satisfies the Wolfe conditions or, near a minimum, the *approximate* ones (Hager & Zhang, SIAM J. Optim.
/// 16 (2005), §4; ACM TOMS 32 (2006), algorithm 851):
///
/// ```text
/// T1   φ(a) ≤ φ(0) + δ a φ'(0)     and   φ'(a) ≥ σ φ'(0)
/// T2   (2δ − 1) φ'(0) ≥ φ'(a) ≥ σ φ'(0)   and   φ(a) ≤ φ(0) + ε_k
/// ```
///
/// T2 is T1 for the parabola through `φ(0)`, `φ'(0)` and `φ'(a)`. It compares slopes instead of values, whose difference near
/// a minimum is rounding: the search reaches points that are accurate to `ε`, where T1 alone stops at `√ε`.
///
/// An interval `[a, b]` with `φ(a) ≤ φ(0) + ε_k`, `φ'(a) < 0 ≤ φ'(b)` is shortened by two secant steps at a time, one from
/// each side, and bisected when they are slow.
///
/// Beyond the paper: `ε_k = ε max(|φ(0)|, a₁|φ'(0)|)` with the first trial `a₁`, so that a value of 0 at the start leaves room
/// for rounding; a trial without a finite value becomes an upper bound of the step; and when neither T1 nor T2 can be
/// reached, the best step with sufficient decrease is returned as [`Condition::Armijo`].
///
/// Defaults, the paper's: `δ = 0.1`, `σ = 0.9`, `ε = 10⁻⁶`, expansion `ρ = 5`, shrinking `γ = ⅔`, bisection `θ = ½`; 60
/// evaluations. Use it with quasi-Newton methods and nonlinear conjugate gradients, and where high accuracy is asked for.
///
/// # Example
///
/// ```
/// use dualtape_optimizers::{Error, HagerZhang, Line, Origin};
///
/// struct Quartic; // φ(a) = (a − 2)⁴
/// impl Line<f64> for Quartic {
///     fn value(&mut self, a: f64) -> Result<f64, Error> {
///         Ok((a - 2.0).powi(4))
///     }
///     fn value_and_slope(&mut self, a: f64) -> Result<(f64, f64), Error> {
///         Ok(((a - 2.0).powi(4), 4.0 * (a - 2.0).powi(3)))
///     }
/// }
/// let search = HagerZhang { curvature_condition: 0.1, ..HagerZhang::default() };
/// let step = search.search(&mut Quartic, Origin::descent(16.0, -32.0), 1e-3)?.unwrap();
/// assert!(step.step > 1.0 && step.value < 2.0);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HagerZhang<S> {
    /// `δ`.
    pub sufficient_decrease: S,
    /// `σ`.
    pub curvature_condition: S,
    /// `ε`: the relative error of values.
    pub value_error: S,
    /// `ρ > 1`: how fast the step grows until a minimum is bracketed.
    pub expansion: S,
    /// `γ`: the interval is bisected unless it shrinks by this factor.
    pub shrinking: S,
    /// Evaluations allowed.
    pub max_evaluations: usize,
}

impl<S: Real> Default for HagerZhang<S> {
    fn default() -> Self {
        HagerZhang {
            sufficient_decrease: S::constant(0.1),
            curvature_condition: S::constant(0.9),
            value_error: S::constant(1e-6).max(S::constant(10.0) * S::epsilon()),
            expansion: S::constant(5.0),
            shrinking: S::constant(2.0 / 3.0),
            max_evaluations: 60,
        }
    }
}

impl<S: Real> HagerZhang<S> {
    pub(crate) fn check(&self) -> Result<(), Error> {
        check_wolfe(self.sufficient_decrease, self.curvature_condition)?;
        require("value_error", self.value_error, "in [0, 1)", |e| (0.0..1.0).contains(&e))?;
        require("expansion", self.expansion, "above 1", |r| r > 1.0)?;
        require("shrinking", self.shrinking, "in (0, 1)", |g| g > 0.0 && g < 1.0)?;
        require_count("max_evaluations", self.max_evaluations)
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
        if origin.slope >= S::zero() || origin.slope.is_nan() {
            return Ok(Err(LineSearchFailure::NotDescent));
        }
        let scale = origin.value.abs().max(first * origin.slope.abs());
        let mut course = Course {
            settings: self,
            line,
            origin,
            limit: origin.value + self.value_error * scale,
            evaluations_left: self.max_evaluations,
            fallback: None,
            failure: LineSearchFailure::NonFinite,
        };
        let Err(exit) = course.follow(first);
        match exit {
            Exit::Found(accepted) => Ok(Ok(accepted)),
            Exit::GaveUp(failure) => Ok(course.fallback.ok_or(failure)),
            Exit::Refused(error) => Err(error),
        }
    }
}

/// How a search ends, from whatever depth.
enum Exit<S> {
    Found(Accepted<S>),
    GaveUp(LineSearchFailure),
    Refused(Error),
}

/// A trial: its step and its slope, which is NaN if value or slope are not finite.
#[derive(Debug, Clone, Copy)]
struct Trial<S> {
    step: S,
    slope: S,
    /// `φ ≤ φ(0) + ε_k`.
    low: bool,
}

/// `φ(a) ≤ φ(0) + ε_k` and `φ'(a) < 0 ≤ φ'(b)`.
#[derive(Debug, Clone, Copy)]
struct Bracket<S> {
    a: Trial<S>,
    b: Trial<S>,
}

impl<S: Real> Bracket<S> {
    fn width(&self) -> S {
        self.b.step - self.a.step
    }
}

/// The zero of the line through two slopes.
fn secant<S: Real>(p: Trial<S>, q: Trial<S>) -> S {
    (p.step * q.slope - q.step * p.slope) / (q.slope - p.slope)
}

/// A search under way.
struct Course<'l, S: Real> {
    settings: &'l HagerZhang<S>,
    line: &'l mut dyn Line<S>,
    origin: Origin<S>,
    /// `φ(0) + ε_k`.
    limit: S,
    evaluations_left: usize,
    /// The lowest step with sufficient decrease.
    fallback: Option<Accepted<S>>,
    failure: LineSearchFailure,
}

impl<S: Real> Course<'_, S> {
    /// Steps L1 to L3 of the paper; ends through an [`Exit`].
    fn follow(&mut self, first: S) -> Result<Infallible, Exit<S>> {
        let mut bracket = self.bracket(first)?;
        loop {
            let left = self.evaluations_left;
            let mut next = self.double_secant(bracket)?;
            if next.width() > self.settings.shrinking * bracket.width() {
                let middle = S::constant(0.5) * (next.a.step + next.b.step);
                next = self.update(next, middle)?;
            }
            // Two points that secants and bisection cannot get between.
            let stuck = self.evaluations_left == left;
            if stuck || next.width() <= S::epsilon() * next.b.step {
                return Err(Exit::GaveUp(LineSearchFailure::Rounding));
            }
            bracket = next;
        }
    }

    /// Evaluates a trial and ends the search if it is good.
    fn try_step(&mut self, step: S) -> Result<Trial<S>, Exit<S>> {
        if self.evaluations_left == 0 {
            return Err(Exit::GaveUp(self.failure));
        }
        self.evaluations_left -= 1;
        let (value, slope) = self.line.value_and_slope(step).map_err(Exit::Refused)?;
        if !(value.is_finite() && slope.is_finite()) {
            return Ok(Trial { step, slope: S::nan(), low: false });
        }
        self.failure = LineSearchFailure::TooManyEvaluations;
        if let Some(condition) = self.judge(step, value, slope) {
            return Err(Exit::Found(Accepted { step, value, condition }));
        }
        let (start, c1) = (&self.origin, self.settings.sufficient_decrease);
        let change = value - start.value;
        let lowest = self.fallback.is_none_or(|best| value < best.value);
        if change <= c1 * step * start.slope && change < -start.rounding() && lowest {
            self.fallback = Some(Accepted { step, value, condition: Condition::Armijo });
        }
        Ok(Trial { step, slope, low: value <= self.limit })
    }

    fn judge(&self, step: S, value: S, slope: S) -> Option<Condition> {
        let (c1, c2) = (self.settings.sufficient_decrease, self.settings.curvature_condition);
        let start = &self.origin;
        if slope < c2 * start.slope {
            return None;
        }
        // A decrease that may be rounding is left to the slopes.
        let change = value - start.value;
        if change <= c1 * step * start.slope && change < -start.rounding() {
            return Some(Condition::Wolfe);
        }
        let flat = slope <= (c1 + c1 - S::one()) * start.slope;
        (flat && value <= self.limit).then_some(Condition::ApproximateWolfe)
    }

    /// Steps B0 to B3: goes on until a minimum is bracketed.
    fn bracket(&mut self, first: S) -> Result<Bracket<S>, Exit<S>> {
        let mut a = Trial { step: S::zero(), slope: self.origin.slope, low: true };
        let mut wall = S::infinity();
        let mut step = first;
        loop {
            let trial = self.try_step(step)?;
            if trial.slope.is_nan() {
                wall = step;
                step = a.step + S::constant(0.1) * (step - a.step);
            } else if trial.slope >= S::zero() {
                return Ok(Bracket { a, b: trial });
            } else if !trial.low {
                return self.bisect(a, step);
            } else {
                a = trial;
                // Never onto the wall, but ever closer to it.
                step = (self.settings.expansion * step).min(S::constant(0.5) * (step + wall));
            }
            if step <= a.step || !step.is_finite() {
                return Err(Exit::GaveUp(LineSearchFailure::Rounding));
            }
        }
    }

    /// Step U3: bisection between a good point that leads down and one that is too high (or has no value).
    fn bisect(&mut self, mut a: Trial<S>, mut high: S) -> Result<Bracket<S>, Exit<S>> {
        loop {
            let middle = S::constant(0.5) * (a.step + high);
            if middle <= a.step || middle >= high {
                return Err(Exit::GaveUp(LineSearchFailure::Rounding));
            }
            let trial = self.try_step(middle)?;
            if trial.slope >= S::zero() {
                return Ok(Bracket { a, b: trial });
            }
            if trial.slope < S::zero() && trial.low {
                a = trial;
            } else {
                high = middle;
            }
        }
    }

    /// Steps U0 to U3: shortens the interval at `c`, if `c` lies inside.
    fn update(&mut self, bracket: Bracket<S>, c: S) -> Result<Bracket<S>, Exit<S>> {
        if !(c > bracket.a.step && c < bracket.b.step) {
            return Ok(bracket);
        }
        let trial = self.try_step(c)?;
        if trial.slope >= S::zero() {
            return Ok(Bracket { b: trial, ..bracket });
        }
        if trial.slope < S::zero() && trial.low {
            return Ok(Bracket { a: trial, ..bracket });
        }
        self.bisect(bracket.a, c)
    }

    /// Steps S1 to S4: a secant step, and one more on the side where it landed.
    fn double_secant(&mut self, old: Bracket<S>) -> Result<Bracket<S>, Exit<S>> {
        let c = secant(old.a, old.b);
        let new = self.update(old, c)?;
        if new.b.step == c {
            self.update(new, secant(old.b, new.b))
        } else if new.a.step == c {
            self.update(new, secant(old.a, new.a))
        } else {
            Ok(new)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `φ` given by a closure returning value and slope.
    struct Given<F>(F, usize);

    impl<F: Fn(f64) -> (f64, f64)> Line<f64> for Given<F> {
        fn value(&mut self, a: f64) -> Result<f64, Error> {
            Ok(self.value_and_slope(a)?.0)
        }
        fn value_and_slope(&mut self, a: f64) -> Result<(f64, f64), Error> {
            self.1 += 1;
            Ok((self.0)(a))
        }
    }

    type Found = Result<Accepted<f64>, LineSearchFailure>;

    fn run(
        phi: impl Fn(f64) -> (f64, f64),
        curvature_condition: f64,
        first: f64,
    ) -> (Found, usize) {
        let (value, slope) = phi(0.0);
        let mut line = Given(phi, 0);
        let search = HagerZhang { curvature_condition, ..HagerZhang::default() };
        (search.search(&mut line, Origin::descent(value, slope), first).unwrap(), line.1)
    }

    #[test]
    fn secants_find_the_minimum_of_a_parabola_at_once() {
        let phi = |a: f64| (3.0 + (a - 0.7).powi(2), 2.0 * (a - 0.7));
        let (found, evaluations) = run(phi, 0.1, 9.0);
        assert_eq!(evaluations, 2);
        assert!((found.unwrap().step - 0.7).abs() < 1e-12);
    }

    #[test]
    fn steps_back_from_where_the_function_does_not_exist() {
        let phi = |a: f64| (-(1.0 - a).ln() - 3.0 * a, 1.0 / (1.0 - a) - 3.0);
        for first in [0.5, 1.0, 1.5, 1e6] {
            let accepted = run(phi, 0.1, first).0.unwrap();
            assert!((accepted.step - 2.0 / 3.0).abs() < 0.1, "from {first}: {accepted:?}");
        }
    }

    /// The minimum of `1 + 10⁻¹⁶ (a − 1)²`, whose values are all 1 but for a few rounding errors.
    #[test]
    fn slopes_find_a_minimum_that_values_cannot_tell() {
        let phi = |a: f64| (1.0 + 1e-16 * (a - 1.0).powi(2), 2e-16 * (a - 1.0));
        let accepted = run(phi, 0.1, 30.0).0.unwrap();
        assert!((accepted.step - 1.0).abs() < 1e-6, "{accepted:?}");
        assert_eq!(accepted.condition, Condition::ApproximateWolfe);
    }

    /// A difference of large numbers: 0 at the start, and rounding of the size of `10⁻¹⁶ · 10⁴`.
    #[test]
    fn a_value_of_zero_leaves_room_for_rounding() {
        let phi = |a: f64| ((1e4 + 1e-8 * a * (a - 2.0)) - 1e4, 2e-8 * (a - 1.0));
        assert!(phi(0.0).0 == 0.0);
        let accepted = run(phi, 0.1, 7.0).0.unwrap();
        assert!((accepted.step - 1.0).abs() <= 0.1, "{accepted:?}");
    }

    /// The narrowest bracket that numbers allow is not small beside its ends.
    #[test]
    fn a_bracket_of_subnormal_steps_comes_to_an_end() {
        let phi = |a: f64| (1.0, if a < 1.2e-323 { -1.0 } else { 1.0 });
        let (found, evaluations) = run(phi, 0.9, 1e-322);
        assert_eq!(found.unwrap_err(), LineSearchFailure::Rounding);
        assert!(evaluations < 20, "{evaluations}");
    }

    #[test]
    fn failures_are_told_apart() {
        assert_eq!(run(|a| (a, 1.0), 0.9, 1.0).0, Err(LineSearchFailure::NotDescent));
        let wall = |a: f64| if a > 0.0 { (f64::NAN, f64::NAN) } else { (0.0, -1.0) };
        assert_eq!(run(wall, 0.9, 1.0).0, Err(LineSearchFailure::NonFinite));
        let lie = |a: f64| if a > 0.0 { (1.0 + a, 1.0) } else { (1.0, -1.0) };
        assert!(run(lie, 0.9, 1.0).0.is_err());
        let endless = |a: f64| (-a, -1.0);
        assert_eq!(run(endless, 0.5, 1.0).0.unwrap().condition, Condition::Armijo);
    }
}

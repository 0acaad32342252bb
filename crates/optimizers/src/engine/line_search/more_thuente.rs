//! The line search of Moré and Thuente.

use dualtape_autodiff::Real;

use super::line::{Accepted, Condition, Line, LineSearchFailure, Origin, check_first, check_wolfe};
use crate::check::require;
use crate::error::Error;

/// A step that satisfies the strong Wolfe conditions (Moré & Thuente, ACM TOMS 20 (1994)):
///
/// ```text
/// φ(a) ≤ φ(0) + c₁ a φ'(0)   and   |φ'(a)| ≤ c₂ |φ'(0)|
/// ```
///
/// The search keeps an interval that contains such steps and chooses trial points by safeguarded cubic and quadratic
/// interpolation; stage 1 works on `ψ(a) = φ(a) − φ(0) − c₁ a φ'(0)`.
///
/// Beyond the paper: a non-finite trial becomes an upper bound of the step, and the approximate Wolfe conditions of
/// Hager & Zhang (2005) are accepted where values differ by rounding only. When neither can be reached, the best step
/// with sufficient decrease is returned as [`Condition::Armijo`].
///
/// Defaults: `c₁ = 10⁻⁴`, `c₂ = 0.9` (quasi-Newton; take 0.1 for nonlinear conjugate gradients), relative width of the
/// interval at least 10 rounding errors, steps up to `√MAX` (any number would be one in some units), 60 evaluations.
///
/// # Example
///
/// ```
/// use dualtape_optimizers::{Condition, Error, Line, MoreThuente, Origin};
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
/// let search = MoreThuente { curvature_condition: 0.01, ..MoreThuente::default() };
/// let step = search.search(&mut Quartic, Origin::descent(16.0, -32.0), 1e-3)?.unwrap();
/// assert_eq!(step.condition, Condition::StrongWolfe);
/// assert!((step.step - 2.0).abs() < 0.5);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MoreThuente<S> {
    /// `c₁`.
    pub sufficient_decrease: S,
    /// `c₂`.
    pub curvature_condition: S,
    /// Relative width of the interval at which to give up.
    pub interval_tolerance: S,
    /// The longest step allowed.
    pub max_step: S,
    /// Evaluations allowed.
    pub max_evaluations: usize,
}

impl<S: Real> Default for MoreThuente<S> {
    fn default() -> Self {
        MoreThuente {
            sufficient_decrease: S::constant(1e-4),
            curvature_condition: S::constant(0.9),
            interval_tolerance: S::constant(10.0) * S::epsilon(),
            max_step: S::max_value().sqrt(),
            max_evaluations: 60,
        }
    }
}

/// A point of `φ` or `ψ`.
#[derive(Debug, Clone, Copy)]
struct Point<S> {
    step: S,
    value: S,
    slope: S,
}

impl<S: Real> Point<S> {
    /// With the value of `other` if the two differ by rounding only: then the slopes are to tell where the minimum lies.
    fn seen_from(self, other: &Self, rounding: S) -> Self {
        let equal = (self.value - other.value).abs() <= rounding;
        Point { value: if equal { other.value } else { self.value }, ..self }
    }

    /// The same point of `φ(a) − a·m`.
    fn tilted(self, m: S) -> Self {
        Point { step: self.step, value: self.value - self.step * m, slope: self.slope - m }
    }
}

/// The interval of uncertainty.
#[derive(Debug, Clone, Copy)]
struct Interval<S> {
    /// The endpoint of least value.
    best: Point<S>,
    other: Point<S>,
    bracketed: bool,
    /// Trial steps must lie within these.
    low: S,
    high: S,
    /// Lengths of the interval one and two trials ago.
    width: S,
    previous_width: S,
}

impl<S: Real> MoreThuente<S> {
    pub(crate) fn check(&self) -> Result<(), Error> {
        check_wolfe(self.sufficient_decrease, self.curvature_condition)?;
        require("interval_tolerance", self.interval_tolerance, "in [0, 1)", |t| {
            (0.0..1.0).contains(&t)
        })?;
        require("max_step", self.max_step, "positive", |s| s > 0.0)
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
        let test_slope = self.sufficient_decrease * origin.slope;
        let mut max_step = self.max_step;
        let mut interval = Interval::new(origin, max_step, first);
        let mut first_stage = true;
        let mut failure = LineSearchFailure::NonFinite;
        let mut a = first.min(max_step);
        for _ in 0..self.max_evaluations {
            let (value, slope) = line.value_and_slope(a)?;
            if !(value.is_finite() && slope.is_finite()) {
                max_step = interval.best.step + S::constant(0.95) * (a - interval.best.step);
                a = interval.retreat(a);
                continue;
            }
            let trial = Point { step: a, value, slope };
            if let Some(condition) = self.judge(&origin, &trial) {
                return Ok(Ok(Accepted { step: a, value, condition }));
            }
            failure = LineSearchFailure::TooManyEvaluations;
            let bound = origin.value + a * test_slope;
            if a >= max_step && value <= bound && slope <= test_slope {
                return Ok(Ok(Accepted { step: a, value, condition: Condition::Armijo }));
            }
            first_stage &= value > bound || slope < S::zero();
            let tilt = if first_stage && value <= interval.best.value && value > bound {
                test_slope
            } else {
                S::zero()
            };
            a = interval.update(trial.seen_from(&interval.best, origin.rounding()), tilt, max_step);
            if interval.exhausted(a, self.interval_tolerance) {
                failure = LineSearchFailure::Rounding;
                break;
            }
        }
        Ok(self.fall_back(&origin, &interval).ok_or(failure))
    }

    fn judge(&self, origin: &Origin<S>, p: &Point<S>) -> Option<Condition> {
        let (c1, c2) = (self.sufficient_decrease, self.curvature_condition);
        if p.value <= origin.value + c1 * p.step * origin.slope
            && p.slope.abs() <= -c2 * origin.slope
        {
            return Some(Condition::StrongWolfe);
        }
        origin
            .approximate_wolfe(c1, c2, p.step, p.value, p.slope)
            .then_some(Condition::ApproximateWolfe)
    }

    /// The best point seen, if its value is sufficiently low.
    fn fall_back(&self, origin: &Origin<S>, interval: &Interval<S>) -> Option<Accepted<S>> {
        let Point { step, value, .. } = interval.best;
        let change = value - origin.value;
        let sufficient =
            change <= self.sufficient_decrease * step * origin.slope && change < -origin.rounding();
        (step > S::zero() && sufficient).then_some(Accepted {
            step,
            value,
            condition: Condition::Armijo,
        })
    }
}

impl<S: Real> Interval<S> {
    fn new(origin: Origin<S>, max_step: S, first: S) -> Self {
        let start = Point { step: S::zero(), value: origin.value, slope: origin.slope };
        Interval {
            best: start,
            other: start,
            bracketed: false,
            low: S::zero(),
            high: first + S::constant(4.0) * first,
            width: max_step,
            previous_width: max_step + max_step,
        }
    }

    /// The next trial after `a` had no finite value: back towards the best point.
    fn retreat(&mut self, a: S) -> S {
        let next = self.best.step + S::constant(0.2) * (a - self.best.step);
        self.high = a;
        next
    }

    /// Takes in a trial point, and returns the next trial step. `tilt` is the slope subtracted in stage 1.
    fn update(&mut self, trial: Point<S>, tilt: S, max_step: S) -> S {
        let (best, other, p) =
            (self.best.tilted(tilt), self.other.tilted(tilt), trial.tilted(tilt));
        let (mut next, bracketed) = trial_step(best, other, p, self.bracketed, self.low, self.high);
        if p.value > best.value {
            self.other = trial;
        } else {
            if p.slope * best.slope.signum() < S::zero() {
                self.other = self.best;
            }
            self.best = trial;
        }
        self.bracketed = bracketed;
        let (x, y) = (self.best.step, self.other.step);
        if self.bracketed {
            // A bisection whenever two trials have not shortened the interval by a third.
            if (y - x).abs() >= S::constant(0.66) * self.previous_width {
                next = x + S::constant(0.5) * (y - x);
            }
            (self.previous_width, self.width) = (self.width, (y - x).abs());
            (self.low, self.high) = (x.min(y), x.max(y));
        } else {
            self.low = next + S::constant(1.1) * (next - x);
            self.high = next + S::constant(4.0) * (next - x);
        }
        next.max(S::zero()).min(max_step)
    }

    /// Whether rounding leaves no room for the trial `a`.
    fn exhausted(&self, a: S, tolerance: S) -> bool {
        self.bracketed
            && (a <= self.low || a >= self.high || self.high - self.low <= tolerance * self.high)
    }
}

/// The safeguarded trial step, and whether a minimiser is now bracketed (Moré & Thuente, §4, cases 1 to 4).
fn trial_step<S: Real>(
    x: Point<S>,
    y: Point<S>,
    p: Point<S>,
    bracketed: bool,
    low: S,
    high: S,
) -> (S, bool) {
    let half = S::constant(0.5);
    let opposite = p.slope * x.slope.signum() < S::zero();
    let step = |r: S| p.step + r * (x.step - p.step);
    let secant = step(p.slope / (p.slope - x.slope));
    if p.value > x.value {
        let cubic = cubic_minimizer(x, p, false).map_or(p.step, |r| x.step + r * (p.step - x.step));
        let ratio = x.slope / ((x.value - p.value) / (p.step - x.step) + x.slope);
        let quadratic = x.step + half * ratio * (p.step - x.step);
        let cubic_is_closer = (cubic - x.step).abs() < (quadratic - x.step).abs();
        (if cubic_is_closer { cubic } else { cubic + half * (quadratic - cubic) }, true)
    } else if opposite {
        let cubic = cubic_minimizer(p, x, false).map_or(secant, step);
        let cubic_is_farther = (cubic - p.step).abs() > (secant - p.step).abs();
        (if cubic_is_farther { cubic } else { secant }, true)
    } else if p.slope.abs() < x.slope.abs() {
        let beyond = if p.step > x.step { high } else { low };
        let cubic = cubic_minimizer(p, x, true).filter(|&r| r < S::zero()).map_or(beyond, step);
        let cubic_is_closer = (cubic - p.step).abs() < (secant - p.step).abs();
        if bracketed {
            let next = if cubic_is_closer { cubic } else { secant };
            let guard = p.step + S::constant(0.66) * (y.step - p.step);
            (if p.step > x.step { next.min(guard) } else { next.max(guard) }, true)
        } else {
            let next = if cubic_is_closer { secant } else { cubic };
            (next.max(low).min(high), false)
        }
    } else if bracketed {
        (
            cubic_minimizer(p, y, false)
                .map_or(half * (p.step + y.step), |r| p.step + r * (y.step - p.step)),
            true,
        )
    } else {
        (if p.step > x.step { high } else { low }, false)
    }
}

/// The `r` for which `a.step + r (b.step − a.step)` minimises the cubic through the values and slopes of `a` and `b`.
///
/// With `strict`, only a proper minimiser; otherwise a discriminant that rounding made negative counts as zero.
fn cubic_minimizer<S: Real>(a: Point<S>, b: Point<S>, strict: bool) -> Option<S> {
    let length = b.step - a.step;
    let theta = S::constant(3.0) * (a.value - b.value) / length + a.slope + b.slope;
    let size = theta.abs().max(a.slope.abs()).max(b.slope.abs());
    let square = (theta / size) * (theta / size) - (a.slope / size) * (b.slope / size);
    if strict && square <= S::zero() {
        return None;
    }
    let gamma = size * square.max(S::zero()).sqrt() * length.signum();
    let r = (gamma - a.slope + theta) / (gamma - a.slope + gamma + b.slope);
    r.is_finite().then_some(r)
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

    fn run(
        phi: impl Fn(f64) -> (f64, f64),
        c1: f64,
        c2: f64,
        first: f64,
    ) -> (Result<Accepted<f64>, LineSearchFailure>, usize) {
        let (value, slope) = phi(0.0);
        let mut line = Given(phi, 0);
        let search = MoreThuente {
            sufficient_decrease: c1,
            curvature_condition: c2,
            max_step: 1e10,
            ..MoreThuente::default()
        };
        (search.search(&mut line, Origin::descent(value, slope), first).unwrap(), line.1)
    }

    /// Problem (5.1) of the paper, `β = 2`: Table I gives the number of evaluations and the step from each start.
    #[test]
    fn first_problem_of_the_paper() {
        let phi = |a: f64| (-a / (a * a + 2.0), (a * a - 2.0) / (a * a + 2.0).powi(2));
        for (first, evaluations, step) in
            [(1e-3, 6, 1.4), (1e-1, 3, 1.4), (10.0, 1, 10.0), (1e3, 4, 37.0)]
        {
            let (accepted, count) = run(phi, 1e-3, 0.1, first);
            let accepted = accepted.unwrap();
            assert_eq!(count, evaluations, "from {first}: {accepted:?}");
            assert!((accepted.step - step).abs() < 0.05 * step, "from {first}: {accepted:?}");
        }
    }

    /// Problem (5.2), `β = 0.004`: Table II.
    #[test]
    fn second_problem_of_the_paper() {
        let phi = |a: f64| {
            let t = a + 0.004;
            (t.powi(5) - 2.0 * t.powi(4), 5.0 * t.powi(4) - 8.0 * t.powi(3))
        };
        for (first, evaluations) in [(1e-3, 12), (1e-1, 8), (10.0, 8), (1e3, 11)] {
            let (accepted, count) = run(phi, 0.1, 0.1, first);
            assert_eq!(count, evaluations, "from {first}");
            assert!((accepted.unwrap().step - 1.6).abs() < 0.05, "from {first}");
        }
    }

    #[test]
    fn steps_back_from_where_the_function_does_not_exist() {
        let phi = |a: f64| (-(1.0 - a).ln() - 3.0 * a, 1.0 / (1.0 - a) - 3.0);
        for first in [0.5, 1.0, 1.5, 1e6] {
            let accepted = run(phi, 1e-4, 0.1, first).0.unwrap();
            assert_eq!(accepted.condition, Condition::StrongWolfe);
            assert!((accepted.step - 2.0 / 3.0).abs() < 0.1, "from {first}: {accepted:?}");
        }
    }

    #[test]
    fn failures_are_told_apart() {
        assert_eq!(run(|a| (a, 1.0), 1e-4, 0.9, 1.0).0, Err(LineSearchFailure::NotDescent));
        let wall = |a: f64| if a > 0.0 { (f64::NAN, f64::NAN) } else { (0.0, -1.0) };
        assert_eq!(run(wall, 1e-4, 0.9, 1.0).0, Err(LineSearchFailure::NonFinite));
        let lie = |a: f64| if a > 0.0 { (1.0 + a, 1.0) } else { (1.0, -1.0) };
        assert!(run(lie, 1e-4, 0.9, 1.0).0.is_err());
    }

    #[test]
    fn a_falling_line_ends_at_the_longest_step() {
        let accepted = run(|a| (-a, -1.0), 1e-4, 0.9, 1.0).0.unwrap();
        assert_eq!((accepted.step, accepted.condition), (1e10, Condition::Armijo));
    }
}

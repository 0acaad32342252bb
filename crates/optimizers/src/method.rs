//! The loop that all methods share: step while the gradient is large, look at curvature where it is not.

use dualtape_autodiff::compiled_here;

use crate::bounds::Bounds;
use crate::line_search::{Accepted, LineSearch, LineSearchFailure, Origin, Ray};
use crate::objective::{GradientAt, Known};
use crate::report::{SecondOrder, StopReason};
use crate::rounding;
use crate::run::{End, Ending, Run};
use crate::step_limit::{UpTo, limited};
use crate::vector::{dot, norm_inf};
use crate::verdict::{Examined, Verdict};
use crate::{Counted, Error, Linearized, Objective, Real};

/// A point with what is known of the objective there.
pub(crate) struct Here<'a, 'p, S: Real> {
    pub(crate) objective: &'a Counted<'a, S>,
    pub(crate) x: &'p [S],
    /// For a method that needs no curvature, products with its Hessian linearise first.
    pub(crate) at: &'p dyn Linearized<S>,
}

/// A point to move to, with what its choice has already made known.
pub(crate) struct Step<'a, S: Real> {
    pub(crate) x: Vec<S>,
    pub(crate) known: Known<'a, S>,
}

/// The next point, or why there is none.
pub(crate) type Next<'a, S> = Result<Result<Step<'a, S>, StopReason>, Error>;

/// What distinguishes one method from another.
pub(crate) trait Method<S: Real> {
    /// Whether each point is linearised. A method that works with gradients alone says false, and its points are
    /// linearised only where curvature is asked for after all, as the check of the second-order conditions does.
    fn needs_curvature(&self) -> bool {
        true
    }

    /// Moves on from a point whose gradient is not small. A numerical fault may be returned as the error it is.
    fn advance<'a>(&mut self, here: &Here<'a, '_, S>, run: &Run<'_, '_, S>) -> Next<'a, S>;

    /// A test of stationarity of the method's own, made where the tests on the gradient are not met.
    fn stationary(&mut self, _here: &Here<'_, '_, S>) -> Result<Option<StopReason>, Error> {
        Ok(None)
    }

    /// Whether the method factors dense matrices of the order of the Hessian: then the check of the second-order
    /// conditions does so too, and else works with products alone.
    fn is_dense(&self) -> bool {
        false
    }

    /// The bounds that all points keep to. Stationarity, the certificate and the escape from saddles heed them.
    fn bounds(&self) -> Option<&Bounds<S>> {
        None
    }

    /// Whether to go on along negative curvature from a stationary point that is no minimum.
    fn escapes(&self) -> bool {
        true
    }

    /// Such a point was left: what was learnt of the curvature on the way to it may no longer hold.
    fn escaped(&mut self) {}
}

/// Runs a method from `x` to its end.
pub(crate) fn descend<S: Real>(
    method: &mut dyn Method<S>,
    objective: &Counted<'_, S>,
    run: &mut Run<'_, '_, S>,
    x: Vec<S>,
) -> Ending<S> {
    // For methods that a crate above puts together, compiled in this one.
    compiled_here!(
        descend_from,
        fn(&mut dyn Method<S>, &Counted<'_, S>, &mut Run<'_, '_, S>, Vec<S>) -> Ending<S>
    )(method, objective, run, x)
}

fn descend_from<S: Real>(
    method: &mut dyn Method<S>,
    objective: &Counted<'_, S>,
    run: &mut Run<'_, '_, S>,
    x: Vec<S>,
) -> Ending<S> {
    let mut step = Step { x, known: Known::Nothing };
    let mut verdict = Verdict::default();
    loop {
        let Step { x, known } = step;
        let at = evaluate(method, objective, &x, known)?;
        let here = Here { objective, x: &x, at: &*at };
        let gradient_norm = match method.bounds() {
            None => norm_inf(at.gradient()),
            Some(bounds) => bounds.projected_norm(&x, at.gradient()),
        };
        let stop = match run.observe(&x, at.value(), at.gradient(), gradient_norm)? {
            Some(stop) if stop.is_stationary() || stop == StopReason::NonFinite => Some(stop),
            other => method.stationary(&here)?.or(other),
        };
        let stop = match stop {
            Some(stop) if !(stop.is_stationary() || stop.is_stuck()) => {
                return Ok(End::at(stop, SecondOrder::NotStationary));
            }
            // A verdict in doubt waits for a smaller gradient.
            Some(stop) if stop.is_stationary() && verdict.waits(at.gradient(), run) => {
                match advance(method, &here, run)? {
                    Ok(next) => {
                        step = next;
                        continue;
                    }
                    Err(_) => stop,
                }
            }
            Some(stop) => stop,
            None => match advance(method, &here, run)? {
                Ok(next) => {
                    step = next;
                    continue;
                }
                Err(stop) => stop,
            },
        };
        let Some(stop) = stationary(stop, method, &here, run)? else {
            return Ok(End::at(stop, SecondOrder::NotStationary));
        };
        step = match verdict.examine(method, &here, run, stop)? {
            Examined::Final(end) => return Ok(end),
            Examined::Escape(next) => {
                method.escaped();
                Step { x: next, known: Known::Nothing }
            }
            Examined::Doubtful(end) => match advance(method, &here, run)? {
                Ok(next) => next,
                Err(_) => return Ok(end),
            },
        };
    }
}

/// Moves on. A numerical fault on the way is a reason to stop, and no error. A point of value −∞ is one outside the domain;
/// where no other is found, it tells why.
fn advance<'a, S: Real>(
    method: &mut dyn Method<S>,
    here: &Here<'a, '_, S>,
    run: &Run<'_, '_, S>,
) -> Next<'a, S> {
    here.objective.forget_minus_infinity();
    let next = method.advance(here, run).or_else(|error| StopReason::of_fault(error).map(Err))?;
    Ok(next.map_err(|stop| run.why(stop, here.at.value())))
}

/// The reason that makes a point count as stationary, if one does: where a method is stuck, rounding may be all that is left.
fn stationary<S: Real>(
    stop: StopReason,
    method: &dyn Method<S>,
    here: &Here<'_, '_, S>,
    run: &Run<'_, '_, S>,
) -> Result<Option<StopReason>, Error> {
    if stop.is_stationary() {
        return Ok(Some(stop));
    }
    let interrupted = || run.interrupted().is_some();
    let (bounds, dense) = (method.bounds(), method.is_dense());
    let rounding = stop.is_stuck() && rounding::hides_the_rest(here, bounds, dense, &interrupted)?;
    Ok(rounding.then_some(StopReason::Rounding))
}

/// What a method needs to know at a point, using what is known.
fn evaluate<'a, S: Real>(
    method: &dyn Method<S>,
    objective: &'a Counted<'_, S>,
    x: &[S],
    known: Known<'a, S>,
) -> Result<Box<dyn Linearized<S> + 'a>, Error> {
    match known {
        Known::Linearized(at) => Ok(at),
        _ if method.needs_curvature() => objective.linearize(x),
        Known::Gradient(value, gradient) => {
            Ok(Box::new(GradientAt::new(objective, x, value, gradient)))
        }
        Known::Nothing => {
            let mut gradient = vec![S::zero(); x.len()];
            let value = objective.value_and_gradient_into(x, &mut gradient)?;
            Ok(Box::new(GradientAt::new(objective, x, value, gradient)))
        }
    }
}

impl<'a, S: Real> Here<'a, '_, S> {
    /// The point that a line search along `direction` accepts, the first trial being `x + first · direction`.
    /// `curvature` is `dᵀ∇²f d` if it is negative and to be made use of, else 0.
    pub(crate) fn search(
        &self,
        line_search: &LineSearch<S>,
        direction: &[S],
        curvature: S,
        first: S,
    ) -> Next<'a, S> {
        let ray = Ray::new(self.objective, self.x, direction);
        self.follow(ray, line_search, self.origin(direction, curvature), first)
    }

    /// As [`search`](Here::search) from the whole direction, with no step beyond `longest · direction`.
    pub(crate) fn search_up_to(
        &self,
        line_search: &LineSearch<S>,
        direction: &[S],
        curvature: S,
        longest: S,
    ) -> Next<'a, S> {
        let mut ray = Ray::new(self.objective, self.x, direction);
        let mut line = UpTo { line: &mut ray, longest };
        let origin = self.origin(direction, curvature);
        let found = limited(line_search, longest).search(&mut line, origin, S::one())?;
        Ok(arrive(ray, found))
    }

    /// As [`search`](Here::search) along a descent direction, with every trial point projected onto the bounds.
    pub(crate) fn search_within(
        &self,
        line_search: &LineSearch<S>,
        direction: &[S],
        first: S,
        bounds: &Bounds<S>,
    ) -> Next<'a, S> {
        let ray = Ray::new(self.objective, self.x, direction).within(Some(bounds));
        self.follow(ray, line_search, self.origin(direction, S::zero()), first)
    }

    fn follow(
        &self,
        mut ray: Ray<'_, S>,
        line_search: &LineSearch<S>,
        origin: Origin<S>,
        first: S,
    ) -> Next<'a, S> {
        let found = line_search.search(&mut ray, origin, first)?;
        Ok(arrive(ray, found))
    }

    pub(crate) fn origin(&self, direction: &[S], curvature: S) -> Origin<S> {
        Origin { value: self.at.value(), slope: dot(self.at.gradient(), direction), curvature }
    }
}

/// The point at the end of a line search.
fn arrive<'k, S: Real>(
    ray: Ray<'_, S>,
    found: Result<Accepted<S>, LineSearchFailure>,
) -> Result<Step<'k, S>, StopReason> {
    match found {
        Ok(accepted) => {
            let (x, known) = ray.into_point(accepted.step);
            Ok(Step { x, known })
        }
        Err(failure) => Err(StopReason::LineSearch(failure)),
    }
}

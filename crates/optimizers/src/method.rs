//! The loop that all methods share: step while the gradient is large, look at curvature where it is not.

use crate::bounds::Bounds;
use crate::curvature::SmallestEigenvalue;
use crate::dense;
use crate::line_search::{Armijo, Condition, LineSearch, Origin, Ray};
use crate::objective::{GradientAt, Known};
use crate::report::{Curvature, CurvatureSource, Eigenpair, SecondOrder, StopReason};
use crate::run::{End, Ending, Run};
use crate::vector::{dot, norm, norm_inf};
use crate::{Counted, Error, LinearOperator, Linearized, Objective, Real};

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

    /// Moves on from a point whose gradient is not small.
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
    method: &mut impl Method<S>,
    objective: &Counted<'_, S>,
    run: &mut Run<'_, '_, S>,
    x: Vec<S>,
) -> Ending<S> {
    let mut step = Step { x, known: Known::Nothing };
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
        step = match stop {
            None => match method.advance(&here, run)? {
                Ok(next) => next,
                Err(stop) => return Ok(End::at(stop, SecondOrder::NotStationary)),
            },
            Some(stop) if stop.is_stationary() => match examine(method, &here, run, stop)? {
                Examined::Final(end) => return Ok(end),
                Examined::Escape(next) => {
                    method.escaped();
                    Step { x: next, known: Known::Nothing }
                }
            },
            Some(stop) => return Ok(End::at(stop, SecondOrder::NotStationary)),
        };
    }
}

/// What a method needs to know at a point, using what is known.
fn evaluate<'a, S: Real>(
    method: &impl Method<S>,
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
            let value = objective.value_and_gradient(x, &mut gradient)?;
            Ok(Box::new(GradientAt::new(objective, x, value, gradient)))
        }
    }
}

/// What the curvature at a stationary point means for the run.
enum Examined<S> {
    Final(End<S>),
    Escape(Vec<S>),
}

fn examine<S: Real>(
    method: &mut impl Method<S>,
    here: &Here<'_, '_, S>,
    run: &Run<'_, '_, S>,
    stop: StopReason,
) -> Result<Examined<S>, Error> {
    let interrupted = || run.interrupted().is_some();
    let unexamined = Ok(Examined::Final(End::at(stop, SecondOrder::NotExamined)));
    let Some(settings) = run.second_order_check().filter(|_| !interrupted()) else {
        return unexamined;
    };
    let smallest = smallest_eigenpair(method, here, settings, &interrupted)?;
    let Some((curvature, direction)) = smallest else { return unexamined };
    let second_order = SecondOrder::judge(curvature);
    let negative = matches!(second_order, SecondOrder::Indefinite(_));
    let mut stop = stop;
    if negative && method.escapes() {
        match run.limit() {
            Some(limit) => stop = limit,
            None => {
                if let Some(next) = here.escape(&direction, curvature.smallest, method.bounds())? {
                    return Ok(Examined::Escape(next));
                }
            }
        }
    }
    Ok(Examined::Final(End { stop, second_order, direction: Some(direction) }))
}

/// The smallest eigenvalue of the Hessian with its unit eigenvector, over the variables that lie on no bound; infinite if
/// there are none; `None` if the curvature is not finite.
fn smallest_eigenpair<S: Real>(
    method: &impl Method<S>,
    here: &Here<'_, '_, S>,
    settings: &SmallestEigenvalue<S>,
    interrupted: &dyn Fn() -> bool,
) -> Result<Option<Eigenpair<S>>, Error> {
    let hessian = here.at.hessian();
    let smallest_of = |hessian: &dyn LinearOperator<S>| {
        if method.is_dense() {
            dense::smallest_eigenpair(hessian, settings.tolerance)
        } else {
            settings.find(hessian, interrupted)
        }
    };
    let Some(free) = method.bounds().map(|bounds| bounds.free(here.x)) else {
        return smallest_of(hessian);
    };
    let among_all = |v: &[S]| {
        let mut whole = vec![S::zero(); here.x.len()];
        free.iter().zip(v).for_each(|(&i, &v)| whole[i] = v);
        whole
    };
    if free.is_empty() {
        let curvature = Curvature {
            smallest: S::infinity(),
            lower_bound: S::infinity(),
            tolerance: S::zero(),
            source: CurvatureSource::Eigenvalues,
        };
        return Ok(Some((curvature, among_all(&[]))));
    }
    let restricted = hessian.restricted(free.iter().copied())?;
    let smallest = smallest_of(&restricted)?;
    Ok(smallest.map(|(curvature, direction)| (curvature, among_all(&direction))))
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
        Ok(match found {
            Ok(accepted) => {
                let (x, known) = ray.into_point(accepted.step);
                Ok(Step { x, known })
            }
            Err(failure) => Err(StopReason::LineSearch(failure)),
        })
    }

    fn origin(&self, direction: &[S], curvature: S) -> Origin<S> {
        Origin { value: self.at.value(), slope: dot(self.at.gradient(), direction), curvature }
    }

    /// A lower point along an eigenvector of negative curvature, on the side that the gradient prefers.
    ///
    /// The first trial has the size of `x`, and in any case one whose effect on the value can be seen.
    fn escape(
        &self,
        eigenvector: &[S],
        eigenvalue: S,
        bounds: Option<&Bounds<S>>,
    ) -> Result<Option<Vec<S>>, Error> {
        let uphill = dot(self.at.gradient(), eigenvector) > S::zero();
        let visible = S::constant(1e3) * S::epsilon() * self.at.value().abs() / -eigenvalue;
        let length = norm(self.x).max(S::one()).max(visible.sqrt());
        let length = if uphill { -length } else { length };
        let direction: Vec<S> = eigenvector.iter().map(|&v| length * v).collect();
        let origin = self.origin(&direction, length * length * eigenvalue);
        let mut ray = Ray::new(self.objective, self.x, &direction).within(bounds);
        let found = Armijo::default().search(&mut ray, origin, S::one())?;
        // Only a value that is lower beyond rounding proves that there is a way down.
        let lower = found.ok().filter(|accepted| accepted.condition == Condition::Armijo);
        Ok(lower.map(|accepted| ray.into_point(accepted.step).0))
    }
}

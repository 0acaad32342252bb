//! The loop that the Newton methods share: step while the gradient is large, look at curvature where it is not.

use crate::line_search::{Armijo, Condition, LineSearch, Origin, Ray};
use crate::report::{Eigenpair, SecondOrder, StopReason};
use crate::run::{Ending, Run};
use crate::vector::{dot, norm};
use crate::{Counted, Error, LinearOperator, Linearized, Objective, Real};

/// A point with what is known of the objective there.
pub(crate) struct Here<'a, S: Real> {
    pub(crate) objective: &'a Counted<'a, S>,
    pub(crate) x: &'a [S],
    pub(crate) at: &'a dyn Linearized<S>,
}

/// The next point, or why there is none.
pub(crate) type Next<S> = Result<Result<Vec<S>, StopReason>, Error>;

/// What distinguishes one Newton method from another.
pub(crate) trait SecondOrderMethod<S: Real> {
    /// Moves on from a point whose gradient is not small.
    fn advance(&mut self, here: &Here<'_, S>, run: &Run<'_, '_, S>) -> Next<S>;

    /// The smallest eigenvalue with its unit eigenvector; `None` if the curvature is not finite, not wanted, or no work
    /// on it is left to spend.
    fn smallest_eigenpair(
        &mut self,
        hessian: &dyn LinearOperator<S>,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Option<Eigenpair<S>>, Error>;
}

/// Runs a method from `x` to its end.
pub(crate) fn descend<S: Real>(
    method: &mut impl SecondOrderMethod<S>,
    objective: &Counted<'_, S>,
    run: &mut Run<'_, '_, S>,
    mut x: Vec<S>,
) -> Ending<S> {
    loop {
        let at = objective.linearize(&x)?;
        let here = Here { objective, x: &x, at: &*at };
        let next = match run.observe(&x, at.value(), at.gradient())? {
            None => match method.advance(&here, run)? {
                Ok(next) => next,
                Err(stop) => return Ok((stop, SecondOrder::NotStationary)),
            },
            Some(stop) if stop.is_stationary() => {
                let interrupted = || run.interrupted().is_some();
                let smallest = method.smallest_eigenpair(at.hessian(), &interrupted)?;
                let Some((curvature, direction)) = smallest else {
                    return Ok((stop, SecondOrder::NotExamined));
                };
                let verdict = SecondOrder::judge(curvature);
                if !matches!(verdict, SecondOrder::Indefinite(_)) {
                    return Ok((stop, verdict));
                }
                if let Some(limit) = run.limit() {
                    return Ok((limit, verdict));
                }
                match here.escape(&direction, curvature.smallest)? {
                    Some(next) => next,
                    None => return Ok((stop, verdict)),
                }
            }
            Some(stop) => return Ok((stop, SecondOrder::NotStationary)),
        };
        drop(at);
        x = next;
    }
}

impl<S: Real> Here<'_, S> {
    /// The point that a line search along `direction` accepts. `curvature` is `dᵀ∇²f d` if it is negative and to be
    /// made use of, else 0.
    pub(crate) fn search(
        &self,
        line_search: &LineSearch<S>,
        direction: &[S],
        curvature: S,
    ) -> Next<S> {
        let mut ray = Ray::new(self.objective, self.x, direction);
        let found = line_search.search(&mut ray, self.origin(direction, curvature), S::one())?;
        Ok(found.map(|accepted| ray.into_point(accepted.step)).map_err(StopReason::LineSearch))
    }

    fn origin(&self, direction: &[S], curvature: S) -> Origin<S> {
        Origin { value: self.at.value(), slope: dot(self.at.gradient(), direction), curvature }
    }

    /// A lower point along an eigenvector of negative curvature, on the side that the gradient prefers.
    ///
    /// The first trial has the size of `x`, and in any case one whose effect on the value can be seen.
    fn escape(&self, eigenvector: &[S], eigenvalue: S) -> Result<Option<Vec<S>>, Error> {
        let uphill = dot(self.at.gradient(), eigenvector) > S::zero();
        let visible = S::constant(1e3) * S::epsilon() * self.at.value().abs() / -eigenvalue;
        let length = norm(self.x).max(S::one()).max(visible.sqrt());
        let length = if uphill { -length } else { length };
        let direction: Vec<S> = eigenvector.iter().map(|&v| length * v).collect();
        let origin = self.origin(&direction, length * length * eigenvalue);
        let mut ray = Ray::new(self.objective, self.x, &direction);
        let found = Armijo::default().search(&mut ray, origin, S::one())?;
        // Only a value that is lower beyond rounding proves that there is a way down.
        let lower = found.ok().filter(|accepted| accepted.condition == Condition::Armijo);
        Ok(lower.map(|accepted| ray.into_point(accepted.step)))
    }
}

//! The longest step along a direction of Newton's kind.

use dualtape_autodiff::Real;

use super::line_search::LineSearch;
use super::method::{Here, Next};
use crate::check::require;
use crate::error::Error;
use crate::linalg::{axpy, distance, dot, norm, scale, size};
use crate::problem::Objective;

/// How far a single step may lead.
///
/// Newton's step is as long as its model makes it, however far that is beyond where the model holds: next to an inflection it
/// may lead to a plateau, from where no way leads back. So a step longer than a trust region would allow, `‖x₀‖` at
/// first and twice the longest step taken since, must keep a quarter of its promise, or is shortened to that. Good steps are
/// left alone, so that no change of coordinates matters where the model is right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StepLimit<S> {
    length: S,
    /// Whether no step is longer, whatever it keeps: set by the user.
    fixed: bool,
}

impl<S: Real> StepLimit<S> {
    /// `Ok` if a limit set by the user is usable.
    pub(crate) fn check(max_step: Option<S>) -> Result<(), Error> {
        require("max_step", max_step.unwrap_or(S::one()), "positive", |length| length > 0.0)
    }

    /// For a run from `start`.
    pub(crate) fn new(max_step: Option<S>, start: &[S]) -> Self {
        let length = max_step.unwrap_or_else(|| size(start));
        StepLimit { length, fixed: max_step.is_some() }
    }

    /// The point that a line search along `direction` accepts, the first trial being its end, or that at the limit.
    /// `curvature` is `dᵀ∇²f d` if it is negative and to be made use of, else 0.
    pub(crate) fn search<'a>(
        &mut self,
        here: &Here<'a, '_, S>,
        line_search: &LineSearch<S>,
        direction: &[S],
        curvature: S,
    ) -> Next<'a, S> {
        let length = norm(direction);
        let room = self.length / length;
        let long = room < S::one();
        let next = if long && (self.fixed || !keeps_its_promise(here, direction)?) {
            let mut short = direction.to_vec();
            scale(room, &mut short);
            here.search_up_to(line_search, &short, room * room * curvature, S::one())?
        } else {
            here.search_up_to(line_search, direction, curvature, room.max(S::one()))?
        };
        if let (Ok(step), false) = (&next, self.fixed) {
            let taken = distance(&step.x, here.x);
            self.length = self.length.max(taken + taken);
        }
        Ok(next)
    }
}

/// Whether `f` falls along the whole of a direction by at least a quarter of what a convex quadratic model promises,
/// `−½ gᵀd`.
fn keeps_its_promise<S: Real>(here: &Here<'_, '_, S>, direction: &[S]) -> Result<bool, Error> {
    let mut end = here.x.to_vec();
    axpy(S::one(), direction, &mut end);
    let fall = here.at.value() - here.objective.value(&end)?;
    Ok(fall >= S::constant(-0.125) * dot(here.at.gradient(), direction))
}

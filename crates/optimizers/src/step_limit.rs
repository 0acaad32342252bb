//! The longest step along a direction of Newton's kind.

use crate::line_search::{Line, LineSearch, MoreThuente};
use crate::method::{Here, Next};
use crate::options::require;
use crate::vector::{axpy, distance, dot, norm, scale, size};
use crate::{Error, Objective, Real};

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

/// `φ` up to a longest step, and beyond it outside of its domain.
pub(crate) struct UpTo<'l, L, S> {
    pub(crate) line: &'l mut L,
    pub(crate) longest: S,
}

impl<L, S: Real> UpTo<'_, L, S> {
    fn allows(&self, a: S) -> bool {
        a <= self.longest * S::constant(1.0 + 1e-6)
    }
}

impl<L: Line<S>, S: Real> Line<S> for UpTo<'_, L, S> {
    fn value(&mut self, a: S) -> Result<S, Error> {
        if self.allows(a) { self.line.value(a) } else { Ok(S::nan()) }
    }

    fn value_and_slope(&mut self, a: S) -> Result<(S, S), Error> {
        if self.allows(a) { self.line.value_and_slope(a) } else { Ok((S::nan(), S::nan())) }
    }
}

/// The same search, told of the longest step where it can be.
pub(crate) fn limited<S: Real>(line_search: &LineSearch<S>, longest: S) -> LineSearch<S> {
    match *line_search {
        LineSearch::MoreThuente(search) => {
            let max_step = search.max_step.min(longest);
            LineSearch::MoreThuente(MoreThuente { max_step, ..search })
        }
        other => other,
    }
}

//! The methods that search along one direction after another, and choose it from gradients alone.

use dualtape_autodiff::Real;

use super::line_search::LineSearch;
use super::method::{Here, Method, Next};
use super::report::StopReason;
use super::run::Run;
use crate::error::Error;
use crate::linalg::{dot, norm, size};

/// A way of choosing directions.
pub(crate) trait Directions<S: Real> {
    /// Takes in the last step `s` and the change `y` of the gradient along it.
    fn learn(&mut self, s: &[S], y: &[S]) -> Result<(), Error>;

    /// Replaces the last direction by the next one.
    fn turn(&mut self, gradient: &[S], direction: &mut [S]) -> Result<(), Error>;

    /// Forgets what was learnt: the next direction is that of steepest descent.
    fn forget(&mut self);

    /// The first trial step along a direction of the given slope `gᵀd`, if something is known of it.
    fn first_step(&self, slope: S) -> Option<S>;
}

/// Descent along [`Directions`].
pub(crate) struct LineDescent<S: Real, D> {
    directions: D,
    line_search: LineSearch<S>,
    direction: Vec<S>,
    /// `‖x − x_before‖`, once there was a step.
    length: Option<S>,
    /// Point and gradient of the iteration before, to be overwritten by the step and the difference of gradients.
    previous: Option<[Vec<S>; 2]>,
}

impl<S: Real, D: Directions<S>> LineDescent<S, D> {
    pub(crate) fn new(n: usize, directions: D, line_search: LineSearch<S>) -> Self {
        LineDescent {
            directions,
            line_search,
            direction: vec![S::zero(); n],
            length: None,
            previous: None,
        }
    }

    /// Learns from the way that led here. Whether there was one.
    fn look_back(&mut self, x: &[S], gradient: &[S]) -> Result<bool, Error> {
        let Some([step, change]) = &mut self.previous else {
            self.previous = Some([x.to_vec(), gradient.to_vec()]);
            return Ok(false);
        };
        for (now, before) in [(x, &mut *step), (gradient, &mut *change)] {
            before.iter_mut().zip(now).for_each(|(before, &now)| *before = now - *before);
        }
        self.directions.learn(step, change)?;
        self.length = Some(norm(step));
        step.copy_from_slice(x);
        change.copy_from_slice(gradient);
        Ok(true)
    }

    /// Turns downhill; returns the first trial step.
    fn turn(&mut self, x: &[S], gradient: &[S]) -> Result<S, Error> {
        self.directions.turn(gradient, &mut self.direction)?;
        let slope = dot(gradient, &self.direction);
        let length = norm(&self.direction);
        // A right angle to within rounding is no way down.
        if slope >= -S::epsilon() * norm(gradient) * length || !length.is_finite() {
            self.directions.forget();
            self.directions.turn(gradient, &mut self.direction)?;
        }
        let slope = dot(gradient, &self.direction);
        let known = self.directions.first_step(slope).filter(|a| a.is_normal() && *a > S::zero());
        Ok(first_trial(known, x, &self.direction, self.length))
    }
}

/// The first trial step along a direction. Where nothing is known of it, it is as long as the step before, the first of all
/// by three tenths of the size of `x`. It is never so short that it would be lost in the rounding of `x`.
pub(crate) fn first_trial<S: Real>(
    known: Option<S>,
    x: &[S],
    direction: &[S],
    before: Option<S>,
) -> S {
    let length = norm(direction);
    let visible = S::constant(10.0) * S::epsilon() * norm(x) / length;
    let first = known.unwrap_or_else(|| match before {
        Some(before) => before / length,
        None => S::constant(0.3) * size(x) / length,
    });
    if visible.is_finite() { first.max(visible) } else { first }
}

impl<S: Real, D: Directions<S>> Method<S> for LineDescent<S, D> {
    fn needs_curvature(&self) -> bool {
        false
    }

    fn advance<'a>(&mut self, here: &Here<'a, '_, S>, _: &Run<'_, '_, S>) -> Next<'a, S> {
        let gradient = here.at.gradient();
        let learnt = self.look_back(here.x, gradient)?;
        let first = self.turn(here.x, gradient)?;
        let next = here.search(&self.line_search, &self.direction, S::zero(), first)?;
        match next {
            // What was learnt may be what misleads: once more, straight down.
            Err(StopReason::LineSearch(_)) if learnt => {
                self.directions.forget();
                let first = self.turn(here.x, gradient)?;
                here.search(&self.line_search, &self.direction, S::zero(), first)
            }
            next => Ok(next),
        }
    }

    fn escaped(&mut self) {
        self.directions.forget();
        self.previous = None;
    }
}

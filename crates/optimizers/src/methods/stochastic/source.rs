//! What a rule is fed with: the gradient, a direction in its place, or an estimate of curvature beside it.

use std::cell::OnceCell;

use dualtape_autodiff::Real;

use crate::engine::{SavedState, Setting};
use crate::error::Error;
use crate::problem::{Linearized, Objective};

/// What goes into a [`Rule`](super::Rule): the gradient itself, or a direction made from it and curvature, or the gradient
/// together with an estimate of the diagonal of a curvature matrix.
pub trait Source<S: Real> {
    /// Refuses unusable settings. As provided: none are.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`].
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    /// The settings of which a saved state must not be of others. As provided: none.
    fn settings(&self) -> Vec<Setting> {
        Vec::new()
    }

    /// Whether the curvature at the point will be asked for at the coming step, after so many steps.
    fn needs_curvature(&self, steps: u64) -> bool;

    /// What the rule is to see at a point.
    ///
    /// # Errors
    ///
    /// Whatever the objective refuses.
    fn feed(&mut self, point: &Point<'_, S>) -> Result<Feed<S>, Error>;

    /// What is kept from step to step, to be saved. As provided: nothing.
    fn state(&self) -> SavedState {
        SavedState::new()
    }

    /// Goes on from a saved state, which may have more lists than these.
    ///
    /// # Errors
    ///
    /// [`Error::SavedState`].
    fn restore(&mut self, state: &SavedState) -> Result<(), Error> {
        let _ = state;
        Ok(())
    }

    /// Forgets what is kept, before the first step of another run.
    fn reset(&mut self) {}
}

/// What a rule sees of a point.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Feed<S> {
    /// In place of the gradient, pointing uphill as it does.
    pub direction: Option<Vec<S>>,
    /// Of the diagonal of a curvature matrix.
    pub estimate: Option<Vec<S>>,
}

/// A point from which a step is to be taken.
pub struct Point<'a, S: Real> {
    /// Steps taken before.
    pub steps: u64,
    /// The parameters.
    pub x: &'a [S],
    /// The gradient there.
    pub gradient: &'a [S],
    /// What curvature is taken of: the batch of the gradient, or another.
    pub objective: &'a dyn Objective<S>,
    known: Option<&'a dyn Linearized<S>>,
    linearized: OnceCell<Box<dyn Linearized<S> + 'a>>,
}

impl<'a, S: Real> Point<'a, S> {
    pub(super) fn new(
        steps: u64,
        x: &'a [S],
        gradient: &'a [S],
        objective: &'a dyn Objective<S>,
        known: Option<&'a dyn Linearized<S>>,
    ) -> Self {
        Point { steps, x, gradient, objective, known, linearized: OnceCell::new() }
    }

    /// The objective linearised at this point, once.
    ///
    /// # Errors
    ///
    /// Whatever the objective refuses.
    pub fn linearized(&self) -> Result<&dyn Linearized<S>, Error> {
        if let Some(at) = self.known.or(self.linearized.get().map(|at| &**at)) {
            return Ok(at);
        }
        let at = self.objective.linearize(self.x)?;
        Ok(&**self.linearized.get_or_init(|| at))
    }
}

impl<S: Real> std::fmt::Debug for Point<'_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Point")
            .field("steps", &self.steps)
            .field("x", &self.x)
            .finish_non_exhaustive()
    }
}

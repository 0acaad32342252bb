//! The loop that the methods with a fixed rule of updating share.

use crate::method::{Here, Method, Next, Step, descend};
use crate::objective::Known;
use crate::run::{Ending, Run};
use crate::vector::first_non_finite;
use crate::{Counted, Error, Real};

/// Runs a rule that makes the next point of the last and its gradient alone.
pub(crate) fn iterate<S: Real>(
    objective: &Counted<'_, S>,
    run: &mut Run<'_, '_, S>,
    x: Vec<S>,
    update: impl FnMut(&mut [S], &[S]) -> Result<(), Error>,
) -> Ending<S> {
    descend(&mut UpdateRule(update), objective, run, x)
}

/// A fixed rule of updating.
struct UpdateRule<F>(F);

impl<S: Real, F: FnMut(&mut [S], &[S]) -> Result<(), Error>> Method<S> for UpdateRule<F> {
    fn needs_curvature(&self) -> bool {
        false
    }

    fn advance<'a>(&mut self, here: &Here<'a, '_, S>, _: &Run<'_, '_, S>) -> Next<'a, S> {
        let mut x = here.x.to_vec();
        (self.0)(&mut x, here.at.gradient())?;
        Ok(Ok(Step { x, known: Known::Nothing }))
    }

    // The rule says where to go, and nothing else.
    fn escapes(&self) -> bool {
        false
    }
}

/// Refuses a gradient that would spoil `x`, and slices of different lengths; gives fresh state its length.
pub(crate) fn check_step<S: Real>(
    x: &[S],
    gradient: &[S],
    state: &mut Vec<S>,
) -> Result<(), Error> {
    Error::check_length("the gradient", gradient.len(), x.len())?;
    if state.is_empty() {
        state.resize(x.len(), S::zero());
    }
    Error::check_length("x", x.len(), state.len())?;
    match first_non_finite(gradient) {
        Some(component) => {
            Err(Error::NonFiniteGradient { component, value: gradient[component].as_f64() })
        }
        None => Ok(()),
    }
}

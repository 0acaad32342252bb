//! The loop that the methods with a fixed rule of updating share.

use crate::report::SecondOrder;
use crate::run::{Ending, Run};
use crate::vector::first_non_finite;
use crate::{Counted, Error, Objective, Real};

/// Evaluates, tells the run, and updates `x`, until the run says stop.
pub(crate) fn iterate<S: Real>(
    objective: &Counted<'_, S>,
    run: &mut Run<'_, '_, S>,
    mut x: Vec<S>,
    mut update: impl FnMut(&mut [S], &[S]) -> Result<(), Error>,
) -> Ending<S> {
    let mut gradient = vec![S::zero(); x.len()];
    loop {
        let value = objective.value_and_gradient(&x, &mut gradient)?;
        if let Some(stop) = run.observe(&x, value, &gradient)? {
            let stationary = stop.is_stationary();
            let status =
                if stationary { SecondOrder::NotExamined } else { SecondOrder::NotStationary };
            return Ok((stop, status));
        }
        update(&mut x, &gradient)?;
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

//! The loop that all methods share: step while the gradient is large, look at curvature where it is not.

use dualtape_autodiff::{Real, compiled_here};

use super::method::{Here, Method, Next, Step};
use super::report::{SecondOrder, StopReason};
use super::rounding::hides_the_rest;
use super::run::{End, Ending, Run};
use super::verdict::{Examined, Verdict};
use crate::error::Error;
use crate::linalg::norm_inf;
use crate::problem::{Counted, GradientAt, Known, Linearized, Objective};

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
    let rounding = stop.is_stuck() && hides_the_rest(here, bounds, dense, &interrupted)?;
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

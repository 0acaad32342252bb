//! The instruction behind a failure.

use std::collections::HashMap;
use std::panic::Location;

use dualtape_autodiff::{Function, Step};

use crate::curve::{Claim, Curve, Judgement, Sample};
use crate::directions::Uneven;
use crate::law::{Case, How, Law, Violation};
use crate::subject::ADAPTOR;

/// Instructions whose derivative is tried before the search is given up.
const TRIALS: usize = 400;

/// The instruction whose derivative is wrong while those of its operands are right.
#[derive(Clone, Debug)]
pub(crate) struct Culprit {
    pub operation: String,
    pub at: Option<&'static Location<'static>>,
}

impl Culprit {
    pub(crate) fn new(operation: String, at: Option<&'static Location<'static>>) -> Self {
        // The line of our own adaptor says nothing.
        Self { operation, at: at.filter(|at| at.file() != ADAPTOR) }
    }
}

/// From the last instruction, whose derivative is wrong, goes to an operand whose derivative is wrong too, until there is none.
pub(crate) fn locate(case: &Case<'_>, law: Law, violation: &Violation) -> Option<Culprit> {
    let order = match (law, &violation.how) {
        (Law::FirstOrder, How::Measured { .. }) => 1,
        (Law::SecondOrder, How::Measured { .. }) => 2,
        (Law::ThirdOrder, How::Measured { .. }) => 3,
        _ => return None,
    };
    let mut culprit = None;
    let _ = case.subject.with_function(case.at(), &mut |f| culprit = descend(case, f, order));
    culprit
}

fn descend(case: &Case<'_>, f: &Function<'_>, order: usize) -> Option<Culprit> {
    let steps = f.steps(&case.x).ok()?;
    let mut known = HashMap::new();
    let wrong = |id: usize, known: &mut HashMap<usize, bool>| {
        if let Some(&wrong) = known.get(&id) {
            return Some(wrong);
        }
        if known.len() >= TRIALS {
            return None;
        }
        let is_wrong = is_wrong(case, f, (id, &steps[id]), order);
        known.insert(id, is_wrong);
        Some(is_wrong)
    };
    // The result is the last instruction whose derivative is wrong; after it there may be constants.
    let mut at = (0..steps.len()).rev().find(|&id| wrong(id, &mut known) == Some(true))?;
    'down: loop {
        for &operand in &steps[at].operands {
            if wrong(operand, &mut known)? {
                at = operand;
                continue 'down;
            }
        }
        let operation = steps[at].operation.clone();
        return Some(Culprit::new(operation, f.step_line(&case.x, at).ok()?));
    }
}

/// Whether the derivative of the result of an instruction, of this order, is not that of its values.
fn is_wrong(case: &Case<'_>, f: &Function<'_>, (id, step): (usize, &Step), order: usize) -> bool {
    let elements = step.shape.iter().product();
    let weights = Uneven::new(id as u64).direction(&vec![1.0; elements]);
    let Ok(part) = f.up_to(&case.x, id, &weights) else { return false };
    case.directions.iter().any(|v| judged_wrong(case, &part, v, order).unwrap_or(false))
}

fn judged_wrong(case: &Case<'_>, f: &Function<'_>, v: &[f64], order: usize) -> Option<bool> {
    let dot = |a: &[f64]| a.iter().zip(v).map(|(a, b)| a * b).sum::<f64>();
    let x = &case.x;
    let mut derivatives = vec![dot(&f.gradient(x).ok()?)];
    if order >= 2 {
        derivatives.push(dot(&f.linearize(x).ok()?.hvp(v).ok()?));
    }
    if order >= 3 {
        derivatives.push(f.third_derivative_along(x, v, v, v).ok()?);
    }
    let size = derivatives.iter().fold(f.value(x).ok()?.abs(), |m, d| m.max(d.abs()));
    let error = case.tolerance(size) + case.value_noise();
    let claims: Vec<Claim> =
        derivatives.iter().map(|&derivative| Claim { derivative, error }).collect();
    let sample = |t| {
        let value = f.value(&case.moved(t, v)).ok().filter(|y| y.is_finite())?;
        Some(Sample { value, magnitude: value.abs() })
    };
    let curve = Curve::sample(sample, derivatives[0], 0.0)?;
    Some(matches!(curve.judge(&claims, case.value_noise()), Judgement::Wrong { .. }))
}

//! The instruction behind a failure.

use std::panic::Location;

use dualtape_autodiff::{Function, Step};

use crate::curve::{Claim, Curve, Judgement, Sample};
use crate::directions::Uneven;
use crate::law::{Case, How, Violation};
use crate::subject::ADAPTOR;

/// Instructions that nothing uses, among which the result is looked for.
const RESULTS: usize = 16;

/// The instruction whose derivative is wrong while those of its operands are right.
#[derive(Clone, Debug)]
pub(crate) struct Culprit {
    pub operation: String,
    pub at: Option<&'static Location<'static>>,
    /// Its derivative is exactly 0.
    pub silent: bool,
}

impl Culprit {
    pub(crate) fn new(operation: String, at: Option<&'static Location<'static>>) -> Self {
        // The line of our own adaptor says nothing.
        Self { operation, at: at.filter(|at| at.file() != ADAPTOR), silent: false }
    }
}

/// Looks for the instruction at which a derivative begins to be wrong.
pub(crate) fn locate(case: &Case<'_>, violation: &Violation) -> Option<Culprit> {
    let (How::Measured { order, .. } | How::Silent { order }) = violation.how else { return None };
    let mut culprit = None;
    let _ = case.subject.with_function(case.at(), &mut |f| culprit = bisect(case, f, order));
    culprit
}

/// Halves the program, in as many trials as its length has binary digits.
///
/// What the part after a cut takes from the part before it is a function as well, and its derivative is right or wrong: if it is
/// wrong, the culprit lies before the cut, else after it.
fn bisect(case: &Case<'_>, f: &Function<'_>, order: usize) -> Option<Culprit> {
    let steps = &f.steps(&case.x).ok()?;
    let mut used = vec![false; steps.len()];
    steps.iter().flat_map(|step| &step.operands).for_each(|&id| used[id] = true);
    let results = (0..steps.len()).rev().filter(|&id| !used[id]).take(RESULTS);
    let wrong = |ids: &[usize]| wrong(case, f, (steps, ids), order);
    let mut targets = results.map(|id| vec![id]).find(|ids| wrong(ids).is_some())?;
    // The targets are results of instructions before `end`; what they take from before `start` is right.
    let (mut start, mut end) = (0, targets[0] + 1);
    while end - start > 1 {
        let middle = start.midpoint(end);
        let cut = taken_from_before(middle, steps, &targets);
        if wrong(&cut).is_some() {
            (targets, end) = (cut, middle);
        } else {
            start = middle;
        }
    }
    let Wrong { silent } = wrong(&[start])?;
    let at = f.step_line(&case.x, start).ok()?;
    Some(Culprit { silent, ..Culprit::new(steps[start].operation.clone(), at) })
}

/// The instructions before a cut whose results the targets are, or are made of after it; but inputs, which are right.
fn taken_from_before(cut: usize, steps: &[Step], targets: &[usize]) -> Vec<usize> {
    let mut needed = vec![false; steps.len()];
    targets.iter().for_each(|&id| needed[id] = true);
    for id in (cut..steps.len()).rev().filter(|&id| !steps[id].operands.is_empty()) {
        if needed[id] {
            steps[id].operands.iter().for_each(|&operand| needed[operand] = true);
        }
    }
    (0..cut).filter(|&id| needed[id] && !steps[id].operation.starts_with("input ")).collect()
}

/// The derivative of a part of a program is not that of its values.
struct Wrong {
    /// It is exactly 0.
    silent: bool,
}

/// Whether the derivative, of this order, of the results of these instructions is wrong.
fn wrong(
    case: &Case<'_>,
    f: &Function<'_>,
    (steps, ids): (&[Step], &[usize]),
    order: usize,
) -> Option<Wrong> {
    let weights = |id: usize| {
        let elements = steps[id].shape.iter().product();
        Uneven::new(id as u64).direction(&vec![1.0; elements])
    };
    let results: Vec<(usize, Vec<f64>)> = ids.iter().map(|&id| (id, weights(id))).collect();
    let part = f.up_to(&case.x, &results).ok()?;
    case.directions.iter().find_map(|v| wrong_along(case, &part, v, order))
}

fn wrong_along(case: &Case<'_>, f: &Function<'_>, v: &[f64], order: usize) -> Option<Wrong> {
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
    let is_wrong = matches!(curve.judge(&claims, case.value_noise()), Judgement::Wrong { .. });
    is_wrong.then(|| Wrong { silent: derivatives.last() == Some(&0.0) })
}

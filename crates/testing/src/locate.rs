//! The instruction behind a failure.

use std::fmt;
use std::panic::Location;

use dualtape_autodiff::{Error, Function, inspect::Step};

use crate::curve::{Claim, Curve, Judgement, Sample};
use crate::directions::Uneven;
use crate::law::{Case, How, Violation};
use crate::subject::{ADAPTOR, Subject};

/// Instructions that nothing uses, among which the result is looked for.
const RESULTS: usize = 16;

/// How far a point is moved to see whether constants move with it, in units of the scales.
const NEARBY: [f64; 4] = [1.0 / 64.0, -1.0 / 64.0, 1.0 / 1_048_576.0, -1.0 / 1_048_576.0];

/// How a derivative was lost on the way from the input to the value, in code that differentiates by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Lost {
    /// A value was read as a plain number, and what came of it went on as a constant.
    ValueRead {
        /// The line that reads it, where that is known; of several, the first whose number changes with the input.
        at: Option<&'static Location<'static>>,
    },
    /// The gradient was stopped.
    GradientStopped,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ValueRead { at } => {
                f.write_str("a value was read as a plain number")?;
                at.map_or(Ok(()), |at| write!(f, " at {at}"))?;
                f.write_str(", and what came of it has no derivative")
            }
            Self::GradientStopped => f.write_str("the gradient was stopped"),
        }
    }
}

/// The instruction whose derivative is wrong while those of its operands are right.
#[derive(Clone, Debug)]
pub(crate) struct Culprit {
    pub operation: String,
    pub at: Option<&'static Location<'static>>,
    /// Its derivative is exactly 0.
    pub silent: bool,
    pub lost: Option<Lost>,
}

impl Culprit {
    pub(crate) fn new(
        operation: String,
        at: Option<&'static Location<'static>>,
        subject: &dyn Subject,
    ) -> Self {
        // The line of our own adaptor says nothing, that of its caller does.
        let at = match at {
            Some(at) if at.file() == ADAPTOR => subject.applied_at(),
            at => at,
        };
        Self { operation, at, silent: false, lost: None }
    }
}

/// Looks for the instruction at which a derivative begins to be wrong.
pub(crate) fn locate(case: &Case<'_>, violation: &Violation) -> Option<Culprit> {
    let (How::Measured { order, .. } | How::Silent { order } | How::Limit { order, .. }) =
        violation.how
    else {
        return None;
    };
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
    let operation = &steps[start].operation;
    let lost = match operation.starts_with("stopgradient") {
        true => Some(Lost::GradientStopped),
        false => value_read(case, f, (steps, start)),
    };
    let culprit = Culprit::new(operation.clone(), at, case.subject);
    Some(Culprit { silent, lost, ..culprit })
}

/// Whether an instruction has constants that change with the input: then they are made of values that were read.
fn value_read(case: &Case<'_>, f: &Function<'_>, (steps, id): (&[Step], usize)) -> Option<Lost> {
    let [v, ..] = &case.directions;
    let changed = NEARBY.into_iter().find_map(|t| {
        let moved = case.moved(t, v);
        // Where another branch is taken nothing can be compared.
        let there = f.steps(&moved).ok().filter(|there| there.len() == steps.len())?;
        let is_constant =
            |id: usize| steps[id].operands.is_empty() && !steps[id].operation.starts_with("input ");
        let all = steps[id].operands.iter().copied().chain([id]);
        let mut constants = all.filter(|&id| is_constant(id));
        let changed = there[id].operation != steps[id].operation
            || constants.any(|id| {
                there[id].operation != steps[id].operation
                    || elements(f, &moved, &there, id) != elements(f, &case.x, steps, id)
            });
        changed.then_some(moved)
    })?;
    // Of a function that does not record itself again, the error says it.
    let at = match f.value(&changed) {
        Err(Error::ValueEscaped { at }) => Some(at),
        _ => None,
    };
    Some(Lost::ValueRead { at })
}

/// A number made of all elements of the result of an instruction, recorded at this point.
fn elements(f: &Function<'_>, x: &[f64], steps: &[Step], id: usize) -> Option<f64> {
    f.up_to(x, &[(id, uneven(steps, id))]).ok()?.value(x).ok()
}

/// A weight for each element of the result of an instruction.
fn uneven(steps: &[Step], id: usize) -> Vec<f64> {
    let elements = steps[id].shape.iter().product();
    Uneven::new(id as u64).direction(&vec![1.0; elements])
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
    let results: Vec<(usize, Vec<f64>)> = ids.iter().map(|&id| (id, uneven(steps, id))).collect();
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

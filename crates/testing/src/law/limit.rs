//! Derivatives at special points, held against limits of differences.

use std::cell::OnceCell;

use super::case::dot;
use super::differences::{Differences, NEAR, along, finite};
use super::{Case, How, Stop, Violation};
use crate::directions::Uneven;
use crate::limits::Trend;
use crate::subject::{Answer, Refusal, Route};

/// Components that are moved: special ones, or if there are none the first.
const MOVED: usize = 8;

/// By which part of the larger number a derivative and a limit may differ, apart from what is not known of the limit.
const ALLOWED: f64 = 1e-2;

/// The law at the special point that belongs to this case, or at its own point if it was given by the user.
pub(super) fn limit(case: &Case<'_>) -> Result<(), Stop> {
    let Some(domain) = case.policy.domain else { return Special::new(case).check() };
    let x = domain.special(&case.x, case.seed);
    match Case::new(case.subject, case.policy, &x, &case.x, case.seed) {
        Ok(special) => Special::new(&special).check(),
        Err(Stop::Rejected(reason)) => Err(Stop::Passed(reason)),
        Err(stop) => Err(stop),
    }
}

/// A derivative as a mode gives it: a vector, or its component along the direction.
enum Claim {
    Vector(Vec<f64>),
    Along(f64),
}

/// What came of asking for all derivatives of one order.
#[derive(Default)]
struct Outcome {
    held: bool,
    refused: Option<Refusal>,
    excused: Option<String>,
}

struct Special<'c, 'a> {
    case: &'c Case<'a>,
    moved: Vec<usize>,
    /// Along the components that are moved.
    v: Vec<f64>,
    /// Another such direction.
    u: Vec<f64>,
    differences: Differences<'c, 'a>,
    /// Which modes are asked: to derive all their programs at each point would double the time of a check.
    turn: usize,
}

impl<'c, 'a> Special<'c, 'a> {
    fn new(case: &'c Case<'a>) -> Self {
        let x = &case.x;
        let mut sizes: Vec<f64> = x.iter().map(|x| x.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        let count = |size: f64| {
            sizes.partition_point(|s| *s <= size) - sizes.partition_point(|s| *s < size)
        };
        let is_special = |i: usize| [0.0, 1.0].contains(&x[i].abs()) || count(x[i].abs()) > 1;
        let mut moved: Vec<usize> = (0..x.len()).filter(|&i| is_special(i)).take(MOVED).collect();
        if moved.is_empty() {
            moved = (0..x.len()).take(MOVED).collect();
        }
        let mut uneven = Uneven::new(case.seed.rotate_left(32));
        let turn = uneven.below(4);
        let mut directions = [uneven.direction(&case.scales), uneven.direction(&case.scales)];
        for direction in &mut directions {
            (0..x.len()).filter(|i| !moved.contains(i)).for_each(|i| direction[i] = 0.0);
        }
        let inside = |v: &[f64], t: f64| case.sample(t, v).is_some();
        // At a corner of the domain few directions lead into it.
        if [-NEAR[0], NEAR[0]].into_iter().all(|t| !inside(&directions[0], t)) {
            for &i in &moved {
                let along = along(case, i);
                let sign = match [-NEAR[0], NEAR[0]].map(|t| inside(&along, t)) {
                    [true, false] => -1.0,
                    [false, true] => 1.0,
                    _ => continue,
                };
                directions.iter_mut().for_each(|v| v[i] = v[i].abs() * sign);
            }
        }
        let from_zero = moved.iter().all(|&i| x[i] == 0.0);
        let [v, u] = directions;
        let differences = Differences::new(case, &v, from_zero);
        Self { case, moved, v, u, differences, turn }
    }

    fn check(&self) -> Result<(), Stop> {
        let mut outcome = Outcome::default();
        if self.moved.is_empty() {
            return Ok(());
        }
        let replayed = OnceCell::new();
        for order in 1..=self.case.policy.order.min(2) {
            self.check_order(order, &replayed, &mut outcome)?;
        }
        match outcome {
            Outcome { refused: Some(refusal), .. } => Err(refusal.into()),
            Outcome { excused: Some(reason), .. } => Err(Stop::Passed(reason)),
            Outcome { held: true, .. } => Ok(()),
            _ => Err(Stop::Passed("no limit that is certain".into())),
        }
    }

    fn check_order(
        &self,
        order: usize,
        replayed: &OnceCell<Vec<f64>>,
        outcome: &mut Outcome,
    ) -> Result<(), Stop> {
        let limit = OnceCell::new();
        for (mode, answer) in self.answers(order, replayed) {
            let claim = match answer {
                Ok(claim) => claim,
                Err(Refusal::NotOffered) => continue,
                Err(refusal) if refusal.wrong_adjoint().is_some() => return Err(refusal.into()),
                Err(refusal) => {
                    outcome.refused.get_or_insert(refusal);
                    continue;
                }
            };
            let given = match &claim {
                Claim::Vector(derivative) => dot(derivative, &self.v),
                Claim::Along(derivative) => *derivative,
            };
            if self.differences.is_near(order, &self.v, given) {
                outcome.held |= order == 1;
                continue;
            }
            let limit = limit.get_or_init(|| {
                self.differences.trend(order, &self.v, &self.v, finite(given), false)
            });
            if !differs(given, *limit, order) {
                outcome.held |= order == 1 && !matches!(limit, Trend::Unknown | Trend::Absent);
                continue;
            }
            // Only now it matters how much is rounding.
            let careful = self.differences.trend(order, &self.v, &self.v, finite(given), true);
            let size = match careful {
                Trend::Limit { value, .. } if differs(given, careful, order) => value.abs(),
                Trend::Infinite { .. } => 0.0,
                _ => continue,
            };
            if let Some(violation) = self.violation(order, (mode, &claim), size) {
                match self.case.excuse() {
                    Some(reason) => outcome.excused = Some(reason),
                    None => return Err(Stop::Violated(Box::new(violation))),
                }
            }
        }
        Ok(())
    }

    /// The derivative of this order by reverse mode, and by some of the other modes.
    fn answers(
        &self,
        order: usize,
        product: &OnceCell<Vec<f64>>,
    ) -> Vec<(&'static str, Answer<Claim>)> {
        let Case { subject, w, x, other, policy, .. } = self.case;
        let (at, v) = (self.case.at(), &self.v);
        let vector = |answer: Answer<Vec<f64>>| answer.map(Claim::Vector);
        let by = |route| vector(subject.hvp(at, v, route));
        match (order, self.turn) {
            (1, turn) => {
                let mut all = vec![("reverse mode", vector(subject.gradient(at)))];
                match turn {
                    0 => all.push(("forward mode", subject.slope(at, v).map(Claim::Along))),
                    1 => {
                        let replayed = subject.replayed(other, at, v, policy.order);
                        all.push((
                            "a recording made elsewhere",
                            replayed.map(|replayed| {
                                product.get_or_init(|| replayed.product);
                                Claim::Vector(replayed.gradient)
                            }),
                        ));
                    }
                    2 => all.push((
                        "the recorded Jacobian",
                        subject.jvp(x, v).map(|moved| Claim::Along(dot(&moved, w))),
                    )),
                    _ => all.push(("the transposed Jacobian", vector(subject.vjp(at)))),
                }
                all
            }
            (_, turn) => {
                let mut all = vec![("forward over reverse", by(Route::ForwardOverReverse))];
                match turn {
                    0 => all.push(("reverse over reverse", by(Route::ReverseOverReverse))),
                    1 => {
                        let replayed = product.get().filter(|product| product.len() == x.len());
                        let answer = replayed.cloned().ok_or(Refusal::NotOffered);
                        all.push(("a recording made elsewhere", vector(answer)));
                    }
                    2 => all.push(("the linearised recording", by(Route::Linearized))),
                    _ => {
                        let along = subject.derivatives_along(at, v, 2);
                        all.push(("forward mode", along.map(|all| Claim::Along(all[2]))));
                        let lanes = subject.lanes(at, &vec![v.clone(); 3]);
                        all.push((
                            "products at once",
                            vector(lanes.map(|[mut all, _]| all.remove(1))),
                        ));
                    }
                }
                all
            }
        }
    }

    /// The violation, if the derivative exists as limits of differences, and is linear in the direction as a derivative must be.
    ///
    /// Of which size it is along a direction is known.
    fn violation(
        &self,
        order: usize,
        (mode, claim): (&str, &Claim),
        size: f64,
    ) -> Option<Violation> {
        let case = self.case;
        let partials: Vec<Vec<f64>> = match order {
            1 => {
                let mut partials = Vec::new();
                for &i in &self.moved {
                    let given = match claim {
                        Claim::Vector(gradient) => gradient[i] * case.scales[i],
                        Claim::Along(_) => f64::NAN,
                    };
                    match self.differences.trend(
                        1,
                        &along(case, i),
                        &[],
                        size.max(finite(given)),
                        true,
                    ) {
                        Trend::Limit { value, .. } => partials.push(vec![value]),
                        infinite @ Trend::Infinite { reached } if differs(given, infinite, 1) => {
                            let expected = f64::INFINITY.copysign(reached);
                            return Some(self.wrong(1, mode, Some(i), [given, expected]));
                        }
                        _ => return None,
                    }
                }
                partials
            }
            _ => {
                let row = |&i: &usize| {
                    let sides =
                        [-1.0, 1.0].map(|sign| self.differences.gradients(&along(case, i), sign));
                    let entry = |&j: &usize| match self.differences.trend_of_gradients(
                        &sides,
                        &along(case, j),
                        size,
                        true,
                    ) {
                        Trend::Limit { value, .. } => Some(value),
                        _ => None,
                    };
                    self.moved.iter().map(entry).collect::<Option<Vec<f64>>>()
                };
                self.moved.iter().map(row).collect::<Option<Vec<_>>>()?
            }
        };
        // In units of the scales.
        let weights =
            |v: &[f64]| -> Vec<f64> { self.moved.iter().map(|&i| v[i] / case.scales[i]).collect() };
        // The derivative along a direction: of order 2 a vector, as its component along the same.
        let applied = |v: &[f64]| -> Vec<f64> {
            let weights = weights(v);
            let entries = partials[0].len();
            (0..entries)
                .map(|j| weights.iter().zip(&partials).map(|(w, row)| w * row[j]).sum())
                .collect()
        };
        let total = |v: &[f64]| match order {
            1 => applied(v)[0],
            _ => dot(&applied(v), &weights(v)),
        };
        let is_linear = |v: &[f64]| match self.differences.trend(order, v, v, size, true) {
            Trend::Limit { value, error } => {
                let size: f64 = partials.iter().flatten().map(|p| p.abs()).sum();
                (value - total(v)).abs() <= 1e-3 * size + 16.0 * error
            }
            _ => false,
        };
        if ![&self.v, &self.u].into_iter().all(|v| is_linear(v)) {
            return None;
        }
        let Claim::Vector(derivative) = claim else {
            let Claim::Along(given) = *claim else { return None };
            let pair = [given, total(&self.v)];
            return is_other(pair, 0.0).then(|| self.wrong(order, mode, None, pair));
        };
        let expected: Vec<f64> = match order {
            1 => partials.iter().map(|p| p[0]).collect(),
            _ => applied(&self.v),
        };
        let size = expected.iter().fold(self.differences.size(order), |m, p| m.max(p.abs()));
        let pairs = self.moved.iter().zip(expected);
        let mut wrong = pairs
            .map(|(&i, expected)| (i, [derivative[i] * case.scales[i], expected]))
            .filter(|(_, pair)| is_other(*pair, 1e-4 * size));
        wrong.next().map(|(i, pair)| self.wrong(order, mode, Some(i), pair))
    }

    /// The numbers are in units of the value.
    fn wrong(&self, order: usize, mode: &str, i: Option<usize>, pair: [f64; 2]) -> Violation {
        let [given, expected] = pair.map(|p| i.map_or(p, |i| p / self.case.scales[i]));
        let what = match (order, i) {
            (1, Some(_)) => "the gradient",
            (1, None) => "the derivative along a direction",
            (_, Some(_)) => "the Hessian-vector product",
            (_, None) => "vᵀHv",
        };
        let how = How::Limit { order, x: self.case.x.clone() };
        let terms = [format!("{what} by {mode}"), "limit of differences, from all sides".into()];
        Violation { given, expected, component: i, terms, how }
    }
}

/// Whether a number is not the one expected, by more than `error`.
fn is_other([given, expected]: [f64; 2], error: f64) -> bool {
    let allowed = ALLOWED * given.abs().max(expected.abs()) + error;
    !given.is_finite() || (given - expected).abs() > allowed
}

/// Whether a derivative is not what differences come to.
fn differs(given: f64, trend: Trend, order: usize) -> bool {
    match trend {
        Trend::Limit { value, error } => is_other([given, value], 16.0 * error),
        // A second derivative of a first one that is not finite is none.
        Trend::Infinite { reached } if order == 1 => {
            given == -reached.signum() * f64::INFINITY
                || (given.is_finite() && given * reached.signum() < 0.5 * reached.abs())
        }
        _ => false,
    }
}

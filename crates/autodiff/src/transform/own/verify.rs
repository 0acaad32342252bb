//! Hand-written adjoints, held against differences.

use std::panic::Location;

use super::operation::{self, Rule};
use crate::array::{Array, View};
use crate::error::{Error, Fault};
use crate::number::Real;
use crate::tape::{Tape, Tensor};

/// Checks an adjoint at a point: for every operand `y_barᵀ·(∂y/∂xᵢ)·x_dot = x_barᵢ·x_dot`, with one uneven `x_dot` and
/// `y_bar`, the left side by central differences.
///
/// Only what differs beyond doubt is refused: differences are taken with several steps, and the one that agrees best
/// counts; where the operation is refused or has a kink nearby, or where differences do not come to a limit (at 0, those of
/// `x³` are all wrong and each another number), nothing is concluded.
pub(crate) fn verify<R: Real>(
    rule: &Rule<R>,
    x: &[Array<R>],
    y: &Array<R>,
    at: &'static Location<'static>,
) -> Result<(), Error> {
    let y_bar = Array::from_shared(y.shape(), uneven::<R>(y.len(), 0.7).into());
    let x_bar = cotangents(rule, x, y, &y_bar)?;
    for (operand, x_bar) in x_bar.iter().enumerate() {
        let x_dot = uneven::<R>(x[operand].len(), 0.2);
        let adjoint = dot(x_bar, &x_dot);
        let size = x_bar.iter().zip(&x_dot).map(|(&a, &b)| (a * b).abs().as_f64()).sum::<f64>();
        if let Some(difference) = disagreement(rule, x, operand, &x_dot, &y_bar, (adjoint, size)) {
            let fault = Fault::WrongAdjoint { operand, adjoint, difference };
            return Err(Error::Failed { operation: rule.operation().name(), fault, at });
        }
    }
    Ok(())
}

/// The difference quotient, if it is not that of a rule which gives `adjoint`, a sum of terms of this total size.
fn disagreement<R: Real>(
    rule: &Rule<R>,
    x: &[Array<R>],
    operand: usize,
    x_dot: &[R],
    y_bar: &Array<R>,
    (adjoint, size): (f64, f64),
) -> Option<f64> {
    let eps = R::epsilon().as_f64();
    let largest = x[operand].data().iter().fold(1.0_f64, |m, x| m.max(x.as_f64().abs()));
    let slope = |from: f64, to: f64| -> Option<(f64, f64)> {
        let [low, high] = [from, to].map(|s| {
            let mut x = x.to_vec();
            let moved = x[operand].data().iter().zip(x_dot);
            let moved: Vec<R> = moved.map(|(&x, &x_dot)| x + R::constant(s) * x_dot).collect();
            x[operand] = Array::from_shared(x[operand].shape(), moved.into());
            evaluate(rule, &x, y_bar.shape())
        });
        let (low, high) = (low?, high?);
        let terms = || {
            let change = high.iter().zip(&low).map(|(&h, &l)| h - l);
            change.zip(y_bar.data()).map(|(change, &y_bar)| (change * y_bar).as_f64() / (to - from))
        };
        Some((terms().sum(), terms().map(f64::abs).sum()))
    };
    let mut best: Option<(f64, f64)> = None;
    let mut last: Option<f64> = None;
    let mut settled = false;
    for power in [0.2, 0.27, 0.33, 0.4, 0.5] {
        let h = eps.powf(power) * largest;
        let (difference, terms) = slope(-h, h)?;
        let (ahead, _) = slope(0.0, h)?;
        let (behind, _) = slope(-h, 0.0)?;
        let scale = size + terms;
        let tolerance = 100.0 * eps.powf(0.5) * scale;
        let error = (difference - adjoint).abs();
        let doubtful = !error.is_finite() || (ahead - behind).abs() > 0.02 * scale;
        if error <= tolerance {
            return None;
        }
        if !doubtful && best.is_none_or(|(least, _)| error < least) {
            best = Some((error, difference));
        }
        settled |= last.is_some_and(|last| (last - difference).abs() < 0.1 * error);
        last = Some(difference);
    }
    best.filter(|_| settled).map(|(_, difference)| difference)
}

/// The values of the operation; `None` where it has none.
fn evaluate<R: Real>(rule: &Rule<R>, x: &[Array<R>], shape: &[usize]) -> Option<Vec<R>> {
    let mut y = vec![R::zero(); shape.iter().product()];
    rule.operation().forward(&views(x), &mut y).ok()?;
    Some(y)
}

/// What the rule gives each operand, zero where it says that there is no dependence.
fn cotangents<R: Real>(
    rule: &Rule<R>,
    x: &[Array<R>],
    y: &Array<R>,
    y_bar: &Array<R>,
) -> Result<Vec<Vec<R>>, Error> {
    let mut x_bar: Vec<Vec<R>> = x.iter().map(|x| vec![R::zero(); x.len()]).collect();
    match rule {
        Rule::Numbers(rule) => {
            let mut places: Vec<&mut [R]> = x_bar.iter_mut().map(Vec::as_mut_slice).collect();
            rule.adjoint(&views(x), view(y), view(y_bar), &mut places);
        }
        Rule::Tensors(rule) => {
            let tape = Tape::new();
            let operands: Vec<Tensor<'_, R>> = x.iter().map(|x| tape.input_array(x)).collect();
            let (y, y_bar) = (tape.input_array(y), tape.input_array(y_bar));
            let given = operation::cotangents(&**rule, &operands, y, y_bar);
            for (x_bar, given) in x_bar.iter_mut().zip(given) {
                if let Some(given) = given {
                    *x_bar = given.data.to_vec();
                }
            }
            tape.error().map_or(Ok(()), Err)?;
        }
    }
    Ok(x_bar)
}

fn views<R>(x: &[Array<R>]) -> Vec<View<'_, R>> {
    x.iter().map(view).collect()
}

fn view<R>(x: &Array<R>) -> View<'_, R> {
    View { data: x.data(), shape: x.shape() }
}

fn dot<R: Real>(a: &[R], b: &[R]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| (a * b).as_f64()).sum()
}

/// A vector without symmetry: no two elements alike, of either sign.
fn uneven<R: Real>(length: usize, phase: f64) -> Vec<R> {
    (0..length).map(|i| R::constant((1.7 * i as f64 + phase).sin() + 0.3)).collect()
}

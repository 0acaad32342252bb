//! Derivatives, component by component, held against differences of the derivative below them.

use super::case::size_of_dot;
use super::{Case, How, Stop, Violation, second, taylor, third};
use crate::curve::{Claim, Curve, Judgement, Sample};
use crate::subject::{Answer, Refusal};

/// Among how many components the wrong one is looked for.
const COMPONENTS: usize = 64;

/// Looks for the component in which a wrong derivative is most wrong, or at `only` one: the claimed and the measured one.
pub(crate) fn component(
    case: &Case<'_>,
    order: usize,
    only: Option<usize>,
) -> Option<(usize, f64, f64)> {
    let derivative = derivative(case, order).ok()?;
    let mut worst: Option<(f64, usize, f64, f64)> = None;
    let components = only.map_or(0..case.x.len().min(COMPONENTS), |i| i..i + 1);
    for i in components {
        let s = case.scales[i];
        let given = derivative[i] * s;
        if let Some(measured) = measured_otherwise(case, order, &along(case, i), given) {
            let error = (given - measured).abs() / given.abs().max(measured.abs());
            if worst.is_none_or(|(most, ..)| error > most) {
                worst = Some((error, i, given / s, measured / s));
            }
        }
    }
    worst.map(|(_, i, given, measured)| (i, given, measured))
}

/// A missing rule is an error, not a zero: where components of a derivative are exactly 0, the derivative below must not
/// change. A derivative that is refused is as it must be.
pub(super) fn no_silent_zero(case: &Case<'_>) -> Result<(), Stop> {
    let [_, z, _] = &case.directions;
    for order in 1..=case.policy.order {
        let derivative = match derivative(case, order) {
            Ok(derivative) => derivative,
            Err(Refusal::NotOffered) if order > 1 => return Ok(()),
            Err(refusal @ Refusal::Failed(_)) if refusal.wrong_adjoint().is_none() => return Ok(()),
            Err(refusal) => return Err(refusal.into()),
        };
        let zeros: Vec<usize> = (0..derivative.len()).filter(|&i| derivative[i] == 0.0).collect();
        let mut together = vec![0.0; case.x.len()];
        zeros.iter().for_each(|&i| together[i] = z[i]);
        if zeros.is_empty() || measured_otherwise(case, order, &together, 0.0).is_none() {
            continue;
        }
        let measure = |&i: &usize| {
            let measured = measured_otherwise(case, order, &along(case, i), 0.0)?;
            Some((i, measured / case.scales[i]))
        };
        let found = zeros.iter().take(COMPONENTS).find_map(measure);
        let Some((i, expected)) = found else { continue };
        // A wrong gradient is the first thing to be said.
        if order > 1 && taylor::first(case).is_err() {
            return Ok(());
        }
        let [what, below] = NAMES[order - 1];
        return Err(Stop::Violated(Box::new(Violation {
            given: 0.0,
            expected,
            component: Some(i),
            terms: [what.into(), format!("differences of {below}")],
            how: How::Silent { order },
        })));
    }
    Ok(())
}

/// Each derivative, and that below it.
pub(crate) const NAMES: [[&str; 2]; 3] = [
    ["the gradient", "the values"],
    ["the Hessian-vector product", "the gradient"],
    ["the third derivative", "the Hessian-vector product"],
];

/// The derivative of this order, in the first direction but for one: a vector.
fn derivative<'c>(case: &'c Case<'_>, order: usize) -> Answer<&'c [f64]> {
    match order {
        1 => case.any_gradient(),
        2 => case.any_product(0),
        _ => case.any_third(0, 0),
    }
}

/// Component `i` in units of the value.
fn along(case: &Case<'_>, i: usize) -> Vec<f64> {
    let mut weights = vec![0.0; case.x.len()];
    weights[i] = case.scales[i];
    weights
}

/// What differences say of the components of a derivative, summed with these weights, if that is not what is claimed.
fn measured_otherwise(case: &Case<'_>, order: usize, weights: &[f64], claimed: f64) -> Option<f64> {
    let curve = Curve::sample(|t| below(case, order, weights, t), claimed, 0.0)?;
    let size = match order {
        1 => case.magnitude(),
        2 => second::size(case).ok()?,
        _ => 4.0 * third::size(case).ok()?,
    };
    let error = case.tolerance(size.max(claimed.abs()));
    let judged = |error: f64, noise: f64| match curve
        .judge(&[Claim { derivative: claimed, error }], noise)
    {
        Judgement::Wrong { measured, .. } => Some(measured),
        _ => None,
    };
    judged(error, 0.0)?;
    // Only now it matters how much is rounding.
    let noise = |order| noise(case, order, weights);
    judged(error + 4.0 * noise(order), noise(order - 1))
}

/// The derivative of the order below, at a distance `t`: of order 0 along the weights, of others in these components.
fn below(case: &Case<'_>, order: usize, weights: &[f64], t: f64) -> Option<Sample> {
    let derivative = match order {
        1 => return case.sample(t, weights),
        2 => case.gradient_on_line(t)?,
        _ => case.product_on_line(t)?,
    };
    let value = super::case::dot(&derivative, weights);
    value.is_finite().then(|| Sample { value, magnitude: size_of_dot(&derivative, weights) })
}

/// What a derivative of this order rounds by, in these components.
fn noise(case: &Case<'_>, order: usize, weights: &[f64]) -> f64 {
    let (noise, factor) = match order {
        0 => return case.value_noise(),
        1 => (case.gradient_noise(), 1.0),
        2 => (case.product_noise(), 1.0),
        _ => (case.third_noise(), 1.0),
    };
    let scaled = weights.iter().zip(&case.scales).map(|(w, s)| w.abs() / s);
    factor * scaled.zip(noise).map(|(w, noise)| w * noise).sum::<f64>()
}

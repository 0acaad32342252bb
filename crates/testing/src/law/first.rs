//! Laws of first derivatives.

use super::case::{dot, size_of_dot};
use super::{Case, How, Stop, Violation};
use crate::directions::Uneven;

/// Components of a gradient among which a wrong one is looked for: all of few inputs, some of many.
const COMPONENTS: usize = 16;

pub(super) fn lengths(case: &Case<'_>) -> Result<(), Stop> {
    let gradient = case.any_gradient()?;
    check_length(gradient.len(), case.x.len(), "the gradient")?;
    let [v, ..] = &case.directions;
    match case.subject.jvp(&case.x, v) {
        Ok(moved) => check_length(moved.len(), case.values.len(), "J·v"),
        Err(_) => Ok(()),
    }
}

fn check_length(given: usize, expected: usize, what: &str) -> Result<(), Stop> {
    if given == expected {
        return Ok(());
    }
    Err(Stop::Violated(Box::new(Violation {
        given: given as f64,
        expected: expected as f64,
        component: None,
        terms: [format!("entries of {what}"), "entries needed".into()],
        how: How::Plain(format!("{what} has a wrong length")),
    })))
}

pub(super) fn forward_is_reverse(case: &Case<'_>) -> Result<(), Stop> {
    let [v, ..] = &case.directions;
    let gradient = case.gradient()?;
    let sides = [dot(gradient, v), case.subject.slope(case.at(), v)?];
    let size = case.magnitude().max(size_of_dot(gradient, v));
    let noise = || case.gradient_noise().iter().sum::<f64>() + case.value_noise();
    let together = case.agree(sides, size, noise, |how| Violation {
        given: sides[0],
        expected: sides[1],
        component: None,
        terms: ["reverse mode".into(), "forward mode".into()],
        how,
    });
    // In a direction in which no component is 0 a wrong one shows; which one it is must be known only then.
    if together.is_err() {
        let mut uneven = Uneven::new(case.seed);
        let n = gradient.len();
        for k in 0..n.min(COMPONENTS) {
            component_is_forward(case, if n <= COMPONENTS { k } else { uneven.below(n) })?;
        }
    }
    together
}

fn component_is_forward(case: &Case<'_>, i: usize) -> Result<(), Stop> {
    let gradient = case.gradient()?;
    let mut v = vec![0.0; gradient.len()];
    v[i] = case.scales[i];
    let forward = case.subject.slope(case.at(), &v)?;
    let noise = || case.gradient_noise().get(i).copied().unwrap_or(0.0) + case.value_noise();
    case.agree([gradient[i] * v[i], forward], case.magnitude(), noise, |how| Violation {
        given: gradient[i],
        expected: forward / v[i],
        component: Some(i),
        terms: ["reverse mode".into(), "forward mode".into()],
        how,
    })
}

pub(super) fn adjoint(case: &Case<'_>) -> Result<(), Stop> {
    let [v, ..] = &case.directions;
    let gradient = case.gradient()?;
    let pulled = case.subject.vjp(case.at())?;
    let noise =
        |i: usize| case.gradient_noise().get(i).copied().unwrap_or(0.0) + case.value_noise();
    for (i, (&pulled, &gradient)) in pulled.iter().zip(gradient).enumerate() {
        let s = case.scales[i];
        case.agree(
            [pulled * s, gradient * s],
            case.magnitude(),
            || noise(i),
            |how| Violation {
                given: pulled,
                expected: gradient,
                component: Some(i),
                terms: ["Jᵀw of the recorded function".into(), "the gradient of ⟨w, f⟩".into()],
                how,
            },
        )?;
    }
    let moved = case.subject.jvp(&case.x, v)?;
    let sides = [dot(&case.w, &moved), dot(&pulled, v)];
    let size = size_of_dot(&case.w, &moved).max(size_of_dot(&pulled, v)).max(case.magnitude());
    let noise = || case.gradient_noise().iter().sum::<f64>() + case.value_noise();
    case.agree(sides, size, noise, |how| Violation {
        given: sides[0],
        expected: sides[1],
        component: None,
        terms: ["⟨w, Jv⟩".into(), "⟨Jᵀw, v⟩".into()],
        how,
    })
}

//! Laws of first derivatives.

use super::case::{dot, size_of_dot};
use super::{Case, How, Stop, Violation};
use crate::directions::Uneven;

/// Components of a gradient that are compared with forward derivatives: all of few inputs, some of many.
const COMPONENTS: usize = 16;

pub(super) fn lengths(case: &Case<'_>) -> Result<(), Stop> {
    let gradient = case.subject.gradient(case.at())?;
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
    let gradient = case.gradient()?;
    let n = gradient.len();
    let mut uneven = Uneven::new(case.seed);
    for k in 0..n.min(COMPONENTS) {
        let i = if n <= COMPONENTS { k } else { uneven.below(n) };
        let mut v = vec![0.0; n];
        v[i] = case.scales[i];
        let forward = case.subject.slope(case.at(), &v)?;
        let reverse = gradient[i] * v[i];
        let noise = || case.gradient_noise().get(i).copied().unwrap_or(0.0) + case.value_noise();
        case.agree([reverse, forward], case.magnitude(), noise, |how| Violation {
            given: gradient[i],
            expected: forward / v[i],
            component: Some(i),
            terms: ["reverse mode".into(), "forward mode".into()],
            how,
        })?;
    }
    Ok(())
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

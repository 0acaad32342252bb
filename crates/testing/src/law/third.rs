//! Laws of third derivatives that need no values.

use super::case::{dot, finite, largest, size_of_dot};
use super::second::same_vectors;
use super::{Case, Stop, Violation, second};
use crate::subject::{Refusal, Route};

/// The size of what third derivatives are made of.
pub(super) fn size(case: &Case<'_>) -> Result<f64, Stop> {
    Ok(second::size(case)?.max(largest(&case.scaled(case.product(1)?))))
}

/// What a third derivative in a direction may round by.
fn noise(case: &Case<'_>) -> f64 {
    case.third_noise().iter().sum()
}

/// Two third derivatives that must be one, component by component.
fn same(case: &Case<'_>, both: [&[f64]; 2], size: f64, terms: [&str; 2]) -> Result<(), Stop> {
    same_vectors(case, both, 4.0 * size, Case::third_noise, terms)
}

pub(super) fn symmetry(case: &Case<'_>) -> Result<(), Stop> {
    let [u, _, z] = &case.directions;
    let (of_uv, of_vu, of_zv) = (case.third(0, 1)?, case.third(1, 0)?, case.third(2, 1)?);
    let size = size(case)?.max(largest(&case.scaled(of_uv))).max(largest(&case.scaled(of_zv)));
    same(case, [of_uv, of_vu], size, ["∇³φ[u, v]", "∇³φ[v, u]"])?;
    let sides = [dot(of_uv, z), dot(of_zv, u)];
    let size = size.max(size_of_dot(of_uv, z)).max(size_of_dot(of_zv, u));
    case.agree(
        sides,
        4.0 * size,
        || noise(case),
        |how| Violation {
            given: sides[0],
            expected: sides[1],
            component: None,
            terms: ["∇³φ[u, v]·z".into(), "∇³φ[z, v]·u".into()],
            how,
        },
    )
}

pub(super) fn modes(case: &Case<'_>) -> Result<(), Stop> {
    let [u, v, _] = &case.directions;
    let third = case.third(0, 1)?;
    let size = size(case)?.max(largest(&case.scaled(third)));
    let mut compared = false;
    for route in [Route::Linearized, Route::ReverseOverReverse] {
        let another = match case.subject.third_derivative(case.at(), u, v, route) {
            Err(Refusal::NotOffered) => continue,
            answer => finite(answer?, "the third derivative")?,
        };
        compared = true;
        let terms = [&*route.to_string(), "reverse over nested duals"];
        same(case, [&another, third], size, terms)?;
    }
    let forward = match case.subject.derivatives_along(case.at(), u, 3) {
        Err(Refusal::NotOffered) if compared => return Ok(()),
        answer => answer?[3],
    };
    let third = case.third(0, 0)?;
    let along = dot(third, u);
    let size = 4.0 * size.max(size_of_dot(third, u));
    case.agree(
        [forward, along],
        size,
        || noise(case),
        |how| Violation {
            given: forward,
            expected: along,
            component: None,
            terms: ["∇³φ[v, v, v] by forward mode".into(), "∇³φ[v, v]·v by reverse mode".into()],
            how,
        },
    )
}

//! Laws of second derivatives that need no values.

use super::case::{dot, finite, largest, size_of_dot};
use super::{Case, Stop, Violation};
use crate::subject::{Refusal, Route};

/// The size of what second derivatives are made of.
pub(super) fn size(case: &Case<'_>) -> Result<f64, Stop> {
    Ok(case.magnitude().max(largest(&case.scaled(case.gradient()?))))
}

pub(super) fn linearity(case: &Case<'_>) -> Result<(), Stop> {
    let [u, v, _] = &case.directions;
    let (a, b) = (0.75, -1.375);
    let sum: Vec<f64> = u.iter().zip(v).map(|(u, v)| a * u + b * v).collect();
    let (of_u, of_v) = (case.product(0)?, case.product(1)?);
    let of_sum = finite(case.hvp_at(case.at(), &sum)?, "the Hessian-vector product")?;
    let combined: Vec<f64> = of_u.iter().zip(of_v).map(|(u, v)| a * u + b * v).collect();
    let sizes: Vec<f64> = of_u.iter().zip(of_v).map(|(u, v)| u.abs() + 2.0 * v.abs()).collect();
    let size = size(case)?.max(largest(&case.scaled(&sizes)));
    same_products(case, [&of_sum, &combined], size, ["H(au + bv)", "aHu + bHv"])
}

pub(super) fn symmetry(case: &Case<'_>) -> Result<(), Stop> {
    let [u, v, _] = &case.directions;
    let (of_u, of_v) = (case.product(0)?, case.product(1)?);
    let sides = [dot(u, of_v), dot(v, of_u)];
    let size = size(case)?.max(size_of_dot(u, of_v)).max(size_of_dot(v, of_u));
    let noise = || case.product_noise().iter().sum();
    case.agree(sides, size, noise, |how| Violation {
        given: sides[0],
        expected: sides[1],
        component: None,
        terms: ["uᵀHv".into(), "vᵀHu".into()],
        how,
    })
}

pub(super) fn modes(case: &Case<'_>) -> Result<(), Stop> {
    let [_, v, _] = &case.directions;
    let product = case.product(1)?;
    let size = size(case)?.max(largest(&case.scaled(product)));
    let mut compared = false;
    for route in [Route::Linearized, Route::ReverseOverReverse] {
        let another = match case.subject.hvp(case.at(), v, route) {
            Err(Refusal::NotOffered) => continue,
            answer => finite(answer?, "the Hessian-vector product")?,
        };
        compared = true;
        same_products(
            case,
            [&another, product],
            size,
            [&route.to_string(), "forward over reverse"],
        )?;
    }
    let forward = match case.subject.derivatives_along(case.at(), v, 2) {
        Err(Refusal::NotOffered) if compared => return Ok(()),
        answer => answer?[2],
    };
    let curvature = dot(v, product);
    let noise = || case.product_noise().iter().sum();
    case.agree([forward, curvature], size.max(size_of_dot(v, product)), noise, |how| Violation {
        given: forward,
        expected: curvature,
        component: None,
        terms: ["vᵀHv by forward over forward".into(), "vᵀHv by forward over reverse".into()],
        how,
    })
}

/// Two products that must be one, component by component.
pub(super) fn same_products(
    case: &Case<'_>,
    both: [&[f64]; 2],
    size: f64,
    terms: [&str; 2],
) -> Result<(), Stop> {
    same_vectors(case, both, size, Case::product_noise, terms)
}

/// Two vectors that must be one, component by component, but for rounding of which `noise` tells.
pub(super) fn same_vectors<'c, 'a>(
    case: &'c Case<'a>,
    [given, expected]: [&[f64]; 2],
    size: f64,
    noise: fn(&'c Case<'a>) -> &'c [f64],
    terms: [&str; 2],
) -> Result<(), Stop> {
    for (i, (&given, &expected)) in given.iter().zip(expected).enumerate() {
        let s = case.scales[i];
        let noise = || noise(case).get(i).copied().unwrap_or(0.0);
        case.agree([given * s, expected * s], size, noise, |how| Violation {
            given,
            expected,
            component: Some(i),
            terms: terms.map(str::to_owned),
            how,
        })?;
    }
    Ok(())
}

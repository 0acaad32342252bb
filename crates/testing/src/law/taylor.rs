//! Taylor remainders: derivatives held against the values.

use super::case::{dot, largest, size_of_dot};
use super::{Case, How, Stop, Violation, second};
use crate::check::Kinks;
use crate::curve::{Claim, Judgement};

pub(super) fn first(case: &Case<'_>) -> Result<(), Stop> {
    let gradient = case.any_gradient()?;
    let [v, ..] = &case.directions;
    if gradient.iter().any(|g| !g.is_finite()) {
        return smooth_all_the_same(case, &[], "the gradient");
    }
    let claims = [slope(case, gradient, v)];
    judge(case, &claims, "the gradient along the direction")
}

pub(super) fn second(case: &Case<'_>) -> Result<(), Stop> {
    let [v, ..] = &case.directions;
    let product = case.any_product(0)?;
    let along = slope(case, case.gradient()?, v);
    if product.iter().any(|h| !h.is_finite()) {
        return smooth_all_the_same(case, &[along], "the Hessian-vector product");
    }
    let claims = [along, curvature(case, product, v)?];
    judge(case, &claims, "vᵀHv")
}

pub(super) fn third(case: &Case<'_>) -> Result<(), Stop> {
    let [v, ..] = &case.directions;
    let (product, third) = (case.product(0)?, case.third(0, 0)?);
    let size = second::size(case)?.max(largest(&case.scaled(product)));
    let error = 4.0 * case.tolerance(size.max(size_of_dot(third, v)));
    let claims = [
        slope(case, case.gradient()?, v),
        curvature(case, product, v)?,
        Claim { derivative: dot(third, v), error },
    ];
    judge(case, &claims, "∇³φ[v, v, v]")
}

fn slope(case: &Case<'_>, gradient: &[f64], v: &[f64]) -> Claim {
    let size = case.magnitude().max(size_of_dot(gradient, v));
    Claim { derivative: dot(gradient, v), error: case.tolerance(size) }
}

fn curvature(case: &Case<'_>, product: &[f64], v: &[f64]) -> Result<Claim, Stop> {
    let size = second::size(case)?.max(size_of_dot(product, v));
    Ok(Claim { derivative: dot(product, v), error: case.tolerance(size) })
}

/// Judges the last claim along the first direction.
fn judge(case: &Case<'_>, claims: &[Claim], what: &str) -> Result<(), Stop> {
    if case.x.is_empty() {
        return Ok(());
    }
    let Some(curve) = case.curve() else {
        return Err(Stop::Rejected("the value is not finite".into()));
    };
    if curve.judge(claims, 0.0) == Judgement::Holds {
        return Ok(());
    }
    // Only now it matters how much is rounding.
    let noise = case.value_noise();
    let claims: Vec<Claim> = claims
        .iter()
        .enumerate()
        .map(|(i, &claim)| Claim { error: claim.error + 4.0 * noise_of(case, i + 1), ..claim })
        .collect();
    let order = claims.len();
    let claimed = claims.last().map_or(0.0, |claim| claim.derivative);
    let violation = |expected: f64, how: How| Violation {
        given: claimed,
        expected,
        component: None,
        terms: [what.into(), "differences of the values".into()],
        how,
    };
    match curve.judge(&claims, noise) {
        Judgement::Holds => Ok(()),
        Judgement::Wrong { .. } if varies_too_fast(case, order)? => Err(Stop::Rejected(
            "the function varies too fast to be compared with differences".into(),
        )),
        Judgement::Edge => Err(Stop::Rejected("the point is at the edge of the domain".into())),
        Judgement::Kink { slope } if case.policy.kinks == Kinks::Report => {
            Err(Stop::Violated(Box::new(violation(f64::NAN, How::Kink { slope }))))
        }
        Judgement::Kink { .. } => Err(Stop::Rejected(format!("a kink of order {order}"))),
        Judgement::Wrong { slope, measured } => {
            let steps = curve.table(&claims, noise);
            let how = How::Measured { order, slope: slope.max(order as f64), steps };
            Err(Stop::Violated(Box::new(violation(measured, how))))
        }
    }
}

/// How much of a derivative rounding is believed to be.
const ROUNDING: f64 = 1e-5;

/// Whether what was measured as rounding of a derivative is more than rounding can be: then the function varies within the
/// points that were looked at, steps that are large beside that say nothing of its derivatives, and small ones are hidden.
fn varies_too_fast(case: &Case<'_>, order: usize) -> Result<bool, Stop> {
    let (noise, derivative, size) = match order {
        1 => (case.gradient_noise(), case.gradient()?, case.magnitude()),
        _ => (case.product_noise(), case.product(1)?, second::size(case)?),
    };
    let noise: f64 = noise.iter().sum();
    Ok(noise > case.tolerance(size) && noise > ROUNDING * largest(&case.scaled(derivative)))
}

/// What a derivative along a direction rounds by.
fn noise_of(case: &Case<'_>, order: usize) -> f64 {
    match order {
        1 => case.gradient_noise().iter().sum(),
        2 => case.product_noise().iter().sum(),
        _ => case.third_noise().iter().sum(),
    }
}

/// A derivative is not finite: that is right at a kink or an edge, and wrong where the values say that there is one.
fn smooth_all_the_same(case: &Case<'_>, below: &[Claim], what: &str) -> Result<(), Stop> {
    let mut claims = below.to_vec();
    claims.push(Claim { derivative: 0.0, error: 0.0 });
    match case.curve().map(|curve| curve.judge(&claims, case.value_noise())) {
        Some(Judgement::Wrong { measured, .. }) => Err(Stop::Violated(Box::new(Violation {
            given: f64::NAN,
            expected: measured,
            component: None,
            terms: [format!("{what} along the direction"), "differences of the values".into()],
            how: How::Plain(format!("{what} is not finite where the function is smooth")),
        }))),
        _ => Err(Stop::Rejected(format!("{what} is not finite"))),
    }
}

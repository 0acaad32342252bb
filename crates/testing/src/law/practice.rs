//! Laws of recordings and of precisions.

use super::case::{dot, largest};
use super::{Case, How, Stop, Violation};
use crate::subject::{Answer, At, Refusal, Replayed};

/// Products taken at once.
const LANES: usize = 5;

pub(super) fn replay(case: &Case<'_>) -> Result<(), Stop> {
    let [_, v, _] = &case.directions;
    let order = case.policy.order;
    let fresh = case.subject.replayed(&case.x, case.at(), v, order)?;
    let value = dot(&case.w, &case.values);
    case.agree(
        [fresh.value, value],
        case.magnitude(),
        || case.value_noise(),
        |how| Violation {
            given: fresh.value,
            expected: value,
            component: None,
            terms: ["the value, recorded".into(), "the value".into()],
            how,
        },
    )?;
    let Ok(replayed) = case.subject.replayed(&case.other, case.at(), v, order) else {
        return Err(Refusal::NotOffered.into());
    };
    let flat = |r: &Replayed| [vec![r.value], r.gradient.clone(), r.product.clone()].concat();
    let place = |i: usize| match i.checked_sub(1) {
        None => ("the value", None),
        Some(i) if i < case.x.len() => ("the gradient", Some(i)),
        Some(i) => ("the Hessian-vector product", Some(i - case.x.len())),
    };
    same_bits(&flat(&replayed), &flat(&fresh), |i| {
        let (what, component) = place(i);
        (component, [format!("{what}, replayed"), format!("{what}, recorded afresh")])
    })
}

pub(super) fn lanes(case: &Case<'_>) -> Result<(), Stop> {
    let n = case.x.len();
    let vs: Vec<Vec<f64>> = (0..LANES)
        .map(|k| {
            let [u, v, z] = &case.directions;
            (0..n).map(|i| [u[i], v[i], z[i], v[n - 1 - i], 0.5 * u[i] - z[i]][k]).collect()
        })
        .collect();
    let [together, alone] = case.subject.lanes(case.at(), &vs)?;
    same_bits(&together.concat(), &alone.concat(), |i| {
        (Some(i % n), ["the product among several".into(), "the product alone".into()])
    })
}

fn same_bits(
    given: &[f64],
    expected: &[f64],
    name: impl Fn(usize) -> (Option<usize>, [String; 2]),
) -> Result<(), Stop> {
    let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
    let Some(i) = given.iter().zip(expected).position(|pair| !same(pair)) else {
        return Ok(());
    };
    let (component, terms) = name(i);
    let how = How::Compared { tolerance: 0.0 };
    let (given, expected) = (given[i], expected[i]);
    Err(Stop::Violated(Box::new(Violation { given, expected, component, terms, how })))
}

/// Values, and the gradient in units of the scales.
pub(super) fn single(case: &Case<'_>) -> Result<(), Stop> {
    let x32: Vec<f32> = case.x.iter().map(|&x| x as f32).collect();
    let x: Vec<f64> = x32.iter().map(|&x| f64::from(x)).collect();
    let numbers = |values: &[f64], gradient: &[f64]| [values, &case.scaled(gradient)].concat();
    let (values, gradient) = case.subject.single(&x32, &case.w)?;
    let wide = |x: &[f32]| x.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
    let given = numbers(&wide(&values), &wide(&gradient));
    let double = |x: &[f64]| -> Answer<Vec<f64>> {
        Ok(numbers(&case.subject.values(x)?, &case.subject.gradient(At { x, w: &case.w })?))
    };
    let expected = double(&x)?;
    // In single precision the point, and each number on the way, is known to half the digits: what that makes of the
    // numbers shows in double precision at points as far away.
    let mut spread = vec![0.0_f64; expected.len()];
    for v in &case.directions {
        for step in [-8.0, -2.0, 2.0, 8.0] {
            let t = step * f64::from(f32::EPSILON);
            let moved: Vec<f64> = x.iter().zip(v).map(|(x, v)| x + t * v).collect();
            let Ok(moved) = double(&moved) else {
                return Err(Stop::Rejected("the point is at the edge of the domain".into()));
            };
            for (spread, (a, b)) in spread.iter_mut().zip(moved.iter().zip(&expected)) {
                *spread = spread.max((a - b).abs());
            }
        }
    }
    let ratio = f64::from(f32::EPSILON) / f64::EPSILON;
    let underflow = f64::from(f32::MIN_POSITIVE / f32::EPSILON);
    let allowed = ratio * case.tolerance(case.magnitude().max(largest(&expected))) + underflow;
    for (k, (&given, &expected)) in given.iter().zip(&expected).enumerate() {
        let component = k.checked_sub(values.len());
        let difference = (given - expected).abs();
        // An overflow is not an error of a derivative.
        if !difference.is_finite() || difference <= allowed + 64.0 * spread[k] {
            continue;
        }
        let noise = component.and_then(|i| case.gradient_noise().get(i)).copied().unwrap_or(0.0);
        let tolerance = allowed
            + 64.0 * spread[k]
            + case.policy.tolerance.noise * ratio * (noise + case.value_noise());
        if difference > tolerance {
            let (s, what) = match component {
                Some(i) => (case.scales[i], "the gradient"),
                None => (1.0, "the value"),
            };
            return Err(Stop::Violated(Box::new(Violation {
                given: given / s,
                expected: expected / s,
                component,
                terms: [format!("{what} in f32"), format!("{what} in f64")],
                how: How::Compared { tolerance: tolerance / s },
            })));
        }
    }
    Ok(())
}

//! The minimum of a quadratic model within a ball.

use crate::dense::Eigen;
use crate::vector::dot;
use crate::{Error, Real};

/// A step and by how much the model falls along it.
#[derive(Debug)]
pub(super) struct BallStep<S> {
    pub(super) step: Vec<S>,
    pub(super) decrease: S,
}

/// Minimises `gᵀp + ½ pᵀBp` over `‖p‖ ≤ radius` by the eigenvalues of the dense `B`, hard case included (Nocedal & Wright,
/// §4.3): `p = −(B + μI)⁻¹ g` with the least `μ ≥ 0` that makes `B + μI` positive semidefinite and `p` short enough, and, if
/// `p` is then too short, as far along the lowest eigenvector as the ball reaches. `O(n³)`; `None` if an entry is not finite.
pub(super) fn minimize_in_ball<S: Real>(
    matrix: &[S],
    gradient: &[S],
    radius: S,
) -> Result<Option<BallStep<S>>, Error> {
    let n = gradient.len();
    let Some(eigen) = Eigen::new(n, matrix)? else { return Ok(None) };
    let vectors: Vec<Vec<S>> = (0..n).map(|k| eigen.vector(k)).collect();
    let slopes: Vec<f64> = vectors.iter().map(|v| dot(v, gradient).as_f64()).collect();
    let (coordinates, decrease) = in_eigenvectors(&eigen.values, &slopes, radius.as_f64());
    let mut step = vec![S::zero(); n];
    for (v, &c) in vectors.iter().zip(&coordinates) {
        crate::vector::axpy(S::constant(c), v, &mut step);
    }
    let finite = decrease.is_finite() && step.iter().all(|p| p.is_finite());
    Ok(finite.then_some(BallStep { step, decrease: S::constant(decrease) }))
}

/// The step in the coordinates of the eigenvectors, in which the model is a sum of parabolas.
fn in_eigenvectors(eigenvalues: &[f64], slopes: &[f64], radius: f64) -> (Vec<f64>, f64) {
    let largest = eigenvalues.iter().fold(0.0, |max: f64, l| max.max(l.abs()));
    let lowest = eigenvalues[0];
    let tiny = f64::EPSILON * largest;
    let at = |shift: f64| -> Vec<f64> {
        let coordinate = |(&l, &g): (&f64, &f64)| {
            // 0/0 is a direction in which the model is flat.
            if l + shift <= tiny && g.abs() <= tiny * radius { 0.0 } else { -g / (l + shift) }
        };
        eigenvalues.iter().zip(slopes).map(coordinate).collect()
    };
    let length = |p: &[f64]| p.iter().fold(0.0, |sum, p| sum + p * p).sqrt();
    let least = (-lowest).max(0.0);
    let mut step = at(least);
    let within = length(&step) <= radius;
    if !within {
        step = at(boundary_shift(eigenvalues, slopes, radius, least));
        let excess = radius / length(&step);
        step.iter_mut().for_each(|p| *p *= excess);
    } else if lowest < 0.0 {
        // The hard case: on along the lowest eigenvector, to the side that does not lead uphill.
        let room = (radius * radius - step.iter().skip(1).fold(0.0, |sum, p| sum + p * p)).max(0.0);
        step[0] = if slopes[0] > 0.0 { -room.sqrt() } else { room.sqrt() };
    }
    let change = |((&l, &g), &p): ((&f64, &f64), &f64)| g * p + 0.5 * l * p * p;
    let decrease = -eigenvalues.iter().zip(slopes).zip(&step).map(change).sum::<f64>();
    (step, decrease)
}

/// The shift for which the step reaches the boundary: Newton's method on `1/radius − 1/‖p‖`, kept in a bracket.
fn boundary_shift(eigenvalues: &[f64], slopes: &[f64], radius: f64, least: f64) -> f64 {
    let sum = |shift: f64, power: i32| -> f64 {
        eigenvalues.iter().zip(slopes).map(|(l, g)| g * g / (l + shift).powi(power)).sum()
    };
    let gradient_norm = slopes.iter().map(|g| g * g).sum::<f64>().sqrt();
    let (mut low, mut high) = (least, gradient_norm / radius - eigenvalues[0]);
    let mut shift = (slopes[0].abs() / radius - eigenvalues[0]).max(least);
    for _ in 0..100 {
        let length = sum(shift, 2).sqrt();
        if (length - radius).abs() <= 1e-12 * radius {
            break;
        }
        if length > radius {
            low = low.max(shift);
        } else {
            high = high.min(shift);
        }
        let next = shift + (length - radius) / radius * length * length / sum(shift, 3);
        shift = if next > low && next < high { next } else { 0.5 * (low + high) };
        if high - low <= f64::EPSILON * high {
            break;
        }
    }
    shift
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// `(B + μI) p = −g`, `μ ≥ 0`, `B + μI ⪰ 0`, `μ (radius − ‖p‖) = 0` (Nocedal & Wright, Theorem 4.1), read off the
        /// eigenvectors; and no random point is lower.
        #[test]
        fn no_point_in_the_ball_is_lower(
            diagonal in prop::collection::vec(-2.0..3.0_f64, 3),
            coupling in -1.0..1.0_f64,
            gradient in prop::collection::vec(prop_oneof![Just(0.0), -1.0..1.0_f64], 3),
            magnitude in -3.0..2.0_f64,
            others in prop::collection::vec(prop::collection::vec(-1.0..1.0_f64, 3), 20),
        ) {
            let radius = 10_f64.powf(magnitude);
            let [a, b, c] = [diagonal[0], diagonal[1], diagonal[2]];
            let matrix = [a, coupling, 0.0, coupling, b, 0.3, 0.0, 0.3, c];
            let model = |p: &[f64]| -> f64 {
                (0..3).map(|i| p[i] * (gradient[i] + 0.5 * dot(&matrix[3 * i..][..3], p))).sum()
            };
            let found = minimize_in_ball(&matrix, &gradient, radius).unwrap().unwrap();
            let scale = radius * (1.0 + radius);
            prop_assert!(dot(&found.step, &found.step).sqrt() <= radius * (1.0 + 1e-9));
            prop_assert!((model(&found.step) + found.decrease).abs() < 1e-12 * scale);
            for other in others {
                let length = dot(&other, &other).sqrt().max(1e-9);
                let point: Vec<f64> = other.iter().map(|o| o / length * radius).collect();
                prop_assert!(model(&point) >= -found.decrease - 1e-12 * scale);
                let nearer: Vec<f64> = found.step.iter().zip(&point).map(|(s, p)| 0.999 * s + 1e-3 * p).collect();
                prop_assert!(model(&nearer) >= -found.decrease - 1e-12 * scale);
            }
        }
    }

    #[test]
    fn the_hard_case() {
        // The gradient is orthogonal to the eigenvector of −2.
        let found =
            minimize_in_ball(&[-2.0, 0.0, 0.0, 1.0_f64], &[0.0, 0.3], 5.0).unwrap().unwrap();
        assert!((found.step[1] + 0.1).abs() < 1e-14, "{found:?}");
        assert!((dot(&found.step, &found.step) - 25.0).abs() < 1e-12, "{found:?}");
        assert!(minimize_in_ball(&[f64::NAN], &[1.0], 1.0).unwrap().is_none());
    }
}

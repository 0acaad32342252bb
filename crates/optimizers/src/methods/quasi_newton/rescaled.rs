//! The inverse of BFGS, with its first matrix scaled by what was learnt last.

use dualtape_autodiff::Real;

use super::matrix::multiply;
use super::pair::{Safeguard, Updated, unit_factors};
use crate::error::Error;
use crate::linalg::{axpy, dot, scale};

/// The inverse that BFGS makes of `γI` for all pairs so far, with the `γ = sᵀs/sᵀy` of the newest, in `2n²` numbers: what L-BFGS with
/// an unlimited memory works with (Liu & Nocedal, Math. Programming 45 (1989)) but for its `γ = sᵀy/yᵀy`.
///
/// Both are steps of Barzilai & Borwein. The longer one goes by the curvature along `s`, the other by the largest of those that
/// `s` has a share in, and so it keeps directions of which nothing is known yet too short. (The bench `gradients` counts a tenth
/// fewer gradients in the mean, on badly scaled fits and quadratics half of them.)
///
/// The update with a pair scaled to `yᵀs = 1` is affine in the matrix,
///
/// ```text
/// H ← V H Vᵀ + s sᵀ,    V = I − s yᵀ
/// ```
///
/// so that `H = γA + C` for any `γ`, where `A`, from `I`, and `C`, from 0, take `A ← V A Vᵀ` and `C ← V C Vᵀ + s sᵀ`. After `n`
/// conjugate steps `A` is 0, and `H` the inverse Hessian of a quadratic, whatever `γ` was.
#[derive(Debug, Clone)]
pub(super) struct RescaledInverse<S> {
    safeguard: Safeguard<S>,
    gamma: S,
    /// `A` and `C`, row by row.
    linear: Vec<S>,
    constant: Vec<S>,
    /// The pair of an update, and a product.
    s: Vec<S>,
    y: Vec<S>,
    product: Vec<S>,
}

impl<S: Real> RescaledInverse<S> {
    /// `I` of order `n`.
    pub(super) fn new(safeguard: Safeguard<S>, n: usize) -> Self {
        let vector = vec![S::zero(); n];
        let matrix = vec![S::zero(); n * n];
        let [s, y, product] = [vector.clone(), vector.clone(), vector];
        let (linear, constant) = (matrix.clone(), matrix);
        let mut inverse =
            RescaledInverse { safeguard, gamma: S::one(), linear, constant, s, y, product };
        inverse.reset(S::one());
        inverse
    }

    /// Forgets everything: `γI`.
    pub(super) fn reset(&mut self, gamma: S) {
        self.gamma = gamma;
        self.constant.fill(S::zero());
        self.linear.fill(S::zero());
        self.linear.iter_mut().step_by(self.s.len() + 1).for_each(|entry| *entry = S::one());
    }

    pub(super) fn apply(&self, v: &[S], out: &mut [S]) {
        let rows = self.linear.chunks_exact(v.len()).zip(self.constant.chunks_exact(v.len()));
        for (out, (linear, constant)) in out.iter_mut().zip(rows) {
            *out = self.gamma * dot(linear, v) + dot(constant, v);
        }
    }

    /// Takes in a pair. `O(n²)`, without allocation.
    pub(super) fn update(&mut self, s: &[S], y: &[S]) -> Result<Updated, Error> {
        self.safeguard.check()?;
        self.s.copy_from_slice(s);
        self.y.copy_from_slice(y);
        let (least, updated) = match self.safeguard {
            Safeguard::Skip(least) => (least, Updated::Exactly),
            Safeguard::Damp(delta) => (S::zero(), self.damp(delta)),
        };
        let Some([_, s_factor, y_factor]) = unit_factors(&self.s, &self.y, least) else {
            return Ok(Updated::Skipped);
        };
        scale(s_factor, &mut self.s);
        scale(y_factor, &mut self.y);
        // As sᵀy = 1.
        let gamma = dot(&self.s, &self.s);
        if !gamma.is_normal() {
            return Ok(Updated::Skipped);
        }
        self.gamma = gamma;
        for (matrix, added) in [(&mut self.linear, S::zero()), (&mut self.constant, S::one())] {
            multiply(matrix, &self.y, &mut self.product);
            let (s, p) = (&self.s, &self.product);
            let weight = dot(&self.y, p) + added;
            for ((row, &pi), &si) in matrix.chunks_exact_mut(s.len()).zip(p).zip(s) {
                for ((m, &pj), &sj) in row.iter_mut().zip(p).zip(s) {
                    // Each term is the same when i and j change places, to the last bit.
                    *m += weight * (si * sj) - (si * pj + pi * sj);
                }
            }
        }
        Ok(updated)
    }

    /// Powell's damping, see [`Safeguard::Damp`].
    fn damp(&mut self, delta: S) -> Updated {
        let mut image = std::mem::take(&mut self.product);
        self.apply(&self.y, &mut image);
        let (curvature, expected) = (dot(&self.s, &self.y), dot(&self.y, &image));
        let damped = curvature < delta * expected;
        if damped {
            let theta = (S::one() - delta) * expected / (expected - curvature);
            scale(theta, &mut self.s);
            axpy(S::one() - theta, &image, &mut self.s);
        }
        self.product = image;
        if damped { Updated::Damped } else { Updated::Exactly }
    }
}

#[cfg(test)]
mod tests {
    use super::super::matrix::{Form, QuasiNewtonMatrix, UpdateRule};
    use super::*;
    use crate::linalg::LinearOperator;

    /// Curvatures of a quadratic.
    const CURVATURES: [f64; 4] = [1e-3, 0.5, 2.0, 1e3];

    /// Steps that are not conjugate, with the changes of the gradient.
    fn pairs() -> Vec<[Vec<f64>; 2]> {
        let steps = [[1.0, 0.2, -0.1, 1e-3], [0.3, -1.0, 0.5, 2e-3], [-4.0, 0.1, 1.0, 1e-3]];
        let change = |s: &[f64]| s.iter().zip(CURVATURES).map(|(s, c)| s * c).collect();
        steps.iter().map(|s| [s.to_vec(), change(s)]).collect()
    }

    fn assert_equal(found: &RescaledInverse<f64>, expected: &QuasiNewtonMatrix<f64>) {
        for i in 0..4 {
            let (mut unit, mut a, mut b) = ([0.0; 4], [0.0; 4], [0.0; 4]);
            unit[i] = 1.0;
            found.apply(&unit, &mut a);
            expected.apply(&unit, &mut b).unwrap();
            let size = b.iter().fold(0.0, |size: f64, b| size.max(b.abs()));
            assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-10 * size), "{a:?} {b:?}");
        }
    }

    #[test]
    fn all_pairs_apply_to_the_scale_of_the_newest() {
        let mut rescaled = RescaledInverse::new(Safeguard::default(), 4);
        rescaled.reset(0.3);
        for (count, [s, y]) in (1..).zip(pairs()) {
            assert_eq!(rescaled.update(&s, &y).unwrap(), Updated::Exactly);
            let (gamma, rule) = (dot(&s, &s) / dot(&s, &y), UpdateRule::Bfgs);
            let mut kept = QuasiNewtonMatrix::scaled_identity(Form::Inverse, rule, 4, gamma);
            for [s, y] in &pairs()[..count] {
                kept.update(s, y).unwrap();
            }
            assert_equal(&rescaled, &kept);
        }
    }

    #[test]
    fn conjugate_steps_leave_nothing_of_the_first_matrix() {
        let mut rescaled = RescaledInverse::new(Safeguard::default(), 4);
        for (i, curvature) in CURVATURES.into_iter().enumerate() {
            let (mut s, mut y) = ([0.0; 4], [0.0; 4]);
            (s[i], y[i]) = (0.7, 0.7 * curvature);
            rescaled.update(&s, &y).unwrap();
        }
        let mut x = [0.0; 4];
        rescaled.apply(&CURVATURES, &mut x);
        assert!(x.iter().all(|x| (x - 1.0).abs() < 1e-12), "{x:?}");
        assert!(rescaled.linear.iter().all(|a| a.abs() < 1e-12), "{rescaled:?}");
    }

    /// As with a matrix that is kept: what curves down is left out, or damped.
    #[test]
    fn negative_curvature_is_kept_out() {
        let [s, y] = [[1.0_f64, 0.0, 0.0, 0.0], [-2.0, 0.0, 0.0, 0.0]];
        let mut rescaled = RescaledInverse::new(Safeguard::default(), 4);
        assert_eq!(rescaled.update(&s, &y).unwrap(), Updated::Skipped);
        let mut rescaled = RescaledInverse::new(Safeguard::Damp(0.2), 4);
        assert_eq!(rescaled.update(&s, &y).unwrap(), Updated::Damped);
        let mut product = [0.0; 4];
        rescaled.apply(&y, &mut product);
        // yᵀHy is δ times what it was.
        assert!((dot(&y, &product) - 0.2 * 4.0).abs() < 1e-14, "{product:?}");
    }
}

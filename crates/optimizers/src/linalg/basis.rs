//! Orthonormal vectors, and the one Gram–Schmidt process of the crate.

use std::slice::ChunksExact;

use dualtape_autodiff::Real;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use super::vector::{axpy, dot, norm, scale};

/// Orthonormal vectors `q₁, q₂, …` of length `n`: the columns of `Q`, one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Basis<S> {
    n: usize,
    entries: Vec<S>,
}

impl<S: Real> Basis<S> {
    /// No vectors yet.
    pub(crate) fn new(n: usize) -> Self {
        Basis { n, entries: Vec::new() }
    }

    /// The number of vectors.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() / self.n.max(1)
    }

    pub(crate) fn vector(&self, k: usize) -> &[S] {
        &self.entries[k * self.n..(k + 1) * self.n]
    }

    /// All of them, one after the other.
    pub(crate) fn as_slice(&self) -> &[S] {
        &self.entries
    }

    pub(crate) fn vectors(&self) -> ChunksExact<'_, S> {
        self.entries.chunks_exact(self.n.max(1))
    }

    /// Adds a vector that is of unit length and orthogonal to the others.
    pub(crate) fn push(&mut self, unit: &[S]) {
        self.entries.extend_from_slice(unit);
    }

    /// `w ← (I − QQᵀ) w`, by modified Gram–Schmidt done twice, which is enough for orthogonality to rounding (Parlett,
    /// *The Symmetric Eigenvalue Problem*, §6.9). Returns `‖w‖`. `O(n)` a vector.
    pub(crate) fn orthogonalize(&self, w: &mut [S]) -> S {
        for _ in 0..2 {
            for q in self.vectors() {
                axpy(-dot(q, w), q, w);
            }
        }
        norm(w)
    }

    /// Adds the direction of what is new in `w`, if that is longer than `least` times `w`.
    pub(crate) fn extend(&mut self, mut w: Vec<S>, least: S) {
        let length = norm(&w);
        let new = self.orthogonalize(&mut w);
        if new > least * length {
            scale(S::one() / new, &mut w);
            self.push(&w);
        }
    }

    /// `Σ cₖ qₖ`, for as many vectors as there are coefficients.
    pub(crate) fn combine(&self, coefficients: &[S]) -> Vec<S> {
        let mut sum = vec![S::zero(); self.n];
        for (q, &c) in self.vectors().zip(coefficients) {
            axpy(c, q, &mut sum);
        }
        sum
    }
}

/// Divides by the length; leaves a zero vector alone.
pub(crate) fn normalize<S: Real>(v: &mut [S]) {
    let length = norm(v);
    if length > S::zero() {
        scale(S::one() / length, v);
    }
}

/// Fills with independent standard normal deviates (Box & Muller).
pub(crate) fn normal_deviates<S: Real>(rng: &mut ChaCha8Rng, out: &mut [S]) {
    for out in out {
        let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
        *out = S::constant((-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos());
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn nearly_dependent_vectors_become_orthogonal_to_rounding() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let (mut basis, mut w, mut noise) = (Basis::new(40), vec![0.0; 40], vec![0.0; 40]);
        normal_deviates(&mut rng, &mut w);
        for _ in 0..6 {
            normal_deviates(&mut rng, &mut noise);
            // What is new in `w` is ten orders smaller than what is not.
            axpy(1e-10, &noise, &mut w);
            let mut unit = w.clone();
            assert!(basis.orthogonalize(&mut unit) > 0.0);
            normalize(&mut unit);
            basis.push(&unit);
        }
        for (i, p) in basis.vectors().enumerate() {
            for (j, q) in basis.vectors().enumerate() {
                let identity = f64::from(u8::from(i == j));
                assert!((dot(p, q) - identity).abs() < 1e-14, "{i} {j} {}", dot(p, q));
            }
        }
    }
}

//! Traces that first take away the large eigenvalues.

use dualtape_autodiff::Real;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use super::estimate::Estimate;
use super::hutchinson::inner;
use crate::check::require;
use crate::error::Error;
use crate::linalg::{
    Basis, LinearOperator, dimension, norm, normal_deviates, normalize, products, scale, signs,
};

/// Hutch++ (Meyer, Musco, Musco & Woodruff, SOSA 2021, Algorithm 1): with `Q` an orthonormal basis of `A S` for a random
/// `S`,
///
/// ```text
/// tr A = tr QᵀAQ + tr (I − QQᵀ) A (I − QQᵀ)
/// ```
///
/// the first term is computed, the second estimated by [`Hutchinson`](crate::Hutchinson)'s method; a third of the
/// products each for `A S`, `A Q` and the estimate. The standard error is that of the second term, given `Q`.
///
/// If `Q` spans the whole range of `A`, the trace is exact to rounding and so marked.
///
/// **Use it** where the spectrum decays: the relative error of a semidefinite matrix falls as `1/m` with `m` products, for
/// Hutchinson as `1/√m`. For a flat spectrum it is worse, as a third of the products estimates what all could.
///
/// # Example
///
/// ```
/// use dualtape_optimizers::{ByHand, HutchPlusPlus, prelude::*};
///
/// // Σ i⁻³ xᵢ²/2
/// let f = ByHand::new(
///     500,
///     |x: &[f64], g: &mut [f64]| {
///         for (i, (g, x)) in g.iter_mut().zip(x).enumerate() {
///             *g = x / (1.0 + i as f64).powi(3);
///         }
///         0.5 * x.iter().zip(&*g).map(|(x, g)| x * g).sum::<f64>()
///     },
///     |_: &[f64], v: &[f64], hv: &mut [f64]| {
///         for (i, (hv, v)) in hv.iter_mut().zip(v).enumerate() {
///             *hv = v / (1.0 + i as f64).powi(3);
///         }
///     },
/// );
/// let at = f.linearize(&[0.0; 500])?;
/// let trace = HutchPlusPlus::new(60).trace(at.hessian())?;
/// assert!((trace.value - 1.2020549).abs() < 1e-3);
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct HutchPlusPlus {
    products: usize,
    seed: u64,
}

impl HutchPlusPlus {
    /// So many products, at least 3; of 3k + 1 or 3k + 2, the rest goes to the estimate.
    pub fn new(products: usize) -> Self {
        HutchPlusPlus { products, seed: 0 }
    }

    /// Seed of the random vectors. Default 0.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// `tr A`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] for fewer than 3 products, [`Error::Empty`], [`Error::NonFiniteProduct`], and whatever the
    /// operator refuses.
    pub fn trace<S: Real>(&self, a: &dyn LinearOperator<S>) -> Result<Estimate, Error> {
        require("products", self.products as f64, "at least 3", |m| m >= 3.0)?;
        let n = dimension(a)?;
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut directions = vec![S::zero(); self.products / 3 * n];
        normal_deviates(&mut rng, &mut directions);
        let q = range_of(n, &products(a, &directions)?);
        let aq = products(a, q.as_slice())?;
        let captured: f64 = q.vectors().zip(aq.chunks_exact(n)).map(|(q, aq)| inner(q, aq)).sum();
        if q.len() < self.products / 3 || q.len() == n {
            return Ok(Estimate::exact(captured));
        }
        let mut rest = vec![S::zero(); (self.products - 2 * (self.products / 3)) * n];
        signs(&mut rng, &mut rest);
        for v in rest.chunks_exact_mut(n) {
            q.orthogonalize(v);
        }
        let images = products(a, &rest)?;
        let pairs = rest.chunks_exact(n).zip(images.chunks_exact(n));
        let samples: Vec<f64> = pairs.map(|(v, av)| captured + inner(v, av)).collect();
        Ok(Estimate::from_samples(&samples))
    }
}

/// XTrace (Epperly, Tropp & Webber, SIAM J. Matrix Anal. Appl. 45 (2024)): Hutch++ with every random vector used for both
/// purposes. With `Ω = [ω₁ … ωₖ]`, and `Q₍ᵢ₎` an orthonormal basis of `A Ω` without its column `i`,
///
/// ```text
/// trᵢ = tr Q₍ᵢ₎ᵀ A Q₍ᵢ₎ + ωᵢᵀ (I − Q₍ᵢ₎Q₍ᵢ₎ᵀ) A (I − Q₍ᵢ₎Q₍ᵢ₎ᵀ) ωᵢ
/// ```
///
/// is unbiased for every `i`, and the estimate is their mean. They are not independent, so that the standard error
/// `s/√k`, which is what the authors propose, is an indication.
///
/// **Use it** as [`HutchPlusPlus`]; for the same products its error is smaller. If the sketch spans the whole range of `A`,
/// the trace is exact to rounding and so marked. `2k` products and `O(k² n + k³)` operations.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::record;
/// use dualtape_optimizers::{XTrace, prelude::*};
///
/// // The Hessian has rank 2, whatever the number of parameters: all is captured.
/// let x = [0.1; 30];
/// let f = record(&x).function(|x| {
///     let (mut sum, mut ramp) = (x[0] * 0.0, x[0] * 0.0);
///     for (i, &x) in x.iter().enumerate() {
///         sum += x;
///         ramp += x * (i as f64);
///     }
///     sum.powi(2) - ramp.powi(2)
/// })?;
/// let at = Objective::linearize(&f, &x)?;
/// let trace = XTrace::new(10).trace(at.hessian())?;
/// assert!((trace.value - 2.0 * (30.0 - 8555.0)).abs() < 1e-9 && trace.is_exact());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct XTrace {
    products: usize,
    seed: u64,
}

impl XTrace {
    /// So many products, at least 4; an odd one is not made.
    pub fn new(products: usize) -> Self {
        XTrace { products, seed: 0 }
    }

    /// Seed of the random vectors. Default 0.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// `tr A`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] for fewer than 4 products, [`Error::Empty`], [`Error::NonFiniteProduct`], and whatever the
    /// operator refuses.
    pub fn trace<S: Real>(&self, a: &dyn LinearOperator<S>) -> Result<Estimate, Error> {
        require("products", self.products as f64, "at least 4", |m| m >= 4.0)?;
        let n = dimension(a)?;
        let k = self.products / 2;
        // Vectors of length √n, uniform on the sphere, vary less than normal ones.
        let mut omega = vec![S::zero(); k * n];
        normal_deviates(&mut ChaCha8Rng::seed_from_u64(self.seed), &mut omega);
        for v in omega.chunks_exact_mut(n) {
            normalize(v);
            scale(S::constant((n as f64).sqrt()), v);
        }
        let y = products(a, &omega)?;
        let q = range_of(n, &y);
        let z = products(a, q.as_slice())?;
        let h = gram(q.as_slice(), &z, n);
        let captured: f64 = (0..q.len()).map(|i| h[i][i]).sum();
        if q.len() < k || k == n {
            return Ok(Estimate::exact(captured));
        }
        let r = gram(q.as_slice(), &y, n);
        let samples: Vec<f64> = (0..k)
            .map(|i| {
                let (w, y) = (&omega[i * n..(i + 1) * n], &y[i * n..(i + 1) * n]);
                let left_out = left_out_direction(&r, i);
                let h_left_out = multiply(&h, &left_out);
                // c = (I − ssᵀ) Qᵀω: the part of ω that the other columns capture.
                let mut c: Vec<f64> = q.vectors().map(|q| inner(q, w)).collect();
                let along: f64 = dot(&c, &left_out);
                c.iter_mut().zip(&left_out).for_each(|(c, s)| *c -= along * s);
                let cross: f64 = z.chunks_exact(n).zip(&c).map(|(z, c)| c * inner(z, w)).sum();
                let rest = inner(w, y) - 2.0 * cross + dot(&c, &multiply(&h, &c));
                captured - dot(&left_out, &h_left_out) + rest
            })
            .collect();
        Ok(Estimate::from_samples(&samples))
    }
}

/// An orthonormal basis of the span of the vectors, without what is only rounding.
fn range_of<S: Real>(n: usize, vectors: &[S]) -> Basis<S> {
    let largest = vectors.chunks_exact(n).map(|v| norm(v).as_f64()).fold(0.0, f64::max);
    let floor = S::constant(10.0 * n as f64 * S::epsilon().as_f64() * largest);
    let mut basis = Basis::new(n);
    for v in vectors.chunks_exact(n) {
        let mut v = v.to_vec();
        if basis.len() < n && basis.orthogonalize(&mut v) > floor {
            normalize(&mut v);
            basis.push(&v);
        }
    }
    basis
}

/// `PᵀQ`, row by row.
fn gram<S: Real>(p: &[S], q: &[S], n: usize) -> Vec<Vec<f64>> {
    let row = |p: &[S]| q.chunks_exact(n).map(|q| inner(p, q)).collect();
    p.chunks_exact(n).map(row).collect()
}

/// The unit vector `s`, in coordinates of `Q`, by which the range of `QR` loses its column `i`: orthogonal to all other
/// columns of `R`, so `Rᵀs ∝ eᵢ`.
fn left_out_direction(r: &[Vec<f64>], i: usize) -> Vec<f64> {
    let k = r.len();
    let mut s = vec![0.0; k];
    s[i] = 1.0;
    for j in i + 1..k {
        s[j] = -(i..j).map(|l| r[l][j] * s[l]).sum::<f64>() / r[j][j];
    }
    let length = dot(&s, &s).sqrt();
    s.iter_mut().for_each(|s| *s /= length);
    s
}

fn multiply(a: &[Vec<f64>], x: &[f64]) -> Vec<f64> {
    a.iter().map(|row| dot(row, x)).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

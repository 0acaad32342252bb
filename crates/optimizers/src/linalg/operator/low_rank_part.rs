//! The best low-rank part of an operator, from its products.

use dualtape_autodiff::Real;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use super::linear_operator::LinearOperator;
use super::low_rank::LowRank;
use crate::error::Error;
use crate::linalg::basis::{Basis, normal_deviates};
use crate::linalg::dense::{Eigen, symmetrize};
use crate::linalg::eigenpairs::ExtremeEigenpairs;
use crate::linalg::probes::check_finite;
use crate::linalg::vector::{axpy, dot, norm};

impl<S: Real> LowRank<S> {
    /// The `k` eigenpairs of largest magnitude, `U Λ Uᵀ` with the signs kept, in descending order of `|λ|`.
    ///
    /// By block Lanczos: see [`ExtremeEigenpairs`]. It ends when the residuals are within `√ε` of the largest eigenvalue, or
    /// after `20k + 100` products. Then the pairs need not have converged, but `U Λ Uᵀ` is still `A` compressed to their span.
    ///
    /// # Errors
    ///
    /// [`Error::Rank`] if `k` is 0 or more than `n`, [`Error::NonFiniteMatrix`], and the errors of
    /// [`apply`](LinearOperator::apply).
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_optimizers::{Diagonal, LinearOperator, LowRank};
    ///
    /// let a = Diagonal::new(vec![1.0, -9.0, 2.0, 5.0, 0.5]);
    /// let top = LowRank::lanczos(&a, 2, 0)?;
    /// assert!((top.weights()[0] + 9.0_f64).abs() < 1e-12);
    /// assert!((top.weights()[1] - 5.0_f64).abs() < 1e-12);
    /// assert!((top.vectors()[1].abs() - 1.0).abs() < 1e-7);
    /// # Ok::<(), dualtape_optimizers::Error>(())
    /// ```
    pub fn lanczos(a: &dyn LinearOperator<S>, k: usize, seed: u64) -> Result<Self, Error> {
        let n = a.dim();
        check_rank(k, n)?;
        let wanted = ExtremeEigenpairs::new(k, k).max_products(20 * k + 100).seed(seed);
        let found = wanted.find(a)?;
        let mut pairs = found.largest;
        // Where all are seen, some are among the largest and the smallest.
        let others = found.smallest.len().min(n - pairs.len());
        pairs.extend(found.smallest.into_iter().take(others));
        pairs.sort_by(|p, q| q.value.abs().total_cmp(&p.value.abs()));
        pairs.truncate(k);
        let weights = pairs.iter().map(|pair| S::constant(pair.value)).collect();
        LowRank::new(n, pairs.into_iter().flat_map(|pair| pair.vector).collect(), weights)
    }

    /// The randomised Nyström approximation of a positive semidefinite operator: `Â = (AΩ)(ΩᵀAΩ)⁺(AΩ)ᵀ ≤ A` for a random
    /// `n × k` matrix `Ω` with orthonormal columns, as `U Λ Uᵀ` in descending order, `U` orthonormal.
    ///
    /// `k` products and `O(k²n)` operations; unlike Lanczos's method it needs all products at once, of fixed vectors. It is
    /// stabilised by a shift `ν = √n ε ‖AΩ‖`, taken off again from `Λ` (Frangella, Tropp & Udell, "Randomized Nyström
    /// preconditioning", 2021, Algorithm 2.1; here with eigenvalues in place of a Cholesky factor).
    ///
    /// # Errors
    ///
    /// [`Error::Indefinite`] where a negative curvature was met: use [`lanczos`](Self::lanczos), or a Gauss–Newton matrix;
    /// [`Error::Rank`] if `k` is 0 or more than `n`; the errors of [`apply_many`](LinearOperator::apply_many).
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_optimizers::{Diagonal, LinearOperator, LowRank};
    ///
    /// // Of rank 2, which 3 products are enough for.
    /// let a = Diagonal::new(vec![0.0, 9.0, 0.0, 5.0, 0.0]);
    /// let low_rank = LowRank::nystrom(&a, 3, 0)?;
    /// assert!((low_rank.weights()[0] - 9.0_f64).abs() < 1e-12);
    /// assert!((low_rank.trace()? - 14.0).abs() < 1e-12);
    /// # Ok::<(), dualtape_optimizers::Error>(())
    /// ```
    pub fn nystrom(a: &dyn LinearOperator<S>, k: usize, seed: u64) -> Result<Self, Error> {
        let n = a.dim();
        check_rank(k, n)?;
        let mut test = vec![S::zero(); n * k];
        normal_deviates(&mut ChaCha8Rng::seed_from_u64(seed), &mut test);
        let omega = basis_of(n, &test);
        let k = omega.len();
        let mut y = vec![S::zero(); n * k];
        a.apply_many(omega.as_slice(), &mut y)?;
        check_finite(&y, n)?;
        let nu = S::constant((n as f64).sqrt()) * S::epsilon() * norm(&y);
        axpy(nu, omega.as_slice(), &mut y);
        let y = || y.chunks_exact(n);
        let mut core: Vec<S> = omega.vectors().flat_map(|o| y().map(move |y| dot(o, y))).collect();
        symmetrize(k, &mut core);
        let eigen = Eigen::new(k, &core)?.ok_or(Error::NonFiniteMatrix { row: 0 })?;
        let largest = eigen.values[k - 1];
        let least = S::constant(100.0 * k as f64) * nu;
        if eigen.values[0] < -least.as_f64() || largest < 0.0 {
            return Err(Error::Indefinite { curvature: eigen.values[0] });
        }
        // B = Y V M^{-½}, so that Â = B Bᵀ, and B = QR, so that Â = Q (R Rᵀ) Qᵀ.
        let mut factor = Vec::new();
        for i in (0..k).filter(|&i| eigen.values[i] > 0.1 * nu.as_f64()) {
            let mut column = vec![S::zero(); n];
            let root = S::constant(eigen.values[i].sqrt());
            y().zip(eigen.vector::<S>(i)).for_each(|(y, v)| axpy(v / root, y, &mut column));
            factor.extend(column);
        }
        Self::of_factor(n, factor, nu)
    }

    /// `B Bᵀ − ν` on the range of `B`, from the columns of `B`, by eigenpairs.
    fn of_factor(n: usize, factor: Vec<S>, nu: S) -> Result<Self, Error> {
        let basis = basis_of(n, &factor);
        let (k, columns) = (basis.len(), factor.len() / n);
        if k == 0 {
            return LowRank::new(n, Vec::new(), Vec::new());
        }
        let products: Vec<S> =
            basis.vectors().flat_map(|q| factor.chunks_exact(n).map(move |b| dot(q, b))).collect();
        let row = |i: usize| &products[i * columns..(i + 1) * columns];
        let square: Vec<S> = (0..k * k).map(|e| dot(row(e / k), row(e % k))).collect();
        let eigen = Eigen::new(k, &square)?.ok_or(Error::NonFiniteMatrix { row: 0 })?;
        let (mut vectors, mut weights) = (Vec::with_capacity(n * k), Vec::with_capacity(k));
        for i in (0..k).rev() {
            vectors.extend(basis.combine(&eigen.vector::<S>(i)));
            weights.push((S::constant(eigen.values[i]) - nu).max(S::zero()));
        }
        LowRank::new(n, vectors, weights)
    }
}

fn check_rank(k: usize, n: usize) -> Result<(), Error> {
    if k == 0 || k > n { Err(Error::Rank { rank: k, dim: n }) } else { Ok(()) }
}

/// An orthonormal basis of the span of vectors, those left out that depend on the ones before to rounding.
fn basis_of<S: Real>(n: usize, vectors: &[S]) -> Basis<S> {
    let mut basis = Basis::new(n);
    for vector in vectors.chunks_exact(n) {
        basis.extend(vector.to_vec(), S::constant(10.0) * S::epsilon());
    }
    basis
}

//! Low rank plus diagonal.

use dualtape_autodiff::Real;

use super::inverse;
use super::linear_operator::{LinearOperator, check_vectors, dense_matrix};
use crate::error::Error;
use crate::linalg::dense::{Pivots, gram};
use crate::linalg::vector::{axpy, dot, norm, norm_inf};

/// Up to this many vectors, or variables if these are fewer, matrices are written out to be factored.
const DENSE: usize = 4000;

/// `diag d + U Λ Uᵀ = diag d + Σₖ λₖ uₖ uₖᵀ`, the `λ` of either sign.
///
/// Products cost `O(kn)`. A shifted system is solved by Woodbury's formula, with `E = diag d + sI`, `V = U|Λ|^½`,
/// `Σ = sign Λ`:
///
/// ```text
/// (E + V Σ Vᵀ)⁻¹ = E⁻¹ − E⁻¹ V (Σ + Vᵀ E⁻¹ V)⁻¹ Vᵀ E⁻¹
/// ```
///
/// The matrix in the middle, of order `k`, is factored by `LBLᵀ`: `O(k²n + k³)` once and `O(kn)` a solve, with two steps of
/// iterative refinement, for the formula cancels where `E` is small beside the rest. Where `E` has a zero, or where there are
/// more vectors than variables, the system is solved as that of any operator.
///
/// # Example
///
/// ```
/// use dualtape_optimizers::{LinearOperator, LowRank};
///
/// // I − ¾ u uᵀ, u = (1, 1)
/// let a = LowRank::new(2, vec![1.0, 1.0], vec![-0.75])?.with_diagonal(vec![1.0; 2])?;
/// let mut x = [0.0; 2];
/// a.solve_shifted(0.0, &[1.0, 0.0], &mut x)?;
/// assert!((x[0] + 0.5_f64).abs() < 1e-15 && (x[1] + 1.5).abs() < 1e-15);
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LowRank<S> {
    diagonal: Vec<S>,
    /// The vectors, one after the other.
    vectors: Vec<S>,
    weights: Vec<S>,
}

impl<S: Real> LowRank<S> {
    /// `Σₖ λₖ uₖ uₖᵀ` from the vectors `u`, one after the other, `n` entries each, and as many weights `λ`.
    ///
    /// The vectors need not be orthogonal.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if there are not `n` entries for each weight.
    pub fn new(n: usize, vectors: Vec<S>, weights: Vec<S>) -> Result<Self, Error> {
        Error::check_length("the vectors of low rank", vectors.len(), n * weights.len())?;
        Ok(LowRank { diagonal: vec![S::zero(); n], vectors, weights })
    }

    /// With the diagonal `d` in place of the one before, which is zero at first.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if `d` does not have `n` entries.
    pub fn with_diagonal(self, diagonal: Vec<S>) -> Result<Self, Error> {
        Error::check_length("the diagonal", diagonal.len(), self.diagonal.len())?;
        Ok(LowRank { diagonal, ..self })
    }

    /// The number of vectors.
    pub fn rank(&self) -> usize {
        self.weights.len()
    }

    /// The weights `λ`.
    pub fn weights(&self) -> &[S] {
        &self.weights
    }

    /// The vectors, one after the other.
    pub fn vectors(&self) -> &[S] {
        &self.vectors
    }

    fn pairs(&self) -> impl Iterator<Item = (&[S], S)> + Clone {
        self.vectors.chunks_exact(self.diagonal.len().max(1)).zip(self.weights.iter().copied())
    }
}

impl<S: Real> LinearOperator<S> for LowRank<S> {
    fn dim(&self) -> usize {
        self.diagonal.len()
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        check_vectors(self.diagonal.len(), v, out)?;
        for ((out, &v), &d) in out.iter_mut().zip(v).zip(&self.diagonal) {
            *out = d * v;
        }
        self.pairs().for_each(|(u, lambda)| axpy(lambda * dot(u, v), u, out));
        Ok(())
    }

    fn diagonal(&self, out: &mut [S]) -> Result<(), Error> {
        Error::check_length("the diagonal", out.len(), self.diagonal.len())?;
        out.copy_from_slice(&self.diagonal);
        for (u, lambda) in self.pairs() {
            out.iter_mut().zip(u).for_each(|(out, &u)| *out += lambda * u * u);
        }
        Ok(())
    }

    fn to_dense(&self, out: &mut [S]) -> Result<(), Error> {
        let n = self.diagonal.len();
        Error::check_length("the dense matrix", out.len(), n * n)?;
        out.fill(S::zero());
        for (u, lambda) in self.pairs() {
            // The lower triangle alone, copied to the upper: symmetric to the last bit.
            for (i, row) in out.chunks_exact_mut(n.max(1)).enumerate() {
                axpy(lambda * u[i], &u[..=i], &mut row[..=i]);
            }
        }
        for i in 0..n {
            out[i * n + i] += self.diagonal[i];
            for j in 0..i {
                out[j * n + i] = out[i * n + j];
            }
        }
        Ok(())
    }

    fn shifted_inverse(&self, shift: S) -> Result<Box<dyn LinearOperator<S> + '_>, Error> {
        let (n, k) = (self.diagonal.len(), self.rank());
        let base: Vec<S> = self.diagonal.iter().map(|&d| d + shift).collect();
        if k < n && k <= DENSE && base.iter().all(|e| e.is_normal()) {
            Ok(Box::new(Woodbury::new(self, shift, base)?))
        } else if n <= DENSE {
            inverse::factored(n, dense_matrix(self)?, shift)
        } else {
            inverse::of(self, shift)
        }
    }
}

/// `(E + VΣVᵀ)⁻¹` in factors.
struct Woodbury<'a, S> {
    operator: &'a LowRank<S>,
    shift: S,
    /// The diagonal `E`.
    base: Vec<S>,
    /// `Σ + VᵀE⁻¹V`.
    middle: inverse::Factored,
    /// A bound of the norm of the whole.
    size: S,
}

impl<'a, S: Real> Woodbury<'a, S> {
    fn new(operator: &'a LowRank<S>, shift: S, base: Vec<S>) -> Result<Self, Error> {
        let (n, k) = (base.len(), operator.rank());
        let reciprocals: Vec<f64> = base.iter().map(|e| e.as_f64().recip()).collect();
        let mut middle = gram(n, &operator.vectors, &reciprocals);
        let weights: Vec<f64> = operator.weights.iter().map(|w| w.as_f64()).collect();
        for (row, (i, weight)) in middle.chunks_exact_mut(k.max(1)).zip(weights.iter().enumerate())
        {
            let root = weight.abs().sqrt();
            row.iter_mut().zip(&weights).for_each(|(m, w)| *m *= root * w.abs().sqrt());
            row[i] += weight.signum();
        }
        let middle =
            inverse::Factored::new(k, &middle, Pivots::Exact).map_err(|error| match error {
                Error::Singular { .. } => Error::Singular { dim: n },
                error => error,
            })?;
        let size = operator.pairs().fold(norm_inf(&base), |sum, (u, w)| sum + w.abs() * dot(u, u));
        Ok(Woodbury { operator, shift, base, middle, size })
    }

    /// `x ← x + (E + VΣVᵀ)⁻¹ b`.
    fn add_solution(&self, b: &[S], x: &mut [S]) -> Result<(), Error> {
        let scaled: Vec<S> = b.iter().zip(&self.base).map(|(&b, &e)| b / e).collect();
        let roots = self.operator.pairs().map(|(u, w)| (u, w.as_f64().abs().sqrt()));
        let inner: Vec<f64> =
            roots.clone().map(|(u, root)| root * dot(u, &scaled).as_f64()).collect();
        let mut weights = vec![0.0; inner.len()];
        self.middle.apply(&inner, &mut weights)?;
        let mut sum = vec![S::zero(); x.len()];
        for ((u, root), weight) in roots.zip(weights) {
            axpy(S::constant(root * weight), u, &mut sum);
        }
        for (((x, &scaled), &sum), &e) in x.iter_mut().zip(&scaled).zip(&sum).zip(&self.base) {
            *x += scaled - sum / e;
        }
        Ok(())
    }
}

impl<S: Real> LinearOperator<S> for Woodbury<'_, S> {
    fn dim(&self) -> usize {
        self.base.len()
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        check_vectors(self.base.len(), v, out)?;
        out.fill(S::zero());
        self.add_solution(v, out)?;
        let mut residual = vec![S::zero(); v.len()];
        for _ in 0..2 {
            self.residual(v, out, &mut residual)?;
            self.add_solution(&residual, out)?;
        }
        self.residual(v, out, &mut residual)?;
        // As small as the numbers of `x` allow, or beside the right-hand side.
        let (left, right, product) = (norm(&residual), norm(v), self.size * norm(out));
        let growth = S::constant(10.0) * S::epsilon() * product;
        if !growth.is_finite() || growth > right {
            return Err(Error::Singular { dim: v.len() });
        }
        let rounding = S::constant(100.0) * S::epsilon() * product;
        if left <= rounding.max(S::epsilon().sqrt() * right) {
            Ok(())
        } else {
            Err(Error::NotSolved { products: 3, residual: (left / right).as_f64() })
        }
    }
}

impl<S: Real> Woodbury<'_, S> {
    /// `out ← b − (A + shift·I) x`.
    fn residual(&self, b: &[S], x: &[S], out: &mut [S]) -> Result<(), Error> {
        self.operator.apply(x, out)?;
        for ((out, &b), &x) in out.iter_mut().zip(b).zip(x) {
            *out = b - *out - self.shift * x;
        }
        Ok(())
    }
}

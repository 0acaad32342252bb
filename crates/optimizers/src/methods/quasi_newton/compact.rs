//! The direct form of the L-BFGS matrix.

use dualtape_autodiff::Real;

use super::memory::LbfgsMemory;
use crate::error::Error;
use crate::linalg::{LinearOperator, Pivots, SymmetricFactors, axpy, dot};

/// The direct L-BFGS matrix in compact form (Byrd, Nocedal & Schnabel, Math. Programming 63 (1994), Theorem 2.3). With the
/// pairs divided by `√(yᵀs)` as columns of `S` and `Y`, the strict lower triangle `L` of `SᵀY`, and `σ = 1/γ`:
///
/// ```text
/// B = σI − [σS  Y] ⎡ σSᵀS   L ⎤⁻¹ ⎡ σSᵀ ⎤
///                  ⎣  Lᵀ   −I ⎦   ⎣  Yᵀ ⎦
/// ```
///
/// Of the middle matrix only the positive definite Schur complement `σSᵀS + LLᵀ` of order `m` is factored. Products cost
/// `4mn + O(m²)`. Made by [`LbfgsMemory::hessian`].
#[derive(Debug)]
pub struct CompactHessian<'m, S: Real> {
    memory: &'m LbfgsMemory<S>,
    /// `σ`.
    sigma: S,
    /// `L`, row by row.
    lower: Vec<S>,
    schur: SymmetricFactors,
}

impl<S: Real> LbfgsMemory<S> {
    /// The direct form `B = H⁻¹`; `None` if rounding or overflow made its factors useless. `O(m²n + m³)`.
    pub fn hessian(&self) -> Option<CompactHessian<'_, S>> {
        CompactHessian::new(self)
    }
}

impl<'m, S: Real> CompactHessian<'m, S> {
    fn new(memory: &'m LbfgsMemory<S>) -> Option<Self> {
        let pairs = memory.pairs();
        let (k, sigma) = (pairs.len(), memory.gamma().recip());
        let (mut lower, mut schur) = (vec![S::zero(); k * k], vec![S::zero(); k * k]);
        for i in 0..k {
            for j in 0..i {
                lower[i * k + j] = dot(&pairs[i].s, &pairs[j].y);
            }
        }
        for i in 0..k {
            for j in 0..=i {
                let (row, other) = (&lower[i * k..][..k], &lower[j * k..][..k]);
                let entry = sigma * dot(&pairs[i].s, &pairs[j].s) + dot(row, other);
                (schur[i * k + j], schur[j * k + i]) = (entry, entry);
            }
        }
        let schur = SymmetricFactors::new(k, &schur, Pivots::Exact)?;
        Some(CompactHessian { memory, sigma, lower, schur })
    }

    /// `σ`, the curvature along all that the pairs do not span.
    pub fn sigma(&self) -> S {
        self.sigma
    }

    /// Twice the number of pairs.
    pub(crate) fn rank(&self) -> usize {
        2 * self.memory.len()
    }

    /// Row `i` of `W = [σS  Y]`.
    pub(crate) fn row(&self, i: usize, out: &mut [S]) {
        let (of_s, of_y) = out.split_at_mut(self.memory.len());
        for ((a, b), pair) in of_s.iter_mut().zip(of_y).zip(self.memory.pairs()) {
            (*a, *b) = (self.sigma * pair.s[i], pair.y[i]);
        }
    }

    /// `Wᵀ v`.
    pub(crate) fn project(&self, v: &[S], out: &mut [S]) {
        let (of_s, of_y) = out.split_at_mut(self.memory.len());
        for ((a, b), pair) in of_s.iter_mut().zip(of_y).zip(self.memory.pairs()) {
            (*a, *b) = (self.sigma * dot(&pair.s, v), dot(&pair.y, v));
        }
    }

    /// `out ← out + α W c`.
    pub(crate) fn expand(&self, alpha: S, c: &[S], out: &mut [S]) {
        let (of_s, of_y) = c.split_at(self.memory.len());
        for ((&a, &b), pair) in of_s.iter().zip(of_y).zip(self.memory.pairs()) {
            axpy(alpha * self.sigma * a, &pair.s, out);
            axpy(alpha * b, &pair.y, out);
        }
    }

    /// The middle matrix `N`, row by row.
    pub(crate) fn middle(&self) -> Vec<S> {
        let pairs = self.memory.pairs();
        let (k, rank) = (pairs.len(), self.rank());
        let mut middle = vec![S::zero(); rank * rank];
        for i in 0..k {
            for j in 0..k {
                middle[i * rank + j] = self.sigma * dot(&pairs[i].s, &pairs[j].s);
                let entry = self.lower[i * k + j];
                (middle[i * rank + k + j], middle[(k + j) * rank + i]) = (entry, entry);
            }
            middle[(k + i) * rank + k + i] = -S::one();
        }
        middle
    }

    /// `c ← N⁻¹ c` with the middle matrix `N`: from its second row `q = Lᵀp − b`, and then `(σSᵀS + LLᵀ) p = a + L b`.
    pub(crate) fn solve_middle(&self, c: &mut [S]) {
        let k = self.memory.len();
        let (p, b) = c.split_at_mut(k);
        for (p, row) in p.iter_mut().zip(self.lower.chunks_exact(k.max(1))) {
            *p += dot(row, b);
        }
        self.schur.solve_in_place(p);
        b.iter_mut().for_each(|b| *b = -*b);
        for (&p, row) in p.iter().zip(self.lower.chunks_exact(k.max(1))) {
            axpy(p, row, b);
        }
    }
}

impl<S: Real> LinearOperator<S> for CompactHessian<'_, S> {
    fn dim(&self) -> usize {
        self.memory.dim()
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        Error::check_length("the vector to multiply", v.len(), self.dim())?;
        Error::check_length("the product", out.len(), self.dim())?;
        let mut c = vec![S::zero(); self.rank()];
        self.project(v, &mut c);
        self.solve_middle(&mut c);
        for (out, &v) in out.iter_mut().zip(v) {
            *out = self.sigma * v;
        }
        self.expand(-S::one(), &c, out);
        Ok(())
    }
}

//! Dense matrices kept up to date by pairs of steps and gradient differences.

use dualtape_autodiff::Real;

use super::pair::{Safeguard, Updated, cosine};
use crate::check::require;
use crate::error::Error;
use crate::linalg::{LinearOperator, dot, norm, symmetrize};

/// How a matrix takes in a pair. The formulas are those of the direct form, with `ρ = 1/yᵀs`; those of the inverse form
/// follow from them by exchanging `s` with `y` and BFGS with DFP.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum UpdateRule<S> {
    /// Broyden–Fletcher–Goldfarb–Shanno, `B + ρ yyᵀ − BssᵀB/sᵀBs` (Nocedal & Wright, eq. 6.19; inverse: 6.17). The least
    /// change of the inverse, and the best rule known for line searches: it corrects curvature that is wrong.
    Bfgs,
    /// Davidon–Fletcher–Powell, `(I − ρ ysᵀ) B (I − ρ syᵀ) + ρ yyᵀ` (Nocedal & Wright, eq. 6.13; inverse: 6.15). The least
    /// change of the direct form; slow to forget curvature that is too large, and in need of accurate line searches.
    Dfp,
    /// The convex Broyden class `(1 − φ) BFGS + φ DFP` of *the matrix that is kept*, `φ` in [0, 1] (Nocedal & Wright,
    /// eq. 6.32).
    ///
    /// The same pair taken in by the direct form with `φ` and by the inverse form with `φμ/(1 − φ + φμ)`, where
    /// `μ = yᵀHy sᵀBs/(yᵀs)²`, gives matrices inverse to each other.
    Broyden(S),
    /// Symmetric rank one, `B + rrᵀ/rᵀs` with `r = y − Bs` (Nocedal & Wright, eq. 6.24; inverse: 6.25). Needs no curvature
    /// condition, and may become indefinite, as the Hessian may: made for trust regions. A pair is skipped if
    /// `|rᵀs| < √ε ‖r‖ ‖s‖`.
    Sr1,
}

impl<S: Real> UpdateRule<S> {
    pub(crate) fn check(self) -> Result<(), Error> {
        match self {
            UpdateRule::Broyden(phi) => {
                require("broyden", phi, "in [0, 1]", |phi| (0.0..=1.0).contains(&phi))
            }
            _ => Ok(()),
        }
    }
}

/// Whether a matrix approximates the Hessian or its inverse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// `B ≈ ∇²f`, with `B s = y`.
    Direct,
    /// `H ≈ (∇²f)⁻¹`, with `H y = s`.
    Inverse,
}

/// A dense quasi-Newton matrix, direct or inverse, which takes in one pair `(s, y)` of step and gradient difference after the
/// other.
///
/// Its entries are symmetric to the last bit. [`UpdateRule::Bfgs`], `Dfp` and `Broyden` keep it positive definite by a
/// [`Safeguard`]. `n²` numbers; `O(n²)` operations for an update or a product.
///
/// # Example
///
/// ```
/// use dualtape_optimizers::{Form, LinearOperator, QuasiNewtonMatrix, UpdateRule, Updated};
///
/// let mut h = QuasiNewtonMatrix::scaled_identity(Form::Inverse, UpdateRule::Bfgs, 2, 1.0);
/// let (s, y) = ([0.5_f64, -1.0], [2.0, -0.3]);
/// assert_eq!(h.update(&s, &y)?, Updated::Exactly);
///
/// let mut hy = [0.0_f64; 2];
/// h.apply(&y, &mut hy)?;
/// assert!((hy[0] - s[0]).abs() < 1e-14 && (hy[1] - s[1]).abs() < 1e-14);
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct QuasiNewtonMatrix<S> {
    form: Form,
    rule: UpdateRule<S>,
    safeguard: Safeguard<S>,
    n: usize,
    entries: Vec<S>,
    /// `M a`.
    product: Vec<S>,
    /// The image that `a` is given.
    image: Vec<S>,
}

impl<S: Real> QuasiNewtonMatrix<S> {
    /// `factor · I` of order `n`.
    pub fn scaled_identity(form: Form, rule: UpdateRule<S>, n: usize, factor: S) -> Self {
        let mut matrix = QuasiNewtonMatrix {
            form,
            rule,
            safeguard: Safeguard::default(),
            n,
            entries: vec![S::zero(); n * n],
            product: vec![S::zero(); n],
            image: vec![S::zero(); n],
        };
        matrix.reset(factor);
        matrix
    }

    /// A row-major matrix of order `n`, of which the symmetric part is taken.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] unless there are `n·n` entries.
    pub fn from_dense(
        form: Form,
        rule: UpdateRule<S>,
        n: usize,
        entries: &[S],
    ) -> Result<Self, Error> {
        Error::check_length("the matrix", entries.len(), n * n)?;
        let mut matrix = Self::scaled_identity(form, rule, n, S::one());
        matrix.entries.copy_from_slice(entries);
        symmetrize(n, &mut matrix.entries);
        Ok(matrix)
    }

    /// What keeps the matrix positive definite; [`UpdateRule::Sr1`] has no use for it. Default: `Safeguard::Skip(√ε)`.
    #[must_use]
    pub fn safeguard(mut self, safeguard: Safeguard<S>) -> Self {
        self.safeguard = safeguard;
        self
    }

    /// Forgets everything: `factor · I`.
    pub fn reset(&mut self, factor: S) {
        self.entries.fill(S::zero());
        self.entries.iter_mut().step_by(self.n + 1).for_each(|entry| *entry = factor);
    }

    /// The entries row by row.
    pub fn as_slice(&self) -> &[S] {
        &self.entries
    }

    /// Takes in the step `s` along which the gradient changed by `y`. `O(n²)`, without allocation.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if `s` or `y` do not have `n` entries, [`Error::Setting`] for a rule or a safeguard outside its
    /// range.
    pub fn update(&mut self, s: &[S], y: &[S]) -> Result<Updated, Error> {
        Error::check_length("the step", s.len(), self.n)?;
        Error::check_length("the difference of gradients", y.len(), self.n)?;
        self.rule.check()?;
        self.safeguard.check()?;
        let Some(cosine) = cosine(s, y) else { return Ok(Updated::Skipped) };
        // The matrix is to map a to b.
        let (a, b) = match self.form {
            Form::Direct => (s, y),
            Form::Inverse => (y, s),
        };
        multiply(&self.entries, a, &mut self.product);
        // The weight of DFP's direct formula, which as an inverse is BFGS's.
        let weight = match (self.rule, self.form) {
            (UpdateRule::Sr1, _) => return Ok(self.add_rank_one(a, b)),
            (UpdateRule::Bfgs, Form::Direct) | (UpdateRule::Dfp, Form::Inverse) => S::zero(),
            (UpdateRule::Dfp, Form::Direct) | (UpdateRule::Bfgs, Form::Inverse) => S::one(),
            (UpdateRule::Broyden(phi), Form::Direct) => phi,
            (UpdateRule::Broyden(phi), Form::Inverse) => S::one() - phi,
        };
        self.image.copy_from_slice(b);
        Ok(match self.guard(a, cosine) {
            Updated::Skipped => Updated::Skipped,
            updated if self.add_rank_two(a, weight) => updated,
            _ => Updated::Skipped,
        })
    }

    /// Applies the safeguard, which may change the image of `a`.
    fn guard(&mut self, a: &[S], cosine: S) -> Updated {
        match self.safeguard {
            Safeguard::Skip(epsilon) if cosine > epsilon => Updated::Exactly,
            Safeguard::Skip(_) => Updated::Skipped,
            Safeguard::Damp(delta) => {
                let (curvature, expected) = (dot(a, &self.image), dot(a, &self.product));
                if curvature >= delta * expected {
                    return Updated::Exactly;
                }
                let theta = (S::one() - delta) * expected / (expected - curvature);
                for (b, &p) in self.image.iter_mut().zip(&self.product) {
                    *b = theta * *b + (S::one() - theta) * p;
                }
                Updated::Damped
            }
        }
    }

    /// `M ← M − (1−w) ppᵀ/aᵀp + (1 + w aᵀp/aᵀb) bbᵀ/aᵀb − w (bpᵀ + pbᵀ)/aᵀb` with `p = M a`: the whole Broyden class, multiplied
    /// out. Whether all coefficients were finite.
    fn add_rank_two(&mut self, a: &[S], weight: S) -> bool {
        let (p, b) = (&self.product, &self.image);
        let (ab, ap) = (dot(a, b), dot(a, p));
        let own = (S::one() - weight) / ap;
        let mixed = weight / ab;
        let new = (S::one() + weight * ap / ab) / ab;
        if !(ap > S::zero() && ab > S::zero() && own.is_finite() && new.is_finite()) {
            return false;
        }
        for ((row, &pi), &bi) in self.entries.chunks_exact_mut(self.n).zip(p).zip(b) {
            for ((m, &pj), &bj) in row.iter_mut().zip(p).zip(b) {
                // Each term is the same when i and j change places, to the last bit.
                *m += new * (bi * bj) - own * (pi * pj) - mixed * (bi * pj + pi * bj);
            }
        }
        true
    }

    /// `M ← M + rrᵀ/rᵀa` with `r = b − M a`.
    fn add_rank_one(&mut self, a: &[S], b: &[S]) -> Updated {
        for ((r, &b), &p) in self.image.iter_mut().zip(b).zip(&self.product) {
            *r = b - p;
        }
        let r = &self.image;
        let (denominator, size) = (dot(r, a), norm(r) * norm(a));
        let factor = S::one() / denominator;
        if norm(r) <= S::epsilon() * norm(b) {
            return Updated::Exactly;
        }
        if denominator.abs() < S::epsilon().sqrt() * size || !factor.is_finite() {
            return Updated::Skipped;
        }
        for (row, &ri) in self.entries.chunks_exact_mut(self.n).zip(r) {
            for (m, &rj) in row.iter_mut().zip(r) {
                *m += factor * (ri * rj);
            }
        }
        Updated::Exactly
    }
}

/// `out ← M v` for a row-major symmetric matrix.
pub(super) fn multiply<S: Real>(entries: &[S], v: &[S], out: &mut [S]) {
    for (out, row) in out.iter_mut().zip(entries.chunks_exact(v.len())) {
        *out = dot(row, v);
    }
}

impl<S: Real> LinearOperator<S> for QuasiNewtonMatrix<S> {
    fn dim(&self) -> usize {
        self.n
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        Error::check_length("the vector to multiply", v.len(), self.n)?;
        Error::check_length("the product", out.len(), self.n)?;
        multiply(&self.entries, v, out);
        Ok(())
    }

    fn diagonal(&self, out: &mut [S]) -> Result<(), Error> {
        Error::check_length("the diagonal", out.len(), self.n)?;
        out.iter_mut().zip(self.entries.iter().step_by(self.n + 1)).for_each(|(o, &m)| *o = m);
        Ok(())
    }

    fn to_dense(&self, out: &mut [S]) -> Result<(), Error> {
        Error::check_length("the dense matrix", out.len(), self.n * self.n)?;
        out.copy_from_slice(&self.entries);
        Ok(())
    }
}

//! Newton's method with a cheaper matrix in place of the Hessian.

use std::ops::Range;

use dualtape_autodiff::Real;

use crate::check::{require, require_count};
use crate::curvature_matrix::CurvatureMatrix;
use crate::engine::{
    Here, LineSearch, Method, Minimizer, Next, Options, Report, Run, StepLimit, descend, minimizer,
    run,
};
use crate::error::Error;
use crate::linalg::{
    BlockDiagonal, Diagonal, Factored, LinearOperator, LowRank, Pivots, check_ranges, dense_matrix,
    dot, negate,
};
use crate::problem::{Linearized, Objective};

/// What is kept of a curvature matrix `C` by [`StructuredNewton`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Structure {
    /// All of it: `B = C`. With the Gauss–Newton or the empirical Fisher matrix this is what is meant by an *outer-product
    /// Hessian*: a sum over outputs or examples, not the outer product of one gradient.
    Full,
    /// `B = diag |C|`.
    Diagonal,
    /// `B = diag(C₁, …, Cₖ)`, the exact blocks of `C` for ranges of parameters that follow each other, as of layers, each
    /// made positive definite by itself.
    Blocks(Vec<Range<usize>>),
    /// `B = U|Λ|Uᵀ + ρ(I − UUᵀ)` from the eigenpairs of largest `|λ|`, by [`LowRank::lanczos`].
    Lanczos {
        /// How many.
        rank: usize,
    },
    /// As [`Lanczos`](Structure::Lanczos), from as many products by [`LowRank::nystrom`], for positive semidefinite `C`.
    Nystrom {
        /// How many.
        rank: usize,
    },
}

/// Newton's method with a matrix `B` that is cheaper than the Hessian, or safer, and a line search:
///
/// ```text
/// x ← x − a (B + μI)⁻¹ ∇f(x)
/// ```
///
/// `B` is made of a [`CurvatureMatrix`] and a [`Structure`]:
///
/// | `StructuredNewton::new(…)` | known as | an iteration |
/// |---|---|---|
/// | `GaussNewton, Full` | Gauss–Newton, "outer-product Hessian" | `n` products, `O(n³)` |
/// | `EmpiricalFisher, Full` | gradient covariance | one pass, `O(N²n)` if `N < n` |
/// | `Hessian, Blocks(ranges)` | block-diagonal Newton | `n` products, `O(Σ nᵢ³)` |
/// | `Hessian, Diagonal` | diagonal Newton (Becker & LeCun, 1988, there approximated) | `n` products |
/// | `Hessian, Lanczos { rank }` | low-rank saddle-free Newton (Dauphin et al., NIPS 2014) | up to `20k + 100` products |
/// | `GaussNewton, Nystrom { rank }` | randomised Nyström (Frangella, Tropp & Udell, 2021) | `k` products |
///
/// Each is a descent direction, since `B` is made positive definite: blocks by the absolute values of the pivots of `LBLᵀ`,
/// low rank and diagonal by absolute values. In the complement of a low-rank `U` nothing is known of the curvature but that
/// it is at most `|λₖ|`, the least that was kept: that is `ρ`, so that steps there are those of gradient descent with a
/// safe length. Systems of low rank are solved by Woodbury's formula, all others by factors; an inverse is never formed.
///
/// Whatever `B` is, the report's certificate is that of the exact Hessian.
///
/// **Defaults**: [`MoreThuente`](crate::MoreThuente) line search from `a = 1`, 1000 iterations, gradient tolerance by scale.
/// The [`shift`](Self::shift) `μ` is `√ε·gᵀCg/gᵀg` for the full matrix, which has no inverse in general, `ρ` for low rank, and
/// 0 for blocks and the diagonal.
///
/// **Convergence** is quadratic only where `B` becomes the Hessian. It is linear otherwise, and as fast as `B` is like it:
/// Gauss–Newton where residuals are small, low rank where the spectrum falls off, blocks where parameters of different blocks
/// do not interact.
///
/// **Pitfalls**: the empirical Fisher matrix does not tend to the Hessian where the fit becomes exact, it tends to 0, and
/// steps become too long for the line search to be cheap (Kunstner, Hennig & Balles, NeurIPS 2019); better as
/// [`NaturalGradient`](crate::NaturalGradient), with a damping that adapts.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::record;
/// use dualtape_optimizers::{CurvatureMatrix, Structure, StructuredNewton, prelude::*};
///
/// // Two pairs of parameters that interact weakly.
/// let f = record(&[1.0; 4]).function(|x| {
///     let pair = |a: usize| x[a].exp() - x[a] + (x[a + 1] - x[a]).powi(2);
///     pair(0) + pair(2) + 0.1 * (x[0] * x[2]).sin()
/// })?;
/// let mut x = [1.0; 4];
/// let blocks = Structure::Blocks(vec![0..2, 2..4]);
/// let report = StructuredNewton::new(CurvatureMatrix::Hessian, blocks).minimize(&f, &mut x)?;
/// assert!(report.converged() && report.certified() && report.iterations < 20, "{report}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StructuredNewton<'c, S: Real> {
    options: Options<'c, S>,
    settings: Settings<S>,
}

#[derive(Debug, Clone)]
struct Settings<S: Real> {
    matrix: CurvatureMatrix,
    structure: Structure,
    shift: Option<S>,
    line_search: LineSearch<S>,
    max_step: Option<S>,
    seed: u64,
}

impl<S: Real> StructuredNewton<'_, S> {
    /// Steps with what `structure` keeps of `matrix`.
    pub fn new(matrix: CurvatureMatrix, structure: Structure) -> Self {
        let line_search = LineSearch::default();
        let settings =
            Settings { matrix, structure, shift: None, line_search, max_step: None, seed: 0 };
        StructuredNewton { options: Options::new(1000), settings }
    }

    /// The shift `μ`; for low rank the curvature `ρ` of the complement.
    #[must_use]
    pub fn shift(mut self, shift: S) -> Self {
        self.settings.shift = Some(shift);
        self
    }

    /// The line search. Default [`MoreThuente`](crate::MoreThuente).
    #[must_use]
    pub fn line_search(mut self, line_search: LineSearch<S>) -> Self {
        self.settings.line_search = line_search;
        self
    }

    /// The longest step, as [`Newton::max_step`](crate::Newton::max_step).
    #[must_use]
    pub fn max_step(mut self, length: S) -> Self {
        self.settings.max_step = Some(length);
        self
    }

    /// Seed of the random vectors of the low-rank structures. Default 0.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }
}

impl<S: Real> Settings<S> {
    fn check(&self, dim: usize) -> Result<(), Error> {
        if let Some(shift) = self.shift {
            require("shift", shift, "zero or positive", |shift| shift >= 0.0)?;
        }
        match &self.structure {
            Structure::Blocks(ranges) => check_ranges(ranges, dim)?,
            Structure::Lanczos { rank } | Structure::Nystrom { rank } => {
                require_count("rank", *rank)?;
            }
            Structure::Full | Structure::Diagonal => {}
        }
        StepLimit::check(self.max_step)?;
        self.line_search.check()
    }

    /// `out ← (B + μI)⁻¹ b`.
    fn solve(&self, at: &dyn Linearized<S>, b: &[S], out: &mut [S]) -> Result<(), Error> {
        let operator = at.curvature(self.matrix)?;
        let shift = self.shift.unwrap_or_else(S::zero);
        match &self.structure {
            Structure::Full => self.solve_full(&*operator, b, out),
            Structure::Diagonal => {
                let mut entries = vec![S::zero(); b.len()];
                operator.diagonal(&mut entries)?;
                let largest = entries.iter().fold(S::zero(), |max, d| max.max(d.abs()));
                let floor = floor(b.len(), largest);
                entries.iter_mut().for_each(|d| *d = d.abs().max(floor));
                Diagonal::new(entries).solve_shifted(shift, b, out)
            }
            Structure::Blocks(ranges) => {
                let mut factored = Vec::with_capacity(ranges.len());
                for (_, block) in BlockDiagonal::of(&*operator, ranges)?.blocks() {
                    factored.push(positive(block, shift)?);
                }
                BlockDiagonal::new::<S>(factored).apply(b, out)
            }
            Structure::Lanczos { rank } => {
                let rank = (*rank).min(b.len());
                self.solve_low_rank(LowRank::lanczos(&*operator, rank, self.seed)?, b, out)
            }
            Structure::Nystrom { rank } => {
                let rank = (*rank).min(b.len());
                self.solve_low_rank(LowRank::nystrom(&*operator, rank, self.seed)?, b, out)
            }
        }
    }

    fn solve_full(
        &self,
        operator: &dyn LinearOperator<S>,
        b: &[S],
        out: &mut [S],
    ) -> Result<(), Error> {
        if self.matrix == CurvatureMatrix::Hessian {
            let shift = self.shift.unwrap_or_else(S::zero);
            return positive(operator, shift)?.apply(b, out);
        }
        let shift = match self.shift {
            Some(shift) => shift,
            None => {
                operator.apply(b, out)?;
                let quotient = dot(b, out) / dot(b, b);
                S::epsilon().sqrt() * if quotient > S::zero() { quotient } else { S::one() }
            }
        };
        operator.solve_shifted(shift, b, out)
    }

    /// With `B = U|Λ|Uᵀ + ρ(I − UUᵀ)` of orthonormal `U`.
    fn solve_low_rank(&self, top: LowRank<S>, b: &[S], out: &mut [S]) -> Result<(), Error> {
        let n = b.len();
        let sizes: Vec<S> = top.weights().iter().map(|w| w.abs()).collect();
        let largest = sizes.iter().fold(S::zero(), |max, &w| max.max(w));
        let least = sizes.iter().fold(largest, |min, &w| min.min(w));
        let rest = self.shift.unwrap_or(least).max(S::epsilon().sqrt() * largest);
        let rest = if rest > S::zero() { rest } else { S::one() };
        let floor = floor(n, largest);
        let weights = sizes.iter().map(|&w| w.max(floor) - rest).collect();
        let matrix = LowRank::new(n, top.vectors().to_vec(), weights)?;
        matrix.with_diagonal(vec![rest; n])?.solve_shifted(S::zero(), b, out)
    }
}

/// What counts as no curvature beside `largest`.
fn floor<S: Real>(n: usize, largest: S) -> S {
    let floor = S::constant(10.0 * n as f64) * S::epsilon() * largest;
    if floor > S::zero() { floor } else { S::one() }
}

/// Factors of `A + shift·I` made positive definite.
fn positive<S: Real>(a: &(impl LinearOperator<S> + ?Sized), shift: S) -> Result<Factored, Error> {
    let mut matrix = dense_matrix(a)?;
    matrix.iter_mut().step_by(a.dim() + 1).for_each(|d| *d += shift);
    Factored::new(a.dim(), &matrix, Pivots::Absolute)
}

minimizer!(StructuredNewton);

impl<S: Real> StructuredNewton<'_, S> {
    fn solve(&mut self, objective: &dyn Objective<S>, x: &mut [S]) -> Result<Report<S>, Error> {
        self.settings.check(objective.dim())?;
        let settings = &self.settings;
        run(&mut self.options, objective, x, |objective, run, x| {
            let (b, direction) = (vec![S::zero(); x.len()], vec![S::zero(); x.len()]);
            let limit = StepLimit::new(settings.max_step, &x);
            descend(&mut State { settings, b, direction, limit }, objective, run, x)
        })
    }
}

/// A run.
struct State<'s, S: Real> {
    settings: &'s Settings<S>,
    /// `−∇f(x)`.
    b: Vec<S>,
    direction: Vec<S>,
    limit: StepLimit<S>,
}

impl<S: Real> Method<S> for State<'_, S> {
    fn advance<'a>(&mut self, here: &Here<'a, '_, S>, _: &Run<'_, '_, S>) -> Next<'a, S> {
        negate(here.at.gradient(), &mut self.b);
        self.settings.solve(here.at, &self.b, &mut self.direction)?;
        self.limit.search(here, &self.settings.line_search, &self.direction, S::zero())
    }
}

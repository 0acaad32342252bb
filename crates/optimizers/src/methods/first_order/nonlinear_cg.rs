//! Nonlinear conjugate gradients.

use dualtape_autodiff::Real;

use crate::check::require_count;
use crate::engine::{
    Directions, LineDescent, LineSearch, Minimizer, MoreThuente, Options, Report, descend,
    minimizer, run,
};
use crate::error::Error;
use crate::linalg::{dot, negate, norm};
use crate::problem::Objective;

/// The factor `β` of nonlinear conjugate gradients, from the new gradient `g`, the one before `g₀`, their difference
/// `y = g − g₀`, and the direction `d` that led here.
///
/// On a quadratic with exact line searches all are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Conjugacy {
    /// Fletcher & Reeves (1964), `gᵀg/g₀ᵀg₀`. Can take many tiny steps after a bad direction, so it restarts when two gradients
    /// are far from orthogonal, `|gᵀg₀| ≥ ⅕ gᵀg` (Powell's test; Nocedal & Wright, eq. 5.52).
    FletcherReeves,
    /// Polak & Ribière (1969), not below 0, `max(gᵀy/g₀ᵀg₀, 0)`: restarts by itself after a bad direction (Nocedal & Wright,
    /// eq. 5.45).
    PolakRibierePlus,
    /// Hestenes & Stiefel (1952), `gᵀy/dᵀy`, here not below 0 either.
    HestenesStiefel,
    /// CG_DESCENT (Hager & Zhang, SIAM J. Optim. 16 (2005), eqs. 1.3–1.6): `(y − 2d yᵀy/dᵀy)ᵀg/dᵀy`, not below
    /// `−1/(‖d‖ min(0.01, ‖g₀‖))`. The direction leads downhill whatever the line search: `gᵀd ≤ −⅞ gᵀg`.
    HagerZhang,
}

/// Nonlinear conjugate gradients (Nocedal & Wright, Alg. 5.4):
///
/// ```text
/// x ← x + a d,    d ← −∇f(x) + β d
/// ```
///
/// with a [`Conjugacy`] `β`. Four vectors in all, a few dot products an iteration. The line search starts from the step whose
/// first-order change is that of the step before (Nocedal & Wright, eq. 3.60). Restarts with `d = −∇f` every `10n` iterations at
/// the latest, when `d` does not lead downhill, and when a line search fails.
///
/// **Defaults**: [`Conjugacy::PolakRibierePlus`]; [`MoreThuente`] line search with `c₂ = 0.1`, as conjugacy needs accurate
/// steps; 10 000 iterations, gradient tolerance `√ε`.
///
/// **Use it** for very many parameters when memory is for a few vectors only. Otherwise [`Lbfgs`](crate::Lbfgs) needs fewer
/// gradients, and with Hessian–vector products [`NewtonCg`](crate::NewtonCg) is conjugate gradients done exactly.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Scalar, c, record};
/// use dualtape_optimizers::{NonlinearCg, prelude::*};
///
/// let f = record(&[-1.2, 1.0]).function(|x| (c(1.0) - x[0]).powi(2) + c(100.0) * (x[1] - x[0] * x[0]).powi(2))?;
/// let mut x = [-1.2, 1.0];
/// let report = NonlinearCg::default().minimize(&f, &mut x)?;
/// assert!(report.converged() && report.certified());
/// assert!((x[0] - 1.0).abs() < 1e-6 && (x[1] - 1.0).abs() < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct NonlinearCg<'c, S: Real> {
    options: Options<'c, S>,
    conjugacy: Conjugacy,
    restart_every: Option<usize>,
    line_search: LineSearch<S>,
}

impl<S: Real> Default for NonlinearCg<'_, S> {
    fn default() -> Self {
        let curvature_condition = S::constant(0.1);
        let search = MoreThuente { curvature_condition, ..MoreThuente::default() };
        NonlinearCg {
            options: Options::new(10_000),
            conjugacy: Conjugacy::PolakRibierePlus,
            restart_every: None,
            line_search: LineSearch::MoreThuente(search),
        }
    }
}

impl<S: Real> NonlinearCg<'_, S> {
    /// The factor `β`. Default [`Conjugacy::PolakRibierePlus`].
    #[must_use]
    pub fn conjugacy(mut self, conjugacy: Conjugacy) -> Self {
        self.conjugacy = conjugacy;
        self
    }

    /// Iterations after which to restart at the latest. Default `10n`.
    #[must_use]
    pub fn restart_every(mut self, iterations: usize) -> Self {
        self.restart_every = Some(iterations);
        self
    }

    /// The line search. Default [`MoreThuente`] with `c₂ = 0.1`.
    #[must_use]
    pub fn line_search(mut self, line_search: LineSearch<S>) -> Self {
        self.line_search = line_search;
        self
    }
}

minimizer!(NonlinearCg);

impl<S: Real> NonlinearCg<'_, S> {
    fn solve(&mut self, objective: &dyn Objective<S>, x: &mut [S]) -> Result<Report<S>, Error> {
        require_count("restart_every", self.restart_every.unwrap_or(1))?;
        self.line_search.check()?;
        let (conjugacy, line_search) = (self.conjugacy, self.line_search);
        let restart_every = self.restart_every.unwrap_or(10 * x.len());
        run(&mut self.options, objective, x, |objective, run, x| {
            let directions = ConjugateDirections {
                conjugacy,
                restart_every,
                since_restart: 0,
                change: vec![S::zero(); x.len()],
                step_length: None,
                expected: S::zero(),
            };
            let mut method = LineDescent::new(x.len(), directions, line_search);
            descend(&mut method, objective, run, x)
        })
    }
}

struct ConjugateDirections<S> {
    conjugacy: Conjugacy,
    restart_every: usize,
    since_restart: usize,
    /// `y`.
    change: Vec<S>,
    /// `‖s‖` of the step before, if it is to be learnt from.
    step_length: Option<S>,
    /// `a gᵀd` of the step before.
    expected: S,
}

impl<S: Real> ConjugateDirections<S> {
    /// `β`, or `None` to restart.
    fn beta(&self, gradient: &[S], direction: &[S]) -> Option<S> {
        let (g, y, d) = (gradient, &self.change, direction);
        let square = dot(g, g);
        let across = dot(g, y);
        // gᵀg₀ and g₀ᵀg₀, from g₀ = g − y
        let overlap = square - across;
        let before = overlap - across + dot(y, y);
        let curvature = dot(d, y);
        let beta = match self.conjugacy {
            Conjugacy::FletcherReeves if overlap.abs() >= S::constant(0.2) * square => return None,
            Conjugacy::FletcherReeves => square / before,
            Conjugacy::PolakRibierePlus => (across / before).max(S::zero()),
            Conjugacy::HestenesStiefel => (across / curvature).max(S::zero()),
            Conjugacy::HagerZhang => {
                let along = dot(d, g) / curvature;
                let beta = (across - S::constant(2.0) * along * dot(y, y)) / curvature;
                let least =
                    -(norm(d) * before.max(S::zero()).sqrt().min(S::constant(0.01))).recip();
                beta.max(least)
            }
        };
        beta.is_finite().then_some(beta)
    }
}

impl<S: Real> Directions<S> for ConjugateDirections<S> {
    fn learn(&mut self, s: &[S], y: &[S]) -> Result<(), Error> {
        self.change.copy_from_slice(y);
        self.step_length = Some(norm(s));
        self.since_restart += 1;
        Ok(())
    }

    fn turn(&mut self, gradient: &[S], direction: &mut [S]) -> Result<(), Error> {
        let Some(step_length) = self.step_length else {
            negate(gradient, direction);
            return Ok(());
        };
        // The slope at the start of the step is that at its end, less its change.
        let slope = dot(gradient, direction) - dot(&self.change, direction);
        self.expected = slope * step_length / norm(direction);
        let due = self.since_restart >= self.restart_every;
        match self.beta(gradient, direction).filter(|_| !due) {
            Some(beta) => {
                direction.iter_mut().zip(gradient).for_each(|(d, &g)| *d = beta * *d - g);
            }
            None => {
                self.since_restart = 0;
                negate(gradient, direction);
            }
        }
        Ok(())
    }

    fn forget(&mut self) {
        self.step_length = None;
        self.since_restart = 0;
    }

    fn first_step(&self, slope: S) -> Option<S> {
        self.step_length.map(|_| self.expected / slope)
    }
}

//! The quasi-Newton methods with a dense inverse.

use super::{Form, QuasiNewtonMatrix, Safeguard, UpdateRule};
use crate::line_descent::{Directions, LineDescent};
use crate::line_search::{LineSearch, MoreThuente};
use crate::method::descend;
use crate::options::Options;
use crate::report::Report;
use crate::run::run;
use crate::vector::{dot, norm, scale};
use crate::{Error, LinearOperator, Minimizer, Objective, Real};

/// Quasi-Newton with a dense inverse and a line search (Nocedal & Wright, Alg. 6.1):
///
/// ```text
/// x ← x − a H ∇f(x),    H ← update of H by s = Δx, y = Δ∇f, so that H y = s
/// ```
///
/// The update is of rank two: [`bfgs`](QuasiNewton::bfgs) (Broyden, Fletcher, Goldfarb, Shanno 1970),
/// [`dfp`](QuasiNewton::dfp) (Davidon 1959; Fletcher & Powell 1963), or a mixture of both,
/// [`broyden`](QuasiNewton::broyden). Nothing but gradients is used: one an iteration and one for each further trial of the
/// line search. The rank-one update is made for trust regions: [`Sr1`](crate::Sr1).
///
/// Before the first update `H` is scaled to `yᵀs/yᵀy I` (Nocedal & Wright, eq. 6.20). A pair without curvature is skipped or
/// damped, see [`Safeguard`]. If a line search fails, it is done once more from `H = I` before the run is given up.
///
/// **Defaults**: [`MoreThuente`] line search from `a = 1` (the first of all from a step of length 1 at most; `c₂ = 0.9`, for
/// DFP 0.1), `Safeguard::Skip(√ε)`, 1000 iterations, gradient tolerance `√ε`.
///
/// **Use it** (BFGS) for up to about a thousand parameters when Hessian–vector products are dear or cannot be had:
/// superlinear convergence, `n²` memory, `O(n²)` operations an iteration. Beyond, [`Lbfgs`](crate::Lbfgs). DFP is here for
/// comparison: it corrects curvatures that are too large only slowly.
///
/// **Pitfalls**: needs accurate gradients, the same function at all points (no minibatches), and at least as many
/// iterations as there are directions to learn.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Function, Scalar, c};
/// use dualtape_optimizers::{QuasiNewton, prelude::*};
///
/// let f = Function::record(&[-1.2, 1.0], |x| (c(1.0) - x[0]).powi(2) + c(100.0) * (x[1] - x[0] * x[0]).powi(2))?;
/// let mut x = [-1.2, 1.0];
/// let report = QuasiNewton::bfgs().gradient_tolerance(1e-10).minimize(&f, &mut x)?;
/// assert!(report.converged() && report.certified());
/// assert!((x[0] - 1.0).abs() < 1e-9 && (x[1] - 1.0).abs() < 1e-9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct QuasiNewton<'c, S: Real> {
    options: Options<'c, S>,
    settings: Settings<S>,
}

#[derive(Debug, Clone, Copy)]
struct Settings<S: Real> {
    rule: UpdateRule<S>,
    safeguard: Safeguard<S>,
    line_search: LineSearch<S>,
}

impl<S: Real> Default for QuasiNewton<'_, S> {
    /// [`QuasiNewton::bfgs`].
    fn default() -> Self {
        Self::bfgs()
    }
}

impl<S: Real> QuasiNewton<'_, S> {
    /// The rule of Broyden, Fletcher, Goldfarb and Shanno: the one to use.
    pub fn bfgs() -> Self {
        Self::with_rule(UpdateRule::Bfgs)
    }

    /// The rule of Davidon, Fletcher and Powell, with an accurate line search (`c₂ = 0.1`), which it needs.
    pub fn dfp() -> Self {
        let mut method = Self::with_rule(UpdateRule::Dfp);
        let curvature_condition = S::constant(0.1);
        method.settings.line_search =
            LineSearch::MoreThuente(MoreThuente { curvature_condition, ..MoreThuente::default() });
        method
    }

    /// The inverse `(1 − φ) H_BFGS + φ H_DFP`, `φ` in [0, 1].
    pub fn broyden(phi: S) -> Self {
        Self::with_rule(UpdateRule::Broyden(phi))
    }

    fn with_rule(rule: UpdateRule<S>) -> Self {
        let settings =
            Settings { rule, safeguard: Safeguard::default(), line_search: LineSearch::default() };
        QuasiNewton { options: Options::new(1000), settings }
    }

    /// What to do with pairs that show no curvature. Default: `Safeguard::Skip(√ε)`.
    #[must_use]
    pub fn safeguard(mut self, safeguard: Safeguard<S>) -> Self {
        self.settings.safeguard = safeguard;
        self
    }

    /// The line search. Default [`MoreThuente`].
    #[must_use]
    pub fn line_search(mut self, line_search: LineSearch<S>) -> Self {
        self.settings.line_search = line_search;
        self
    }
}

impl<'c, S: Real> Minimizer<'c, S> for QuasiNewton<'c, S> {
    fn minimize(&mut self, objective: &dyn Objective<S>, x: &mut [S]) -> Result<Report<S>, Error> {
        let Settings { rule, safeguard, line_search } = self.settings;
        rule.check()?;
        safeguard.check()?;
        line_search.check()?;
        run(&mut self.options, objective, x, |objective, run, x| {
            let directions = InverseDirections::new(rule, safeguard, x.len());
            let mut method = LineDescent::new(x.len(), directions, line_search);
            descend(&mut method, objective, run, x)
        })
    }

    fn options_mut(&mut self) -> &mut Options<'c, S> {
        &mut self.options
    }
}

/// `−H g` with a quasi-Newton inverse.
pub(crate) struct InverseDirections<S: Real> {
    inverse: QuasiNewtonMatrix<S>,
    /// Whether no pair was taken in yet.
    fresh: bool,
}

impl<S: Real> InverseDirections<S> {
    pub(crate) fn new(rule: UpdateRule<S>, safeguard: Safeguard<S>, n: usize) -> Self {
        let identity = QuasiNewtonMatrix::scaled_identity(Form::Inverse, rule, n, S::one());
        InverseDirections { inverse: identity.safeguard(safeguard), fresh: true }
    }
}

impl<S: Real> Directions<S> for InverseDirections<S> {
    fn learn(&mut self, s: &[S], y: &[S]) -> Result<(), Error> {
        if self.fresh {
            let length = norm(y);
            let gamma = dot(s, y) / length / length;
            if !(gamma.is_normal() && gamma > S::zero()) {
                return Ok(());
            }
            self.inverse.reset(gamma);
            self.fresh = false;
        }
        self.inverse.update(s, y).map(drop)
    }

    fn turn(&mut self, gradient: &[S], direction: &mut [S]) -> Result<(), Error> {
        self.inverse.apply(gradient, direction)?;
        scale(-S::one(), direction);
        Ok(())
    }

    fn forget(&mut self) {
        self.inverse.reset(S::one());
        self.fresh = true;
    }

    fn first_step(&self, _: S) -> Option<S> {
        (!self.fresh).then_some(S::one())
    }
}

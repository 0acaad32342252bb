//! The quasi-Newton methods with a dense inverse.

use dualtape_autodiff::Real;

use super::matrix::{Form, QuasiNewtonMatrix, UpdateRule};
use super::pair::Safeguard;
use super::rescaled::RescaledInverse;
use crate::check::require;
use crate::engine::{
    Directions, LineDescent, LineSearch, Minimizer, MoreThuente, Options, Report, descend,
    minimizer, run,
};
use crate::error::Error;
use crate::linalg::{Eigen, LinearOperator, dot, norm, scale};
use crate::problem::Objective;

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
/// What the updates are applied to is an [`InitialMatrix`]. A pair without curvature is skipped or damped, see [`Safeguard`].
/// If a line search fails, it is done once more from `H = I` before the run is given up.
///
/// **Defaults**: [`InitialMatrix::Newest`] for BFGS and [`InitialMatrix::FirstPair`] for the other rules; [`MoreThuente`] line search from `a = 1` (the first of all from a step of length `0.3 ‖x‖`; `c₂ = 0.9`, for
/// DFP 0.1), `Safeguard::Skip(√ε)`, 1000 iterations, gradient tolerance `√ε`.
///
/// **Use it** (BFGS) for up to about a thousand parameters when Hessian–vector products are dear or cannot be had:
/// superlinear convergence, `n²` memory (by default `2n²`), `O(n²)` operations an iteration. Beyond, [`Lbfgs`](crate::Lbfgs). DFP is here for
/// comparison: it corrects curvatures that are too large only slowly.
///
/// **Pitfalls**: needs accurate gradients, the same function at all points (no minibatches), and at least as many
/// iterations as there are directions to learn.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Scalar, c, record};
/// use dualtape_optimizers::{QuasiNewton, prelude::*};
///
/// let f = record(&[-1.2, 1.0]).function(|x| (c(1.0) - x[0]).powi(2) + c(100.0) * (x[1] - x[0] * x[0]).powi(2))?;
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

/// The inverse `H₀` that the updates of a [`QuasiNewton`] method are applied to.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Scalar, c, record};
/// use dualtape_optimizers::{InitialMatrix, QuasiNewton, prelude::*};
///
/// // Curvatures of 2 and 2·10⁶, which are known: the first step is Newton's.
/// let f = record(&[3.0, 1.0]).function(|x| (x[0] - c(1.0)).powi(2) + c(1e6) * x[1].powi(2))?;
/// let mut x = [3.0, 1.0];
/// let inverse = InitialMatrix::Dense(vec![0.5, 0.0, 0.0, 0.5e-6]);
/// let report = QuasiNewton::bfgs().initial_matrix(inverse).minimize(&f, &mut x)?;
/// assert!(report.converged() && report.iterations == 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum InitialMatrix<S> {
    /// `γI` with the `γ = sᵀs/sᵀy` of the newest pair under the updates with all pairs so far, much as in L-BFGS, so that a first
    /// pair along large curvature does not keep later steps short where curvature is small.
    /// `2n²` numbers instead of `n²`. For BFGS, which alone is linear in `H₀`; the other rules take it as `FirstPair`.
    Newest,
    /// `γI` with the `γ` of the first pair (Nocedal & Wright, eq. 6.20).
    FirstPair,
    /// `γI` with this `γ > 0`: 1 is what the textbooks begin with.
    Scaled(S),
    /// This inverse of order `n`, row by row, positive definite: the curvature known from elsewhere, from a run before for
    /// example. If a line search fails, it is given up for `FirstPair`.
    Dense(Vec<S>),
}

impl<S: Real> InitialMatrix<S> {
    fn check(&self, n: usize) -> Result<(), Error> {
        match self {
            InitialMatrix::Newest | InitialMatrix::FirstPair => Ok(()),
            InitialMatrix::Scaled(gamma) => {
                require("initial_matrix", *gamma, "positive", |gamma| gamma > 0.0)
            }
            InitialMatrix::Dense(entries) => {
                Error::check_length("the initial matrix", entries.len(), n * n)?;
                let eigen = Eigen::new(n, entries)?;
                let smallest = eigen.map_or(f64::NAN, |eigen| eigen.values[0]);
                let name = "smallest eigenvalue of the initial matrix";
                require(name, S::constant(smallest), "positive", |value| value > 0.0)
            }
        }
    }
}

#[derive(Debug, Clone)]
struct Settings<S: Real> {
    rule: UpdateRule<S>,
    initial: InitialMatrix<S>,
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
        let settings = Settings {
            rule,
            initial: InitialMatrix::Newest,
            safeguard: Safeguard::default(),
            line_search: LineSearch::default(),
        };
        QuasiNewton { options: Options::new(1000), settings }
    }

    /// What the updates are applied to. Default [`InitialMatrix::Newest`].
    #[must_use]
    pub fn initial_matrix(mut self, inverse: InitialMatrix<S>) -> Self {
        self.settings.initial = inverse;
        self
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

minimizer!(QuasiNewton);

impl<S: Real> QuasiNewton<'_, S> {
    fn solve(&mut self, objective: &dyn Objective<S>, x: &mut [S]) -> Result<Report<S>, Error> {
        let Settings { rule, ref initial, safeguard, line_search } = self.settings;
        rule.check()?;
        initial.check(x.len())?;
        safeguard.check()?;
        line_search.check()?;
        run(&mut self.options, objective, x, |objective, run, x| {
            let directions = InverseDirections::new(rule, initial, safeguard, x.len())?;
            let mut method = LineDescent::new(x.len(), directions, line_search);
            descend(&mut method, objective, run, x)
        })
    }
}

/// `−H g` with a quasi-Newton inverse.
pub(crate) struct InverseDirections<S: Real> {
    inverse: Inverse<S>,
    /// Whether the scale of the matrix is still to be learnt from the first pair.
    fresh: bool,
}

enum Inverse<S> {
    Kept(QuasiNewtonMatrix<S>),
    Rescaled(RescaledInverse<S>),
}

impl<S: Real> Inverse<S> {
    fn reset(&mut self, gamma: S) {
        match self {
            Inverse::Kept(matrix) => matrix.reset(gamma),
            Inverse::Rescaled(matrix) => matrix.reset(gamma),
        }
    }
}

impl<S: Real> InverseDirections<S> {
    pub(crate) fn new(
        rule: UpdateRule<S>,
        initial: &InitialMatrix<S>,
        safeguard: Safeguard<S>,
        n: usize,
    ) -> Result<Self, Error> {
        let scaled = |gamma| QuasiNewtonMatrix::scaled_identity(Form::Inverse, rule, n, gamma);
        let kept = |matrix: QuasiNewtonMatrix<S>| Inverse::Kept(matrix.safeguard(safeguard));
        let (inverse, fresh) = match initial {
            InitialMatrix::Newest if rule == UpdateRule::Bfgs => {
                (Inverse::Rescaled(RescaledInverse::new(safeguard, n)), true)
            }
            InitialMatrix::Newest | InitialMatrix::FirstPair => (kept(scaled(S::one())), true),
            InitialMatrix::Scaled(gamma) => (kept(scaled(*gamma)), false),
            InitialMatrix::Dense(entries) => {
                (kept(QuasiNewtonMatrix::from_dense(Form::Inverse, rule, n, entries)?), false)
            }
        };
        Ok(InverseDirections { inverse, fresh })
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
        match &mut self.inverse {
            Inverse::Kept(matrix) => matrix.update(s, y).map(drop),
            Inverse::Rescaled(matrix) => matrix.update(s, y).map(drop),
        }
    }

    fn turn(&mut self, gradient: &[S], direction: &mut [S]) -> Result<(), Error> {
        match &self.inverse {
            Inverse::Kept(matrix) => matrix.apply(gradient, direction)?,
            Inverse::Rescaled(matrix) => matrix.apply(gradient, direction),
        }
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

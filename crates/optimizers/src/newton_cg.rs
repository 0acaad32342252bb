//! Newton's method on Hessian–vector products.

use std::fmt;

use crate::conjugate_gradient::{ConjugateGradient, Outcome, System};
use crate::line_search::LineSearch;
use crate::method::{Here, Method, Next, descend};
use crate::options::{Options, require, require_count};
use crate::report::{Report, StopReason};
use crate::run::{Run, run};
use crate::vector::norm;
use crate::{Error, Minimizer, Objective, Real};

/// How accurately conjugate gradients solve the Newton system: `‖H z + g‖₂ ≤ η ‖g‖₂`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Forcing<S> {
    /// `η = min(½, √‖g‖₂)`: superlinear convergence (Nocedal & Wright, Alg. 7.1). Depends on the units of `f`.
    Superlinear,
    /// `η = γ (‖g‖/‖g_before‖)²`, at most 0.9 and not falling abruptly: choice 2 of Eisenstat & Walker, SIAM J. Sci.
    /// Comput. 17 (1996), with `γ = 0.9`. Quadratic convergence, and free of units.
    EisenstatWalker,
    /// The same `η` always: linear convergence.
    Constant(S),
}

/// Truncated Newton: conjugate gradients on the exact Hessian (Nocedal & Wright, Alg. 7.1; Dembo & Steihaug 1983):
///
/// ```text
/// x ← x + a z,    ‖∇²f(x) z + ∇f(x)‖ ≤ η ‖∇f(x)‖
/// ```
///
/// The Hessian is used only through products, each of which costs a few evaluations of `f`, and all products of an
/// iteration share one linearization. The inner iteration allocates nothing.
///
/// A direction counts as one of non-positive curvature if `dᵀHd ≤ ε ‖d‖ ‖Hd‖`, which does not depend on units. Then the
/// step goes on along `d`, as far as if the curvature had the opposite sign (Alg. 7.1 stops short there), and the line
/// search may lengthen it.
///
/// Where the gradient is within tolerance, the smallest eigenvalue is sought by Lanczos's method from a random start
/// (as in Royer, O'Neill & Wright, Math. Programming 180 (2020)). If it is negative, the method moves on along the Ritz
/// vector, instead of taking a saddle point or a maximum for a minimum.
///
/// **Defaults**: [`Forcing::Superlinear`], at most `2n` inner iterations,
/// [`MoreThuente`](crate::MoreThuente) line search from `a = 1`, at most 100 Lanczos steps, 1000 iterations, gradient
/// tolerance `√ε`.
///
/// **Use it** for many parameters, where the dense Hessian is too large or too slow: `O(n)` memory, but for the Lanczos
/// vectors of the final check.
///
/// **Pitfalls**: ill-conditioned Hessians cost many inner iterations; scale the variables or give a
/// [`preconditioner`](NewtonCg::preconditioner).
///
/// # Example
///
/// ```
/// use dualtape_optimizers::{ByHand, NewtonCg, prelude::*};
///
/// // Σ (cosh xᵢ − xᵢ/(i+2)), minimal where sinh xᵢ = 1/(i+2)
/// let f = ByHand::new(
///     50,
///     |x: &[f64], g: &mut [f64]| {
///         let mut value = 0.0;
///         for (i, (g, x)) in g.iter_mut().zip(x).enumerate() {
///             let slope = 1.0 / (i + 2) as f64;
///             value += x.cosh() - slope * x;
///             *g = x.sinh() - slope;
///         }
///         value
///     },
///     |x: &[f64], v: &[f64], hv: &mut [f64]| {
///         for ((hv, v), x) in hv.iter_mut().zip(v).zip(x) {
///             *hv = x.cosh() * v;
///         }
///     },
/// );
/// let mut x = vec![2.0; 50];
/// let report = NewtonCg::default().gradient_tolerance(1e-12).minimize(&f, &mut x)?;
/// assert!(report.converged() && report.certified());
/// assert!((x[0] - 0.5_f64.asinh()).abs() < 1e-12);
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
pub struct NewtonCg<'c, S: Real> {
    options: Options<'c, S>,
    settings: Settings<S>,
    preconditioner: Option<Box<Diagonal<'c, S>>>,
}

/// Writes the diagonal of a preconditioner at a point.
type Diagonal<'c, S> = dyn Fn(&[S], &mut [S]) + 'c;

#[derive(Debug, Clone, Copy)]
struct Settings<S: Real> {
    forcing: Forcing<S>,
    max_cg_iterations: Option<usize>,
    line_search: LineSearch<S>,
}

impl<S: Real> Default for NewtonCg<'_, S> {
    fn default() -> Self {
        NewtonCg {
            options: Options::new(1000),
            settings: Settings {
                forcing: Forcing::Superlinear,
                max_cg_iterations: None,
                line_search: LineSearch::default(),
            },
            preconditioner: None,
        }
    }
}

impl<S: Real> fmt::Debug for NewtonCg<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewtonCg")
            .field("options", &self.options)
            .field("settings", &self.settings)
            .field("preconditioner", &self.preconditioner.is_some())
            .finish()
    }
}

impl<'c, S: Real> NewtonCg<'c, S> {
    /// The accuracy of the inner iteration. Default [`Forcing::Superlinear`].
    #[must_use]
    pub fn forcing(mut self, forcing: Forcing<S>) -> Self {
        self.settings.forcing = forcing;
        self
    }

    /// Inner iterations allowed per outer one. Default `2n`: in exact arithmetic `n` solve the system.
    #[must_use]
    pub fn max_cg_iterations(mut self, iterations: usize) -> Self {
        self.settings.max_cg_iterations = Some(iterations);
        self
    }

    /// The line search. Default [`MoreThuente`](crate::MoreThuente).
    #[must_use]
    pub fn line_search(mut self, line_search: LineSearch<S>) -> Self {
        self.settings.line_search = line_search;
        self
    }

    /// Preconditions conjugate gradients with a positive diagonal: `fill(x, m)` writes an approximation of the diagonal
    /// of the Hessian at `x` into `m`, once per outer iteration.
    #[must_use]
    pub fn preconditioner(mut self, fill: impl Fn(&[S], &mut [S]) + 'c) -> Self {
        self.preconditioner = Some(Box::new(fill));
        self
    }
}

impl<S: Real> Settings<S> {
    fn check(&self) -> Result<(), Error> {
        if let Forcing::Constant(eta) = self.forcing {
            require("forcing", eta, "in (0, 1)", |eta| eta > 0.0 && eta < 1.0)?;
        }
        require_count("max_cg_iterations", self.max_cg_iterations.unwrap_or(1))?;
        self.line_search.check()
    }
}

impl<'c, S: Real> Minimizer<'c, S> for NewtonCg<'c, S> {
    fn minimize(&mut self, objective: &dyn Objective<S>, x: &mut [S]) -> Result<Report<S>, Error> {
        self.settings.check()?;
        let settings = self.settings;
        let preconditioner = self.preconditioner.as_deref();
        run(&mut self.options, objective, x, |objective, run, x| {
            let mut state = State {
                settings,
                preconditioner,
                diagonal: vec![S::one(); if preconditioner.is_some() { x.len() } else { 0 }],
                inner: ConjugateGradient::new(x.len()),
                previous: None,
            };
            descend(&mut state, objective, run, x)
        })
    }

    fn options_mut(&mut self) -> &mut Options<'c, S> {
        &mut self.options
    }
}

/// A run of Newton-CG.
struct State<'p, S: Real> {
    settings: Settings<S>,
    preconditioner: Option<&'p Diagonal<'p, S>>,
    diagonal: Vec<S>,
    inner: ConjugateGradient<S>,
    /// `‖g‖₂` and `η` of the iteration before.
    previous: Option<(S, S)>,
}

impl<S: Real> State<'_, S> {
    fn forcing(&mut self, gradient_norm: S) -> S {
        let half = S::constant(0.5);
        let eta = match (self.settings.forcing, self.previous) {
            (Forcing::Constant(eta), _) => eta,
            (Forcing::Superlinear, _) => gradient_norm.sqrt().min(half),
            (Forcing::EisenstatWalker, None) => half,
            (Forcing::EisenstatWalker, Some((norm_before, eta_before))) => {
                let (gamma, ratio) = (S::constant(0.9), gradient_norm / norm_before);
                let floor = gamma * eta_before * eta_before;
                let eta = gamma * ratio * ratio;
                let eta = if floor > S::constant(0.1) { eta.max(floor) } else { eta };
                eta.min(gamma)
            }
        };
        self.previous = Some((gradient_norm, eta));
        eta
    }

    fn fill_diagonal(&mut self, x: &[S]) -> Result<(), Error> {
        let Some(fill) = self.preconditioner else { return Ok(()) };
        fill(x, &mut self.diagonal);
        match self.diagonal.iter().position(|&m| !(m > S::zero() && m.is_finite())) {
            Some(component) => {
                Err(Error::Preconditioner { component, value: self.diagonal[component].as_f64() })
            }
            None => Ok(()),
        }
    }
}

impl<S: Real> Method<S> for State<'_, S> {
    fn advance<'a>(&mut self, here: &Here<'a, '_, S>, run: &Run<'_, '_, S>) -> Next<'a, S> {
        let gradient_norm = norm(here.at.gradient());
        let tolerance = self.forcing(gradient_norm) * gradient_norm;
        self.fill_diagonal(here.x)?;
        let system = System {
            operator: here.at.hessian(),
            gradient: here.at.gradient(),
            preconditioner: self.preconditioner.map(|_| &self.diagonal[..]),
            tolerance,
            max_iterations: self.settings.max_cg_iterations.unwrap_or(2 * here.x.len()),
            interrupted: &|| run.interrupted().is_some(),
        };
        let curvature = match self.inner.solve(&system)? {
            Outcome::NonFinite => return Ok(Err(StopReason::NonFinite)),
            Outcome::NegativeCurvature { curvature } => curvature.min(S::zero()),
            Outcome::Converged | Outcome::Stopped => S::zero(),
        };
        if let Some(stop) = run.interrupted() {
            return Ok(Err(stop));
        }
        here.search(&self.settings.line_search, self.inner.solution(), curvature, S::one())
    }
}

//! Settings that all methods share.

use std::fmt;
use std::ops::ControlFlow;
use std::time::Duration;

use dualtape_autodiff::Real;

use super::report::{Iteration, Report};
use crate::check::{require, require_count};
use crate::error::Error;
use crate::linalg::SmallestEigenvalue;
use crate::problem::Objective;

/// When to stop, and whom to tell about each iteration. Set through the methods of [`Minimizer`].
pub struct Options<'c, S: Real> {
    /// `None` for the default, which goes by the scale of the objective.
    pub(crate) gradient_tolerance: Option<S>,
    pub(crate) relative_gradient_tolerance: S,
    pub(crate) step_tolerance: S,
    pub(crate) function_tolerance: S,
    pub(crate) max_iterations: usize,
    pub(crate) max_passes: usize,
    pub(crate) time_limit: Duration,
    pub(crate) keep_history: bool,
    pub(crate) second_order_check: bool,
    pub(crate) lanczos: SmallestEigenvalue<S>,
    pub(crate) callback: Option<Callback<'c, S>>,
}

type Callback<'c, S> = Box<dyn FnMut(&Iteration<'_, S>) -> ControlFlow<()> + 'c>;

impl<S: Real> Options<'_, S> {
    pub(crate) fn new(max_iterations: usize) -> Self {
        Options {
            gradient_tolerance: None,
            relative_gradient_tolerance: S::zero(),
            step_tolerance: S::zero(),
            function_tolerance: S::zero(),
            max_iterations,
            max_passes: usize::MAX,
            time_limit: Duration::MAX,
            keep_history: true,
            second_order_check: true,
            lanczos: SmallestEigenvalue {
                max_steps: 100,
                seed: 0,
                tolerance: S::epsilon().powf(S::constant(0.75)),
            },
            callback: None,
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let tolerances = [
            ("gradient_tolerance", self.gradient_tolerance.unwrap_or(S::zero())),
            ("relative_gradient_tolerance", self.relative_gradient_tolerance),
            ("step_tolerance", self.step_tolerance),
            ("function_tolerance", self.function_tolerance),
        ];
        tolerances.into_iter().try_for_each(|(name, value)| {
            require(name, value, "zero or positive, and finite", |t| t >= 0.0)
        })?;
        require("curvature_tolerance", self.lanczos.tolerance, "in [0, 1)", |t| {
            (0.0..1.0).contains(&t)
        })?;
        require_count("max_lanczos_steps", self.lanczos.max_steps)
    }
}

impl<S: Real> fmt::Debug for Options<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("gradient_tolerance", &self.gradient_tolerance)
            .field("relative_gradient_tolerance", &self.relative_gradient_tolerance)
            .field("step_tolerance", &self.step_tolerance)
            .field("function_tolerance", &self.function_tolerance)
            .field("max_iterations", &self.max_iterations)
            .field("max_passes", &self.max_passes)
            .field("time_limit", &self.time_limit)
            .field("keep_history", &self.keep_history)
            .field("second_order_check", &self.second_order_check)
            .field("lanczos", &self.lanczos)
            .field("on_iteration", &self.callback.is_some())
            .finish()
    }
}

/// A method that minimises an [`Objective`], and the settings that all methods share.
///
/// The tests of a stop, in the order in which they are made (a tolerance of 0 switches a test off):
///
/// | setter | stops when |
/// |---|---|
/// | [`gradient_tolerance`](Minimizer::gradient_tolerance) | `‖∇f‖∞ ≤ t`; by default relative to scale |
/// | [`relative_gradient_tolerance`](Minimizer::relative_gradient_tolerance) | `‖∇f‖∞ ≤ t ‖∇f(x₀)‖∞` |
/// | [`step_tolerance`](Minimizer::step_tolerance) | `‖Δx‖₂ ≤ t max(1, ‖x‖₂)` |
/// | [`function_tolerance`](Minimizer::function_tolerance) | `\|Δf\| ≤ t max(\|f\|, \|f_before\|)` |
/// | [`on_iteration`](Minimizer::on_iteration) | the callback breaks |
/// | [`max_iterations`](Minimizer::max_iterations), [`max_passes`](Minimizer::max_passes), [`time_limit`](Minimizer::time_limit) | used up |
/// | none | in 100 iterations neither `f` fell by more than rounding, `10 ε \|f\|`, nor `‖∇f‖∞` to half |
///
/// Only the two gradient tests count as convergence: a short step or a small change may also mean that a method is stuck.
/// Where a method finds no better point, the run has converged, by [`StopReason::Rounding`](crate::StopReason::Rounding), if
/// what the second-order model still promises, `½ ∇fᵀ|H|⁻¹∇f`, is within ten times the rounding of `f`. That rounding is
/// measured: it is by how much second differences of `f` differ from the curvature.
///
/// # Example
///
/// ```
/// use std::ops::ControlFlow;
/// use dualtape_optimizers::{ByHand, NewtonCg, StopReason, prelude::*};
///
/// let f = ByHand::new(
///     2,
///     |x: &[f64], g: &mut [f64]| {
///         (g[0], g[1]) = (2.0 * (x[0] - 3.0), 8.0 * x[1].powi(3));
///         (x[0] - 3.0).powi(2) + 2.0 * x[1].powi(4)
///     },
///     |x: &[f64], v: &[f64], hv: &mut [f64]| (hv[0], hv[1]) = (2.0 * v[0], 24.0 * x[1] * x[1] * v[1]),
/// );
/// let mut values = Vec::new();
/// let mut x = [0.0, 1.0];
/// let report = NewtonCg::default()
///     .gradient_tolerance(1e-12)
///     .max_iterations(5)
///     .on_iteration(|it| {
///         values.push(it.record.value);
///         ControlFlow::Continue(())
///     })
///     .minimize(&f, &mut x)?;
/// assert_eq!(report.stop, StopReason::MaxIterations);
/// assert_eq!(values.len(), 6);
/// assert!(values.windows(2).all(|pair| pair[1] < pair[0]));
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
pub trait Minimizer<'c, S: Real>: Sized {
    /// Minimises `objective` from `x`, and leaves the best point found in `x`, also on an error.
    ///
    /// # Errors
    ///
    /// A wrong length, a start that is not finite or where the objective is not, an unusable setting, or whatever the
    /// objective itself refuses. Everything else is told by [`Report::stop`].
    fn minimize(&mut self, objective: &dyn Objective<S>, x: &mut [S]) -> Result<Report<S>, Error>;

    /// The shared settings.
    fn options_mut(&mut self) -> &mut Options<'c, S>;

    /// Largest component of the gradient at which to stop.
    ///
    /// By default the tolerance goes by the scale of the objective and of its variables, so that no choice of units
    /// changes what a run says:
    ///
    /// ```text
    /// ‖∇f(x)‖∞ ≤ √ε min(G, F/‖x‖∞),    F = max(|f(x)|, ε^¼ |f(x₀) − f(x)|)
    /// ```
    ///
    /// with `G` the largest `‖∇f‖∞` met in the run, and `√ε = 1.5·10⁻⁸`, `ε^¼ = 1.2·10⁻⁴` in `f64`. `‖∇f‖ ‖x‖/F` is by how much `f` changes, relative to its size,
    /// if `x` is changed relative to its own: the relative gradient of Dennis & Schnabel, *Numerical Methods for
    /// Unconstrained Optimization*, §7.2. `F` keeps a share of the decrease, for minima of value 0. Where rounding does not
    /// let the gradient become that small, a run ends by [`StopReason::Rounding`](crate::StopReason::Rounding).
    #[must_use]
    fn gradient_tolerance(mut self, tolerance: S) -> Self {
        self.options_mut().gradient_tolerance = Some(tolerance);
        self
    }

    /// As [`gradient_tolerance`](Minimizer::gradient_tolerance), relative to the gradient at the start. Default 0.
    #[must_use]
    fn relative_gradient_tolerance(mut self, tolerance: S) -> Self {
        self.options_mut().relative_gradient_tolerance = tolerance;
        self
    }

    /// Relative length of a step at which to stop. Default 0.
    #[must_use]
    fn step_tolerance(mut self, tolerance: S) -> Self {
        self.options_mut().step_tolerance = tolerance;
        self
    }

    /// Relative change of the value at which to stop. Default 0.
    #[must_use]
    fn function_tolerance(mut self, tolerance: S) -> Self {
        self.options_mut().function_tolerance = tolerance;
        self
    }

    /// Iterations allowed. Default 1000.
    #[must_use]
    fn max_iterations(mut self, iterations: usize) -> Self {
        self.options_mut().max_iterations = iterations;
        self
    }

    /// Passes over the objective allowed, as [`Counts::passes`](crate::Counts::passes) counts them. Default unlimited.
    ///
    /// Checked between iterations and between the products of inner ones: a line search or a dense Hessian under way is
    /// finished.
    #[must_use]
    fn max_passes(mut self, passes: usize) -> Self {
        self.options_mut().max_passes = passes;
        self
    }

    /// Wall time allowed, checked as passes are. Default unlimited.
    #[must_use]
    fn time_limit(mut self, limit: Duration) -> Self {
        self.options_mut().time_limit = limit;
        self
    }

    /// Whether [`Report::history`] is kept. Default true; a very long run may do without.
    #[must_use]
    fn keep_history(mut self, keep: bool) -> Self {
        self.options_mut().keep_history = keep;
        self
    }

    /// Whether to examine the smallest eigenvalue of the Hessian at a stationary point: a dense method computes it, any
    /// other estimates it by Lanczos's method. If it is negative, the deterministic methods move on along its eigenvector.
    /// Default true.
    #[must_use]
    fn second_order_check(mut self, check: bool) -> Self {
        self.options_mut().second_order_check = check;
        self
    }

    /// Eigenvalues of at most this magnitude, relative to the largest, count as zero. Default `ε^¾` (`2·10⁻¹²` in `f64`).
    #[must_use]
    fn curvature_tolerance(mut self, tolerance: S) -> Self {
        self.options_mut().lanczos.tolerance = tolerance;
        self
    }

    /// Lanczos steps allowed for the second-order check; that many vectors of length `n` are kept. Default 100.
    #[must_use]
    fn max_lanczos_steps(mut self, steps: usize) -> Self {
        self.options_mut().lanczos.max_steps = steps;
        self
    }

    /// Seed of the random vector from which Lanczos's method starts. Default 0.
    #[must_use]
    fn lanczos_seed(mut self, seed: u64) -> Self {
        self.options_mut().lanczos.seed = seed;
        self
    }

    /// Calls `callback` at the start and after each iteration; `ControlFlow::Break(())` stops the run.
    #[must_use]
    fn on_iteration(
        mut self,
        callback: impl FnMut(&Iteration<'_, S>) -> ControlFlow<()> + 'c,
    ) -> Self {
        self.options_mut().callback = Some(Box::new(callback));
        self
    }
}

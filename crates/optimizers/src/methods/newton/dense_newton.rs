//! Newton's method with the exact dense Hessian.

use dualtape_autodiff::Real;

use crate::check::require;
use crate::engine::{
    Here, LineSearch, Method, Minimizer, Next, Options, Report, Run, Step, StepLimit, StopReason,
    descend, minimizer, run,
};
use crate::error::Error;
use crate::linalg::{Pivots, SymmetricFactors, axpy, negate, quadratic_form};
use crate::problem::{Known, Linearized, Objective};

/// Newton's method (Nocedal & Wright, Alg. 3.2), with the exact Hessian and a line search:
///
/// ```text
/// x ← x − a M⁻¹ ∇f(x),    M = ∇²f(x) made positive definite
/// ```
///
/// The Hessian is factored as `P D H D Pᵀ = L B Lᵀ` with rook pivoting, after Cheng & Higham, SIAM J. Matrix Anal. Appl.
/// 19 (1998); `D` scales the diagonal to 1 where `H` may be definite. Where `H` is positive definite to rounding,
/// `M = H`. Elsewhere the eigenvalues `λ` of the 1×1 and 2×2 blocks of `B` are replaced by `max(|λ|, δ)`, `δ = 10 n ε max|λ|`. (Cheng & Higham
/// take `max(λ, δ)`; the absolute value keeps the step along negative curvature at the scale of the problem.) No inverse
/// is ever formed. With [`fixed_step`](Newton::fixed_step) it is the pure iteration `x ← x − α H⁻¹∇f(x)`.
///
/// Where the gradient is within tolerance, the smallest eigenvalue is computed. If it is negative, the method moves on
/// along its eigenvector, instead of taking a saddle point or a maximum for a minimum.
///
/// **Defaults**: [`MoreThuente`](crate::MoreThuente) line search from `a = 1`, long steps limited where they do not keep their
/// promise ([`max_step`](Newton::max_step)), 1000 iterations, gradient tolerance by scale.
///
/// **Use it** for up to some hundreds of parameters: `n²` memory and `O(n³)` operations an iteration, quadratic
/// convergence, exact steps whatever the scaling of the variables. Beyond, [`NewtonCg`](crate::NewtonCg).
///
/// **Pitfalls**: a singular Hessian at the solution makes convergence linear. The pure iteration with a fixed step goes
/// to the nearest stationary point of any kind, and may diverge.
///
/// # Example
///
/// ```
/// use dualtape_optimizers::{ByHand, Newton, prelude::*};
///
/// // f(x, y) = x² − y² + y⁴ from its saddle point
/// let f = ByHand::new(
///     2,
///     |x: &[f64], g: &mut [f64]| {
///         (g[0], g[1]) = (2.0 * x[0], -2.0 * x[1] + 4.0 * x[1].powi(3));
///         x[0].powi(2) - x[1].powi(2) + x[1].powi(4)
///     },
///     |x: &[f64], v: &[f64], hv: &mut [f64]| {
///         (hv[0], hv[1]) = (2.0 * v[0], (12.0 * x[1] * x[1] - 2.0) * v[1]);
///     },
/// );
/// let mut x = [0.0, 0.0];
/// let report = Newton::default().minimize(&f, &mut x)?;
/// assert!(report.converged() && report.certified());
/// assert!((report.value + 0.25).abs() < 1e-14);
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
#[derive(Debug)]
pub struct Newton<'c, S: Real> {
    options: Options<'c, S>,
    settings: Settings<S>,
}

/// How far to go along Newton's direction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings<S: Real> {
    pub(crate) fixed_step: Option<S>,
    pub(crate) line_search: LineSearch<S>,
    pub(crate) max_step: Option<S>,
}

impl<S: Real> Default for Settings<S> {
    fn default() -> Self {
        Settings { fixed_step: None, line_search: LineSearch::default(), max_step: None }
    }
}

impl<S: Real> Default for Newton<'_, S> {
    fn default() -> Self {
        Newton { options: Options::new(1000), settings: Settings::default() }
    }
}

impl<S: Real> Newton<'_, S> {
    /// Takes the pure step `x ← x − α H⁻¹∇f(x)` with the Hessian as it is and without a line search.
    #[must_use]
    pub fn fixed_step(mut self, alpha: S) -> Self {
        self.settings.fixed_step = Some(alpha);
        self
    }

    /// The line search. Default [`MoreThuente`](crate::MoreThuente).
    #[must_use]
    pub fn line_search(mut self, line_search: LineSearch<S>) -> Self {
        self.settings.line_search = line_search;
        self
    }

    /// The longest step of the line search, `‖x − x_before‖₂`.
    ///
    /// By default, a step of any length is taken that lowers `f` by a quarter of what the model promises, `−½ ∇fᵀd`. Others,
    /// which lead beyond where the model holds and may end on a plateau, are limited as those of a trust region: to
    /// `‖x₀‖₂` (1 from the origin), or twice the longest step so far. A fixed step is not limited.
    #[must_use]
    pub fn max_step(mut self, length: S) -> Self {
        self.settings.max_step = Some(length);
        self
    }
}

impl<S: Real> Settings<S> {
    pub(crate) fn check(&self) -> Result<(), Error> {
        if let Some(alpha) = self.fixed_step {
            require("fixed_step", alpha, "positive", |a| a > 0.0)?;
        }
        StepLimit::check(self.max_step)?;
        self.line_search.check()
    }
}

minimizer!(Newton);

impl<S: Real> Newton<'_, S> {
    fn solve(&mut self, objective: &dyn Objective<S>, x: &mut [S]) -> Result<Report<S>, Error> {
        self.settings.check()?;
        let settings = self.settings;
        run(&mut self.options, objective, x, |objective, run, x| {
            let newton = DenseNewton::new(x.len());
            let limit = StepLimit::new(settings.max_step, &x);
            descend(&mut State { settings, newton, limit }, objective, run, x)
        })
    }
}

/// A run of Newton's method.
struct State<S: Real> {
    settings: Settings<S>,
    newton: DenseNewton<S>,
    limit: StepLimit<S>,
}

/// Newton's direction from the dense Hessian.
pub(crate) struct DenseNewton<S> {
    hessian: Vec<S>,
    pub(crate) direction: Vec<S>,
}

impl<S: Real> DenseNewton<S> {
    pub(crate) fn new(n: usize) -> Self {
        DenseNewton { hessian: vec![S::zero(); n * n], direction: vec![S::zero(); n] }
    }

    /// `direction ← −H⁻¹∇f`, with `H` as it is for a fixed step and else made positive definite; `None` if it is not finite.
    pub(crate) fn turn(
        &mut self,
        at: &dyn Linearized<S>,
        settings: &Settings<S>,
    ) -> Result<Option<()>, Error> {
        at.hessian().to_dense(&mut self.hessian)?;
        let fixed = settings.fixed_step.is_some();
        let pivots = if fixed { Pivots::Exact } else { Pivots::Absolute };
        let factors = SymmetricFactors::new(self.direction.len(), &self.hessian, pivots);
        Ok(factors.map(|factors| {
            negate(at.gradient(), &mut self.direction);
            factors.solve_in_place(&mut self.direction);
        }))
    }

    /// `dᵀHd`.
    fn curvature_along_direction(&self) -> S {
        quadratic_form(self.hessian.chunks_exact(self.direction.len()), &self.direction)
    }
}

impl<S: Real> Settings<S> {
    /// The step along `direction`, whose curvature is given if it is negative and to be made use of, else 0.
    pub(crate) fn step<'a>(
        &self,
        here: &Here<'a, '_, S>,
        direction: &[S],
        curvature: S,
        limit: &mut StepLimit<S>,
    ) -> Next<'a, S> {
        let Some(alpha) = self.fixed_step else {
            return limit.search(here, &self.line_search, direction, curvature);
        };
        if direction.iter().any(|d| !d.is_finite()) {
            return Ok(Err(StopReason::SingularHessian));
        }
        let mut x = here.x.to_vec();
        axpy(alpha, direction, &mut x);
        Ok(Ok(Step { x, known: Known::Nothing }))
    }
}

impl<S: Real> Method<S> for State<S> {
    fn is_dense(&self) -> bool {
        true
    }

    fn advance<'a>(&mut self, here: &Here<'a, '_, S>, _: &Run<'_, '_, S>) -> Next<'a, S> {
        if self.newton.turn(here.at, &self.settings)?.is_none() {
            return Ok(Err(StopReason::NonFinite));
        }
        let curvature = self.newton.curvature_along_direction().min(S::zero());
        self.settings.step(here, &self.newton.direction, curvature, &mut self.limit)
    }
}

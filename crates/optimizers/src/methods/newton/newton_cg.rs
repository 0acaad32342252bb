//! Newton's method on Hessian–vector products.

use dualtape_autodiff::Real;

use crate::check::require_count;
use crate::curvature_matrix::CurvatureMatrix;
use crate::engine::{
    Forcing, ForcingSequence, Here, LineSearch, Method, Minimizer, Next, Options, Report, Run,
    StepLimit, StopReason, descend, minimizer, run,
};
use crate::error::Error;
use crate::linalg::{ConjugateGradient, LinearOperator, Outcome, Preconditioner, System, norm};
use crate::problem::Objective;

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
/// **Defaults**: [`Forcing::EisenstatWalker`], at most `2n` inner iterations,
/// [`MoreThuente`](crate::MoreThuente) line search from `a = 1`, at most 100 Lanczos steps, 1000 iterations, gradient
/// tolerance by scale.
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
#[derive(Debug)]
pub struct NewtonCg<'c, S: Real> {
    options: Options<'c, S>,
    settings: Settings<S>,
    preconditioner: Option<Preconditioner<'c, S>>,
}

#[derive(Debug, Clone, Copy)]
struct Settings<S: Real> {
    curvature: CurvatureMatrix,
    forcing: Forcing<S>,
    max_cg_iterations: Option<usize>,
    line_search: LineSearch<S>,
    max_step: Option<S>,
}

impl<S: Real> Default for NewtonCg<'_, S> {
    fn default() -> Self {
        NewtonCg {
            options: Options::new(1000),
            settings: Settings {
                curvature: CurvatureMatrix::Hessian,
                forcing: Forcing::EisenstatWalker,
                max_cg_iterations: None,
                line_search: LineSearch::default(),
                max_step: None,
            },
            preconditioner: None,
        }
    }
}

impl<'c, S: Real> NewtonCg<'c, S> {
    /// The matrix of the system. Default: the Hessian. Gauss–Newton and Fisher matrices have no negative curvature, but
    /// leave out a part of the Hessian, so that convergence is linear where that part is not small.
    #[must_use]
    pub fn curvature(mut self, matrix: CurvatureMatrix) -> Self {
        self.settings.curvature = matrix;
        self
    }

    /// The accuracy of the inner iteration. Default [`Forcing::EisenstatWalker`].
    ///
    /// Neither rule is better everywhere. On a network of 2,410 parameters from 20 random starts, the default took 28,522
    /// products in all and [`Forcing::Superlinear`] 41,457, because fewer of its runs were very long; of the single starts it was
    /// better on 12. On softmax regression to a gradient of `10⁻¹⁰` it took 270 products instead of 197: where the problem is
    /// convex and much accuracy is wanted, take `Superlinear`.
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

    /// The longest step, as [`Newton::max_step`](crate::Newton::max_step).
    #[must_use]
    pub fn max_step(mut self, length: S) -> Self {
        self.settings.max_step = Some(length);
        self
    }

    /// Preconditions conjugate gradients with a positive diagonal: `fill(x, m)` writes an approximation of the diagonal
    /// of the Hessian at `x` into `m`, once per outer iteration.
    #[must_use]
    pub fn preconditioner(mut self, fill: impl Fn(&[S], &mut [S]) + 'c) -> Self {
        self.preconditioner = Some(Preconditioner::diagonal(fill));
        self
    }

    /// Preconditions conjugate gradients with any positive definite operator: `make(x)` gives an approximate *inverse* of
    /// the Hessian at `x`, once per outer iteration.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_optimizers::{ByHand, Error, LinearOperator, NewtonCg, prelude::*};
    ///
    /// /// The inverse of diag(1, 100).
    /// struct Inverse;
    ///
    /// impl LinearOperator<f64> for Inverse {
    ///     fn dim(&self) -> usize {
    ///         2
    ///     }
    ///     fn apply(&self, r: &[f64], out: &mut [f64]) -> Result<(), Error> {
    ///         (out[0], out[1]) = (r[0], r[1] / 100.0);
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let f = ByHand::new(
    ///     2,
    ///     |x: &[f64], g: &mut [f64]| {
    ///         (g[0], g[1]) = (x[0] - 1.0, 100.0 * x[1]);
    ///         0.5 * (x[0] - 1.0).powi(2) + 50.0 * x[1] * x[1]
    ///     },
    ///     |_: &[f64], v: &[f64], hv: &mut [f64]| (hv[0], hv[1]) = (v[0], 100.0 * v[1]),
    /// );
    /// let mut x = [3.0, 2.0];
    /// let report = NewtonCg::default()
    ///     .inverse_preconditioner(|_| Ok(Box::new(Inverse)))
    ///     .second_order_check(false)
    ///     .minimize(&f, &mut x)?;
    /// assert!(report.converged());
    /// assert_eq!(report.counts.hvps, 1);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn inverse_preconditioner(
        mut self,
        make: impl Fn(&[S]) -> Result<Box<dyn LinearOperator<S> + 'c>, Error> + 'c,
    ) -> Self {
        self.preconditioner = Some(Preconditioner::new(make));
        self
    }
}

impl<S: Real> Settings<S> {
    fn check(&self) -> Result<(), Error> {
        self.forcing.check()?;
        require_count("max_cg_iterations", self.max_cg_iterations.unwrap_or(1))?;
        StepLimit::check(self.max_step)?;
        self.line_search.check()
    }
}

minimizer!(NewtonCg);

impl<S: Real> NewtonCg<'_, S> {
    fn solve(&mut self, objective: &dyn Objective<S>, x: &mut [S]) -> Result<Report<S>, Error> {
        self.settings.check()?;
        let settings = self.settings;
        let preconditioner = self.preconditioner.as_ref();
        run(&mut self.options, objective, x, |objective, run, x| {
            let mut state = State {
                settings,
                preconditioner,
                forcing: settings.forcing.sequence(),
                inner: ConjugateGradient::new(x.len()),
                limit: StepLimit::new(settings.max_step, &x),
            };
            descend(&mut state, objective, run, x)
        })
    }
}

/// A run of Newton-CG.
struct State<'p, 'c, S: Real> {
    settings: Settings<S>,
    preconditioner: Option<&'p Preconditioner<'c, S>>,
    forcing: ForcingSequence<S>,
    inner: ConjugateGradient<S>,
    limit: StepLimit<S>,
}

impl<S: Real> Method<S> for State<'_, '_, S> {
    fn advance<'a>(&mut self, here: &Here<'a, '_, S>, run: &Run<'_, '_, S>) -> Next<'a, S> {
        let inverse = self.preconditioner.map(|make| make.at(here.x)).transpose()?;
        let system = System {
            operator: &*here.at.curvature(self.settings.curvature)?,
            gradient: here.at.gradient(),
            preconditioner: inverse.as_deref().map(|inverse| inverse as _),
            radius: None,
            tolerance: self.forcing.tolerance(norm(here.at.gradient())),
            max_iterations: self.settings.max_cg_iterations.unwrap_or(2 * here.x.len()),
            interrupted: &|| run.interrupted().is_some(),
        };
        let curvature = match self.inner.solve(&system)? {
            Outcome::NonFinite => return Ok(Err(StopReason::NonFinite)),
            Outcome::NegativeCurvature { curvature } => curvature.min(S::zero()),
            Outcome::Converged | Outcome::Boundary | Outcome::Stopped => S::zero(),
        };
        if let Some(stop) = run.interrupted() {
            return Ok(Err(stop));
        }
        self.limit.search(here, &self.settings.line_search, self.inner.solution(), curvature)
    }
}

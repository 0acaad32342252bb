//! Trust-region methods.

use dualtape_autodiff::Real;

use super::products::Products;
use super::{dogleg, exact, krylov, steihaug};
use crate::check::{require, require_count};
use crate::curvature_matrix::CurvatureMatrix;
use crate::engine::{
    Forcing, ForcingSequence, Here, Method, Minimizer, Next, Options, Region, Report, Run, descend,
    minimizer, run,
};
use crate::error::Error;
use crate::linalg::{ConjugateGradient, LinearOperator, Preconditioner, dense_matrix, norm};
use crate::problem::Objective;

/// How a [`TrustRegion`] finds its step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subproblem {
    /// Along the path from the minimiser on the gradient to Newton's step (Powell 1970; Nocedal & Wright, §4.1), with the
    /// dense matrix; where that is indefinite, it is shifted by `−1.5 λ₁`. Two solves at most, a step of less quality.
    Dogleg,
    /// The global minimiser, with the dense matrix (Moré & Sorensen, SIAM J. Sci. Stat. Comput. 4 (1983)): Newton's method
    /// for the multiplier, a Cholesky factorization for each of its values, an eigenvector in the hard case.
    Exact,
    /// Conjugate gradients as far as the boundary (Steihaug, SIAM J. Numer. Anal. 20 (1983); Nocedal & Wright, Alg. 7.2):
    /// products only, `O(n)` memory.
    ConjugateGradients,
    /// The global minimiser in the Krylov space (Gould, Lucidi, Roma & Toint, SIAM J. Optim. 9 (1999)): products only, and a
    /// vector of memory for each. A step refused costs no further product.
    Krylov,
}

/// Minimisation of the quadratic model where it can be trusted (Nocedal & Wright, Alg. 4.1; Conn, Gould & Toint,
/// *Trust-Region Methods*):
///
/// ```text
/// p = argmin ∇f(x)ᵀp + ½ pᵀH p,  ‖p‖ ≤ Δ;    x ← x + p  if  ρ = (f(x) − f(x + p)) / (predicted decrease) > η
/// ```
///
/// The radius is divided by 4 where `ρ < ¼` (by 2 if the value fell), and doubled where `ρ > ¾` for a step that reaches the
/// boundary. The first radius is a guess: it is divided by 10, and no step taken, until `ρ ≥ ¼`. Where the decreases are at
/// the level of rounding, `ρ` is computed from the gradients at both ends. Negative curvature needs no special treatment:
/// the step follows it to the boundary. The trial point is linearised at once, so that nothing is evaluated twice when it
/// is accepted.
///
/// | [`Subproblem`] | cost of an iteration | for |
/// |---|---|---|
/// | `Dogleg`, `Exact` | the dense Hessian, `O(n³)` | up to some hundreds of parameters |
/// | `ConjugateGradients` | some products | many parameters |
/// | `Krylov` | some products, `O(k² n)` for `k` of them | many parameters, indefinite or ill-conditioned Hessians |
///
/// **Defaults**: [`Subproblem::Krylov`], the exact Hessian, `Δ₀ = ‖x₀‖`, no largest radius, `η = 10⁻⁴`, forcing terms
/// [`Forcing::Superlinear`], at most `2n` products (Krylov: `min(n, 200)`), 1000 iterations, gradient tolerance `√ε`.
///
/// **Use it** where a line search is in trouble: saddle points, singular Hessians, narrow curved valleys.
///
/// **Pitfalls**: the radius is a length in the units of the variables, so that these should be of similar size; for
/// `ConjugateGradients` a preconditioner also changes the shape of the region.
///
/// # Example
///
/// ```
/// use dualtape_optimizers::{ByHand, Subproblem, TrustRegion, prelude::*};
///
/// // f(x, y) = x² − y² + y⁴, whose Hessian is indefinite at the start
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
/// let mut x = [1.0, 0.1];
/// let report = TrustRegion::new(Subproblem::Exact).minimize(&f, &mut x)?;
/// assert!(report.converged() && report.certified());
/// assert!((report.value + 0.25).abs() < 1e-14);
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
#[derive(Debug)]
pub struct TrustRegion<'c, S: Real> {
    options: Options<'c, S>,
    settings: Settings<S>,
    preconditioner: Option<Preconditioner<'c, S>>,
}

#[derive(Debug, Clone, Copy)]
struct Settings<S: Real> {
    subproblem: Subproblem,
    curvature: CurvatureMatrix,
    initial_radius: Option<S>,
    max_radius: Option<S>,
    acceptance: S,
    forcing: Forcing<S>,
    max_products: Option<usize>,
}

impl<S: Real> Default for TrustRegion<'_, S> {
    fn default() -> Self {
        Self::new(Subproblem::Krylov)
    }
}

impl<'c, S: Real> TrustRegion<'c, S> {
    /// The method with the given solver of its subproblems.
    pub fn new(subproblem: Subproblem) -> Self {
        TrustRegion {
            options: Options::new(1000),
            settings: Settings {
                subproblem,
                curvature: CurvatureMatrix::Hessian,
                initial_radius: None,
                max_radius: None,
                acceptance: S::constant(1e-4),
                forcing: Forcing::Superlinear,
                max_products: None,
            },
            preconditioner: None,
        }
    }

    /// The matrix `H` of the model. Default: the Hessian.
    #[must_use]
    pub fn curvature(mut self, matrix: CurvatureMatrix) -> Self {
        self.settings.curvature = matrix;
        self
    }

    /// `Δ₀`. Default `‖x₀‖`; 1 from the origin.
    #[must_use]
    pub fn initial_radius(mut self, radius: S) -> Self {
        self.settings.initial_radius = Some(radius);
        self
    }

    /// The largest radius. Default: none.
    #[must_use]
    pub fn max_radius(mut self, radius: S) -> Self {
        self.settings.max_radius = Some(radius);
        self
    }

    /// `η`, the least ratio of actual to predicted decrease at which a step is accepted. Default `10⁻⁴`.
    #[must_use]
    pub fn acceptance(mut self, ratio: S) -> Self {
        self.settings.acceptance = ratio;
        self
    }

    /// The accuracy of [`Subproblem::ConjugateGradients`] and [`Subproblem::Krylov`]. Default [`Forcing::Superlinear`].
    #[must_use]
    pub fn forcing(mut self, forcing: Forcing<S>) -> Self {
        self.settings.forcing = forcing;
        self
    }

    /// Products allowed per iteration. Default `2n` for [`Subproblem::ConjugateGradients`], `min(n, 200)` for
    /// [`Subproblem::Krylov`], which keeps that many vectors.
    #[must_use]
    pub fn max_products(mut self, products: usize) -> Self {
        self.settings.max_products = Some(products);
        self
    }

    /// Preconditions [`Subproblem::ConjugateGradients`], and measures its steps in the norm `√(pᵀM p)`; as
    /// [`NewtonCg::inverse_preconditioner`](crate::NewtonCg::inverse_preconditioner). The other solvers do without.
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
        let one = S::one();
        require("initial_radius", self.initial_radius.unwrap_or(one), "positive", |r| r > 0.0)?;
        require("max_radius", self.max_radius.unwrap_or(one), "positive", |r| r > 0.0)?;
        require("acceptance", self.acceptance, "in [0, ¼)", |eta| (0.0..0.25).contains(&eta))?;
        require_count("max_products", self.max_products.unwrap_or(1))?;
        self.forcing.check()
    }
}

minimizer!(TrustRegion);

impl<S: Real> TrustRegion<'_, S> {
    fn solve(&mut self, objective: &dyn Objective<S>, x: &mut [S]) -> Result<Report<S>, Error> {
        self.settings.check()?;
        let settings = self.settings;
        let preconditioner = self.preconditioner.as_ref();
        run(&mut self.options, objective, x, |objective, run, x| {
            let initial = settings.initial_radius;
            let mut state = State {
                settings,
                preconditioner,
                forcing: settings.forcing.sequence(),
                region: Region::new(&x, initial, settings.max_radius, settings.acceptance),
                inner: ConjugateGradient::new(x.len()),
            };
            descend(&mut state, objective, run, x)
        })
    }
}

/// A run of the method.
struct State<'p, 'c, S: Real> {
    settings: Settings<S>,
    preconditioner: Option<&'p Preconditioner<'c, S>>,
    forcing: ForcingSequence<S>,
    region: Region<S>,
    inner: ConjugateGradient<S>,
}

impl<S: Real> Method<S> for State<'_, '_, S> {
    fn advance<'a>(&mut self, here: &Here<'a, '_, S>, run: &Run<'_, '_, S>) -> Next<'a, S> {
        let operator = here.at.curvature(self.settings.curvature)?;
        let (gradient, n) = (here.at.gradient(), here.x.len());
        let subproblem = self.settings.subproblem;
        let interrupted = || run.interrupted().is_some();
        let allowed = if subproblem == Subproblem::Krylov { n.min(200) } else { 2 * n };
        let products = Products {
            operator: &*operator,
            gradient,
            tolerance: self.forcing.tolerance(norm(gradient)),
            max_products: self.settings.max_products.unwrap_or(allowed),
            interrupted: &interrupted,
        };
        match subproblem {
            Subproblem::Dogleg => {
                let matrix = dense_matrix(&*operator)?;
                self.region.search(here, run, dogleg::Dogleg::new(&matrix, gradient)?)
            }
            Subproblem::Exact => {
                let matrix = dense_matrix(&*operator)?;
                self.region.search(here, run, exact::Exact::new(&matrix, gradient))
            }
            Subproblem::ConjugateGradients => {
                let inverse = self.preconditioner.map(|make| make.at(here.x)).transpose()?;
                let inner = std::mem::replace(&mut self.inner, ConjugateGradient::new(0));
                let inverse = inverse.as_deref().map(|inverse| inverse as _);
                let mut model = steihaug::Steihaug::new(inner, products, inverse);
                let next = self.region.search(here, run, Some(&mut model));
                self.inner = model.into_inner();
                next
            }
            Subproblem::Krylov => {
                self.region.search(here, run, Some(krylov::InKrylov::new(products)))
            }
        }
    }

    fn escaped(&mut self) {
        self.region.reopen();
    }
}

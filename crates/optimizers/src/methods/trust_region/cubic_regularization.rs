//! Adaptive cubic regularisation.

use dualtape_autodiff::Real;

use crate::check::{require, require_count};
use crate::curvature_matrix::CurvatureMatrix;
use crate::engine::{
    Forcing, ForcingSequence, Here, MAX_TRIALS, Method, Minimizer, Next, Options, Report, Run,
    Step, StopReason, agreement, descend, minimizer, run,
};
use crate::error::Error;
use crate::linalg::{
    Accuracy, Bound, Krylov, ShiftedCholesky, ShortStep, Space, axpy, dense_matrix, minimize, norm,
};
use crate::problem::{Known, Objective};

/// Up to this many parameters the dense matrix is factored, beyond the model is solved in a Krylov space.
const DENSE: usize = 100;

/// Minimisation of a model with a cubic term, whose weight adapts (ARC: Cartis, Gould & Toint, Math. Programming 127 (2011),
/// Alg. 2.1; after Griewank 1981, and Nesterov & Polyak, Math. Programming 108 (2006)):
///
/// ```text
/// p = argmin ∇f(x)ᵀp + ½ pᵀH p + σ/3 ‖p‖³;    x ← x + p  if  ρ = (f(x) − f(x + p)) / (predicted decrease) ≥ 0.1
/// ```
///
/// The global minimiser is characterised by `(H + λI) p = −∇f`, `λ = σ‖p‖`, `H + λI ⪰ 0`, and found by Newton's method for
/// `λ`, the hard case included: up to 100 parameters with Cholesky factors of the dense matrix, beyond in the Krylov space of
/// Lanczos's method, which a step refused can use again without a product. The weight `σ` is divided by 4 where `ρ > 0.9` and
/// multiplied by 2 where `ρ < 0.1` (by 4 if `f` rose), and at least so far that it is felt in the next trial. As with
/// [`TrustRegion`](crate::TrustRegion), the ratio survives rounding, and no trial point that is accepted is evaluated twice.
///
/// **Defaults**: `σ₀ = 1`, the exact Hessian, forcing terms [`Forcing::Superlinear`], at most `min(n, 200)` products,
/// 1000 iterations, gradient tolerance by scale.
///
/// **Use it** as a trust region; it has the best known bound on the number of iterations, `O(ε^(−3/2))` to a gradient of `ε`.
///
/// **Pitfalls**: `σ` has the units of a third derivative, so that a start far from the right size costs some iterations.
///
/// # Example
///
/// ```
/// use dualtape_optimizers::{ByHand, CubicRegularization, prelude::*};
///
/// // x² − y² + y⁴, from its saddle point
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
/// let report = CubicRegularization::default().minimize(&f, &mut x)?;
/// assert!(report.converged() && report.certified());
/// assert!((report.value + 0.25).abs() < 1e-14);
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
#[derive(Debug)]
pub struct CubicRegularization<'c, S: Real> {
    options: Options<'c, S>,
    settings: Settings<S>,
}

#[derive(Debug, Clone, Copy)]
struct Settings<S> {
    curvature: CurvatureMatrix,
    initial_weight: S,
    forcing: Forcing<S>,
    max_products: usize,
}

impl<S: Real> Default for CubicRegularization<'_, S> {
    fn default() -> Self {
        CubicRegularization {
            options: Options::new(1000),
            settings: Settings {
                curvature: CurvatureMatrix::Hessian,
                initial_weight: S::one(),
                forcing: Forcing::Superlinear,
                max_products: 200,
            },
        }
    }
}

impl<S: Real> CubicRegularization<'_, S> {
    /// The matrix `H` of the model. Default: the Hessian.
    #[must_use]
    pub fn curvature(mut self, matrix: CurvatureMatrix) -> Self {
        self.settings.curvature = matrix;
        self
    }

    /// `σ₀`. Default 1.
    #[must_use]
    pub fn initial_weight(mut self, sigma: S) -> Self {
        self.settings.initial_weight = sigma;
        self
    }

    /// The accuracy of the solution in a Krylov space. Default [`Forcing::Superlinear`].
    #[must_use]
    pub fn forcing(mut self, forcing: Forcing<S>) -> Self {
        self.settings.forcing = forcing;
        self
    }

    /// Products allowed per iteration in a Krylov space, of which as many vectors are kept. Default 200.
    #[must_use]
    pub fn max_products(mut self, products: usize) -> Self {
        self.settings.max_products = products;
        self
    }
}

minimizer!(CubicRegularization);

impl<S: Real> CubicRegularization<'_, S> {
    fn solve(&mut self, objective: &dyn Objective<S>, x: &mut [S]) -> Result<Report<S>, Error> {
        let settings = self.settings;
        require("initial_weight", settings.initial_weight, "positive", |sigma| sigma > 0.0)?;
        require_count("max_products", settings.max_products)?;
        settings.forcing.check()?;
        run(&mut self.options, objective, x, |objective, run, x| {
            let sigma = settings.initial_weight.as_f64();
            let mut state = State { settings, sigma, forcing: settings.forcing.sequence() };
            descend(&mut state, objective, run, x)
        })
    }
}

/// A run of the method.
struct State<S> {
    settings: Settings<S>,
    sigma: f64,
    forcing: ForcingSequence<S>,
}

/// The model without its cubic term, in a form that serves one weight after the other.
enum Model<S> {
    Dense { matrix: ShiftedCholesky, gradient: Vec<f64> },
    Krylov(Krylov<S>),
}

impl<S: Real> Model<S> {
    /// The solution with its step; `None` if a number is not finite.
    fn solve(&mut self, sigma: f64, guess: f64) -> Option<(ShortStep, Vec<S>)> {
        let bound = Bound::Cubic(sigma);
        match self {
            Model::Dense { matrix, gradient } => {
                let short = minimize(matrix, gradient, bound, Accuracy::FULL, guess)?;
                let step = short.step.iter().map(|&p| S::constant(p)).collect();
                Some((short, step))
            }
            Model::Krylov(krylov) => {
                let short = krylov.solve(bound, guess)?;
                let step = krylov.combine(&short);
                Some((short, step))
            }
        }
    }
}

impl<S: Real> State<S> {
    /// The model at a point; `None` if a number is not finite.
    fn model(
        &mut self,
        here: &Here<'_, '_, S>,
        run: &Run<'_, '_, S>,
    ) -> Result<Option<Model<S>>, Error> {
        let operator = here.at.curvature(self.settings.curvature)?;
        let (gradient, n) = (here.at.gradient(), here.x.len());
        if n <= DENSE {
            let gradient = gradient.iter().map(|g| g.as_f64()).collect();
            let matrix = ShiftedCholesky::new(n, &dense_matrix(&*operator)?);
            return Ok(matrix.map(|matrix| Model::Dense { matrix, gradient }));
        }
        let space = Space {
            operator: &*operator,
            gradient,
            tolerance: self.forcing.tolerance(norm(gradient)).as_f64(),
            max_products: self.settings.max_products,
            interrupted: &|| run.interrupted().is_some(),
        };
        let built = Krylov::build(&space, Bound::Cubic(self.sigma))?;
        Ok(built.map(|(krylov, _)| Model::Krylov(krylov)))
    }

    /// What a step of this ratio says of the weight.
    fn adapt(&mut self, ratio: f64, short: &ShortStep) {
        if ratio > 0.9 {
            // Where the cubic term did nothing, less of it would change nothing: it is kept from vanishing altogether.
            self.sigma = (0.25 * self.sigma).max(f64::MIN_POSITIVE.sqrt());
        } else if ratio.is_nan() || ratio < 0.1 {
            // A model that hardly feels the term makes the same step again unless the term comes to matter.
            let felt = 0.1 * 2.0 * short.decrease / norm(&short.step).powi(3);
            let factor = if ratio < 0.0 || ratio.is_nan() { 4.0 } else { 2.0 };
            self.sigma = (factor * self.sigma).max(if felt.is_finite() { felt } else { 0.0 });
        }
    }
}

impl<S: Real> Method<S> for State<S> {
    fn advance<'a>(&mut self, here: &Here<'a, '_, S>, run: &Run<'_, '_, S>) -> Next<'a, S> {
        let Some(mut model) = self.model(here, run)? else {
            return Ok(Err(StopReason::NonFinite));
        };
        let mut guess = 0.0;
        for _ in 0..MAX_TRIALS {
            if let Some(stop) = run.interrupted() {
                return Ok(Err(stop));
            }
            let Some((short, step)) = model.solve(self.sigma, guess) else {
                return Ok(Err(StopReason::NonFinite));
            };
            guess = short.shift;
            let mut x = here.x.to_vec();
            axpy(S::one(), &step, &mut x);
            if x == here.x {
                return Ok(Err(StopReason::TrustRegion));
            }
            let at = here.objective.linearize(&x)?;
            let cubic = self.sigma / 3.0 * norm(&short.step).powi(3);
            let predicted = S::constant(short.decrease - cubic);
            let ratio = agreement(here.at, &*at, &step, predicted);
            self.adapt(ratio.as_f64(), &short);
            if ratio >= S::constant(0.1) {
                return Ok(Ok(Step { x, known: Known::Linearized(at) }));
            }
        }
        Ok(Err(StopReason::TrustRegion))
    }
}

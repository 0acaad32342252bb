//! Optimizers that use true curvature.
//!
//! An [`Objective`] gives values, gradients and, through [`Objective::linearize`], the exact Hessian as a
//! [`LinearOperator`]. A recorded [`dualtape_autodiff::Function`] is one, so that minimising a function written in plain
//! Rust takes no derivative by hand.
//!
//! | method | uses | for |
//! |---|---|---|
//! | [`Newton`] | dense Hessian | up to some hundreds of parameters |
//! | [`NewtonCg`] | Hessian–vector products | many parameters |
//! | [`StructuredNewton`] | blocks, diagonal, low rank, Gauss–Newton | structure that fits the problem |
//! | [`NaturalGradient`] | Fisher matrix, true or empirical | likelihoods |
//! | [`GaussNewton`], [`LevenbergMarquardt`] | Jacobian of residuals | sums of squares ([`Residuals`]) |
//! | [`QuasiNewton`] | gradients, dense inverse: BFGS, DFP, Broyden's class | up to some thousand parameters |
//! | [`Lbfgs`] | gradients, the last few of them | many parameters |
//! | [`Hso`] | Newton or BFGS plus a gradient step | comparison |
//! | [`Sr1`], [`Lsr1`] | gradients, trust region | functions that are not convex |
//! | [`Lbfgsb`] | gradients | many parameters with bounds |
//! | [`NonlinearCg`], [`GradientDescent`] | gradients | very many parameters; baselines |
//! | [`TrustRegion`] | dense Hessian, or products | indefinite Hessians, narrow valleys; four solvers |
//! | [`CubicRegularization`] | dense Hessian, or products | the same |
//! | [`SaddleFreeNewton`] | dense Hessian, or products | many negative eigenvalues: networks |
//! | [`HessianFree`] | Gauss–Newton products | networks far from the solution |
//! | [`Sgd`], [`Adam`] and the others of [`stochastic`] | gradients | minibatches, baselines |
//!
//! All are [`Minimizer`]s: they share the settings, update `x` in place, and return a [`Report`] that says why they
//! stopped, what is known of the second-order conditions, and what was spent. [`Report::converged`] is never true at a
//! point where negative curvature was found.
//!
//! Curvature can also be looked at: [`CurvatureInspection`] gives extreme eigenvalues, trace, condition number, shares of
//! parameters and the spectral density of any [`LinearOperator`], from products alone and with errors; with the feature
//! `svg`, a `Picture` draws them.
//!
//! # Example
//!
//! ```
//! use dualtape_optimizers::{ByHand, Newton, prelude::*};
//!
//! // Rosenbrock's function
//! let f = ByHand::new(
//!     2,
//!     |x: &[f64], g: &mut [f64]| {
//!         let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
//!         (g[0], g[1]) = (-2.0 * a - 400.0 * x[0] * b, 200.0 * b);
//!         a * a + 100.0 * b * b
//!     },
//!     |x: &[f64], v: &[f64], hv: &mut [f64]| {
//!         let h00 = 2.0 - 400.0 * (x[1] - 3.0 * x[0] * x[0]);
//!         hv[0] = h00 * v[0] - 400.0 * x[0] * v[1];
//!         hv[1] = -400.0 * x[0] * v[0] + 200.0 * v[1];
//!     },
//! );
//! let mut x = [-1.2, 1.0];
//! let report = Newton::default().gradient_tolerance(1e-10).minimize(&f, &mut x)?;
//! assert!(report.converged() && report.certified());
//! assert!((x[0] - 1.0).abs() < 1e-10 && (x[1] - 1.0).abs() < 1e-10);
//! # Ok::<(), dualtape_optimizers::Error>(())
//! ```

#[cfg(feature = "argmin")]
mod argmin_adapters;
mod bounds;
mod compiled;
mod conjugate_gradient;
mod cubic_regularization;
mod curvature;
mod dense;
mod error;
mod forcing;
mod gradient_descent;
mod hessian_free;
mod hso;
mod lbfgs;
mod lbfgsb;
mod least_squares;
mod line_descent;
mod line_search;
mod method;
mod natural_gradient;
mod newton;
mod newton_cg;
mod nonlinear_cg;
mod objective;
mod operator;
mod options;
mod preconditioner;
mod quantile;
mod quasi_newton;
mod report;
mod rounding;
mod run;
mod saddle_free_newton;
mod saved;
mod step_limit;
pub mod stochastic;
mod structured_newton;
mod subproblem;
#[cfg(feature = "layers")]
mod training;
mod trust_region;
mod vector;
mod verdict;

pub use dualtape_autodiff::Real;
pub use dualtape_schedules::{Moment, Plateau, cosine, on_plateau, one_cycle, step_decay, warm_up};

#[cfg(feature = "argmin")]
pub use argmin_adapters::{ArgminHessian, ArgminProblem, FromArgmin};
pub use cubic_regularization::CubicRegularization;
#[cfg(feature = "svg")]
pub use curvature::Picture;
pub use curvature::{
    BlockShare, ConditionNumber, CurvatureInspection, CurvatureReport, Estimate, ExtremeEigenpairs,
    Extremes, HutchPlusPlus, Hutchinson, LossCurve, LossSurface, ParameterRange, RitzPair, Signs,
    SpectralDensity, StochasticLanczos, XTrace,
};
pub use error::Error;
/// The same [`Error`] under a name that no other crate has, for code that imports everything of several.
pub use error::Error as OptimizersError;
pub use forcing::Forcing;
pub use gradient_descent::GradientDescent;
pub use hessian_free::HessianFree;
pub use hso::{Hso, Shift};
pub use lbfgs::Lbfgs;
pub use lbfgsb::Lbfgsb;
pub use least_squares::{
    GaussNewton, LevenbergMarquardt, Residuals, ResidualsAt, Scaling, SecondOrderTerm, Uncertainty,
};
pub use line_search::{
    Accepted, Armijo, Condition, HagerZhang, Line, LineSearch, LineSearchFailure, MoreThuente,
    Origin,
};
pub use natural_gradient::NaturalGradient;
pub use newton::Newton;
pub use newton_cg::NewtonCg;
pub use nonlinear_cg::{Conjugacy, NonlinearCg};
pub use objective::{
    ByHand, Counted, Counts, CurvatureMatrix, Linearized, Objective, WithExamples,
};
pub use operator::{
    BlockDiagonal, Dense, Diagonal, EmpiricalFisher, KroneckerFactored, LinearOperator, LowRank,
    Patches, Restricted, Scaled, Sharing, Shifted, SpectrumEnds, Sum,
};
pub use options::{Minimizer, Options};
pub use quasi_newton::{
    CompactHessian, Form, InitialMatrix, LbfgsMemory, Lsr1, Lsr1Memory, QuasiNewton,
    QuasiNewtonMatrix, Safeguard, Sr1, UpdateRule, Updated,
};
pub use report::{Curvature, CurvatureSource, Iteration, Record, Report, SecondOrder, StopReason};
pub use saddle_free_newton::SaddleFreeNewton;
pub use saved::{SavedState, Setting};
pub use stochastic::{
    AdaHessian, Adadelta, Adagrad, Adam, Adamax, Lion, NAdam, RAdam, RmsProp, Sgd, Shampoo, Soap,
    Sophia, Stepper, Which,
};
pub use structured_newton::{Structure, StructuredNewton};
#[cfg(feature = "layers")]
pub use training::OnEachBatch;
pub use trust_region::{Subproblem, TrustRegion};

/// The traits that calls need in scope. Goes with the prelude of `dualtape-autodiff`.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::prelude::*;
/// use dualtape_optimizers::{Newton, OptimizersError, prelude::*};
///
/// let loss = scalar_loss(|x| (x[0] - 1.0).powi(2) + x[1].powi(4) + x[1].powi(2));
/// let mut x = [3.0, 1.0];
/// let f = record(&x).function(loss)?;
/// assert!(Newton::default().minimize(&f, &mut x)?.converged());
/// # Ok::<(), OptimizersError>(())
/// ```
///
/// Everything of both crates may be imported too; then only the names of their errors differ:
///
/// ```
/// use dualtape_autodiff::*;
/// use dualtape_optimizers::*;
///
/// fn solved() -> Result<Report, OptimizersError> {
///     let recorded: Result<Function<'_>, AutodiffError> = record(&[3.0]).function(|x| (x[0] - 1.0).powi(2));
///     Newton::default().minimize(&recorded?, &mut [3.0])
/// }
/// assert!(solved()?.converged());
/// # Ok::<(), OptimizersError>(())
/// ```
pub mod prelude {
    pub use crate::{LinearOperator, Minimizer, Objective};
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

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

mod check;
mod curvature;
mod curvature_matrix;
mod engine;
mod error;
mod interop;
mod linalg;
mod methods;
mod problem;
mod quantile;

pub use dualtape_autodiff::Real;
pub use dualtape_schedules::{Moment, Plateau, cosine, on_plateau, one_cycle, step_decay, warm_up};

#[cfg(feature = "svg")]
pub use curvature::Picture;
pub use curvature::{
    BlockShare, ConditionNumber, CurvatureInspection, CurvatureReport, Estimate, HutchPlusPlus,
    Hutchinson, LossCurve, LossSurface, ParameterRange, Signs, SpectralDensity, StochasticLanczos,
    XTrace,
};
pub use curvature_matrix::CurvatureMatrix;
pub use engine::{
    Accepted, Armijo, Condition, Forcing, HagerZhang, Iteration, Line, LineSearch,
    LineSearchFailure, Minimizer, MoreThuente, Options, Origin, Record, Report, SavedState,
    SecondOrder, Setting, StopReason,
};
pub use error::Error;
/// The same [`Error`] under a name that no other crate has, for code that imports everything of several.
pub use error::Error as OptimizersError;
#[cfg(feature = "layers")]
pub use interop::OnEachBatch;
#[cfg(feature = "argmin")]
pub use interop::{ArgminHessian, ArgminProblem, FromArgmin};
pub use linalg::{
    BlockDiagonal, Curvature, CurvatureSource, Dense, Diagonal, EmpiricalFisher, ExtremeEigenpairs,
    Extremes, KroneckerFactored, LinearOperator, LowRank, Patches, Restricted, RitzPair, Scaled,
    Sharing, Shifted, SpectrumEnds, Sum,
};
pub use methods::stochastic::{
    self, AdaHessian, Adadelta, Adagrad, Adam, Adamax, Lion, NAdam, RAdam, RmsProp, Sgd, Shampoo,
    Soap, Sophia, Stepper, Which,
};
pub use methods::{
    CompactHessian, Conjugacy, CubicRegularization, Form, GaussNewton, GradientDescent,
    HessianFree, Hso, InitialMatrix, Lbfgs, LbfgsMemory, Lbfgsb, LevenbergMarquardt, Lsr1,
    Lsr1Memory, NaturalGradient, Newton, NewtonCg, NonlinearCg, QuasiNewton, QuasiNewtonMatrix,
    SaddleFreeNewton, Safeguard, Scaling, SecondOrderTerm, Shift, Sr1, Structure, StructuredNewton,
    Subproblem, TrustRegion, Uncertainty, UpdateRule, Updated,
};
pub use problem::{
    ByHand, Counted, Counts, Linearized, Objective, Residuals, ResidualsAt, WithExamples,
};

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

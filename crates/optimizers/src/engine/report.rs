//! What a run tells about itself.

use std::fmt;
use std::time::Duration;

use dualtape_autodiff::Real;

use super::line_search::LineSearchFailure;
use crate::error::Error;
use crate::linalg::{Curvature, CurvatureSource};
use crate::problem::Counts;

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// The gradient is within the absolute tolerance.
    GradientTolerance,
    /// The gradient is within the tolerance relative to the start.
    RelativeGradientTolerance,
    /// The last step was within the step tolerance.
    StepTolerance,
    /// The last change of value was within the function tolerance.
    FunctionTolerance,
    /// All iterations are used up.
    MaxIterations,
    /// All passes over the objective are used up.
    MaxPasses,
    /// The time is used up.
    TimeLimit,
    /// The callback asked to stop.
    Callback,
    /// The line search found no better point.
    LineSearch(LineSearchFailure),
    /// The trust region (or what regularisation leaves of a step) shrank to rounding without a better point in it.
    TrustRegion,
    /// A value, gradient or curvature became NaN or infinite.
    NonFinite,
    /// `f` has no minimum as far as can be seen: its value fell below `−√MAX` (in `f64` `−10¹⁵⁴`); or no further step could be found for numbers that overflow, because a point that was tried had the value
    /// −∞, or because the value is already below `−∛MAX` (in `f64` `−6·10¹⁰²`). For a start of large value, only values of
    /// `1/ε` times its size count.
    Unbounded,
    /// A step does not exist: the Hessian, or the matrix in its place, is singular, or too nearly so to be solved with.
    SingularHessian,
    /// The residuals are, within tolerance, orthogonal to all that a change of the parameters could change.
    OrthogonalResiduals,
    /// No step could be found whose effect is more than rounding, or none was in a hundred iterations.
    NoProgress,
    /// No step helps any more, and none could: what the second-order model still promises is within the rounding of the
    /// values of `f`, measured at the point.
    Rounding,
}

impl StopReason {
    /// What a numerical fault in the choice of a step means for a run; other errors remain what they are.
    pub(crate) fn of_fault(error: Error) -> Result<StopReason, Error> {
        match error {
            Error::Singular { .. } | Error::NotSolved { .. } => Ok(StopReason::SingularHessian),
            error if error.is_numerical() => Ok(StopReason::NonFinite),
            error => Err(error),
        }
    }

    /// Whether no step could be found.
    pub(crate) fn is_failure(self) -> bool {
        self.is_stuck() || matches!(self, StopReason::NonFinite | StopReason::SingularHessian)
    }

    /// Whether the gradient is zero to within one of its tolerances, or to within the rounding of `f`.
    pub fn is_stationary(self) -> bool {
        matches!(
            self,
            StopReason::GradientTolerance
                | StopReason::RelativeGradientTolerance
                | StopReason::OrthogonalResiduals
                | StopReason::Rounding
        )
    }

    /// Whether the run ended for want of a better point, as it must where the gradient is zero to rounding.
    pub(crate) fn is_stuck(self) -> bool {
        matches!(self, StopReason::LineSearch(_) | StopReason::TrustRegion | StopReason::NoProgress)
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StopReason::GradientTolerance => "gradient within tolerance",
            StopReason::RelativeGradientTolerance => "gradient within relative tolerance",
            StopReason::StepTolerance => "step within tolerance",
            StopReason::FunctionTolerance => "change of value within tolerance",
            StopReason::MaxIterations => "iterations used up",
            StopReason::MaxPasses => "passes over the objective used up",
            StopReason::TimeLimit => "time used up",
            StopReason::Callback => "stopped by the callback",
            StopReason::LineSearch(failure) => return write!(f, "line search: {failure}"),
            StopReason::TrustRegion => "no better point however short the step",
            StopReason::NonFinite => "a value or derivative is not finite",
            StopReason::Unbounded => "the values fall without bound",
            StopReason::SingularHessian => "the Hessian is singular",
            StopReason::OrthogonalResiduals => {
                "residuals orthogonal, within tolerance, to what the parameters can change"
            }
            StopReason::NoProgress => "no progress beyond rounding",
            StopReason::Rounding => "what is left to gain is within rounding",
        })
    }
}

/// What is known of the second-order conditions for a minimum where the run ended.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum SecondOrder<S> {
    /// The gradient is not within tolerance, so that there is nothing to certify.
    NotStationary,
    /// The gradient is within tolerance; curvature was not looked at.
    NotExamined,
    /// The gradient is within tolerance, but the Hessian is not finite or does not exist, so that nothing is known of the
    /// points around.
    NotFinite,
    /// The gradient is within tolerance, but the objective is not smooth at the point, so that its derivatives say nothing
    /// of the points around; [`Report::obstacles`] names the operations.
    NotSmooth,
    /// The Hessian is positive definite: a strict local minimum.
    Minimum(Curvature<S>),
    /// No eigenvalue is below zero by more than the tolerance, and some count as zero: the necessary conditions of a minimum
    /// hold, but not the sufficient ones. In a valley of minima this is all there is to say; but `−x⁴` at 0 is a maximum, `x³`
    /// neither, and their Hessians cannot tell.
    Semidefinite(Curvature<S>),
    /// Negative curvature was neither found nor excluded: the Lanczos run was too short; or an eigenvalue is below zero by
    /// little, vanishes as the gradient does, and leads to no lower value.
    Undecided(Curvature<S>),
    /// An eigenvalue is negative: a saddle point or a maximum, whatever the gradient says.
    Indefinite(Curvature<S>),
}

impl<S: Real> SecondOrder<S> {
    /// The verdict that follows from the smallest eigenvalue.
    pub(crate) fn judge(curvature: Curvature<S>) -> Self {
        let Curvature { smallest, lower_bound, tolerance, .. } = curvature;
        if smallest < -tolerance {
            SecondOrder::Indefinite(curvature)
        } else if lower_bound > tolerance {
            SecondOrder::Minimum(curvature)
        } else if lower_bound >= -tolerance {
            SecondOrder::Semidefinite(curvature)
        } else {
            SecondOrder::Undecided(curvature)
        }
    }

    /// The numbers, where curvature was examined.
    pub fn curvature(&self) -> Option<Curvature<S>> {
        match *self {
            SecondOrder::NotStationary
            | SecondOrder::NotExamined
            | SecondOrder::NotFinite
            | SecondOrder::NotSmooth => None,
            SecondOrder::Minimum(c)
            | SecondOrder::Semidefinite(c)
            | SecondOrder::Undecided(c)
            | SecondOrder::Indefinite(c) => Some(c),
        }
    }
}

impl<S: Real> fmt::Display for SecondOrder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SecondOrder::NotStationary => "not stationary",
            SecondOrder::NotExamined => "stationary, curvature not examined",
            SecondOrder::NotFinite => "the Hessian is not finite: not certified",
            SecondOrder::NotSmooth => "not smooth here: not certified",
            SecondOrder::Minimum(_) => "strict local minimum",
            SecondOrder::Semidefinite(_) => {
                "second-order necessary conditions hold, sufficient ones do not"
            }
            SecondOrder::Undecided(_) => "stationary, no negative curvature found",
            SecondOrder::Indefinite(_) => "negative curvature: not a minimum",
        })?;
        let Some(c) = self.curvature() else { return Ok(()) };
        write!(f, " (smallest eigenvalue {:.3e}", c.smallest.as_f64())?;
        if let CurvatureSource::Lanczos { steps } = c.source {
            write!(f, " by {steps} Lanczos steps, at least {:.3e}", c.lower_bound.as_f64())?;
        }
        f.write_str(")")
    }
}

/// One line of a run's history.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Record<S> {
    /// 0 at the start.
    pub iteration: usize,
    /// `f(x)`.
    pub value: S,
    /// `‖∇f(x)‖∞`; within bounds that of the projected gradient, `P(x − ∇f(x)) − x`.
    pub gradient_norm: S,
    /// `‖x − x_before‖₂`, 0 at the start.
    pub step_length: S,
    /// Calls to the objective since the start.
    pub counts: Counts,
    /// Time since the start.
    pub elapsed: Duration,
}

/// What a callback sees.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Iteration<'a, S> {
    /// The point reached.
    pub x: &'a [S],
    /// The gradient there.
    pub gradient: &'a [S],
    /// The numbers that are also kept in the history.
    pub record: &'a Record<S>,
}

/// The outcome of a run, which also left the best point in the caller's `x`.
///
/// Printing it gives a summary:
///
/// ```text
/// converged: gradient within tolerance
/// strict local minimum (smallest eigenvalue 3.994e-1)
/// f = 5.294767e-18, largest gradient component 1.043e-8, 22 iterations in 101.981µs
/// 0 values, 28 gradients, 23 linearizations, 0 HVPs, 23 Hessians
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Report<S = f64> {
    /// Why the run ended.
    pub stop: StopReason,
    /// Whether the point is a minimum as far as curvature tells.
    pub second_order: SecondOrder<S>,
    /// The unit eigenvector (or Ritz vector) of the smallest eigenvalue, where curvature was examined: at a saddle point
    /// or a maximum, a direction in which the function falls.
    pub smallest_direction: Option<Vec<S>>,
    /// What forbids a verdict, in words: the kinks on which the point lies and the operations without a definite
    /// derivative there, as [`Objective::kinks`](crate::Objective::kinks) tells them; the numerical fault that ended the
    /// run, or that the Hessian met. Empty if nothing does.
    pub obstacles: Vec<String>,
    /// Iterations made.
    pub iterations: usize,
    /// Calls to the objective.
    pub counts: Counts,
    /// `f` at the returned point.
    pub value: S,
    /// `‖∇f‖∞` at the returned point; within bounds that of the projected gradient.
    pub gradient_norm: S,
    /// Wall time.
    pub elapsed: Duration,
    /// The start and each iteration, unless switched off.
    pub history: Vec<Record<S>>,
}

impl<S: Real> Report<S> {
    /// Whether the gradient is within tolerance, and nothing that was found speaks against a minimum: no negative
    /// curvature, no Hessian that is not finite, no kink.
    pub fn converged(&self) -> bool {
        self.stop.is_stationary()
            && !matches!(
                self.second_order,
                SecondOrder::Indefinite(_) | SecondOrder::NotFinite | SecondOrder::NotSmooth
            )
    }

    /// Whether the second-order necessary conditions were examined and hold: no certificate of a minimum, unless
    /// [`second_order`](Self::second_order) is [`SecondOrder::Minimum`]. Where it is [`SecondOrder::Semidefinite`], curvature of a
    /// higher order decides, which nobody looked at: run from 0, `−x⁴` and `x³` have this too.
    pub fn certified(&self) -> bool {
        matches!(self.second_order, SecondOrder::Minimum(_) | SecondOrder::Semidefinite(_))
    }
}

impl<S: Real> fmt::Display for Report<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.converged() { "converged" } else { "not converged" };
        writeln!(f, "{verdict}: {}", self.stop)?;
        writeln!(f, "{}", self.second_order)?;
        self.obstacles.iter().try_for_each(|obstacle| writeln!(f, "  {obstacle}"))?;
        writeln!(
            f,
            "f = {:.6e}, largest gradient component {:.3e}, {} iterations in {:.3?}",
            self.value.as_f64(),
            self.gradient_norm.as_f64(),
            self.iterations,
            self.elapsed,
        )?;
        write!(f, "{}", self.counts)
    }
}

//! The Levenberg–Marquardt method as a trust-region method.

use dualtape_autodiff::Real;

use super::damped::{DampedStep, Model};
use super::tangent::{Tangent, default_orthogonality_tolerance};
use crate::check::require;
use crate::engine::{
    Here, MAX_TRIALS, Method, Minimizer, Next, Options, Report, Run, Step, StopReason, descend,
    minimizer, run,
};
use crate::error::Error;
use crate::linalg::dense_matrix;
use crate::problem::{Known, Linearized, Objective};

/// How the trust region of [`LevenbergMarquardt`] is shaped: `‖D p‖ ≤ Δ`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scaling {
    /// `Dⱼ` the largest norm that column `j` of the Jacobian has had so far: invariant to the units of the parameters, and
    /// safe where a parameter becomes ineffective on the way (Moré 1978, §4).
    Monotone,
    /// `Dⱼ` the present norm of column `j`.
    Current,
    /// `D = I`: Levenberg's own choice, for parameters of like units and sizes.
    Identity,
}

/// When [`LevenbergMarquardt`] takes the exact Hessian, `JᵀJ + Σ rᵢ∇²rᵢ`, for its model in place of `JᵀJ`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecondOrderTerm {
    /// Never: the classical method, without second derivatives.
    Never,
    /// Where convergence is slow because residuals are large and curved: after an iteration in which `f` fell by less than
    /// a fifth and its slope by less than a factor of 4, though the step was undamped, or the residuals nearly orthogonal
    /// already to each column of `J` (to a cosine of 0.03); and after 20 iterations one after the other in which `f` fell by
    /// less than a fifth, the next time after half as many, and so on; from then on an indefinite Hessian is taken too, with the
    /// absolute values of its eigenvalues in the metric of `D`. Until `f` falls by more than a fifth again.
    Automatic,
    /// Wherever the Hessian is positive definite.
    Always,
}

/// The Levenberg–Marquardt method, as the trust-region method that Moré made of it ("The Levenberg–Marquardt algorithm:
/// implementation and theory", 1978), for sums of squares `f(x) = ‖r(x)‖²`:
///
/// ```text
/// x ← x + p,    p minimises ‖J p + r‖² with ‖D p‖ ≤ Δ,    that is (JᵀJ + λ D²) p = −Jᵀr,  λ ≥ 0
/// ```
///
/// `p` comes from orthogonal factorizations of `[J; √λ D]`, never from the matrix `JᵀJ`, and `λ` from the secular equation
/// `‖D p(λ)‖ = Δ` (to 10 %), which no change of units affects. `J` is factored once for all `λ` tried at a point.
///
/// **Large residuals**: where `JᵀJ` alone makes for slow convergence, the exact second-order term is added to the model
/// (see [`second_order_term`](LevenbergMarquardt::second_order_term)) and convergence is quadratic again: the hybrid of
/// Fletcher & Xu, IMA J. Numer. Anal. 7 (1987), with the exact Hessian where they have quasi-Newton updates. As in all
/// methods of this crate, the end is examined with the exact Hessian.
///
/// **Stops** as all methods do, and where the residuals are orthogonal to the columns of `J`
/// ([`orthogonality_tolerance`](LevenbergMarquardt::orthogonality_tolerance)). MINPACK's `ftol` and `xtol` are
/// [`function_tolerance`](Minimizer::function_tolerance) and [`step_tolerance`](Minimizer::step_tolerance), which do not
/// count as convergence here. Where the predicted decrease is below the rounding of `f`, a step is judged by the gradient
/// instead, so that the accuracy is that of the derivatives; if no such step helps, the reason is
/// [`Rounding`](StopReason::Rounding) where rounding hides all that is left to gain, and else
/// [`NoProgress`](StopReason::NoProgress).
///
/// **Defaults**: [`Scaling::Monotone`], first radius `0.9 ‖D x‖`, [`SecondOrderTerm::Automatic`], steps accepted from a
/// ratio of actual to predicted decrease of `10⁻⁴`, 1000 iterations; `gradient_tolerance` is 0 here, as the test of
/// orthogonality is the better one, being free of units.
///
/// **Use it** to fit models to data: a value for each trial, a Jacobian and `O(m n²)` operations for each step, any rank of
/// `J`, any start where the residuals are finite.
///
/// **Pitfalls**: a parameter on which the residuals do not depend at the start has scale 1, in whatever unit. From a far
/// start, parameters may run off to where the model is flat; the report is then of a stationary point "at infinity".
///
/// # Example
///
/// ```
/// use dualtape_optimizers::{LevenbergMarquardt, Residuals, prelude::*};
///
/// // y = a (1 − e^(−b x)), from a poor start
/// let data = [(1.0, 8.3), (2.0, 10.3), (3.0, 19.0), (4.0, 16.0), (5.0, 15.6), (7.0, 19.8)];
/// let mut p = [20.0, 0.24];
/// let demand = Residuals::record(&p, |p| {
///     data.iter().map(|&(x, y)| y - p[0] * (1.0 - (-p[1] * x).exp())).collect()
/// })?;
/// let report = LevenbergMarquardt::default().minimize(&demand, &mut p)?;
/// assert!(report.converged() && report.certified());
/// assert!((p[0] - 19.143_f64).abs() < 1e-3 && (p[1] - 0.5311).abs() < 1e-4);
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
#[derive(Debug)]
pub struct LevenbergMarquardt<'c, S: Real> {
    options: Options<'c, S>,
    settings: Settings<S>,
}

#[derive(Debug, Clone, Copy)]
struct Settings<S: Real> {
    orthogonality_tolerance: S,
    initial_radius: S,
    scaling: Scaling,
    second_order_term: SecondOrderTerm,
}

impl<S: Real> Default for LevenbergMarquardt<'_, S> {
    fn default() -> Self {
        let mut options = Options::new(1000);
        options.gradient_tolerance = Some(S::zero());
        let settings = Settings {
            orthogonality_tolerance: default_orthogonality_tolerance(),
            initial_radius: S::constant(0.9),
            scaling: Scaling::Monotone,
            second_order_term: SecondOrderTerm::Automatic,
        };
        LevenbergMarquardt { options, settings }
    }
}

impl<S: Real> LevenbergMarquardt<'_, S> {
    /// As [`GaussNewton::orthogonality_tolerance`](crate::GaussNewton::orthogonality_tolerance).
    #[must_use]
    pub fn orthogonality_tolerance(mut self, tolerance: S) -> Self {
        self.settings.orthogonality_tolerance = tolerance;
        self
    }

    /// The first radius of the trust region, `factor · ‖D x‖` (`factor · ‖r‖` where `x` is 0). Default 0.9: a step of the size
    /// of the parameters, but too short to end at 0. From poor starts longer ones, as by MINPACK's default of 100, may lead
    /// onto plateaus from which there is no way back.
    #[must_use]
    pub fn initial_radius(mut self, factor: S) -> Self {
        self.settings.initial_radius = factor;
        self
    }

    /// The shape of the trust region. Default [`Scaling::Monotone`].
    #[must_use]
    pub fn scaling(mut self, scaling: Scaling) -> Self {
        self.settings.scaling = scaling;
        self
    }

    /// When to use the exact Hessian. Default [`SecondOrderTerm::Automatic`].
    #[must_use]
    pub fn second_order_term(mut self, term: SecondOrderTerm) -> Self {
        self.settings.second_order_term = term;
        self
    }
}

impl<S: Real> Settings<S> {
    fn check(&self) -> Result<(), Error> {
        require("orthogonality_tolerance", self.orthogonality_tolerance, "in [0, 1)", |t| {
            (0.0..1.0).contains(&t)
        })?;
        require("initial_radius", self.initial_radius, "positive", |radius| radius > 0.0)
    }
}

minimizer!(LevenbergMarquardt);

impl<S: Real> LevenbergMarquardt<'_, S> {
    fn solve(&mut self, objective: &dyn Objective<S>, x: &mut [S]) -> Result<Report<S>, Error> {
        self.settings.check()?;
        let settings = self.settings;
        run(&mut self.options, objective, x, |objective, run, x| {
            let mut state = State {
                settings,
                tangent: None,
                d: vec![0.0; x.len()],
                radii: [None; 2],
                lambda: 0.0,
                before: None,
                exact: settings.second_order_term == SecondOrderTerm::Always,
                slow: 0,
                patience: PATIENCE,
            };
            descend(&mut state, objective, run, x)
        })
    }
}

/// Iterations with little decrease that are put up with, before the exact Hessian is tried for the first time.
const PATIENCE: usize = 20;

/// A run of the method.
struct State<S: Real> {
    settings: Settings<S>,
    /// At the present point, if it is finite.
    tangent: Option<Tangent>,
    d: Vec<f64>,
    /// `Δ` of either model, since how far one may be trusted says nothing of the other; none before its first step.
    radii: [Option<f64>; 2],
    /// The last `λ`, a guess for the next.
    lambda: f64,
    /// `f` and its scaled slope at the point before.
    before: Option<(f64, f64)>,
    /// Whether the exact Hessian is to be tried.
    exact: bool,
    /// Iterations with little decrease without it, one after the other.
    slow: usize,
    /// How many of them are put up with.
    patience: usize,
}

/// A trial point.
struct Trial<S> {
    x: Vec<S>,
    step: DampedStep,
    /// Predicted decrease of `f`.
    predicted: f64,
}

impl<S: Real> Method<S> for State<S> {
    fn is_dense(&self) -> bool {
        true
    }

    fn stationary(&mut self, here: &Here<'_, '_, S>) -> Result<Option<StopReason>, Error> {
        self.tangent = Tangent::new(here.at, here.x)?;
        let tolerance = self.settings.orthogonality_tolerance.as_f64();
        let orthogonal = self.tangent.as_ref().is_some_and(|t| t.is_orthogonal(tolerance));
        // No sum of squares is below 0, to which the squares of small residuals underflow.
        let least = here.at.value().is_zero();
        Ok((orthogonal || least).then_some(StopReason::OrthogonalResiduals))
    }

    fn advance<'a>(&mut self, here: &Here<'a, '_, S>, run: &Run<'_, '_, S>) -> Next<'a, S> {
        let Some(tangent) = self.tangent.take() else { return Ok(Err(StopReason::NonFinite)) };
        self.rescale(&tangent);
        let value = here.at.value().as_f64();
        self.choose_model(value, &tangent);
        let mut model = self.model(here, &tangent)?;
        let half = S::constant(0.5);
        let g: Vec<f64> = here.at.gradient().iter().map(|&g| (half * g).as_f64()).collect();
        for _ in 0..MAX_TRIALS {
            let radius = self.radius(&model, &tangent, here.x);
            let trial = self.trial(&model, radius, here.x, &g);
            if trial.x == here.x || !trial.step.length.is_finite() {
                return Ok(Err(StopReason::NoProgress));
            }
            if trial.predicted <= tangent.noise::<S>() {
                if let Some(step) = self.judge_by_gradient(here, trial, &tangent)? {
                    return Ok(Ok(step));
                }
                if self.exact || self.settings.second_order_term == SecondOrderTerm::Never {
                    return Ok(Err(StopReason::NoProgress));
                }
                self.lose_patience();
                model = self.model(here, &tangent)?;
                continue;
            }
            let next = here.objective.value(&trial.x)?.as_f64();
            let ratio = (value - next) / trial.predicted;
            self.radii[kind(&model)] = Some(resized(radius, &trial.step, ratio));
            if ratio >= 1e-4 {
                return Ok(Ok(Step { x: trial.x, known: Known::Nothing }));
            }
            if let Some(limit) = run.interrupted() {
                return Ok(Err(limit));
            }
        }
        Ok(Err(StopReason::NoProgress))
    }

    fn escaped(&mut self) {
        (self.radii, self.before) = ([None; 2], None);
    }
}

impl<S: Real> State<S> {
    /// Updates `D`.
    fn rescale(&mut self, tangent: &Tangent) {
        for (d, &norm) in self.d.iter_mut().zip(tangent.factors.column_norms()) {
            let new = match self.settings.scaling {
                Scaling::Monotone => d.max(norm),
                Scaling::Current => norm,
                Scaling::Identity => 1.0,
            };
            // A parameter without effect: Moré's choice.
            *d = if new > 0.0 { new } else { 1.0 };
        }
    }

    /// `Δ` of this model.
    fn radius(&self, model: &Model<'_>, tangent: &Tangent, x: &[S]) -> f64 {
        self.radii[kind(model)].unwrap_or_else(|| {
            let scaled = x.iter().zip(&self.d).map(|(x, d)| (d * x.as_f64()).powi(2));
            let size = scaled.sum::<f64>().sqrt();
            let factor = self.settings.initial_radius.as_f64();
            factor * if size > 0.0 { size } else { tangent.residual_norm }
        })
    }

    /// Whether the last step was one of slow convergence, and so the exact Hessian is needed; or of fast decrease, and so
    /// it no longer is.
    fn choose_model(&mut self, value: f64, tangent: &Tangent) {
        let slope = tangent.slope;
        let before = self.before.replace((value, slope));
        let (SecondOrderTerm::Automatic, Some((value_before, slope_before))) =
            (self.settings.second_order_term, before)
        else {
            return;
        };
        if value < 0.8 * value_before {
            (self.exact, self.slow) = (false, 0);
            return;
        }
        // Damped steps are slow in narrow valleys too, where second derivatives do not help: that needs patience.
        self.slow += usize::from(!self.exact);
        if slope >= 0.25 * slope_before {
            self.exact |= self.lambda == 0.0 || slope <= 0.03 * tangent.residual_norm;
        }
        if self.slow >= self.patience {
            self.lose_patience();
        }
    }

    /// Takes the exact Hessian now, and sooner the next time.
    fn lose_patience(&mut self) {
        (self.exact, self.slow) = (true, 0);
        self.patience = (self.patience / 2).max(1);
    }

    fn model<'t>(&self, here: &Here<'_, '_, S>, tangent: &'t Tangent) -> Result<Model<'t>, Error> {
        let gauss_newton = || Model::GaussNewton(&tangent.factors);
        if !self.exact {
            return Ok(gauss_newton());
        }
        let definite = match Model::exact(self.d.len(), half_hessian(here.at)?) {
            Ok(model) => Some(model),
            // Where JᵀJ has failed for long, an indefinite Hessian still knows how the residuals bend.
            Err(matrix) if self.patience < PATIENCE => Model::absolute(matrix, &self.d)?,
            Err(_) => None,
        };
        Ok(definite.unwrap_or_else(gauss_newton))
    }

    fn trial(&mut self, model: &Model<'_>, radius: f64, x: &[S], g: &[f64]) -> Trial<S> {
        let step = model.step_within(g, &self.d, radius, self.lambda);
        self.lambda = step.lambda;
        let moved = x.iter().zip(&step.step).map(|(&x, &p)| x + S::constant(p));
        Trial { x: moved.collect(), predicted: model.decrease(&step), step }
    }

    /// Where values cannot tell: a step is good if it makes the slope smaller.
    fn judge_by_gradient<'a>(
        &self,
        here: &Here<'a, '_, S>,
        trial: Trial<S>,
        tangent: &Tangent,
    ) -> Result<Option<Step<'a, S>>, Error> {
        let next = here.objective.linearize(&trial.x)?;
        let slope = Tangent::new(&*next, &trial.x)?.map_or(f64::INFINITY, |next| next.slope);
        let no_worse = next.value().as_f64() <= here.at.value().as_f64() + tangent.noise::<S>();
        let good = no_worse && slope <= 0.99 * tangent.slope;
        Ok(good.then(|| Step { x: trial.x, known: Known::Linearized(next) }))
    }
}

/// Which of the radii is that of this model.
fn kind(model: &Model<'_>) -> usize {
    usize::from(matches!(model, Model::Exact(_)))
}

/// The radius after a step: Moré's rules, but cut to a tenth where the value is not finite.
fn resized(radius: f64, step: &DampedStep, ratio: f64) -> f64 {
    let radius = radius.min(10.0 * step.length);
    if !ratio.is_finite() {
        0.1 * radius.min(step.length)
    } else if ratio <= 0.25 {
        0.25 * radius.min(step.length)
    } else if step.lambda == 0.0 || ratio >= 0.75 {
        2.0 * step.length
    } else {
        radius
    }
}

/// `½∇²f`, row by row.
fn half_hessian<S: Real>(at: &dyn Linearized<S>) -> Result<Vec<f64>, Error> {
    let hessian = dense_matrix(at.hessian())?;
    Ok(hessian.iter().map(|h| 0.5 * h.as_f64()).collect())
}

//! Natural gradient descent.

use dualtape_autodiff::Real;

use crate::check::require;
use crate::curvature_matrix::CurvatureMatrix;
use crate::engine::{
    Here, LineSearchFailure, Method, Minimizer, Next, Options, Report, Run, Step, StopReason,
    descend, minimizer, run,
};
use crate::error::Error;
use crate::linalg::{ConjugateGradient, Dense, LinearOperator, Outcome, System, dot, norm};
use crate::problem::{Known, Objective};

/// Up to this many parameters the Fisher matrix is written out.
const DENSE: usize = 500;
/// Dampings tried before an iteration is given up.
const TRIALS: usize = 60;

/// Natural gradient descent (Amari, Neural Computation 10 (1998)), damped as Levenberg did and Marquardt:
///
/// ```text
/// x ← x − (F + λI)⁻¹ ∇f(x)
/// ```
///
/// `F` is the covariance of the gradient of the log-likelihood. **Under which distribution of the labels makes all the
/// difference**, and the literature, where it says "gradient covariance", often blurs it:
///
/// | matrix | labels | is |
/// |---|---|---|
/// | [true Fisher](Self::new) `E_{y ∼ model}[∇log p ∇log pᵀ]` | drawn from the model | the metric of the natural gradient; equal to Gauss–Newton for cross-entropy of logits and for squared errors (Martens, JMLR 21 (2020), §9) |
/// | [empirical Fisher](Self::empirical) `1/N Σ gᵢgᵢᵀ` | of the data | *not* that, and no second-order method: where residuals are small it vanishes, where the model is misspecified it is wrong in direction and scale (Kunstner, Hennig & Balles, NeurIPS 2019) |
/// | Hessian `∇²f` | of the data | Fisher's plus the curvature of the model times the residuals; may be indefinite |
///
/// They agree only for a well-specified model at its optimum, in the limit of many examples. `ggᵀ` of the mean gradient,
/// lastly, has rank one and is none of them.
///
/// **Damping.** A step is taken if it decreases `f` by more than 10⁻⁴ of what the model `gᵀd + ½dᵀFd` promises. `λ` is divided by
/// 3 if the ratio of both was above ¾, doubled if it was below ¼, and four times as large after a step that was refused. Near the
/// optimum, where the promise is below 10 ulps of `f`, a step is taken if it makes the gradient smaller.
///
/// The true Fisher system is solved with dense factors for at most 500 parameters, beyond by conjugate gradients on Fisher
/// products to `min(½, √‖g‖)‖g‖`; the empirical one by Woodbury's formula where there are fewer examples than parameters,
/// `O(N²n + N³)`.
///
/// The objective must have the matrix: see [`dualtape_autodiff::Composite`], with its likelihood stated, and
/// [`WithExamples`](crate::WithExamples).
///
/// **Defaults**: `λ = 10⁻³·gᵀFg/gᵀg` at first, 1000 iterations, gradient tolerance by scale.
///
/// **Use it** for likelihoods: with the true Fisher matrix it is invariant to the parametrisation up to damping, never
/// meets negative curvature, and converges superlinearly where the residuals vanish.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Likelihood, record};
/// use dualtape_optimizers::{NaturalGradient, prelude::*};
///
/// // Logistic regression.
/// let x = Array::new(&[4, 1], vec![-2.0, -0.5, 1.0, 3.0])?;
/// let y = Array::new(&[4, 1], vec![0.0, 1.0, 0.0, 1.0])?;
/// let f = record(&[0.0, 0.0]).data(&[&x, &y]).likelihood(Some(Likelihood::Bernoulli)).composite(
///     |w, data| data[0] * w.get(0) + w.get(1),
///     |z, data| (z.softplus() - data[1] * z).mean(),
/// )?;
/// let mut w = [0.0, 0.0];
/// let report = NaturalGradient::new().minimize(&f, &mut w)?;
/// assert!(report.converged() && report.certified() && report.iterations < 20, "{report}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct NaturalGradient<'c, S: Real> {
    options: Options<'c, S>,
    settings: Settings<S>,
}

#[derive(Debug, Clone, Copy)]
struct Settings<S> {
    matrix: CurvatureMatrix,
    damping: Option<S>,
}

impl<S: Real> Default for NaturalGradient<'_, S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Real> NaturalGradient<'_, S> {
    /// With the true Fisher matrix.
    pub fn new() -> Self {
        Self::with(CurvatureMatrix::Fisher)
    }

    /// With the empirical Fisher matrix, which is another thing: see the table.
    pub fn empirical() -> Self {
        Self::with(CurvatureMatrix::EmpiricalFisher)
    }

    /// With the Gauss–Newton matrix, for losses of no stated likelihood; for cross-entropy of logits and for squared errors
    /// it *is* the true Fisher matrix, and the method is Levenberg's.
    pub fn gauss_newton() -> Self {
        Self::with(CurvatureMatrix::GaussNewton)
    }

    fn with(matrix: CurvatureMatrix) -> Self {
        NaturalGradient {
            options: Options::new(1000),
            settings: Settings { matrix, damping: None },
        }
    }

    /// The first `λ`.
    #[must_use]
    pub fn damping(mut self, lambda: S) -> Self {
        self.settings.damping = Some(lambda);
        self
    }
}

minimizer!(NaturalGradient);

impl<S: Real> NaturalGradient<'_, S> {
    fn solve(&mut self, objective: &dyn Objective<S>, x: &mut [S]) -> Result<Report<S>, Error> {
        let settings = self.settings;
        if let Some(lambda) = settings.damping {
            require("damping", lambda, "positive", |lambda| lambda > 0.0)?;
        }
        run(&mut self.options, objective, x, |objective, run, x| {
            let mut state = State {
                matrix: settings.matrix,
                lambda: settings.damping,
                step: vec![S::zero(); x.len()],
                inner: ConjugateGradient::new(x.len()),
            };
            descend(&mut state, objective, run, x)
        })
    }
}

/// A run.
struct State<S: Real> {
    matrix: CurvatureMatrix,
    lambda: Option<S>,
    /// `−(F + λI)⁻¹ g`.
    step: Vec<S>,
    inner: ConjugateGradient<S>,
}

/// How a shifted Fisher system is solved.
enum Fisher<'a, S: Real> {
    /// By factors, of whichever kind.
    Factored(Box<dyn LinearOperator<S> + 'a>),
    Products(Box<dyn LinearOperator<S> + 'a>),
}

impl<'a, S: Real> Fisher<'a, S> {
    fn new(here: &Here<'_, 'a, S>, matrix: CurvatureMatrix) -> Result<Self, Error> {
        let operator = here.at.curvature(matrix)?;
        Ok(match matrix {
            CurvatureMatrix::EmpiricalFisher => Fisher::Factored(operator),
            _ if here.x.len() <= DENSE => Fisher::Factored(Box::new(Dense::of(&*operator)?)),
            _ => Fisher::Products(operator),
        })
    }

    fn operator(&self) -> &dyn LinearOperator<S> {
        match self {
            Fisher::Factored(operator) | Fisher::Products(operator) => &**operator,
        }
    }
}

impl<S: Real> State<S> {
    /// `step ← −(F + λI)⁻¹ g`.
    fn solve(
        &mut self,
        fisher: &Fisher<'_, S>,
        gradient: &[S],
        lambda: S,
        run: &Run<'_, '_, S>,
    ) -> Result<Result<(), StopReason>, Error> {
        match fisher {
            Fisher::Factored(operator) => {
                operator.solve_shifted(lambda, gradient, &mut self.step)?;
                self.step.iter_mut().for_each(|s| *s = -*s);
            }
            Fisher::Products(operator) => {
                let size = norm(gradient);
                let system = System {
                    operator: &operator.shifted(lambda),
                    gradient,
                    preconditioner: None,
                    radius: None,
                    tolerance: size * size.sqrt().min(S::constant(0.5)),
                    max_iterations: 2 * gradient.len(),
                    interrupted: &|| run.interrupted().is_some(),
                };
                if self.inner.solve(&system)? == Outcome::NonFinite {
                    return Ok(Err(StopReason::NonFinite));
                }
                self.step.copy_from_slice(self.inner.solution());
            }
        }
        Ok(run.interrupted().map_or(Ok(()), Err))
    }

    /// `½ gᵀd − ½ λ‖d‖²`, which is `gᵀd + ½dᵀFd` where `(F + λI) d = −g`.
    fn promised(&self, fisher: &Fisher<'_, S>, gradient: &[S], lambda: S) -> Result<S, Error> {
        let half = S::constant(0.5);
        let slope = dot(gradient, &self.step);
        match fisher {
            Fisher::Factored(_) => Ok(half * slope - half * lambda * dot(&self.step, &self.step)),
            // Solved approximately.
            Fisher::Products(operator) => {
                let mut product = vec![S::zero(); gradient.len()];
                operator.apply(&self.step, &mut product)?;
                Ok(slope + half * dot(&self.step, &product))
            }
        }
    }
}

impl<S: Real> Method<S> for State<S> {
    fn advance<'a>(&mut self, here: &Here<'a, '_, S>, run: &Run<'_, '_, S>) -> Next<'a, S> {
        let fisher = Fisher::new(here, self.matrix)?;
        let gradient = here.at.gradient();
        // Relative to the curvature along the gradient, or to 1 where there is none.
        let mut product = vec![S::zero(); gradient.len()];
        fisher.operator().apply(gradient, &mut product)?;
        let quotient = dot(gradient, &product) / dot(gradient, gradient);
        if !quotient.is_finite() {
            return Ok(Err(StopReason::NonFinite));
        }
        let scale = if quotient > S::zero() { quotient } else { S::one() };
        let mut lambda = self.lambda.unwrap_or(S::constant(1e-3) * scale);
        for _ in 0..TRIALS {
            lambda = lambda.max(S::epsilon() * scale);
            if let Err(stop) = self.solve(&fisher, gradient, lambda, run)? {
                return Ok(Err(stop));
            }
            let promised = self.promised(&fisher, gradient, lambda)?;
            let x: Vec<S> = here.x.iter().zip(&self.step).map(|(&x, &s)| x + s).collect();
            let trial = here.objective.linearize(&x)?;
            let rounding = S::constant(10.0) * S::epsilon() * here.at.value().abs();
            let ratio = (trial.value() - here.at.value()) / promised;
            // Where values tell nothing any more, gradients still do.
            let unseen = -promised <= rounding;
            let accepted = if unseen {
                trial.value() - here.at.value() <= rounding
                    && norm(trial.gradient()) < norm(gradient)
            } else {
                ratio > S::constant(1e-4) && trial.value().is_finite()
            };
            if accepted {
                self.lambda = Some(if unseen {
                    lambda
                } else if ratio > S::constant(0.75) {
                    lambda / S::constant(3.0)
                } else if ratio < S::constant(0.25) {
                    lambda * S::constant(2.0)
                } else {
                    lambda
                });
                return Ok(Ok(Step { x, known: Known::Linearized(trial) }));
            }
            lambda *= S::constant(4.0);
        }
        Ok(Err(StopReason::LineSearch(LineSearchFailure::Rounding)))
    }
}

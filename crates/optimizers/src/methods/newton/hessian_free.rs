//! Hessian-free optimisation.

use dualtape_autodiff::Real;

use crate::check::{require, require_count};
use crate::curvature_matrix::CurvatureMatrix;
use crate::engine::{
    Armijo, Here, LineSearch, Method, Minimizer, Next, Options, Report, Run, StopReason, descend,
    minimizer, run,
};
use crate::error::Error;
use crate::linalg::{
    ConjugateGradient, LinearOperator, Outcome, System, axpy, dot, inverse_of_positive, norm, scale,
};
use crate::problem::Objective;

/// Growth of the distance between the solutions that conjugate gradients keep.
const SNAPSHOTS: f64 = 1.3;
/// The relative progress below which conjugate gradients end, an iteration.
const PROGRESS: f64 = 5e-4;
/// The power of a preconditioner's diagonal.
const POWER: f64 = 0.75;

/// Hessian-free optimisation (Martens, ICML 2010; Martens & Sutskever, "Training deep and recurrent networks with
/// Hessian-free optimization", 2012): truncated Newton with the Gauss–Newton matrix and a damping that adapts,
///
/// ```text
/// x ← x + a z,    (B + λI) z ≈ −∇f(x)
/// ```
///
/// * Conjugate gradients start from 0.95 of the last solution, and end when the model `q` has fallen by less than
///   `5·10⁻⁴ k` of itself in the last `k = max(10, i/10)` of `i` iterations (Martens, §4.4).
/// * Of the solutions on their way, kept at iterations in the ratio 1.3, the last is taken before `f` would be larger (§4.6):
///   long after `q` still falls, `f` may not.
/// * `λ ← ⅔ λ` where the decrease of `f` is more than ¾ of that of the model without damping, and `³⁄₂ λ` where it is less
///   than ¼ (§4.1).
/// * A backtracking line search ends the iteration. Gradient and products are of the same data.
///
/// With [`preconditioner`](HessianFree::preconditioner), conjugate gradients are preconditioned by `(diag D + λ)^¾`, where `D`
/// is a curvature matrix with a cheap diagonal: Martens takes the empirical Fisher matrix (§4.7).
///
/// **Defaults**: Gauss–Newton matrix (the objective must have one: [`CurvatureMatrix`]), `λ₀` a tenth of the curvature
/// along the first gradient, at most 250 inner iterations, no preconditioner, 1000 iterations, gradient tolerance by scale.
///
/// **Use it** for networks with a convex loss, far from the solution. Near it, where `∇²f` differs from the Gauss–Newton matrix,
/// convergence is linear, and [`NewtonCg`](crate::NewtonCg) or [`TrustRegion`](crate::TrustRegion) are faster.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::record;
/// use dualtape_optimizers::{CurvatureMatrix, HessianFree, prelude::*};
///
/// let f = record(&[-1.2, 1.0]).function(|x| {
///     (1.0 - x[0]).powi(2) + 10.0 * (x[1] - x[0] * x[0]).powi(2)
/// })?;
/// let mut x = [-1.2, 1.0];
/// let report = HessianFree::default().curvature(CurvatureMatrix::Hessian).minimize(&f, &mut x)?;
/// assert!(report.converged() && (x[0] - 1.0).abs() < 1e-6, "{report}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct HessianFree<'c, S: Real> {
    options: Options<'c, S>,
    settings: Settings<S>,
}

#[derive(Debug, Clone, Copy)]
struct Settings<S> {
    curvature: CurvatureMatrix,
    preconditioner: Option<CurvatureMatrix>,
    damping: Option<S>,
    decay: S,
    max_cg_iterations: usize,
}

impl<S: Real> Default for HessianFree<'_, S> {
    fn default() -> Self {
        HessianFree {
            options: Options::new(1000),
            settings: Settings {
                curvature: CurvatureMatrix::GaussNewton,
                preconditioner: None,
                damping: None,
                decay: S::constant(0.95),
                max_cg_iterations: 250,
            },
        }
    }
}

impl<S: Real> HessianFree<'_, S> {
    /// The matrix `B`. Default: Gauss–Newton.
    #[must_use]
    pub fn curvature(mut self, matrix: CurvatureMatrix) -> Self {
        self.settings.curvature = matrix;
        self
    }

    /// Preconditions with `(diag D + λ)^¾` for this matrix `D`, whose diagonal must not be negative. Default: none.
    #[must_use]
    pub fn preconditioner(mut self, matrix: CurvatureMatrix) -> Self {
        self.settings.preconditioner = Some(matrix);
        self
    }

    /// `λ₀`. Default a tenth of the curvature along the first gradient, `0.1 |gᵀBg|/gᵀg`, so that no choice of units
    /// matters; 1 where that is 0.
    #[must_use]
    pub fn damping(mut self, lambda: S) -> Self {
        self.settings.damping = Some(lambda);
        self
    }

    /// The part of the last solution from which conjugate gradients start. Default 0.95; 0 starts from zero.
    #[must_use]
    pub fn decay(mut self, decay: S) -> Self {
        self.settings.decay = decay;
        self
    }

    /// Inner iterations allowed per outer one. Default 250.
    #[must_use]
    pub fn max_cg_iterations(mut self, iterations: usize) -> Self {
        self.settings.max_cg_iterations = iterations;
        self
    }
}

minimizer!(HessianFree);

impl<S: Real> HessianFree<'_, S> {
    fn solve(&mut self, objective: &dyn Objective<S>, x: &mut [S]) -> Result<Report<S>, Error> {
        let settings = self.settings;
        require("damping", settings.damping.unwrap_or(S::one()), "zero or positive", |lambda| {
            lambda >= 0.0
        })?;
        require("decay", settings.decay, "in [0, 1]", |decay| (0.0..=1.0).contains(&decay))?;
        require_count("max_cg_iterations", settings.max_cg_iterations)?;
        run(&mut self.options, objective, x, |objective, run, x| {
            let n = x.len();
            let mut state = State {
                settings,
                damping: settings.damping.unwrap_or(S::one()),
                fresh: settings.damping.is_none(),
                last: vec![S::zero(); n],
                inner: ConjugateGradient::new(n),
                snapshots: Vec::new(),
            };
            descend(&mut state, objective, run, x)
        })
    }
}

/// A run of the method.
struct State<S: Real> {
    settings: Settings<S>,
    damping: S,
    /// Whether the damping is still to be fitted to the curvature at the start.
    fresh: bool,
    /// The last solution of conjugate gradients.
    last: Vec<S>,
    inner: ConjugateGradient<S>,
    snapshots: Vec<Snapshot<S>>,
}

/// A solution on the way of conjugate gradients, and by how much the damped model falls.
#[derive(Clone)]
struct Snapshot<S> {
    solution: Vec<S>,
    decrease: S,
}

/// Martens's test: whether the model has all but ceased to fall.
struct Progress {
    decreases: Vec<f64>,
}

impl Progress {
    fn has_ceased(&mut self, decrease: f64) -> bool {
        self.decreases.push(decrease);
        let i = self.decreases.len();
        let k = 10.max(i / 10);
        i > k && decrease > 0.0 && {
            let gained = decrease - self.decreases[i - 1 - k];
            gained < k as f64 * PROGRESS * decrease
        }
    }
}

impl<S: Real> State<S> {
    /// Solves the damped system, and keeps what is on the way; `None` if a product is not finite.
    fn solve(
        &mut self,
        here: &Here<'_, '_, S>,
        run: &Run<'_, '_, S>,
        operator: &dyn LinearOperator<S>,
    ) -> Result<Option<()>, Error> {
        let gradient = here.at.gradient();
        let inverse = self.inverse(here)?;
        let system = System {
            operator,
            gradient,
            preconditioner: inverse.as_deref(),
            radius: None,
            tolerance: S::epsilon() * norm(gradient),
            max_iterations: self.settings.max_cg_iterations,
            interrupted: &|| run.interrupted().is_some(),
        };
        scale(self.settings.decay, &mut self.last);
        let warm = self.last.iter().any(|z| !z.is_zero());
        let start = warm.then_some(&self.last[..]);
        let (mut progress, mut next) = (Progress { decreases: Vec::new() }, 1.0);
        let snapshots = &mut self.snapshots;
        snapshots.clear();
        let outcome = self.inner.solve_from(&system, start, &mut |iteration, inner| {
            let decrease = inner.decrease(gradient);
            if iteration as f64 >= next {
                next = (SNAPSHOTS * next).max(next + 1.0);
                snapshots.push(Snapshot { solution: inner.solution().to_vec(), decrease });
            }
            progress.has_ceased(decrease.as_f64())
        })?;
        self.last.copy_from_slice(self.inner.solution());
        let decrease = self.inner.decrease(gradient);
        snapshots.push(Snapshot { solution: self.last.clone(), decrease });
        Ok((outcome != Outcome::NonFinite).then_some(()))
    }

    fn inverse(&self, here: &Here<'_, '_, S>) -> Result<Option<Box<dyn LinearOperator<S>>>, Error> {
        let Some(matrix) = self.settings.preconditioner else { return Ok(None) };
        let mut diagonal = vec![S::zero(); here.x.len()];
        here.at.curvature(matrix)?.diagonal(&mut diagonal)?;
        let power = S::constant(POWER);
        diagonal.iter_mut().for_each(|d| *d = (*d + self.damping).powf(power));
        inverse_of_positive(diagonal).map(Some)
    }

    /// Goes back along the solutions for as long as `f` falls; returns the best with its value.
    fn backtrack(&mut self, here: &Here<'_, '_, S>) -> Result<(Snapshot<S>, S), Error> {
        let value = |snapshot: &Snapshot<S>| {
            let mut x = here.x.to_vec();
            axpy(S::one(), &snapshot.solution, &mut x);
            // Outside the domain, −∞ too, there is no reason to stay.
            here.objective.value(&x).map(|f| if f.is_finite() { f } else { S::infinity() })
        };
        let mut rest = std::mem::take(&mut self.snapshots);
        let mut best = rest
            .pop()
            .unwrap_or_else(|| Snapshot { solution: self.last.clone(), decrease: S::zero() });
        let mut least = value(&best)?;
        while let Some(earlier) = rest.pop() {
            let f = value(&earlier)?;
            if f >= least && least.is_finite() {
                break;
            }
            (best, least) = (earlier, f);
        }
        Ok((best, least))
    }
}

impl<S: Real> Method<S> for State<S> {
    fn advance<'a>(&mut self, here: &Here<'a, '_, S>, run: &Run<'_, '_, S>) -> Next<'a, S> {
        let matrix = here.at.curvature(self.settings.curvature)?;
        if std::mem::take(&mut self.fresh) {
            let gradient = here.at.gradient();
            let mut image = vec![S::zero(); gradient.len()];
            matrix.apply(gradient, &mut image)?;
            let curvature = dot(gradient, &image) / dot(gradient, gradient);
            let damping = S::constant(0.1) * curvature.abs();
            if damping.is_normal() {
                self.damping = damping;
            }
        }
        let damped = (&*matrix).shifted(self.damping);
        if self.solve(here, run, &damped)?.is_none() {
            return Ok(Err(StopReason::NonFinite));
        }
        if let Some(stop) = run.interrupted() {
            return Ok(Err(stop));
        }
        let (best, value) = self.backtrack(here)?;
        let square = dot(&best.solution, &best.solution);
        // The model without the damping term ½λ‖z‖².
        let predicted = best.decrease + S::constant(0.5) * self.damping * square;
        let ratio = (here.at.value() - value) / predicted;
        if ratio > S::constant(0.75) {
            self.damping *= S::constant(2.0 / 3.0);
        } else if ratio.is_nan() || ratio < S::constant(0.25) {
            self.damping *= S::constant(1.5);
        }
        let mut direction = best.solution;
        if dot(&direction, here.at.gradient()) >= S::zero() {
            // The warm start may lead uphill; the gradient does not.
            self.last.fill(S::zero());
            direction = here.at.gradient().iter().map(|&g| -g).collect();
        }
        let search = LineSearch::Armijo(Armijo::default());
        here.search(&search, &direction, S::zero(), S::one())
    }

    fn escaped(&mut self) {
        self.last.fill(S::zero());
    }
}

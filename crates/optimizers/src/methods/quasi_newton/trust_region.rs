//! Trust regions on matrices that are learnt from gradients.

use dualtape_autodiff::Real;

use super::matrix::{Form, QuasiNewtonMatrix, UpdateRule};
use super::sr1_memory::Lsr1Memory;
use crate::check::require;
use crate::engine::{Here, MAX_TRIALS, Method, Next, Run, Step, StopReason};
use crate::error::Error;
use crate::linalg::{
    Accuracy, Basis, Bound, LinearOperator, ShiftedCholesky, axpy, dot, minimize, norm,
};
use crate::problem::{Known, Objective};

/// A model of the curvature that learns.
pub(super) trait Model<S: Real> {
    fn learn(&mut self, s: &[S], y: &[S]) -> Result<(), Error>;

    /// Minimises `gᵀp + ½ pᵀBp` over `‖p‖ ≤ radius`; `None` if a number is not finite.
    fn step(&self, gradient: &[S], radius: S) -> Result<Option<BallStep<S>>, Error>;

    /// Whether there was anything to forget.
    fn forget(&mut self) -> bool;
}

/// A step and by how much the model falls along it.
pub(super) struct BallStep<S> {
    step: Vec<S>,
    decrease: S,
}

/// The step of a model that has learnt nothing: downhill as far as allowed, whatever the units of the function.
fn steepest<S: Real>(gradient: &[S], radius: S) -> BallStep<S> {
    let length = norm(gradient);
    let step = gradient.iter().map(|&g| -radius * (g / length)).collect();
    BallStep { step, decrease: radius * length }
}

/// The step of a dense model, as good as rounding permits. `O(n³)`.
fn minimize_in_ball<S: Real>(matrix: &[S], gradient: &[S], radius: S) -> Option<BallStep<S>> {
    let mut matrix = ShiftedCholesky::new(gradient.len(), matrix)?;
    let gradient: Vec<f64> = gradient.iter().map(|g| g.as_f64()).collect();
    let bound = Bound::Radius(radius.as_f64());
    let found = minimize(&mut matrix, &gradient, bound, Accuracy::FULL, 0.0)?;
    let step = found.step.iter().map(|&p| S::constant(p)).collect();
    Some(BallStep { step, decrease: S::constant(found.decrease) })
}

/// Constants of the trust region.
#[derive(Debug, Clone, Copy)]
pub(super) struct Radii<S> {
    pub(super) initial: Option<S>,
    pub(super) largest: Option<S>,
}

impl<S: Real> Radii<S> {
    pub(super) fn new() -> Self {
        Radii { initial: None, largest: None }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let initial = self.initial.or(self.largest).unwrap_or(S::one());
        require("initial_radius", initial, "positive", |r| r > 0.0)?;
        let largest = self.largest.unwrap_or(initial);
        require("max_radius", largest, "at least the initial radius", |r| r >= initial.as_f64())
    }

    /// `Δ₀` at the start or after a jump: nothing is known there but the sizes of `x`, `f` and `∇f`.
    fn at(&self, here: &Here<'_, '_, S>) -> S {
        let by_size = || {
            let tenth = S::constant(0.1);
            let to_zero = here.at.value().abs() / norm(here.at.gradient());
            let sizes = [norm(here.x), to_zero].map(|size| tenth * size);
            sizes.into_iter().find(|size| size.is_normal()).unwrap_or(S::one())
        };
        self.initial.unwrap_or_else(by_size).min(self.largest.unwrap_or_else(S::infinity))
    }
}

/// Nocedal & Wright, Alg. 6.2.
pub(super) struct SecantTrustRegion<S, M> {
    model: M,
    radii: Radii<S>,
    /// None where it is still to be chosen.
    radius: Option<S>,
}

impl<S: Real, M: Model<S>> SecantTrustRegion<S, M> {
    pub(super) fn new(model: M, radii: Radii<S>) -> Self {
        SecantTrustRegion { model, radii, radius: None }
    }

    /// Whether to accept a step along which the value fell by `actual`; adapts the radius.
    fn judge(&mut self, radius: S, length: S, actual: S, predicted: S, rounding: S) -> bool {
        let largest = self.radii.largest.unwrap_or_else(S::infinity);
        // Conn, Gould & Toint, §17.4.2: a decrease that is all rounding is taken as predicted.
        let ratio = (actual + rounding) / (predicted + rounding);
        if ratio > S::constant(0.75) {
            if length > S::constant(0.8) * radius {
                self.radius = Some((radius + radius).min(largest));
            }
        } else if ratio.is_nan() || ratio < S::constant(0.1) {
            self.radius = Some(S::constant(0.5) * length);
        }
        ratio > S::constant(1e-4)
    }
}

impl<S: Real, M: Model<S>> Method<S> for SecantTrustRegion<S, M> {
    fn needs_curvature(&self) -> bool {
        false
    }

    fn advance<'a>(&mut self, here: &Here<'a, '_, S>, run: &Run<'_, '_, S>) -> Next<'a, S> {
        let (value, gradient) = (here.at.value(), here.at.gradient());
        let least = S::epsilon() * norm(here.x).max(S::epsilon());
        for _ in 0..MAX_TRIALS {
            let radius = *self.radius.get_or_insert_with(|| self.radii.at(here));
            if radius.is_nan() || radius <= least {
                break;
            }
            if let Some(stop) = run.interrupted() {
                return Ok(Err(stop));
            }
            let Some(BallStep { step, decrease }) = self.model.step(gradient, radius)? else {
                // What was learnt of far away is too large to be reckoned with.
                if self.model.forget() {
                    continue;
                }
                return Ok(Err(StopReason::NonFinite));
            };
            let mut x = here.x.to_vec();
            axpy(S::one(), &step, &mut x);
            if x == here.x {
                // A step lost in rounding: the model is far too stiff, and nothing to be seen from here would tell it so.
                if self.model.forget() {
                    continue;
                }
                break;
            }
            let mut at_x = vec![S::zero(); x.len()];
            let trial = here.objective.value_and_gradient_into(&x, &mut at_x)?;
            let finite = trial.is_finite() && at_x.iter().all(|g| g.is_finite());
            if finite {
                // Also from a step that will be rejected: it shows where the model is wrong.
                let change: Vec<S> = at_x.iter().zip(gradient).map(|(&a, &b)| a - b).collect();
                self.model.learn(&step, &change)?;
            }
            let actual = if finite { value - trial } else { S::neg_infinity() };
            let rounding = S::constant(10.0) * S::epsilon() * value.abs();
            if self.judge(radius, norm(&step), actual, decrease, rounding) {
                return Ok(Ok(Step { x, known: Known::Gradient(trial, at_x) }));
            }
        }
        Ok(Err(StopReason::TrustRegion))
    }

    fn escaped(&mut self) {
        self.model.forget();
        self.radius = None;
    }
}

/// Dense SR1.
pub(super) struct Dense<S> {
    matrix: QuasiNewtonMatrix<S>,
    fresh: bool,
}

impl<S: Real> Dense<S> {
    pub(super) fn new(n: usize) -> Self {
        let matrix = QuasiNewtonMatrix::scaled_identity(Form::Direct, UpdateRule::Sr1, n, S::one());
        Dense { matrix, fresh: true }
    }
}

impl<S: Real> Model<S> for Dense<S> {
    fn learn(&mut self, s: &[S], y: &[S]) -> Result<(), Error> {
        if self.fresh {
            // Half the curvature seen, so that the first update adds to it. With `yᵀy/yᵀs`, BFGS's choice, it would make the
            // matrix singular: the denominator of the inverse update is then exactly 0.
            let curvature = S::constant(0.5) * (dot(s, y) / norm(s) / norm(s)).abs();
            if curvature.is_normal() {
                self.matrix.reset(curvature);
                self.fresh = false;
            }
        }
        self.matrix.update(s, y).map(drop)
    }

    fn step(&self, gradient: &[S], radius: S) -> Result<Option<BallStep<S>>, Error> {
        if self.fresh {
            return Ok(Some(steepest(gradient, radius)));
        }
        Ok(minimize_in_ball(self.matrix.as_slice(), gradient, radius))
    }

    fn forget(&mut self) -> bool {
        self.matrix.reset(S::one());
        !std::mem::replace(&mut self.fresh, true)
    }
}

impl<S: Real> Model<S> for Lsr1Memory<S> {
    fn learn(&mut self, s: &[S], y: &[S]) -> Result<(), Error> {
        self.update(s, y).map(drop)
    }

    /// `B` maps the span of the gradient and its own vectors to itself and is `σI` across, `σ > 0`: the minimum lies in that
    /// span, and there the problem is dense and small.
    fn step(&self, gradient: &[S], radius: S) -> Result<Option<BallStep<S>>, Error> {
        if self.is_empty() {
            return Ok(Some(steepest(gradient, radius)));
        }
        let mut basis = Basis::new(gradient.len());
        for vector in std::iter::once(gradient).chain(self.active()) {
            basis.extend(vector.to_vec(), S::epsilon().sqrt());
        }
        let k = basis.len();
        let (mut small, mut image) = (vec![S::zero(); k * k], vec![S::zero(); gradient.len()]);
        for j in 0..k {
            self.apply(basis.vector(j), &mut image)?;
            for i in 0..=j {
                let entry = dot(basis.vector(i), &image);
                (small[i * k + j], small[j * k + i]) = (entry, entry);
            }
        }
        let slopes: Vec<S> = basis.vectors().map(|q| dot(q, gradient)).collect();
        let Some(found) = minimize_in_ball(&small, &slopes, radius) else { return Ok(None) };
        let step = basis.combine(&found.step);
        Ok(Some(BallStep { step, decrease: found.decrease }))
    }

    fn forget(&mut self) -> bool {
        let learnt = !self.is_empty();
        self.clear();
        learnt
    }
}

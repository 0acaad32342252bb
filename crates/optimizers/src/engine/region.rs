//! The region in which a model is trusted, and the search for a step in it.

use dualtape_autodiff::Real;

use super::agreement::agreement;
use super::method::{Here, Next, Step};
use super::report::StopReason;
use super::run::Run;
use crate::error::Error;
use crate::linalg::{ShortStep, axpy, norm, size};
use crate::problem::{Known, Objective};

/// Steps tried from a point at most, each held shorter than the one before: halved as often, the largest number is 0.
pub(crate) const MAX_TRIALS: usize = 2100;

/// A step that a model proposes.
pub(crate) struct Proposal<S> {
    pub(crate) step: Vec<S>,
    /// Its length in the norm of the region.
    pub(crate) length: S,
    /// `−(gᵀp + ½ pᵀHp)`
    pub(crate) decrease: S,
}

impl<S: Real> Proposal<S> {
    /// A solution, with the step in the numbers of the objective.
    pub(crate) fn new(solution: &ShortStep, step: Vec<S>) -> Self {
        let length = S::constant(norm(&solution.step));
        Proposal { step, length, decrease: S::constant(solution.decrease) }
    }
}

/// The model at a point, to be solved for one radius after the other.
pub(crate) trait Model<S: Real> {
    /// `None` if a number is not finite.
    fn propose(&mut self, radius: S) -> Result<Option<Proposal<S>>, Error>;
}

impl<S: Real, M: Model<S>> Model<S> for &mut M {
    fn propose(&mut self, radius: S) -> Result<Option<Proposal<S>>, Error> {
        (**self).propose(radius)
    }
}

/// Where the model is trusted: `‖p‖ ≤ Δ`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Region<S> {
    radius: S,
    initial: S,
    largest: S,
    /// The least ratio of actual to predicted decrease.
    acceptance: S,
    /// Whether the radius is no more than a guess.
    guessed: bool,
}

impl<S: Real> Region<S> {
    /// As provided, the radius at the start `x₀` is `‖x₀‖`.
    pub(crate) fn new(start: &[S], initial: Option<S>, largest: Option<S>, acceptance: S) -> Self {
        let largest = largest.unwrap_or_else(S::infinity);
        let initial = initial.unwrap_or_else(|| size(start)).min(largest);
        Region { radius: initial, initial, largest, acceptance, guessed: true }
    }

    /// After a jump, what was learnt of a small region no longer holds.
    pub(crate) fn reopen(&mut self) {
        self.radius = self.radius.max(self.initial);
        self.guessed = true;
    }

    /// Whether to accept a step of this length and ratio; resizes the region (Nocedal & Wright, Alg. 4.1).
    ///
    /// A radius that is only guessed is no reason to take a poor step: it may lead into another valley, with no way back. It
    /// is divided by 10 until the model is a fair one.
    fn judge(&mut self, ratio: S, length: S) -> bool {
        let [tenth, quarter, half, two] = [0.1, 0.25, 0.5, 2.0].map(S::constant);
        if ratio < quarter || ratio.is_nan() {
            let factor = match ratio > S::zero() {
                _ if self.guessed => tenth,
                true => half,
                false => quarter,
            };
            self.radius = factor * length.min(self.radius);
            return ratio > self.acceptance && !self.guessed;
        }
        if ratio > S::constant(0.75) && length > S::constant(0.9) * self.radius {
            self.radius = (two * self.radius).min(self.largest);
        }
        self.guessed = false;
        true
    }

    /// Lets the model propose steps until one is accepted. There is no model where a number is not finite.
    pub(crate) fn search<'a>(
        &mut self,
        here: &Here<'a, '_, S>,
        run: &Run<'_, '_, S>,
        model: Option<impl Model<S>>,
    ) -> Next<'a, S> {
        let Some(mut model) = model else { return Ok(Err(StopReason::NonFinite)) };
        for _ in 0..MAX_TRIALS {
            let Some(proposal) = model.propose(self.radius)? else {
                return Ok(Err(StopReason::NonFinite));
            };
            if let Some(stop) = run.interrupted() {
                return Ok(Err(stop));
            }
            let mut x = here.x.to_vec();
            axpy(S::one(), &proposal.step, &mut x);
            if x == here.x {
                return Ok(Err(StopReason::TrustRegion));
            }
            let at = here.objective.linearize(&x)?;
            let ratio = agreement(here.at, &*at, &proposal.step, proposal.decrease);
            if self.judge(ratio, proposal.length) {
                return Ok(Ok(Step { x, known: Known::Linearized(at) }));
            }
        }
        Ok(Err(StopReason::TrustRegion))
    }
}

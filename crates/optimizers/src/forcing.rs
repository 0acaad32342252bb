//! How accurately an inner iteration solves.

use crate::options::require;
use crate::{Error, Real};

/// How accurately the inner iteration solves the Newton system: `‖H z + g‖₂ ≤ η ‖g‖₂`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Forcing<S> {
    /// `η = min(½, √‖g‖₂)`: superlinear convergence (Nocedal & Wright, Alg. 7.1). Depends on the units of `f`.
    Superlinear,
    /// `η = γ (‖g‖/‖g_before‖)²`, at most 0.9 and not falling abruptly: choice 2 of Eisenstat & Walker, SIAM J. Sci.
    /// Comput. 17 (1996), with `γ = 0.9`. Quadratic convergence, and free of units.
    EisenstatWalker,
    /// The same `η` always: linear convergence.
    Constant(S),
}

/// The `η` of a run, one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ForcingSequence<S> {
    forcing: Forcing<S>,
    /// `‖g‖₂` and `η` of the iteration before.
    previous: Option<(S, S)>,
}

impl<S: Real> Forcing<S> {
    pub(crate) fn check(&self) -> Result<(), Error> {
        match *self {
            Forcing::Constant(eta) => {
                require("forcing", eta, "in (0, 1)", |eta| eta > 0.0 && eta < 1.0)
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn sequence(self) -> ForcingSequence<S> {
        ForcingSequence { forcing: self, previous: None }
    }
}

impl<S: Real> ForcingSequence<S> {
    /// The residual to accept at a point: `η ‖g‖`.
    pub(crate) fn tolerance(&mut self, gradient_norm: S) -> S {
        let half = S::constant(0.5);
        let eta = match (self.forcing, self.previous) {
            (Forcing::Constant(eta), _) => eta,
            (Forcing::Superlinear, _) => gradient_norm.sqrt().min(half),
            (Forcing::EisenstatWalker, None) => half,
            (Forcing::EisenstatWalker, Some((norm_before, eta_before))) => {
                let (gamma, ratio) = (S::constant(0.9), gradient_norm / norm_before);
                let floor = gamma * eta_before * eta_before;
                let eta = gamma * ratio * ratio;
                let eta = if floor > S::constant(0.1) { eta.max(floor) } else { eta };
                eta.min(gamma)
            }
        };
        self.previous = Some((gradient_norm, eta));
        eta * gradient_norm
    }
}

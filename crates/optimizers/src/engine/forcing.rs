//! How accurately an inner iteration solves.

use dualtape_autodiff::Real;

use crate::check::require;
use crate::error::Error;

const GOLDEN_RATIO: f64 = 1.618_033_988_749_895;

/// How accurately the inner iteration solves the Newton system: `‖H z + g‖₂ ≤ η ‖g‖₂`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Forcing<S> {
    /// `η = min(½, √‖g‖₂)`: superlinear convergence (Nocedal & Wright, Alg. 7.1). Depends on the units of `f`.
    Superlinear,
    /// `η = γ (‖g‖/‖g_before‖)^α`, at most 0.9 and not falling abruptly: choice 2 of Eisenstat & Walker, SIAM J. Sci.
    /// Comput. 17 (1996), with `γ = 0.9`, their `α = (1 + √5)/2`, and `½` at first. Convergence of order `α`, and free of
    /// units. Where a step brought little, the next is not computed accurately: far from the solution that saves products,
    /// for some more iterations.
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
                let gamma = S::constant(0.9);
                let power = |ratio: S| gamma * ratio.powf(S::constant(GOLDEN_RATIO));
                let (eta, floor) = (power(gradient_norm / norm_before), power(eta_before));
                let eta = if floor > S::constant(0.1) { eta.max(floor) } else { eta };
                eta.min(gamma)
            }
        };
        self.previous = Some((gradient_norm, eta));
        eta * gradient_norm
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The `η` at points with these norms of the gradient.
    fn sequence(forcing: Forcing<f64>, norms: &[f64]) -> Vec<f64> {
        let mut sequence = forcing.sequence();
        norms.iter().map(|&norm| sequence.tolerance(norm) / norm).collect()
    }

    fn assert_close(got: &[f64], want: &[f64]) {
        let close = got.iter().zip(want).all(|(g, w)| (g - w).abs() < 1e-12 * w);
        assert!(close && got.len() == want.len(), "{got:?} {want:?}");
    }

    #[test]
    fn eisenstat_and_walker_follow_the_progress_in_any_units() {
        let alpha = (1.0 + 5_f64.sqrt()) / 2.0;
        let norms = [8.0, 7.6, 0.4, 0.2, 0.002, 0.003];
        let power = |ratio: f64| 0.9 * ratio.powf(alpha);
        // However great the progress, after a step of little accuracy there is no abrupt fall.
        let second = power(0.95);
        let third = power(second);
        let fourth = power(third);
        let want = [0.5, second, third, fourth, power(fourth), 0.9];
        for units in [1.0, 1e-20] {
            let norms = norms.map(|norm| norm * units);
            assert_close(&sequence(Forcing::EisenstatWalker, &norms), &want);
        }
        // After accurate steps it falls as the gradient does.
        let norms = [1.0, 0.1, 1e-3, 1e-5];
        let want = [0.5, power(0.5), power(power(0.5)), power(0.01)];
        assert_close(&sequence(Forcing::EisenstatWalker, &norms), &want);
    }

    #[test]
    fn superlinear_forcing_is_the_root_of_the_gradient() {
        assert_close(&sequence(Forcing::Superlinear, &[4.0, 0.09, 1e-4]), &[0.5, 0.3, 0.01]);
    }
}

//! A step and the change of the gradient along it, and what becomes of the pair.

use dualtape_autodiff::Real;

use crate::check::require;
use crate::error::Error;
use crate::linalg::{dot, norm};

/// What became of a pair `(s, y)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Updated {
    /// The matrix satisfies the secant equation.
    Exactly,
    /// The matrix satisfies the secant equation of a pair that was changed to keep it positive definite.
    Damped,
    /// The pair would have spoilt the matrix, which is as it was.
    Skipped,
}

/// What to do with a pair that shows little or negative curvature, and so would make a matrix indefinite.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Safeguard<S> {
    /// Skip the update unless `yᵀs > ε ‖y‖ ‖s‖`.
    Skip(S),
    /// Powell's damping (Math. Programming 14 (1978); Nocedal & Wright, Procedure 18.2): where `sᵀy < δ sᵀBs`, replace `y` by
    /// the `θ y + (1 − θ) B s` for which both are equal. For an inverse `H`, the same with the roles exchanged: where
    /// `sᵀy < δ yᵀHy`, `s` becomes `θ s + (1 − θ) H y`. Usual: `δ = 0.2`.
    Damp(S),
}

impl<S: Real> Default for Safeguard<S> {
    /// `Skip(√ε)`: `1.5·10⁻⁸` in `f64`.
    fn default() -> Self {
        Safeguard::Skip(S::epsilon().sqrt())
    }
}

impl<S: Real> Safeguard<S> {
    pub(crate) fn check(&self) -> Result<(), Error> {
        match *self {
            Safeguard::Skip(e) => require("safeguard", e, "in [0, 1)", |e| (0.0..1.0).contains(&e)),
            Safeguard::Damp(d) => require("safeguard", d, "in (0, 1)", |d| d > 0.0 && d < 1.0),
        }
    }
}

/// `yᵀs` and `‖y‖ ‖s‖` of a pair divided by `‖s‖ ‖y‖`, so that neither can overflow: the cosine of their angle. `None` for a
/// pair that tells nothing: zero or not finite.
pub(super) fn cosine<S: Real>(s: &[S], y: &[S]) -> Option<S> {
    let (s_norm, y_norm) = (norm(s), norm(y));
    if !(s_norm.is_normal() && y_norm.is_normal()) {
        return None;
    }
    let product = dot(s, y);
    let cosine = if product.is_normal() && (s_norm * y_norm).is_normal() {
        product / (s_norm * y_norm)
    } else {
        s.iter().zip(y).fold(S::zero(), |sum, (&s, &y)| sum + (s / s_norm) * (y / y_norm))
    };
    cosine.is_finite().then_some(cosine)
}

/// `γ = sᵀy/yᵀy` of a pair, and the factors of `s` and `y` that make `sᵀy = 1`, in steps that neither overflow nor underflow.
/// `None` unless the cosine of their angle is above `least` and all are usable numbers.
pub(super) fn unit_factors<S: Real>(s: &[S], y: &[S], least: S) -> Option<[S; 3]> {
    let cosine = cosine(s, y).filter(|&cosine| cosine > least)?;
    let (s_norm, y_norm) = (norm(s), norm(y));
    let gamma = cosine * s_norm / y_norm;
    // √(yᵀs) = √(‖s‖ ‖y‖ cosine), divided by each of the norms.
    let factors = [gamma, (gamma.sqrt() / cosine) / s_norm, gamma.sqrt().recip() / y_norm];
    factors.iter().all(|factor| factor.is_normal()).then_some(factors)
}

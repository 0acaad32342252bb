//! The linear model of residuals at a point, `r(x + p) ≈ r + J p`.

use dualtape_autodiff::Real;

use crate::error::Error;
use crate::linalg::{LeastSquaresFactors, norm};
use crate::problem::Linearized;

/// Between what rounding allows and what suffices: parameters accurate to about `10⁻¹⁰` of their standard errors.
pub(super) fn default_orthogonality_tolerance<S: Real>() -> S {
    S::constant(1e-3) * S::epsilon().sqrt()
}

/// Residuals and Jacobian at a point, factored.
#[derive(Debug)]
pub(super) struct Tangent {
    pub(super) factors: LeastSquaresFactors,
    /// `‖r‖`.
    pub(super) residual_norm: f64,
    /// `‖C⁻¹ Jᵀr‖`, `C` the norms of the columns of `J`: what is left of `f`'s slope, in units of `r`.
    pub(super) slope: f64,
    /// `ε ‖|J| |x|‖`: by how much the residuals change if `x` is rounded.
    rounding: f64,
}

impl Tangent {
    /// `None` if a residual or derivative is not finite.
    pub(super) fn new<S: Real>(at: &dyn Linearized<S>, x: &[S]) -> Result<Option<Self>, Error> {
        let residuals = at.residuals()?;
        let r = residuals.values();
        let Some(factors) = LeastSquaresFactors::new(residuals.columns(), r) else {
            return Ok(None);
        };
        let mut change = vec![S::zero(); r.len()];
        for (j, &x) in x.iter().enumerate() {
            for (change, &derivative) in change.iter_mut().zip(residuals.column(j)) {
                *change += (derivative * x).abs();
            }
        }
        let rounding = S::epsilon().as_f64() * norm(&change).as_f64();
        let norms = factors.column_norms().iter();
        let cosines = at.gradient().iter().zip(norms).filter(|(_, norm)| **norm > 0.0);
        let scaled: Vec<f64> = cosines.map(|(g, norm)| 0.5 * g.as_f64() / norm).collect();
        let (slope, residual_norm) = (norm(&scaled), norm(r).as_f64());
        Ok(Some(Tangent { factors, residual_norm, slope, rounding }))
    }

    /// Whether `‖P r‖ ≤ max(t ‖r‖, 10 ε ‖|J| |x|‖)`, `P` the orthogonal projection on the range of `J`: `P r` is what a linear
    /// model could remove of the residuals.
    pub(super) fn is_orthogonal(&self, tolerance: f64) -> bool {
        self.factors.projection_norm() <= (tolerance * self.residual_norm).max(10.0 * self.rounding)
    }

    /// Changes of `‖r‖²` up to this size may be rounding.
    pub(super) fn noise<S: Real>(&self) -> f64 {
        let residual = self.residual_norm;
        2.0 * residual * (S::epsilon().as_f64() * residual + self.rounding)
    }
}

//! Objectives of optimizers.

use dualtape_optimizers::{Error, Objective};

use super::{Answer, At, Refusal, Route, Subject};

/// An [`Objective`], such as [`ByHand`](dualtape_optimizers::ByHand) with derivatives from elsewhere.
///
/// # Example
///
/// ```
/// use dualtape_optimizers::ByHand;
/// use dualtape_testing::{Law, check, objective};
///
/// // x⁴, with a second derivative that is not that of the gradient
/// let f = ByHand::new(
///     1,
///     |x: &[f64], g: &mut [f64]| {
///         g[0] = 4.0 * x[0].powi(3);
///         x[0].powi(4)
///     },
///     |x: &[f64], v: &[f64], hv: &mut [f64]| hv[0] = 6.0 * x[0] * x[0] * v[0],
/// );
/// let failure = check(objective(&f)).check().unwrap_err();
/// assert_eq!(failure.law(), Some(Law::SecondOrder));
/// ```
pub fn objective(objective: &dyn Objective<f64>) -> impl Subject {
    OfObjective(objective)
}

struct OfObjective<'o>(&'o dyn Objective<f64>);

impl Subject for OfObjective<'_> {
    fn inputs(&self) -> Option<usize> {
        Some(self.0.dim())
    }

    fn values(&self, x: &[f64]) -> Answer<Vec<f64>> {
        Ok(vec![self.0.value(x)?])
    }

    fn gradient(&self, at: At<'_>) -> Answer<Vec<f64>> {
        let mut gradient = vec![0.0; at.x.len()];
        self.0.value_and_gradient(at.x, &mut gradient)?;
        Ok(gradient)
    }

    fn hvp(&self, at: At<'_>, v: &[f64], route: Route) -> Answer<Vec<f64>> {
        if route != Route::Linearized {
            return Err(Refusal::NotOffered);
        }
        let mut product = vec![0.0; v.len()];
        self.0.linearize(at.x)?.hessian().apply(v, &mut product)?;
        Ok(product)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::failed(error)
    }
}

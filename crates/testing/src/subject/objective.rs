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
    OfObjective { double: objective, single: None }
}

/// An [`objective`] and the same over the other number, in both precisions.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{record, record_f32};
/// use dualtape_testing::{Law, check, objective_in_both};
///
/// let f = record(&[1.0; 2]).array().function(|x| x.exp().sum())?;
/// let right = record_f32(&[1.0; 2]).array().function(|x| x.exp().sum())?;
/// let wrong = record_f32(&[1.0; 2]).array().function(|x| (x * 1.01_f32).exp().sum())?;
/// check(objective_in_both(&f, &right)).assert();
/// let failure = check(objective_in_both(&f, &wrong)).check().unwrap_err();
/// assert_eq!(failure.law(), Some(Law::SinglePrecision));
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
pub fn objective_in_both<'o>(
    double: &'o dyn Objective<f64>,
    single: &'o dyn Objective<f32>,
) -> impl Subject + use<'o> {
    OfObjective { double, single: Some(single) }
}

struct OfObjective<'o> {
    double: &'o dyn Objective<f64>,
    single: Option<&'o dyn Objective<f32>>,
}

impl Subject for OfObjective<'_> {
    fn inputs(&self) -> Option<usize> {
        Some(self.double.dim())
    }

    fn values(&self, x: &[f64]) -> Answer<Vec<f64>> {
        Ok(vec![self.double.value(x)?])
    }

    fn gradient(&self, at: At<'_>) -> Answer<Vec<f64>> {
        let mut gradient = vec![0.0; at.x.len()];
        self.double.value_and_gradient_into(at.x, &mut gradient)?;
        Ok(gradient)
    }

    fn hvp(&self, at: At<'_>, v: &[f64], route: Route) -> Answer<Vec<f64>> {
        if route != Route::Linearized {
            return Err(Refusal::NotOffered);
        }
        let mut product = vec![0.0; v.len()];
        self.double.linearize(at.x)?.hessian().apply(v, &mut product)?;
        Ok(product)
    }

    fn single(&self, x: &[f32], _: &[f64]) -> Answer<(Vec<f32>, Vec<f32>)> {
        let objective = self.single.ok_or(Refusal::NotOffered)?;
        let mut gradient = vec![0.0; x.len()];
        let value = objective.value_and_gradient_into(x, &mut gradient)?;
        Ok((vec![value], gradient))
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::failed(error)
    }
}

//! Functions that are recorded already.

use dualtape_autodiff::{Function, VectorFunction};

use super::record::derivatives_along;
use super::recorded::lanes;
use super::{Answer, At, Refusal, Route, Subject};

/// A recorded [`Function`]: what it gives, from one recording.
///
/// It cannot be recorded elsewhere on purpose, nor in single precision; those laws are skipped.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Function;
/// use dualtape_testing::{check, recorded_function};
///
/// let f = Function::record(&[1.0, 2.0], |x| x[0].exp() * x[1])?;
/// check(recorded_function(&f)).order(3).assert();
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
pub fn recorded_function(f: &Function<'_>) -> impl Subject {
    OfFunction(f)
}

/// A recorded [`VectorFunction`].
pub fn recorded_vector_function(f: &VectorFunction<'_>) -> impl Subject {
    OfVectorFunction(f)
}

struct OfFunction<'a, 'f>(&'a Function<'f>);

impl Subject for OfFunction<'_, '_> {
    fn inputs(&self) -> Option<usize> {
        Some(self.0.dim())
    }

    fn values(&self, x: &[f64]) -> Answer<Vec<f64>> {
        Ok(vec![self.0.value(x)?])
    }

    fn gradient(&self, at: At<'_>) -> Answer<Vec<f64>> {
        Ok(self.0.gradient(at.x)?)
    }

    fn slope(&self, at: At<'_>, v: &[f64]) -> Answer<f64> {
        Ok(self.0.taylor(at.x, v, 1)?[1])
    }

    fn hvp(&self, at: At<'_>, v: &[f64], route: Route) -> Answer<Vec<f64>> {
        match route {
            Route::Linearized => Ok(self.0.linearize(at.x)?.hvp(v)?),
            _ => Err(Refusal::NotOffered),
        }
    }

    fn third_derivative(&self, at: At<'_>, u: &[f64], v: &[f64], route: Route) -> Answer<Vec<f64>> {
        match route {
            Route::Linearized => Ok(self.0.third_derivative(at.x, u, v)?),
            _ => Err(Refusal::NotOffered),
        }
    }

    fn derivatives_along(&self, at: At<'_>, v: &[f64], order: usize) -> Answer<Vec<f64>> {
        derivatives_along(self.0, at.x, v, order)
    }

    fn lanes(&self, at: At<'_>, vs: &[Vec<f64>]) -> Answer<[Vec<Vec<f64>>; 2]> {
        lanes(self.0, at.x, vs)
    }

    fn with_function(&self, _: At<'_>, visit: &mut dyn FnMut(&Function<'_>)) -> Answer<()> {
        visit(self.0);
        Ok(())
    }
}

struct OfVectorFunction<'a, 'f>(&'a VectorFunction<'f>);

impl Subject for OfVectorFunction<'_, '_> {
    fn inputs(&self) -> Option<usize> {
        Some(self.0.inputs())
    }

    fn values(&self, x: &[f64]) -> Answer<Vec<f64>> {
        Ok(self.0.values(x)?)
    }

    fn gradient(&self, at: At<'_>) -> Answer<Vec<f64>> {
        self.vjp(at)
    }

    fn slope(&self, at: At<'_>, v: &[f64]) -> Answer<f64> {
        let moved = self.jvp(at.x, v)?;
        Ok(moved.iter().zip(at.w).map(|(y, w)| y * w).sum())
    }

    fn jvp(&self, x: &[f64], v: &[f64]) -> Answer<Vec<f64>> {
        Ok(self.0.jvp(x, v)?.1)
    }

    fn vjp(&self, at: At<'_>) -> Answer<Vec<f64>> {
        Ok(self.0.vjp(at.x, at.w)?.1)
    }
}

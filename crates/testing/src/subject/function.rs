//! Functions that are recorded already.

use dualtape_autodiff::{Function, VectorFunction};

use super::record::derivatives_along;
use super::recorded::lanes;
use super::{Answer, At, Refusal, Route, Subject};

/// A recorded [`Function`]: what it gives, from one recording.
///
/// It cannot be recorded elsewhere on purpose, and [the same in single precision](recorded_function_in_both) is another one; those
/// laws are skipped.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::record;
/// use dualtape_testing::{check, recorded_function};
///
/// let f = record(&[1.0, 2.0]).function(|x| x[0].exp() * x[1])?;
/// check(recorded_function(&f)).order(3).assert();
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
pub fn recorded_function(f: &Function<'_>) -> impl Subject {
    OfFunction { double: f, single: None }
}

/// A [`recorded_function`] and the same recorded in single precision.
pub fn recorded_function_in_both<'f>(
    double: &'f Function<'_>,
    single: &'f Function<'_, f32>,
) -> impl Subject {
    OfFunction { double, single: Some(single) }
}

/// A recorded [`VectorFunction`].
pub fn recorded_vector_function(f: &VectorFunction<'_>) -> impl Subject {
    OfVectorFunction { double: f, single: None }
}

/// A [`recorded_vector_function`] and the same recorded in single precision.
pub fn recorded_vector_function_in_both<'f>(
    double: &'f VectorFunction<'_>,
    single: &'f VectorFunction<'_, f32>,
) -> impl Subject {
    OfVectorFunction { double, single: Some(single) }
}

struct OfFunction<'a, 'f> {
    double: &'a Function<'f>,
    single: Option<&'a Function<'f, f32>>,
}

impl Subject for OfFunction<'_, '_> {
    fn inputs(&self) -> Option<usize> {
        Some(self.double.dim())
    }

    fn values(&self, x: &[f64]) -> Answer<Vec<f64>> {
        Ok(vec![self.double.value(x)?])
    }

    fn gradient(&self, at: At<'_>) -> Answer<Vec<f64>> {
        Ok(self.double.gradient(at.x)?)
    }

    fn slope(&self, at: At<'_>, v: &[f64]) -> Answer<f64> {
        Ok(self.double.taylor(at.x, v, 1)?[1])
    }

    fn hvp(&self, at: At<'_>, v: &[f64], route: Route) -> Answer<Vec<f64>> {
        match route {
            Route::Linearized => Ok(self.double.linearize(at.x)?.hvp(v)?),
            _ => Err(Refusal::NotOffered),
        }
    }

    fn third_derivative(&self, at: At<'_>, u: &[f64], v: &[f64], route: Route) -> Answer<Vec<f64>> {
        match route {
            Route::Linearized => Ok(self.double.third_derivative(at.x, u, v)?),
            _ => Err(Refusal::NotOffered),
        }
    }

    fn derivatives_along(&self, at: At<'_>, v: &[f64], order: usize) -> Answer<Vec<f64>> {
        derivatives_along(self.double, at.x, v, order)
    }

    fn lanes(&self, at: At<'_>, vs: &[Vec<f64>]) -> Answer<[Vec<Vec<f64>>; 2]> {
        lanes(self.double, at.x, vs)
    }

    fn single(&self, x: &[f32], _: &[f64]) -> Answer<(Vec<f32>, Vec<f32>)> {
        let f = self.single.ok_or(Refusal::NotOffered)?;
        Ok((vec![f.value(x)?], f.gradient(x)?))
    }

    fn with_function(&self, _: At<'_>, visit: &mut dyn FnMut(&Function<'_>)) -> Answer<()> {
        visit(self.double);
        Ok(())
    }
}

struct OfVectorFunction<'a, 'f> {
    double: &'a VectorFunction<'f>,
    single: Option<&'a VectorFunction<'f, f32>>,
}

impl Subject for OfVectorFunction<'_, '_> {
    fn inputs(&self) -> Option<usize> {
        Some(self.double.dim())
    }

    fn values(&self, x: &[f64]) -> Answer<Vec<f64>> {
        Ok(self.double.values(x)?)
    }

    fn gradient(&self, at: At<'_>) -> Answer<Vec<f64>> {
        self.vjp(at)
    }

    fn slope(&self, at: At<'_>, v: &[f64]) -> Answer<f64> {
        let moved = self.jvp(at.x, v)?;
        Ok(moved.iter().zip(at.w).map(|(y, w)| y * w).sum())
    }

    fn jvp(&self, x: &[f64], v: &[f64]) -> Answer<Vec<f64>> {
        Ok(self.double.jvp(x, v)?.1)
    }

    fn vjp(&self, at: At<'_>) -> Answer<Vec<f64>> {
        Ok(self.double.vjp(at.x, at.w)?.1)
    }

    fn single(&self, x: &[f32], w: &[f64]) -> Answer<(Vec<f32>, Vec<f32>)> {
        let f = self.single.ok_or(Refusal::NotOffered)?;
        let w: Vec<f32> = w.iter().map(|&w| w as f32).collect();
        Ok(f.vjp(x, &w)?)
    }
}

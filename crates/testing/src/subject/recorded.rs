//! Everything that can be asked of a map that is recorded.

use dualtape_autodiff::{Error, Function, Scalar, Var, gradient, hvp, jvp, third_derivative};

use super::record::{Record, weighted};
use super::{Answer, At, Refusal, Replayed, Route, Subject};

/// A recorded map as a subject.
pub(crate) struct Recorded<R>(pub R);

impl<R: Record> Recorded<R> {
    /// `φ` over scalars.
    fn weighted<'t>(&self, x: &[Var<'t>], w: &[f64]) -> Var<'t> {
        weighted(&self.0.record(x), w)
    }
}

/// Without inputs there are no scalars to find the tape by.
fn some_inputs(x: &[f64]) -> Answer<()> {
    if x.is_empty() { Err(Refusal::NotOffered) } else { Ok(()) }
}

impl<R: Record> Subject for Recorded<R> {
    fn name(&self) -> String {
        self.0.name()
    }

    fn inputs(&self) -> Option<usize> {
        self.0.inputs()
    }

    fn values(&self, x: &[f64]) -> Answer<Vec<f64>> {
        self.0.values(x)
    }

    fn gradient(&self, at: At<'_>) -> Answer<Vec<f64>> {
        if at.x.is_empty() {
            return Ok(self.0.function(at)?.gradient(at.x)?);
        }
        Ok(gradient(|x| self.weighted(x, at.w), at.x)?)
    }

    fn slope(&self, at: At<'_>, v: &[f64]) -> Answer<f64> {
        some_inputs(at.x)?;
        Ok(jvp(|x| self.weighted(x, at.w), at.x, v)?.1)
    }

    fn jvp(&self, x: &[f64], v: &[f64]) -> Answer<Vec<f64>> {
        Ok(self.0.vector_function(x)?.jvp(x, v)?.1)
    }

    fn vjp(&self, at: At<'_>) -> Answer<Vec<f64>> {
        Ok(self.0.vector_function(at.x)?.vjp(at.x, at.w)?.1)
    }

    fn hvp(&self, at: At<'_>, v: &[f64], route: Route) -> Answer<Vec<f64>> {
        match route {
            Route::Linearized => Ok(self.0.function(at)?.linearize(at.x)?.hvp(v)?),
            Route::ForwardOverReverse => {
                some_inputs(at.x)?;
                Ok(hvp(|x| self.weighted(x, at.w), at.x, v)?)
            }
            Route::ReverseOverReverse => {
                some_inputs(at.x)?;
                Ok(gradient(|x| slope_inside(self.weighted(x, at.w), x, v), at.x)?)
            }
        }
    }

    fn third_derivative(&self, at: At<'_>, u: &[f64], v: &[f64], route: Route) -> Answer<Vec<f64>> {
        match route {
            Route::Linearized => Ok(self.0.function(at)?.third_derivative(at.x, u, v)?),
            Route::ForwardOverReverse => {
                some_inputs(at.x)?;
                Ok(third_derivative(|x| self.weighted(x, at.w), at.x, u, v)?)
            }
            Route::ReverseOverReverse => {
                some_inputs(at.x)?;
                Ok(hvp(|x| slope_inside(self.weighted(x, at.w), x, u), at.x, v)?)
            }
        }
    }

    fn derivatives_along(&self, at: At<'_>, v: &[f64], order: usize) -> Answer<Vec<f64>> {
        self.0.derivatives_along(at, v, order)
    }

    fn replayed(
        &self,
        recorded_at: &[f64],
        at: At<'_>,
        v: &[f64],
        order: usize,
    ) -> Answer<Replayed> {
        let f = self.0.function(At { x: recorded_at, ..at })?;
        let value = f.value(at.x)?;
        let gradient = f.gradient(at.x)?;
        let product = match order {
            0 | 1 => Vec::new(),
            _ => f.linearize(at.x).and_then(|at| at.hvp(v)).unwrap_or_default(),
        };
        Ok(Replayed { value, gradient, product })
    }

    fn lanes(&self, at: At<'_>, vs: &[Vec<f64>]) -> Answer<[Vec<Vec<f64>>; 2]> {
        lanes(&self.0.function(at)?, at.x, vs)
    }

    fn single(&self, x: &[f32], w: &[f64]) -> Answer<(Vec<f32>, Vec<f32>)> {
        self.0.single(x, w)
    }

    fn with_function(&self, at: At<'_>, visit: &mut dyn FnMut(&Function<'_>)) -> Answer<()> {
        visit(&self.0.opened(at)?);
        Ok(())
    }
}

/// Products at once, and one at a time.
pub(super) fn lanes(f: &Function<'_>, x: &[f64], vs: &[Vec<f64>]) -> Answer<[Vec<Vec<f64>>; 2]> {
    let at = f.linearize(x)?;
    let mut products = vec![0.0; vs.len() * x.len()];
    at.hvps_into(&vs.concat(), &mut products)?;
    let together = products.chunks(x.len().max(1)).map(<[f64]>::to_vec).collect();
    let alone = vs.iter().map(|v| at.hvp(v)).collect::<Result<_, Error>>()?;
    Ok([together, alone])
}

/// `∇y·v`, recorded.
fn slope_inside<'t>(y: Var<'t>, x: &[Var<'t>], v: &[f64]) -> Var<'t> {
    let constants = v.iter().map(|&v| Var::from_value(v));
    Scalar::sum_of_products(y.gradient(x).into_iter().zip(constants))
}

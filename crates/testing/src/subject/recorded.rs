//! Everything that can be asked of a map that is recorded.

use std::cell::RefCell;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

use dualtape_autodiff::{
    BranchPolicy, Error, Function, Scalar, Var, VectorFunction, gradient, hvp, jvp,
    third_derivative,
};

use super::record::{Record, derivatives_along, weighted};
use super::{Answer, At, Refusal, Replayed, Route, Subject};

/// A recorded map as a subject.
///
/// Its latest recordings are kept: a case asks much of one point, and to derive a program takes far longer than to run it.
pub(crate) struct Recorded<'r, R> {
    map: Arc<R>,
    function: Latest<Function<'r>>,
    vector_function: Latest<VectorFunction<'r>>,
}

/// What was recorded last, with its point and its weights.
type Latest<F> = RefCell<Option<(Vec<f64>, Vec<f64>, Rc<F>)>>;

impl<'r, R: Record + 'r> Recorded<'r, R> {
    pub(crate) fn new(map: R) -> Self {
        Self { map: Arc::new(map), function: Latest::default(), vector_function: Latest::default() }
    }

    /// `φ` over scalars.
    fn weighted<'t>(&self, x: &[Var<'t>], w: &[f64]) -> Var<'t> {
        weighted(&self.map.record(x), w)
    }

    /// `φ`, recorded at this point.
    fn function(&self, at: At<'_>) -> Answer<Rc<Function<'r>>> {
        latest(&self.function, at, || self.map.function(at, BranchPolicy::default()))
    }

    /// `f`, recorded at this point.
    fn vector_function(&self, x: &[f64]) -> Answer<Rc<VectorFunction<'r>>> {
        latest(&self.vector_function, At { x, w: &[] }, || self.map.vector_function(x))
    }
}

fn latest<F>(
    kept: &Latest<F>,
    At { x, w }: At<'_>,
    record: impl FnOnce() -> Result<F, Error>,
) -> Answer<Rc<F>> {
    if let Some((at, weights, f)) = &*kept.borrow()
        && at == x
        && weights == w
    {
        return Ok(Rc::clone(f));
    }
    let f = Rc::new(record()?);
    *kept.borrow_mut() = Some((x.to_vec(), w.to_vec(), Rc::clone(&f)));
    Ok(f)
}

/// Without inputs there are no scalars to find the tape by.
fn some_inputs(x: &[f64]) -> Answer<()> {
    if x.is_empty() { Err(Refusal::NotOffered) } else { Ok(()) }
}

impl<'r, R: Record + 'r> Subject for Recorded<'r, R> {
    fn name(&self) -> String {
        self.map.name()
    }

    fn inputs(&self) -> Option<usize> {
        self.map.inputs()
    }

    fn values(&self, x: &[f64]) -> Answer<Vec<f64>> {
        self.map.values(x)
    }

    fn gradient(&self, at: At<'_>) -> Answer<Vec<f64>> {
        if at.x.is_empty() {
            return Ok(self.function(at)?.gradient(at.x)?);
        }
        Ok(gradient(|x| self.weighted(x, at.w), at.x)?)
    }

    fn slope(&self, at: At<'_>, v: &[f64]) -> Answer<f64> {
        some_inputs(at.x)?;
        Ok(jvp(|x| self.weighted(x, at.w), at.x, v)?.1)
    }

    fn jvp(&self, x: &[f64], v: &[f64]) -> Answer<Vec<f64>> {
        Ok(self.vector_function(x)?.jvp(x, v)?.1)
    }

    fn vjp(&self, at: At<'_>) -> Answer<Vec<f64>> {
        Ok(self.vector_function(at.x)?.vjp(at.x, at.w)?.1)
    }

    fn hvp(&self, at: At<'_>, v: &[f64], route: Route) -> Answer<Vec<f64>> {
        match route {
            Route::Linearized => Ok(self.function(at)?.linearize(at.x)?.hvp(v)?),
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
            Route::Linearized => Ok(self.function(at)?.third_derivative(at.x, u, v)?),
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
        match self.map.derivatives_along(at, v, order) {
            Some(derivatives) => Ok(derivatives),
            None => derivatives_along(&*self.function(at)?, at.x, v, order),
        }
    }

    fn replayed(
        &self,
        recorded_at: &[f64],
        at: At<'_>,
        v: &[f64],
        order: usize,
    ) -> Answer<Replayed> {
        let f = match recorded_at == at.x {
            true => self.function(at)?,
            false => {
                Rc::new(self.map.function(At { x: recorded_at, ..at }, BranchPolicy::default())?)
            }
        };
        let value = f.value(at.x)?;
        let gradient = f.gradient(at.x)?;
        let product = match order {
            0 | 1 => Vec::new(),
            _ => f.linearize(at.x).and_then(|at| at.hvp(v)).unwrap_or_default(),
        };
        Ok(Replayed { value, gradient, product })
    }

    fn lanes(&self, at: At<'_>, vs: &[Vec<f64>]) -> Answer<[Vec<Vec<f64>>; 2]> {
        lanes(&*self.function(at)?, at.x, vs)
    }

    fn single(&self, x: &[f32], w: &[f64]) -> Answer<(Vec<f32>, Vec<f32>)> {
        self.map.single(x, w)
    }

    fn applied_at(&self) -> Option<&'static Location<'static>> {
        self.map.applied_at()
    }

    fn with_function(&self, at: At<'_>, visit: &mut dyn FnMut(&Function<'_>)) -> Answer<()> {
        visit(&self.map.opened(at)?);
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

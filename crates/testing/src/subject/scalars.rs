//! Closures over scalars.

use dualtape_autodiff::{Error, Function, Var, VectorFunction};

use super::record::{Record, weighted};
use super::recorded::Recorded;
use super::{At, Subject};

/// A scalar function of scalars: what [`check_derivatives`](crate::check_derivatives) takes.
///
/// # Example
///
/// ```
/// use dualtape_testing::{check, scalar};
///
/// check(scalar(|x| (x[0] * x[1]).sin())).inputs(2).assert();
/// ```
pub fn scalar<F>(f: F) -> impl Subject
where
    F: for<'t> Fn(&[Var<'t>]) -> Var<'t> + Send + Sync,
{
    vector(move |x| vec![f(x)])
}

/// Several functions of scalars.
///
/// # Example
///
/// ```
/// use dualtape_testing::{check, vector};
///
/// check(vector(|x| vec![x[0] * x[1], x[0].exp(), x[1] - x[0]])).inputs(2).assert();
/// ```
pub fn vector<F>(f: F) -> impl Subject
where
    F: for<'t> Fn(&[Var<'t>]) -> Vec<Var<'t>> + Send + Sync,
{
    Recorded(Scalars(f))
}

struct Scalars<F>(F);

impl<F> Record for Scalars<F>
where
    F: for<'t> Fn(&[Var<'t>]) -> Vec<Var<'t>> + Send + Sync,
{
    fn inputs(&self) -> Option<usize> {
        None
    }

    fn record<'t>(&self, x: &[Var<'t>]) -> Vec<Var<'t>> {
        (self.0)(x)
    }

    fn function<'a>(&'a self, at: At<'_>) -> Result<Function<'a>, Error> {
        let w = at.w.to_vec();
        Function::record(at.x, move |x| weighted(&(self.0)(x), &w))
    }

    fn vector_function<'a>(&'a self, x: &[f64]) -> Result<VectorFunction<'a>, Error> {
        VectorFunction::record(x, |x| (self.0)(x))
    }
}

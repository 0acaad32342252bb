//! Closures over scalars.

use dualtape_autodiff::Var;

use super::Subject;
use super::record::Record;
use super::recorded::Recorded;

/// A scalar function of scalars: what [`check_derivatives`](crate::check_derivatives) takes.
///
/// # Example
///
/// ```
/// use dualtape_testing::{check, scalar};
///
/// check(scalar(|x| (x[0] * x[1]).sin())).inputs(2).assert();
/// ```
pub fn scalar<'f, F>(f: F) -> impl Subject + use<'f, F>
where
    F: for<'t> Fn(&[Var<'t>]) -> Var<'t> + Send + Sync + 'f,
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
pub fn vector<'f, F>(f: F) -> impl Subject + use<'f, F>
where
    F: for<'t> Fn(&[Var<'t>]) -> Vec<Var<'t>> + Send + Sync + 'f,
{
    Recorded::new(Scalars(f))
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
}

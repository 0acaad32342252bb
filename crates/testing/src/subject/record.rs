//! What is recorded on a tape by a closure: the part in which adaptors differ.

use std::panic::Location;
use std::sync::Arc;

use dualtape_autodiff::{BranchPolicy, Error, Function, Scalar, Tape, Var, VectorFunction};

use super::{Answer, At, Refusal};

/// A map that can be recorded, as scalars and in whatever form is its own.
pub(crate) trait Record: Send + Sync {
    fn name(&self) -> String {
        "the function".into()
    }

    fn inputs(&self) -> Option<usize>;

    /// The line in which it was given to be checked, if it is applied in a line of ours.
    fn applied_at(&self) -> Option<&'static Location<'static>> {
        None
    }

    /// Records `f` on the tape of its inputs, of which there is at least one.
    fn record<'t>(&self, x: &[Var<'t>]) -> Vec<Var<'t>>;

    /// Records `φ`, in a function that keeps the map to record it again.
    fn function<'a>(
        self: &Arc<Self>,
        at: At<'_>,
        branches: BranchPolicy,
    ) -> Result<Function<'a>, Error>
    where
        Self: Sized + 'a,
    {
        let (map, w) = (Arc::clone(self), at.w.to_vec());
        dualtape_autodiff::record(at.x)
            .branches(branches)
            .function(move |x| weighted(&map.record(x), &w))
    }

    /// Records `f`.
    fn vector_function<'a>(self: &Arc<Self>, x: &[f64]) -> Result<VectorFunction<'a>, Error>
    where
        Self: Sized + 'a,
    {
        let map = Arc::clone(self);
        dualtape_autodiff::record(x).vector(move |x| map.record(x))
    }

    /// Records `φ` such that the instructions within operations can be seen, once and for all.
    fn opened<'a>(self: &Arc<Self>, at: At<'_>) -> Result<Function<'a>, Error>
    where
        Self: Sized + 'a,
    {
        self.function(at, BranchPolicy::Refuse)
    }

    /// `f(x)` as it comes about while it is recorded: there is no cheaper way to have it, and curves ask for many.
    fn values(&self, x: &[f64]) -> Answer<Vec<f64>> {
        let tape = Tape::new();
        let inputs: Vec<Var<'_>> = x.iter().map(|&x| tape.input(x)).collect();
        let values = self.record(&inputs).into_iter().map(Var::value).collect();
        Ok(tape.error().map_or(Ok(values), Err)?)
    }

    /// Without a recording, where that is possible.
    fn derivatives_along(&self, _: At<'_>, _: &[f64], _: usize) -> Option<Vec<f64>> {
        None
    }

    fn single(&self, _: &[f32], _: &[f64]) -> Answer<(Vec<f32>, Vec<f32>)> {
        Err(Refusal::NotOffered)
    }
}

/// `⟨w, y⟩`
pub(crate) fn weighted<S: Scalar>(y: &[S], w: &[f64]) -> S {
    match (y, w) {
        (&[y], &[1.0]) => y,
        _ => S::sum_of_products(y.iter().copied().zip(w.iter().map(|&w| S::constant(w)))),
    }
}

/// `dᵏ/dεᵏ f(x + εv)` from the Taylor coefficients.
pub(super) fn derivatives_along(
    f: &Function<'_>,
    x: &[f64],
    v: &[f64],
    order: usize,
) -> Answer<Vec<f64>> {
    let mut derivatives = f.taylor(x, v, order)?;
    let mut factorial = 1.0;
    for (k, derivative) in derivatives.iter_mut().enumerate().skip(1) {
        factorial *= k as f64;
        *derivative *= factorial;
    }
    Ok(derivatives)
}

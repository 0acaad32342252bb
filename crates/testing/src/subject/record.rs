//! What is recorded on a tape by a closure: the part in which adaptors differ.

use dualtape_autodiff::{Error, Function, Scalar, Var, VectorFunction};

use super::{Answer, At, Refusal};

/// A map that can be recorded, as scalars and in whatever form is its own.
pub(crate) trait Record: Sync {
    fn name(&self) -> String {
        "the function".into()
    }

    fn inputs(&self) -> Option<usize>;

    /// Records `f` on the tape of its inputs, of which there is at least one.
    fn record<'t>(&self, x: &[Var<'t>]) -> Vec<Var<'t>>;

    /// Records `φ`.
    fn function<'a>(&'a self, at: At<'_>) -> Result<Function<'a>, Error>;

    /// Records `f`.
    fn vector_function<'a>(&'a self, x: &[f64]) -> Result<VectorFunction<'a>, Error>;

    /// Records `φ` such that the instructions within operations can be seen.
    fn opened<'a>(&'a self, at: At<'_>) -> Result<Function<'a>, Error> {
        self.function(at)
    }

    fn values(&self, x: &[f64]) -> Answer<Vec<f64>> {
        Ok(self.vector_function(x)?.values(x)?)
    }

    fn derivatives_along(&self, at: At<'_>, v: &[f64], order: usize) -> Answer<Vec<f64>> {
        derivatives_along(&self.function(at)?, at.x, v, order)
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

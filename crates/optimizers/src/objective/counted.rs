//! Counting what a run asked of its objective.

use std::cell::Cell;
use std::fmt;

use super::{Linearized, Objective};
use crate::{Error, LinearOperator, Real};

/// How often an objective was asked for what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Values alone.
    pub values: usize,
    /// Values with gradients.
    pub gradients: usize,
    /// Linearizations: value, gradient and what Hessian–vector products share.
    pub linearizations: usize,
    /// Hessian–vector products.
    pub hvps: usize,
    /// Dense Hessians.
    pub hessians: usize,
}

impl Counts {
    /// The number of passes over the function of `dim` parameters, of whatever kind, a dense Hessian being `dim`
    /// Hessian–vector products. A pass of another kind costs another, but bounded, multiple of a value.
    pub fn passes(&self, dim: usize) -> usize {
        self.values + self.gradients + self.linearizations + self.hvps + self.hessians * dim
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { values, gradients, linearizations, hvps, hessians } = self;
        write!(
            f,
            "{values} values, {gradients} gradients, {linearizations} linearizations, {hvps} HVPs, {hessians} Hessians"
        )
    }
}

/// An objective that counts the calls made to it. Every method wraps its objective in one.
///
/// # Example
///
/// ```
/// use dualtape_optimizers::{ByHand, Counted, Objective};
///
/// let f = ByHand::new(
///     1,
///     |x: &[f64], g: &mut [f64]| {
///         g[0] = 2.0 * x[0];
///         x[0] * x[0]
///     },
///     |_: &[f64], v: &[f64], hv: &mut [f64]| hv[0] = 2.0 * v[0],
/// );
/// let counted = Counted::new(&f);
/// counted.value(&[3.0])?;
/// counted.linearize(&[3.0])?.hessian().apply(&[1.0], &mut [0.0])?;
/// let counts = counted.counts();
/// assert_eq!((counts.values, counts.linearizations, counts.hvps), (1, 1, 1));
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
pub struct Counted<'o, S: Real> {
    objective: &'o dyn Objective<S>,
    counts: Cell<Counts>,
}

impl<'o, S: Real> Counted<'o, S> {
    /// Starts counting from zero.
    pub fn new(objective: &'o dyn Objective<S>) -> Self {
        Counted { objective, counts: Cell::default() }
    }

    /// The calls made so far, those that failed among them.
    pub fn counts(&self) -> Counts {
        self.counts.get()
    }
}

impl<S: Real> fmt::Debug for Counted<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counted").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

impl<S: Real> Objective<S> for Counted<'_, S> {
    fn dim(&self) -> usize {
        self.objective.dim()
    }

    fn value(&self, x: &[S]) -> Result<S, Error> {
        count(&self.counts, |c| &mut c.values);
        self.objective.value(x)
    }

    fn value_and_gradient(&self, x: &[S], gradient: &mut [S]) -> Result<S, Error> {
        count(&self.counts, |c| &mut c.gradients);
        self.objective.value_and_gradient(x, gradient)
    }

    fn linearize<'a>(&'a self, x: &[S]) -> Result<Box<dyn Linearized<S> + 'a>, Error> {
        count(&self.counts, |c| &mut c.linearizations);
        let inner = self.objective.linearize(x)?;
        Ok(Box::new(CountedAt { inner, counts: &self.counts }))
    }
}

/// A linearization whose products are counted.
struct CountedAt<'a, S> {
    inner: Box<dyn Linearized<S> + 'a>,
    counts: &'a Cell<Counts>,
}

impl<S: Real> Linearized<S> for CountedAt<'_, S> {
    fn value(&self) -> S {
        self.inner.value()
    }

    fn gradient(&self) -> &[S] {
        self.inner.gradient()
    }

    fn hessian(&self) -> &dyn LinearOperator<S> {
        self
    }
}

impl<S: Real> LinearOperator<S> for CountedAt<'_, S> {
    fn dim(&self) -> usize {
        self.inner.hessian().dim()
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        count(self.counts, |c| &mut c.hvps);
        self.inner.hessian().apply(v, out)
    }

    fn to_dense(&self, out: &mut [S]) -> Result<(), Error> {
        count(self.counts, |c| &mut c.hessians);
        self.inner.hessian().to_dense(out)
    }
}

fn count(counts: &Cell<Counts>, kind: impl FnOnce(&mut Counts) -> &mut usize) {
    let mut updated = counts.get();
    *kind(&mut updated) += 1;
    counts.set(updated);
}

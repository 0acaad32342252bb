//! Counting what a run asked of its objective.

use std::cell::Cell;
use std::fmt;

use dualtape_autodiff::{Real, parts::Parts};

use super::objective::{Linearized, Objective};
use super::residuals_at::ResidualsAt;
use crate::curvature_matrix::CurvatureMatrix;
use crate::error::Error;
use crate::linalg::{EmpiricalFisher, LinearOperator};

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
    /// Dense Hessians, and diagonals of Hessians.
    pub hessians: usize,
    /// Products with another curvature matrix: Gauss–Newton, Fisher. A dense one counts as its dimension; the gradients
    /// of all examples, which the empirical Fisher matrix is made of, as one.
    pub curvature_products: usize,
    /// Jacobians of residuals, beyond the linearizations.
    pub jacobians: usize,
}

impl Counts {
    /// The number of passes over the function of `dim` parameters, of whatever kind, a dense Hessian being `dim`
    /// Hessian–vector products and a Jacobian `dim` tangents. A pass of another kind costs another, but bounded, multiple
    /// of a value.
    pub fn passes(&self, dim: usize) -> usize {
        let single = self.values + self.gradients + self.linearizations;
        single + self.hvps + self.curvature_products + (self.hessians + self.jacobians) * dim
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { values, gradients, linearizations, hvps, hessians, .. } = self;
        write!(
            f,
            "{values} values, {gradients} gradients, {linearizations} linearizations, {hvps} HVPs, {hessians} Hessians"
        )?;
        let others =
            [(self.curvature_products, "other curvature products"), (self.jacobians, "Jacobians")];
        let mut used = others.into_iter().filter(|&(count, _)| count > 0);
        used.try_for_each(|(count, what)| write!(f, ", {count} {what}"))
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
    /// Whether a value was −∞.
    bottomless: Cell<bool>,
}

impl<'o, S: Real> Counted<'o, S> {
    /// Starts counting from zero.
    pub fn new(objective: &'o dyn Objective<S>) -> Self {
        Counted { objective, counts: Cell::default(), bottomless: Cell::default() }
    }

    /// The calls made so far, those that failed among them.
    pub fn counts(&self) -> Counts {
        self.counts.get()
    }

    /// Whether a value was −∞ since that was [forgotten](Self::forget_minus_infinity).
    pub(crate) fn met_minus_infinity(&self) -> bool {
        self.bottomless.get()
    }

    pub(crate) fn forget_minus_infinity(&self) {
        self.bottomless.set(false);
    }

    fn look_at(&self, value: S) -> S {
        self.bottomless.set(self.bottomless.get() || value == S::neg_infinity());
        value
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

    fn parts(&self) -> Option<&Parts> {
        self.objective.parts()
    }

    fn value(&self, x: &[S]) -> Result<S, Error> {
        count(&self.counts, |c| &mut c.values, 1);
        self.objective.value(x).map(|value| self.look_at(value))
    }

    fn value_and_gradient_into(&self, x: &[S], gradient: &mut [S]) -> Result<S, Error> {
        count(&self.counts, |c| &mut c.gradients, 1);
        self.objective.value_and_gradient_into(x, gradient).map(|value| self.look_at(value))
    }

    fn linearize<'a>(&'a self, x: &[S]) -> Result<Box<dyn Linearized<S> + 'a>, Error> {
        count(&self.counts, |c| &mut c.linearizations, 1);
        let inner = self.objective.linearize(x)?;
        self.look_at(inner.value());
        Ok(Box::new(CountedAt { inner, counts: &self.counts }))
    }

    fn kinks(&self, x: &[S]) -> Result<Vec<String>, Error> {
        self.objective.kinks(x)
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

    fn curvature(&self, matrix: CurvatureMatrix) -> Result<Box<dyn LinearOperator<S> + '_>, Error> {
        Ok(match matrix {
            CurvatureMatrix::Hessian => Box::new(self),
            CurvatureMatrix::EmpiricalFisher => Box::new(self.empirical_fisher()?),
            matrix => {
                let operator = self.inner.curvature(matrix)?;
                Box::new(CountedOperator { operator, counts: self.counts })
            }
        })
    }

    fn empirical_fisher(&self) -> Result<EmpiricalFisher<S>, Error> {
        count(self.counts, |c| &mut c.curvature_products, 1);
        self.inner.empirical_fisher()
    }

    fn residuals(&self) -> Result<ResidualsAt<S>, Error> {
        count(self.counts, |c| &mut c.jacobians, 1);
        self.inner.residuals()
    }
}

/// The Hessian.
impl<S: Real> LinearOperator<S> for CountedAt<'_, S> {
    fn dim(&self) -> usize {
        self.inner.hessian().dim()
    }

    fn parts(&self) -> Option<&Parts> {
        self.inner.hessian().parts()
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        count(self.counts, |c| &mut c.hvps, 1);
        self.inner.hessian().apply(v, out)
    }

    fn apply_many(&self, vs: &[S], out: &mut [S]) -> Result<(), Error> {
        count(self.counts, |c| &mut c.hvps, vs.len() / self.dim().max(1));
        self.inner.hessian().apply_many(vs, out)
    }

    fn diagonal(&self, out: &mut [S]) -> Result<(), Error> {
        count(self.counts, |c| &mut c.hessians, 1);
        self.inner.hessian().diagonal(out)
    }

    fn to_dense(&self, out: &mut [S]) -> Result<(), Error> {
        count(self.counts, |c| &mut c.hessians, 1);
        self.inner.hessian().to_dense(out)
    }

    fn block(&self, indices: &[usize], out: &mut [S]) -> Result<(), Error> {
        count(self.counts, |c| &mut c.hvps, indices.len());
        self.inner.hessian().block(indices, out)
    }
}

/// A curvature matrix other than the Hessian, whose products are counted.
struct CountedOperator<'a, S> {
    operator: Box<dyn LinearOperator<S> + 'a>,
    counts: &'a Cell<Counts>,
}

impl<S: Real> CountedOperator<'_, S> {
    fn count(&self, products: usize) {
        count(self.counts, |c| &mut c.curvature_products, products);
    }
}

impl<S: Real> LinearOperator<S> for CountedOperator<'_, S> {
    fn dim(&self) -> usize {
        self.operator.dim()
    }

    fn parts(&self) -> Option<&Parts> {
        self.operator.parts()
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        self.count(1);
        self.operator.apply(v, out)
    }

    fn apply_many(&self, vs: &[S], out: &mut [S]) -> Result<(), Error> {
        self.count(vs.len() / self.dim().max(1));
        self.operator.apply_many(vs, out)
    }

    fn diagonal(&self, out: &mut [S]) -> Result<(), Error> {
        self.count(self.dim());
        self.operator.diagonal(out)
    }

    fn to_dense(&self, out: &mut [S]) -> Result<(), Error> {
        self.count(self.dim());
        self.operator.to_dense(out)
    }

    fn block(&self, indices: &[usize], out: &mut [S]) -> Result<(), Error> {
        self.count(indices.len());
        self.operator.block(indices, out)
    }
}

fn count(counts: &Cell<Counts>, kind: impl FnOnce(&mut Counts) -> &mut usize, times: usize) {
    let mut updated = counts.get();
    *kind(&mut updated) += times;
    counts.set(updated);
}

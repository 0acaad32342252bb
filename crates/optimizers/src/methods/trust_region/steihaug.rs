//! Conjugate gradients as far as the boundary.

use dualtape_autodiff::Real;

use super::products::Products;
use crate::engine::{Model, Proposal};
use crate::error::Error;
use crate::linalg::{ConjugateGradient, LinearOperator, Outcome, System};

pub(super) struct Steihaug<'a, S: Real> {
    inner: ConjugateGradient<S>,
    products: Products<'a, S>,
    inverse: Option<&'a dyn LinearOperator<S>>,
}

impl<'a, S: Real> Steihaug<'a, S> {
    pub(super) fn new(
        inner: ConjugateGradient<S>,
        products: Products<'a, S>,
        inverse: Option<&'a dyn LinearOperator<S>>,
    ) -> Self {
        Steihaug { inner, products, inverse }
    }

    pub(super) fn into_inner(self) -> ConjugateGradient<S> {
        self.inner
    }
}

impl<S: Real> Model<S> for Steihaug<'_, S> {
    fn propose(&mut self, radius: S) -> Result<Option<Proposal<S>>, Error> {
        let Products { operator, gradient, tolerance, max_products, interrupted } = self.products;
        let system = System {
            operator,
            gradient,
            preconditioner: self.inverse,
            radius: Some(radius),
            tolerance,
            max_iterations: max_products,
            interrupted,
        };
        let outcome = self.inner.solve(&system)?;
        if outcome == Outcome::NonFinite {
            return Ok(None);
        }
        let step = self.inner.solution().to_vec();
        let length = self.inner.length();
        Ok(Some(Proposal { step, length, decrease: self.inner.decrease(gradient) }))
    }
}

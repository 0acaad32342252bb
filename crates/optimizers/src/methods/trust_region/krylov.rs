//! The global minimiser in a Krylov space.

use dualtape_autodiff::Real;

use super::products::Products;
use crate::engine::{Model, Proposal};
use crate::error::Error;
use crate::linalg::{Bound, Krylov, Space};

pub(super) struct InKrylov<'a, S: Real> {
    products: Products<'a, S>,
    /// The space, once it has been built, and the last multiplier.
    built: Option<(Krylov<S>, f64)>,
}

impl<'a, S: Real> InKrylov<'a, S> {
    pub(super) fn new(products: Products<'a, S>) -> Self {
        InKrylov { products, built: None }
    }
}

impl<S: Real> Model<S> for InKrylov<'_, S> {
    fn propose(&mut self, radius: S) -> Result<Option<Proposal<S>>, Error> {
        let bound = Bound::Radius(radius.as_f64());
        // A smaller radius asks for no larger space.
        let (krylov, short) = match self.built.take() {
            Some((krylov, shift)) => {
                let Some(short) = krylov.solve(bound, shift) else { return Ok(None) };
                (krylov, short)
            }
            None => {
                let Products { operator, gradient, tolerance, max_products, interrupted } =
                    self.products;
                let tolerance = tolerance.as_f64();
                let space = Space { operator, gradient, tolerance, max_products, interrupted };
                let Some(built) = Krylov::build(&space, bound)? else { return Ok(None) };
                built
            }
        };
        let proposal = Proposal::new(&short, krylov.combine(&short));
        self.built = Some((krylov, short.shift));
        Ok(Some(proposal))
    }
}

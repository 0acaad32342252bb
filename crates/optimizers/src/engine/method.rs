//! What a method is: a way to move on from a point.

use dualtape_autodiff::Real;

use super::bounds::Bounds;
use super::line_search::{Accepted, LineSearch, LineSearchFailure, Origin, Ray, UpTo, limited};
use super::report::StopReason;
use super::run::Run;
use crate::error::Error;
use crate::linalg::dot;
use crate::problem::{Counted, Known, Linearized};

/// A point with what is known of the objective there.
pub(crate) struct Here<'a, 'p, S: Real> {
    pub(crate) objective: &'a Counted<'a, S>,
    pub(crate) x: &'p [S],
    /// For a method that needs no curvature, products with its Hessian linearise first.
    pub(crate) at: &'p dyn Linearized<S>,
}

/// A point to move to, with what its choice has already made known.
pub(crate) struct Step<'a, S: Real> {
    pub(crate) x: Vec<S>,
    pub(crate) known: Known<'a, S>,
}

/// The next point, or why there is none.
pub(crate) type Next<'a, S> = Result<Result<Step<'a, S>, StopReason>, Error>;

/// What distinguishes one method from another.
pub(crate) trait Method<S: Real> {
    /// Whether each point is linearised. A method that works with gradients alone says false, and its points are
    /// linearised only where curvature is asked for after all, as the check of the second-order conditions does.
    fn needs_curvature(&self) -> bool {
        true
    }

    /// Moves on from a point whose gradient is not small. A numerical fault may be returned as the error it is.
    fn advance<'a>(&mut self, here: &Here<'a, '_, S>, run: &Run<'_, '_, S>) -> Next<'a, S>;

    /// A test of stationarity of the method's own, made where the tests on the gradient are not met.
    fn stationary(&mut self, _here: &Here<'_, '_, S>) -> Result<Option<StopReason>, Error> {
        Ok(None)
    }

    /// Whether the method factors dense matrices of the order of the Hessian: then the check of the second-order
    /// conditions does so too, and else works with products alone.
    fn is_dense(&self) -> bool {
        false
    }

    /// The bounds that all points keep to. Stationarity, the certificate and the escape from saddles heed them.
    fn bounds(&self) -> Option<&Bounds<S>> {
        None
    }

    /// Whether to go on along negative curvature from a stationary point that is no minimum.
    fn escapes(&self) -> bool {
        true
    }

    /// Such a point was left: what was learnt of the curvature on the way to it may no longer hold.
    fn escaped(&mut self) {}
}

impl<'a, S: Real> Here<'a, '_, S> {
    /// The point that a line search along `direction` accepts, the first trial being `x + first · direction`.
    /// `curvature` is `dᵀ∇²f d` if it is negative and to be made use of, else 0.
    pub(crate) fn search(
        &self,
        line_search: &LineSearch<S>,
        direction: &[S],
        curvature: S,
        first: S,
    ) -> Next<'a, S> {
        let ray = Ray::new(self.objective, self.x, direction);
        self.follow(ray, line_search, self.origin(direction, curvature), first)
    }

    /// As [`search`](Here::search) from the whole direction, with no step beyond `longest · direction`.
    pub(crate) fn search_up_to(
        &self,
        line_search: &LineSearch<S>,
        direction: &[S],
        curvature: S,
        longest: S,
    ) -> Next<'a, S> {
        let mut ray = Ray::new(self.objective, self.x, direction);
        let mut line = UpTo { line: &mut ray, longest };
        let origin = self.origin(direction, curvature);
        let found = limited(line_search, longest).search(&mut line, origin, S::one())?;
        Ok(arrive(ray, found))
    }

    /// As [`search`](Here::search) along a descent direction, with every trial point projected onto the bounds.
    pub(crate) fn search_within(
        &self,
        line_search: &LineSearch<S>,
        direction: &[S],
        first: S,
        bounds: &Bounds<S>,
    ) -> Next<'a, S> {
        let ray = Ray::new(self.objective, self.x, direction).within(Some(bounds));
        self.follow(ray, line_search, self.origin(direction, S::zero()), first)
    }

    fn follow(
        &self,
        mut ray: Ray<'_, S>,
        line_search: &LineSearch<S>,
        origin: Origin<S>,
        first: S,
    ) -> Next<'a, S> {
        let found = line_search.search(&mut ray, origin, first)?;
        Ok(arrive(ray, found))
    }

    pub(crate) fn origin(&self, direction: &[S], curvature: S) -> Origin<S> {
        Origin { value: self.at.value(), slope: dot(self.at.gradient(), direction), curvature }
    }
}

/// The point at the end of a line search.
fn arrive<'k, S: Real>(
    ray: Ray<'_, S>,
    found: Result<Accepted<S>, LineSearchFailure>,
) -> Result<Step<'k, S>, StopReason> {
    match found {
        Ok(accepted) => {
            let (x, known) = ray.into_point(accepted.step);
            Ok(Step { x, known })
        }
        Err(failure) => Err(StopReason::LineSearch(failure)),
    }
}

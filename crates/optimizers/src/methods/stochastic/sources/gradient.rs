//! The gradient and nothing else.

use dualtape_autodiff::Real;

use crate::error::Error;
use crate::methods::stochastic::source::{Feed, Point, Source};

/// The gradient itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gradient;

impl<S: Real> Source<S> for Gradient {
    fn needs_curvature(&self, _: u64) -> bool {
        false
    }

    fn feed(&mut self, _: &Point<'_, S>) -> Result<Feed<S>, Error> {
        Ok(Feed::default())
    }
}

//! The objective along a direction.

use dualtape_autodiff::Real;

use super::line::Line;
use crate::engine::bounds::Bounds;
use crate::error::Error;
use crate::linalg::{axpy, dot};
use crate::problem::{Known, Objective};

/// `f` along `x + a d`.
pub(crate) struct Ray<'a, S: Real> {
    objective: &'a dyn Objective<S>,
    x: &'a [S],
    direction: &'a [S],
    /// Trial points are projected onto these.
    bounds: Option<&'a Bounds<S>>,
    point: Vec<S>,
    gradient: Vec<S>,
    /// The step and the value that `gradient` is of.
    evaluated: Option<(S, S)>,
}

impl<'a, S: Real> Ray<'a, S> {
    pub(crate) fn new(objective: &'a dyn Objective<S>, x: &'a [S], direction: &'a [S]) -> Self {
        Ray {
            objective,
            x,
            direction,
            bounds: None,
            point: x.to_vec(),
            gradient: Vec::new(),
            evaluated: None,
        }
    }

    /// The same, bent where it meets one of the bounds.
    pub(crate) fn within(self, bounds: Option<&'a Bounds<S>>) -> Self {
        Ray { bounds, ..self }
    }

    fn move_to(&mut self, a: S) {
        self.point.copy_from_slice(self.x);
        axpy(a, self.direction, &mut self.point);
        if let Some(bounds) = self.bounds {
            bounds.project(&mut self.point);
        }
    }

    /// `x + a d`, and value and gradient there if they were the last evaluated.
    pub(crate) fn into_point<'k>(mut self, a: S) -> (Vec<S>, Known<'k, S>) {
        self.move_to(a);
        let known = match self.evaluated {
            Some((step, value)) if step == a => Known::Gradient(value, self.gradient),
            _ => Known::Nothing,
        };
        (self.point, known)
    }
}

impl<S: Real> Line<S> for Ray<'_, S> {
    fn value(&mut self, a: S) -> Result<S, Error> {
        self.move_to(a);
        self.objective.value(&self.point)
    }

    fn value_and_slope(&mut self, a: S) -> Result<(S, S), Error> {
        self.move_to(a);
        self.gradient.resize(self.x.len(), S::zero());
        let value = self.objective.value_and_gradient_into(&self.point, &mut self.gradient)?;
        self.evaluated = Some((a, value));
        Ok((value, dot(&self.gradient, self.direction)))
    }
}

//! Points whose gradient is known and whose curvature may never be asked for.

use std::cell::OnceCell;

use dualtape_autodiff::{Real, parts::Parts};

use super::counted::Counted;
use super::objective::{Linearized, Objective};
use super::residuals_at::ResidualsAt;
use crate::curvature_matrix::CurvatureMatrix;
use crate::error::Error;
use crate::linalg::{EmpiricalFisher, LinearOperator};

/// What is already known of the objective at a point.
pub(crate) enum Known<'a, S: Real> {
    Nothing,
    /// Value and gradient.
    Gradient(S, Vec<S>),
    /// All of it.
    Linearized(Box<dyn Linearized<S> + 'a>),
}

/// An objective at a point where value and gradient are known, and which is linearised at the first product.
pub(crate) struct GradientAt<'a, S: Real> {
    objective: &'a Counted<'a, S>,
    x: Vec<S>,
    value: S,
    gradient: Vec<S>,
    linearized: OnceCell<Box<dyn Linearized<S> + 'a>>,
}

impl<'a, S: Real> GradientAt<'a, S> {
    pub(crate) fn new(objective: &'a Counted<'a, S>, x: &[S], value: S, gradient: Vec<S>) -> Self {
        GradientAt { objective, x: x.to_vec(), value, gradient, linearized: OnceCell::new() }
    }

    fn linearized(&self) -> Result<&dyn Linearized<S>, Error> {
        if let Some(at) = self.linearized.get() {
            return Ok(&**at);
        }
        let at = self.objective.linearize(&self.x)?;
        Ok(&**self.linearized.get_or_init(|| at))
    }
}

impl<S: Real> Linearized<S> for GradientAt<'_, S> {
    fn value(&self) -> S {
        self.value
    }

    fn gradient(&self) -> &[S] {
        &self.gradient
    }

    fn hessian(&self) -> &dyn LinearOperator<S> {
        self
    }

    fn curvature(&self, matrix: CurvatureMatrix) -> Result<Box<dyn LinearOperator<S> + '_>, Error> {
        self.linearized()?.curvature(matrix)
    }

    fn empirical_fisher(&self) -> Result<EmpiricalFisher<S>, Error> {
        self.linearized()?.empirical_fisher()
    }

    fn residuals(&self) -> Result<ResidualsAt<S>, Error> {
        self.linearized()?.residuals()
    }
}

/// The Hessian.
impl<S: Real> LinearOperator<S> for GradientAt<'_, S> {
    fn dim(&self) -> usize {
        self.x.len()
    }

    fn parts(&self) -> Option<&Parts> {
        self.objective.parts()
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        self.linearized()?.hessian().apply(v, out)
    }

    fn apply_many(&self, vs: &[S], out: &mut [S]) -> Result<(), Error> {
        self.linearized()?.hessian().apply_many(vs, out)
    }

    fn diagonal(&self, out: &mut [S]) -> Result<(), Error> {
        self.linearized()?.hessian().diagonal(out)
    }

    fn to_dense(&self, out: &mut [S]) -> Result<(), Error> {
        self.linearized()?.hessian().to_dense(out)
    }

    fn block(&self, indices: &[usize], out: &mut [S]) -> Result<(), Error> {
        self.linearized()?.hessian().block(indices, out)
    }
}

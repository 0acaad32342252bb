//! Recorded functions as objectives: the one place that touches automatic differentiation.

use dualtape_autodiff::{Function, Linearization};

use super::{Linearized, Objective};
use crate::{Error, LinearOperator, Real};

impl<S: Real> Objective<S> for Function<'_, S> {
    fn dim(&self) -> usize {
        Function::dim(self)
    }

    fn value(&self, x: &[S]) -> Result<S, Error> {
        Ok(Function::value(self, x)?)
    }

    fn value_and_gradient(&self, x: &[S], gradient: &mut [S]) -> Result<S, Error> {
        Ok(Function::value_and_gradient(self, x, gradient)?)
    }

    fn linearize<'a>(&'a self, x: &[S]) -> Result<Box<dyn Linearized<S> + 'a>, Error> {
        Ok(Box::new(At(Function::linearize(self, x)?)))
    }
}

/// A recorded function frozen at a point.
struct At<'a, S: Real>(Linearization<'a, S>);

impl<S: Real> Linearized<S> for At<'_, S> {
    fn value(&self) -> S {
        self.0.value()
    }

    fn gradient(&self) -> &[S] {
        self.0.gradient()
    }

    fn hessian(&self) -> &dyn LinearOperator<S> {
        self
    }
}

impl<S: Real> LinearOperator<S> for At<'_, S> {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        Ok(self.0.hvp_into(v, out)?)
    }

    fn apply_many(&self, vs: &[S], out: &mut [S]) -> Result<(), Error> {
        Ok(self.0.hvps_into(vs, out)?)
    }

    fn diagonal(&self, out: &mut [S]) -> Result<(), Error> {
        Error::check_length("the diagonal", out.len(), self.0.dim())?;
        out.copy_from_slice(&self.0.hessian_diagonal()?);
        Ok(())
    }

    // Several tangents a pass, which is cheaper than the provided one at a time; symmetric already.
    fn to_dense(&self, out: &mut [S]) -> Result<(), Error> {
        let n = self.0.dim();
        Error::check_length("the dense matrix", out.len(), n * n)?;
        out.copy_from_slice(self.0.hessian()?.as_slice());
        Ok(())
    }
}

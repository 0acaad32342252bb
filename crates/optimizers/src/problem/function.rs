//! Recorded functions as objectives: the one place that touches automatic differentiation.

use dualtape_autodiff::{
    Function, Linearization, Real, Recorded, inspect::Smoothness, parts::Parts,
};

use super::objective::{Linearized, Objective};
use crate::error::Error;
use crate::linalg::{LinearOperator, check_indices};

impl<S: Real> Objective<S> for Function<'_, S> {
    fn dim(&self) -> usize {
        Recorded::dim(self)
    }

    fn parts(&self) -> Option<&Parts> {
        Recorded::parts(self)
    }

    fn value(&self, x: &[S]) -> Result<S, Error> {
        Ok(Function::value(self, x)?)
    }

    fn value_and_gradient_into(&self, x: &[S], gradient: &mut [S]) -> Result<S, Error> {
        Ok(Function::value_and_gradient_into(self, x, gradient)?)
    }

    fn linearize<'a>(&'a self, x: &[S]) -> Result<Box<dyn Linearized<S> + 'a>, Error> {
        Ok(Box::new(Function::linearize(self, x)?))
    }

    fn kinks(&self, x: &[S]) -> Result<Vec<String>, Error> {
        Ok(in_words(&self.smoothness(x)?))
    }
}

/// Why a function is not smooth, one cause after the other.
pub(crate) fn in_words(smoothness: &Smoothness) -> Vec<String> {
    smoothness.irregular().iter().map(ToString::to_string).collect()
}

/// A recorded function frozen at a point.
impl<S: Real> Linearized<S> for Linearization<'_, S> {
    fn value(&self) -> S {
        Linearization::value(self)
    }

    fn gradient(&self) -> &[S] {
        Linearization::gradient(self)
    }

    fn hessian(&self) -> &dyn LinearOperator<S> {
        self
    }
}

/// The Hessian.
impl<S: Real> LinearOperator<S> for Linearization<'_, S> {
    fn dim(&self) -> usize {
        Linearization::dim(self)
    }

    fn parts(&self) -> Option<&Parts> {
        Linearization::parts(self)
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        Ok(self.hvp_into(v, out)?)
    }

    fn apply_many(&self, vs: &[S], out: &mut [S]) -> Result<(), Error> {
        Ok(self.hvps_into(vs, out)?)
    }

    fn diagonal(&self, out: &mut [S]) -> Result<(), Error> {
        Error::check_length("the diagonal", out.len(), self.point().len())?;
        out.copy_from_slice(&self.hessian_diagonal()?);
        Ok(())
    }

    // Several tangents a pass, which is cheaper than the provided one at a time; symmetric already.
    fn to_dense(&self, out: &mut [S]) -> Result<(), Error> {
        let n = self.point().len();
        Error::check_length("the dense matrix", out.len(), n * n)?;
        out.copy_from_slice(Linearization::hessian(self)?.as_slice());
        Ok(())
    }

    fn block(&self, indices: &[usize], out: &mut [S]) -> Result<(), Error> {
        check_indices(indices, self.point().len())?;
        Error::check_length("the block", out.len(), indices.len() * indices.len())?;
        out.copy_from_slice(self.hessian_block(indices.iter().copied())?.as_slice());
        Ok(())
    }
}

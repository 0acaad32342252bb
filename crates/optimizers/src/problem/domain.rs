//! Points at which the objective cannot be computed, as points outside its domain.

use std::cell::RefCell;

use dualtape_autodiff::{Real, parts::Parts};

use super::objective::{Linearized, Objective};
use super::residuals_at::ResidualsAt;
use crate::curvature_matrix::CurvatureMatrix;
use crate::error::Error;
use crate::linalg::{EmpiricalFisher, LinearOperator};

/// An objective that is NaN where computing it meets a [numerical fault](Error::is_numerical): a matrix that is not
/// positive definite, an iteration that does not converge. All methods step back from where a value is not finite.
pub(crate) struct Domain<'o, S: Real> {
    objective: &'o dyn Objective<S>,
    fault: LastFault,
}

/// The fault met last.
#[derive(Debug, Default)]
struct LastFault(RefCell<Option<Error>>);

impl LastFault {
    /// `outside()` in place of a numerical fault.
    fn settle<T>(&self, result: Result<T, Error>, outside: impl FnOnce() -> T) -> Result<T, Error> {
        match result {
            Err(error) if error.is_numerical() => {
                self.0.replace(Some(error));
                Ok(outside())
            }
            result => result,
        }
    }
}

impl<'o, S: Real> Domain<'o, S> {
    pub(crate) fn new(objective: &'o dyn Objective<S>) -> Self {
        Domain { objective, fault: LastFault::default() }
    }

    /// The fault that was met last, if there was any.
    pub(crate) fn last_fault(&self) -> Option<Error> {
        self.fault.0.borrow().clone()
    }
}

impl<S: Real> Objective<S> for Domain<'_, S> {
    fn dim(&self) -> usize {
        self.objective.dim()
    }

    fn parts(&self) -> Option<&Parts> {
        self.objective.parts()
    }

    fn value(&self, x: &[S]) -> Result<S, Error> {
        self.fault.settle(self.objective.value(x), S::nan)
    }

    fn value_and_gradient_into(&self, x: &[S], gradient: &mut [S]) -> Result<S, Error> {
        let value = self.objective.value_and_gradient_into(x, gradient);
        self.fault.settle(value, || {
            gradient.fill(S::nan());
            S::nan()
        })
    }

    fn linearize<'a>(&'a self, x: &[S]) -> Result<Box<dyn Linearized<S> + 'a>, Error> {
        let inside = |inner| Box::new(Inside { inner, fault: &self.fault }) as Box<_>;
        self.fault.settle(self.objective.linearize(x).map(inside), || {
            Box::new(Outside { gradient: vec![S::nan(); x.len()] })
        })
    }

    fn kinks(&self, x: &[S]) -> Result<Vec<String>, Error> {
        match self.objective.kinks(x) {
            Err(error) if error.is_numerical() => Ok(vec![error.to_string()]),
            kinks => kinks,
        }
    }
}

/// A point outside the domain: nothing is a number.
struct Outside<S> {
    gradient: Vec<S>,
}

impl<S: Real> Linearized<S> for Outside<S> {
    fn value(&self) -> S {
        S::nan()
    }

    fn gradient(&self) -> &[S] {
        &self.gradient
    }

    fn hessian(&self) -> &dyn LinearOperator<S> {
        self
    }

    fn curvature(&self, _: CurvatureMatrix) -> Result<Box<dyn LinearOperator<S> + '_>, Error> {
        Ok(Box::new(self))
    }

    fn residuals(&self) -> Result<ResidualsAt<S>, Error> {
        Ok(ResidualsAt::not_a_number(self.gradient.len()))
    }
}

impl<S: Real> LinearOperator<S> for Outside<S> {
    fn dim(&self) -> usize {
        self.gradient.len()
    }

    fn apply(&self, _: &[S], out: &mut [S]) -> Result<(), Error> {
        out.fill(S::nan());
        Ok(())
    }
}

/// A point where value and gradient exist; products with the Hessian may still meet a fault.
struct Inside<'a, S> {
    inner: Box<dyn Linearized<S> + 'a>,
    fault: &'a LastFault,
}

impl<S: Real> Inside<'_, S> {
    fn guarded_hessian(&self) -> Guarded<'_, &dyn LinearOperator<S>> {
        Guarded { operator: self.inner.hessian(), fault: self.fault }
    }
}

impl<S: Real> Linearized<S> for Inside<'_, S> {
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
        let fault = self.fault;
        let guarded = |operator| Box::new(Guarded { operator, fault }) as Box<_>;
        self.fault.settle(self.inner.curvature(matrix).map(guarded), || {
            Box::new(Outside { gradient: vec![S::nan(); self.gradient().len()] })
        })
    }

    fn empirical_fisher(&self) -> Result<EmpiricalFisher<S>, Error> {
        self.inner.empirical_fisher()
    }

    fn residuals(&self) -> Result<ResidualsAt<S>, Error> {
        self.fault
            .settle(self.inner.residuals(), || ResidualsAt::not_a_number(self.gradient().len()))
    }
}

/// The Hessian.
impl<S: Real> LinearOperator<S> for Inside<'_, S> {
    fn dim(&self) -> usize {
        self.inner.hessian().dim()
    }

    fn parts(&self) -> Option<&Parts> {
        self.inner.hessian().parts()
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        self.guarded_hessian().apply(v, out)
    }

    fn apply_many(&self, vs: &[S], out: &mut [S]) -> Result<(), Error> {
        self.guarded_hessian().apply_many(vs, out)
    }

    fn diagonal(&self, out: &mut [S]) -> Result<(), Error> {
        self.guarded_hessian().diagonal(out)
    }

    fn to_dense(&self, out: &mut [S]) -> Result<(), Error> {
        self.guarded_hessian().to_dense(out)
    }

    fn block(&self, indices: &[usize], out: &mut [S]) -> Result<(), Error> {
        self.guarded_hessian().block(indices, out)
    }
}

/// An operator whose products are NaN where computing them meets a fault.
struct Guarded<'a, A> {
    operator: A,
    fault: &'a LastFault,
}

impl<A> Guarded<'_, A> {
    fn settle<S: Real>(&self, result: Result<(), Error>, out: &mut [S]) -> Result<(), Error> {
        self.fault.settle(result, || out.fill(S::nan()))
    }
}

impl<S: Real, A: LinearOperator<S>> LinearOperator<S> for Guarded<'_, A> {
    fn dim(&self) -> usize {
        self.operator.dim()
    }

    fn parts(&self) -> Option<&Parts> {
        self.operator.parts()
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        self.settle(self.operator.apply(v, out), out)
    }

    fn apply_many(&self, vs: &[S], out: &mut [S]) -> Result<(), Error> {
        self.settle(self.operator.apply_many(vs, out), out)
    }

    fn diagonal(&self, out: &mut [S]) -> Result<(), Error> {
        self.settle(self.operator.diagonal(out), out)
    }

    fn to_dense(&self, out: &mut [S]) -> Result<(), Error> {
        self.settle(self.operator.to_dense(out), out)
    }

    fn block(&self, indices: &[usize], out: &mut [S]) -> Result<(), Error> {
        self.settle(self.operator.block(indices, out), out)
    }
}

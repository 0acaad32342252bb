//! Losses recorded in two parts, and losses that know their examples one by one.

use dualtape_autodiff::{Composite, CompositeLinearization, PerExample, Real, parts::Parts};

use super::objective::{Linearized, Objective};
use crate::curvature_matrix::CurvatureMatrix;
use crate::error::Error;
use crate::linalg::{EmpiricalFisher, LinearOperator, distance, norm};

/// A loss recorded in two parts has the [`CurvatureMatrix::GaussNewton`] matrix beside its Hessian, and the
/// [`CurvatureMatrix::Fisher`] matrix if the likelihood was stated: from one linearization, on the same data.
impl<S: Real> Objective<S> for Composite<'_, S> {
    fn dim(&self) -> usize {
        Objective::dim(&**self)
    }

    fn parts(&self) -> Option<&Parts> {
        Objective::parts(&**self)
    }

    fn value(&self, x: &[S]) -> Result<S, Error> {
        Objective::value(&**self, x)
    }

    fn value_and_gradient_into(&self, x: &[S], gradient: &mut [S]) -> Result<S, Error> {
        Objective::value_and_gradient_into(&**self, x, gradient)
    }

    fn linearize<'a>(&'a self, x: &[S]) -> Result<Box<dyn Linearized<S> + 'a>, Error> {
        Ok(Box::new(At(Composite::linearize(self, x)?)))
    }

    fn kinks(&self, x: &[S]) -> Result<Vec<String>, Error> {
        Objective::kinks(&**self, x)
    }
}

/// A composite frozen at a point.
struct At<'a, S: Real>(CompositeLinearization<'a, S>);

impl<S: Real> Linearized<S> for At<'_, S> {
    fn value(&self) -> S {
        self.0.value()
    }

    fn gradient(&self) -> &[S] {
        self.0.gradient()
    }

    fn hessian(&self) -> &dyn LinearOperator<S> {
        &*self.0
    }

    fn curvature(&self, matrix: CurvatureMatrix) -> Result<Box<dyn LinearOperator<S> + '_>, Error> {
        match matrix {
            CurvatureMatrix::Hessian => Ok(Box::new(self.hessian())),
            CurvatureMatrix::GaussNewton => Ok(Box::new(GaussNewton(&self.0))),
            CurvatureMatrix::Fisher => Ok(Box::new(Fisher(&self.0))),
            matrix => Err(Error::NoCurvature { matrix }),
        }
    }
}

struct GaussNewton<'a, S: Real>(&'a CompositeLinearization<'a, S>);

impl<S: Real> LinearOperator<S> for GaussNewton<'_, S> {
    fn dim(&self) -> usize {
        self.0.point().len()
    }

    fn parts(&self) -> Option<&Parts> {
        self.0.parts()
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        Ok(self.0.gauss_newton_into(v, out)?)
    }

    fn apply_many(&self, vs: &[S], out: &mut [S]) -> Result<(), Error> {
        Ok(self.0.gauss_newtons_into(vs, out)?)
    }

    fn to_dense(&self, out: &mut [S]) -> Result<(), Error> {
        Error::check_length("the dense matrix", out.len(), self.dim() * self.dim())?;
        out.copy_from_slice(self.0.gauss_newton_matrix()?.as_slice());
        Ok(())
    }
}

struct Fisher<'a, S: Real>(&'a CompositeLinearization<'a, S>);

impl<S: Real> LinearOperator<S> for Fisher<'_, S> {
    fn dim(&self) -> usize {
        self.0.point().len()
    }

    fn parts(&self) -> Option<&Parts> {
        self.0.parts()
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        Ok(self.0.fisher_into(v, out)?)
    }

    fn to_dense(&self, out: &mut [S]) -> Result<(), Error> {
        Error::check_length("the dense matrix", out.len(), self.dim() * self.dim())?;
        out.copy_from_slice(self.0.fisher_matrix()?.as_slice());
        Ok(())
    }
}

/// An objective together with the same loss of each example by itself, which gives it the
/// [`CurvatureMatrix::EmpiricalFisher`] matrix: the covariance of the gradients of the examples.
///
/// The objective must be the *mean* of the examples' losses, on the same data; whether it is, is checked wherever the
/// gradients of the examples are taken. For a network, `Supervised` of `dualtape-layers` makes both from one data set.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, record};
/// use dualtape_optimizers::{CurvatureMatrix, LinearOperator, Objective, WithExamples};
///
/// // A line through the origin, and squared errors.
/// let (x, y) = (Array::vector(vec![1.0, 2.0]), Array::vector(vec![3.0, 3.0]));
/// let mean = record(&[0.0]).data(&[&x, &y]).likelihood(None).composite(
///     |w, data| data[0] * w.get(0),
///     |z, data| (z - data[1]).powi(2).mean(),
/// )?;
/// let each = record(&[0.0]).data(&[&x, &y]).per_example(|w, example| {
///     (example[0].to_var() * w.get(0) - example[1].to_var()).powi(2)
/// })?;
/// let f = WithExamples::new(mean, each)?;
///
/// let at = f.linearize(&[1.0])?;
/// let matrix = |which| at.curvature(which)?.trace();
/// // The gradients are −4 and −4; the second derivatives 2 and 8.
/// assert_eq!(matrix(CurvatureMatrix::EmpiricalFisher)?, 16.0);
/// assert_eq!(matrix(CurvatureMatrix::GaussNewton)?, 5.0);
/// assert_eq!(matrix(CurvatureMatrix::Hessian)?, 5.0);
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
#[derive(Debug)]
pub struct WithExamples<'f, O, S: Real> {
    objective: O,
    examples: PerExample<'f, S>,
}

impl<'f, S: Real, O: Objective<S>> WithExamples<'f, O, S> {
    /// Joins an objective with its examples.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if they do not have the same number of parameters.
    pub fn new(objective: O, examples: PerExample<'f, S>) -> Result<Self, Error> {
        Error::check_length("a gradient of an example", examples.dim(), objective.dim())?;
        Ok(WithExamples { objective, examples })
    }

    /// The objective, and the examples: to give both another batch of the same shape.
    pub fn parts_mut(&mut self) -> (&mut O, &mut PerExample<'f, S>) {
        (&mut self.objective, &mut self.examples)
    }
}

impl<S: Real, O: Objective<S>> Objective<S> for WithExamples<'_, O, S> {
    fn dim(&self) -> usize {
        self.objective.dim()
    }

    fn parts(&self) -> Option<&Parts> {
        self.objective.parts()
    }

    fn value(&self, x: &[S]) -> Result<S, Error> {
        self.objective.value(x)
    }

    fn value_and_gradient_into(&self, x: &[S], gradient: &mut [S]) -> Result<S, Error> {
        self.objective.value_and_gradient_into(x, gradient)
    }

    fn linearize<'a>(&'a self, x: &[S]) -> Result<Box<dyn Linearized<S> + 'a>, Error> {
        let inner = self.objective.linearize(x)?;
        Ok(Box::new(AtWithExamples { inner, x: x.to_vec(), examples: &self.examples }))
    }

    fn kinks(&self, x: &[S]) -> Result<Vec<String>, Error> {
        self.objective.kinks(x)
    }
}

/// [`WithExamples`] frozen at `x`.
struct AtWithExamples<'a, S: Real> {
    inner: Box<dyn Linearized<S> + 'a>,
    x: Vec<S>,
    examples: &'a PerExample<'a, S>,
}

impl<S: Real> Linearized<S> for AtWithExamples<'_, S> {
    fn value(&self) -> S {
        self.inner.value()
    }

    fn gradient(&self) -> &[S] {
        self.inner.gradient()
    }

    fn hessian(&self) -> &dyn LinearOperator<S> {
        self.inner.hessian()
    }

    fn curvature(&self, matrix: CurvatureMatrix) -> Result<Box<dyn LinearOperator<S> + '_>, Error> {
        match matrix {
            CurvatureMatrix::EmpiricalFisher => Ok(Box::new(self.empirical_fisher()?)),
            matrix => self.inner.curvature(matrix),
        }
    }

    fn empirical_fisher(&self) -> Result<EmpiricalFisher<S>, Error> {
        let (n, examples) = (self.x.len(), self.examples.examples());
        let mut gradients = vec![S::zero(); n * examples];
        let mut values = vec![S::zero(); examples];
        self.examples.values_and_gradients_into(&self.x, &mut values, &mut gradients)?;
        let parts = self.hessian().parts().cloned();
        let fisher = EmpiricalFisher::new(n, gradients)?.of(parts);
        // Rounding differs between the two programs, and a mean may cancel: compared with the root mean square.
        let size = (fisher.trace()? / S::constant(n as f64)).sqrt().max(norm(self.gradient()));
        let difference = distance(&fisher.mean_gradient(), self.gradient());
        if difference > S::epsilon().sqrt() * size * S::constant(n as f64).sqrt() {
            return Err(Error::OtherExamples { difference: (difference / size).as_f64() });
        }
        Ok(fisher)
    }
}

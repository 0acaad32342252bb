//! What is minimised: a function with its gradient and its exact Hessian.

use dualtape_autodiff::{Real, parts::Parts};

use super::residuals_at::ResidualsAt;
use crate::curvature_matrix::CurvatureMatrix;
use crate::error::Error;
use crate::linalg::{EmpiricalFisher, LinearOperator};

/// A twice differentiable function `f: ℝⁿ → ℝ`.
///
/// Implemented for [`dualtape_autodiff::Function`], where every derivative is exact and nothing is written by hand, for
/// [`dualtape_autodiff::Composite`], which adds the Gauss–Newton and Fisher matrices, for [`WithExamples`](crate::WithExamples), which adds the
/// empirical Fisher matrix, and for [`ByHand`](crate::ByHand), which takes closures.
///
/// Where `f` cannot be evaluated (a logarithm of a negative number), the value is NaN or infinite: the methods step back
/// from there. So they do where an evaluation meets a numerical fault, that is, returns an error whose cause lies in the
/// values at the point: a matrix that is not positive definite or singular, an iteration that does not converge. At the
/// start, such an error is returned. All other errors (a wrong length or shape) end a run wherever they are met.
pub trait Objective<S: Real> {
    /// The number of parameters `n`.
    fn dim(&self) -> usize;

    /// `f(x)`.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if `x` does not have `n` entries, or whatever the computation itself refuses.
    fn value(&self, x: &[S]) -> Result<S, Error>;

    /// `f(x)`, and `gradient ← ∇f(x)`.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if `x` or `gradient` do not have `n` entries, or whatever the computation itself refuses.
    fn value_and_gradient_into(&self, x: &[S], gradient: &mut [S]) -> Result<S, Error>;

    /// Value, gradient and Hessian at `x`, with everything computed that all Hessian–vector products there share.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if `x` does not have `n` entries, or whatever the computation itself refuses.
    fn linearize<'a>(&'a self, x: &[S]) -> Result<Box<dyn Linearized<S> + 'a>, Error>;

    /// What the parameters are called, if that is known: then blocks of another vector are refused. As provided: not known.
    fn parts(&self) -> Option<&Parts> {
        None
    }

    /// Why `f` may not be smooth at `x`: the kinks on which `x` lies (`|t|` at 0, a maximum of equal arguments, …) and the
    /// operations without a definite derivative there, one after the other in words, best with the line of the source.
    /// Derivatives at such a point say nothing of the points around it, so that none is certified. As provided: none known.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if `x` does not have `n` entries, or whatever the computation itself refuses.
    fn kinks(&self, _x: &[S]) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }
}

/// An objective frozen at one point.
pub trait Linearized<S: Real> {
    /// `f(x)`.
    fn value(&self) -> S;

    /// `∇f(x)`.
    fn gradient(&self) -> &[S];

    /// The exact Hessian `v ↦ ∇²f(x) v`.
    fn hessian(&self) -> &dyn LinearOperator<S>;

    /// The curvature matrix asked for, where the objective has it. As provided: the Hessian only.
    ///
    /// # Errors
    ///
    /// [`Error::NoCurvature`] if the objective is not of the form that the matrix is defined for, or whatever the
    /// computation itself refuses.
    fn curvature(&self, matrix: CurvatureMatrix) -> Result<Box<dyn LinearOperator<S> + '_>, Error> {
        match matrix {
            CurvatureMatrix::Hessian => Ok(Box::new(self.hessian())),
            matrix => Err(Error::NoCurvature { matrix }),
        }
    }

    /// [`CurvatureMatrix::EmpiricalFisher`], with the gradients of the examples that it is made of, where the objective
    /// knows them. As provided: refused.
    ///
    /// # Errors
    ///
    /// As [`curvature`](Self::curvature).
    fn empirical_fisher(&self) -> Result<EmpiricalFisher<S>, Error> {
        Err(Error::NoCurvature { matrix: CurvatureMatrix::EmpiricalFisher })
    }

    /// The residuals `r` and their Jacobian, where the objective is a sum of squares `f = Σ rᵢ²`. As provided: none.
    ///
    /// # Errors
    ///
    /// [`Error::NoResiduals`] if the objective is not recorded as a sum of squares, or whatever the computation itself
    /// refuses.
    fn residuals(&self) -> Result<ResidualsAt<S>, Error> {
        Err(Error::NoResiduals)
    }
}

//! Sums of squares as objectives.

use std::cell::OnceCell;
use std::fmt;
use std::sync::Arc;

use dualtape_autodiff::{
    Array, Function, Linearization, Real, Record, Tensor, Var, VectorFunction, VectorLinearization,
};

use super::function::in_words;
use super::objective::{Linearized, Objective};
use super::residuals_at::ResidualsAt;
use crate::curvature_matrix::CurvatureMatrix;
use crate::error::Error;
use crate::linalg::{EmpiricalFisher, LinearOperator, dot, scale};

/// A sum of squares `f(x) = ‖r(x)‖² = Σᵢ rᵢ(x)²` of residuals that are recorded once and differentiated exactly.
///
/// There is no factor ½: `f` is the residual sum of squares that tables and other programs report. An [`Objective`] like
/// any other, which any method minimises; [`LevenbergMarquardt`](crate::LevenbergMarquardt) and
/// [`GaussNewton`](crate::GaussNewton) also use that it is made of residuals. With the Jacobian `J = ∂r/∂x`:
///
/// | | |
/// |---|---|
/// | gradient | `2 Jᵀr` |
/// | [`Hessian`](CurvatureMatrix::Hessian) | `2 JᵀJ + 2 Σᵢ rᵢ ∇²rᵢ`, exact |
/// | [`GaussNewton`](CurvatureMatrix::GaussNewton) | `2 JᵀJ`: the Hessian without the second term |
/// | [`Fisher`](CurvatureMatrix::Fisher) | the same: `f` is the negative log-likelihood of normal errors of variance ½ |
/// | [`EmpiricalFisher`](CurvatureMatrix::EmpiricalFisher) | `1/m Σᵢ gᵢgᵢᵀ = 4m Jᵀ diag(r²) J`: each residual an example with the loss `m rᵢ²`, of which `f` is the mean |
///
/// **Gauss–Newton is not Newton**: the two matrices agree where all residuals vanish or are linear. The larger and the more
/// curved the residuals, the further they are apart, and the slower methods become that use `JᵀJ` alone.
///
/// Residuals of different accuracy belong divided by their standard deviations.
///
/// # Example
///
/// ```
/// use dualtape_optimizers::{LevenbergMarquardt, Residuals, prelude::*};
///
/// let data = [(0.0, 2.1), (1.0, 1.3), (2.0, 0.8), (3.0, 0.4)];
/// let mut p = [1.0, 0.1];
/// let misfit = Residuals::record(&p, |p| {
///     data.iter().map(|&(t, y)| p[0] * (-p[1] * t).exp() - y).collect()
/// })?;
/// let report = LevenbergMarquardt::default().minimize(&misfit, &mut p)?;
/// assert!(report.converged() && report.certified());
/// assert!((p[0] - 2.1148).abs() < 1e-4 && (p[1] - 0.5074).abs() < 1e-4);
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
pub struct Residuals<'f, S: Real = f64> {
    residuals: VectorFunction<'f, S>,
    /// `Σ rᵢ²`, for the second derivatives.
    squares: Function<'f, S>,
}

impl<'f> Residuals<'f, f64> {
    /// Records residuals of `f64` scalars at `x`.
    ///
    /// # Errors
    ///
    /// [`Error::Autodiff`] with what was refused while `residuals` recorded.
    pub fn record<F>(x: &[f64], residuals: F) -> Result<Self, Error>
    where
        F: for<'t> Fn(&[Var<'t>]) -> Vec<Var<'t>> + Send + Sync + 'f,
    {
        Self::record_scalars(x, residuals)
    }
}

impl<'f, S: Real> Residuals<'f, S> {
    /// Records residuals of scalars at `x`, in either precision.
    ///
    /// # Errors
    ///
    /// As [`record`](Residuals::record).
    pub fn record_scalars<F>(x: &[S], residuals: F) -> Result<Self, Error>
    where
        F: for<'t> Fn(&[Var<'t, S>]) -> Vec<Var<'t, S>> + Send + Sync + 'f,
    {
        let shared = Arc::new(residuals);
        let again = Arc::clone(&shared);
        Ok(Residuals {
            residuals: Record::at(x).vector(move |x| shared(x))?,
            squares: Record::at(x).function(move |x| again(x).into_iter().map(|r| r * r).sum())?,
        })
    }

    /// Records residuals as an array made of one flat vector `x` and of arrays of data, by array operations: the fast way
    /// where there are many data.
    ///
    /// # Errors
    ///
    /// As [`record`](Residuals::record).
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::Array;
    /// use dualtape_optimizers::{GaussNewton, Residuals, prelude::*};
    ///
    /// let t = Array::vector(vec![0.0, 1.0, 2.0, 3.0]);
    /// let y = Array::vector(vec![1.0, 2.9, 5.1, 7.0]);
    /// let mut p = [0.0, 0.0];
    /// let line = Residuals::record_tensor(&p, &[&t, &y], |p, data| p.get(0) + p.get(1) * data[0] - data[1])?;
    /// let report = GaussNewton::default().minimize(&line, &mut p)?;
    /// assert_eq!(report.iterations, 1);
    /// assert!((p[0] - 0.97_f64).abs() < 1e-13 && (p[1] - 2.02).abs() < 1e-13);
    /// # Ok::<(), dualtape_optimizers::Error>(())
    /// ```
    pub fn record_tensor<F>(x: &[S], data: &[&Array<S>], residuals: F) -> Result<Self, Error>
    where
        F: for<'t> Fn(Tensor<'t, S>, &[Tensor<'t, S>]) -> Tensor<'t, S> + Send + Sync + 'f,
    {
        let shared = Arc::new(residuals);
        let again = Arc::clone(&shared);
        Ok(Residuals {
            residuals: Record::at(x).data(data).vector(move |x, data| shared(x, data))?,
            squares: Record::at(x)
                .data(data)
                .function(move |x, data| again(x, data).powi(2).sum())?,
        })
    }

    /// The residuals as a vector-valued function.
    pub fn function(&self) -> &VectorFunction<'f, S> {
        &self.residuals
    }

    /// Replaces data array number `index` by another of the same shape; nothing is recorded again.
    ///
    /// # Errors
    ///
    /// [`Error::Autodiff`] if there is no such array, or if it has another shape.
    pub fn set_data(&self, index: usize, array: &Array<S>) -> Result<(), Error> {
        self.residuals.set_data(index, array)?;
        Ok(self.squares.set_data(index, array)?)
    }
}

impl<S: Real> fmt::Debug for Residuals<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (m, n) = (self.residuals.outputs(), self.residuals.dim());
        write!(f, "Residuals({m} residuals, {n} parameters)")
    }
}

impl<S: Real> Objective<S> for Residuals<'_, S> {
    fn dim(&self) -> usize {
        self.residuals.dim()
    }

    fn value(&self, x: &[S]) -> Result<S, Error> {
        let residuals = self.residuals.values(x)?;
        Ok(dot(&residuals, &residuals))
    }

    fn value_and_gradient_into(&self, x: &[S], gradient: &mut [S]) -> Result<S, Error> {
        let map = self.residuals.linearize(x)?;
        gradient_of(&map, gradient)?;
        Ok(dot(map.values(), map.values()))
    }

    fn linearize<'a>(&'a self, x: &[S]) -> Result<Box<dyn Linearized<S> + 'a>, Error> {
        let map = self.residuals.linearize(x)?;
        let mut gradient = vec![S::zero(); x.len()];
        gradient_of(&map, &mut gradient)?;
        let value = dot(map.values(), map.values());
        Ok(Box::new(At { squares: &self.squares, map, value, gradient, exact: OnceCell::new() }))
    }

    fn kinks(&self, x: &[S]) -> Result<Vec<String>, Error> {
        Ok(in_words(&self.residuals.smoothness(x)?))
    }
}

/// `2 Jᵀr`.
fn gradient_of<S: Real>(map: &VectorLinearization<'_, S>, gradient: &mut [S]) -> Result<(), Error> {
    map.vjp_into(map.values(), gradient)?;
    scale(S::constant(2.0), gradient);
    Ok(())
}

/// Residuals frozen at a point; what only the second derivatives need is computed when they are asked for.
struct At<'a, S: Real> {
    squares: &'a Function<'a, S>,
    map: VectorLinearization<'a, S>,
    value: S,
    gradient: Vec<S>,
    exact: OnceCell<Linearization<'a, S>>,
}

impl<S: Real> At<'_, S> {
    fn exact(&self) -> Result<&Linearization<'_, S>, Error> {
        if let Some(exact) = self.exact.get() {
            return Ok(exact);
        }
        let exact = self.squares.linearize(self.map.point())?;
        Ok(self.exact.get_or_init(|| exact))
    }
}

impl<S: Real> Linearized<S> for At<'_, S> {
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
        Ok(match matrix {
            CurvatureMatrix::Hessian => Box::new(self),
            CurvatureMatrix::GaussNewton | CurvatureMatrix::Fisher => Box::new(Gram(&self.map)),
            CurvatureMatrix::EmpiricalFisher => Box::new(self.empirical_fisher()?),
        })
    }

    fn empirical_fisher(&self) -> Result<EmpiricalFisher<S>, Error> {
        let (m, n) = (self.map.outputs(), self.map.dim());
        let jacobian = self.residuals()?;
        let factor = S::constant(2.0 * m as f64);
        let mut gradients = Vec::with_capacity(m * n);
        for (i, &r) in jacobian.values().iter().enumerate() {
            gradients.extend((0..n).map(|j| factor * r * jacobian.column(j)[i]));
        }
        EmpiricalFisher::new(n, gradients)
    }

    fn residuals(&self) -> Result<ResidualsAt<S>, Error> {
        let (m, n) = (self.map.outputs(), self.map.dim());
        let columns = if m < n {
            let jacobian = self.map.jacobian()?;
            let entry = |k| jacobian.as_slice()[(k % m) * n + k / m];
            (0..m * n).map(entry).collect()
        } else {
            let mut unit = vec![S::zero(); n * n];
            unit.iter_mut().step_by(n + 1).for_each(|entry| *entry = S::one());
            let mut columns = vec![S::zero(); m * n];
            self.map.jvps_into(&unit, &mut columns)?;
            columns
        };
        ResidualsAt::new(n, self.map.values().to_vec(), columns)
    }
}

/// The exact Hessian.
impl<S: Real> LinearOperator<S> for At<'_, S> {
    fn dim(&self) -> usize {
        self.gradient.len()
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        Ok(self.exact()?.hvp_into(v, out)?)
    }

    fn apply_many(&self, vs: &[S], out: &mut [S]) -> Result<(), Error> {
        Ok(self.exact()?.hvps_into(vs, out)?)
    }

    fn diagonal(&self, out: &mut [S]) -> Result<(), Error> {
        Error::check_length("the diagonal", out.len(), self.gradient.len())?;
        out.copy_from_slice(&self.exact()?.hessian_diagonal()?);
        Ok(())
    }

    fn to_dense(&self, out: &mut [S]) -> Result<(), Error> {
        let n = self.gradient.len();
        Error::check_length("the dense matrix", out.len(), n * n)?;
        out.copy_from_slice(self.exact()?.hessian()?.as_slice());
        Ok(())
    }
}

/// `2 JᵀJ`.
struct Gram<'a, S: Real>(&'a VectorLinearization<'a, S>);

impl<S: Real> LinearOperator<S> for Gram<'_, S> {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        self.0.gauss_newton_into(v, out)?;
        scale(S::constant(2.0), out);
        Ok(())
    }
}

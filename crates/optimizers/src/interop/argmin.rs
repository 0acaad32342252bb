//! Objectives as problems of the `argmin` crate, and the other way round.

use std::fmt;
use std::rc::Rc;

use argmin::core::{CostFunction, Error as ArgminError, Gradient, Hessian};
use argmin_math::ArgminDot;
use dualtape_autodiff::Real;

use crate::error::Error;
use crate::linalg::{LinearOperator, dense_matrix};
use crate::problem::{Linearized, Objective};

/// An [`Objective`] as a problem for the solvers of `argmin`, on exact derivatives. Feature `argmin`.
///
/// Parameters and gradients are `Vec<S>`; the Hessian is an [`ArgminHessian`], which is known by its products, so that
/// solvers that multiply by it (`NewtonCG`, `TrustRegion` with `Steihaug`) work without a matrix.
///
/// # Example
///
/// ```
/// use argmin::core::{Executor, State};
/// use argmin::solver::trustregion::{Steihaug, TrustRegion};
/// use dualtape_autodiff::record;
/// use dualtape_optimizers::ArgminProblem;
///
/// let rosenbrock = record(&[-1.2, 1.0]).function(|x| {
///     (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2)
/// })?;
/// let solver = TrustRegion::new(Steihaug::new());
/// let result = Executor::new(ArgminProblem::new(&rosenbrock), solver)
///     .configure(|state| state.param(vec![-1.2, 1.0]).max_iters(60))
///     .run()?;
/// let x = result.state.get_best_param().ok_or("no point")?;
/// assert!((x[0] - 1.0).abs() < 1e-8 && (x[1] - 1.0).abs() < 1e-8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct ArgminProblem<'o, S: Real> {
    objective: &'o dyn Objective<S>,
}

impl<'o, S: Real> ArgminProblem<'o, S> {
    /// The problem of minimising `objective`.
    pub fn new(objective: &'o dyn Objective<S>) -> Self {
        ArgminProblem { objective }
    }
}

impl<S: Real> fmt::Debug for ArgminProblem<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ArgminProblem({} parameters)", self.objective.dim())
    }
}

impl<S: Real> CostFunction for ArgminProblem<'_, S> {
    type Param = Vec<S>;
    type Output = S;

    fn cost(&self, x: &Vec<S>) -> Result<S, ArgminError> {
        Ok(self.objective.value(x)?)
    }
}

impl<S: Real> Gradient for ArgminProblem<'_, S> {
    type Param = Vec<S>;
    type Gradient = Vec<S>;

    fn gradient(&self, x: &Vec<S>) -> Result<Vec<S>, ArgminError> {
        let mut gradient = vec![S::zero(); x.len()];
        self.objective.value_and_gradient_into(x, &mut gradient)?;
        Ok(gradient)
    }
}

impl<'o, S: Real> Hessian for ArgminProblem<'o, S> {
    type Param = Vec<S>;
    type Hessian = ArgminHessian<'o, S>;

    fn hessian(&self, x: &Vec<S>) -> Result<ArgminHessian<'o, S>, ArgminError> {
        let objective: &'o dyn Objective<S> = self.objective;
        Ok(ArgminHessian { at: Rc::from(objective.linearize(x)?) })
    }
}

/// The exact Hessian of an [`ArgminProblem`] at a point, by its products.
///
/// `argmin` has no way to report a product that fails; it is NaN then, which its solvers stop at.
#[derive(Clone)]
pub struct ArgminHessian<'o, S: Real> {
    at: Rc<dyn Linearized<S> + 'o>,
}

impl<S: Real> fmt::Debug for ArgminHessian<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ArgminHessian({} parameters)", self.at.gradient().len())
    }
}

impl<S: Real> ArgminHessian<'_, S> {
    /// The rows of the dense matrix, for solvers that need one.
    ///
    /// # Errors
    ///
    /// Whatever the objective refuses.
    pub fn to_rows(&self) -> Result<Vec<Vec<S>>, Error> {
        let n = self.at.gradient().len();
        let dense = dense_matrix(self.at.hessian())?;
        Ok(dense.chunks(n.max(1)).map(<[S]>::to_vec).collect())
    }
}

/// The product with a vector.
impl<S: Real> ArgminDot<Vec<S>, Vec<S>> for ArgminHessian<'_, S> {
    fn dot(&self, v: &Vec<S>) -> Vec<S> {
        let mut product = vec![S::zero(); v.len()];
        if self.at.hessian().apply(v, &mut product).is_err() {
            product.fill(S::nan());
        }
        product
    }
}

/// A problem written for `argmin` as an [`Objective`], for the methods of this crate. Feature `argmin`.
///
/// Needs cost, gradient and a Hessian that can be multiplied by a vector. They are as exact as whoever wrote them made
/// them.
///
/// # Example
///
/// ```
/// use argmin::core::{CostFunction, Error, Gradient, Hessian};
/// use dualtape_optimizers::{FromArgmin, NewtonCg, prelude::*};
///
/// /// x⁴/4 − 2x + y²
/// struct Problem;
/// impl CostFunction for Problem {
///     type Param = Vec<f64>;
///     type Output = f64;
///     fn cost(&self, x: &Vec<f64>) -> Result<f64, Error> {
///         Ok(x[0].powi(4) / 4.0 - 2.0 * x[0] + x[1] * x[1])
///     }
/// }
/// impl Gradient for Problem {
///     type Param = Vec<f64>;
///     type Gradient = Vec<f64>;
///     fn gradient(&self, x: &Vec<f64>) -> Result<Vec<f64>, Error> {
///         Ok(vec![x[0].powi(3) - 2.0, 2.0 * x[1]])
///     }
/// }
/// impl Hessian for Problem {
///     type Param = Vec<f64>;
///     type Hessian = Vec<Vec<f64>>;
///     fn hessian(&self, x: &Vec<f64>) -> Result<Vec<Vec<f64>>, Error> {
///         Ok(vec![vec![3.0 * x[0] * x[0], 0.0], vec![0.0, 2.0]])
///     }
/// }
///
/// let mut x = [2.0, 1.0];
/// let report = NewtonCg::default().minimize(&FromArgmin::new(2, Problem), &mut x)?;
/// assert!(report.converged() && report.certified());
/// assert!((x[0] - 2.0_f64.cbrt()).abs() < 1e-8);
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct FromArgmin<P> {
    dim: usize,
    problem: P,
}

impl<P> FromArgmin<P> {
    /// The objective of a problem with `dim` parameters.
    pub fn new(dim: usize, problem: P) -> Self {
        FromArgmin { dim, problem }
    }
}

impl<S, P> Objective<S> for FromArgmin<P>
where
    S: Real,
    P: CostFunction<Param = Vec<S>, Output = S>
        + Gradient<Param = Vec<S>, Gradient = Vec<S>>
        + Hessian<Param = Vec<S>>,
    P::Hessian: ArgminDot<Vec<S>, Vec<S>>,
{
    fn dim(&self) -> usize {
        self.dim
    }

    fn value(&self, x: &[S]) -> Result<S, Error> {
        Error::check_length("x", x.len(), self.dim)?;
        self.problem.cost(&x.to_vec()).map_err(refused)
    }

    fn value_and_gradient_into(&self, x: &[S], gradient: &mut [S]) -> Result<S, Error> {
        let value = self.value(x)?;
        let computed = self.problem.gradient(&x.to_vec()).map_err(refused)?;
        Error::check_length("the gradient", gradient.len(), self.dim)?;
        Error::check_length("the gradient of the argmin problem", computed.len(), self.dim)?;
        gradient.copy_from_slice(&computed);
        Ok(value)
    }

    fn linearize<'a>(&'a self, x: &[S]) -> Result<Box<dyn Linearized<S> + 'a>, Error> {
        let mut gradient = vec![S::zero(); self.dim];
        let value = self.value_and_gradient_into(x, &mut gradient)?;
        let hessian = self.problem.hessian(&x.to_vec()).map_err(refused)?;
        Ok(Box::new(FromArgminAt { value, gradient, hessian }))
    }
}

fn refused(error: ArgminError) -> Error {
    Error::External { message: format!("{error:#}") }
}

/// [`FromArgmin`] at a point.
struct FromArgminAt<S, H> {
    value: S,
    gradient: Vec<S>,
    hessian: H,
}

impl<S: Real, H: ArgminDot<Vec<S>, Vec<S>>> Linearized<S> for FromArgminAt<S, H> {
    fn value(&self) -> S {
        self.value
    }

    fn gradient(&self) -> &[S] {
        &self.gradient
    }

    fn hessian(&self) -> &dyn LinearOperator<S> {
        self
    }
}

impl<S: Real, H: ArgminDot<Vec<S>, Vec<S>>> LinearOperator<S> for FromArgminAt<S, H> {
    fn dim(&self) -> usize {
        self.gradient.len()
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        Error::check_length("v", v.len(), self.gradient.len())?;
        Error::check_length("the Hessian–vector product", out.len(), self.gradient.len())?;
        let product = self.hessian.dot(&v.to_vec());
        Error::check_length("the product of the argmin problem", product.len(), out.len())?;
        out.copy_from_slice(&product);
        Ok(())
    }
}

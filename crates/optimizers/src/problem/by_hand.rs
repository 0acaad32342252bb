//! Objectives whose derivatives the user supplies.

use std::fmt;
use std::marker::PhantomData;

use dualtape_autodiff::Real;

use super::objective::{Linearized, Objective};
use crate::error::Error;
use crate::linalg::LinearOperator;

/// An objective made of two closures: value with gradient, and Hessian–vector product.
///
/// For functions whose derivatives come from elsewhere. If they are wrong, so is the result: where the function can be
/// written in Rust, let [`dualtape_autodiff::Function`] differentiate it.
///
/// # Example
///
/// ```
/// use dualtape_optimizers::{ByHand, Newton, prelude::*};
///
/// // f(x) = x⁴ − 2x², with minima at ±1 and a maximum at 0
/// let f = ByHand::new(
///     1,
///     |x: &[f64], g: &mut [f64]| {
///         g[0] = 4.0 * x[0].powi(3) - 4.0 * x[0];
///         x[0].powi(4) - 2.0 * x[0].powi(2)
///     },
///     |x: &[f64], v: &[f64], hv: &mut [f64]| hv[0] = (12.0 * x[0] * x[0] - 4.0) * v[0],
/// );
/// let mut x = [0.0];
/// let report = Newton::default().minimize(&f, &mut x)?;
/// assert!(report.converged() && (x[0].abs() - 1.0).abs() < 1e-8);
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
pub struct ByHand<S, V, H> {
    dim: usize,
    value_and_gradient: V,
    hvp: H,
    number: PhantomData<fn(S)>,
}

impl<S, V, H> ByHand<S, V, H>
where
    S: Real,
    V: Fn(&[S], &mut [S]) -> S,
    H: Fn(&[S], &[S], &mut [S]),
{
    /// An objective of `dim` parameters: `value_and_gradient(x, gradient)` returns `f(x)` and writes `∇f(x)`,
    /// `hvp(x, v, out)` writes `∇²f(x) v`.
    pub fn new(dim: usize, value_and_gradient: V, hvp: H) -> Self {
        ByHand { dim, value_and_gradient, hvp, number: PhantomData }
    }
}

impl<S, V, H> fmt::Debug for ByHand<S, V, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByHand").field("dim", &self.dim).finish_non_exhaustive()
    }
}

impl<S, V, H> Objective<S> for ByHand<S, V, H>
where
    S: Real,
    V: Fn(&[S], &mut [S]) -> S,
    H: Fn(&[S], &[S], &mut [S]),
{
    fn dim(&self) -> usize {
        self.dim
    }

    fn value(&self, x: &[S]) -> Result<S, Error> {
        self.value_and_gradient_into(x, &mut vec![S::zero(); self.dim])
    }

    fn value_and_gradient_into(&self, x: &[S], gradient: &mut [S]) -> Result<S, Error> {
        Error::check_length("x", x.len(), self.dim)?;
        Error::check_length("the gradient", gradient.len(), self.dim)?;
        Ok((self.value_and_gradient)(x, gradient))
    }

    fn linearize<'a>(&'a self, x: &[S]) -> Result<Box<dyn Linearized<S> + 'a>, Error> {
        let mut gradient = vec![S::zero(); self.dim];
        let value = self.value_and_gradient_into(x, &mut gradient)?;
        Ok(Box::new(ByHandAt { hvp: &self.hvp, x: x.to_vec(), value, gradient }))
    }
}

/// [`ByHand`] frozen at `x`.
struct ByHandAt<'a, S, H> {
    hvp: &'a H,
    x: Vec<S>,
    value: S,
    gradient: Vec<S>,
}

impl<S: Real, H: Fn(&[S], &[S], &mut [S])> Linearized<S> for ByHandAt<'_, S, H> {
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

impl<S: Real, H: Fn(&[S], &[S], &mut [S])> LinearOperator<S> for ByHandAt<'_, S, H> {
    fn dim(&self) -> usize {
        self.x.len()
    }

    fn apply(&self, v: &[S], out: &mut [S]) -> Result<(), Error> {
        Error::check_length("v", v.len(), self.x.len())?;
        Error::check_length("the Hessian–vector product", out.len(), self.x.len())?;
        (self.hvp)(&self.x, v, out);
        Ok(())
    }
}

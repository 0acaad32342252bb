//! Derivatives of a closure at one point, each a composition of the two transformations.
//!
//! The functions here take a closure over `f64` scalars; [`generic`](crate::generic) has the same for `f32` and `f64`. A closure that
//! is evaluated more than a few times is better recorded once, as a [`Function`](crate::Function).

use super::generic;
use super::tree::Tree;
use crate::compiled::Matrix;
use crate::error::Error;
use crate::tape::{Tape, Var};

/// The gradient `∇f(x)` of a scalar function, by reverse mode.
///
/// Complexity: a small multiple of one evaluation of `f`, whatever the number of inputs.
///
/// # Errors
///
/// What was refused while `f` recorded, with its source line.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::gradient;
///
/// let rosenbrock = |x: &[_]| gradient(
///     |x| (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2), x);
/// assert_eq!(rosenbrock(&[1.0, 1.0])?, [0.0, 0.0]);
/// assert_eq!(rosenbrock(&[0.0, 1.0])?, [-2.0, 200.0]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[track_caller]
pub fn gradient<F>(f: F, x: &[f64]) -> Result<Vec<f64>, Error>
where
    F: for<'t> Fn(&[Var<'t>]) -> Var<'t>,
{
    generic::gradient(f, x)
}

/// The value `f(x)` and the gradient `∇f(x)`, from one recording.
///
/// # Errors
///
/// As [`gradient`].
///
/// # Example
///
/// ```
/// use dualtape_autodiff::value_and_gradient;
///
/// let (value, gradient) = value_and_gradient(|x| x[0] * x[1].exp(), &[3.0, 0.0])?;
/// assert_eq!((value, gradient), (3.0, vec![1.0, 3.0]));
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[track_caller]
pub fn value_and_gradient<F>(f: F, x: &[f64]) -> Result<(f64, Vec<f64>), Error>
where
    F: for<'t> Fn(&[Var<'t>]) -> Var<'t>,
{
    generic::value_and_gradient(f, x)
}

/// The value `f(x)` and the directional derivative `∇f(x)·v`, by forward mode.
///
/// # Errors
///
/// As [`gradient`]; [`Error::Length`] if `v` is not as long as `x`.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::jvp;
///
/// assert_eq!(jvp(|x| x[0] * x[1], &[3.0, 5.0], &[1.0, -2.0])?, (15.0, -1.0));
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[track_caller]
pub fn jvp<F>(f: F, x: &[f64], v: &[f64]) -> Result<(f64, f64), Error>
where
    F: for<'t> Fn(&[Var<'t>]) -> Var<'t>,
{
    generic::jvp(f, x, v)
}

/// The values `f(x)` and the product `wᵀJ(x)` of a vector-valued function, by reverse mode.
///
/// # Errors
///
/// As [`gradient`]; [`Error::Length`] if `w` has not one entry for each value.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::vjp;
///
/// let (values, product) = vjp(|x| vec![x[0] * x[1], x[0].powi(3)], &[2.0, 5.0], &[1.0, -0.5])?;
/// assert_eq!((values, product), (vec![10.0, 8.0], vec![5.0 - 6.0, 2.0]));
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[track_caller]
pub fn vjp<F>(f: F, x: &[f64], w: &[f64]) -> Result<(Vec<f64>, Vec<f64>), Error>
where
    F: for<'t> Fn(&[Var<'t>]) -> Vec<Var<'t>>,
{
    generic::vjp(f, x, w)
}

/// The Hessian-vector product `∇²f(x)·v`: the gradient, differentiated along `v` (forward over reverse).
///
/// Complexity: a small multiple of one gradient. For many products at one point, [`Function::linearize`](crate::Function::linearize).
///
/// # Errors
///
/// As [`jvp`].
///
/// # Example
///
/// ```
/// use dualtape_autodiff::hvp;
///
/// assert_eq!(hvp(|x| x[0].powi(3) * x[1], &[2.0, 5.0], &[1.0, -1.0])?, [60.0 - 12.0, 12.0]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[track_caller]
pub fn hvp<F>(f: F, x: &[f64], v: &[f64]) -> Result<Vec<f64>, Error>
where
    F: for<'t> Fn(&[Var<'t>]) -> Var<'t>,
{
    generic::hvp(f, x, v)
}

/// The value `f(x)`, the gradient `∇f(x)` and the Hessian-vector product `∇²f(x)·v`, from one recording and one sweep.
///
/// Complexity: that of [`hvp`].
///
/// # Errors
///
/// As [`jvp`].
///
/// # Example
///
/// ```
/// use dualtape_autodiff::value_gradient_and_hvp;
///
/// let (value, gradient, product) =
///     value_gradient_and_hvp(|x| x[0].powi(3) * x[1], &[2.0, 5.0], &[1.0, -1.0])?;
/// assert_eq!((value, gradient, product), (40.0, vec![60.0, 8.0], vec![48.0, 12.0]));
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[track_caller]
pub fn value_gradient_and_hvp<F>(
    f: F,
    x: &[f64],
    v: &[f64],
) -> Result<(f64, Vec<f64>, Vec<f64>), Error>
where
    F: for<'t> Fn(&[Var<'t>]) -> Var<'t>,
{
    generic::value_gradient_and_hvp(f, x, v)
}

/// The Hessian `∇²f(x)`, exactly symmetric.
///
/// Complexity: n Hessian-vector products, eight at a time.
///
/// # Errors
///
/// As [`gradient`].
///
/// # Example
///
/// ```
/// use dualtape_autodiff::hessian;
///
/// let h = hessian(|x| x[0].exp() * x[1], &[0.0, 3.0])?;
/// assert_eq!(h.as_slice(), [3.0, 1.0, 1.0, 0.0]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[track_caller]
pub fn hessian<F>(f: F, x: &[f64]) -> Result<Matrix, Error>
where
    F: for<'t> Fn(&[Var<'t>]) -> Var<'t>,
{
    generic::hessian(f, x)
}

/// The Jacobian of a vector-valued function, row `i` the gradient of value `i`.
///
/// By forward or by reverse mode, whichever needs fewer passes.
///
/// # Errors
///
/// As [`gradient`].
///
/// # Example
///
/// ```
/// use dualtape_autodiff::jacobian;
///
/// let j = jacobian(|x| vec![x[0] * x[1], x[0] - x[1], x[1].powi(2)], &[2.0, 5.0])?;
/// assert_eq!(j.as_slice(), [5.0, 2.0, 1.0, -1.0, 0.0, 10.0]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[track_caller]
pub fn jacobian<F>(f: F, x: &[f64]) -> Result<Matrix, Error>
where
    F: for<'t> Fn(&[Var<'t>]) -> Vec<Var<'t>>,
{
    generic::jacobian(f, x)
}

/// The third derivative along two directions, the vector `∇³f(x)[u, v] = d/dε ∇²f(x + εv)·u`: reverse mode over nested duals.
///
/// Complexity: a small multiple of one gradient.
///
/// # Errors
///
/// As [`jvp`].
///
/// # Example
///
/// ```
/// use dualtape_autodiff::third_derivative;
///
/// let product = third_derivative(|x| x[0].powi(3) * x[1], &[2.0, 5.0], &[1.0, 0.0], &[1.0, 0.0])?;
/// assert_eq!(product, [30.0, 12.0]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[track_caller]
pub fn third_derivative<F>(f: F, x: &[f64], u: &[f64], v: &[f64]) -> Result<Vec<f64>, Error>
where
    F: for<'t> Fn(&[Var<'t>]) -> Var<'t>,
{
    generic::third_derivative(f, x, u, v)
}

/// The Taylor coefficients of `ε ↦ f(x + εv)` at 0, from order 0 to `order`. See [`Function::taylor`](crate::Function::taylor).
///
/// # Errors
///
/// As [`jvp`].
///
/// # Example
///
/// ```
/// use dualtape_autodiff::taylor;
///
/// let exponential = taylor(|x| x[0].exp(), &[0.0], &[1.0], 4)?;
/// assert_eq!(exponential, [1.0, 1.0, 1.0 / 2.0, 1.0 / 6.0, 1.0 / 24.0]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[track_caller]
pub fn taylor<F>(f: F, x: &[f64], v: &[f64], order: usize) -> Result<Vec<f64>, Error>
where
    F: for<'t> Fn(&[Var<'t>]) -> Var<'t> + Send + Sync,
{
    generic::taylor(f, x, v, order)
}

/// The Gauss–Newton product `JᵀJ·v` of residuals `r(x)`: the Hessian of `½‖r‖²` without the second derivatives of `r`.
///
/// For other losses and for many products, [`Composite`](crate::Composite) and [`VectorFunction::linearize`](crate::VectorFunction::linearize).
///
/// # Errors
///
/// As [`jvp`].
///
/// # Example
///
/// ```
/// use dualtape_autodiff::gauss_newton;
///
/// let product = gauss_newton(|x| vec![x[0] * x[1], x[0] - 1.0], &[2.0, 3.0], &[1.0, 0.0])?;
/// // J = [3 2; 1 0]
/// assert_eq!(product, [10.0, 6.0]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[track_caller]
pub fn gauss_newton<F>(residuals: F, x: &[f64], v: &[f64]) -> Result<Vec<f64>, Error>
where
    F: for<'t> Fn(&[Var<'t>]) -> Vec<Var<'t>>,
{
    generic::gauss_newton(residuals, x, v)
}

/// The gradient of a function of a structured input, in the same structure.
///
/// The closure takes the tape that it is recorded on, which makes constants ([`Tape::scalar`], [`Tape::constant`]), and the
/// handles.
///
/// # Errors
///
/// What was refused while `f` recorded, with its source line.
///
/// # Example
///
/// ```
/// use std::collections::BTreeMap;
///
/// use dualtape_autodiff::tree::gradient_of;
///
/// let gradient = gradient_of(|_, (a, [b, c])| a * b.exp() + c * c, &(2.0, [0.0, 3.0]))?;
/// assert_eq!(gradient, (1.0, [2.0, 6.0]));
///
/// let parameters = BTreeMap::from([("scale", 2.0), ("shift", 1.0)]);
/// let gradient = gradient_of(|_, p| p["scale"] * 3.0 - p["shift"].powi(2), &parameters)?;
/// assert_eq!(gradient, BTreeMap::from([("scale", 3.0), ("shift", -2.0)]));
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[track_caller]
pub fn gradient_of<P, F>(f: F, x: &P) -> Result<P, Error>
where
    P: Tree<f64>,
    F: for<'t> Fn(&'t Tape, P::Handles<'t>) -> Var<'t>,
{
    Ok(value_and_gradient_of(f, x)?.1)
}

/// The value and the gradient of a function of a structured input.
///
/// # Errors
///
/// As [`gradient_of`].
#[track_caller]
pub fn value_and_gradient_of<P, F>(f: F, x: &P) -> Result<(f64, P), Error>
where
    P: Tree<f64>,
    F: for<'t> Fn(&'t Tape, P::Handles<'t>) -> Var<'t>,
{
    crate::function::generic::value_and_gradient_of(f, x)
}

/// The value and the gradient of a function that returns, beside its value, something that is not differentiated: what one
/// wants to see of a step.
///
/// # Errors
///
/// As [`gradient_of`].
///
/// # Example
///
/// ```
/// use dualtape_autodiff::tree::value_gradient_and_auxiliary_of;
///
/// let (value, gradient, norm) = value_gradient_and_auxiliary_of(|_, [x, y]| {
///     let norm = (x * x + y * y).sqrt();
///     (x * y, norm.value())
/// }, &[3.0, 4.0])?;
/// assert_eq!((value, gradient, norm), (12.0, [4.0, 3.0], 5.0));
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[track_caller]
pub fn value_gradient_and_auxiliary_of<P, A, F>(f: F, x: &P) -> Result<(f64, P, A), Error>
where
    P: Tree<f64>,
    F: for<'t> Fn(&'t Tape, P::Handles<'t>) -> (Var<'t>, A),
{
    crate::function::generic::value_gradient_and_auxiliary_of(f, x)
}

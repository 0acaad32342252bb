//! Derivative operators: what a user asks for, each a composition of the two transformations.
//!
//! The functions here take a closure over `f64` scalars; [`generic`] has the same for `f32` and `f64`. A closure that is
//! evaluated more than a few times is better recorded once, as a [`Function`].

mod checkpoint;
mod compile;
mod composite;
pub mod forward;
mod frozen;
mod function;
pub mod generic;
#[cfg(feature = "linear-algebra")]
mod implicit;
mod indeterminate;
mod inspect;
mod lanes;
mod linearization;
mod losses;
mod matrix;
mod per_example;
mod recorder;
mod replay;
mod smoothness;
mod sparse;
mod split;
mod stage;
mod steps;
mod strips;
mod tree;
mod vector_function;

pub use checkpoint::{checkpoint, checkpoint_scalars};
pub use composite::{Composite, CompositeLinearization};
pub use function::Function;
#[cfg(feature = "linear-algebra")]
pub use implicit::{implicit_minimum, implicit_optimum, implicit_root};
pub use indeterminate::IndeterminatePolicy;
pub use inspect::{Inspection, Memory, Quantity};
pub use linearization::Linearization;
pub use losses::{array_loss, scalar_loss, scalar_residuals};
pub use matrix::Matrix;
pub use per_example::PerExample;
pub use recorder::Recorder;
pub use replay::BranchPolicy;
pub use smoothness::{Irregular, Smoothness};
pub use sparse::{
    SparseHessian, SparseJacobian, SparseMatrix, SparsityPattern, sparse_hessian, sparse_jacobian,
};
pub use split::Likelihood;
pub use steps::Step;
pub use tree::{Fixed, Tree, gradient_of, value_and_gradient_of, value_gradient_and_auxiliary_of};
pub use vector_function::{LinearMap, VectorFunction};

use crate::error::Error;
use crate::tape::Var;

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
/// Complexity: a small multiple of one gradient. For many products at one point, [`Function::linearize`].
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

/// The Taylor coefficients of `ε ↦ f(x + εv)` at 0, from order 0 to `order`. See [`Function::taylor`].
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
/// For other losses and for many products, [`Composite`] and [`VectorFunction::linearize`].
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

//! Names for losses: functions that return a closure as it is, and say of what kind it is.

use crate::tape::{Tensor, Var};

/// A loss of scalars, to be bound to a name: the closure itself.
///
/// A closure that is written where it is used, `gradient(|x| x[0] * x[1], ..)`, takes its signature from there. Bound to a name
/// first, Rust would make one up in which the result does not live as long as the arguments ("lifetime may not live long
/// enough"). A function, generic over the number ([`Scalar`](crate::Scalar)), needs no help.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{gradient, hessian, record, scalar_loss};
///
/// let data = [1.0, 2.0, 4.0];
/// let loss = scalar_loss(|x| data.iter().map(|&d| (x[0] - d).powi(2)).sum());
/// assert_eq!(gradient(&loss, &[3.0])?, [4.0]);
/// assert_eq!(hessian(&loss, &[3.0])?[(0, 0)], 6.0);
/// let f = record(&[3.0]).function(&loss)?; // or `loss`, to give it away
/// assert_eq!(f.value(&[3.0])?, 6.0);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
pub fn scalar_loss<F>(loss: F) -> F
where
    F: for<'t> Fn(&[Var<'t>]) -> Var<'t>,
{
    loss
}

/// A function of scalars with several values, such as residuals, to be bound to a name. See [`scalar_loss`].
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{jacobian, scalar_residuals};
///
/// let residuals = scalar_residuals(|x| vec![x[0] * x[1], x[0] - 1.0]);
/// assert_eq!(jacobian(&residuals, &[2.0, 3.0])?.as_slice(), [3.0, 2.0, 1.0, 0.0]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
pub fn scalar_residuals<F>(residuals: F) -> F
where
    F: for<'t> Fn(&[Var<'t>]) -> Vec<Var<'t>>,
{
    residuals
}

/// A loss of a flat vector and of data, both arrays, to be bound to a name. See [`scalar_loss`].
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, array_loss, record};
///
/// let inputs = Array::new(&[2, 2], vec![1.0, 2.0, 3.0, 4.0])?;
/// let loss = array_loss(|w, data| data[0].matmul(w).tanh().powi(2).mean());
/// let f = record(&[0.1, 0.2]).data(&[&inputs]).function(&loss)?;
/// assert_eq!(f.gradient(&[0.0, 0.0])?, [0.0, 0.0]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
pub fn array_loss<F>(loss: F) -> F
where
    F: for<'t> Fn(Tensor<'t>, &[Tensor<'t>]) -> Var<'t>,
{
    loss
}

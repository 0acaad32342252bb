//! What `f32` and `f64` have in common.

use std::fmt::{Display, LowerExp};
use std::ops::{Add, Div, Mul, Sub};

use num_traits::FloatConst;

use super::knot::{Tensor, Var};
use super::scalar::Scalar;

/// A plain floating-point number, `f32` or `f64`: the bottom of every tower of duals and tapes.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Real, Scalar};
///
/// fn norm<R: Real>(x: &[R]) -> R {
///     x.iter().map(|&x| x * x).sum::<R>().sqrt()
/// }
/// assert_eq!(norm(&[3.0_f32, 4.0]), 5.0);
/// assert_eq!(norm(&[3.0_f64, 4.0]).as_f64(), 5.0);
/// ```
pub trait Real:
    Scalar<Real = Self>
    + FloatConst
    + Default
    + Display
    + LowerExp
    + Send
    + Sync
    + for<'t> Add<Var<'t, Self>, Output = Var<'t, Self>>
    + for<'t> Sub<Var<'t, Self>, Output = Var<'t, Self>>
    + for<'t> Mul<Var<'t, Self>, Output = Var<'t, Self>>
    + for<'t> Div<Var<'t, Self>, Output = Var<'t, Self>>
    + for<'t> Add<Tensor<'t, Self>, Output = Tensor<'t, Self>>
    + for<'t> Sub<Tensor<'t, Self>, Output = Tensor<'t, Self>>
    + for<'t> Mul<Tensor<'t, Self>, Output = Tensor<'t, Self>>
    + for<'t> Div<Tensor<'t, Self>, Output = Tensor<'t, Self>>
    + 'static
{
    /// The same number in double precision, exactly.
    ///
    /// [`Scalar::constant`] goes the other way, rounding once.
    fn as_f64(self) -> f64;
}

use std::array::from_fn;
use std::fmt::{Display, LowerExp};
use std::ops::{Add, Div, Mul, Sub};

use num_traits::FloatConst;

use super::{Const, Elementary, Scalar, compared};
use crate::array::Array;
use crate::rules::{Binary, Unary};
use crate::tape::{Tensor, Var};

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

/// States that `f32` and `f64` are numbers; their arithmetic is the language's own.
macro_rules! plain_numbers {
    ($($R:ident)*) => { $(
        impl Elementary for $R {
            #[inline(always)]
            fn map(self, f: Unary) -> Self {
                f.value(self)
            }

            #[inline(always)]
            fn zip(self, f: Binary, other: Self) -> Self {
                f.value(self, other)
            }

            #[inline(always)]
            fn chain(self, partial: Self) -> Self {
                self.mul_no_nan(partial)
            }

            #[inline(always)]
            fn power_int(self, n: i32) -> Self {
                self.powi(n)
            }

            #[inline(always)]
            fn power_real(self, p: f64) -> Self {
                self.powf(p as $R)
            }

            #[inline(always)]
            fn lift(self, c: f64) -> Self {
                c as $R
            }

            #[inline(always)]
            fn known_constant(self) -> Option<f64> {
                Some(f64::from(self))
            }
        }

        impl Scalar for $R {
            type Real = $R;

            #[inline(always)]
            fn constant(c: f64) -> Self {
                c as $R
            }

            fn constants(reals: &Array<$R>) -> Array<$R> {
                reals.clone()
            }

            #[inline(always)]
            fn primal(self) -> Self {
                self
            }

            #[inline(always)]
            fn sum_of_chained(pairs: impl Iterator<Item = (Self, Self)>) -> Self {
                Self::sum_of_products(pairs)
            }

            // A finite number other than 0 makes 0 of 0 without being asked, and so does not hinder vectorisation; what is
            // added makes 0 of −0.
            #[inline(always)]
            fn chained<const N: usize>(
                x_dot: [Self; N],
                partial: Self,
                absorbs: impl Fn(usize) -> bool,
            ) -> [Self; N] {
                if partial.abs() < Self::INFINITY && partial != 0.0 {
                    return x_dot.map(|x_dot| x_dot * partial + 0.0);
                }
                from_fn(|i| {
                    let vanishes = x_dot[i] == 0.0
                        || partial == 0.0 && (x_dot[i].is_finite() || absorbs(i));
                    if vanishes { 0.0 } else { x_dot[i] * partial }
                })
            }

            #[inline]
            fn absorbs(_: Self, zero_dot: Self, other: Self) -> bool {
                zero_dot == 0.0 || zero_dot.is_finite() && other.is_finite()
            }

            #[inline(always)]
            fn divided<const N: usize>(x_dot: [Self; N], by: Self) -> [Self; N] {
                if by.abs() < Self::INFINITY && by != 0.0 {
                    x_dot.map(|x_dot| x_dot / by + 0.0)
                } else {
                    x_dot.map(|x_dot| if x_dot == 0.0 { 0.0 } else { x_dot / by })
                }
            }
        }

        impl Real for $R {
            #[inline(always)]
            fn as_f64(self) -> f64 {
                f64::from(self)
            }
        }

        plain_numbers!(@literal $R: Add add, Sub sub, Mul mul, Div div);
        compared!([] $R, Const, |c| c.0 as $R);
    )* };
    (@literal $R:ident: $($Op:ident $op:ident),*) => { $(
        impl $Op<Const> for $R {
            type Output = $R;
            #[inline(always)]
            fn $op(self, c: Const) -> $R {
                $Op::$op(self, c.0 as $R)
            }
        }
    )* };
}

plain_numbers!(f32 f64);

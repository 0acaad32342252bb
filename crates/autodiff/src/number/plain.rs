//! The plain numbers, `f32` and `f64`; their arithmetic is the language's own.

use std::array::from_fn;
use std::ops::{Add, Div, Mul, Sub};

use super::constant::Const;
use super::elementary::Elementary;
use super::functions::{Binary, Unary};
use super::literal::IntoScalar;
use super::operators::compared;
use super::real::Real;
use super::scalar::Scalar;
use crate::array::Array;

impl<T: Scalar> IntoScalar<T> for f64 {
    #[inline(always)]
    fn into_scalar(self) -> T {
        T::constant(self)
    }
}

/// Single precision beside numbers of single precision.
impl<T: Scalar<Real = f32>> IntoScalar<T> for f32 {
    #[inline(always)]
    fn into_scalar(self) -> T {
        T::constant(self.as_f64())
    }
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
                if partial.is_regular() {
                    return x_dot.map(|x_dot| x_dot * partial + 0.0);
                }
                from_fn(|i| {
                    let vanishes = x_dot[i] == 0.0
                        || partial == 0.0 && (x_dot[i].is_finite() || absorbs(i));
                    if vanishes { 0.0 } else { x_dot[i] * partial }
                })
            }

            #[inline(always)]
            fn is_regular(self) -> bool {
                self.abs() < Self::INFINITY && self != 0.0
            }

            #[inline]
            fn absorbs(_: Self, zero_dot: Self, other: Self) -> bool {
                zero_dot == 0.0 || zero_dot.is_finite() && other.is_finite()
            }

            #[inline(always)]
            fn divided<const N: usize>(x_dot: [Self; N], by: Self) -> [Self; N] {
                if by.is_regular() {
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

//! Operators of [`Tensor`] with tensors, scalars and numbers on either side.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::{Tensor, Var};
use crate::rules::{Binary, Unary};
use crate::scalar::{Const, Elementary, Scalar};

/// One operator in all operand mixes.
macro_rules! operator {
    ($trait:ident, $method:ident) => {
        impl<'t, S: Scalar> $trait for Tensor<'t, S> {
            type Output = Tensor<'t, S>;
            #[track_caller]
            fn $method(self, other: Self) -> Self {
                self.zip(Binary::$trait, other)
            }
        }
        impl<'t, S: Scalar> $trait<Var<'t, S>> for Tensor<'t, S> {
            type Output = Tensor<'t, S>;
            #[track_caller]
            fn $method(self, other: Var<'t, S>) -> Self {
                self.zip(Binary::$trait, other.to_tensor(self.tape))
            }
        }
        impl<'t, S: Scalar> $trait<Tensor<'t, S>> for Var<'t, S> {
            type Output = Tensor<'t, S>;
            #[track_caller]
            fn $method(self, other: Tensor<'t, S>) -> Tensor<'t, S> {
                self.to_tensor(other.tape).zip(Binary::$trait, other)
            }
        }
        impl<'t, S: Scalar> $trait<S> for Tensor<'t, S> {
            type Output = Tensor<'t, S>;
            #[track_caller]
            fn $method(self, other: S) -> Self {
                self.zip(Binary::$trait, Var::from_value(other).to_tensor(self.tape))
            }
        }
        impl<'t, S: Scalar> $trait<Const> for Tensor<'t, S> {
            type Output = Tensor<'t, S>;
            #[track_caller]
            fn $method(self, other: Const) -> Self {
                self.zip(Binary::$trait, self.lift(other.0))
            }
        }
        impl<'t, S: Scalar> $trait<Tensor<'t, S>> for Const {
            type Output = Tensor<'t, S>;
            #[track_caller]
            fn $method(self, other: Tensor<'t, S>) -> Tensor<'t, S> {
                other.lift(self.0).zip(Binary::$trait, other)
            }
        }
        operator!(@from $trait, $method, f64);
        operator!(@from $trait, $method, f32);
    };
    (@from $trait:ident, $method:ident, $real:ty) => {
        impl<'t> $trait<Tensor<'t, $real>> for $real {
            type Output = Tensor<'t, $real>;
            #[track_caller]
            fn $method(self, other: Tensor<'t, $real>) -> Tensor<'t, $real> {
                Var::from_value(self).to_tensor(other.tape).zip(Binary::$trait, other)
            }
        }
    };
}

operator!(Add, add);
operator!(Sub, sub);
operator!(Mul, mul);
operator!(Div, div);

impl<S: Scalar> Neg for Tensor<'_, S> {
    type Output = Self;
    #[track_caller]
    fn neg(self) -> Self {
        self.map(Unary::Neg)
    }
}

//! Operators of [`Tensor`] with tensors, scalars and numbers on either side.

use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use super::operand::IntoTensor;
use super::tensor::Tensor;
use super::var::Var;
use crate::number::{Binary, Const, Elementary, Scalar, Unary};

/// One operator in all operand mixes.
macro_rules! operator {
    ($trait:ident, $method:ident, $assign:ident, $assign_method:ident) => {
        impl<'t, S: Scalar, X: IntoTensor<'t, S>> $trait<X> for Tensor<'t, S> {
            type Output = Tensor<'t, S>;
            #[track_caller]
            fn $method(self, other: X) -> Self {
                self.zip(Binary::$trait, other.into_tensor(self))
            }
        }
        impl<'t, S: Scalar, X: IntoTensor<'t, S>> $assign<X> for Tensor<'t, S> {
            #[track_caller]
            fn $assign_method(&mut self, other: X) {
                *self = $trait::$method(*self, other);
            }
        }
        impl<'t, S: Scalar> $trait<Tensor<'t, S>> for Var<'t, S> {
            type Output = Tensor<'t, S>;
            #[track_caller]
            fn $method(self, other: Tensor<'t, S>) -> Tensor<'t, S> {
                self.to_tensor(other.tape).zip(Binary::$trait, other)
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
        impl<'t, S: Scalar<Real = $real>> $trait<Tensor<'t, S>> for $real {
            type Output = Tensor<'t, S>;
            #[track_caller]
            fn $method(self, other: Tensor<'t, S>) -> Tensor<'t, S> {
                self.into_tensor(other).zip(Binary::$trait, other)
            }
        }
    };
}

operator!(Add, add, AddAssign, add_assign);
operator!(Sub, sub, SubAssign, sub_assign);
operator!(Mul, mul, MulAssign, mul_assign);
operator!(Div, div, DivAssign, div_assign);

impl<S: Scalar> Neg for Tensor<'_, S> {
    type Output = Self;
    #[track_caller]
    fn neg(self) -> Self {
        self.map(Unary::Neg)
    }
}

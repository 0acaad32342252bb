//! Operators of [`Tensor`] with tensors, scalars and numbers on either side, and its elementwise functions.

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

/// Elementwise functions, each in the array's shape. See [`Unary`] for their formulas and derivatives at edges.
impl<'t, S: Scalar> Tensor<'t, S> {
    /// `eˣ`
    #[track_caller]
    pub fn exp(self) -> Self {
        self.map(Unary::Exp)
    }

    /// Natural logarithm.
    #[track_caller]
    pub fn ln(self) -> Self {
        self.map(Unary::Ln)
    }

    /// `√x`
    #[track_caller]
    pub fn sqrt(self) -> Self {
        self.map(Unary::Sqrt)
    }

    /// Sine.
    #[track_caller]
    pub fn sin(self) -> Self {
        self.map(Unary::Sin)
    }

    /// Cosine.
    #[track_caller]
    pub fn cos(self) -> Self {
        self.map(Unary::Cos)
    }

    /// Hyperbolic tangent.
    #[track_caller]
    pub fn tanh(self) -> Self {
        self.map(Unary::Tanh)
    }

    /// `1/(1 + e⁻ˣ)`
    #[track_caller]
    pub fn sigmoid(self) -> Self {
        self.map(Unary::Sigmoid)
    }

    /// `ln(1 + eˣ)`, without overflow.
    #[track_caller]
    pub fn softplus(self) -> Self {
        self.map(Unary::Softplus)
    }

    /// `ln σ(x)`, without overflow.
    #[track_caller]
    pub fn log_sigmoid(self) -> Self {
        self.map(Unary::LogSigmoid)
    }

    /// `max(x, 0)`, with derivative 0 at 0.
    #[track_caller]
    pub fn relu(self) -> Self {
        self.map(Unary::Relu)
    }

    /// `|x|`, with derivative 0 at 0.
    #[track_caller]
    pub fn abs(self) -> Self {
        self.map(Unary::Abs)
    }

    /// `xⁿ`
    #[track_caller]
    pub fn powi(self, n: i32) -> Self {
        self.power_int(n)
    }

    /// `xᵖ` for a constant real exponent.
    #[track_caller]
    pub fn powf(self, p: f64) -> Self {
        self.power_real(p)
    }

    /// The larger of corresponding elements; at a tie each has derivative ½.
    #[track_caller]
    pub fn maximum(self, other: Self) -> Self {
        self.zip(Binary::Max, other)
    }

    /// The smaller of corresponding elements; at a tie each has derivative ½.
    #[track_caller]
    pub fn minimum(self, other: Self) -> Self {
        self.zip(Binary::Min, other)
    }
}

//! Elementwise operations: the scalar rules, read over tensors.

use super::kind::Partials;
use crate::number::{Scalar, power_int_derivative, power_real_derivative};
use crate::op::{Map, Power, Zip};
use crate::tape::Tensor;

impl<S: Scalar> Partials<S> for Map {
    fn partial<'t>(&self, _: usize, x: &[Tensor<'t, S>], y: Tensor<'t, S>) -> Tensor<'t, S> {
        self.0.derivative(x[0], y)
    }
}

impl<S: Scalar> Partials<S> for Power {
    fn partial<'t>(&self, _: usize, x: &[Tensor<'t, S>], _y: Tensor<'t, S>) -> Tensor<'t, S> {
        match *self {
            Self::Int(n) => power_int_derivative(x[0], n),
            Self::Real(p) => power_real_derivative(x[0], p),
        }
    }
}

impl<S: Scalar> Partials<S> for Zip {
    fn partial<'t>(&self, i: usize, x: &[Tensor<'t, S>], y: Tensor<'t, S>) -> Tensor<'t, S> {
        match i {
            0 => self.0.partial_a(x[0], x[1], y),
            _ => self.0.partial_b(x[0], x[1], y),
        }
    }
}

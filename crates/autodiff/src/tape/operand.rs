//! What may stand beside a handle.

use super::tensor::Tensor;
use super::var::Var;
use crate::number::{Const, Dual, Dual2, Elementary, IntoScalar, Scalar, Tracked};

impl<'t, S: Scalar, const N: usize> IntoScalar<Var<'t, Self>> for Dual<S, N> {
    #[inline(always)]
    fn into_scalar(self) -> Var<'t, Self> {
        Var::from_value(self)
    }
}

impl<'t, S: Scalar, const N: usize> IntoScalar<Var<'t, Self>> for Dual2<S, N> {
    #[inline(always)]
    fn into_scalar(self) -> Var<'t, Self> {
        Var::from_value(self)
    }
}

impl<'t, S: Scalar> IntoScalar<Var<'t, Self>> for Tracked<S> {
    fn into_scalar(self) -> Var<'t, Self> {
        Var::from_value(self)
    }
}

/// What may stand beside a tensor, in operators and methods: a tensor, a scalar on the same tape, a number, a literal.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape, c};
///
/// let tape = Tape::<f64>::new();
/// let x = tape.constant(&Array::vector(vec![1.0, 4.0]));
/// let low = tape.input(2.0);
/// assert_eq!([x.max(3.0), x.max(low), x.max(x * 2.0), x.max(c(5.0))].map(|y| y.data()[0]), [3.0, 2.0, 2.0, 5.0]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand beside a tensor of `{S}`",
    label = "neither a tensor, nor a scalar, nor a number of its precision, nor a literal",
    note = "an integer is written with a point, `2.0`; in code generic over the number, a literal on the left is `c(2.0)`"
)]
pub trait IntoTensor<'t, S: Scalar> {
    /// The operand as an array on the tape of `beside`.
    fn into_tensor(self, beside: Tensor<'t, S>) -> Tensor<'t, S>;
}

impl<'t, S: Scalar> IntoTensor<'t, S> for Tensor<'t, S> {
    fn into_tensor(self, _: Tensor<'t, S>) -> Tensor<'t, S> {
        self
    }
}

impl<'t, S: Scalar> IntoTensor<'t, S> for &Tensor<'t, S> {
    fn into_tensor(self, _: Tensor<'t, S>) -> Tensor<'t, S> {
        *self
    }
}

impl<'t, S: Scalar> IntoTensor<'t, S> for Var<'t, S> {
    #[track_caller]
    fn into_tensor(self, beside: Tensor<'t, S>) -> Tensor<'t, S> {
        Var::to_tensor(self, beside.tape)
    }
}

impl<'t, S: Scalar> IntoTensor<'t, S> for &Var<'t, S> {
    #[track_caller]
    fn into_tensor(self, beside: Tensor<'t, S>) -> Tensor<'t, S> {
        Var::to_tensor(*self, beside.tape)
    }
}

impl<'t, S: Scalar> IntoTensor<'t, S> for f64 {
    fn into_tensor(self, beside: Tensor<'t, S>) -> Tensor<'t, S> {
        beside.lift(self)
    }
}

/// Single precision beside tensors of single precision.
impl<'t, S: Scalar<Real = f32>> IntoTensor<'t, S> for f32 {
    fn into_tensor(self, beside: Tensor<'t, S>) -> Tensor<'t, S> {
        beside.lift(f64::from(self))
    }
}

/// A recorded scalar beside an array of such scalars.
impl<'t, 'u, S: Scalar> IntoTensor<'t, Var<'u, S>> for Var<'u, S> {
    fn into_tensor(self, beside: Tensor<'t, Self>) -> Tensor<'t, Self> {
        Var::from_value(self).to_tensor(beside.tape)
    }
}

impl<'t, S: Scalar> IntoTensor<'t, S> for Const {
    fn into_tensor(self, beside: Tensor<'t, S>) -> Tensor<'t, S> {
        beside.lift(self.0)
    }
}

impl<'t, S: Scalar, const N: usize> IntoTensor<'t, Self> for Dual<S, N> {
    fn into_tensor(self, beside: Tensor<'t, Self>) -> Tensor<'t, Self> {
        Var::from_value(self).into_tensor(beside)
    }
}

impl<'t, S: Scalar, const N: usize> IntoTensor<'t, Self> for Dual2<S, N> {
    fn into_tensor(self, beside: Tensor<'t, Self>) -> Tensor<'t, Self> {
        Var::from_value(self).into_tensor(beside)
    }
}

impl<'t, S: Scalar> IntoTensor<'t, Self> for Tracked<S> {
    fn into_tensor(self, beside: Tensor<'t, Self>) -> Tensor<'t, Self> {
        Var::from_value(self).into_tensor(beside)
    }
}

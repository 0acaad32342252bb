//! Operations with a rule of their own: tangent and adjoint are compositions that no general kind describes.
//!
//! Such an operation computes over plain numbers only. Over duals its forward rule *is* its tangent rule, over recorded
//! numbers it is recorded once more, so a factorization or a user's operation is exact at every order in every mode with
//! one kernel and one rule.

use std::panic::Location;
use std::sync::Arc;

use super::kind::Contribution;
use crate::array::{Array, View};
use crate::error::Fault;
use crate::number::{Dual, Dual2, Real, Scalar, Tracked};
use crate::op::{Own, OwnRule, TensorOp};
use crate::tape::{Tape, Tensor, Var};

/// `own_over_reals!(f32, f64)` is `impl Own for f32 { .. }` and the same for `f64`: the library of linear algebra is for
/// these two alone, not for any [`Real`].
macro_rules! own_over_reals {
    ($($R:ty),*) => {$(
        impl Own for $R {
            fn own(op: OwnRule<'_, Self>, x: &[View<'_, Self>], y: &mut [Self]) -> Result<(), Fault> {
                match op.0 {
                    #[cfg(feature = "linear-algebra")]
                    TensorOp::LinearAlgebra(op) => op.forward(x, y),
                    op => over_reals(op, x, y),
                }
            }
        }
    )*};
}

own_over_reals!(f32, f64);

/// The forward rule over plain numbers, except of linear algebra.
pub(crate) fn over_reals<R: Real>(
    op: &TensorOp<R>,
    x: &[View<'_, R>],
    y: &mut [R],
) -> Result<(), Fault> {
    match op {
        TensorOp::Pointwise(f) => f.forward(x, y),
        TensorOp::Custom(op) => op.forward(x, y),
        TensorOp::Call(call) => call.forward(x, y),
        op => unreachable!("{} has a forward rule over any number", op.name()),
    }
}

/// The forward rule over duals: that of the inner number, and for each lane the tangent rule.
pub(crate) fn over_duals<S: Scalar, const N: usize>(
    op: &TensorOp<Dual<S, N>>,
    x: &[View<'_, Dual<S, N>>],
    y: &mut [Dual<S, N>],
) -> Result<(), Fault> {
    let tape = Tape::new();
    let input = |x: &View<'_, Dual<S, N>>, part: &dyn Fn(&Dual<S, N>) -> S| {
        let data = x.data.iter().map(part).collect();
        tape.input_array(&Array::from_shared(x.shape, Arc::new(data)))
    };
    let op = op.over(|array| {
        Array::from_shared(array.shape(), Arc::new(array.data().iter().map(|x| x.re).collect()))
    });
    let primal: Vec<Tensor<'_, S>> = x.iter().map(|x| input(x, &|x| x.re)).collect();
    let value = tape.record(op.clone(), &primal, Location::caller());
    for (y, &re) in y.iter_mut().zip(value.data) {
        *y = Dual::constant(re);
    }
    for lane in 0..N {
        let moves = |x: &Dual<S, N>| x.eps[lane].known_constant() != Some(0.0);
        let x_dot: Vec<Option<Tensor<'_, S>>> = x
            .iter()
            .map(|x| x.data.iter().any(moves).then(|| input(x, &|x| x.eps[lane])))
            .collect();
        if x_dot.iter().all(Option::is_none) {
            continue;
        }
        if let Some(y_dot) = op.tangent(&primal, value, &x_dot) {
            for (y, &eps) in y.iter_mut().zip(y_dot.broadcast(value.shape).data) {
                y.eps[lane] = eps;
            }
        }
    }
    tape.error().map_or(Ok(()), |error| Err(Fault::within(error)))
}

/// The forward rule over recorded numbers: the operation itself, on their tape.
pub(crate) fn over_recorded<'t, S: Scalar>(
    op: &TensorOp<Var<'t, S>>,
    x: &[View<'_, Var<'t, S>>],
    y: &mut [Var<'t, S>],
) -> Result<(), Fault> {
    let values = |x: &[Var<'t, S>]| -> Vec<S> { x.iter().map(|x| x.value).collect() };
    let op = op.over(|array| Array::from_shared(array.shape(), Arc::new(values(array.data()))));
    let Some(tape) = x.iter().flat_map(|x| x.data).find_map(|x| x.tape) else {
        let constants: Vec<Vec<S>> = x.iter().map(|x| values(x.data)).collect();
        let views: Vec<View<'_, S>> =
            x.iter().zip(&constants).map(|(x, data)| View { data, shape: x.shape }).collect();
        let mut result = vec![S::zero(); y.len()];
        S::own(OwnRule(&op), &views, &mut result)?;
        y.iter_mut().zip(result).for_each(|(y, value)| *y = Var::from_value(value));
        return Ok(());
    };
    let operands: Vec<Tensor<'t, S>> =
        x.iter().map(|x| Tensor::from_vars(tape, x.data).reshape(x.shape)).collect();
    let result = tape.record(op, &operands, Location::caller());
    for (i, y) in y.iter_mut().enumerate() {
        *y = result.get(i);
    }
    Ok(())
}

impl<S: Scalar> TensorOp<S> {
    /// Whether its derivatives are recorded by user code, which may look at values.
    pub(crate) fn derives_from_values(&self) -> bool {
        match self {
            Self::Custom(op) => op.derives_from_values::<S::Real>(),
            Self::Call(call) => call.derives_from_values::<S::Real>(),
            _ => false,
        }
    }
}

/// The tangent of an operation with a rule of its own.
pub(crate) fn tangent<'t, S: Scalar>(
    op: &TensorOp<S>,
    x: &[Tensor<'t, S>],
    y: Tensor<'t, S>,
    x_dot: &[Option<Tensor<'t, S>>],
) -> Option<Tensor<'t, S>> {
    match op {
        #[cfg(feature = "linear-algebra")]
        TensorOp::LinearAlgebra(op) => op.tangent(x, y, x_dot),
        TensorOp::Custom(op) => op.tangent(x, y, x_dot),
        TensorOp::Call(call) => call.tangent(x, y, x_dot),
        op => unreachable!("{} has a rule of a general kind", op.name()),
    }
}

/// The contributions of an operation with a rule of its own to the operands that want one.
pub(crate) fn adjoints<'t, S: Scalar>(
    op: &TensorOp<S>,
    x: &[Tensor<'t, S>],
    y: Tensor<'t, S>,
    y_bar: Tensor<'t, S>,
    wanted: &[bool],
) -> Vec<(usize, Contribution<'t, S>)> {
    let x_bar = match op {
        #[cfg(feature = "linear-algebra")]
        TensorOp::LinearAlgebra(op) => op.adjoint(x, y, y_bar.broadcast(y.shape), wanted),
        TensorOp::Custom(op) => op.adjoint(x, y, y_bar),
        TensorOp::Call(call) => call.adjoint(x, y, y_bar.broadcast(y.shape), wanted),
        op => unreachable!("{} has a rule of a general kind", op.name()),
    };
    let wanted = x_bar.into_iter().enumerate().filter(|&(i, _)| wanted[i]);
    wanted.filter_map(|(i, x_bar)| Some((i, Contribution::Whole(x_bar?)))).collect()
}

impl<S: Scalar> Tensor<'_, S> {
    /// The primal values, without noting that they were read: what is computed from them is recorded.
    pub(crate) fn primal_elements(self) -> Vec<S::Real> {
        self.data.iter().map(|&x| x.primal()).collect()
    }

    /// As [`primal_elements`](Self::primal_elements), in their shape.
    pub(crate) fn primal_array(self) -> Array<S::Real> {
        Array::from_shared(self.shape, Arc::new(self.primal_elements()))
    }
}

impl<S: Scalar, const N: usize> Own for Dual<S, N> {
    fn own(op: OwnRule<'_, Self>, x: &[View<'_, Self>], y: &mut [Self]) -> Result<(), Fault> {
        over_duals(op.0, x, y)
    }
}

impl<S: Scalar, const N: usize> Own for Dual2<S, N> {
    /// Over duals of duals, once for each second derivative.
    fn own(op: OwnRule<'_, Self>, x: &[View<'_, Self>], y: &mut [Self]) -> Result<(), Fault> {
        let primal = over(op.0, x, y.len(), |x| x.re)?;
        y.iter_mut().zip(primal).for_each(|(y, re)| *y = Dual2::constant(re));
        for i in 0..N {
            for j in 0..=i {
                let moved = over(op.0, x, y.len(), |x| Dual {
                    re: Dual { re: x.re, eps: [x.gradient[j]] },
                    eps: [Dual { re: x.gradient[i], eps: [x.lower[i][j]] }],
                })?;
                for (y, moved) in y.iter_mut().zip(moved) {
                    let Dual { re, eps: [second] } = moved.eps[0];
                    (y.gradient[i], y.lower[i][j]) = (re, second);
                }
            }
        }
        Ok(())
    }
}

/// The results of `op` over another number.
fn over<S: Scalar, T: Scalar>(
    op: &TensorOp<S>,
    x: &[View<'_, S>],
    length: usize,
    number: impl Fn(&S) -> T,
) -> Result<Vec<T>, Fault> {
    let numbers = |x: &[S]| -> Vec<T> { x.iter().map(&number).collect() };
    let op = op.over(|array| Array::from_shared(array.shape(), Arc::new(numbers(array.data()))));
    let operands: Vec<Vec<T>> = x.iter().map(|x| numbers(x.data)).collect();
    let views: Vec<View<'_, T>> =
        x.iter().zip(&operands).map(|(x, data)| View { data, shape: x.shape }).collect();
    let mut results = vec![T::zero(); length];
    T::own(OwnRule(&op), &views, &mut results)?;
    Ok(results)
}

impl<S: Scalar> Own for Tracked<S> {
    /// By the inner number; a result is fixed if all operands are.
    fn own(op: OwnRule<'_, Self>, x: &[View<'_, Self>], y: &mut [Self]) -> Result<(), Fault> {
        if let TensorOp::Call(call) = op.0 {
            return call.forward_over::<S::Real, Self>(x, y);
        }
        let values = |x: &[Self]| -> Vec<S> { x.iter().map(|x| x.value).collect() };
        let inner =
            op.0.over(|array| Array::from_shared(array.shape(), Arc::new(values(array.data()))));
        let operands: Vec<Vec<S>> = x.iter().map(|x| values(x.data)).collect();
        let views: Vec<View<'_, S>> =
            x.iter().zip(&operands).map(|(x, data)| View { data, shape: x.shape }).collect();
        let mut results = vec![S::zero(); y.len()];
        S::own(OwnRule(&inner), &views, &mut results)?;
        let all = || x.iter().flat_map(|x| x.data);
        let (fixed, lost) = (all().all(|x| x.fixed), all().any(|x| x.lost));
        for (y, value) in y.iter_mut().zip(results) {
            *y = Self { value, fixed, lost: lost && value.is_nan() };
        }
        Ok(())
    }
}

impl<S: Scalar> Own for Var<'_, S> {
    fn own(op: OwnRule<'_, Self>, x: &[View<'_, Self>], y: &mut [Self]) -> Result<(), Fault> {
        over_recorded(op.0, x, y)
    }
}

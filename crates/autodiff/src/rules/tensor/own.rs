//! Operations with a rule of their own: tangent and adjoint are compositions that no general kind describes.
//!
//! Such an operation computes over plain numbers only. Over duals its forward rule *is* its tangent rule, over recorded
//! numbers it is recorded once more, so a factorization or a user's operation is exact at every order in every mode with
//! one kernel and one rule.

use std::any::Any;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use super::{Contribution, TensorOp};
use crate::array::Array;
use crate::error::{Error, Fault};
use crate::kernel::{OwnRule, View};
use crate::scalar::{Dual, Real, Scalar};
use crate::tape::{Tape, Tensor, Var};

/// An object that an instruction shares, whose type involves the precision of the program.
///
/// An operation over any number `S` holds what computes over `S::Real`; which type that is, its maker and its users agree on.
#[derive(Clone)]
pub(crate) struct Shared {
    pub name: &'static str,
    object: Arc<dyn Any + Send + Sync>,
}

impl Shared {
    pub(crate) fn new<T: Any + Send + Sync>(name: &'static str, object: T) -> Self {
        Self { name, object: Arc::new(object) }
    }

    /// The object, of the type it was made with.
    pub(crate) fn get<T: Any>(&self) -> &T {
        self.object.downcast_ref().expect("an operation is used in the precision it was made for")
    }
}

/// The same object, not an equal one.
impl PartialEq for Shared {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.object, &other.object)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The forward rule over plain numbers, except of linear algebra, whose library is for `f32` and `f64` alone.
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
pub(super) fn tangent<'t, S: Scalar>(
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
pub(super) fn adjoints<'t, S: Scalar>(
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

impl Fault {
    /// The fault that made a recording within an operation fail.
    pub(crate) fn within(error: Error) -> Self {
        match error {
            Error::Failed { fault, .. } => fault,
            error => Fault::Within(Box::new(error)),
        }
    }
}

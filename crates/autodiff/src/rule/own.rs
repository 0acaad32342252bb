//! Operations that compute over plain numbers only: what they are over the others, and derivatives that are programs.
//!
//! Over duals the forward rule of such an operation *is* its tangent rule, over recorded numbers it is recorded once more, so a
//! factorization or a user's operation is exact at every order in every mode with one kernel and one rule.

use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError};

use smallvec::SmallVec;

use super::kind::Composed;
use crate::array::{Array, View};
use crate::error::{Error, Fault};
use crate::number::{Dual, Dual2, Real, Scalar, Tracked};
use crate::op::{Facts, Member, Own, OwnOperation, OwnRule, TensorOp};
use crate::program::{Embed, Node, Program, Recording};
use crate::tape::{Tape, Tensor, Value, Var, emit};

/// An operation that is computed, and differentiated, over plain numbers.
pub(crate) trait OverReals<R: Real>: Facts {
    /// Computes the result, of the shape stated, into `y`.
    fn forward(&self, member: &[u8], x: &[View<'_, R>], y: &mut [R]) -> Result<(), Fault>;

    /// The tangent of `y = op(x)` for tangents `x_dot` of some operands, each in its operand's shape; `None` if it is zero.
    fn tangent<'t>(
        &self,
        op: &OwnOperation,
        x: &[Tensor<'t, R>],
        y: Tensor<'t, R>,
        x_dot: &[Option<Tensor<'t, R>>],
    ) -> Option<Tensor<'t, R>>;

    /// The cotangents of the operands that want one, each in its operand's shape, for the cotangent `y_bar` of `y = op(x)`.
    fn adjoint<'t>(
        &self,
        op: &OwnOperation,
        x: &[Tensor<'t, R>],
        y: Tensor<'t, R>,
        y_bar: Tensor<'t, R>,
        wanted: &[bool],
    ) -> Vec<Option<Tensor<'t, R>>>;

    /// Whether a derivative that was recorded at one point is that of all.
    fn holds_everywhere(&self, derivative: &Program<R>) -> bool;

    /// The program that is computed, if it is one that can be looked into.
    fn body(&self) -> Option<&Program<R>> {
        None
    }
}

/// What an [`OwnOperation`] holds.
struct Held<R> {
    operation: Arc<dyn OverReals<R>>,
    derived: Mutex<Vec<(Question, Arc<Derived<R>>)>>,
}

/// Which derivative of which member of the family.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Question {
    member: Member,
    direction: Direction,
    /// The operands that have a tangent, or want a cotangent.
    operands: SmallVec<[bool; 8]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    /// Inputs `x…, y`, then `x_dot` of the operands that have one; output `y_dot`, unless it is zero.
    Tangent,
    /// Inputs `x…, y, y_bar`; outputs the cotangents that are not zero.
    Adjoint,
}

/// A derivative as a program.
struct Derived<R> {
    program: Program<R>,
    /// The operands whose cotangents it gives.
    operands: Vec<usize>,
}

impl OwnOperation {
    pub(crate) fn over_reals<R: Real>(operation: Arc<impl OverReals<R> + 'static>) -> Self {
        let held = Held::<R> { operation: Arc::clone(&operation) as _, derived: Mutex::default() };
        Self::new(operation, Arc::new(held))
    }

    fn held<R: Real>(&self) -> &Held<R> {
        self.get()
    }

    /// A derivative, recorded when first asked for, at this point in these directions; then for these operands.
    fn derived<'t, S: Scalar>(
        &self,
        question: Question,
        x: &[Tensor<'t, S>],
        y: Tensor<'t, S>,
        directions: &[Tensor<'t, S>],
    ) -> Vec<(usize, Tensor<'t, S>)> {
        let held = self.held::<S::Real>();
        let derived = match held.known(&question) {
            Some(known) => known,
            None => match held.derive(self, &question, x, y, directions) {
                Ok(derived) => held.keep(self, question, derived),
                Err(error) => {
                    y.tape.fail(error);
                    return Vec::new();
                }
            },
        };
        let inputs = x.iter().chain([&y]).chain(directions).map(|&x| Value::from(x));
        let inputs: Vec<Value<'t, S>> = inputs.collect();
        let values = y.tape.unmarked(|| emit(&derived.program, y.tape, &inputs, &[]));
        let outputs = derived.program.outputs.iter().map(|&id| values[id as usize].tensor(y.tape));
        derived.operands.iter().copied().zip(outputs).collect()
    }
}

impl<R: Real> Held<R> {
    fn known(&self, question: &Question) -> Option<Arc<Derived<R>>> {
        let derived = self.derived.lock().unwrap_or_else(PoisonError::into_inner);
        let known = derived.iter().find(|(known, _)| known == question);
        known.map(|(_, derived)| Arc::clone(derived))
    }

    /// Keeps a derivative for the next time, if it is that of all points and does not hold what would hold it.
    fn keep(&self, op: &OwnOperation, question: Question, new: Derived<R>) -> Arc<Derived<R>> {
        let new = Arc::new(new);
        let of_the_family = |node: &Node<R>| match &node.op {
            TensorOp::OwnOperation(other) => op.is_of_the_family(other),
            _ => false,
        };
        if new.program.nodes.iter().any(of_the_family)
            || !self.operation.holds_everywhere(&new.program)
        {
            return new;
        }
        let mut derived = self.derived.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have been first.
        if let Some((_, known)) = derived.iter().find(|(known, _)| *known == question) {
            return Arc::clone(known);
        }
        derived.push((question, Arc::clone(&new)));
        new
    }

    fn derive<S: Scalar<Real = R>>(
        &self,
        op: &OwnOperation,
        question: &Question,
        x: &[Tensor<'_, S>],
        y: Tensor<'_, S>,
        directions: &[Tensor<'_, S>],
    ) -> Result<Derived<R>, Error> {
        let at = y.tape.location(y.id);
        let tape = Tape::opened(at);
        let tape = if op.derives_from_values() { tape } else { tape.with_shapes_only() };
        let input = |x: &Tensor<'_, S>| tape.input_of_shape(x.shape, || x.primal_elements());
        let x: Vec<Tensor<'_, R>> = x.iter().map(input).collect();
        let (y, mut directions) = (input(&y), directions.iter().map(input));
        let asked = question.operands.iter().copied();
        let given: Vec<(usize, Tensor<'_, R>)> = match question.direction {
            Direction::Tangent => {
                let next = |asked: bool| if asked { directions.next() } else { None };
                let x_dot: Vec<_> = asked.map(next).collect();
                let y_dot = self.operation.tangent(op, &x, y, &x_dot);
                y_dot.map(|y_dot| (0, y_dot.broadcast(y.shape))).into_iter().collect()
            }
            Direction::Adjoint => {
                let y_bar = directions.next().expect("one cotangent");
                let x_bar = self.operation.adjoint(op, &x, y, y_bar, &question.operands);
                let given = x_bar.into_iter().zip(asked).enumerate();
                given
                    .filter_map(|(i, (x_bar, asked))| Some((i, x_bar.filter(|_| asked)?)))
                    .collect()
            }
        };
        let (operands, outputs) = given.iter().map(|(i, x)| (*i, x.id)).unzip();
        let Recording { program, .. } = tape.finish(outputs)?;
        Ok(Derived { program, operands })
    }
}

impl<S: Scalar> Composed<S> for OwnOperation {
    fn tangent<'t>(
        &self,
        x: &[Tensor<'t, S>],
        y: Tensor<'t, S>,
        x_dot: &[Option<Tensor<'t, S>>],
    ) -> Option<Tensor<'t, S>> {
        let operands = x_dot.iter().map(Option::is_some).collect();
        let member = self.member.clone();
        let question = Question { member, direction: Direction::Tangent, operands };
        let moving =
            x.iter().zip(x_dot).filter_map(|(x, x_dot)| Some((*x_dot)?.broadcast(x.shape)));
        let moving: Vec<Tensor<'t, S>> = moving.collect();
        self.derived(question, x, y, &moving).pop().map(|(_, y_dot)| y_dot)
    }

    fn adjoint<'t>(
        &self,
        x: &[Tensor<'t, S>],
        y: Tensor<'t, S>,
        y_bar: Tensor<'t, S>,
        wanted: &[bool],
    ) -> Vec<Option<Tensor<'t, S>>> {
        let member = self.member.clone();
        let question = Question { member, direction: Direction::Adjoint, operands: wanted.into() };
        let mut x_bar = vec![None; x.len()];
        for (i, given) in self.derived(question, x, y, &[y_bar]) {
            x_bar[i] = Some(given);
        }
        x_bar
    }
}

/// `own_over_reals!(f32, f64)` is `impl Own for f32 { .. }` and the same for `f64`: the library of linear algebra is for
/// these two alone, not for any [`Real`].
macro_rules! own_over_reals {
    ($($R:ty),*) => {$(
        impl Own for $R {
            fn own(op: OwnRule<'_, Self>, x: &[View<'_, Self>], y: &mut [Self]) -> Result<(), Fault> {
                match op.0 {
                    #[cfg(feature = "linear-algebra")]
                    TensorOp::LinearAlgebra(op) => op.forward(x, y),
                    TensorOp::OwnOperation(op) => op.held::<$R>().operation.forward(&op.member, x, y),
                    op => unreachable!("{} has a forward rule over any number", op.name()),
                }
            }

            #[inline(never)]
            fn forward(
                op: OwnRule<'_, Self>,
                x: &[View<'_, Self>],
                y: &mut [Self],
                shape: &[usize],
            ) -> Result<(), Fault> {
                op.0.forward(x, y, shape)
            }
        }
    )*};
}

own_over_reals!(f32, f64);

/// The forward rule over duals: that of the inner number, and for each lane the tangent rule.
fn over_duals<S: Scalar, const N: usize>(
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
fn over_recorded<'t, S: Scalar>(
    op: &TensorOp<Var<'t, S>>,
    x: &[View<'_, Var<'t, S>>],
    y: &mut [Var<'t, S>],
) -> Result<(), Fault> {
    let Some(tape) = x.iter().flat_map(|x| x.data).find_map(|x| x.tape) else {
        let result = over(op, x, y.len(), |x| x.value)?;
        y.iter_mut().zip(result).for_each(|(y, value)| *y = Var::from_value(value));
        return Ok(());
    };
    let values = |x: &[Var<'t, S>]| -> Vec<S> { x.iter().map(|x| x.value).collect() };
    let op = op.over(|array| Array::from_shared(array.shape(), Arc::new(values(array.data()))));
    let operands: Vec<Tensor<'t, S>> =
        x.iter().map(|x| Tensor::from_vars(tape, x.data).reshape(x.shape)).collect();
    let result = tape.record(op, &operands, Location::caller());
    for (i, y) in y.iter_mut().enumerate() {
        *y = result.get(i);
    }
    Ok(())
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
        if let TensorOp::OwnOperation(op) = op.0
            && let Some(body) = op.held::<S::Real>().operation.body()
        {
            return evaluate(body, x, y);
        }
        let results = over(op.0, x, y.len(), |x| x.value)?;
        let all = || x.iter().flat_map(|x| x.data);
        let (fixed, lost) = (all().all(|x| x.fixed), all().any(|x| x.lost));
        for (y, value) in y.iter_mut().zip(results) {
            *y = Self { value, fixed, lost: lost && value.is_nan() };
        }
        Ok(())
    }
}

/// The result of a program over another number, evaluated instruction by instruction.
fn evaluate<R: Real, T: Embed<R>>(
    program: &Program<R>,
    x: &[View<'_, T>],
    y: &mut [T],
) -> Result<(), Fault> {
    let tape = Tape::new();
    let inputs: Vec<Value<'_, T>> = x
        .iter()
        .map(|x| tape.input_array(&Array::from_shared(x.shape, Arc::new(x.data.to_vec()))))
        .map(Value::from)
        .collect();
    let values = emit(program, &tape, &inputs, &[]);
    y.copy_from_slice(values[program.outputs[0] as usize].tensor(&tape).data);
    tape.error().map_or(Ok(()), |error| Err(Fault::within(error)))
}

impl<S: Scalar> Own for Var<'_, S> {
    fn own(op: OwnRule<'_, Self>, x: &[View<'_, Self>], y: &mut [Self]) -> Result<(), Fault> {
        over_recorded(op.0, x, y)
    }
}

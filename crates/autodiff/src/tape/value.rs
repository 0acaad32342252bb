//! The result of an instruction, as a handle of either kind.

use std::panic::Location;

use super::Tape;
use super::tensor::Tensor;
use super::var::Var;
use crate::array::size;
use crate::number::Scalar;
use crate::op::{TensorOp, View};
use crate::program::{Id, Node, Op};

/// The result of an instruction on a tape.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'t, T: Scalar> {
    Scalar(Var<'t, T>),
    Array(Tensor<'t, T>),
}

impl<'t, T: Scalar> Value<'t, T> {
    pub(crate) fn scalar(self) -> Var<'t, T> {
        match self {
            Value::Scalar(x) => x,
            Value::Array(x) => x.to_var(),
        }
    }

    pub(crate) fn tensor(self, tape: &'t Tape<T>) -> Tensor<'t, T> {
        match self {
            Value::Scalar(x) => x.to_tensor(tape),
            Value::Array(x) => x,
        }
    }

    pub(crate) fn id(self, tape: &Tape<T>) -> Id {
        match self {
            Value::Scalar(x) => tape.id_of(x),
            Value::Array(x) => x.id,
        }
    }
}

impl<'t, T: Scalar> From<Tensor<'t, T>> for Value<'t, T> {
    /// An array of rank 0 is a scalar.
    fn from(x: Tensor<'t, T>) -> Self {
        if x.rank() == 0 { Value::Scalar(x.to_var()) } else { Value::Array(x) }
    }
}

impl<S: Scalar> Tape<S> {
    /// The instruction of the array `x`.
    #[track_caller]
    pub(crate) fn id_of_array(&self, x: Tensor<'_, S>) -> Id {
        if !x.tape.owns(self) {
            self.refuse_foreign(x.tape, Location::caller());
        }
        x.id
    }
}

impl<S: Scalar> Tape<S> {
    /// The array operation that instruction `id` is, and its operands.
    #[cfg(feature = "linear-algebra")]
    pub(crate) fn operation(&self, id: Id) -> (TensorOp<S>, smallvec::SmallVec<[Id; 4]>) {
        let number = self.instruction(id).a as usize;
        let Node { op, operands, .. } = &self.nodes.borrow()[number];
        (op.clone(), operands.clone())
    }

    /// The handle of instruction `id`.
    pub(crate) fn handle(&self, id: Id) -> Value<'_, S> {
        match self.array(id) {
            Some(array) => Value::Array(array),
            None => Value::Scalar(crate::tape::var::Var::recorded(
                self,
                id,
                self.steps.value(id as usize),
            )),
        }
    }

    /// The handle of instruction `id`, if its result is an array.
    fn array(&self, id: Id) -> Option<Tensor<'_, S>> {
        let instruction = self.instruction(id);
        if instruction.op != Op::Array {
            return None;
        }
        let number = instruction.a as usize;
        let Node { op, operands, shape, .. } = self.nodes.borrow()[number].clone();
        if shape.is_empty() {
            return None;
        }
        let elements = self.arrays.borrow()[number].clone();
        let data: &[S] = match (elements, op) {
            (Some(elements), _) => self.lend(&elements),
            (None, _) if self.is_shapes_only() => &[],
            (None, TensorOp::View(View { offset, .. })) => {
                let below = self.handle(operands[0]).tensor(self).data;
                &below[offset..offset + size(&shape)]
            }
            (None, op) => unreachable!("{} has elements of its own", op.name()),
        };
        let shape = self.shapes.alloc_extend(shape);
        Some(Tensor { tape: self, id, shape, data })
    }
}

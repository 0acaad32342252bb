//! Emitting a program onto a tape: the same computation, recorded again over any number.

use super::Program;
use crate::array::Array;
use crate::rules::tensor::TensorOp;
use crate::scalar::{Real, Scalar};
use crate::tape::{Fact, Id, Op, Operand, Tape, Tensor, Var};

/// Numbers in which the constants of a program over `S` can be expressed.
pub(crate) trait Embed<S>: Scalar {
    fn embed(constant: S) -> Self;

    fn embed_array(constant: &Array<S>) -> Array<Self>;
}

impl<S: Real, T: Scalar<Real = S>> Embed<S> for T {
    #[inline(always)]
    fn embed(constant: S) -> T {
        T::constant(constant.as_f64())
    }

    fn embed_array(constant: &Array<S>) -> Array<T> {
        T::constants(constant)
    }
}

/// How the constants of a program over `S` are expressed over `T`.
pub(crate) trait Embedding<S, T> {
    fn embed(constant: S) -> T;

    fn embed_array(constant: &Array<S>) -> Array<T>;
}

/// Plain constants, in whatever number [`Embed`]s them.
pub(crate) struct Plain;

impl<S, T: Embed<S>> Embedding<S, T> for Plain {
    #[inline(always)]
    fn embed(constant: S) -> T {
        T::embed(constant)
    }

    fn embed_array(constant: &Array<S>) -> Array<T> {
        T::embed_array(constant)
    }
}

/// The constants of a recording in progress, which are over its own number already.
pub(crate) struct Unchanged;

impl<S: Scalar> Embedding<S, S> for Unchanged {
    #[inline(always)]
    fn embed(constant: S) -> S {
        constant
    }

    fn embed_array(constant: &Array<S>) -> Array<S> {
        constant.clone()
    }
}

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

/// Records `program` again on `tape`, from these inputs and data; returns the results of its instructions.
pub(crate) fn emit<'t, S: Real, T: Embed<S>>(
    program: &Program<S>,
    tape: &'t Tape<T>,
    inputs: &[Value<'t, T>],
    data: &[Tensor<'t, T>],
) -> Vec<Value<'t, T>> {
    let mut values: Vec<Value<'t, T>> = Vec::with_capacity(program.len());
    for (id, &instruction) in program.instructions.iter().enumerate() {
        tape.mark(id as Id);
        let value = match instruction.op {
            Op::Input => inputs[instruction.a as usize],
            Op::Element => {
                let array = values[instruction.a as usize].tensor(tape);
                Value::Scalar(array.get(instruction.b as usize))
            }
            Op::Array => {
                let node = &program.nodes[instruction.a as usize];
                match &node.op {
                    TensorOp::Input(number) => inputs[*number],
                    TensorOp::Data(slot) => data[*slot].into(),
                    TensorOp::Constant(array) => tape.constant(&T::embed_array(array)).into(),
                    op => {
                        let operands: Vec<Tensor<'t, T>> = node
                            .operands
                            .iter()
                            .map(|&x| values[x as usize].tensor(tape))
                            .collect();
                        tape.record(op.over(T::embed_array), &operands, node.at).into()
                    }
                }
            }
            _ => Value::Scalar(program.scalar_value(
                instruction,
                |x| values[x as usize].scalar(),
                |constant| Var::from_value(T::embed(constant)),
                || unreachable!("inputs and arrays are emitted above"),
            )),
        };
        values.push(value);
    }
    carry_guards(program, tape, &values);
    values
}

/// What was learnt while recording holds for the emitted program too.
fn carry_guards<'t, S: Real, T: Embed<S>>(
    program: &Program<S>,
    tape: &'t Tape<T>,
    values: &[Value<'t, T>],
) {
    let carried = |id: Id| values[id as usize].id(tape);
    let operand = |x: Operand<S>| match x {
        Operand::Recorded(id) => Operand::Recorded(carried(id)),
        Operand::Constant(c) => Operand::Constant(T::embed(c)),
    };
    for guard in &program.guards {
        let fact = match guard.fact {
            Fact::Compared { relation, left, right, held } => {
                Fact::Compared { relation, left: operand(left), right: operand(right), held }
            }
            Fact::Read { id, value } => Fact::Read { id: carried(id), value: T::embed(value) },
            Fact::ReadArray { id, fingerprint } => Fact::ReadArray { id: carried(id), fingerprint },
        };
        tape.push_guard(fact, guard.at);
    }
}

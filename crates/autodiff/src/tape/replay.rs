//! Emitting a program onto a tape: the same computation, recorded again over any number.

use super::Tape;
use super::tensor::Tensor;
use super::value::Value;
use super::var::Var;
use crate::number::Real;
use crate::op::TensorOp;
use crate::program::{Embed, Fact, Id, Op, Operand, Program};

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

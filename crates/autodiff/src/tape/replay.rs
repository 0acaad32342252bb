//! A program onto a tape: the same computation, recorded again over any number, or copied as it is.

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

/// Copies `program` to an empty tape of shapes, and returns the results of its instructions: what [`emit`] would record there.
///
/// Nothing is computed, and numbers have no meaning. What comes next on the tape can read what it would read of an emitted
/// program: constants are known to be such.
pub(crate) fn copy<'t, S: Real>(program: &Program<S>, tape: &'t Tape<S>) -> Vec<Value<'t, S>> {
    debug_assert!(tape.is_shapes_only() && tape.is_empty());
    let nothing = S::zero();
    tape.inputs.borrow_mut().extend_from_slice(&program.inputs);
    tape.nodes.borrow_mut().extend_from_slice(&program.nodes);
    tape.arrays.borrow_mut().resize(program.nodes.len(), None);
    for &constant in &program.constants {
        tape.constants.push(constant);
    }
    for &id in &program.lists {
        tape.lists.push(id);
    }
    for &guard in &program.guards {
        tape.guards.push(guard);
    }
    let copied = (0..).zip(&program.instructions).map(|(id, &instruction)| {
        tape.mark(id);
        tape.steps.push(instruction, nothing);
        match program.shape(id) {
            [] if instruction.op == Op::Constant => {
                Value::Scalar(Var::from_value(program.constants[instruction.a as usize]))
            }
            [] => Value::Scalar(Var::recorded(tape, id, nothing)),
            shape => {
                let shape = tape.shapes.alloc_extend(shape.iter().copied());
                Value::Array(Tensor { tape, id, shape, data: &[] })
            }
        }
    });
    copied.collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::Array;
    use crate::error::Error;
    use crate::tape::record_scalars;

    /// Scalars and arrays, constants in lists, views, elements, data and comparisons.
    fn recorded() -> Result<Program<f64>, Error> {
        let tape = Tape::new();
        let x = tape.input_array(&Array::new(&[2, 2], vec![0.1, 0.2, 0.3, 0.4])?);
        let y = tape.input(0.7);
        let data = tape.data(0, &Array::vector(vec![1.0, -1.0]));
        let (row, product) = (x.view(2, &[2]), x.matmul(x.permute(&[1, 0])));
        let scalar = (row * data).sum().to_tensor(&tape).to_var() + y * 2.0 + x.get(1).sin();
        let branch =
            if scalar > y { [scalar, y, Var::from_value(3.0)].into_iter().sum() } else { y };
        let outputs =
            [Value::Scalar(branch), Value::from(product * 0.5), Value::Scalar(y / scalar)];
        let ids = outputs.map(|output| output.id(&tape)).to_vec();
        Ok(tape.finish(ids)?.program.simplified())
    }

    /// The program on an empty tape of shapes, with the reciprocals of the results that are scalars as further outputs.
    fn continued<'p>(
        program: &'p Program<f64>,
        onto: impl for<'t> Fn(&'p Program<f64>, &'t Tape<f64>) -> Vec<Value<'t, f64>>,
    ) -> Result<Vec<String>, Error> {
        let tape = Tape::of_shapes();
        let values = onto(program, &tape);
        let mut ids: Vec<Id> =
            program.outputs.iter().map(|&x| values[x as usize].id(&tape)).collect();
        let scalars = (0..).zip(&values).filter(|&(id, _)| program.shape(id).is_empty());
        for (_, &value) in scalars {
            ids.push(tape.id_of(1.0 / value.scalar()));
        }
        Ok(listed(&tape.finish(ids)?.program.simplified()))
    }

    /// What a program consists of, whatever the order of its constants.
    fn listed(program: &Program<f64>) -> Vec<String> {
        let is_constant = |id: Id| program.instructions[id as usize].op == Op::Constant;
        let name = |id: Id| match is_constant(id) {
            true => program.operation(id),
            false => format!("%{id}"),
        };
        let line = |id: Id| {
            let mut line = format!("{:?} {}", program.shape(id), program.operation(id));
            program.operands(id, |x| line = format!("{line} {}", name(x)));
            line
        };
        let computed = (0..program.len() as Id).filter(|&id| !is_constant(id)).map(line);
        let ends = program.inputs.iter().chain(&program.outputs).map(|&id| name(id));
        let guards = program.guards.iter().map(|guard| format!("{:?}", guard.fact));
        computed.chain(ends).chain(guards).collect()
    }

    #[test]
    fn a_copy_is_what_would_be_recorded() -> Result<(), Error> {
        let mut programs = vec![recorded()?];
        programs.push(
            record_scalars(&[0.3, 0.7], |x| {
                vec![x[0] * x[1] + x[1] * 3.0 - 2.0 + x[0].powf(1.5), x[0].max(x[1])]
            })?
            .program
            .simplified(),
        );
        for program in &programs {
            let emitted = continued(program, |program, tape| {
                let inputs: Vec<Value<'_, f64>> = program
                    .inputs
                    .iter()
                    .map(|&id| match program.shape(id) {
                        [] => Value::Scalar(tape.input(0.0)),
                        shape => Value::Array(tape.input_of_shape(shape, Vec::new)),
                    })
                    .collect();
                let data = [tape.data(0, &Array::vector(vec![1.0, -1.0]))];
                emit(program, tape, &inputs, &data)
            })?;
            assert_eq!(continued(program, copy)?, emitted);
        }
        Ok(())
    }
}

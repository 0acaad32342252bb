//! Forward mode as a transformation: the tangent of a program, recorded after it.

use super::adjoint::sum_of_products;
use super::{Embed, Program, Value};
use crate::scalar::{Elementary, Real};
use crate::tape::{Id, Op, Tape, Tensor, Var};

/// Records, after an emitted program, the tangents of its instructions for these tangents of its inputs.
///
/// Returns the tangent of every instruction, `None` standing for zero. Each is linear in the tangents of its operands, so
/// whatever else it reads can be frozen at a point: that is what a linearisation does.
pub(crate) fn record_tangent<'t, S: Real, T: Embed<S>>(
    program: &Program<S>,
    tape: &'t Tape<T>,
    values: &[Value<'t, T>],
    input_tangents: &[Value<'t, T>],
) -> Vec<Option<Value<'t, T>>> {
    let mut tangents: Vec<Option<Value<'t, T>>> = vec![None; program.len()];
    for (&input, &x_dot) in program.inputs.iter().zip(input_tangents) {
        tangents[input as usize] = Some(x_dot);
    }
    for id in 0..program.len() as Id {
        let instruction = program.instructions[id as usize];
        let tangent = match instruction.op {
            Op::Input => continue,
            Op::Element => tangents[instruction.a as usize]
                .map(|array| Value::Scalar(array.tensor(tape).get(instruction.b as usize))),
            Op::Array => {
                let node = &program.nodes[instruction.a as usize];
                if node.operands.is_empty() {
                    continue;
                }
                array_tangent(program, tape, values, &tangents, id)
            }
            _ => scalar_tangent(program, values, &tangents, id).map(Value::Scalar),
        };
        tangents[id as usize] = tangent;
    }
    tangents
}

fn scalar_tangent<'t, S: Real, T: Embed<S>>(
    program: &Program<S>,
    values: &[Value<'t, T>],
    tangents: &[Option<Value<'t, T>>],
    id: Id,
) -> Option<Var<'t, T>> {
    let mut products: Vec<(Var<'t, T>, Var<'t, T>)> = Vec::new();
    program.scalar_partials(
        program.instructions[id as usize],
        |x| values[x as usize].scalar(),
        |constant| Var::from_value(T::embed(constant)),
        values[id as usize].scalar(),
        |x, partial| {
            if let Some(x_dot) = tangents[x as usize]
                && partial.known_constant() != Some(0.0)
            {
                products.push((x_dot.scalar(), partial));
            }
        },
    );
    (!products.is_empty()).then(|| sum_of_products(&products))
}

fn array_tangent<'t, S: Real, T: Embed<S>>(
    program: &Program<S>,
    tape: &'t Tape<T>,
    values: &[Value<'t, T>],
    tangents: &[Option<Value<'t, T>>],
    id: Id,
) -> Option<Value<'t, T>> {
    let node = program.node(id)?;
    let x_dot: Vec<Option<Tensor<'t, T>>> =
        node.operands.iter().map(|&x| tangents[x as usize].map(|x| x.tensor(tape))).collect();
    if x_dot.iter().all(Option::is_none) {
        return None;
    }
    let x: Vec<Tensor<'t, T>> =
        node.operands.iter().map(|&x| values[x as usize].tensor(tape)).collect();
    let y = values[id as usize].tensor(tape);
    node.op.over(T::embed_array).tangent(&x, y, &x_dot).map(Value::from)
}

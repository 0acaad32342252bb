//! Forward mode as a transformation: the tangent of a program, recorded after it.

use smallvec::SmallVec;

use super::adjoint::sum_of_products;
use crate::number::{Elementary, Scalar};
use crate::program::{Embed, Embedding, Id, Op, Plain, Program};
use crate::tape::{Tape, Tensor, Value, Var};

/// Records `Σ aᵢ·bᵢ` of at least one term.
pub(crate) type Sum<'t, T> = fn(&[(Var<'t, T>, Var<'t, T>)]) -> Var<'t, T>;

/// Records, after an emitted program, the tangents of its instructions for these tangents of its inputs.
///
/// Returns the tangent of every instruction, `None` standing for zero. Each is linear in the tangents of its operands, so
/// whatever else it reads can be frozen at a point: that is what a linearisation does.
pub(crate) fn record_tangent<'t, S: Scalar, T: Embed<S>>(
    program: &Program<S>,
    tape: &'t Tape<T>,
    values: &[Value<'t, T>],
    input_tangents: &[Value<'t, T>],
) -> Vec<Option<Value<'t, T>>> {
    record_tangent_in::<S, T, Plain>(program, tape, values, input_tangents, sum_of_products)
}

/// [`record_tangent`], by this embedding of the program's constants, and with `sum` to record `Σ aᵢ·bᵢ` of scalars.
pub(crate) fn record_tangent_in<'t, S: Scalar, T: Scalar, E: Embedding<S, T>>(
    program: &Program<S>,
    tape: &'t Tape<T>,
    values: &[Value<'t, T>],
    input_tangents: &[Value<'t, T>],
    sum: Sum<'t, T>,
) -> Vec<Option<Value<'t, T>>> {
    let mut tangents: Vec<Option<Value<'t, T>>> = vec![None; program.len()];
    for (&input, &x_dot) in program.inputs.iter().zip(input_tangents) {
        tangents[input as usize] = sum_of_values(tape, tangents[input as usize], Some(x_dot));
    }
    for id in 0..program.len() as Id {
        tape.mark(id);
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
                array_tangent::<S, T, E>(program, tape, values, &tangents, id)
            }
            _ => scalar_tangent::<S, T, E>(program, values, &tangents, id, sum).map(Value::Scalar),
        };
        // An input may itself be computed from another one.
        tangents[id as usize] = sum_of_values(tape, tangents[id as usize], tangent);
    }
    tangents
}

/// The sum of two tangents of one result, where there are two.
fn sum_of_values<'t, T: Scalar>(
    tape: &'t Tape<T>,
    a: Option<Value<'t, T>>,
    b: Option<Value<'t, T>>,
) -> Option<Value<'t, T>> {
    match (a, b) {
        (Some(Value::Scalar(a)), Some(Value::Scalar(b))) => Some(Value::Scalar(a + b)),
        (Some(a), Some(b)) => Some((a.tensor(tape) + b.tensor(tape)).into()),
        (a, b) => a.or(b),
    }
}

fn scalar_tangent<'t, S: Scalar, T: Scalar, E: Embedding<S, T>>(
    program: &Program<S>,
    values: &[Value<'t, T>],
    tangents: &[Option<Value<'t, T>>],
    id: Id,
    sum: Sum<'t, T>,
) -> Option<Var<'t, T>> {
    let mut products: SmallVec<[(Var<'t, T>, Var<'t, T>); 4]> = SmallVec::new();
    program.scalar_partials(
        program.instructions[id as usize],
        |x| values[x as usize].scalar(),
        |constant| Var::from_value(E::embed(constant)),
        values[id as usize].scalar(),
        |x, partial| {
            if let Some(x_dot) = tangents[x as usize]
                && partial.known_constant() != Some(0.0)
            {
                products.push((x_dot.scalar(), partial));
            }
        },
    );
    (!products.is_empty()).then(|| sum(&products))
}

fn array_tangent<'t, S: Scalar, T: Scalar, E: Embedding<S, T>>(
    program: &Program<S>,
    tape: &'t Tape<T>,
    values: &[Value<'t, T>],
    tangents: &[Option<Value<'t, T>>],
    id: Id,
) -> Option<Value<'t, T>> {
    let node = program.node(id)?;
    let x_dot: SmallVec<[Option<Tensor<'t, T>>; 4]> =
        node.operands.iter().map(|&x| tangents[x as usize].map(|x| x.tensor(tape))).collect();
    if x_dot.iter().all(Option::is_none) {
        return None;
    }
    let x: SmallVec<[Tensor<'t, T>; 4]> =
        node.operands.iter().map(|&x| values[x as usize].tensor(tape)).collect();
    let y = values[id as usize].tensor(tape);
    let op = node.op.over(E::embed_array);
    tape.within(node.at, || op.tangent(&x, y, &x_dot)).map(Value::from)
}

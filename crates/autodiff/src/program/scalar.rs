//! Scalar programs over any number, without recording: forward evaluation and the reverse sweep.

use super::Program;
use super::embed::Embed;
use super::instruction::{Id, Instruction, specialised};
use crate::number::Real;

/// The values of all instructions of a scalar program, over the number `T`.
pub(crate) fn evaluate_scalars<S: Real, T: Embed<S>>(program: &Program<S>, inputs: &[T]) -> Vec<T> {
    let mut values: Vec<T> = Vec::with_capacity(program.len());
    for &instruction in &program.instructions {
        let value = specialised!(instruction => program.scalar_value(
                instruction,
                |x| values[x as usize],
                T::embed,
                || inputs[instruction.a as usize],
            ),
            otherwise rarer_value(program, instruction, &values, inputs)
        );
        values.push(value);
    }
    values
}

#[inline(never)]
fn rarer_value<S: Real, T: Embed<S>>(
    program: &Program<S>,
    instruction: Instruction,
    values: &[T],
    inputs: &[T],
) -> T {
    let get = |x: Id| values[x as usize];
    program.scalar_value(instruction, get, T::embed, || inputs[instruction.a as usize])
}

/// The reverse sweep of a scalar program over the number `T`: the cotangents of all instructions, which it leaves in
/// `cotangents`.
///
/// `seeds` are the cotangents of some instructions, the outputs. With `T` a dual number this is forward over reverse: the
/// tangent of a cotangent is a row of the Hessian times the tangent of the inputs.
pub(crate) fn reverse_scalars<S: Real, T: Embed<S>>(
    program: &Program<S>,
    values: &[T],
    seeds: &[(Id, T)],
    cotangents: &mut Vec<T>,
) {
    cotangents.clear();
    cotangents.resize(program.len(), T::zero());
    for &(id, seed) in seeds {
        cotangents[id as usize] += seed;
    }
    // A slice of its own, which stays in registers from one instruction to the next.
    let (slots, values) = (&mut cotangents[..], &values[..program.len()]);
    for (id, &instruction) in program.instructions.iter().enumerate().rev() {
        let y_bar = slots[id];
        // What the outputs do not depend on contributes nothing, even where its partials are infinite.
        if y_bar.known_constant() == Some(0.0) {
            continue;
        }
        specialised!(instruction => program.scalar_partials(
                instruction,
                |x| values[x as usize],
                T::embed,
                values[id],
                |x, partial| slots[x as usize] += y_bar.chain(partial),
            ),
            otherwise rarer_contributions(program, instruction, values, values[id], y_bar, slots)
        );
    }
}

#[inline(never)]
fn rarer_contributions<S: Real, T: Embed<S>>(
    program: &Program<S>,
    instruction: Instruction,
    values: &[T],
    y: T,
    y_bar: T,
    slots: &mut [T],
) {
    let give = |x: Id, partial| slots[x as usize] += y_bar.chain(partial);
    program.scalar_partials(instruction, |x| values[x as usize], T::embed, y, give);
}

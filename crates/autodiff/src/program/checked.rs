//! Programs whose operands have been checked once, so that evaluating them need not.
#![expect(
    unsafe_code,
    reason = "two operands read for each scalar instruction: their bounds checks cost a fifth of a replay"
)]

use std::ops::{Deref, Range};

use super::Program;
use super::instruction::{Id, specialised};
use crate::number::Real;

/// A program in which every instruction reads earlier ones only. It can be read, but not changed.
#[derive(Debug)]
pub(crate) struct Checked<S>(Program<S>);

impl<S: Real> Checked<S> {
    /// # Panics
    ///
    /// If an instruction reads itself or a later one: a bug of ours.
    pub(crate) fn new(program: Program<S>) -> Self {
        for id in 0..program.len() as Id {
            program.operands(id, |x| assert!(x < id, "%{id} reads %{x}"));
        }
        Self(program)
    }

    /// Evaluates the instructions in `range`, all earlier ones having been evaluated, to `values`, one for each instruction
    /// of the program.
    ///
    /// `input` gives the value of a scalar input, and `rarer` that of an instruction which is not a frequent one.
    #[inline(always)]
    pub(crate) fn evaluate(
        &self,
        values: &mut [S],
        range: Range<usize>,
        input: impl Fn(u32) -> S,
        mut rarer: impl FnMut(&[S], usize) -> S,
    ) {
        let program = &self.0;
        assert_eq!(values.len(), program.len());
        for (id, &instruction) in (range.start..).zip(&program.instructions[range]) {
            let get = |x: Id| {
                // SAFETY: `x` is an operand of instruction `id`. `new` found it less than `id`, nothing changed the program
                // since, and there are as many values as instructions.
                unsafe { *values.get_unchecked(x as usize) }
            };
            let value = specialised!(
                instruction => program.scalar_value(instruction, get, |c| c, || input(instruction.a)),
                otherwise rarer(values, id)
            );
            values[id] = value;
        }
    }
}

impl<S> Deref for Checked<S> {
    type Target = Program<S>;

    fn deref(&self) -> &Program<S> {
        &self.0
    }
}

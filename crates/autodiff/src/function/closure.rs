//! A closure of scalars, recorded for one point.

use crate::compiled::{OneShot, Source};
use crate::error::Error;
use crate::number::Real;
use crate::program::{Embed, Program, evaluate_scalars, reverse_scalars};
use crate::tape::{Tape, Value, Var, record_scalars, record_scalars_on};
use crate::transform::{emit, record_adjoint};

/// A closure over scalars, to be recorded for one point.
pub(crate) struct Closure<F>(pub F);

/// States what a closure takes and gives, as its own type leaves open.
pub(crate) fn closure<S: Real, F>(f: F) -> Closure<F>
where
    F: for<'t> Fn(&[Var<'t, S>]) -> Vec<Var<'t, S>>,
{
    Closure(f)
}

/// A recording for one point.
pub(crate) enum Recorded<'a, S: Real> {
    /// All derivatives are finite here, so no product of them is indeterminate.
    Ordinary(Program<S>),
    /// At a kink or a singularity.
    Special(OneShot<'a, S>),
}

impl<S: Real, F> Source<S> for Closure<F>
where
    F: for<'t> Fn(&[Var<'t, S>]) -> Vec<Var<'t, S>>,
{
    fn recorded_on(&self, tape: Tape<S>, x: &[S]) -> Result<Program<S>, Error> {
        Ok(record_scalars_on(tape, x, &self.0)?.program)
    }
}

impl<F> Closure<F> {
    #[track_caller]
    pub(crate) fn record<'a, S: Real>(&'a self, x: &'a [S]) -> Result<Recorded<'a, S>, Error>
    where
        F: for<'t> Fn(&[Var<'t, S>]) -> Vec<Var<'t, S>>,
    {
        let recording = record_scalars(x, &self.0)?;
        Ok(match recording.is_ordinary() {
            true => Recorded::Ordinary(recording.program),
            false => Recorded::Special(OneShot::new(recording.program, x, self)),
        })
    }
}

fn at_inputs<S, T: Copy>(program: &Program<S>, all: &[T]) -> Vec<T> {
    program.inputs.iter().map(|&id| all[id as usize]).collect()
}

pub(crate) fn at_outputs<S, T: Copy>(program: &Program<S>, all: &[T]) -> Vec<T> {
    program.outputs.iter().map(|&id| all[id as usize]).collect()
}

/// The values, and the cotangents of the inputs for cotangents `w` of the outputs, over the number `T`.
pub(crate) fn pull_back<S: Real, T: Embed<S>>(
    program: &Program<S>,
    x: &[T],
    w: &[T],
) -> Result<(Vec<T>, Vec<T>), Error> {
    if program.is_scalar() {
        let values = evaluate_scalars(program, x);
        let seeds: Vec<_> = program.outputs.iter().copied().zip(w.iter().copied()).collect();
        let mut cotangents = Vec::new();
        reverse_scalars(program, &values, &seeds, &mut cotangents);
        return Ok((at_outputs(program, &values), at_inputs(program, &cotangents)));
    }
    let tape = Tape::new();
    let inputs: Vec<Value<'_, T>> = x.iter().map(|&x| Value::Scalar(tape.input(x))).collect();
    let values = emit(program, &tape, &inputs, &[]);
    let seeds: Vec<_> = program
        .outputs
        .iter()
        .zip(w)
        .map(|(&id, &w)| (id, Value::Scalar(Var::from_value(w))))
        .collect();
    let cotangents = record_adjoint(program, &tape, &values, &seeds)
        .into_iter()
        .map(|cotangent| cotangent.map_or(T::zero(), |x| x.scalar().value))
        .collect();
    let outputs = program.outputs.iter().map(|&id| values[id as usize].scalar().value).collect();
    tape.error().map_or(Ok((outputs, cotangents)), Err)
}

//! Programs derived from a program: its gradient, its tangent, its Jacobian.

use std::ops::Range;

use crate::array::{Array, size};
use crate::error::Error;
use crate::number::Real;
use crate::program::{Id, Plain, Program, Recording};
use crate::tape::{Tape, Tensor, Value, Var, copy, emit};
use crate::transform::{collected_sum, record_adjoint, record_tangent, record_tangent_in};

/// A program derived from another.
#[derive(Debug)]
pub(crate) struct Derived<S> {
    pub program: Program<S>,
    /// Which instructions were made from which of the other program, if that was asked for.
    pub marks: Vec<(usize, Id)>,
    /// The numbers of the outputs that came after those of the other program: each derivative's.
    pub appended: Vec<Range<usize>>,
}

/// The outputs of a derived program in the making.
pub(crate) struct Outputs {
    ids: Vec<Id>,
    appended: Vec<Range<usize>>,
}

impl Outputs {
    /// Those of `program`, replayed onto `tape` with these values.
    pub(crate) fn of<S: Real>(
        program: &Program<S>,
        tape: &Tape<S>,
        values: &[Value<'_, S>],
    ) -> Self {
        Self { ids: output_ids(program, tape, values), appended: Vec::new() }
    }

    /// One derivative more.
    pub(crate) fn append(&mut self, ids: impl IntoIterator<Item = Id>) {
        let start = self.ids.len();
        self.ids.extend(ids);
        self.appended.push(start..self.ids.len());
    }

    pub(crate) fn finish<S: Real>(self, tape: Tape<S>) -> Result<Derived<S>, Error> {
        let Recording { program, marks, .. } = tape.finish(self.ids)?;
        Ok(Derived { program, marks, appended: self.appended })
    }
}

/// Where a recording was made; what is derived from values is recorded there too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a, S> {
    pub point: &'a [S],
    pub data: &'a [Array<S>],
}

/// An input of the shape of instruction `id` on `tape`, with the next elements of `elements`.
fn input_like<'t, S: Real>(
    tape: &'t Tape<S>,
    program: &Program<S>,
    id: Id,
    elements: &mut impl Iterator<Item = S>,
) -> Value<'t, S> {
    let shape = program.shape(id);
    let mut next = || elements.next().unwrap_or_else(S::zero);
    if shape.is_empty() {
        return Value::Scalar(tape.input(next()));
    }
    let part = || (0..size(shape)).map(|_| next()).collect();
    Value::Array(tape.input_of_shape(shape, part))
}

/// Inputs of the shapes of `ids` on `tape`, taken from the flat `point`, or zero where that ends.
pub(crate) fn inputs_like<'t, S: Real>(
    tape: &'t Tape<S>,
    program: &Program<S>,
    ids: &[Id],
    point: &[S],
) -> Vec<Value<'t, S>> {
    let mut elements = point.iter().copied();
    ids.iter().map(|&id| input_like(tape, program, id, &mut elements)).collect()
}

pub(crate) fn data<'t, S: Real>(tape: &'t Tape<S>, data: &[Array<S>]) -> Vec<Tensor<'t, S>> {
    data.iter().enumerate().map(|(slot, array)| tape.data(slot, array)).collect()
}

/// The results of the instructions of `program`, replayed onto an empty tape.
fn replayed<'t, S: Real>(
    program: &Program<S>,
    tape: &'t Tape<S>,
    origin: Origin<'_, S>,
) -> Vec<Value<'t, S>> {
    let values = match tape.is_shapes_only() {
        true => copy(program, tape),
        false => {
            let point = inputs_like(tape, program, &program.inputs, origin.point);
            emit(program, tape, &point, &data(tape, origin.data))
        }
    };
    tape.mark_new();
    values
}

/// A derivative that may be structurally zero, as an instruction.
pub(crate) fn id_or_zero<S: Real>(
    tape: &Tape<S>,
    value: Option<Value<'_, S>>,
    shape: &[usize],
) -> Id {
    match value {
        Some(value) => value.id(tape),
        None if shape.is_empty() => tape.push_constant(S::zero()).id,
        None => tape.constant(&Array::zeros(shape)).id,
    }
}

/// Derivatives that may be structurally zero, as instructions; each in the shape of one of `like`.
pub(crate) fn ids_or_zero<'t, S: Real>(
    tape: &Tape<S>,
    program: &Program<S>,
    values: impl IntoIterator<Item = Option<Value<'t, S>>>,
    like: &[Id],
) -> Vec<Id> {
    let shaped = values.into_iter().zip(like);
    shaped.map(|(value, &id)| id_or_zero(tape, value, program.shape(id))).collect()
}

pub(crate) fn output_ids<S: Real>(
    program: &Program<S>,
    tape: &Tape<S>,
    values: &[Value<'_, S>],
) -> Vec<Id> {
    program.outputs.iter().map(|&id| values[id as usize].id(tape)).collect()
}

/// Appends the adjoint of the first `differentiated` outputs, added up: the gradient graph.
pub(crate) fn gradient_program<S: Real>(
    tape: Tape<S>,
    primal: &Program<S>,
    differentiated: usize,
    origin: Origin<'_, S>,
) -> Result<Derived<S>, Error> {
    let values = replayed(primal, &tape, origin);
    let ones = |id: Id| match primal.shape(id) {
        [] => Value::Scalar(Var::from_value(S::one())),
        shape => {
            let ones = vec![S::one(); size(shape)];
            Value::Array(tape.constant(&Array::from_shared(shape, ones.into())))
        }
    };
    let seeds: Vec<_> = primal.outputs[..differentiated].iter().map(|&id| (id, ones(id))).collect();
    let gradient = record_adjoint(primal, &tape, &values, &seeds);
    let mut outputs = Outputs::of(primal, &tape, &values);
    outputs.append(ids_or_zero(&tape, primal, gradient, &primal.inputs));
    outputs.finish(tape)
}

/// Appends the tangents of some outputs, along a direction of the first `moving` inputs that becomes an input itself.
pub(crate) fn tangent_program<S: Real>(
    tape: Tape<S>,
    program: &Program<S>,
    moving: usize,
    differentiated: Range<usize>,
    origin: Origin<'_, S>,
) -> Result<Derived<S>, Error> {
    let values = replayed(program, &tape, origin);
    let direction = inputs_like(&tape, program, &program.inputs[..moving], &[]);
    let tangents = record_tangent(program, &tape, &values, &direction);
    let mut outputs = Outputs::of(program, &tape, &values);
    let ids = &program.outputs[differentiated];
    let moved = ids.iter().map(|&id| tangents[id as usize]);
    outputs.append(ids_or_zero(&tape, program, moved, ids));
    outputs.finish(tape)
}

/// Appends the next derivative of the first output along the direction that is the second set of inputs, or becomes it: that of
/// the derivative before, which is the last output, if there is one.
pub(crate) fn next_order<S: Real>(
    program: &Program<S>,
    n: usize,
    recorded: usize,
    origin: Origin<'_, S>,
) -> Result<Derived<S>, Error> {
    let tape = Tape::deriving([program]);
    let values = replayed(program, &tape, origin);
    let direction = match program.inputs.get(n..) {
        Some(moving @ [_, ..]) => moving.iter().map(|&id| values[id as usize]).collect(),
        _ => inputs_like(&tape, program, &program.inputs, &[]),
    };
    let tangents =
        record_tangent_in::<S, S, Plain>(program, &tape, &values, &direction, collected_sum);
    let before = program.outputs[recorded..].last();
    let last = before.copied().unwrap_or(program.outputs[0]);
    let mut ids = Outputs::of(program, &tape, &values);
    ids.append([id_or_zero(&tape, tangents[last as usize], program.shape(last))]);
    ids.finish(tape)
}

/// Appends the tangents of the first `m` outputs, and then the cotangents of the inputs; direction and cotangents become inputs.
pub(crate) fn jacobian_program<S: Real>(
    tape: Tape<S>,
    primal: &Program<S>,
    m: usize,
    origin: Origin<'_, S>,
) -> Result<Derived<S>, Error> {
    let values = replayed(primal, &tape, origin);
    let direction = inputs_like(&tape, primal, &primal.inputs, &[]);
    let ids = &primal.outputs[..m];
    let cotangents = inputs_like(&tape, primal, ids, &[]);
    let tangents = record_tangent(primal, &tape, &values, &direction);
    let seeds: Vec<_> = ids.iter().copied().zip(cotangents).collect();
    let pulled_back = record_adjoint(primal, &tape, &values, &seeds);
    let mut outputs = Outputs::of(primal, &tape, &values);
    let pushed_forward = ids.iter().map(|&id| tangents[id as usize]);
    outputs.append(ids_or_zero(&tape, primal, pushed_forward, ids));
    outputs.append(ids_or_zero(&tape, primal, pulled_back, &primal.inputs));
    outputs.finish(tape)
}

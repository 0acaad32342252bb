//! A call: a whole program as one instruction, whose intermediate results nobody else sees.
//!
//! Derivatives of a call are calls of derived programs, which compute the primal anew. So what lies within is in memory
//! only while a call runs, at every order and in every mode: that is checkpointing. All calls made while one tape recorded
//! share their memory, since they run one after the other.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::array::{Array, Shape, View, size};
use crate::error::{Error, Fault};
use crate::number::{Irregularity, Real};
use crate::op::{Assemble, Facts, OwnOperation};
use crate::program::{Arguments, Checked, Frame, Frames, Id, Plan, Program};
use crate::rule::OverReals;
use crate::tape::{Tape, Tensor, Value, emit};
use crate::transform::adjoint::record_adjoint;
use crate::transform::tangent::record_tangent;

/// The call of a program with one output.
struct Call<R> {
    program: Checked<R>,
    plan: Plan,
    frames: Frames<R>,
}

/// The operation that calls a program with one output.
pub(crate) fn call<R: Real>(program: Program<R>, frames: Frames<R>) -> OwnOperation {
    let program = program.simplified();
    let plan = Plan::new(&program, program.inputs.len(), program.len());
    OwnOperation::over_reals(Arc::new(Call { program: Checked::new(program), plan, frames }))
}

impl<R: Real> Facts for Call<R> {
    fn name(&self) -> &'static str {
        "checkpoint"
    }

    fn shape(&self, _member: &[u8], x: &[&[usize]]) -> Result<Shape, String> {
        let program = &self.program;
        let expected = || program.inputs.iter().map(|&id| program.shape(id));
        if expected().eq(x.iter().copied()) {
            Ok(program.shape(program.outputs[0]).into())
        } else {
            Err(format!("the shapes it was recorded with, {:?}", expected().collect::<Vec<_>>()))
        }
    }

    fn derives_from_values(&self) -> bool {
        self.program.derives_from_values()
    }

    /// That of an instruction of the program, or of its comparisons; what is not finite within counts as a singularity.
    fn irregularity(&self, x: &[Vec<f64>], margin: f64) -> Option<Irregularity> {
        let tape = Tape::new();
        let input = |(&id, x): (&Id, &Vec<f64>)| {
            let elements: Vec<R> = x.iter().map(|&x| R::constant(x)).collect();
            tape.input_array(&Array::from_shared(self.program.shape(id), elements.into())).into()
        };
        let inputs: Vec<Value<'_, R>> = self.program.inputs.iter().zip(x).map(input).collect();
        let values = emit(&self.program, &tape, &inputs, &[]);
        let output = values[self.program.outputs[0] as usize].tensor(&tape).id;
        let recording = tape.finish(vec![output]).ok()?;
        let jump = || (!recording.equal_comparisons().is_empty()).then_some(Irregularity::Jump);
        let overflow = || (!recording.is_finite()).then_some(Irregularity::Singularity);
        let first = recording.irregularities(margin).next().map(|(_, irregularity)| irregularity);
        first.or_else(jump).or_else(overflow)
    }

    fn memory(&self) -> usize {
        let Self { program, plan, .. } = self;
        let inputs: usize = program.inputs.iter().map(|&id| size(program.shape(id))).sum();
        inputs + program.len() + plan.buffer + plan.nested
    }
}

impl<R: Real> OverReals<R> for Call<R> {
    fn forward(&self, _member: &[u8], x: &[View<'_, R>], y: &mut [R]) -> Result<(), Fault> {
        let Self { program, plan, frames } = self;
        let Frame { mut point, mut workspace } = frames.take().unwrap_or_default();
        point.clear();
        x.iter().for_each(|x| point.extend_from_slice(x.data));
        let arguments = Arguments { point: &point, direction: &[], data: &[] };
        workspace.fit(program, plan);
        workspace.run(program, plan, arguments, 0..program.len());
        let checked = workspace.check(program, plan, arguments);
        workspace.copy_outputs(program, plan, arguments, 0..1, y);
        frames.give_back(Frame { point, workspace });
        checked.map_err(|error| Fault::Within(Box::new(error)))
    }

    /// The call of a program of `x…, x_dot…`.
    fn tangent<'t>(
        &self,
        _op: &OwnOperation,
        x: &[Tensor<'t, R>],
        y: Tensor<'t, R>,
        x_dot: &[Option<Tensor<'t, R>>],
    ) -> Option<Tensor<'t, R>> {
        let moving: Vec<bool> = x_dot.iter().map(Option::is_some).collect();
        let derived = self.derived(x, y, |tape, values| {
            let program = self.varying(&moving);
            let x_dot: Vec<Value<'_, R>> =
                program.inputs.iter().map(|&id| self.zeros(tape, id).into()).collect();
            let output = program.outputs[0];
            let y_dot = record_tangent(&program, tape, values, &x_dot)[output as usize]?;
            Some(y_dot.tensor(tape).broadcast(program.shape(output)))
        })?;
        let x_dot = x_dot.iter().filter_map(|x_dot| *x_dot);
        let operands: Vec<Tensor<'t, R>> = x.iter().copied().chain(x_dot).collect();
        Some(y.record(derived, &operands))
    }

    /// The call of a program of `x…, y_bar`, whose result is all cotangents, flat.
    fn adjoint<'t>(
        &self,
        _op: &OwnOperation,
        x: &[Tensor<'t, R>],
        y: Tensor<'t, R>,
        y_bar: Tensor<'t, R>,
        wanted: &[bool],
    ) -> Vec<Option<Tensor<'t, R>>> {
        let mut numbers: SmallVec<[usize; 8]> = SmallVec::new();
        let derived = self.derived(x, y, |tape, values| {
            let program = self.varying(wanted);
            let output = program.outputs[0];
            let y_bar = self.zeros(tape, output).into();
            let x_bar = record_adjoint(&program, tape, values, &[(output, y_bar)]);
            let given: Vec<(usize, Tensor<'_, R>)> = (0..x.len())
                .filter(|&i| wanted[i])
                .zip(x_bar)
                .filter_map(|(i, x_bar)| Some((i, x_bar?.tensor(tape))))
                .collect();
            numbers = given.iter().map(|&(i, _)| i).collect();
            flattened(&given)
        });
        let mut x_bar = vec![None; x.len()];
        if let Some(derived) = derived {
            let flat = y.record(derived, &[x, &[y_bar]].concat());
            let mut offset = 0;
            for i in numbers {
                x_bar[i] = Some(flat.view(offset, x[i].shape));
                offset += x[i].len();
            }
        }
        x_bar
    }

    /// What holds at one point only is a guard, which the program has too.
    fn holds_everywhere(&self, _derivative: &Program<R>) -> bool {
        true
    }

    fn body(&self) -> Option<&Program<R>> {
        Some(&self.program)
    }
}

impl<R: Real> Call<R> {
    /// The call of a program that is recorded after this one; `None` if nothing is.
    fn derived(
        &self,
        x: &[Tensor<'_, R>],
        y: Tensor<'_, R>,
        record: impl for<'t> FnOnce(&'t Tape<R>, &[Value<'t, R>]) -> Option<Tensor<'t, R>>,
    ) -> Option<OwnOperation> {
        let derive = || -> Result<Option<OwnOperation>, Error> {
            let tape = Tape::deriving([&*self.program]);
            let inputs = x.iter().map(|x| tape.input_of_shape(x.shape, || x.primal_elements()));
            let inputs: Vec<Value<'_, R>> = inputs.map(Value::from).collect();
            let values = emit(&self.program, &tape, &inputs, &[]);
            let Some(id) = record(&tape, &values).map(|result| result.id) else { return Ok(None) };
            let program = tape.finish(vec![id])?.program;
            Ok(Some(call(program, self.frames.clone())))
        };
        derive().unwrap_or_else(|error| {
            y.tape.fail(error);
            None
        })
    }

    /// The program in which these operands are all that varies.
    fn varying(&self, operands: &[bool]) -> Program<R> {
        let mut program = self.program.clone();
        let mut kept = operands.iter();
        program.inputs.retain(|_| *kept.next().expect("an entry for each operand"));
        program
    }

    /// A new input like the result of this instruction.
    fn zeros<'t>(&self, tape: &'t Tape<R>, id: Id) -> Tensor<'t, R> {
        let shape = self.program.shape(id);
        tape.input_of_shape(shape, || vec![R::zero(); size(shape)])
    }
}

/// The cotangents of these operands, one after the other.
fn flattened<'t, R: Real>(given: &[(usize, Tensor<'t, R>)]) -> Option<Tensor<'t, R>> {
    let (_, first) = given.first()?;
    let mut total = 0;
    let mut offsets = Vec::with_capacity(given.len());
    for (_, x_bar) in given {
        offsets.push(total);
        total += x_bar.len();
    }
    let pieces: Vec<Tensor<'t, R>> = given.iter().map(|(_, x_bar)| *x_bar).collect();
    let shape = Shape::from_slice(&[total]);
    Some(first.record(Assemble { offsets, shape }, &pieces))
}

//! A call: a whole program as one instruction, whose intermediate results nobody else sees.
//!
//! Derivatives of a call are calls of derived programs, which compute the primal anew. So what lies within is in memory
//! only while a call runs, at every order and in every mode: that is checkpointing. All calls made while one tape recorded
//! share their memory, since they run one after the other.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use smallvec::SmallVec;

use crate::array::{Array, Shape, View, size};
use crate::error::{Error, Fault};
use crate::number::{Real, Scalar};
use crate::op::{Shared, TensorOp};
use crate::program::{Arguments, Checked, Embed, Frame, Frames, Id, Plan, Program, Recording};
use crate::tape::{Tape, Tensor, Value};
use crate::transform::adjoint::record_adjoint;
use crate::transform::replay::emit;
use crate::transform::tangent::record_tangent;

/// The call of a program with one output.
#[derive(Clone, PartialEq)]
pub(crate) struct Call {
    body: Shared,
}

/// Which operands a derived program is for.
type Mask = SmallVec<[bool; 8]>;

/// What a [`Call`] shares.
struct Body<R> {
    program: Checked<R>,
    plan: Plan,
    frames: Frames<R>,
    derived: Mutex<Vec<(Derivative, Option<Derived>)>>,
}

/// A program derived from the body of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Derivative {
    /// Inputs `x…`, then `x_dot` of the operands in the mask; output `y_dot`.
    Tangent(Mask),
    /// Inputs `x…, y_bar`; output the cotangents of operands in the mask, flat.
    Adjoint(Mask),
}

/// A derived program, with the numbers of the operands whose cotangents it gives.
#[derive(Clone)]
struct Derived {
    call: Call,
    operands: SmallVec<[usize; 8]>,
}

impl Call {
    pub(crate) fn new<R: Real>(program: Program<R>, frames: Frames<R>) -> Self {
        let program = program.simplified();
        let plan = Plan::new(&program, program.inputs.len(), program.len());
        let (program, derived) = (Checked::new(program), Mutex::new(Vec::new()));
        Self { body: Shared::new("checkpoint", Body { program, plan, frames, derived }) }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.body.name
    }

    /// Numbers that are in memory while the call runs, beside its operands and its result.
    pub(crate) fn memory<R: Real>(&self) -> usize {
        let Body { program, plan, .. } = self.body.get::<Body<R>>();
        let inputs: usize = program.inputs.iter().map(|&id| size(program.shape(id))).sum();
        inputs + program.len() + plan.buffer + plan.nested
    }

    /// Whether deriving the body needs values.
    pub(crate) fn derives_from_values<R: Real>(&self) -> bool {
        self.body.get::<Body<R>>().program.derives_from_values()
    }

    pub(crate) fn shape<R: Real>(&self, x: &[&[usize]]) -> Result<Shape, String> {
        let program = &self.body.get::<Body<R>>().program;
        let expected = || program.inputs.iter().map(|&id| program.shape(id));
        if expected().eq(x.iter().copied()) {
            Ok(program.shape(program.outputs[0]).into())
        } else {
            Err(format!("the shapes it was recorded with, {:?}", expected().collect::<Vec<_>>()))
        }
    }

    pub(crate) fn forward<R: Real>(&self, x: &[View<'_, R>], y: &mut [R]) -> Result<(), Fault> {
        let Body { program, plan, frames, .. } = self.body.get::<Body<R>>();
        let Frame { mut point, mut workspace } = frames.take();
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

    /// The result over another number, evaluated instruction by instruction.
    pub(crate) fn forward_over<R: Real, T: Embed<R>>(
        &self,
        x: &[View<'_, T>],
        y: &mut [T],
    ) -> Result<(), Fault> {
        let program = &self.body.get::<Body<R>>().program;
        let tape = Tape::new();
        let inputs: Vec<Value<'_, T>> = x
            .iter()
            .map(|x| tape.input_array(&Array::from_shared(x.shape, Arc::new(x.data.to_vec()))))
            .map(Value::from)
            .collect();
        let values = emit(program, &tape, &inputs, &[]);
        y.copy_from_slice(values[program.outputs[0] as usize].tensor(&tape).data);
        tape.error().map_or(Ok(()), |error| Err(Fault::within(error)))
    }

    pub(crate) fn tangent<'t, S: Scalar>(
        &self,
        x: &[Tensor<'t, S>],
        y: Tensor<'t, S>,
        x_dot: &[Option<Tensor<'t, S>>],
    ) -> Option<Tensor<'t, S>> {
        let which = Derivative::Tangent(x_dot.iter().map(Option::is_some).collect());
        let derived = self.derived(which, x, y)?;
        let moving =
            x.iter().zip(x_dot).filter_map(|(x, x_dot)| Some(x_dot.as_ref()?.broadcast(x.shape)));
        let operands: Vec<Tensor<'t, S>> = x.iter().copied().chain(moving).collect();
        Some(y.tape.record(TensorOp::Call(derived.call), &operands, y.tape.location(y.id)))
    }

    pub(crate) fn adjoint<'t, S: Scalar>(
        &self,
        x: &[Tensor<'t, S>],
        y: Tensor<'t, S>,
        y_bar: Tensor<'t, S>,
        wanted: &[bool],
    ) -> Vec<Option<Tensor<'t, S>>> {
        let mut x_bar = vec![None; x.len()];
        if let Some(derived) = self.derived(Derivative::Adjoint(wanted.into()), x, y) {
            let operands = [x, &[y_bar]].concat();
            let op = TensorOp::Call(derived.call);
            let flat = y.tape.record(op, &operands, y.tape.location(y.id));
            let mut offset = 0;
            for i in derived.operands {
                x_bar[i] = Some(flat.view(offset, x[i].shape));
                offset += x[i].len();
            }
        }
        x_bar
    }

    /// A derived program, made when first asked for; `None` if the derivative is zero.
    fn derived<S: Scalar>(
        &self,
        which: Derivative,
        x: &[Tensor<'_, S>],
        y: Tensor<'_, S>,
    ) -> Option<Derived> {
        let body = self.body.get::<Body<S::Real>>();
        let mut known = body.derived.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, derived)) = known.iter().find(|(derivative, _)| *derivative == which) {
            return derived.clone();
        }
        match body.derive(&which, |i| x[i].primal_elements()) {
            Ok(derived) => {
                known.push((which, derived.clone()));
                derived
            }
            Err(error) => {
                y.tape.fail(error);
                None
            }
        }
    }
}

impl<R: Real> Body<R> {
    /// `elements(i)` are those of operand `i`, where they matter.
    fn derive(
        &self,
        which: &Derivative,
        elements: impl Fn(usize) -> Vec<R>,
    ) -> Result<Option<Derived>, Error> {
        let tape = Tape::deriving([&*self.program]);
        let operands = self.program.inputs.iter().map(|&id| self.program.shape(id)).enumerate();
        let x: Vec<Tensor<'_, R>> =
            operands.map(|(i, shape)| tape.input_of_shape(shape, || elements(i))).collect();
        let inputs: Vec<Value<'_, R>> = x.iter().map(|&x| x.into()).collect();
        let values = emit(&self.program, &tape, &inputs, &[]);
        let output = self.program.outputs[0];
        let (Derivative::Tangent(mask) | Derivative::Adjoint(mask)) = which;
        // The operands in the mask are all that varies.
        let mut program = self.program.clone();
        let mut kept = mask.iter();
        program.inputs.retain(|_| *kept.next().expect("an entry for each operand"));
        let like = |id: Id| {
            let shape = self.program.shape(id);
            tape.input_of_shape(shape, || vec![R::zero(); size(shape)])
        };
        let (result, operands) = match which {
            Derivative::Tangent(_) => {
                let x_dot: Vec<Value<'_, R>> =
                    program.inputs.iter().map(|&id| like(id).into()).collect();
                let y_dot = record_tangent(&program, &tape, &values, &x_dot)[output as usize];
                let shape = self.program.shape(output);
                let y_dot = y_dot.map(|y_dot| y_dot.tensor(&tape).broadcast(shape));
                (y_dot, SmallVec::new())
            }
            Derivative::Adjoint(_) => {
                let y_bar = like(output).into();
                let x_bar = record_adjoint(&program, &tape, &values, &[(output, y_bar)]);
                let numbers = (0..x.len()).filter(|&i| mask[i]);
                let given: Vec<(usize, Tensor<'_, R>)> = numbers
                    .zip(x_bar)
                    .filter_map(|(i, x_bar)| Some((i, x_bar?.tensor(&tape))))
                    .collect();
                (flattened(&given), given.iter().map(|&(i, _)| i).collect())
            }
        };
        let Some(result) = result else { return Ok(None) };
        let id = result.id;
        let Recording { program, .. } = tape.finish(vec![id])?;
        Ok(Some(Derived { call: Call::new(program, self.frames.clone()), operands }))
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
    Some(first.record(TensorOp::Assemble { offsets, shape }, &pieces))
}

/// As it stands in listings.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.body.name)
    }
}

//! From a recorded program to the planned programs that evaluate its derivatives.

use std::sync::OnceLock;

use crate::array::{Array, size};
use crate::error::Error;
use crate::program::{LinearPart, Plan, Program, Value, emit, record_adjoint, record_tangent};
use crate::scalar::Real;
use crate::tape::{Id, Tape, Tensor, Var};

/// A program ready to run.
#[derive(Debug)]
pub(crate) struct Stage<S> {
    pub program: Program<S>,
    pub plan: Plan,
    /// The number of instructions that do not depend on the direction.
    pub frozen: usize,
    /// The others as a sparse linear map, if they are all scalar.
    pub linear: Option<LinearPart>,
}

/// A recording with what has been derived from it so far.
#[derive(Debug)]
pub(crate) struct Compiled<S> {
    primal: Program<S>,
    value: OnceLock<Stage<S>>,
    gradient: OnceLock<Stage<S>>,
    hvp: OnceLock<Stage<S>>,
}

/// Where a recording was made; the derived programs are recorded there too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a, S> {
    pub point: &'a [S],
    pub data: &'a [Array<S>],
}

impl<S: Real> Compiled<S> {
    pub(crate) fn new(recorded: Program<S>) -> Self {
        Self {
            primal: recorded.simplified(),
            value: OnceLock::new(),
            gradient: OnceLock::new(),
            hvp: OnceLock::new(),
        }
    }

    pub(crate) fn primal(&self) -> &Program<S> {
        &self.primal
    }

    /// `x ↦ f(x)`
    pub(crate) fn value(&self) -> &Stage<S> {
        self.value.get_or_init(|| {
            let inputs = self.primal.inputs.len();
            Stage::primal(self.primal.clone(), inputs)
        })
    }

    /// `x ↦ f(x), ∇f(x)`
    pub(crate) fn gradient(&self, origin: Origin<'_, S>) -> Result<&Stage<S>, Error> {
        if let Some(stage) = self.gradient.get() {
            return Ok(stage);
        }
        let program = gradient_program(&self.primal, origin)?.simplified();
        let inputs = program.inputs.len();
        Ok(self.gradient.get_or_init(|| Stage::primal(program, inputs)))
    }

    /// `x, v ↦ f(x), ∇f(x), ∇²f(x)·v`
    pub(crate) fn hvp(&self, origin: Origin<'_, S>) -> Result<&Stage<S>, Error> {
        if let Some(stage) = self.hvp.get() {
            return Ok(stage);
        }
        let gradient = &self.gradient(origin)?.program;
        let program = hvp_program(gradient, origin)?.simplified();
        Ok(self.hvp.get_or_init(|| Stage::with_direction(program, gradient.inputs.len())))
    }
}

impl<S: Real> Stage<S> {
    fn primal(program: Program<S>, inputs: usize) -> Self {
        let frozen = program.len();
        let plan = Plan::new(&program, inputs, frozen);
        Self { program, plan, frozen, linear: None }
    }

    /// Orders the instructions that depend on the direction after all others.
    fn with_direction(program: Program<S>, primal_inputs: usize) -> Self {
        let depends = program.depending_on(&program.inputs[primal_inputs..]);
        let all = vec![true; program.len()];
        let (program, stages) = program.compact(&all, &|id| usize::from(depends[id as usize]));
        let frozen = stages[0];
        let plan = Plan::new(&program, primal_inputs, frozen);
        let products = primal_inputs + 1..program.outputs.len();
        let linear = LinearPart::new(&program, frozen, primal_inputs, products);
        Self { program, plan, frozen, linear }
    }
}

/// Input values of `shapes` on `tape`, taken from the flat `point`.
fn inputs<'t, S: Real>(tape: &'t Tape<S>, program: &Program<S>, point: &[S]) -> Vec<Value<'t, S>> {
    let mut rest = point;
    program
        .inputs
        .iter()
        .map(|&id| {
            let shape = program.shape(id);
            let (part, after) = rest.split_at(size(shape));
            rest = after;
            if shape.is_empty() {
                Value::Scalar(tape.input(part[0]))
            } else {
                let part = Array::from_shared(shape, part.to_vec().into());
                Value::Array(tape.input_array(&part))
            }
        })
        .collect()
}

fn data<'t, S: Real>(tape: &'t Tape<S>, data: &[Array<S>]) -> Vec<Tensor<'t, S>> {
    data.iter().enumerate().map(|(slot, array)| tape.data(slot, array)).collect()
}

/// A derivative that may be structurally zero, as an instruction.
fn id_or_zero<S: Real>(tape: &Tape<S>, value: Option<Value<'_, S>>, shape: &[usize]) -> Id {
    match value {
        Some(value) => value.id(tape),
        None if shape.is_empty() => tape.push_constant(S::zero()).id,
        None => tape.constant(&Array::zeros(shape)).id,
    }
}

/// Appends the adjoint: the gradient graph.
fn gradient_program<S: Real>(
    primal: &Program<S>,
    origin: Origin<'_, S>,
) -> Result<Program<S>, Error> {
    let tape = Tape::new();
    let inputs = inputs(&tape, primal, origin.point);
    let values = emit(primal, &tape, &inputs, &data(&tape, origin.data));
    let y = primal.outputs[0];
    let one = Value::Scalar(Var::from_value(S::one()));
    let gradient = record_adjoint(primal, &tape, &values, &[(y, one)]);
    let mut outputs = vec![values[y as usize].id(&tape)];
    for (&input, x_bar) in primal.inputs.iter().zip(gradient) {
        outputs.push(id_or_zero(&tape, x_bar, primal.shape(input)));
    }
    Ok(tape.finish(outputs)?.program)
}

/// Differentiates the gradient graph: appends its tangent.
fn hvp_program<S: Real>(gradient: &Program<S>, origin: Origin<'_, S>) -> Result<Program<S>, Error> {
    let tape = Tape::new();
    let point = inputs(&tape, gradient, origin.point);
    let direction = inputs(&tape, gradient, &vec![S::zero(); origin.point.len()]);
    let values = emit(gradient, &tape, &point, &data(&tape, origin.data));
    let tangents = record_tangent(gradient, &tape, &values, &direction);
    let mut outputs: Vec<Id> =
        gradient.outputs.iter().map(|&id| values[id as usize].id(&tape)).collect();
    for &component in &gradient.outputs[1..] {
        let x_bar_dot = tangents[component as usize];
        outputs.push(id_or_zero(&tape, x_bar_dot, gradient.shape(component)));
    }
    Ok(tape.finish(outputs)?.program)
}

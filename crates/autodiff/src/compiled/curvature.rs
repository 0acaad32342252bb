//! A loss in two parts, `f(x) = L(z(x)) + r(x)`, and the curvatures that need them apart.

use super::derived::{
    Derived, Origin, Outputs, data, gradient_program, id_or_zero, ids_or_zero, inputs_like,
    tangent_program,
};
use crate::array::Array;
use crate::error::Error;
use crate::number::{Real, Scalar};
use crate::program::{Id, Program};
use crate::tape::{Tape, Tensor, Value, Var, emit};
use crate::transform::{record_adjoint, record_tangent};

/// The parts of a composition, each a program of its own: `z` cannot be bypassed.
#[derive(Clone, Debug)]
pub(crate) struct Split<S> {
    /// `x ↦ z`
    pub inner: Program<S>,
    /// `z ↦ L`
    pub outer: Program<S>,
    /// `z ↦ A`, the log-partition function of the stated distribution.
    pub log_partition: Option<Program<S>>,
    /// `x ↦ r`, a penalty that is added to the loss.
    pub penalty: Option<Program<S>>,
}

/// The predictive distribution of an observation, of which the outputs `z` of a model are the natural parameters.
///
/// A distribution of an exponential family, `p(y|z) ∝ exp(y·z − A(z))`, has the Fisher information `∇²A(z)`: that is all that
/// is stated here, and the tape differentiates it. Several observations are independent; their information is averaged as
/// a loss that is the mean of `−ln p` has it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Likelihood {
    /// A class for each row of logits (the last axis): `A = ln Σ eᶻ`. Averaged over rows.
    Categorical,
    /// Yes or no for each logit: `A = ln(1 + eᶻ)`. Averaged over all elements.
    Bernoulli,
    /// A number of mean `z` for each output: `A = z²/(2·variance)`. Averaged over all elements.
    ///
    /// The mean of the squared errors is `−ln p` at variance ½.
    Gaussian {
        /// Of each observation.
        variance: f64,
    },
}

impl Likelihood {
    /// The mean of `A(z)` over the observations.
    fn log_partition<'t, S: Real>(self, z: Tensor<'t, S>) -> Var<'t, S> {
        match self {
            Self::Categorical if z.rank() > 0 => z.log_sum_exp(z.rank() - 1).mean(),
            // A single logit has a single class.
            Self::Categorical => z.to_var(),
            Self::Bernoulli => z.softplus().mean(),
            Self::Gaussian { variance } => (z * z).mean() / Var::constant(2.0 * variance),
        }
    }

    /// Recorded at outputs that were recorded as `z`.
    pub(crate) fn record<S: Real>(self, z: &[(Vec<usize>, Vec<S>)]) -> Result<Program<S>, Error> {
        let tape = Tape::new();
        let values: Vec<Value<'_, S>> = z
            .iter()
            .map(|(shape, data)| match shape[..] {
                [] => Value::Scalar(tape.input(data[0])),
                _ => {
                    Value::Array(tape.input_array(&Array::from_shared(shape, data.clone().into())))
                }
            })
            .collect();
        let z = match values[..] {
            [Value::Array(z)] => z,
            _ => {
                let scalars: Vec<Var<'_, S>> = values.iter().map(|z| z.scalar()).collect();
                Tensor::from_vars(&tape, &scalars)
            }
        };
        let output = tape.id_of(self.log_partition(z));
        Ok(tape.finish(vec![output])?.program)
    }
}

/// Appends to the program of the Hessian product `Jᵀ·M·J·v` for each curvature `M` of a function of `z`: of the loss, which is
/// the Gauss–Newton product, and of the log-partition function, which is that with Fisher's matrix. A penalty has no model
/// to leave out: its Hessian is added to both.
pub(crate) fn curvature_program<S: Real>(
    hvp: &Program<S>,
    split: &Split<S>,
    origin: Origin<'_, S>,
) -> Result<Derived<S>, Error> {
    let Split { inner, outer, log_partition, penalty } = split;
    let tape = Tape::deriving([hvp, inner, outer].into_iter().chain(log_partition).chain(penalty));
    let arrays = data(&tape, origin.data);
    let point = inputs_like(&tape, inner, &inner.inputs, origin.point);
    let direction = inputs_like(&tape, inner, &inner.inputs, &[]);
    let values = emit(hvp, &tape, &[&point[..], &direction].concat(), &arrays);
    let mut outputs = Outputs::of(hvp, &tape, &values);

    let inner_values = emit(inner, &tape, &point, &arrays);
    let tangents = record_tangent(inner, &tape, &inner_values, &direction);
    let z: Vec<_> = inner.outputs.iter().map(|&id| inner_values[id as usize]).collect();
    let z_dot: Vec<Value<'_, S>> = inner
        .outputs
        .iter()
        .map(|&id| tape.handle(id_or_zero(&tape, tangents[id as usize], inner.shape(id))))
        .collect();
    let at_z: Vec<S> = z.iter().flat_map(|z| elements(*z)).collect();
    let of_penalty = match penalty {
        Some(penalty) => {
            let product = second_order(penalty, origin)?;
            product.emitted(&tape, &[&point[..], &direction].concat(), &arrays)
        }
        None => Vec::new(),
    };
    for function in [Some(outer), log_partition.as_ref()].into_iter().flatten() {
        let product = second_order(function, Origin { point: &at_z, data: origin.data })?;
        let products = product.emitted(&tape, &[&z[..], &z_dot].concat(), &arrays);
        let seeds: Vec<(Id, Value<'_, S>)> = inner.outputs.iter().copied().zip(products).collect();
        let mut pulled_back = record_adjoint(inner, &tape, &inner_values, &seeds);
        for (sum, &more) in pulled_back.iter_mut().zip(&of_penalty) {
            *sum = Some(sum.map_or(more, |sum| plus(sum, more)));
        }
        outputs.append(ids_or_zero(&tape, inner, pulled_back, &inner.inputs));
    }
    outputs.finish(tape)
}

/// `z, u ↦ …, ∇²L(z)·u`
fn second_order<S: Real>(
    function: &Program<S>,
    origin: Origin<'_, S>,
) -> Result<Derived<S>, Error> {
    let n = function.inputs.len();
    let Derived { program, appended, .. } =
        gradient_program(Tape::deriving([function]), function, 1, origin)?;
    let gradient = program.simplified();
    let tape = Tape::deriving([&gradient]);
    let derived = tangent_program(tape, &gradient, n, appended[0].clone(), origin)?;
    Ok(Derived { program: derived.program.simplified(), ..derived })
}

impl<S: Real> Derived<S> {
    /// The derivative that was appended first, replayed onto `tape`.
    fn emitted<'t>(
        &self,
        tape: &'t Tape<S>,
        inputs: &[Value<'t, S>],
        data: &[Tensor<'t, S>],
    ) -> Vec<Value<'t, S>> {
        let values = emit(&self.program, tape, inputs, data);
        let ids = &self.program.outputs[self.appended[0].clone()];
        ids.iter().map(|&id| values[id as usize]).collect()
    }
}

/// The sum of two values of one shape.
fn plus<'t, S: Real>(a: Value<'t, S>, b: Value<'t, S>) -> Value<'t, S> {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => Value::Array(a + b),
        (a, b) => Value::Scalar(a.scalar() + b.scalar()),
    }
}

fn elements<S: Real>(value: Value<'_, S>) -> Vec<S> {
    match value {
        Value::Scalar(x) => vec![x.value],
        Value::Array(x) => x.data.to_vec(),
    }
}

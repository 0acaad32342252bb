//! What closures record: functions, and compositions in parts.

use std::panic::Location;

use super::forms::Returned;
use crate::array::Array;
use crate::compiled::{Primal, data};
use crate::error::Error;
use crate::number::Real;
use crate::program::{Id, Program};
use crate::tape::{Tape, Tensor, Var};

/// A composition as it was recorded: as a whole, on the tape that was asked for, and in parts, each on a tape of its own; with
/// the shape and elements of each output of the model.
pub(super) struct Parts<S> {
    pub whole: Program<S>,
    pub inner: Program<S>,
    pub outer: Program<S>,
    pub penalty: Option<Program<S>>,
    pub z: Vec<(Vec<usize>, Vec<S>)>,
}

/// A model of scalars, and a loss or a penalty.
pub(super) type ScalarModel<'f, S> = dyn for<'t> Fn(&[Var<'t, S>]) -> Vec<Var<'t, S>> + 'f;
pub(super) type ScalarLoss<'f, S> = dyn for<'t> Fn(&[Var<'t, S>]) -> Var<'t, S> + 'f;

/// A model of arrays, and a loss or a penalty.
pub(super) type ArrayModel<'f, S> =
    dyn for<'t> Fn(Tensor<'t, S>, &[Tensor<'t, S>]) -> Tensor<'t, S> + 'f;
pub(super) type ArrayLoss<'f, S> =
    dyn for<'t> Fn(Tensor<'t, S>, &[Tensor<'t, S>]) -> Var<'t, S> + 'f;

/// Instructions that are results of a recording.
pub(super) trait Results<S: Real> {
    fn ids(self, tape: &Tape<S>) -> Vec<Id>;
}

impl<S: Real> Results<S> for Var<'_, S> {
    fn ids(self, tape: &Tape<S>) -> Vec<Id> {
        vec![tape.id_of(self)]
    }
}

impl<S: Real> Results<S> for Vec<Var<'_, S>> {
    fn ids(self, tape: &Tape<S>) -> Vec<Id> {
        self.into_iter().map(|y| tape.id_of(y)).collect()
    }
}

impl<S: Real> Results<S> for Tensor<'_, S> {
    fn ids(self, tape: &Tape<S>) -> Vec<Id> {
        vec![tape.id_of_array(self)]
    }
}

/// What a closure returned, as instructions; and how many of them have derivatives.
pub(super) fn ids<A: Returned, S: Real, Y: Results<S>, E: Results<S>>(
    tape: &Tape<S>,
    returned: A::Of<Y, E>,
) -> (Vec<Id>, usize) {
    let (values, auxiliary) = A::parts::<Y, E>(returned);
    let mut ids = values.ids(tape);
    let differentiated = ids.len();
    ids.extend(auxiliary.into_iter().flat_map(|array| array.ids(tape)));
    (ids, differentiated)
}

pub(super) fn finished<S: Real>(
    tape: Tape<S>,
    (outputs, differentiated): (Vec<Id>, usize),
) -> Result<Primal<S>, Error> {
    Ok(Primal { program: tape.finish(outputs)?.program, differentiated, split: None })
}

pub(super) fn scalars<'t, S: Real>(tape: &'t Tape<S>, x: &[S]) -> Vec<Var<'t, S>> {
    x.iter().map(|&x| tape.input(x)).collect()
}

pub(super) fn array<'t, S: Real>(tape: &'t Tape<S>, x: &[S]) -> Tensor<'t, S> {
    tape.input_array(&Array::vector(x.to_vec()))
}

pub(super) fn of_scalars<S: Real>(
    tape: Tape<S>,
    at: &'static Location<'static>,
    x: &[S],
    model: &ScalarModel<'_, S>,
    loss: &ScalarLoss<'_, S>,
    penalty: Option<&ScalarLoss<'_, S>>,
) -> Result<Parts<S>, Error> {
    let inputs = scalars(&tape, x);
    let z = model(&inputs);
    let at_z: Vec<S> = z.iter().map(|z| z.value).collect();
    let mut value = loss(&z);
    if let Some(penalty) = penalty {
        value += penalty(&inputs);
    }
    let ids = [value.ids(&tape), z.ids(&tape)].concat();
    let whole = tape.finish(ids)?.program;

    let tape = Tape::opened(at);
    let ids = model(&scalars(&tape, x)).ids(&tape);
    let inner = tape.finish(ids)?.program;
    let alone = |x: &[S], f: &ScalarLoss<'_, S>| -> Result<Program<S>, Error> {
        let tape = Tape::opened(at);
        let ids = f(&scalars(&tape, x)).ids(&tape);
        Ok(tape.finish(ids)?.program)
    };
    let outer = alone(&at_z, loss)?;
    let penalty = penalty.map(|penalty| alone(x, penalty)).transpose()?;
    let z = at_z.into_iter().map(|z| (Vec::new(), vec![z])).collect();
    Ok(Parts { whole, inner, outer, penalty, z })
}

pub(super) fn of_arrays<S: Real>(
    tape: Tape<S>,
    at: &'static Location<'static>,
    (x, arrays): (&[S], &[Array<S>]),
    model: &ArrayModel<'_, S>,
    loss: &ArrayLoss<'_, S>,
    penalty: Option<&ArrayLoss<'_, S>>,
) -> Result<Parts<S>, Error> {
    let (input, tensors) = (array(&tape, x), data(&tape, arrays));
    let output = model(input, &tensors);
    let z = (output.shape.to_vec(), output.data.to_vec());
    let mut value = loss(output, &tensors);
    if let Some(penalty) = penalty {
        value += penalty(input, &tensors);
    }
    let ids = [value.ids(&tape), output.ids(&tape)].concat();
    let whole = tape.finish(ids)?.program;

    let tape = Tape::opened(at);
    let ids = model(array(&tape, x), &data(&tape, arrays)).ids(&tape);
    let inner = tape.finish(ids)?.program;
    let alone = |x: Array<S>, f: &ArrayLoss<'_, S>| -> Result<Program<S>, Error> {
        let tape = Tape::opened(at);
        let ids = f(tape.input_array(&x), &data(&tape, arrays)).ids(&tape);
        Ok(tape.finish(ids)?.program)
    };
    let outer = alone(Array::from_shared(&z.0, z.1.clone().into()), loss)?;
    let penalty = penalty.map(|f| alone(Array::vector(x.to_vec()), f)).transpose()?;
    Ok(Parts { whole, inner, outer, penalty, z: vec![z] })
}

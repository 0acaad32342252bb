//! What closures record: functions, and compositions in parts.

use std::panic::Location;

use super::forms::Returned;
use crate::array::Array;
use crate::compiled::{Primal, data};
use crate::error::Error;
use crate::number::Real;
use crate::program::{Id, Program};
use crate::tape::{Tape, Tensor, Var};

/// The parts of a composition as they were recorded, with the shape and elements of each output of the model.
pub(super) struct Parts<S> {
    pub inner: Program<S>,
    pub outer: Program<S>,
    pub penalty: Option<Program<S>>,
    pub z: Vec<(Vec<usize>, Vec<S>)>,
}

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
    at: &'static Location<'static>,
    x: &[S],
    model: impl for<'t> Fn(&[Var<'t, S>]) -> Vec<Var<'t, S>>,
    loss: impl for<'t> Fn(&[Var<'t, S>]) -> Var<'t, S>,
) -> Result<Parts<S>, Error> {
    let tape = Tape::opened(at);
    let z = model(&scalars(&tape, x));
    let at_z: Vec<S> = z.iter().map(|z| z.value).collect();
    let ids = z.ids(&tape);
    let inner = tape.finish(ids)?.program;
    let outer = scalar_on(at, &at_z, loss)?;
    let z = at_z.into_iter().map(|z| (Vec::new(), vec![z])).collect();
    Ok(Parts { inner, outer, penalty: None, z })
}

pub(super) fn scalar_on<S: Real>(
    at: &'static Location<'static>,
    x: &[S],
    f: impl for<'t> Fn(&[Var<'t, S>]) -> Var<'t, S>,
) -> Result<Program<S>, Error> {
    let tape = Tape::opened(at);
    let ids = f(&scalars(&tape, x)).ids(&tape);
    Ok(tape.finish(ids)?.program)
}

pub(super) fn of_arrays<S: Real>(
    at: &'static Location<'static>,
    x: &[S],
    arrays: &[Array<S>],
    model: impl for<'t> Fn(Tensor<'t, S>, &[Tensor<'t, S>]) -> Tensor<'t, S>,
    loss: impl for<'t> Fn(Tensor<'t, S>, &[Tensor<'t, S>]) -> Var<'t, S>,
) -> Result<Parts<S>, Error> {
    let tape = Tape::opened(at);
    let output = model(array(&tape, x), &data(&tape, arrays));
    let z = (output.shape.to_vec(), output.data.to_vec());
    let ids = output.ids(&tape);
    let inner = tape.finish(ids)?.program;
    let outer = array_on(at, &Array::from_shared(&z.0, z.1.clone().into()), arrays, loss)?;
    Ok(Parts { inner, outer, penalty: None, z: vec![z] })
}

pub(super) fn array_on<S: Real>(
    at: &'static Location<'static>,
    x: &Array<S>,
    arrays: &[Array<S>],
    f: impl for<'t> Fn(Tensor<'t, S>, &[Tensor<'t, S>]) -> Var<'t, S>,
) -> Result<Program<S>, Error> {
    let tape = Tape::opened(at);
    let ids = f(tape.input_array(x), &data(&tape, arrays)).ids(&tape);
    Ok(tape.finish(ids)?.program)
}

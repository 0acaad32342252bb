//! Evaluating a program over numbers that know which of them depend on the inputs.

use crate::array::{Array, size};
use crate::error::Error;
use crate::number::{Real, Tracked};
use crate::program::{Id, Op, Program};
use crate::tape::{Tape, Value, emit};

/// An output that follows from a product without a value, and where that comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lost {
    /// The instruction that made the infinity or NaN which met a zero.
    pub factor: Id,
}

/// Outputs of a program, and the first of its products without a value that they follow from.
pub(crate) struct Outputs<S> {
    /// One after the other, flat; NaN where there is no value.
    pub values: Vec<S>,
    pub lost: Option<Lost>,
}

/// Evaluates some outputs of `program` at `point`, along the fixed `direction`, telling zeros that are fixed from those that
/// were computed from the point.
///
/// `primal_inputs` inputs make up the point, the others the direction. Slow: the program is recorded once more.
pub(crate) fn evaluate_tracked<S: Real>(
    program: &Program<S>,
    primal_inputs: usize,
    point: &[S],
    direction: &[S],
    data: &[Array<S>],
    outputs: &[Id],
) -> Result<Outputs<S>, Error> {
    let tape = Tape::new();
    let (mut point, mut direction) = (point.iter(), direction.iter());
    let inputs: Vec<Value<'_, Tracked<S>>> = program
        .inputs
        .iter()
        .enumerate()
        .map(|(number, &id)| {
            let shape = program.shape(id);
            let mut next = || match number < primal_inputs {
                true => Tracked::varying(point.next().copied().unwrap_or_else(S::zero)),
                false => Tracked::fixed(direction.next().copied().unwrap_or_else(S::zero)),
            };
            if shape.is_empty() {
                return Value::Scalar(tape.input(next()));
            }
            let elements: Vec<_> = (0..size(shape)).map(|_| next()).collect();
            Value::Array(tape.input_array(&Array::from_shared(shape, elements.into())))
        })
        .collect();
    let data: Vec<_> = data
        .iter()
        .enumerate()
        .map(|(slot, array)| {
            let elements: Vec<_> = array.data().iter().map(|&x| Tracked::fixed(x)).collect();
            tape.data(slot, &Array::from_shared(array.shape(), elements.into()))
        })
        .collect();
    let values = emit(program, &tape, &inputs, &data);
    if let Some(error) = tape.error() {
        return Err(error);
    }
    let elements = |id: Id| -> Vec<Tracked<S>> {
        match values[id as usize] {
            Value::Scalar(x) => vec![x.value],
            Value::Array(x) => x.data.to_vec(),
        }
    };
    let lost = outputs
        .iter()
        .find(|&&id| elements(id).iter().any(|x| x.lost))
        .map(|&id| trace(program, id, &|id| elements(id)));
    let values = outputs.iter().flat_map(|&id| elements(id)).map(|x| x.value).collect();
    Ok(Outputs { values, lost })
}

/// Follows a lost result back: to the product in which it was lost, and from there to where its factor became infinite.
fn trace<S: Real>(
    program: &Program<S>,
    output: Id,
    elements: &dyn Fn(Id) -> Vec<Tracked<S>>,
) -> Lost {
    let operand = |id: Id, wanted: &dyn Fn(&Tracked<S>) -> bool| {
        let mut found = None;
        program.operands(id, |x| {
            if found.is_none() && elements(x).iter().any(wanted) {
                found = Some(x);
            }
        });
        found
    };
    let mut id = output;
    while let Some(earlier) = operand(id, &|x| x.lost) {
        id = earlier;
    }
    while let Some(earlier) = operand(id, &|x| !x.value.is_finite()) {
        id = earlier;
        if program.instructions[id as usize].op == Op::Constant {
            break;
        }
    }
    Lost { factor: id }
}

//! Which elements of a recorded array depend on the inputs of the recording.

use std::collections::HashMap;

use super::kind::Derivative;
use crate::array::Array;
use crate::number::{Binary, Elementary, Scalar};
use crate::op::{TensorOp, Zip};
use crate::program::{Id, Op};
use crate::tape::{Tape, Tensor};

/// 1 for each element of `x` that may vary with the inputs, 0 for those that are constant, or locally so.
///
/// What only the place of an element decides is known from the recording; a product with a constant varies where that is
/// not 0, which is recorded. Takes what it cannot see through as varying.
pub(crate) fn variation<'t, S: Scalar>(x: Tensor<'t, S>) -> Tensor<'t, S> {
    let mut found = Found { tape: x.tape(), known: HashMap::new() };
    found.of(x.id, REACH).mask(x)
}

/// How many instructions deep is looked.
const REACH: usize = 64;

/// How the elements of an array vary.
#[derive(Clone, Copy)]
enum Variation<'t, S: Scalar> {
    None,
    All,
    /// Those where this is not 0.
    Some(Tensor<'t, S>),
}

impl<'t, S: Scalar> Variation<'t, S> {
    /// In the shape of `like`.
    fn mask(self, like: Tensor<'t, S>) -> Tensor<'t, S> {
        match self {
            Self::None => like.constant(&Array::zeros(like.shape())),
            Self::All => {
                let ones = vec![S::one(); like.len()];
                like.constant(&Array::from_shared(like.shape(), ones.into()))
            }
            Self::Some(mask) => mask.broadcast(like.shape()),
        }
    }
}

struct Found<'t, S: Scalar> {
    tape: &'t Tape<S>,
    known: HashMap<Id, Variation<'t, S>>,
}

impl<'t, S: Scalar> Found<'t, S> {
    fn of(&mut self, id: Id, reach: usize) -> Variation<'t, S> {
        if let Some(&known) = self.known.get(&id) {
            return known;
        }
        let instruction = self.tape.instruction(id);
        let variation = match instruction.op {
            Op::Constant => Variation::None,
            Op::Element => match self.of(instruction.a, reach) {
                Variation::Some(mask) => {
                    Variation::Some(mask.get(instruction.b as usize).to_tensor(self.tape))
                }
                known => known,
            },
            Op::Array if reach > 0 => self.of_array(id, reach - 1),
            _ => Variation::All,
        };
        self.known.insert(id, variation);
        variation
    }

    fn of_array(&mut self, id: Id, reach: usize) -> Variation<'t, S> {
        let (op, operands) = self.tape.operation(id);
        if let TensorOp::Input(_) = op {
            return Variation::All;
        }
        if let Derivative::Constant = op.derivative() {
            return Variation::None;
        }
        let x: Vec<Tensor<'t, S>> =
            operands.iter().map(|&x| self.tape.handle(x).tensor(self.tape)).collect();
        // Only these are seen through; whatever else varies if anything in it does.
        let through = matches!(op.derivative(), Derivative::Linear(_))
            || matches!(op, TensorOp::Map(_) | TensorOp::Power(_) | TensorOp::Zip(_));
        if !through {
            return Variation::All;
        }
        let differentiated = match op {
            TensorOp::Gather(_) | TensorOp::ScatterAdd(_) => 0..1,
            TensorOp::Select(_) => 1..3,
            _ => 0..x.len(),
        };
        let found: Vec<Variation<'t, S>> =
            differentiated.clone().map(|i| self.of(operands[i], reach)).collect();
        let all = |known: fn(&Variation<'t, S>) -> bool| found.iter().all(known);
        if all(|variation| matches!(variation, Variation::None)) {
            return Variation::None;
        }
        let sparse = matches!(
            op,
            TensorOp::Assemble(_)
                | TensorOp::StridedAdd(_)
                | TensorOp::ScatterAdd(_)
                | TensorOp::Triangle(_)
        );
        if !sparse && all(|variation| matches!(variation, Variation::All)) {
            return Variation::All;
        }
        let masks: Vec<Tensor<'t, S>> =
            differentiated.clone().zip(found).map(|(i, found)| found.mask(x[i])).collect();
        let one = x[0].lift(1.0);
        Variation::Some(match &op {
            TensorOp::Zip(Zip(Binary::Mul | Binary::Chain)) => {
                // A constant 0 is a constant product.
                let matters = |i: usize| one - (one - masks[i]) * x[i].eq(S::zero());
                masks[0].maximum(masks[1]) * matters(0) * matters(1)
            }
            TensorOp::Zip(_) => masks[0].maximum(masks[1]),
            TensorOp::Map(_) | TensorOp::Power(_) => masks[0],
            // No coefficient is negative, so what is positive stays so.
            _ => {
                let mut operands = x;
                operands[differentiated].copy_from_slice(&masks);
                masks[0].record(op, &operands).gt(S::zero())
            }
        })
    }
}

//! The maps from a direction that a derived program evaluates.

use std::ops::Range;

use crate::array::size;
use crate::number::Real;
use crate::program::{Id, LinearPart, Program};

/// What is asked of a program besides its outputs at a point: a map from some inputs of the direction to some outputs.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Numbers of the inputs that make up the direction.
    pub inputs: Range<usize>,
    /// Numbers of the outputs that make up the product.
    pub outputs: Range<usize>,
    /// Whether the product is linear in the direction.
    pub linear: bool,
}

impl Request {
    pub(crate) fn linear(inputs: std::ops::Range<usize>, outputs: std::ops::Range<usize>) -> Self {
        Self { inputs, outputs, linear: true }
    }
}

/// A product of a stage.
#[derive(Clone, Debug)]
pub(crate) struct Product {
    /// Numbers of the inputs that make up its direction.
    pub inputs: Range<usize>,
    /// Its part of the flat direction.
    pub direction: Range<usize>,
    pub outputs: Range<usize>,
    /// Entries of the outputs together.
    pub length: usize,
    /// The instructions to run, in order: what other products alone need is left out.
    pub parts: Vec<Range<usize>>,
    /// The same as a sparse linear map, if it is one on scalars.
    pub linear: Option<LinearPart>,
}

impl Product {
    pub(crate) fn new<S: Real>(
        program: &Program<S>,
        primal_inputs: usize,
        frozen: usize,
        request: &Request,
        parts: Vec<Range<usize>>,
        absorbing: bool,
    ) -> Self {
        let entries = |ids: &[Id]| ids.iter().map(|&id| size(program.shape(id))).sum::<usize>();
        let Request { inputs, outputs, linear } = request.clone();
        let start = entries(&program.inputs[primal_inputs..inputs.start]);
        let direction = start..start + entries(&program.inputs[inputs.clone()]);
        let length = entries(&program.outputs[outputs.clone()]);
        let linear = match linear {
            true => {
                LinearPart::new(program, frozen, inputs.start, outputs.clone(), &parts, absorbing)
            }
            false => None,
        };
        Self { inputs, direction, outputs, length, parts, linear }
    }
}

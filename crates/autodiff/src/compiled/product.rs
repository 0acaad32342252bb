//! What a derived program evaluates, by name: its outputs at a point, and maps from directions there.

use std::ops::Range;

use crate::array::size;
use crate::number::Real;
use crate::program::{Id, LinearPart, Program};

/// Numbers of the outputs of a derived program that a point decides.
#[derive(Clone, Debug)]
pub(crate) struct PointOutputs {
    /// Those of the recording.
    pub recorded: Range<usize>,
    /// Those of them that have derivatives.
    pub differentiated: Range<usize>,
    /// The gradient of the first; empty in a program that has none.
    pub gradient: Range<usize>,
}

/// A map from directions at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProductKind {
    /// `v ↦ ∇²f(x)·v`
    Hessian,
    /// `v ↦ JᵀMJ·v`, with `M` the Hessian of the loss of a composition
    GaussNewton,
    /// `v ↦ JᵀFJ·v`, with `F` the Fisher matrix of its likelihood
    Fisher,
    /// `v ↦ J(x)·v`
    Forward,
    /// `w ↦ J(x)ᵀ·w`
    Reverse,
    /// `u, v ↦ ∇³f(x)[u, v]`
    Third,
    /// `v ↦ d/dε f(x + εv), d²/dε² f(x + εv), …`
    Taylor,
}

/// What is asked of a program besides its outputs at a point: a map from some inputs of the direction to some outputs.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub kind: ProductKind,
    /// Numbers of the inputs that make up the direction.
    pub inputs: Range<usize>,
    /// Numbers of the outputs that make up the product.
    pub outputs: Range<usize>,
    /// Whether the product is linear in the direction.
    pub linear: bool,
}

impl Request {
    pub(crate) fn linear(kind: ProductKind, inputs: Range<usize>, outputs: Range<usize>) -> Self {
        Self { kind, inputs, outputs, linear: true }
    }
}

/// A product of a stage.
#[derive(Clone, Debug)]
pub(crate) struct Product {
    pub kind: ProductKind,
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
        let Request { kind, inputs, outputs, linear } = request.clone();
        let start = entries(&program.inputs[primal_inputs..inputs.start]);
        let direction = start..start + entries(&program.inputs[inputs.clone()]);
        let length = entries(&program.outputs[outputs.clone()]);
        let linear = match linear {
            true => {
                LinearPart::new(program, frozen, inputs.start, outputs.clone(), &parts, absorbing)
            }
            false => None,
        };
        Self { kind, inputs, direction, outputs, length, parts, linear }
    }
}

/// Directions that are sums of unit vectors, no two of which share one.
#[derive(Clone, Debug)]
pub(crate) struct Combinations<'a> {
    /// For each component the number of the direction that has it.
    pub colours: &'a [u32],
    /// The numbers of those that are wanted.
    pub wanted: Range<usize>,
    /// One more direction, with its number.
    pub probe: Option<(usize, &'a [f64])>,
}

impl Combinations<'_> {
    /// Component `i` of direction `number`.
    #[inline]
    pub(super) fn component<S: Real>(&self, number: usize, i: usize) -> S {
        if self.colours[i] as usize == number {
            return S::one();
        }
        match self.probe {
            Some((of, probe)) if number == of => S::constant(probe[i]),
            _ => S::zero(),
        }
    }
}

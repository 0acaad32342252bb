//! The lower triangle of a symmetric matrix of products, strip by strip.

use std::ops::Range;

use super::derived::Origin;
use super::lanes::{LANES, LaneProgram};
use super::product::Product;
use crate::array::{Array, size};
use crate::error::Error;
use crate::number::Real;
use crate::op::{Assemble, TensorOp, View};
use crate::program::{Id, Program};
use crate::transform::tiles_read;

/// Directions within some inputs, of whose products only the entries from these inputs on are wanted.
///
/// What an instruction makes of the other inputs' zeros is the same for all such directions, and what leads to the other
/// entries alone is not evaluated. So in a network the parameters of the last layers cost little.
#[derive(Debug)]
pub(crate) struct Strip<S> {
    /// Which entries of a direction these are.
    pub range: Range<usize>,
    /// From a direction to the entries of its product from `range.start` on.
    pub program: LaneProgram<S>,
}

/// An array with fewer entries does not begin a strip: each evaluates what directions share for itself.
const SHORTEST: usize = 4 * LANES;

impl<S: Real> Strip<S> {
    /// The strips of a product of `program` that is a symmetric map of arrays of which the direction consists; none if it
    /// consists of one alone.
    pub(crate) fn all(
        program: &Program<S>,
        primal_inputs: usize,
        product: &Product,
        origin: Origin<'_, S>,
    ) -> Result<Vec<Self>, Error> {
        let Some((input, pieces)) = ends(program, product) else {
            return Ok(Vec::new());
        };
        let mut starts = vec![0];
        for tile in tiles_read(program, input).windows(2) {
            let begins = pieces.iter().any(|&(_, offset)| offset == tile[0]);
            if tile[0] > 0 && tile[1] - tile[0] >= SHORTEST && begins {
                starts.push(tile[0]);
            }
        }
        if starts.len() == 1 {
            return Ok(Vec::new());
        }
        starts.push(product.length);
        let strip = |bounds: &[usize]| {
            let range = bounds[0]..bounds[1];
            let mut program = within(program, input, &range);
            let wanted = pieces.iter().filter(|&&(_, offset)| offset >= range.start);
            program.outputs = wanted.map(|&(id, _)| id).collect();
            let product = Product {
                outputs: 0..program.outputs.len(),
                length: product.length - range.start,
                ..product.clone()
            };
            let program = LaneProgram::directions(&program, primal_inputs, &product, origin)?;
            Ok(Self { range, program })
        };
        starts.windows(2).map(strip).collect()
    }
}

/// The one input of a product, and the pieces of which its one result is assembled, each with its place, in order.
fn ends<S: Real>(program: &Program<S>, product: &Product) -> Option<(Id, Vec<(Id, usize)>)> {
    let [output] = program.outputs[product.outputs.clone()] else { return None };
    let [input] = program.inputs[product.inputs.clone()] else { return None };
    let node = program.node(output)?;
    let TensorOp::Assemble(Assemble { offsets, .. }) = &node.op else { return None };
    let mut pieces: Vec<_> = node.operands.iter().copied().zip(offsets.iter().copied()).collect();
    pieces.sort_by_key(|&(_, offset)| offset);
    let mut end = 0;
    for &(piece, offset) in &pieces {
        if offset != end {
            return None;
        }
        end += size(program.shape(piece));
    }
    (end == product.length && end == size(program.shape(input))).then_some((input, pieces))
}

/// `program` where the array `input` is 0 outside of `range`.
fn within<S: Real>(program: &Program<S>, input: Id, range: &Range<usize>) -> Program<S> {
    let mut program = program.clone();
    for node in &mut program.nodes {
        if let TensorOp::View(View { offset, shape }) = &node.op
            && node.operands[0] == input
            && !range.contains(offset)
        {
            node.op = TensorOp::Constant(Array::zeros(shape));
            node.operands.clear();
        }
    }
    program
}

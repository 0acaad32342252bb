//! Planned programs that evaluate K lanes at once, and how their flat arrays are laid out.

use std::ops::Range;

use super::derived::{Origin, data, inputs_like};
use super::product::Product;
use crate::array::{Array, size};
use crate::error::Error;
use crate::number::Real;
use crate::op::with_lanes;
use crate::program::{Arguments, Checked, Id, Plan, Program, Workspace};
use crate::rule::Rounding;
use crate::tape::{Tape, Tensor, Value};
use crate::transform::{Lanes, Tiles, record_batch, tiles_read};

/// Directions taken at once.
pub(crate) const LANES: usize = 8;

/// A batched program ready to run.
#[derive(Debug)]
pub(crate) struct LaneProgram<S> {
    program: Checked<S>,
    plan: Plan,
    lanes: usize,
    /// The number of instructions that do not depend on the direction.
    frozen: usize,
    /// The tiles of the direction's inputs, in order.
    inputs: Vec<Tiles>,
    /// The tiles of the outputs.
    outputs: Vec<Tiles>,
}

/// The memory of a batched program.
#[derive(Clone, Debug, Default)]
pub(crate) struct LaneWorkspace<S> {
    workspace: Workspace<S>,
    /// The directions of all lanes, as the program reads them.
    directions: Vec<S>,
}

impl<S: Real> LaneProgram<S> {
    /// A product of `program`, whose inputs after the first `primal_inputs` make up directions, for several directions at
    /// once: bit for bit as for single ones.
    pub(crate) fn directions(
        program: &Program<S>,
        primal_inputs: usize,
        product: &Product,
        origin: Origin<'_, S>,
    ) -> Result<Self, Error> {
        let tape = Tape::deriving([program]);
        let (point, directions) = program.inputs.split_at(primal_inputs);
        let mut inputs = shared(inputs_like(&tape, program, point, origin.point));
        let mut tiles = Vec::new();
        for (number, &id) in (primal_inputs..).zip(directions) {
            let shape = with_lanes(LANES, program.shape(id));
            if !product.inputs.contains(&number) {
                let zeros = tape.constant(&Array::zeros(&shape[1..]));
                inputs.push(Lanes::Shared(zeros.into()));
                continue;
            }
            let read = tiles_read(program, id);
            let zeros = || vec![S::zero(); size(&shape)];
            inputs.push(if read.len() > 2 {
                Lanes::Tiled(tape.input_of_shape(&[size(&shape)], zeros), read.clone())
            } else {
                Lanes::Each(tape.input_of_shape(&shape, zeros))
            });
            tiles.push(read);
        }
        let data = shared(data(&tape, origin.data).into_iter().map(Value::Array));
        let values = record_batch(program, &tape, LANES, Rounding::Exact, &inputs, &data);
        let wanted = program.outputs[product.outputs.clone()].iter();
        let wanted = wanted.map(|&id| values[id as usize].clone());
        let (ids, outputs) = tiled(&tape, LANES, wanted);
        let program = tape.finish(ids)?.program;
        Ok(Self::planned(program, primal_inputs, LANES, tiles, outputs))
    }

    /// `program`, recorded for one example, for all of them at once: its data arrays have another axis before the first.
    pub(crate) fn examples(
        program: &Program<S>,
        lanes: usize,
        point: &[S],
        data: &[Array<S>],
    ) -> Result<Self, Error> {
        let tape = Tape::deriving([program]);
        let inputs = shared(inputs_like(&tape, program, &program.inputs, point));
        let slots = data.iter().enumerate();
        let data: Vec<_> = slots.map(|(slot, array)| Lanes::Each(tape.data(slot, array))).collect();
        let values = record_batch(program, &tape, lanes, Rounding::Free, &inputs, &data);
        let wanted = program.outputs.iter().map(|&id| values[id as usize].clone());
        let (ids, outputs) = tiled(&tape, lanes, wanted);
        let program = tape.finish(ids)?.program;
        let primal_inputs = program.inputs.len();
        Ok(Self::planned(program, primal_inputs, lanes, Vec::new(), outputs))
    }

    /// Simplifies, and orders the instructions that depend on the direction after all others.
    fn planned(
        program: Program<S>,
        primal_inputs: usize,
        lanes: usize,
        inputs: Vec<Tiles>,
        outputs: Vec<Tiles>,
    ) -> Self {
        let (program, frozen) = program.simplified_in_parts(primal_inputs);
        let plan = Plan::new(&program, primal_inputs, frozen);
        Self { program: Checked::new(program), plan, lanes, frozen, inputs, outputs }
    }

    pub(crate) fn lanes(&self) -> usize {
        self.lanes
    }

    /// Number of outputs.
    pub(crate) fn outputs(&self) -> usize {
        self.outputs.len()
    }

    /// Evaluates what does not depend on the direction, and checks that all comparisons turn out as recorded.
    pub(crate) fn evaluate(
        &self,
        workspace: &mut LaneWorkspace<S>,
        Origin { point, data }: Origin<'_, S>,
    ) -> Result<(), Error> {
        let Self { program, plan, .. } = self;
        let LaneWorkspace { workspace, directions } = workspace;
        directions.resize(self.lanes * self.inputs.iter().map(length).sum::<usize>(), S::zero());
        let arguments = Arguments { point, direction: &[], data };
        workspace.fit(program, plan);
        workspace.run(program, plan, arguments, 0..self.frozen);
        workspace.check(program, plan, arguments)
    }

    /// `count` products at the point at which the workspace was evaluated: `direction(k, i)` is component `i` of
    /// direction `k`, and `result(k, i, y)` takes component `i` of its product.
    pub(crate) fn products(
        &self,
        workspace: &mut LaneWorkspace<S>,
        origin: Origin<'_, S>,
        count: usize,
        direction: impl Fn(usize, usize) -> S,
        mut result: impl FnMut(usize, usize, S),
    ) -> Result<(), Error> {
        for first in (0..count).step_by(self.lanes) {
            let LaneWorkspace { workspace: memory, directions } = &mut *workspace;
            each_tile(&self.inputs, self.lanes, |lane, at, within| {
                for (slot, i) in directions[at..].iter_mut().zip(within) {
                    let k = first + lane;
                    *slot = if k < count { direction(k, i) } else { S::zero() };
                }
            });
            let Origin { point, data } = origin;
            let arguments = Arguments { point, direction: directions, data };
            memory.run(&self.program, &self.plan, arguments, self.frozen..self.program.len());
            memory.check_results()?;
            self.read(workspace, origin, 0..self.outputs(), |lane, i, y| {
                if first + lane < count {
                    result(first + lane, i, y);
                }
            });
        }
        Ok(())
    }

    /// Calls `result(lane, i, y)` with each element of these outputs, where a lane's outputs lie one after the other.
    pub(crate) fn read(
        &self,
        workspace: &LaneWorkspace<S>,
        Origin { point, data }: Origin<'_, S>,
        outputs: Range<usize>,
        mut result: impl FnMut(usize, usize, S),
    ) {
        let Self { program, plan, .. } = self;
        let arguments = Arguments { point, direction: &[], data };
        let mut start = 0;
        for (tiles, &output) in self.outputs[outputs.clone()].iter().zip(&program.outputs[outputs])
        {
            let array = workspace.workspace.array(program, plan, arguments, output);
            each_tile(std::slice::from_ref(tiles), self.lanes, |lane, at, within| {
                for (&y, i) in array[at..].iter().zip(within) {
                    result(lane, start + i, y);
                }
            });
            start += length(tiles);
        }
    }
}

fn shared<'t, S: Real>(values: impl IntoIterator<Item = Value<'t, S>>) -> Vec<Lanes<'t, S>> {
    values.into_iter().map(Lanes::Shared).collect()
}

/// The instructions of these outputs, and their tiles.
fn tiled<'t, S: Real>(
    tape: &'t Tape<S>,
    lanes: usize,
    outputs: impl Iterator<Item = Lanes<'t, S>>,
) -> (Vec<Id>, Vec<Tiles>) {
    outputs
        .map(|output| {
            let (array, tiles): (Tensor<'t, S>, Tiles) = output.tiled(tape, lanes);
            (array.id, tiles)
        })
        .unzip()
}

fn length(tiles: &Tiles) -> usize {
    tiles[tiles.len() - 1]
}

/// Calls `visit(lane, at, within)` for each tile of each lane: it starts at `at` of the arrays laid one after the other,
/// and is the part `within` of the lane's row.
fn each_tile(arrays: &[Tiles], lanes: usize, mut visit: impl FnMut(usize, usize, Range<usize>)) {
    let mut start = 0;
    for tiles in arrays {
        for tile in tiles.windows(2) {
            let tile_length = tile[1] - tile[0];
            for lane in 0..lanes {
                let at = lanes * (start + tile[0]) + lane * tile_length;
                visit(lane, at, start + tile[0]..start + tile[1]);
            }
        }
        start += length(tiles);
    }
}

/// Direction `first + lane` of the standard basis in each lane, at component `i`.
pub(crate) fn unit_lanes<S: Real, const K: usize>(first: usize, i: usize) -> [S; K] {
    std::array::from_fn(|lane| if first + lane == i { S::one() } else { S::zero() })
}

//! Batching as a transformation: a program that evaluates another for K lanes at once.
//!
//! A lane is one of K evaluations that differ in some inputs or data: examples of a data set, or directions of a tangent.
//! What does not depend on these is computed once and shared.

use std::sync::Arc;

use num_traits::Float;
use smallvec::smallvec;

use crate::array::size;
use crate::number::{Elementary, Real, Scalar};
use crate::op::{Assemble, Strided, TensorOp, View, with_lanes};
use crate::program::{Fact, Id, Instruction, Lanewise, Node, Op, Operand, Program, guarded_by};
use crate::rule::{Lane, Rounding};
use crate::strided::Lattice;
use crate::tape::{Tape, Tensor, Value, Var};

/// The result of an instruction in K lanes.
#[derive(Clone, Debug)]
pub(crate) enum Lanes<'t, S: Scalar> {
    /// The same for all.
    Shared(Value<'t, S>),
    /// One each, along a leading axis; for scalars the only one.
    Each(Tensor<'t, S>),
    /// One each, stored tile after tile, and lane after lane within a tile: so the tiles of all lanes are contiguous.
    Tiled(Tensor<'t, S>, Tiles),
}

/// Where the tiles of a flat array begin, and where the last one ends.
pub(crate) type Tiles = Arc<[usize]>;

impl<'t, S: Scalar> Lanes<'t, S> {
    /// The array, and its tiles: one if it is stored lane after lane. A shared result is repeated.
    pub(crate) fn tiled(self, tape: &'t Tape<S>, lanes: usize) -> (Tensor<'t, S>, Tiles) {
        match self {
            Self::Shared(value) => {
                let value = value.tensor(tape);
                (value.broadcast(&with_lanes(lanes, value.shape())), [0, value.len()].into())
            }
            Self::Each(x) => (x, [0, x.len() / lanes.max(1)].into()),
            Self::Tiled(x, tiles) => (x, tiles),
        }
    }
}

/// The tiles that views of array `id` read, with the gaps between them; one tile if they overlap.
pub(crate) fn tiles_read<S: Scalar>(program: &Program<S>, id: Id) -> Tiles {
    let read = program.nodes.iter().filter_map(|node| match &node.op {
        TensorOp::View(View { offset, shape }) if node.operands[0] == id => {
            Some((*offset, size(shape)))
        }
        _ => None,
    });
    let total = size(program.shape(id));
    partition(read, total).unwrap_or_else(|| [0, total].into())
}

/// The partition of `0..total` made by intervals `(start, length)` that are equal or apart; `None` if two overlap.
fn partition(intervals: impl Iterator<Item = (usize, usize)>, total: usize) -> Option<Tiles> {
    let mut intervals: Vec<_> = intervals.filter(|&(_, length)| length > 0).collect();
    intervals.sort_unstable();
    intervals.dedup();
    let mut bounds = vec![0];
    for (start, length) in intervals {
        let last = bounds[bounds.len() - 1];
        if start < last {
            return None;
        }
        if start > last {
            bounds.push(start);
        }
        bounds.push(start + length);
    }
    if bounds[bounds.len() - 1] < total || total == 0 {
        bounds.push(total);
    }
    Some(bounds.into())
}

/// Records `program` for as many lanes at once, from these inputs and data; returns the results of its instructions.
///
/// Complexity: that of as many evaluations of what differs between lanes, and one of the rest.
pub(crate) fn record_batch<'t, S: Real>(
    program: &Program<S>,
    tape: &'t Tape<S>,
    lanes: usize,
    rounding: Rounding,
    inputs: &[Lanes<'t, S>],
    data: &[Lanes<'t, S>],
) -> Vec<Lanes<'t, S>> {
    let values = Vec::with_capacity(program.len());
    let mut batch = Batch { program, tape, lanes, rounding, values };
    for &instruction in &program.instructions {
        let value = match instruction.op {
            Op::Input => inputs[instruction.a as usize].clone(),
            Op::Element => batch.element(instruction.a, instruction.b as usize),
            Op::Array => {
                let node = &program.nodes[instruction.a as usize];
                match &node.op {
                    TensorOp::Input(number) => inputs[*number].clone(),
                    TensorOp::Data(slot) => data[*slot].clone(),
                    TensorOp::Constant(array) => Lanes::Shared(tape.constant(array).into()),
                    _ => batch.array(node),
                }
            }
            _ => batch.scalar(instruction, batch.values.len() as Id),
        };
        batch.values.push(value);
    }
    batch.carry_guards();
    batch.values
}

/// Lanes along the only axis; without one, the same number for all lanes.
impl<S: Scalar> Lanewise for Tensor<'_, S> {
    fn sum_of(terms: impl Iterator<Item = Self>) -> Self {
        terms.reduce(|a, b| a + b).expect("an operand with lanes")
    }

    fn sum_of_products(pairs: impl Iterator<Item = (Self, Self)>) -> Self {
        Self::sum_of(pairs.map(|(a, b)| a * b))
    }

    fn sum_of_chained(pairs: impl Iterator<Item = (Self, Self)>) -> Self {
        Self::sum_of(pairs.map(|(a, b)| a.chain(b)))
    }

    fn mul_add(self, a: Self, b: Self) -> Self {
        let lanes = [self, a, b].map(Tensor::len).into_iter().max().unwrap_or(0);
        let each = |lane| {
            let [x, y, z] = [self, a, b].map(|x| x.get(if x.rank() == 0 { 0 } else { lane }));
            Float::mul_add(x, y, z)
        };
        Self::from_vars(self.tape(), &(0..lanes).map(each).collect::<Vec<_>>())
    }
}

struct Batch<'p, 't, S: Scalar> {
    program: &'p Program<S>,
    tape: &'t Tape<S>,
    lanes: usize,
    rounding: Rounding,
    values: Vec<Lanes<'t, S>>,
}

impl<'t, S: Real> Batch<'_, 't, S> {
    fn shared(&self, id: Id) -> Option<Value<'t, S>> {
        match self.values[id as usize] {
            Lanes::Shared(value) => Some(value),
            _ => None,
        }
    }

    /// One element of an array in all lanes, by one read.
    fn element(&self, id: Id, index: usize) -> Lanes<'t, S> {
        let Some((x, offset, stride)) = self.place(id, index) else {
            return Lanes::Shared(Value::Scalar(self.lane_element(0, id, index)));
        };
        let lattice =
            Lattice { offset, strides: smallvec![stride as isize], shape: smallvec![self.lanes] };
        Lanes::Each(x.record(Strided(lattice), &[x]))
    }

    fn lane_element(&self, lane: usize, id: Id, index: usize) -> Var<'t, S> {
        match self.place(id, index) {
            Some((x, offset, stride)) => x.get(offset + lane * stride),
            None => self.each_or_shared(id).value().get(index),
        }
    }

    /// Where the lanes have an element that they do not share: the array, the first lane's place, and the step to the next.
    fn place(&self, id: Id, index: usize) -> Option<(Tensor<'t, S>, usize, usize)> {
        match &self.values[id as usize] {
            Lanes::Shared(_) => None,
            Lanes::Each(x) => Some((*x, index, size(self.program.shape(id)))),
            Lanes::Tiled(x, tiles) => {
                let tile = tiles.partition_point(|&start| start <= index) - 1;
                let (start, length) = (tiles[tile], tiles[tile + 1] - tiles[tile]);
                Some((*x, self.lanes * start + (index - start), length))
            }
        }
    }

    fn scalar(&self, instruction: Instruction, id: Id) -> Lanes<'t, S> {
        let program = self.program;
        let mut shared = true;
        program.operands(id, |x| shared &= self.shared(x).is_some());
        if shared {
            let get = |x: Id| self.shared(x).expect("checked above").scalar();
            let other = || unreachable!("only of scalars");
            let value = program.scalar_value(instruction, get, Var::from_value, other);
            return Lanes::Shared(Value::Scalar(value));
        }
        let get = |x: Id| self.each_or_shared(x).value();
        let lift = |constant: S| self.tape.scalar_tensor(Var::from_value(constant));
        let other = || unreachable!("only of scalars");
        Lanes::Each(program.scalar_value(instruction, get, lift, other))
    }

    fn array(&self, node: &Node<S>) -> Lanes<'t, S> {
        let shared: Option<Vec<_>> = node
            .operands
            .iter()
            .map(|&x| self.shared(x).map(|value| value.tensor(self.tape)))
            .collect();
        if let Some(operands) = shared {
            return Lanes::Shared(self.record(node, node.op.clone(), &operands).into());
        }
        if let Some(tiled) = self.tiled(node) {
            return tiled;
        }
        let x: Vec<_> = node.operands.iter().map(|&x| self.each_or_shared(x)).collect();
        let batched = node.op.batch(self.lanes, &x, &node.shape, self.rounding, node.at);
        Lanes::Each(batched.unwrap_or_else(|| self.lane_by_lane(node)))
    }

    fn record(
        &self,
        node: &Node<S>,
        op: impl Into<TensorOp<S>>,
        x: &[Tensor<'t, S>],
    ) -> Tensor<'t, S> {
        self.tape.record(op.into(), x, node.at)
    }

    /// The operation on tiles, where it is one that makes, reads or keeps them.
    fn tiled(&self, node: &Node<S>) -> Option<Lanes<'t, S>> {
        let lanes = self.lanes;
        match (&node.op, &self.values[node.operands[0] as usize]) {
            (TensorOp::View(View { offset, shape }), Lanes::Tiled(x, tiles)) => {
                let tile = tiles.binary_search(offset).ok()?;
                let whole = tiles.get(tile + 1)? - offset == size(shape);
                let op = View { offset: lanes * offset, shape: with_lanes(lanes, shape) };
                whole.then(|| Lanes::Each(self.record(node, op, &[*x])))
            }
            (TensorOp::Assemble(Assemble { offsets, shape }), _) => {
                let lengths = node.operands.iter().map(|&x| size(self.program.shape(x)));
                let tiles = partition(offsets.iter().copied().zip(lengths), size(shape))?;
                let pieces: Vec<_> = node.operands.iter().map(|&x| self.each(x)).collect();
                let offsets = offsets.iter().map(|offset| lanes * offset).collect();
                let shape = std::iter::once(lanes * size(shape)).collect();
                let op = Assemble { offsets, shape };
                Some(Lanes::Tiled(self.record(node, op, &pieces), tiles))
            }
            (TensorOp::Map(_) | TensorOp::Power(_), first) => {
                let Lanes::Tiled(x, tiles) = first else { return None };
                Some(Lanes::Tiled(self.record(node, node.op.clone(), &[*x]), tiles.clone()))
            }
            (TensorOp::Zip(_), _) => self.zip_tiled(node),
            _ => None,
        }
    }

    /// An elementwise operation of arrays with the same tiles, or with shared scalars.
    fn zip_tiled(&self, node: &Node<S>) -> Option<Lanes<'t, S>> {
        let mut common: Option<&Tiles> = None;
        let mut operands = Vec::with_capacity(2);
        for &id in &node.operands {
            operands.push(match &self.values[id as usize] {
                Lanes::Shared(Value::Scalar(x)) => x.to_tensor(self.tape),
                Lanes::Tiled(x, tiles)
                    if common.is_none_or(|common| common == tiles)
                        && self.program.shape(id) == node.shape.as_slice() =>
                {
                    common = Some(tiles);
                    *x
                }
                _ => return None,
            });
        }
        common
            .map(|tiles| Lanes::Tiled(self.record(node, node.op.clone(), &operands), tiles.clone()))
    }

    /// The operation once for each lane: what there is when it has no rule.
    fn lane_by_lane(&self, node: &Node<S>) -> Tensor<'t, S> {
        let operands: Vec<_> = node
            .operands
            .iter()
            .map(|&x| (self.each_or_shared(x), self.program.shape(x)))
            .collect();
        let results: Vec<_> = (0..self.lanes)
            .map(|lane| {
                let x: Vec<_> = operands
                    .iter()
                    .map(|&(x, shape)| match x {
                        Lane::Shared(x) => x,
                        Lane::Each(x) => x.view(lane * size(shape), shape),
                    })
                    .collect();
                self.record(node, node.op.clone(), &x)
            })
            .collect();
        let offsets = (0..self.lanes).map(|lane| lane * size(&node.shape)).collect();
        let shape = with_lanes(self.lanes, &node.shape);
        self.record(node, Assemble { offsets, shape }, &results)
    }

    fn each_or_shared(&self, id: Id) -> Lane<'t, S> {
        match self.shared(id) {
            Some(value) => Lane::Shared(value.tensor(self.tape)),
            None => Lane::Each(self.each(id)),
        }
    }

    /// The results of an instruction, lane after lane.
    fn each(&self, id: Id) -> Tensor<'t, S> {
        let shape = with_lanes(self.lanes, self.program.shape(id));
        match &self.values[id as usize] {
            Lanes::Shared(value) => value.tensor(self.tape).broadcast(&shape),
            Lanes::Each(x) => *x,
            Lanes::Tiled(x, tiles) => {
                let (mut pieces, mut offsets) = (Vec::new(), Vec::new());
                for tile in tiles.windows(2) {
                    let length = tile[1] - tile[0];
                    for lane in 0..self.lanes {
                        pieces.push(x.view(self.lanes * tile[0] + lane * length, &[length]));
                        offsets.push(lane * size(&shape[1..]) + tile[0]);
                    }
                }
                x.record(Assemble { offsets, shape }, &pieces)
            }
        }
    }

    /// What user code learnt holds in every lane, or the lanes do not take one path.
    fn carry_guards(&self) {
        let tape = self.tape;
        for guard in &self.program.guards {
            // What is shared is checked once.
            let mut lanes = 1;
            guarded_by(guard, |id| {
                if self.shared(id).is_none() {
                    lanes = self.lanes;
                }
            });
            for lane in 0..lanes {
                let scalar = |id: Id| tape.id_of(self.lane_element(lane, id, 0));
                let operand = |x: Operand<S>| match x {
                    Operand::Recorded(id) => Operand::Recorded(scalar(id)),
                    constant => constant,
                };
                let fact = match guard.fact {
                    Fact::Compared { relation, left, right, held } => {
                        let (left, right) = (operand(left), operand(right));
                        Fact::Compared { relation, left, right, held }
                    }
                    Fact::Read { id, value } => Fact::Read { id: scalar(id), value },
                    Fact::ReadArray { id, fingerprint } => {
                        let shape = self.program.shape(id);
                        let id = match self.each_or_shared(id) {
                            Lane::Shared(x) => x.id,
                            Lane::Each(x) => x.view(lane * size(shape), shape).id,
                        };
                        Fact::ReadArray { id, fingerprint }
                    }
                };
                tape.push_guard(fact, guard.at);
            }
        }
    }
}

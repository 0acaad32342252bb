//! Where every array of a program lives while it is evaluated.

use super::Program;
use super::instruction::{Id, Op};
use crate::array::size;
use crate::number::Scalar;
use crate::op::{Assemble, TensorOp, View, tiles};

/// The memory plan of a program: buffers are laid out once, and reused as soon as nobody reads them any more.
///
/// Views cost nothing: they are places within their operand's. Pieces that an `Assemble` lays side by side (the gradient
/// of a flat parameter vector) are computed where they will lie.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// By node number.
    places: Vec<Place>,
    /// By input number.
    inputs: Vec<Place>,
    /// Elements of the buffer.
    pub buffer: usize,
    /// Elements in memory while a call runs, at most: calls share them.
    pub nested: usize,
}

/// The place of an array's first element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub source: Source,
    pub offset: usize,
}

/// What an array lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The instruction's own slot among the scalar values.
    Slot,
    Buffer,
    /// The point at which the program is evaluated.
    Point,
    /// The direction of a tangent.
    Direction,
    /// The constant of this node.
    Constant(u32),
    /// The data array of this number.
    Data(usize),
}

/// Blocks start at multiples of this many elements, so that vector loads do not straddle cache lines needlessly.
const ALIGNMENT: usize = 16;

impl Plan {
    /// Plans `program`, whose first `primal_inputs` inputs make up the point and the rest the direction.
    ///
    /// What an instruction from number `frozen` on reads of the earlier ones is kept, so that the later part can be
    /// evaluated again and again.
    pub(crate) fn new<S: Scalar>(
        program: &Program<S>,
        primal_inputs: usize,
        frozen: usize,
    ) -> Self {
        let mut inputs = Vec::with_capacity(program.inputs.len());
        let (mut point, mut direction) = (0, 0);
        for (number, &id) in program.inputs.iter().enumerate() {
            let (source, offset) = match number < primal_inputs {
                true => (Source::Point, &mut point),
                false => (Source::Direction, &mut direction),
            };
            inputs.push(Place { source, offset: *offset });
            *offset += size(program.shape(id));
        }
        if program.is_scalar() {
            return Self { places: Vec::new(), inputs, buffer: 0, nested: 0 };
        }
        let homes = homes(program, frozen);
        let owners = owners(program, &homes);
        let last_use = last_use(program, &owners, frozen);
        let mut layout = Layout {
            program,
            homes: &homes,
            owners: &owners,
            last_use: &last_use,
            blocks: vec![None; program.len()],
            heap: Heap::default(),
            places: vec![Place { source: Source::Slot, offset: 0 }; program.nodes.len()],
        };
        for id in 0..program.len() as Id {
            layout.place(id, &inputs);
            layout.release(id);
        }
        let (places, buffer) = (layout.places, layout.heap.end);
        let own = program.nodes.iter().filter_map(|node| match &node.op {
            TensorOp::OwnOperation(op) => Some(op.memory()),
            _ => None,
        });
        Self { places, inputs, buffer, nested: own.max().unwrap_or(0) }
    }

    pub(crate) fn place(&self, node: u32) -> Place {
        self.places[node as usize]
    }

    pub(crate) fn input(&self, number: u32) -> Place {
        self.inputs[number as usize]
    }
}

/// For each array computed as a piece of an `Assemble` without overlap: that instruction, and the offset within it.
fn homes<S: Scalar>(program: &Program<S>, frozen: usize) -> Vec<Option<(Id, usize)>> {
    let mut homes = vec![None; program.len()];
    for id in 0..program.len() as Id {
        let Some(node) = program.node(id) else { continue };
        let TensorOp::Assemble(Assemble { offsets, shape }) = &node.op else { continue };
        let lengths = node.operands.iter().map(|&x| size(program.shape(x)));
        if shape.is_empty() || !tiles(lengths, offsets, size(shape)) {
            continue;
        }
        // What is laid twice, itself or a view of it, cannot be read while its place is written.
        let mut laid: Vec<Id> = node.operands.iter().map(|&x| viewed(program, x)).collect();
        laid.sort_unstable();
        let laid_once =
            |x: Id| laid.partition_point(|&y| y <= x) - laid.partition_point(|&y| y < x) == 1;
        for (&x, &offset) in node.operands.iter().zip(offsets) {
            let computed = program.node(x).is_some_and(|x| {
                let elsewhere = matches!(x.op, TensorOp::View(_) | TensorOp::Assemble(_));
                !x.operands.is_empty() && !x.shape.is_empty() && !elsewhere
            });
            // What is frozen must not lie in a block that the later part reuses.
            let same_part = ((x as usize) < frozen) == ((id as usize) < frozen);
            if computed && same_part && laid_once(x) && homes[x as usize].is_none() {
                homes[x as usize] = Some((id, offset));
            }
        }
    }
    homes
}

/// What a view shows; the instruction itself if it is none.
fn viewed<S: Scalar>(program: &Program<S>, mut id: Id) -> Id {
    while let Some(node) = program.node(id)
        && let TensorOp::View(_) = node.op
    {
        id = node.operands[0];
    }
    id
}

/// For each instruction the one whose block its elements lie in.
fn owners<S: Scalar>(program: &Program<S>, homes: &[Option<(Id, usize)>]) -> Vec<Id> {
    let mut owners: Vec<Id> = (0..program.len() as Id).collect();
    for id in 0..program.len() {
        if let Some((assemble, _)) = homes[id] {
            owners[id] = assemble;
        } else if let Some(node) = program.node(id as Id)
            && let TensorOp::View(_) = node.op
            && !program.shape(node.operands[0]).is_empty()
            && !node.shape.is_empty()
        {
            owners[id] = owners[node.operands[0] as usize];
        }
    }
    owners
}

/// The last instruction that reads each block.
fn last_use<S: Scalar>(program: &Program<S>, owners: &[Id], frozen: usize) -> Vec<usize> {
    let end = program.len();
    let mut last: Vec<usize> = (0..end).collect();
    for id in 0..end {
        let owner = owners[id] as usize;
        last[owner] = last[owner].max(id);
        program.operands(id as Id, |x| {
            let owner = owners[x as usize] as usize;
            let kept = id >= frozen && (x as usize) < frozen;
            last[owner] = if kept { end } else { last[owner].max(id) };
        });
    }
    let mut keep = |id: Id| last[owners[id as usize] as usize] = end;
    program.outputs.iter().copied().for_each(&mut keep);
    program.guarded(keep);
    last
}

struct Layout<'a, S> {
    program: &'a Program<S>,
    homes: &'a [Option<(Id, usize)>],
    owners: &'a [Id],
    last_use: &'a [usize],
    /// By owner: its block while it is in use.
    blocks: Vec<Option<Block>>,
    heap: Heap,
    places: Vec<Place>,
}

impl<S: Scalar> Layout<'_, S> {
    fn place(&mut self, id: Id, inputs: &[Place]) {
        let instruction = self.program.instructions[id as usize];
        if instruction.op != Op::Array {
            return;
        }
        let number = instruction.a;
        let node = &self.program.nodes[number as usize];
        let place = match &node.op {
            TensorOp::Input(input) => inputs[*input],
            TensorOp::Data(slot) => Place { source: Source::Data(*slot), offset: 0 },
            TensorOp::Constant(_) => Place { source: Source::Constant(number), offset: 0 },
            _ if node.shape.is_empty() => Place { source: Source::Slot, offset: 0 },
            TensorOp::View(View { offset, .. })
                if !self.program.shape(node.operands[0]).is_empty() =>
            {
                let below = self.program.instructions[node.operands[0] as usize].a;
                let below = self.places[below as usize];
                Place { source: below.source, offset: below.offset + offset }
            }
            _ => {
                let within = self.homes[id as usize].map_or(0, |(_, offset)| offset);
                let offset = self.block(self.owners[id as usize]).start + within;
                Place { source: Source::Buffer, offset }
            }
        };
        self.places[number as usize] = place;
    }

    /// The block of `owner`, allocated when first needed.
    fn block(&mut self, owner: Id) -> Block {
        let length = size(self.program.shape(owner));
        let heap = &mut self.heap;
        *self.blocks[owner as usize].get_or_insert_with(|| heap.allocate(length))
    }

    /// Gives back the blocks that instruction `id` was the last to read.
    fn release(&mut self, id: Id) {
        let (owners, last_use) = (self.owners, self.last_use);
        let (blocks, heap) = (&mut self.blocks, &mut self.heap);
        self.program.operands(id, |x| {
            let owner = owners[x as usize] as usize;
            if last_use[owner] == id as usize
                && let Some(block) = blocks[owner].take()
            {
                heap.free(block);
            }
        });
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Block {
    start: usize,
    length: usize,
}

/// A best-fit allocator of offsets.
#[derive(Default)]
struct Heap {
    /// Free blocks by start, none touching the next.
    free: Vec<Block>,
    /// The heap's size so far.
    end: usize,
}

impl Heap {
    fn allocate(&mut self, length: usize) -> Block {
        let length = length.next_multiple_of(ALIGNMENT);
        let fitting = self.free.iter().enumerate().filter(|(_, block)| block.length >= length);
        if let Some((i, &Block { start, .. })) = fitting.min_by_key(|(_, block)| block.length) {
            self.free[i].start += length;
            self.free[i].length -= length;
            if self.free[i].length == 0 {
                self.free.remove(i);
            }
            return Block { start, length };
        }
        let start = self.end;
        self.end += length;
        Block { start, length }
    }

    fn free(&mut self, mut block: Block) {
        let next = self.free.partition_point(|other| other.start < block.start);
        if let Some(after) = self.free.get(next)
            && after.start == block.start + block.length
        {
            block.length += after.length;
            self.free.remove(next);
        }
        match next.checked_sub(1).map(|i| &mut self.free[i]) {
            Some(before) if before.start + before.length == block.start => {
                before.length += block.length;
            }
            _ => self.free.insert(next, block),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freed_blocks_are_joined_and_reused() {
        let mut heap = Heap::default();
        let blocks: Vec<Block> = [16, 32, 48].into_iter().map(|n| heap.allocate(n)).collect();
        heap.free(blocks[0]);
        heap.free(blocks[2]);
        heap.free(blocks[1]);
        assert_eq!(heap.free, [Block { start: 0, length: 96 }]);
        assert_eq!(heap.allocate(90).start, 0);
        assert_eq!(heap.end, 96);
    }
}

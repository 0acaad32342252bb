//! Evaluating a planned program over real numbers, without allocating.

use smallvec::SmallVec;

use super::Program;
use super::checked::Checked;
use super::instruction::{Fact, Id, Node, Op, Operand, fingerprint};
use super::plan::{Place, Plan, Source};
use crate::array::{Array, View, size};
use crate::error::Error;
use crate::number::Real;
use crate::op::{TensorOp, assemble};

/// What a program is evaluated at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arguments<'a, S> {
    /// All primal inputs, flat.
    pub point: &'a [S],
    /// All tangent inputs, flat.
    pub direction: &'a [S],
    /// The arrays that come with an evaluation.
    pub data: &'a [Array<S>],
}

/// The memory of one evaluation; reused from one to the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workspace<S> {
    /// The scalar result of every instruction.
    pub values: Vec<S>,
    /// The array results, laid out by the plan.
    buffer: Vec<S>,
    /// The first error that an operation met in its operands' values.
    failed: Option<Error>,
}

impl<S: Real> Workspace<S> {
    /// Makes room for a program; does nothing if there is.
    pub(crate) fn fit(&mut self, program: &Program<S>, plan: &Plan) {
        self.values.resize(program.len(), S::zero());
        self.buffer.resize(plan.buffer, S::zero());
    }

    /// Evaluates the instructions in `range`, all earlier ones having been evaluated.
    pub(crate) fn run(
        &mut self,
        program: &Checked<S>,
        plan: &Plan,
        arguments: Arguments<'_, S>,
        range: std::ops::Range<usize>,
    ) {
        // Slices of their own, which stay in registers from one scalar instruction to the next.
        let (values, buffer) = (&mut self.values[..], &mut self.buffer[..]);
        self.failed = None;
        let failed = &mut self.failed;
        program.evaluate(
            values,
            range,
            |number| input(plan, arguments, number),
            |values, id| rarer_value(values, buffer, failed, program, plan, arguments, id),
        );
    }

    /// The elements of a result.
    pub(crate) fn array<'a>(
        &'a self,
        program: &'a Program<S>,
        plan: &'a Plan,
        arguments: Arguments<'a, S>,
        id: Id,
    ) -> &'a [S] {
        Reader::of_all(&self.values, &self.buffer, program, plan, arguments).operand(id).data
    }

    /// Writes the outputs in `range`, flat and in order, to `out`.
    pub(crate) fn copy_outputs(
        &self,
        program: &Program<S>,
        plan: &Plan,
        arguments: Arguments<'_, S>,
        range: std::ops::Range<usize>,
        out: &mut [S],
    ) {
        if program.is_scalar() {
            for (out, &id) in out.iter_mut().zip(&program.outputs[range]) {
                *out = self.values[id as usize];
            }
            return;
        }
        let mut start = 0;
        for &id in &program.outputs[range] {
            if program.shape(id).is_empty() {
                out[start] = self.values[id as usize];
                start += 1;
            } else {
                let value = self.array(program, plan, arguments, id);
                out[start..start + value.len()].copy_from_slice(value);
                start += value.len();
            }
        }
    }

    /// Puts another value in the place of a result, if it has one of its own.
    pub(crate) fn overwrite(&mut self, program: &Program<S>, plan: &Plan, id: Id, value: &[S]) {
        match program.node(id) {
            Some(node) if !node.shape.is_empty() => {
                let Place { source, offset } = plan.place(program.instructions[id as usize].a);
                if source == Source::Buffer {
                    self.buffer[offset..offset + value.len()].copy_from_slice(value);
                }
            }
            _ => self.values[id as usize] = value[0],
        }
    }

    /// Checks that user code would have taken the recorded path, and that every operation on it has a result.
    pub(crate) fn check(
        &self,
        program: &Program<S>,
        plan: &Plan,
        arguments: Arguments<'_, S>,
    ) -> Result<(), Error> {
        let operand = |x: Operand<S>| match x {
            Operand::Recorded(id) => self.values[id as usize],
            Operand::Constant(c) => c,
        };
        #[cfg(feature = "planted-faults")]
        if !crate::number::planted::guards_hold() {
            return self.check_results();
        }
        for guard in &program.guards {
            let at = guard.at;
            match guard.fact {
                Fact::Compared { relation, left, right, held } => {
                    if relation.holds(&operand(left), &operand(right)) != held {
                        return Err(Error::BranchChanged { at });
                    }
                }
                Fact::Read { id, value } => {
                    if self.values[id as usize].as_f64().to_bits() != value.as_f64().to_bits() {
                        return Err(Error::ValueEscaped { at });
                    }
                }
                Fact::ReadArray { id, fingerprint: expected } => {
                    if fingerprint(self.array(program, plan, arguments, id)) != expected {
                        return Err(Error::ValueEscaped { at });
                    }
                }
            }
        }
        self.check_results()
    }

    /// Checks that every operation of the last run has a result.
    pub(crate) fn check_results(&self) -> Result<(), Error> {
        self.failed.clone().map_or(Ok(()), Err)
    }
}

/// Arrays that are not in the workspace.
fn outside<'a, S: Real>(
    program: &'a Program<S>,
    arguments: Arguments<'a, S>,
    source: Source,
) -> &'a [S] {
    match source {
        Source::Point => arguments.point,
        Source::Direction => arguments.direction,
        Source::Data(slot) => arguments.data[slot].data(),
        Source::Constant(number) => match &program.nodes[number as usize].op {
            TensorOp::Constant(array) => array.data(),
            op => unreachable!("{} is not a constant", op.name()),
        },
        Source::Slot | Source::Buffer => unreachable!("in the workspace"),
    }
}

/// Scalar input `number`.
#[inline(always)]
fn input<S: Real>(plan: &Plan, arguments: Arguments<'_, S>, number: u32) -> S {
    let Place { source, offset } = plan.input(number);
    match source {
        Source::Direction => arguments.direction[offset],
        _ => arguments.point[offset],
    }
}

/// The scalar result of any instruction.
#[inline(never)]
fn rarer_value<S: Real>(
    values: &[S],
    buffer: &mut [S],
    failed: &mut Option<Error>,
    program: &Program<S>,
    plan: &Plan,
    arguments: Arguments<'_, S>,
    id: usize,
) -> S {
    program.scalar_value(
        program.instructions[id],
        |x| values[x as usize],
        |constant| constant,
        || from_elsewhere(values, buffer, failed, program, plan, arguments, id),
    )
}

/// The scalar result of an instruction that is not computed from scalars alone; of one on arrays, which is evaluated into
/// its place, this is its slot's old value.
#[inline(never)]
fn from_elsewhere<S: Real>(
    values: &[S],
    buffer: &mut [S],
    failed: &mut Option<Error>,
    program: &Program<S>,
    plan: &Plan,
    arguments: Arguments<'_, S>,
    id: usize,
) -> S {
    let instruction = program.instructions[id];
    match instruction.op {
        Op::Input => input(plan, arguments, instruction.a),
        Op::Element => {
            let reader = Reader::of_all(values, buffer, program, plan, arguments);
            reader.operand(instruction.a).data[instruction.b as usize]
        }
        _ => run_node(values, buffer, failed, program, plan, arguments, instruction.a)
            .unwrap_or(values[id]),
    }
}

/// Evaluates a node; returns its result if that is a scalar.
fn run_node<S: Real>(
    values: &[S],
    buffer: &mut [S],
    failed: &mut Option<Error>,
    program: &Program<S>,
    plan: &Plan,
    arguments: Arguments<'_, S>,
    number: u32,
) -> Option<S> {
    let node = &program.nodes[number as usize];
    let place = plan.place(number);
    if node.shape.is_empty() {
        return Some(match place.source {
            Source::Slot => {
                let mut y = [S::zero()];
                let reader = Reader::of_all(values, buffer, program, plan, arguments);
                reader.forward(node, &mut y, failed);
                y[0]
            }
            source => outside(program, arguments, source)[place.offset],
        });
    }
    if place.source != Source::Buffer || lies_within_operand(program, node) {
        return None;
    }
    let range = match size(&node.shape) {
        // What has no elements may have its place within an operand, which cannot be split there.
        0 => buffer.len()..buffer.len(),
        size => place.offset..place.offset + size,
    };
    let (memory, y) = Memory::split(values, buffer, range);
    let reader = Reader { memory, program, plan, arguments };
    match &node.op {
        TensorOp::Assemble(op) => reader.assemble(node, &op.offsets, place.offset, y),
        _ => reader.forward(node, y, failed),
    }
    None
}

/// Whether a node is a view that is nothing but a place; a view of a scalar is a copy.
fn lies_within_operand<S: Real>(program: &Program<S>, node: &Node<S>) -> bool {
    matches!(node.op, TensorOp::View(_)) && !program.shape(node.operands[0]).is_empty()
}

/// The workspace while one result in it is written: what lies before it, and what after.
struct Memory<'a, S> {
    values: &'a [S],
    before: &'a [S],
    after: &'a [S],
    after_start: usize,
}

impl<'a, S: Real> Memory<'a, S> {
    fn split(
        values: &'a [S],
        buffer: &'a mut [S],
        written: std::ops::Range<usize>,
    ) -> (Self, &'a mut [S]) {
        let (before, rest) = buffer.split_at_mut(written.start);
        let (y, after) = rest.split_at_mut(written.len());
        (Self { values, before, after, after_start: written.end }, y)
    }
}

/// Reads results, while another may be written.
struct Reader<'a, S> {
    memory: Memory<'a, S>,
    program: &'a Program<S>,
    plan: &'a Plan,
    arguments: Arguments<'a, S>,
}

impl<'a, S: Real> Reader<'a, S> {
    /// Nothing is written but a scalar.
    fn of_all(
        values: &'a [S],
        buffer: &'a [S],
        program: &'a Program<S>,
        plan: &'a Plan,
        arguments: Arguments<'a, S>,
    ) -> Self {
        let memory = Memory { values, before: buffer, after: &[], after_start: buffer.len() };
        Self { memory, program, plan, arguments }
    }

    fn operand(&self, id: Id) -> View<'a, S> {
        let Some(node) = self.program.node(id).filter(|node| !node.shape.is_empty()) else {
            return View {
                data: std::slice::from_ref(&self.memory.values[id as usize]),
                shape: &[],
            };
        };
        let Place { source, offset } = self.place(id);
        let end = offset + size(&node.shape);
        let data = match source {
            // What has no elements may lie anywhere, even within what is written.
            _ if end == offset => &[],
            Source::Buffer if end <= self.memory.before.len() => &self.memory.before[offset..end],
            Source::Buffer => {
                let start = self.memory.after_start;
                &self.memory.after[offset - start..end - start]
            }
            source => &outside(self.program, self.arguments, source)[offset..end],
        };
        View { data, shape: &node.shape }
    }

    fn place(&self, id: Id) -> Place {
        self.plan.place(self.program.instructions[id as usize].a)
    }

    /// Computes a result, NaN where there is none.
    fn forward(&self, node: &Node<S>, y: &mut [S], failed: &mut Option<Error>) {
        let operands: SmallVec<[View<'_, S>; 4]> =
            node.operands.iter().map(|&x| self.operand(x)).collect();
        if let Err(fault) = node.op.forward(&operands, y, &node.shape) {
            failed.get_or_insert(fault.into_error(node.op.name(), node.at));
            y.fill(S::nan());
        }
    }

    /// Lays the pieces that do not lie in their place already.
    fn assemble(&self, node: &Node<S>, offsets: &[usize], start: usize, y: &mut [S]) {
        let in_place = |x: Id, offset: usize| {
            // A piece without elements may have the same place by chance.
            self.program.node(x).is_some_and(|node| !node.shape.is_empty() && size(&node.shape) > 0)
                && self.place(x) == Place { source: Source::Buffer, offset: start + offset }
        };
        let pieces = || node.operands.iter().copied().zip(offsets.iter().copied());
        if !pieces().any(|(x, offset)| in_place(x, offset)) {
            assemble(node.operands.iter().map(|&x| self.operand(x).data), offsets, y);
            return;
        }
        for (x, offset) in pieces().filter(|&(x, offset)| !in_place(x, offset)) {
            let piece = self.operand(x).data;
            y[offset..offset + piece.len()].copy_from_slice(piece);
        }
    }
}

//! Removing what a program computes twice, or for nobody.

use std::collections::HashMap;

use smallvec::SmallVec;

use super::Program;
use crate::array::size;
use crate::rules::Binary;
use crate::rules::tensor::TensorOp;
use crate::scalar::Real;
use crate::tape::{Fact, Guard, Id, Instruction, Node, Op, Operand};

impl<S: Real> Program<S> {
    /// The same function with common subexpressions shared, transposes read in place by the products that use them, sums
    /// gathered, and dead instructions dropped. Every remaining instruction computes what it did before. Constants come
    /// first.
    ///
    /// Complexity: linear in the size of the program.
    pub(crate) fn simplified(mut self) -> Self {
        let representative = share(&mut self);
        self.redirect(|id| representative[id as usize]);
        let live = self.live();
        let mut program = self.compact(&live, &|_| 0).0;
        program.gather_sums();
        let live = program.live();
        let computed: Vec<bool> =
            program.instructions.iter().map(|step| step.op != Op::Constant).collect();
        program.compact(&live, &|id| usize::from(computed[id as usize])).0
    }

    /// Renames the operands, outputs and guards.
    fn redirect(&mut self, rename: impl Fn(Id) -> Id) {
        for instruction in &mut self.instructions {
            *instruction = renamed(*instruction, &rename);
        }
        for list in [&mut self.lists, &mut self.outputs, &mut self.inputs] {
            list.iter_mut().for_each(|id| *id = rename(*id));
        }
        for node in &mut self.nodes {
            node.operands.iter_mut().for_each(|id| *id = rename(*id));
        }
        for guard in &mut self.guards {
            rename_guard(guard, &rename);
        }
    }

    /// Which instructions an output, a guard or an input needs.
    fn live(&self) -> Vec<bool> {
        let mut live = vec![false; self.len()];
        for &id in self.outputs.iter().chain(&self.inputs) {
            live[id as usize] = true;
        }
        self.guarded(|id| live[id as usize] = true);
        for id in (0..self.len()).rev() {
            if live[id] {
                self.operands(id as Id, |x| live[x as usize] = true);
            }
        }
        live
    }

    /// The program of the live instructions, ordered by `stage` and otherwise as before.
    ///
    /// Also returns how many instructions each stage has. An instruction must not read one of a later stage.
    pub(crate) fn compact(self, live: &[bool], stage: &dyn Fn(Id) -> usize) -> (Self, [usize; 2]) {
        let mut order: Vec<Id> = (0..self.len() as Id).filter(|&id| live[id as usize]).collect();
        order.sort_by_key(|&id| stage(id));
        let first = order.iter().filter(|&&id| stage(id) == 0).count();
        let mut renamed_id = vec![Id::MAX; self.len()];
        for (new, &old) in order.iter().enumerate() {
            renamed_id[old as usize] = new as Id;
        }
        let mut nodes: Vec<Option<Node<S>>> = self.nodes.into_iter().map(Some).collect();
        let mut compact = Program {
            instructions: Vec::with_capacity(order.len()),
            constants: self.constants,
            lists: Vec::new(),
            nodes: Vec::new(),
            guards: self.guards,
            inputs: self.inputs,
            outputs: self.outputs,
        };
        for &old in &order {
            let mut instruction = self.instructions[old as usize];
            match instruction.op {
                Op::Sum | Op::Dot | Op::ChainDot | Op::MulAdd => {
                    let (start, length) = instruction.list();
                    let operands = start as usize..(start + length) as usize;
                    instruction.a = compact.lists.len() as u32;
                    compact.lists.extend_from_slice(&self.lists[operands]);
                }
                Op::Array => {
                    let node = nodes[instruction.a as usize].take();
                    instruction.a = compact.nodes.len() as u32;
                    compact.nodes.extend(node);
                }
                _ => {}
            }
            compact.instructions.push(instruction);
        }
        compact.redirect(|id| renamed_id[id as usize]);
        let stages = [first, order.len() - first];
        (compact, stages)
    }
}

/// An instruction with its operands renamed; those in lists and nodes are renamed there.
pub(crate) fn renamed(mut instruction: Instruction, rename: &impl Fn(Id) -> Id) -> Instruction {
    match instruction.op {
        Op::Map(_) | Op::PowerInt | Op::PowerReal | Op::ZipConstant(_) | Op::Element => {
            instruction.a = rename(instruction.a);
        }
        Op::ConstantZip(_) => instruction.b = rename(instruction.b),
        Op::Zip(_) => {
            instruction.a = rename(instruction.a);
            instruction.b = rename(instruction.b);
        }
        Op::Input | Op::Constant | Op::Sum | Op::Dot | Op::ChainDot | Op::MulAdd | Op::Array => {}
    }
    instruction
}

fn rename_guard<S>(guard: &mut Guard<S>, rename: &impl Fn(Id) -> Id) {
    match &mut guard.fact {
        Fact::Compared { left, right, .. } => {
            for operand in [left, right] {
                if let Operand::Recorded(id) = operand {
                    *id = rename(*id);
                }
            }
        }
        Fact::Read { id, .. } | Fact::ReadArray { id, .. } => *id = rename(*id),
    }
}

/// What two instructions must have in common to be the same; constants stand by their bits.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Scalar(Op, u64, u64),
    List(Op, SmallVec<[Id; 8]>),
    Array(&'static str, SmallVec<[Id; 4]>),
}

/// For each instruction the first one that computes the same.
fn share<S: Real>(program: &mut Program<S>) -> Vec<Id> {
    let mut representative: Vec<Id> = (0..program.len() as Id).collect();
    let mut known: HashMap<Key, SmallVec<[Id; 1]>> = HashMap::new();
    for id in 0..program.len() as Id {
        let rename = |x: Id| representative[x as usize];
        let instruction = program.instructions[id as usize];
        if instruction.op == Op::Array {
            let mut node = program.nodes[instruction.a as usize].clone();
            node.operands.iter_mut().for_each(|x| *x = rename(*x));
            read_transposes_in_place(program, &mut node);
            if let Some(same) = look_through(program, &mut node) {
                representative[id as usize] = same;
                continue;
            }
            program.nodes[instruction.a as usize] = node;
        }
        let Some(key) = key(program, renamed(instruction, &rename), &rename) else { continue };
        let candidates = known.entry(key).or_default();
        match candidates.iter().find(|&&earlier| same_node(program, earlier, id)) {
            Some(&earlier) => representative[id as usize] = earlier,
            None => candidates.push(id),
        }
    }
    representative
}

fn key<S: Real>(
    program: &Program<S>,
    instruction: Instruction,
    rename: &impl Fn(Id) -> Id,
) -> Option<Key> {
    let Instruction { op, a, b, .. } = instruction;
    let bits = |number: u32| program.constants[number as usize].as_f64().to_bits();
    Some(match op {
        Op::Input => return None,
        Op::Constant => Key::Scalar(op, bits(a), 0),
        Op::PowerReal | Op::ZipConstant(_) => Key::Scalar(op, a.into(), bits(b)),
        Op::ConstantZip(_) => Key::Scalar(op, bits(a), b.into()),
        // Sums and products of two have the same bits in either order.
        Op::Zip(Binary::Add | Binary::Mul) => Key::Scalar(op, a.min(b).into(), a.max(b).into()),
        Op::Map(_) | Op::PowerInt | Op::Zip(_) | Op::Element => Key::Scalar(op, a.into(), b.into()),
        Op::Sum | Op::Dot | Op::ChainDot | Op::MulAdd => {
            Key::List(op, program.listed(instruction).iter().map(|&x| rename(x)).collect())
        }
        Op::Array => {
            let node = &program.nodes[a as usize];
            if node.operands.is_empty() {
                return None;
            }
            let mut operands = node.operands.clone();
            if let TensorOp::Zip(Binary::Add | Binary::Mul) = node.op {
                operands.sort_unstable();
            }
            Key::Array(node.op.name(), operands)
        }
    })
}

/// Whether two instructions of equal keys are the same also in what the key leaves out.
fn same_node<S: Real>(program: &Program<S>, a: Id, b: Id) -> bool {
    match (program.node(a), program.node(b)) {
        (Some(a), Some(b)) => a.op == b.op,
        _ => true,
    }
}

/// `A·Permute(B)` is `A·Bᵀ` if the last two axes are exchanged: the product reads the operand with exchanged strides.
fn read_transposes_in_place<S: Real>(program: &Program<S>, node: &mut Node<S>) {
    let TensorOp::MatMul { transpose_a, transpose_b } = &mut node.op else { return };
    for (operand, transpose) in node.operands.iter_mut().zip([transpose_a, transpose_b]) {
        if let Some(Node { op: TensorOp::Permute(axes), operands, .. }) = program.node(*operand)
            && exchanges_last_two(axes)
        {
            *operand = operands[0];
            *transpose = !*transpose;
        }
    }
}

fn exchanges_last_two(axes: &[usize]) -> bool {
    let Some(batch) = axes.len().checked_sub(2) else { return false };
    axes[..batch].iter().copied().eq(0..batch) && axes[batch..] == [batch + 1, batch]
}

/// A view of a view is a view of what lies below; one that changes nothing is its operand.
fn look_through<S: Real>(program: &Program<S>, node: &mut Node<S>) -> Option<Id> {
    let TensorOp::View { offset, shape } = &mut node.op else { return None };
    if let Some(Node { op: TensorOp::View { offset: below, .. }, operands, .. }) =
        program.node(node.operands[0])
    {
        *offset += below;
        node.operands[0] = operands[0];
    }
    let x = node.operands[0];
    let whole = *offset == 0 && program.shape(x) == shape.as_slice() && size(shape) > 0;
    whole.then_some(x)
}

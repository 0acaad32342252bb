//! Removing what a program computes twice, or for nobody.

use std::hash::{Hash, Hasher};

use smallvec::SmallVec;

use super::Program;
use super::hash::Fold;
use super::instruction::{Fact, Field, Guard, Id, Instruction, Node, Op, Operand};
use crate::array::size;
use crate::number::{Binary, Real};
use crate::op::{MatMul, Permute, TensorOp, View, Zip};

impl<S: Real> Program<S> {
    /// The same function with common subexpressions shared, transposes read in place by the products that use them, sums
    /// gathered, and dead instructions dropped. Every remaining instruction computes what it did before. Constants come
    /// first.
    ///
    /// Complexity: linear in the size of the program.
    pub(crate) fn simplified(self) -> Self {
        let inputs = self.inputs.len();
        self.simplified_in_parts(inputs).0
    }

    /// The same, and what depends on the inputs from number `first` on comes after all else. Also returns how many
    /// instructions come before that.
    pub(crate) fn simplified_in_parts(mut self, first: usize) -> (Self, usize) {
        share(&mut self);
        let mut live = self.live();
        if self.gather_sums(&live) {
            live = self.live();
        }
        let later = self.depending_on(&self.inputs[first..]);
        self.arranged(&live, &later)
    }

    pub(super) fn rename_guards(&mut self, rename: impl Fn(Id) -> Id) {
        for guard in &mut self.guards {
            rename_guard(guard, &rename);
        }
    }

    /// Which instructions an output, a guard or an input needs.
    pub(crate) fn live(&self) -> Vec<bool> {
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

    /// The program of the live instructions: constants, the others, and those that are to come later, each as before.
    ///
    /// Also returns how many the constants and the others are. None of them may read a later one.
    fn arranged(self, live: &[bool], later: &[bool]) -> (Self, usize) {
        const DEAD: usize = 3;
        let part = |id: usize| match self.instructions[id].op {
            _ if !live[id] => DEAD,
            Op::Constant => 0,
            _ => 1 + usize::from(later[id]),
        };
        let mut lengths = [0; DEAD + 1];
        (0..self.len()).for_each(|id| lengths[part(id)] += 1);
        let [constants, others, last, _] = lengths;
        let mut next = [0, constants, constants + others];
        let mut order = vec![0; constants + others + last];
        let mut new = vec![Id::MAX; self.len()];
        for (id, new) in new.iter_mut().enumerate() {
            if let Some(place) = next.get_mut(part(id)) {
                (*new, order[*place]) = (*place as Id, id as Id);
                *place += 1;
            }
        }
        let rename = |id: Id| new[id as usize];
        let mut nodes: Vec<Option<Node<S>>> = self.nodes.into_iter().map(Some).collect();
        let mut arranged = Program {
            instructions: Vec::with_capacity(order.len()),
            constants: self.constants,
            lists: Vec::with_capacity(self.lists.len()),
            nodes: Vec::with_capacity(nodes.len()),
            guards: self.guards,
            inputs: self.inputs,
            outputs: self.outputs,
        };
        for &old in &order {
            let instruction = self.instructions[old as usize].with_fields(|field| match field {
                Field::Operand(x) => rename(x),
                Field::List { start, length } => {
                    let operands = &self.lists[start as usize..(start + length) as usize];
                    arranged.lists.extend(operands.iter().map(|&x| rename(x)));
                    arranged.lists.len() as u32 - length
                }
                Field::Node(number) => {
                    let node = nodes[number as usize].take();
                    arranged.nodes.extend(node.map(|mut node| {
                        node.operands.iter_mut().for_each(|x| *x = rename(*x));
                        node
                    }));
                    arranged.nodes.len() as u32 - 1
                }
                other => other.number(),
            });
            arranged.instructions.push(instruction);
        }
        arranged.rename_ends(rename);
        (arranged, constants + others)
    }

    /// Renames what the inputs, the outputs and the guards are.
    fn rename_ends(&mut self, rename: impl Fn(Id) -> Id) {
        for list in [&mut self.outputs, &mut self.inputs] {
            list.iter_mut().for_each(|id| *id = rename(*id));
        }
        self.rename_guards(rename);
    }
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

/// Lets all that read an instruction read the first one that computes the same.
fn share<S: Real>(program: &mut Program<S>) {
    let mut representative: Vec<Id> = (0..program.len() as Id).collect();
    let mut known = Known::with_room_for(program.len());
    for id in 0..program.len() as Id {
        let rename = |x: Id| representative[x as usize];
        let instruction = program.instructions[id as usize].renamed(rename);
        program.instructions[id as usize] = instruction;
        let range = program.listed_range(instruction);
        program.lists[range].iter_mut().for_each(|x| *x = rename(*x));
        if instruction.op == Op::Array {
            let (earlier, rest) = program.nodes.split_at_mut(instruction.a as usize);
            let below = Below { instructions: &program.instructions, nodes: earlier };
            let node = &mut rest[0];
            node.operands.iter_mut().for_each(|x| *x = rename(*x));
            read_transposes_in_place(&below, node);
            if let Some(same) = look_through(&below, node) {
                representative[id as usize] = same;
                continue;
            }
        }
        if let Some(hash) = hash(program, instruction) {
            let same = |earlier: Id| computes_the_same(program, earlier, id);
            representative[id as usize] = known.find_or_insert(hash, id, same);
        }
    }
    program.rename_ends(|id| representative[id as usize]);
}

/// The instructions met so far, found by a hash of what they compute.
///
/// A table of their numbers alone: programs have tens of millions of instructions, and each is its own key.
struct Known {
    /// As many as a power of two.
    slots: Vec<Id>,
}

impl Known {
    const EMPTY: Id = Id::MAX;

    fn with_room_for(instructions: usize) -> Self {
        let slots = (instructions + instructions / 2 + 2).next_power_of_two();
        Self { slots: vec![Self::EMPTY; slots] }
    }

    /// The instruction that is the same as `id`: an earlier one, or `id` itself, which is kept then.
    fn find_or_insert(&mut self, hash: u64, id: Id, mut same: impl FnMut(Id) -> bool) -> Id {
        let mask = self.slots.len() - 1;
        // A product's highest bits depend on all bits of its factors.
        let mut slot = (hash >> (u64::BITS - self.slots.len().trailing_zeros())) as usize;
        while self.slots[slot] != Self::EMPTY {
            if same(self.slots[slot]) {
                return self.slots[slot];
            }
            slot = (slot + 1) & mask;
        }
        self.slots[slot] = id;
        id
    }
}

/// A hash of what an instruction computes; `None` if it is to stay apart from all others.
fn hash<S: Real>(program: &Program<S>, instruction: Instruction) -> Option<u64> {
    let mut hash = Fold::default();
    instruction.op.hash(&mut hash);
    match instruction.op {
        Op::Input => return None,
        Op::Array => {
            let node = &program.nodes[instruction.a as usize];
            if node.operands.is_empty() {
                return None;
            }
            // With its arguments: the views of one array by the thousand are as many operations.
            (node.op.text(), &node.shape).hash(&mut hash);
            in_any_order(node).hash(&mut hash);
        }
        _ => {
            key(program, instruction).into_iter().for_each(|word| hash.write_u64(word));
            program.listed(instruction).iter().for_each(|&x| hash.write_u32(x));
        }
    }
    Some(hash.finish())
}

/// Whether two instructions of renamed operands are the same; constants stand by their bits.
fn computes_the_same<S: Real>(program: &Program<S>, first: Id, second: Id) -> bool {
    let (x, y) = (program.instructions[first as usize], program.instructions[second as usize]);
    x.op == y.op
        && match (program.node(first), program.node(second)) {
            (Some(x), Some(y)) => in_any_order(x) == in_any_order(y) && x.op == y.op,
            _ => key(program, x) == key(program, y) && program.listed(x) == program.listed(y),
        }
}

/// The fields of a scalar instruction: equal if it is the same operation with the same operands that are not listed.
fn key<S: Real>(program: &Program<S>, instruction: Instruction) -> [u64; 2] {
    let [a, b] = instruction.fields().map(|field| match field {
        Field::Constant(number) => program.constants[number as usize].as_f64().to_bits(),
        Field::List { length, .. } => length.into(),
        other => other.number().into(),
    });
    match instruction.op {
        // Sums and products of two have the same bits in either order.
        Op::Zip(Binary::Add | Binary::Mul) => [a.min(b), a.max(b)],
        _ => [a, b],
    }
}

/// The operands of a node, sorted if their order does not matter.
fn in_any_order<S>(node: &Node<S>) -> SmallVec<[Id; 4]> {
    let mut operands = node.operands.clone();
    if let TensorOp::Zip(Zip(Binary::Add | Binary::Mul)) = node.op {
        operands.sort_unstable();
    }
    operands
}

/// The instructions and nodes before a node.
struct Below<'a, S> {
    instructions: &'a [Instruction],
    nodes: &'a [Node<S>],
}

impl<S> Below<'_, S> {
    fn node(&self, id: Id) -> Option<&Node<S>> {
        let instruction = self.instructions[id as usize];
        (instruction.op == Op::Array).then(|| &self.nodes[instruction.a as usize])
    }
}

/// `A·Permute(B)` is `A·Bᵀ` if the last two axes are exchanged: the product reads the operand with exchanged strides.
fn read_transposes_in_place<S>(below: &Below<'_, S>, node: &mut Node<S>) {
    let TensorOp::MatMul(MatMul { transpose_a, transpose_b }) = &mut node.op else { return };
    for (operand, transpose) in node.operands.iter_mut().zip([transpose_a, transpose_b]) {
        if let Some(Node { op: TensorOp::Permute(Permute(axes)), operands, .. }) =
            below.node(*operand)
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
fn look_through<S>(below: &Below<'_, S>, node: &mut Node<S>) -> Option<Id> {
    let TensorOp::View(View { offset, shape }) = &mut node.op else { return None };
    if let Some(Node { op: TensorOp::View(View { offset: start, .. }), operands, .. }) =
        below.node(node.operands[0])
    {
        *offset += start;
        node.operands[0] = operands[0];
    }
    let x = node.operands[0];
    let viewed: &[usize] = below.node(x).map_or(&[], |node| &node.shape);
    let whole = *offset == 0 && viewed == shape.as_slice() && size(shape) > 0;
    whole.then_some(x)
}

#[cfg(test)]
mod tests {
    use super::{Known, Program, hash};
    use crate::array::Array;
    use crate::error::Error;
    use crate::program::instruction::{Id, Op};
    use crate::tape::{Tape, Tensor, Var, record_scalars};

    /// Instructions that share one operand, on either side, have hashes of their own, whatever the size of the table.
    #[test]
    fn looking_up_an_instruction_takes_about_one_comparison() -> Result<(), Error> {
        fn shared<'t>(x: &[Var<'t>]) -> Vec<Var<'t>> {
            let steps: Vec<Var<'t>> = x.iter().map(|x| x.sin()).collect();
            let of = |f: fn(Var<'t>, Var<'t>) -> Var<'t>| steps.iter().map(move |&s| f(s, x[0]));
            let products = of(|s, x| s * x).chain(of(|s, x| x / s)).chain(of(|s, x| s - x));
            products.map(|y| y + 0.5).collect()
        }
        for n in [10, 1000, 40_000] {
            let x: Vec<f64> = (0..n).map(|i| 1.0 + f64::from(i)).collect();
            let program = record_scalars(&x, shared)?.program;
            let comparisons = comparisons(&program);
            assert!(comparisons < program.len(), "{comparisons} of {} instructions", program.len());
        }
        Ok(())
    }

    /// So do the parts of one array.
    #[test]
    fn looking_up_a_part_of_an_array_takes_about_one_comparison() -> Result<(), Error> {
        type Part = for<'t> fn(Tensor<'t>, usize) -> Tensor<'t>;
        let parts: [Part; 4] = [
            |x, i| x.view(2 * i, &[2]),
            |x, i| x.view(i, &[i]),
            |x, i| x.select(0, i),
            |x, i| x.select(1, i),
        ];
        for part in parts {
            let n = 1000;
            let tape = Tape::<f64>::new();
            let x = tape.input_array(&Array::zeros(&[n, n]));
            let outputs = (0..n).map(|i| part(x, i).id).collect();
            let program = tape.finish(outputs)?.program;
            let comparisons = comparisons(&program);
            assert!(comparisons < program.len(), "{comparisons} of {} instructions", program.len());
        }
        Ok(())
    }

    /// How many others are looked at if no two instructions are the same.
    fn comparisons(program: &Program<f64>) -> usize {
        let mut known = Known::with_room_for(program.len());
        let mut comparisons = 0;
        for id in 0..program.len() as Id {
            if let Some(hash) = hash(program, program.instructions[id as usize]) {
                let different = |_| {
                    comparisons += 1;
                    false
                };
                known.find_or_insert(hash, id, different);
            }
        }
        comparisons
    }

    #[test]
    fn constants_come_first_and_what_depends_on_a_direction_last() -> Result<(), Error> {
        fn mixed<'t>(x: &[Var<'t>]) -> Vec<Var<'t>> {
            let [p, q, v] = [x[0], x[1], x[2]];
            let (early, late) = ((v * p).sin() + q, (p * q).exp());
            vec![early * late + 2.0, late / q, v * early * early]
        }
        let (program, before) =
            record_scalars(&[0.3, 0.7, 1.1], mixed)?.program.simplified_in_parts(2);
        let depends = program.depending_on(&program.inputs[2..]);
        assert!(before < program.len() && depends.is_sorted());
        assert_eq!(depends.partition_point(|&depends| !depends), before);
        let computed = program.instructions.iter().map(|step| step.op != Op::Constant);
        assert!(computed.clone().is_sorted() && !computed.clone().all(|computed| computed));
        for id in 0..program.len() as Id {
            program.operands(id, |x| assert!(x < id));
        }
        Ok(())
    }

    #[test]
    fn the_same_is_computed_once_and_the_unlike_apart() -> Result<(), Error> {
        fn wasteful<'t>(x: &[Var<'t>]) -> Vec<Var<'t>> {
            let sum = |x: &[Var<'t>]| x.iter().sum::<Var<'t>>();
            let twice = (x[0] * x[1]).sin() + (x[0] * x[1]).sin();
            let _dead = x[0].exp();
            // Alike but for one field: order of operands, constant, power, terms.
            let apart = (x[0] - x[1]) * (x[1] - x[0]) * (x[0] + 2.0) * (x[0] + 3.0);
            vec![twice, sum(x) * sum(x), apart, x[0].powi(3) * x[0].powi(4), sum(&x[..2])]
        }
        let x = [0.3, 0.7, 1.1];
        let recorded = record_scalars(&x, wasteful)?.program;
        let program = recorded.clone().simplified();
        let count = |op: Op| program.instructions.iter().filter(|x| x.op == op).count();
        assert_eq!((program.len(), recorded.len() - program.len()), (19, 4));
        assert_eq!((count(Op::PowerInt), count(Op::Sum)), (2, 2));
        assert_eq!(program.clone().simplified().len(), program.len());
        Ok(())
    }
}

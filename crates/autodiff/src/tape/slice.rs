//! The part of a live recording that lies between some results and what they are differentiated by.

use std::collections::{BTreeSet, HashMap};

use smallvec::SmallVec;

use super::{Id, Instruction, Node, Op, Tape, Tensor};
use crate::array::size;
use crate::program::{
    Program, Unchanged, Value, record_adjoint_in, record_tangent_in, sum_of_products,
};
use crate::rules::tensor::TensorOp;
use crate::scalar::Scalar;

/// A part of a recording as a program of its own, with the results that it has on the tape.
///
/// Its inputs are the sources; everything else that it reads stands there as an instruction without operands.
struct Slice<'t, S: Scalar> {
    program: Program<S>,
    values: Vec<Value<'t, S>>,
    /// The slice's number of each instruction in it.
    numbers: HashMap<Id, Id>,
}

impl<S: Scalar> Tape<S> {
    /// The cotangents of `sources` for these cotangents of results, recorded here; `None` where nothing depends on it.
    ///
    /// Complexity: what lies between the sources and the results.
    pub(crate) fn adjoint<'t>(
        &'t self,
        seeds: &[(Id, Value<'t, S>)],
        sources: &[Id],
    ) -> Vec<Option<Value<'t, S>>> {
        let results: Vec<Id> = seeds.iter().map(|&(id, _)| id).collect();
        let slice = self.slice(&results, sources);
        let seeds: Vec<_> =
            seeds.iter().filter_map(|&(id, seed)| Some((*slice.numbers.get(&id)?, seed))).collect();
        record_adjoint_in::<S, S, Unchanged>(&slice.program, self, &slice.values, &seeds)
    }

    /// The tangent of a result for these tangents of sources, recorded here; `None` if it does not depend on them.
    pub(crate) fn tangent<'t>(
        &'t self,
        result: Id,
        sources: &[Id],
        tangents: &[Value<'t, S>],
    ) -> Option<Value<'t, S>> {
        let slice = self.slice(&[result], sources);
        let Slice { program, values, numbers } = &slice;
        let all =
            record_tangent_in::<S, S, Unchanged>(program, self, values, tangents, sum_of_products);
        all[*numbers.get(&result)? as usize]
    }

    fn slice(&self, results: &[Id], sources: &[Id]) -> Slice<'_, S> {
        let above = self.ancestors(results, sources.iter().copied().min().unwrap_or(Id::MAX));
        let mut depends: BTreeSet<Id> = sources.iter().copied().collect();
        let mut computed = BTreeSet::new();
        let mut read: BTreeSet<Id> = depends.clone();
        for &id in &above {
            let mut operands = Vec::new();
            self.operands(id, |x| operands.push(x));
            if operands.iter().any(|x| depends.contains(x)) {
                depends.insert(id);
                computed.insert(id);
                read.insert(id);
                read.extend(operands);
            }
        }
        let mut slice = Slice {
            program: Program {
                instructions: Vec::with_capacity(read.len()),
                constants: Vec::new(),
                lists: Vec::new(),
                nodes: Vec::new(),
                guards: Vec::new(),
                inputs: Vec::new(),
                outputs: Vec::new(),
            },
            values: Vec::with_capacity(read.len()),
            numbers: HashMap::with_capacity(read.len()),
        };
        for id in read {
            slice.push(self, id, computed.contains(&id));
        }
        slice.program.inputs = sources.iter().map(|source| slice.numbers[source]).collect();
        slice
    }

    /// What these results are computed from, themselves included, from instruction `first` on; in order.
    fn ancestors(&self, results: &[Id], first: Id) -> BTreeSet<Id> {
        let mut found = BTreeSet::new();
        let mut open: Vec<Id> = results.to_vec();
        while let Some(id) = open.pop() {
            if id >= first && found.insert(id) {
                self.operands(id, |x| open.push(x));
            }
        }
        found
    }

    fn operands(&self, id: Id, mut visit: impl FnMut(Id)) {
        let instruction = self.instruction(id);
        if instruction.op == Op::Array {
            let nodes = self.nodes.borrow();
            nodes[instruction.a as usize].operands.iter().copied().for_each(visit);
            return;
        }
        instruction.operands(&mut visit);
        let (start, length) = instruction.list();
        (start..start + length).for_each(|i| visit(self.lists.get(i as usize)));
    }

    /// The array operation that instruction `id` is, and its operands.
    pub(crate) fn operation(&self, id: Id) -> (TensorOp<S>, SmallVec<[Id; 4]>) {
        let number = self.instruction(id).a as usize;
        let Node { op, operands, .. } = &self.nodes.borrow()[number];
        (op.clone(), operands.clone())
    }

    /// The handle of instruction `id`.
    pub(crate) fn handle(&self, id: Id) -> Value<'_, S> {
        match self.array(id) {
            Some(array) => Value::Array(array),
            None => Value::Scalar(super::Var::recorded(self, id, self.steps.value(id as usize))),
        }
    }

    /// The handle of instruction `id`, if its result is an array.
    fn array(&self, id: Id) -> Option<Tensor<'_, S>> {
        let instruction = self.instruction(id);
        if instruction.op != Op::Array {
            return None;
        }
        let number = instruction.a as usize;
        let Node { op, operands, shape, .. } = self.nodes.borrow()[number].clone();
        if shape.is_empty() {
            return None;
        }
        let elements = self.arrays.borrow()[number].clone();
        let data = match (elements, op) {
            (Some(elements), _) => self.lend(&elements),
            (None, TensorOp::View { offset, .. }) => {
                let below = self.handle(operands[0]).tensor(self).data;
                &below[offset..offset + size(&shape)]
            }
            (None, op) => unreachable!("{} has elements of its own", op.name()),
        };
        let shape = self.shapes.alloc_extend(shape);
        Some(Tensor { tape: self, id, shape, data })
    }
}

impl<'t, S: Scalar> Slice<'t, S> {
    /// Appends instruction `id` of the tape: as it is, or as something given.
    fn push(&mut self, tape: &'t Tape<S>, id: Id, computed: bool) {
        let value = tape.handle(id);
        let instruction = match computed {
            true => self.copy(tape, tape.instruction(id)),
            false => self.given(value),
        };
        self.numbers.insert(id, self.program.len() as Id);
        self.program.instructions.push(instruction);
        self.values.push(value);
    }

    fn given(&mut self, value: Value<'t, S>) -> Instruction {
        match value {
            Value::Scalar(_) => Instruction::new(Op::Input, 0, 0),
            Value::Array(array) => self.push_node(Node {
                op: TensorOp::Input(0),
                operands: Default::default(),
                shape: array.shape.into(),
                at: std::panic::Location::caller(),
            }),
        }
    }

    fn copy(&mut self, tape: &Tape<S>, mut instruction: Instruction) -> Instruction {
        if instruction.op == Op::Array {
            let mut node = tape.nodes.borrow()[instruction.a as usize].clone();
            node.operands.iter_mut().for_each(|x| *x = self.numbers[x]);
            return self.push_node(node);
        }
        let (start, length) = instruction.list();
        if length > 0 {
            instruction.a = self.program.lists.len() as u32;
            let operands = (start..start + length).map(|i| tape.lists.get(i as usize));
            self.program.lists.extend(operands.map(|x| self.numbers[&x]));
            return instruction;
        }
        let mut constant = |number: &mut u32| {
            let value = tape.constant_number(*number);
            *number = self.program.constants.len() as u32;
            self.program.constants.push(value);
        };
        match instruction.op {
            Op::PowerReal | Op::ZipConstant(_) => constant(&mut instruction.b),
            Op::ConstantZip(_) => constant(&mut instruction.a),
            _ => {}
        }
        crate::program::renamed(instruction, &|x| self.numbers[&x])
    }

    fn push_node(&mut self, node: Node<S>) -> Instruction {
        self.program.nodes.push(node);
        Instruction::new(Op::Array, self.program.nodes.len() as u32 - 1, 0)
    }
}

//! The part of a live recording that lies between some results and what they are differentiated by.

use super::adjoint::{record_adjoint_in, sum_of_products};
use super::tangent::record_tangent_in;
use crate::number::Scalar;
use crate::op::TensorOp;
use crate::program::{Field, Id, Instruction, Node, Op, Program, Unchanged};
use crate::tape::{Mark, Notes, Tape, Value};

/// A part of a recording as a program of its own, with the results that it has on the tape.
///
/// Its inputs are the sources; everything else that it reads stands there as an instruction without operands.
struct Slice<'t, S: Scalar> {
    program: Program<S>,
    values: Vec<Value<'t, S>>,
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
        let outputs = results.iter().map(|&id| self.number_in_slice(id));
        let seeds: Vec<_> =
            outputs.zip(seeds).filter_map(|(number, &(_, seed))| Some((number?, seed))).collect();
        record_adjoint_in::<S, S, Unchanged>(&slice.program, self, &slice.values, &seeds)
    }

    /// The tangent of a result for these tangents of sources, recorded here; `None` if it does not depend on them.
    pub(crate) fn tangent<'t>(
        &'t self,
        result: Id,
        sources: &[Id],
        tangents: &[Value<'t, S>],
    ) -> Option<Value<'t, S>> {
        let Slice { program, values } = self.slice(&[result], sources);
        let number = self.number_in_slice(result)?;
        let all = record_tangent_in::<S, S, Unchanged>(
            &program,
            self,
            &values,
            tangents,
            sum_of_products,
        );
        all[number as usize]
    }

    /// The number of instruction `id` in the slice that was cut out last, if it is in it.
    fn number_in_slice(&self, id: Id) -> Option<Id> {
        let notes = self.notes.borrow();
        (notes.mark(id) >= Mark::Read).then(|| notes.number(id))
    }

    fn slice(&self, results: &[Id], sources: &[Id]) -> Slice<'_, S> {
        let notes = &mut *self.notes.borrow_mut();
        notes.begin(self.len());
        let above = self.ancestors(notes, results, sources.iter().copied().min());
        let mut read: Vec<Id> = Vec::with_capacity(above.len() + sources.len());
        for &source in sources {
            if notes.raise(source, Mark::Source) < Mark::Read {
                read.push(source);
            }
        }
        for &id in &above {
            let mut depends = false;
            self.operands(id, |x| depends |= notes.mark(x) >= Mark::Source);
            if depends {
                if notes.raise(id, Mark::Computed) < Mark::Read {
                    read.push(id);
                }
                self.operands(id, |x| {
                    if notes.raise(x, Mark::Read) < Mark::Read {
                        read.push(x);
                    }
                });
            }
        }
        read.sort_unstable();
        let mut slice = Slice {
            program: Program { instructions: Vec::with_capacity(read.len()), ..Program::default() },
            values: Vec::with_capacity(read.len()),
        };
        for id in read {
            slice.push(self, notes, id);
        }
        slice.program.inputs = sources.iter().map(|&source| notes.number(source)).collect();
        slice
    }

    /// What these results are computed from, themselves included, from instruction `first` on; in order.
    fn ancestors(&self, notes: &mut Notes, results: &[Id], first: Option<Id>) -> Vec<Id> {
        let Some(first) = first else { return Vec::new() };
        let mut found = Vec::new();
        let mut open = results.to_vec();
        while let Some(id) = open.pop() {
            if id >= first && notes.raise(id, Mark::Above) == Mark::Unseen {
                found.push(id);
                self.operands(id, |x| open.push(x));
            }
        }
        found.sort_unstable();
        found
    }

    fn operands(&self, id: Id, mut visit: impl FnMut(Id)) {
        for field in self.instruction(id).fields() {
            match field {
                Field::Operand(x) => visit(x),
                Field::List { start, length } => self.listed(start, length).for_each(&mut visit),
                Field::Node(number) => {
                    let nodes = self.nodes.borrow();
                    nodes[number as usize].operands.iter().copied().for_each(&mut visit);
                }
                Field::Constant(_) | Field::Plain(_) => {}
            }
        }
    }

    fn listed(&self, start: u32, length: u32) -> impl Iterator<Item = Id> + '_ {
        (start..start + length).map(|i| self.lists.get(i as usize))
    }
}

impl<'t, S: Scalar> Slice<'t, S> {
    /// Appends instruction `id` of the tape: as it is, or as something given.
    fn push(&mut self, tape: &'t Tape<S>, notes: &mut Notes, id: Id) {
        let value = tape.handle(id);
        let instruction = match notes.mark(id) {
            Mark::Computed => self.copy(tape, notes, tape.instruction(id)),
            _ => self.given(value),
        };
        notes.set_number(id, self.program.len() as Id);
        self.program.instructions.push(instruction);
        self.values.push(value);
    }

    fn given(&mut self, value: Value<'t, S>) -> Instruction {
        let Value::Array(array) = value else { return Instruction::new(Op::Input, 0, 0) };
        self.program.nodes.push(Node {
            op: TensorOp::Input(0),
            operands: Default::default(),
            shape: array.shape.into(),
            at: std::panic::Location::caller(),
        });
        Instruction::new(Op::Array, self.program.nodes.len() as u32 - 1, 0)
    }

    fn copy(&mut self, tape: &Tape<S>, notes: &Notes, instruction: Instruction) -> Instruction {
        instruction.with_fields(|field| match field {
            Field::Operand(x) => notes.number(x),
            Field::Constant(number) => {
                self.program.constants.push(tape.constant_number(number));
                self.program.constants.len() as u32 - 1
            }
            Field::List { start, length } => {
                let operands = tape.listed(start, length).map(|x| notes.number(x));
                self.program.lists.extend(operands);
                self.program.lists.len() as u32 - length
            }
            Field::Node(number) => {
                let mut node = tape.nodes.borrow()[number as usize].clone();
                node.operands.iter_mut().for_each(|x| *x = notes.number(*x));
                self.program.nodes.push(node);
                self.program.nodes.len() as u32 - 1
            }
            Field::Plain(number) => number,
        })
    }
}

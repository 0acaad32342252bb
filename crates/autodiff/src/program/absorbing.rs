//! A program in whose products of the chain rule every zero absorbs.

use super::Program;
use super::instruction::{Field, Id, Instruction, Op};
use crate::array::Array;
use crate::number::{Binary, Real, Unary};
use crate::op::{Map, TensorOp, Zip};

impl<S: Real> Program<S> {
    /// The same program, but for its products of the chain rule, which are 0 where either factor is, also if the other is
    /// infinite or NaN; and for jumps, of which the derivative is 0.
    pub(crate) fn with_absorbing_zeros(self) -> Self {
        let mut program = Program {
            instructions: Vec::with_capacity(self.len()),
            constants: self.constants.clone(),
            lists: Vec::with_capacity(self.lists.len()),
            nodes: self.nodes.clone(),
            ..Program::default()
        };
        let zero = program.constants.len() as u32;
        program.constants.push(S::zero());
        let mut new: Vec<Id> = Vec::with_capacity(self.len());
        for &instruction in &self.instructions {
            let id = match instruction.op {
                Op::ChainDot => {
                    let pairs = self.listed(instruction).as_chunks::<2>().0;
                    let products = pairs.iter().map(|pair| {
                        let [a, b] = pair.map(|x| new[x as usize]);
                        program.append(Op::Zip(Binary::MulNoNan), a, b)
                    });
                    let products: Vec<Id> = products.collect();
                    let start = program.lists.len() as u32;
                    program.lists.extend_from_slice(&products);
                    program.append(Op::Sum, start, products.len() as u32)
                }
                Op::Map(Unary::Jump) => program.append(Op::Constant, zero, 0),
                op => {
                    let [a, b] = instruction.fields().map(|field| match field {
                        Field::Operand(x) => new[x as usize],
                        Field::List { .. } => {
                            let start = program.lists.len() as u32;
                            let listed = self.listed(instruction).iter().map(|&x| new[x as usize]);
                            program.lists.extend(listed);
                            start
                        }
                        other => other.number(),
                    });
                    program.append(absorbing(op), a, b)
                }
            };
            new.push(id);
        }
        let rename = |ids: &[Id]| ids.iter().map(|&id| new[id as usize]).collect();
        (program.inputs, program.outputs) = (rename(&self.inputs), rename(&self.outputs));
        for node in &mut program.nodes {
            node.operands.iter_mut().for_each(|x| *x = new[*x as usize]);
            match node.op {
                TensorOp::Zip(Zip(Binary::Chain)) => node.op = Zip(Binary::MulNoNan).into(),
                TensorOp::Map(Map(Unary::Jump)) => {
                    node.op = TensorOp::Constant(Array::zeros(&node.shape));
                    node.operands.clear();
                }
                _ => {}
            }
        }
        program.guards = self.guards;
        program.rename_guards(|id| new[id as usize]);
        program
    }

    fn append(&mut self, op: Op, a: u32, b: u32) -> Id {
        self.instructions.push(Instruction::new(op, a, b));
        (self.instructions.len() - 1) as Id
    }
}

/// The operation whose zeros absorb.
fn absorbing(op: Op) -> Op {
    match op.function() {
        Some(Binary::Chain) => op.with_function(Binary::MulNoNan),
        _ => op,
    }
}

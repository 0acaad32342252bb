//! Programs as data: finished recordings, how they are listed, simplified, planned and evaluated. Nothing here knows a tape or a
//! derivative of an array operation.
//!
//! ```text
//! record ─► program ─► adjoint ─► gradient program ─► tangent ─► Hessian-vector program ─► plan ─► evaluate
//! ```
//!
//! This folder imports `op` and what is below it.
//!
//! | file | |
//! |---|---|
//! | `mod.rs` | [`Program`]: instructions in order |
//! | `instruction.rs` | instructions on scalars, nodes on arrays, and guards |
//! | `recording.rs` | a program with the values that it had when it was recorded |
//! | `display.rs` | a program as text |
//! | `simplify.rs`, `sums.rs`, `absorbing.rs` | fewer instructions; sums of loops as one; where every zero absorbs |
//! | `hash.rs` | the hash by which instructions are found |
//! | `irregular.rs` | where a recording stands on a kink |
//! | `plan.rs`, `checked.rs`, `evaluate.rs` | memory, operands checked once, evaluation over plain numbers |
//! | `nan.rs` | looking for NaN in results |
//! | `linear.rs` | the tangent part of a scalar program as a sparse linear map |
//! | `scalar.rs`, `embed.rs` | the value and the partial derivatives of a scalar instruction; constants of one number in another |
//! | `frames.rs` | the memory that calls of programs run in |
//! | `planted.rs` | wrong derivatives of scalar instructions, to test tests with |

mod absorbing;
mod checked;
mod display;
mod embed;
mod evaluate;
mod frames;
mod hash;
mod instruction;
mod irregular;
mod linear;
mod nan;
mod plan;
#[cfg(feature = "planted-faults")]
mod planted;
mod recording;
mod scalar;
mod simplify;
mod sums;

pub(crate) use checked::Checked;
pub(crate) use embed::{Embed, Embedding, Plain, Unchanged};
pub(crate) use evaluate::{Arguments, Workspace};
pub(crate) use frames::{Frame, Frames};
pub(crate) use instruction::{
    Fact, Field, Guard, Id, Instruction, Node, Op, Operand, Relation, fingerprint,
};
pub(crate) use linear::{Coefficients, LinearPart};
pub(crate) use plan::Plan;
pub(crate) use recording::{Recording, origin_of};
pub(crate) use scalar::{Lanewise, evaluate_scalars, reverse_scalars};

use crate::number::{Binary, Scalar};
use crate::op::{TensorOp, Zip};

/// A finished recording: instructions in order, each reading only earlier ones.
#[derive(Clone, Debug)]
pub(crate) struct Program<S> {
    pub instructions: Vec<Instruction>,
    pub constants: Vec<S>,
    pub lists: Vec<Id>,
    pub nodes: Vec<Node<S>>,
    pub guards: Vec<Guard<S>>,
    pub inputs: Vec<Id>,
    pub outputs: Vec<Id>,
}

impl<S> Default for Program<S> {
    fn default() -> Self {
        Self {
            instructions: Vec::new(),
            constants: Vec::new(),
            lists: Vec::new(),
            nodes: Vec::new(),
            guards: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
        }
    }
}

impl<S: Scalar> Program<S> {
    pub(crate) fn len(&self) -> usize {
        self.instructions.len()
    }

    /// The node of an array instruction.
    pub(crate) fn node(&self, id: Id) -> Option<&Node<S>> {
        let instruction = self.instructions[id as usize];
        (instruction.op == Op::Array).then(|| &self.nodes[instruction.a as usize])
    }

    /// Whether there are products of the chain rule in it.
    pub(crate) fn chains(&self) -> bool {
        let scalar = |op: Op| op == Op::ChainDot || op.function() == Some(Binary::Chain);
        self.instructions.iter().any(|instruction| scalar(instruction.op))
            || self.nodes.iter().any(|node| matches!(node.op, TensorOp::Zip(Zip(Binary::Chain))))
    }

    /// The shape of a result; that of a scalar is empty.
    pub(crate) fn shape(&self, id: Id) -> &[usize] {
        self.node(id).map_or(&[], |node| &node.shape)
    }

    /// Whether every instruction is one on scalars.
    pub(crate) fn is_scalar(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Whether a derivative is recorded by user code, which may look at values.
    pub(crate) fn derives_from_values(&self) -> bool {
        let own = |node: &Node<S>| matches!(&node.op, TensorOp::OwnOperation(op) if op.derives_from_values());
        self.nodes.iter().any(own)
    }

    /// Where the operands of a scalar instruction on a list are listed.
    fn listed_range(&self, instruction: Instruction) -> std::ops::Range<usize> {
        let (start, length) = instruction.list();
        start as usize..start as usize + length as usize
    }

    /// The operands listed for a scalar instruction on a list.
    pub(crate) fn listed(&self, instruction: Instruction) -> &[Id] {
        &self.lists[self.listed_range(instruction)]
    }

    /// Calls `visit` with every operand of an instruction.
    pub(crate) fn operands(&self, id: Id, mut visit: impl FnMut(Id)) {
        let instruction = self.instructions[id as usize];
        for field in instruction.fields() {
            match field {
                Field::Operand(x) => visit(x),
                Field::List { .. } => self.listed(instruction).iter().copied().for_each(&mut visit),
                Field::Node(number) => {
                    self.nodes[number as usize].operands.iter().copied().for_each(&mut visit);
                }
                Field::Constant(_) | Field::Plain(_) => {}
            }
        }
    }

    /// Calls `visit` with everything whose value a guard needs.
    pub(crate) fn guarded(&self, mut visit: impl FnMut(Id)) {
        self.guards.iter().for_each(|guard| guarded_by(guard, &mut visit));
    }

    /// For each instruction, whether it depends on an input.
    pub(crate) fn varying(&self) -> Vec<bool> {
        self.depending_on(&self.inputs)
    }

    /// For each instruction, whether it depends on one of these.
    pub(crate) fn depending_on(&self, sources: &[Id]) -> Vec<bool> {
        let mut varies = vec![false; self.len()];
        if sources.is_empty() {
            return varies;
        }
        for &input in sources {
            varies[input as usize] = true;
        }
        for id in 0..self.len() {
            let mut depends = varies[id];
            self.operands(id as Id, |x| depends |= varies[x as usize]);
            varies[id] = depends;
        }
        varies
    }
}

/// Calls `visit` with everything whose value this guard needs.
pub(crate) fn guarded_by<S: Scalar>(guard: &Guard<S>, mut visit: impl FnMut(Id)) {
    match guard.fact {
        Fact::Compared { left, right, .. } => {
            for operand in [left, right] {
                if let Operand::Recorded(id) = operand {
                    visit(id);
                }
            }
        }
        Fact::Read { id, .. } | Fact::ReadArray { id, .. } => visit(id),
    }
}

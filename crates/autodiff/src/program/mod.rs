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
//! | `mod.rs` | [`Program`]: instructions in order; the value and the partial derivatives of a scalar instruction |
//! | `instruction.rs` | instructions on scalars, nodes on arrays, and guards |
//! | `recording.rs` | a program with the values that it had when it was recorded |
//! | `display.rs` | a program as text |
//! | `simplify.rs`, `sums.rs`, `absorbing.rs` | fewer instructions; sums of loops as one; where every zero absorbs |
//! | `irregular.rs` | where a recording stands on a kink |
//! | `plan.rs`, `checked.rs`, `evaluate.rs` | memory, operands checked once, evaluation over plain numbers |
//! | `linear.rs` | the tangent part of a scalar program as a sparse linear map |
//! | `scalar.rs`, `embed.rs` | scalar programs over any number; constants of one number in another |
//! | `frames.rs` | the memory that calls of programs run in |
//! | `planted.rs` | wrong derivatives of scalar instructions, to test tests with |

mod absorbing;
mod checked;
mod display;
mod embed;
mod evaluate;
mod frames;
mod instruction;
mod irregular;
mod linear;
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
    Fact, Guard, Id, Instruction, Node, Op, Operand, Relation, fingerprint,
};
pub(crate) use linear::{Coefficients, LinearPart};
pub(crate) use plan::Plan;
pub(crate) use recording::{Recording, origin_of};
pub(crate) use scalar::{evaluate_scalars, reverse_scalars};
pub(crate) use simplify::renamed;

use crate::number::{Binary, Elementary, Scalar, power_int_derivative, power_real_derivative};
use crate::op::TensorOp;

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
        let scalar = |op: Op| {
            matches!(
                op,
                Op::ChainDot
                    | Op::Zip(Binary::Chain)
                    | Op::ZipConstant(Binary::Chain)
                    | Op::ConstantZip(Binary::Chain)
            )
        };
        self.instructions.iter().any(|instruction| scalar(instruction.op))
            || self.nodes.iter().any(|node| matches!(node.op, TensorOp::Zip(Binary::Chain)))
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
        self.nodes.iter().any(|node| node.op.derives_from_values())
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
        match self.node(id) {
            Some(node) => node.operands.iter().copied().for_each(visit),
            None => {
                let instruction = self.instructions[id as usize];
                instruction.operands(&mut visit);
                self.listed(instruction).iter().copied().for_each(visit);
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

    /// The value of a scalar instruction over any number: its forward rule.
    ///
    /// `get` gives the value of an operand, `lift` embeds a constant of the program in the number, and `other` gives the value
    /// of an instruction that has it from elsewhere: an input, or something of an array.
    #[inline(always)]
    pub(crate) fn scalar_value<T: Scalar>(
        &self,
        instruction: Instruction,
        get: impl Fn(Id) -> T,
        lift: impl Fn(S) -> T,
        other: impl FnOnce() -> T,
    ) -> T {
        let Instruction { op, a, b, .. } = instruction;
        let constant = |number: u32| self.constants[number as usize];
        match op {
            Op::Constant => lift(constant(a)),
            Op::Map(f) => get(a).map(f),
            Op::PowerInt => get(a).power_int(b as i32),
            Op::PowerReal => get(a).power_real(plain(constant(b))),
            Op::Zip(f) => get(a).zip(f, get(b)),
            Op::ZipConstant(f) => get(a).zip(f, lift(constant(b))),
            Op::ConstantZip(f) => lift(constant(a)).zip(f, get(b)),
            Op::Sum => self.listed(instruction).iter().map(|&x| get(x)).sum(),
            Op::Dot => T::sum_of_products(
                self.listed(instruction).as_chunks::<2>().0.iter().map(|&[u, v]| (get(u), get(v))),
            ),
            Op::ChainDot => T::sum_of_chained(
                self.listed(instruction).as_chunks::<2>().0.iter().map(|&[u, v]| (get(u), get(v))),
            ),
            Op::MulAdd => {
                let x = self.listed(instruction);
                get(x[0]).mul_add(get(x[1]), get(x[2]))
            }
            Op::Input | Op::Element | Op::Array => other(),
        }
    }

    /// The partial derivatives of a scalar instruction with value `y`: the one rule behind its tangent and its adjoint.
    ///
    /// Calls `give(operand, ∂y/∂operand)`; an operand used twice is given twice.
    #[inline(always)]
    pub(crate) fn scalar_partials<T: Elementary>(
        &self,
        instruction: Instruction,
        get: impl Fn(Id) -> T,
        lift: impl Fn(S) -> T,
        y: T,
        mut give: impl FnMut(Id, T),
    ) {
        let Instruction { op, a, b, .. } = instruction;
        let constant = |number: u32| self.constants[number as usize];
        #[cfg(feature = "planted-faults")]
        let mut give = planted::giving(op, &mut give);
        match op {
            Op::Input | Op::Constant | Op::Element | Op::Array => {}
            Op::Map(f) => give(a, f.derivative(get(a), y)),
            Op::PowerInt => give(a, power_int_derivative(get(a), b as i32)),
            Op::PowerReal => give(a, power_real_derivative(get(a), plain(constant(b)))),
            Op::Zip(f) => {
                give(a, f.partial_a(get(a), get(b), y));
                give(b, f.partial_b(get(a), get(b), y));
            }
            Op::ZipConstant(f) => give(a, f.partial_a(get(a), lift(constant(b)), y)),
            Op::ConstantZip(f) => give(b, f.partial_b(lift(constant(a)), get(b), y)),
            Op::Sum => {
                for &x in self.listed(instruction) {
                    give(x, y.lift(1.0));
                }
            }
            Op::Dot | Op::ChainDot => {
                for &[u, v] in self.listed(instruction).as_chunks::<2>().0 {
                    give(u, get(v));
                    give(v, get(u));
                }
            }
            Op::MulAdd => {
                let x = self.listed(instruction);
                give(x[0], get(x[1]));
                give(x[1], get(x[0]));
                give(x[2], y.lift(1.0));
            }
        }
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

/// A constant exponent as a plain number.
#[inline(always)]
fn plain<S: Scalar>(constant: S) -> f64 {
    constant.known_constant().unwrap_or(f64::NAN)
}

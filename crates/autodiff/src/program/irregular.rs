//! Where a recording stands on a kink, a jump or a singularity of one of its instructions.

use smallvec::SmallVec;

use super::instruction::{Fact, Id, Op, Operand};
use super::recording::Recording;
use crate::array::View;
use crate::kernel::all_finite;
use crate::number::{Binary, Irregularity, Real, power_int_irregularity, power_real_irregularity};
use crate::op::{Around, TensorOp};

impl<S: Real> Recording<S> {
    /// Whether all derivatives of all instructions, to third order, are finite numbers here and those of smooth functions.
    ///
    /// Sufficient, not necessary: what is close to a singularity counts as on it, since derivatives overflow before.
    pub(crate) fn is_ordinary(&self) -> bool {
        // Cubes of the reciprocals of larger numbers are finite.
        let margin = S::min_positive_value().as_f64().cbrt() * 1e3;
        let regular = |id| self.is_finite_at(id) && self.irregularity(id, margin).is_none();
        let mut instructions = (0..).zip(&self.program.instructions);
        all_finite(&self.values)
            && instructions.all(|(id, instruction)| instruction.code.is_smooth() || regular(id))
    }

    /// Whether all results are finite numbers.
    pub(crate) fn is_finite(&self) -> bool {
        (0..self.program.len() as Id).all(|id| self.is_finite_at(id))
    }

    /// Those of a view are its operand's.
    fn is_finite_at(&self, id: Id) -> bool {
        match self.program.node(id) {
            Some(node) if matches!(node.op, TensorOp::View(_)) => true,
            _ => all_finite(self.elements(id)),
        }
    }

    /// The varying instructions on the way to the outputs that fail to be smooth within `margin`, and how.
    pub(crate) fn irregularities(&self, margin: f64) -> impl Iterator<Item = (Id, Irregularity)> {
        let program = &self.program;
        let varying = program.varying();
        let mut needed = vec![false; program.len()];
        program.outputs.iter().for_each(|&output| needed[output as usize] = true);
        for id in (0..program.len()).rev() {
            if needed[id] {
                program.operands(id as Id, |x| needed[x as usize] = true);
            }
        }
        (0..program.len())
            .filter(move |&id| needed[id] && varying[id])
            .filter_map(move |id| Some((id as Id, self.irregularity(id as Id, margin)?)))
    }

    /// How instruction `id` fails to be smooth within `margin` of the values that its operands have, if it does.
    pub(crate) fn irregularity(&self, id: Id, margin: f64) -> Option<Irregularity> {
        let instruction = self.program.instructions[id as usize];
        let (a, b) = (instruction.a, instruction.b);
        let constant = |number: u32| self.program.constants[number as usize].as_f64();
        let value = |id: Id| self.values[id as usize].as_f64();
        match instruction.op {
            Op::Map(f) => f.irregularity(value(a), margin),
            Op::PowerInt => power_int_irregularity(value(a), b as i32, margin),
            Op::PowerReal => power_real_irregularity(value(a), constant(b), margin),
            // The larger of a number and itself is that number.
            Op::Zip(Binary::Max | Binary::Min) if a == b => None,
            Op::Zip(f) => f.irregularity(value(a), value(b), margin),
            Op::ZipConstant(f) => f.irregularity(value(a), constant(b), margin),
            Op::ConstantZip(f) => f.irregularity(constant(a), value(b), margin),
            Op::Array => self.array_irregularity(id, margin),
            _ => None,
        }
    }

    fn array_irregularity(&self, id: Id, margin: f64) -> Option<Irregularity> {
        let node = self.program.node(id)?;
        let operand = |&x: &Id| View { data: self.elements(x), shape: self.program.shape(x) };
        let x: SmallVec<[View<'_, S>; 4]> = node.operands.iter().map(operand).collect();
        node.op.irregularity(&Around { x: &x, shape: &node.shape, margin })
    }

    /// The source lines of the comparisons of varying numbers that were decided at equality, so that another branch begins
    /// here.
    pub(crate) fn equal_comparisons(&self) -> Vec<&'static std::panic::Location<'static>> {
        let varying = self.program.varying();
        let side = |operand: Operand<S>| match operand {
            Operand::Recorded(id) => (self.values[id as usize], varying[id as usize]),
            Operand::Constant(c) => (c, false),
        };
        let equal = |fact: &Fact<S>| match *fact {
            Fact::Compared { left, right, .. } => {
                let ((left, moves), (right, moves_too)) = (side(left), side(right));
                left == right && (moves || moves_too)
            }
            _ => false,
        };
        self.program
            .guards
            .iter()
            .filter(|guard| equal(&guard.fact))
            .map(|guard| guard.at)
            .collect()
    }
}

//! Where a recording stands on a kink, a jump or a singularity of one of its instructions.

use super::instruction::{Fact, Id, Op, Operand};
use super::recording::Recording;
use crate::array::size;
use crate::number::{Binary, Irregularity, Real, power_int_irregularity, power_real_irregularity};
use crate::op::TensorOp;

impl<S: Real> Recording<S> {
    /// Whether all derivatives of all instructions, to third order, are finite numbers here and those of smooth functions.
    ///
    /// Sufficient, not necessary: what is close to a singularity counts as on it, since derivatives overflow before.
    pub(crate) fn is_ordinary(&self) -> bool {
        // Cubes of the reciprocals of larger numbers are finite.
        let margin = S::min_positive_value().as_f64().cbrt() * 1e3;
        (0..self.program.len() as Id).all(|id| {
            let finite = match self.program.node(id) {
                Some(node) if matches!(node.op, TensorOp::View { .. }) => true,
                _ => self.elements(id).iter().all(|x| x.is_finite()),
            };
            finite && self.irregularity(id, margin).is_none()
        })
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
        let elements = |operand: usize| self.elements(node.operands[operand]);
        let each = |f: &dyn Fn(f64) -> Option<Irregularity>| {
            elements(0).iter().find_map(|x| f(x.as_f64()))
        };
        match node.op {
            TensorOp::Map(f) => each(&|x| f.irregularity(x, margin)),
            TensorOp::PowerInt(n) => each(&|x| power_int_irregularity(x, n, margin)),
            TensorOp::PowerReal(p) => each(&|x| power_real_irregularity(x, p, margin)),
            TensorOp::Zip(Binary::Add | Binary::Sub | Binary::Mul | Binary::Chain) => None,
            TensorOp::Zip(f) => {
                let [a, b] = [0, 1].map(|operand| {
                    let shape = self.program.shape(node.operands[operand]);
                    (elements(operand), strides_in(shape, &node.shape))
                });
                (0..size(&node.shape)).find_map(|at| {
                    let [x, y] =
                        [&a, &b].map(|(x, strides)| x[offset(at, &node.shape, strides)].as_f64());
                    f.irregularity(x, y, margin)
                })
            }
            // Several equal ones, of which the maximum is one.
            TensorOp::Max(axis) | TensorOp::MaxShare(axis) => {
                let shape = self.program.shape(node.operands[0]);
                self.ties(elements(0), shape, axis, margin).then_some(Irregularity::Kink)
            }
            _ => None,
        }
    }

    /// Whether along an axis the largest element is met more than once.
    fn ties(&self, x: &[S], shape: &[usize], axis: usize, margin: f64) -> bool {
        let inner: usize = shape[axis + 1..].iter().product();
        let (length, outer) = (shape[axis], size(&shape[..axis]));
        (0..outer).any(|i| {
            (0..inner).any(|k| {
                let along = || (0..length).map(|j| x[(i * length + j) * inner + k].as_f64());
                let largest = along().fold(f64::NEG_INFINITY, f64::max);
                largest.is_finite() && along().filter(|x| largest - x <= margin).count() > 1
            })
        })
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

/// The strides with which an array of `shape` is read where it is broadcast to `result`.
fn strides_in(shape: &[usize], result: &[usize]) -> Vec<usize> {
    let mut strides = vec![0; result.len()];
    let mut stride = 1;
    for (axis, &length) in shape.iter().enumerate().rev() {
        if length > 1 {
            strides[result.len() - shape.len() + axis] = stride;
        }
        stride *= length;
    }
    strides
}

/// Where element number `at` of an array of `shape` lies in one that is read with these strides.
fn offset(mut at: usize, shape: &[usize], strides: &[usize]) -> usize {
    let mut offset = 0;
    for (&length, &stride) in shape.iter().zip(strides).rev() {
        offset += at % length * stride;
        at /= length;
    }
    offset
}

//! A program as text.

use std::fmt;

use super::Program;
use crate::rules::tensor::TensorOp;
use crate::scalar::Scalar;
use crate::tape::{Id, Op};

/// One line an instruction: `%7 [32, 10] = matmul %3 %6`.
impl<S: Scalar> fmt::Display for Program<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for id in 0..self.len() as Id {
            let instruction = self.instructions[id as usize];
            write!(f, "%{id}")?;
            if !self.shape(id).is_empty() {
                write!(f, " {:?}", self.shape(id))?;
            }
            write!(f, " = ")?;
            let constant = |number: u32| self.constants[number as usize];
            match instruction.op {
                Op::Input => write!(f, "input {}", instruction.a)?,
                Op::Constant => write!(f, "{:?}", constant(instruction.a))?,
                Op::Map(op) => write!(f, "{op:?}")?,
                Op::PowerInt => write!(f, "power {}", instruction.b as i32)?,
                Op::PowerReal => write!(f, "power {:?}", constant(instruction.b))?,
                Op::Zip(op) => write!(f, "{op:?}")?,
                Op::ZipConstant(op) => write!(f, "{op:?} _ {:?}", constant(instruction.b))?,
                Op::ConstantZip(op) => write!(f, "{op:?} {:?} _", constant(instruction.a))?,
                Op::Element => write!(f, "element {} of", instruction.b)?,
                Op::Sum | Op::Dot | Op::ChainDot | Op::MulAdd => write!(f, "{:?}", instruction.op)?,
                Op::Array => match &self.nodes[instruction.a as usize].op {
                    TensorOp::Constant(_) => write!(f, "constant")?,
                    op => write!(f, "{op:?}")?,
                },
            }
            let mut result = Ok(());
            self.operands(id, |x| result = result.and_then(|()| write!(f, " %{x}")));
            result?;
            writeln!(f)?;
        }
        writeln!(f, "return {:?}", self.outputs)
    }
}

//! A program as text.

use std::fmt;

use super::Program;
use super::instruction::{Id, Op};
use crate::number::Scalar;
use crate::op::lower_case;

/// Columns are aligned to the widest entry of the first this many lines.
const ALIGNED: usize = 10_000;

/// One line an instruction, in columns: its number, its shape unless it is a scalar, what it does with which others, and
/// for an array operation the source line of the user's code.
impl<S: Scalar> fmt::Display for Program<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = || 0..self.len() as Id;
        let widest = |of: &dyn Fn(Id) -> String| {
            ids().take(ALIGNED).map(|id| of(id).chars().count()).max().unwrap_or(0)
        };
        let number = |id: Id| format!("%{id}");
        let shape = |id: Id| match self.shape(id) {
            [] => String::new(),
            shape => format!("{shape:?}"),
        };
        let text = |id: Id| self.text(id);
        let widths = [widest(&number), widest(&shape), widest(&text)];
        for id in ids() {
            let line = format!(
                "{:<3$}  {:<4$}  {:<5$}",
                number(id),
                shape(id),
                text(id),
                widths[0],
                widths[1],
                widths[2]
            );
            match self.node(id) {
                Some(node) if !node.operands.is_empty() => writeln!(f, "{line}  {}", node.at)?,
                _ => writeln!(f, "{}", line.trim_end())?,
            }
        }
        write!(f, "return")?;
        self.outputs.iter().try_for_each(|id| write!(f, " %{id}"))
    }
}

impl<S: Scalar> Program<S> {
    /// The operation of an instruction, with its constants.
    pub(crate) fn operation(&self, id: Id) -> String {
        let instruction = self.instructions[id as usize];
        let constant = |number: u32| self.constants[number as usize];
        match instruction.op {
            Op::Input => format!("input {}", instruction.a),
            Op::Constant => format!("constant {:?}", constant(instruction.a)),
            Op::Map(op) => lower_case(op),
            Op::PowerInt => format!("power {}", instruction.b as i32),
            Op::PowerReal => format!("power {:?}", constant(instruction.b)),
            Op::Zip(op) => lower_case(op),
            Op::ZipConstant(op) => format!("{} _ {:?}", lower_case(op), constant(instruction.b)),
            Op::ConstantZip(op) => format!("{} {:?} _", lower_case(op), constant(instruction.a)),
            Op::Element => format!("element {} of", instruction.b),
            Op::Sum | Op::Dot | Op::ChainDot | Op::MulAdd => lower_case(instruction.op),
            Op::Array => self.nodes[instruction.a as usize].op.text(),
        }
    }

    fn text(&self, id: Id) -> String {
        let mut text = self.operation(id);
        self.operands(id, |x| text.push_str(&format!(" %{x}")));
        text
    }
}

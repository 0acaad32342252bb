//! Planted faults in the rules of scalar instructions.

use super::instruction::{Id, Op};
use crate::number::Elementary;
use crate::number::planted::{Instruction, Site, derivative};

/// `give`, called with the partial derivatives of a scalar instruction as its rule gives them.
pub(crate) fn giving<T: Elementary>(op: Op, mut give: impl FnMut(Id, T)) -> impl FnMut(Id, T) {
    let instruction = match op {
        Op::PowerInt => Some(Instruction::PowerInt),
        Op::PowerReal => Some(Instruction::PowerReal),
        Op::Sum => Some(Instruction::Sum),
        Op::Dot => Some(Instruction::Dot),
        Op::MulAdd => Some(Instruction::MulAdd),
        _ => None,
    };
    let mut number = 0;
    move |x, right| {
        let site = instruction.map(|instruction| Site::Scalar(instruction, number));
        number += 1;
        give(x, site.map_or(right, |site| derivative(site, right)));
    }
}

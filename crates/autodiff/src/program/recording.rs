//! A program, and the values that it had when it was recorded.

use std::sync::Arc;

use super::Program;
use super::instruction::Id;
use crate::array::size;
use crate::number::Scalar;
use crate::op::{TensorOp, View};

/// The instruction from which instruction `id` of a transformed program was made, if there is one.
pub(crate) fn origin_of(marks: &[(usize, Id)], id: Id) -> Option<Id> {
    let after = marks.partition_point(|&(start, _)| start <= id as usize);
    let (_, origin) = marks[after.checked_sub(1)?];
    (origin != Id::MAX).then_some(origin)
}

/// A finished recording: the program, and the values that it had.
#[derive(Debug)]
pub(crate) struct Recording<S> {
    pub program: Program<S>,
    pub values: Vec<S>,
    /// The elements of each node; those of a view are its operand's.
    pub arrays: Vec<Option<Arc<Vec<S>>>>,
    /// Which instructions were made from which of the program that was transformed.
    pub marks: Vec<(usize, Id)>,
}

impl<S> Default for Recording<S> {
    fn default() -> Self {
        Self {
            program: Program::default(),
            values: Vec::new(),
            arrays: Vec::new(),
            marks: Vec::new(),
        }
    }
}

impl<S: Scalar> Recording<S> {
    /// The elements that the result of instruction `id` had.
    pub(crate) fn elements(&self, id: Id) -> &[S] {
        let Some(node) = self.program.node(id) else {
            return std::slice::from_ref(&self.values[id as usize]);
        };
        match (&node.op, &self.arrays[self.program.instructions[id as usize].a as usize]) {
            (TensorOp::View(View { offset, .. }), None) => {
                &self.elements(node.operands[0])[*offset..*offset + size(&node.shape)]
            }
            (_, elements) => elements.as_ref().map_or(&[], |elements| elements),
        }
    }
}

//! Looking for NaN in results, at as few elements as tell.

use super::Program;
use super::evaluate::{Arguments, Workspace};
use super::instruction::Id;
use super::plan::Plan;
use crate::array::size;
use crate::kernel::{has_nan, product_has_nan};
use crate::number::Real;
use crate::op::{Assemble, TensorOp, View, tiles};

impl<S: Real> Workspace<S> {
    /// Whether there is NaN in one of these results, but where it comes of a matrix product of finite numbers that
    /// overflows on both sides.
    pub(crate) fn has_nan(
        &self,
        program: &Program<S>,
        plan: &Plan,
        arguments: Arguments<'_, S>,
        mut ids: impl Iterator<Item = Id>,
    ) -> bool {
        if program.is_scalar() {
            return ids.any(|id| self.values[id as usize].is_nan());
        }
        ids.any(|id| match program.shape(id) {
            [] => self.values[id as usize].is_nan(),
            _ => program.has_nan_in(id, self.array(program, plan, arguments, id)),
        })
    }
}

impl<S: Real> Program<S> {
    /// The same for instruction `id`, of which `x` are the elements.
    fn has_nan_in(&self, id: Id, x: &[S]) -> bool {
        let Some(node) = self.node(id) else { return has_nan(x) };
        let length = |&x: &Id| size(self.shape(x));
        match (&node.op, &node.operands[..]) {
            (TensorOp::MatMul(_), _) => match node.shape[..] {
                [.., m, n] if n > 0 => product_has_nan(x, [m, n]),
                _ => false,
            },
            (TensorOp::View(View { offset: 0, .. }), [whole]) if length(whole) == x.len() => {
                self.has_nan_in(*whole, x)
            }
            (TensorOp::Assemble(Assemble { offsets, .. }), pieces)
                if tiles(pieces.iter().map(length), offsets, x.len()) =>
            {
                let mut pieces = pieces.iter().zip(offsets);
                pieces.any(|(piece, &at)| self.has_nan_in(*piece, &x[at..at + length(piece)]))
            }
            _ => has_nan(x),
        }
    }
}

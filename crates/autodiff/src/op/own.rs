//! Operations with a derivative rule of their own, as numbers see them.
//!
//! Such an operation computes over plain numbers only; what it means over other numbers, each number type knows.

use super::TensorOp;
use crate::array::View;
use crate::error::Fault;

/// An operation with a derivative rule of its own.
#[derive(Clone, Copy, Debug)]
pub struct OwnRule<'a, S>(pub(crate) &'a TensorOp<S>);

/// What a number type does with an operation that has a derivative rule of its own.
#[doc(hidden)]
pub trait Own: Sized {
    /// The forward rule of such an operation.
    fn own(op: OwnRule<'_, Self>, x: &[View<'_, Self>], y: &mut [Self]) -> Result<(), Fault>;
}

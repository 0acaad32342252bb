//! Operations made of recordings: their derivative is a program that is recorded when it is asked for.
//!
//! | file | |
//! |---|---|
//! | `operation.rs` | the traits that a user implements, and recording an adjoint written by hand |
//! | `custom.rs`, `verify.rs` | a user's operation, and its adjoint held against differences |
//! | `elementwise.rs` | a user's elementwise function, whose derivatives come from duals |
//! | `call.rs` | a whole program as one instruction: checkpointing |

mod call;
mod custom;
mod elementwise;
mod operation;
mod verify;

pub(crate) use call::call;
pub use elementwise::Elementwise;
pub use operation::{Adjoint, NumericAdjoint, Operation};

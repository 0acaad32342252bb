//! Transformations of programs: program in, program out.
//!
//! A transformation replays the old program onto a new tape and appends to it, so the result is again a program: the
//! gradient graph can be differentiated as often as one likes.
//!
//! This folder imports `rule` and what is below it.
//!
//! | file | |
//! |---|---|
//! | `adjoint.rs`, `tangent.rs`, `like_terms.rs` | reverse and forward mode; collecting like terms |
//! | `batch.rs` | a program for K lanes at once |
//! | `dependencies.rs` | which outputs depend on which inputs |
//! | `slice.rs`, `within.rs` | derivatives inside a recording |
//! | `tracked.rs` | evaluation over numbers that know whether they depend on the inputs |
//! | `own/` | operations made of recordings: a user's, and calls of programs |
//! | `closure/` | the test that the derivative of every operation has a derivative |

mod adjoint;
mod batch;
#[cfg(test)]
mod closure;
mod dependencies;
mod like_terms;
mod own;
mod slice;
mod tangent;
mod tracked;
mod within;

pub(crate) use adjoint::record_adjoint;
pub(crate) use batch::{Lanes, Tiles, record_batch, tiles_read};
pub(crate) use dependencies::dependencies;
pub(crate) use like_terms::collected_sum;
pub(crate) use own::call;
pub use own::{Adjoint, Elementwise, NumericAdjoint, Operation};
pub(crate) use tangent::{record_tangent, record_tangent_in};
pub(crate) use tracked::{Outputs, evaluate_tracked};

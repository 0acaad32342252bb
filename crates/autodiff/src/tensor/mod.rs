//! The methods of [`Tensor`](crate::Tensor), each made of array operations.
//!
//! This folder imports `tape` and what is below it.
//!
//! | file | |
//! |---|---|
//! | `functions.rs`, `networks.rs` | elementwise functions; parts of networks |
//! | `contraction.rs`, `einsum.rs`, `conv.rs`, `pooling.rs` | products, and sums over windows |
//! | `reduce.rs` | over axes |
//! | `index.rs`, `join.rs`, `layout.rs` | choosing, joining and rearranging elements |
//! | `linear_algebra.rs`, `matrix.rs` | factorizations and solves; matrix operations as functions |

mod contraction;
mod conv;
mod einsum;
mod functions;
mod index;
mod join;
mod layout;
#[cfg(feature = "linear-algebra")]
mod linear_algebra;
#[cfg(feature = "linear-algebra")]
mod matrix;
mod networks;
mod pooling;
mod reduce;

pub use conv::Convolution;
#[cfg(feature = "linear-algebra")]
pub(crate) use matrix::{
    apply, identity, product, record, simple, solve, solve_triangular, transposed, triangle,
};
pub use pooling::Pooling;

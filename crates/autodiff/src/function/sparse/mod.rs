//! Sparse Jacobians and Hessians: the pattern found from the program, few products by colouring, every entry read from one.
//!
//! ```text
//! linear program ─► pattern ─► colouring ─► products with sums of unit vectors ─► compressed sparse columns
//! ```
//!
//! | file | |
//! |---|---|
//! | `pattern.rs`, `matrix.rs` | where a matrix has entries; sparse matrices |
//! | `colouring.rs` | which columns share a product |
//! | `compressed.rs`, `plan.rs` | products with sums of unit vectors, and reading the entries from them |
//! | `hessian.rs`, `jacobian.rs` | the two matrices |

mod colouring;
mod compressed;
mod hessian;
mod jacobian;
mod matrix;
mod pattern;
mod plan;

pub use hessian::{SparseHessian, sparse_hessian};
pub use jacobian::{SparseJacobian, sparse_jacobian};
pub use matrix::SparseMatrix;
pub use pattern::SparsityPattern;

//! Sparse Jacobians and Hessians: the pattern found from the program, few products by colouring, every entry read from one.
//!
//! ```text
//! linear program ─► pattern ─► colouring ─► products with sums of unit vectors ─► compressed sparse columns
//! ```

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

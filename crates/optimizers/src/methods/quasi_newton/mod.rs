//! Curvature that is learnt from the gradients at successive points.
//!
//! Two points `x`, `x + s` with gradients that differ by `y` tell that a matrix `B ≈ ∇²f` should map `s` to `y` (the secant
//! equation), and its inverse `y` to `s`. The updates here change a matrix as little as is needed for that.
//!
//! | file | |
//! |---|---|
//! | `pair.rs` | a pair `(s, y)`, and what becomes of it |
//! | `matrix.rs`, `rescaled.rs` | dense matrices of the Broyden class; the inverse of BFGS, scaled anew by each pair |
//! | `memory.rs`, `compact.rs` | the matrix of L-BFGS, inverse and direct |
//! | `sr1_memory.rs` | the matrix of L-SR1 |
//! | `method.rs`, `lbfgs.rs` | the methods with a line search |
//! | `lbfgsb/` | L-BFGS within bounds |
//! | `sr1.rs`, `trust_region.rs` | the methods with a trust region |

mod compact;
mod lbfgs;
mod lbfgsb;
mod matrix;
mod memory;
mod method;
mod pair;
mod rescaled;
mod sr1;
mod sr1_memory;
mod trust_region;

pub use compact::CompactHessian;
pub use lbfgs::Lbfgs;
pub use lbfgsb::Lbfgsb;
pub use matrix::{Form, QuasiNewtonMatrix, UpdateRule};
pub use memory::LbfgsMemory;
pub(crate) use method::InverseDirections;
pub use method::{InitialMatrix, QuasiNewton};
pub use pair::{Safeguard, Updated};
pub use sr1::{Lsr1, Sr1};
pub use sr1_memory::Lsr1Memory;

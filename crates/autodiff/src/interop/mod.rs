//! Other crates' numbers, arrays and matrices, each behind the feature of its name.
//!
//! It is the last folder: it imports what it needs of the others.
//!
//! | file | |
//! |---|---|
//! | `nalgebra.rs`, `nalgebra_matrices.rs` | duals as numbers of nalgebra; its matrices |
//! | `ndarray.rs` | arrays of ndarray |

#[cfg(feature = "nalgebra")]
mod nalgebra;
#[cfg(feature = "nalgebra")]
mod nalgebra_matrices;
#[cfg(feature = "ndarray")]
mod ndarray;

//! Other crates' numbers, arrays and matrices, each behind the feature of its name.

#[cfg(feature = "nalgebra")]
mod nalgebra;
#[cfg(feature = "nalgebra")]
mod nalgebra_matrices;
#[cfg(feature = "ndarray")]
mod ndarray;

//! Other crates: each file is behind the feature of its name.
//!
//! This folder imports what is below it.
//!
//! | file | |
//! |---|---|
//! | `argmin.rs` | objectives as problems of argmin, and the other way round |
//! | `layers.rs` | methods as optimizers of the training loop of dualtape-layers |

#[cfg(feature = "argmin")]
mod argmin;
#[cfg(feature = "layers")]
mod layers;

#[cfg(feature = "argmin")]
pub use argmin::{ArgminHessian, ArgminProblem, FromArgmin};
#[cfg(feature = "layers")]
pub use layers::OnEachBatch;

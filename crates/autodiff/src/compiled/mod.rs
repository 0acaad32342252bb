//! From a recording to what runs: derived programs, their plans, and their evaluation at a point.
//!
//! This folder imports `transform` and what is below it.
//!
//! | file | |
//! |---|---|
//! | `derived.rs` | the gradient, tangent and Jacobian programs of a program |
//! | `curvature.rs` | losses in two parts: the programs of Gauss–Newton and Fisher products |
//! | `product.rs`, `stage.rs` | the products of a derived program; a planned program, split into what a point and a direction decide |
//! | `lanes.rs`, `triangle.rs` | several directions at once; the lower triangle of a symmetric matrix |
//! | `cache.rs` | a recording with all that has been derived from it |
//! | `indeterminate.rs` | points at which a derivative cannot be told from its factors |
//! | `evaluated.rs`, `linearized.rs` | a program evaluated at a point; ready for products there |
//! | `products.rs` | several products at once, and matrices |
//! | `memory.rs` | what evaluations write to |
//! | `recording.rs` | recorded once and evaluated often: recordings made again where a branch changes |
//! | `matrix.rs` | dense matrices as results |

mod cache;
mod curvature;
mod derived;
mod evaluated;
mod indeterminate;
mod lanes;
mod linearized;
mod matrix;
mod memory;
mod product;
mod products;
mod recording;
mod stage;
mod triangle;

#[cfg(test)]
pub(crate) use cache::Compiled;
pub(crate) use cache::{Kind, Primal};
pub use curvature::Likelihood;
pub(crate) use curvature::Split;
pub(crate) use derived::{
    Derived, Origin, data, gradient_program, inputs_like, output_ids, tangent_program,
};
pub use indeterminate::IndeterminatePolicy;
pub(crate) use indeterminate::{OneShot, Source, source_line};
pub(crate) use lanes::{LANES, LaneProgram, LaneWorkspace, unit_lanes};
pub(crate) use linearized::Frozen;
pub use matrix::Matrix;
pub(crate) use matrix::symmetrize;
pub(crate) use product::{Combinations, ProductKind};
pub use recording::{BranchPolicy, Recorded};
pub(crate) use recording::{Settings, State, replaced};
pub(crate) use stage::Stage;

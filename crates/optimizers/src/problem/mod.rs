//! What is minimised: a function with its gradient and its exact Hessian.
//!
//! This folder imports `linalg` and what is below it.
//!
//! | file | |
//! |---|---|
//! | `objective.rs` | [`Objective`], and [`Linearized`], the same at one point |
//! | `function.rs`, `composite.rs`, `residuals.rs` | recorded functions, compositions and sums of squares as objectives |
//! | `by_hand.rs` | closures as objectives |
//! | `residuals_at.rs` | residuals with their Jacobian |
//! | `counted.rs` | calls counted |
//! | `domain.rs` | numerical faults taken for points outside the domain |
//! | `known.rs` | points whose gradient is known before their curvature is asked for |

mod by_hand;
mod composite;
mod counted;
mod domain;
mod function;
mod known;
mod objective;
mod residuals;
mod residuals_at;

pub use by_hand::ByHand;
pub use composite::WithExamples;
pub use counted::{Counted, Counts};
pub(crate) use domain::Domain;
pub(crate) use known::{GradientAt, Known};
pub use objective::{Linearized, Objective};
pub use residuals::Residuals;
pub use residuals_at::ResidualsAt;

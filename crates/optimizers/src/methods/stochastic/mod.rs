//! Methods that move by a fixed rule at every step, made for the noisy gradients of minibatches.
//!
//! A method is a [`Rule`] fed by a [`Source`], run by a [`Stepper`], and any rule goes with any source:
//!
//! ```text
//! gradient, or Newton-CG, Newton, quasi-Newton direction   →   SGD, momentum, RMSprop, Adam, Shampoo, …   →   step
//! ```
//!
//! | rule | with the gradient | |
//! |---|---|---|
//! | [`rules::Sgd`] | [`Sgd`] | momentum, Nesterov's momentum |
//! | [`rules::Adagrad`], [`rules::Adadelta`], [`rules::RmsProp`] | [`Adagrad`], [`Adadelta`], [`RmsProp`] | squares of gradients |
//! | [`rules::Adam`], [`rules::NAdam`], [`rules::RAdam`], [`rules::Adamax`] | [`Adam`], [`NAdam`], [`RAdam`], [`Adamax`] | moments; AdamW, AMSGrad |
//! | [`rules::Lion`] | [`Lion`] | signs |
//! | [`rules::Shampoo`], [`rules::Soap`] | [`Shampoo`], [`Soap`] | products of gradients that are matrices |
//! | [`rules::AdaHessian`], [`rules::Sophia`] | [`AdaHessian`], [`Sophia`], with estimates of the curvature's diagonal | |
//!
//! | source | what the rule sees |
//! |---|---|
//! | [`sources::Gradient`] | the gradient |
//! | [`sources::HutchinsonDiagonal`] | the gradient, and beside it an estimate of the curvature's diagonal |
//! | [`sources::NewtonCg`], [`sources::Newton`], [`sources::Lbfgs`] | a second-order direction in place of the gradient |
//!
//! All have the parameter groups, weight decay of both kinds, clipping, schedules and saving of the [`Stepper`].
//!
//! | file | |
//! |---|---|
//! | `rule.rs`, `rules/` | what a rule is, and each of them |
//! | `source.rs`, `sources/` | what a source is, and each of them |
//! | `which.rs`, `schedule.rs` | which parameters are meant; the learning rate |
//! | `engine.rs`, `progress.rs` | a rule at work, and what it keeps |
//! | `stepper.rs` | what users hold |

mod engine;
mod progress;
mod rule;
pub mod rules;
mod schedule;
mod source;
pub mod sources;
mod stepper;
mod which;

pub use rule::{Memory, Rule, Update};
pub use rules::aliases::*;
pub use source::{Feed, Point, Source};
pub use stepper::Stepper;
pub use which::Which;

//! **dualtape**: exact derivatives of ordinary Rust code, networks on top, and optimizers that use true curvature.
//!
//! The name says the idea: *dual numbers on a tape*. User code is recorded as a program; reverse mode is a transformation of
//! that program, forward mode is a choice of number, and the exact Hessian is their composition.
//!
//! This package only gathers its crates; each can be taken alone:
//!
//! | module | crate | what it has |
//! |---|---|---|
//! | [`autodiff`] | `dualtape-autodiff` | tape, derivative operators, recorded functions |
//! | [`layers`] | `dualtape-layers` | parameters, layers, losses, data, training |
//! | [`optimizers`] | `dualtape-optimizers` | Newton, Newton-CG, SGD, Adam, … |
//! | `testing`, with the feature of this name | `dualtape-testing` | property tests of derivatives |
//!
//! # Example
//!
//! ```
//! use dualtape::prelude::*;
//!
//! // A loss is a closure: literals on either side, captured data, loops and branches as usual.
//! let rosenbrock = record(&[-1.2, 1.0]).function(|x| {
//!     (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2)
//! })?;
//!
//! let mut x = [-1.2, 1.0];
//! let report = Newton::default().gradient_tolerance(1e-10).minimize(&rosenbrock, &mut x)?;
//! assert!(report.converged());
//! assert!((x[0] - 1.0).abs() < 1e-9 && (x[1] - 1.0).abs() < 1e-9);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use dualtape_autodiff as autodiff;
pub use dualtape_layers as layers;
pub use dualtape_optimizers as optimizers;
#[cfg(feature = "testing")]
pub use dualtape_testing as testing;

/// The examples of the README, run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

/// What most programs need, in one import.
pub mod prelude {
    pub use dualtape_autodiff::{
        Array, Dual, Function, Linearization, Matrix, Real, Scalar, Tape, Tensor, Var, array_loss,
        c, gradient, hessian, hvp, jacobian, jvp, record, record_f32, scalar_loss,
        value_and_gradient, value_gradient_and_hvp, vjp,
    };
    pub use dualtape_layers::{
        Activation, Dataset, Linear, Module, Network, Sequential, Supervised, Trainer, accuracy,
        cross_entropy, mean_squared_error, mlp, predict, supervised,
    };
    pub use dualtape_optimizers::prelude::*;
    pub use dualtape_optimizers::{Adam, Newton, NewtonCg, Report, Sgd, StopReason};
}

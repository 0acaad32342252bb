#![doc = include_str!("../README.md")]

mod cause;
mod check;
mod curve;
mod directions;
mod law;
mod locate;
#[macro_use]
mod macros;
mod noise;
mod report;
pub mod strategies;
mod subject;

/// What the macros name.
#[doc(hidden)]
pub use dualtape_autodiff as autodiff;

pub use cause::Cause;
pub use check::{Check, Kinks, Tolerance, check, check_derivatives};
pub use law::Law;
pub use report::{Failure, Skip, Summary};
pub use strategies::Domain;
#[cfg(feature = "layers")]
pub use subject::module;
#[cfg(feature = "optimizers")]
pub use subject::objective;
pub use subject::{
    Answer, At, Formula, Refusal, Replayed, Route, Subject, elementwise, formula,
    numeric_operation, operation, recorded_function, recorded_vector_function, scalar, tensor_loss,
    tensors, vector,
};

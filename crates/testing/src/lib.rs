#![doc = include_str!("../README.md")]

mod cause;
mod check;
mod curve;
mod directions;
mod law;
mod limits;
mod locate;
#[macro_use]
mod macros;
mod noise;
mod report;
pub mod strategies;
mod subject;
mod summary;

/// What the macros name.
#[doc(hidden)]
pub use dualtape_autodiff as autodiff;

pub use cause::Cause;
pub use check::{Check, Kinks, Tolerance, check, check_derivatives};
pub use law::Law;
pub use locate::Lost;
pub use report::Failure;
pub use strategies::Domain;
pub use subject::{
    Answer, At, Formula, Refusal, Replayed, Route, Subject, TensorFormula, elementwise, formula,
    numeric_operation, numeric_operation_in_both, operation, operation_in_both, recorded_function,
    recorded_function_in_both, recorded_vector_function, recorded_vector_function_in_both, scalar,
    tensor_formula, tensor_loss, tensors, vector,
};
#[cfg(feature = "layers")]
pub use subject::{module, module_in_both};
#[cfg(feature = "optimizers")]
pub use subject::{objective, objective_in_both};
pub use summary::{Skip, Summary};

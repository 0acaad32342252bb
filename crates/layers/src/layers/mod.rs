//! The layers: compositions of the tape's operations.

mod activation;
mod linear;
mod networks;

pub use activation::Activation;
pub use linear::Linear;
pub use networks::{mlp, perceptron};

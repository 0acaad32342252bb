//! The layers: compositions of the tape's operations.

mod activation;
mod dropout;
mod embedding;
mod flatten;
mod linear;
mod networks;
mod normalization;
mod residual;
mod softmax;

pub use activation::Activation;
pub use dropout::Dropout;
pub use embedding::Embedding;
pub use flatten::Flatten;
pub use linear::{Bilinear, Linear};
pub use networks::{mlp, perceptron};
pub use normalization::{BatchNorm, BatchNorm1d, BatchNorm2d, GroupNorm, LayerNorm, RmsNorm};
pub use residual::Residual;
pub use softmax::{LogSoftmax, Softmax};

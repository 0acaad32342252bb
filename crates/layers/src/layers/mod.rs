//! The layers: compositions of the tape's operations.

mod activation;
mod attention;
mod conv;
mod dropout;
mod embedding;
mod flatten;
mod linear;
mod networks;
mod normalization;
mod pool;
mod recurrent;
mod residual;
mod sequence_networks;
mod softmax;
mod steps;

pub use activation::Activation;
pub use attention::{
    DecoderBlock, EncoderBlock, LearnedPositions, MultiHeadAttention, SinusoidalPositions,
};
pub use conv::{
    Conv, Conv1d, Conv2d, ConvTranspose, ConvTranspose1d, ConvTranspose2d, Forward, Transposed,
};
pub use dropout::Dropout;
pub use embedding::Embedding;
pub use flatten::Flatten;
pub use linear::{Bilinear, Linear};
pub use networks::{cnn, mlp, perceptron};
pub use normalization::{BatchNorm, BatchNorm1d, BatchNorm2d, GroupNorm, LayerNorm, RmsNorm};
pub use pool::{
    AdaptiveAvgPool, AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveMaxPool, AdaptiveMaxPool1d,
    AdaptiveMaxPool2d, AvgPool, AvgPool1d, AvgPool2d, MaxPool, MaxPool1d, MaxPool2d,
};
pub use recurrent::{Cell, Recurrent, RecurrentOutput, RecurrentState};
pub use residual::Residual;
pub use sequence_networks::{rnn, transformer};
pub use softmax::{LogSoftmax, Softmax};
pub use steps::MeanOfSteps;

/// Lengths of axes as descriptions have them: `3×3`.
fn lengths<const N: usize>(lengths: [usize; N]) -> String {
    lengths.map(|n| n.to_string()).join("×")
}

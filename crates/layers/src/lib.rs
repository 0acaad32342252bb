#![doc = include_str!("../README.md")]

mod data;
mod errors;
mod files;
mod layers;
mod losses;
mod module;
mod training;

pub use data::{Dataset, Standardize, one_hot, table};
pub use errors::Error;
pub use layers::{
    Activation, AdaptiveAvgPool, AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveMaxPool,
    AdaptiveMaxPool1d, AdaptiveMaxPool2d, AvgPool, AvgPool1d, AvgPool2d, BatchNorm, BatchNorm1d,
    BatchNorm2d, Bilinear, Conv, Conv1d, Conv2d, ConvTranspose, ConvTranspose1d, ConvTranspose2d,
    Dropout, Embedding, Flatten, Forward, GroupNorm, LayerNorm, Linear, LogSoftmax, MaxPool,
    MaxPool1d, MaxPool2d, Residual, RmsNorm, Softmax, Transposed, cnn, mlp, perceptron,
};
pub use layers::{
    Cell, DecoderBlock, EncoderBlock, LearnedPositions, MeanOfSteps, MultiHeadAttention, Recurrent,
    RecurrentOutput, RecurrentState, SinusoidalPositions, rnn, transformer,
};
pub use losses::{
    ConfusionMatrix, accuracy, binary_cross_entropy_with_logits, cross_entropy, l2_penalty,
    mean_squared_error, predicted_labels,
};
pub use module::{
    Declaration, Fan, Init, Layout, Mode, Module, Noise, Scope, Sequential, Spread, View,
};
pub use training::{
    Batch, Clip, Ended, Epoch, Flow, GradientFlow, History, Moment, Network, Optimizer,
    OptimizerError, OptimizerState, Supervised, Trainer, cosine, on_plateau, one_cycle, predict,
    step_decay, supervised, warm_up,
};

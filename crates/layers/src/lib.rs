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
    Activation, BatchNorm, BatchNorm1d, BatchNorm2d, Bilinear, Dropout, Embedding, Flatten,
    GroupNorm, LayerNorm, Linear, LogSoftmax, Residual, RmsNorm, Softmax, mlp, perceptron,
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

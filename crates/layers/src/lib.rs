#![doc = include_str!("../README.md")]

mod data;
mod errors;
mod files;
mod layers;
mod losses;
mod module;
mod training;

#[cfg(feature = "npz")]
pub use data::Npz;
#[cfg(feature = "csv")]
pub use data::{Column, Csv, CsvTable};
pub use data::{
    DataFault, DataFileError, Dataset, Npy, Standardize, one_hot, read_npy, read_npy_from, table,
    windows,
};
pub use errors::Error;
/// The same [`Error`] under a name that no other crate has, for code that imports everything of several.
pub use errors::Error as LayersError;
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
    AbsoluteError, BinaryCrossEntropy, ConfusionMatrix, CosineEmbedding, CrossEntropy, GaussianNll,
    Hinge, Huber, KlDivergence, MulticlassHinge, PoissonNll, RegressionScores, SquaredError, Terms,
    TripletMargin, accuracy, binary_cross_entropy_with_logits, cosine_distance, cross_entropy,
    elastic_net_penalty, gaussian_nll, hinge, huber, kl_divergence, l1_penalty, l2_penalty,
    mean_absolute_error, mean_squared_error, negative_log_likelihood, poisson_nll,
    predicted_labels, spectral_penalty, triplet_margin,
};
pub use module::{
    Declaration, Fan, Init, Layout, Mode, Module, Noise, Scope, Sequential, Spread, View,
};
pub use training::{
    Batch, Clip, Ended, Epoch, Flow, GradientFlow, History, Moment, Network, Optimizer,
    OptimizerError, OptimizerState, Plateau, Supervised, Trainer, cosine, on_plateau, one_cycle,
    predict, step_decay, supervised, warm_up, with_learning_rate,
};

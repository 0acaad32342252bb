#![doc = include_str!("../README.md")]

mod activation;
mod data;
mod errors;
mod init;
mod linear;
mod losses;
mod metrics;
mod module;
mod networks;
mod parameters;
mod split;
mod standardize;
mod supervised;

pub use activation::Activation;
pub use data::{Dataset, one_hot, table};
pub use errors::Error;
pub use init::{Fan, Init, Spread};
pub use linear::Linear;
pub use losses::{binary_cross_entropy_with_logits, cross_entropy, l2_penalty, mean_squared_error};
pub use metrics::{ConfusionMatrix, accuracy, predicted_labels};
pub use module::{Module, Sequential};
pub use networks::{mlp, perceptron};
pub use parameters::{Declaration, Layout, Parameters, View};
pub use standardize::Standardize;
pub use supervised::{predict, supervised, supervised_with_decay};

//! Losses, penalties on parameters, and metrics.
//!
//! A loss of the crate is a small value with its options, whose method `terms` gives the loss of each example or element;
//! [`Terms`] are reduced by `mean`, `sum` or not at all. The usual choice of each is a plain function of two tensors as well,
//! and a loss of your own is a function of the same form, written with tensor operations, or with scalars taken out by
//! `t.get(i)`; there is no trait to implement. Generic over the precision, a literal on the left of a tensor is `c(1.0)`.

mod binary;
mod classes;
mod likelihood;
mod metrics;
mod penalties;
mod regression;
mod shapes;
mod similarity;
mod terms;

pub use binary::{BinaryCrossEntropy, Hinge, binary_cross_entropy_with_logits, hinge};
pub use classes::{CrossEntropy, MulticlassHinge, cross_entropy, negative_log_likelihood};
pub use likelihood::{
    GaussianNll, KlDivergence, PoissonNll, gaussian_nll, kl_divergence, poisson_nll,
};
pub use metrics::{ConfusionMatrix, RegressionScores, accuracy, predicted_labels};
pub use penalties::{elastic_net_penalty, l1_penalty, l2_penalty, spectral_penalty};
pub use regression::{
    AbsoluteError, Huber, SquaredError, huber, mean_absolute_error, mean_squared_error,
};
pub use similarity::{CosineEmbedding, TripletMargin, cosine_distance, triplet_margin};
pub use terms::Terms;

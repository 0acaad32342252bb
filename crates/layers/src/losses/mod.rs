//! Losses: plain functions of two tensors.
//!
//! A loss of your own is a function of the same form, written with tensor operations, or with scalars taken out by
//! `t.get(i)`; there is no trait to implement. All losses here are means over the batch, so that their size does not
//! depend on it.

mod metrics;

use dualtape_autodiff::{Real, Tensor, Var, c};

pub use metrics::{ConfusionMatrix, accuracy, predicted_labels};

/// `Σ (prediction − target)² / n` over all `n` entries.
///
/// # Shape
///
/// Both of one shape, any rank. Different shapes are an error that the tape keeps, even where broadcasting would make
/// them fit: `[n, 1]` against `[n]` is a mistake here.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::mean_squared_error;
///
/// let tape = Tape::new();
/// let prediction = tape.constant(&Array::vector(vec![1.0, 2.0]));
/// let target = tape.constant(&Array::vector(vec![0.0, 5.0]));
/// assert_eq!(mean_squared_error(prediction, target).value(), (1.0 + 9.0) / 2.0);
/// ```
#[track_caller]
pub fn mean_squared_error<'t, S: Real>(
    prediction: Tensor<'t, S>,
    target: Tensor<'t, S>,
) -> Var<'t, S> {
    require_same_shape("mean_squared_error", prediction, target);
    let residual = prediction - target;
    residual.dot(residual) / c(residual.len() as f64)
}

/// `−Σ target·log softmax(logits) / batch`: the mean cross entropy of the target distributions relative to the softmax
/// of the logits.
///
/// The logarithm of the softmax is formed as one operation, so logits of any finite size are safe.
///
/// # Shape
///
/// Both `[batch, classes]`: classes on the last axis, any axes before it. Each row of `target` is a distribution, most
/// often a [one-hot](crate::one_hot) one. Different shapes are an error that the tape keeps.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::cross_entropy;
///
/// let tape = Tape::new();
/// let logits = tape.constant(&Array::new(&[2, 2], vec![1e4, -1e4, 0.0, 0.0])?);
/// let target = tape.constant(&Array::new(&[2, 2], vec![0.0, 1.0, 1.0, 0.0])?);
/// assert_eq!(cross_entropy(logits, target).value(), (2e4 + 2.0_f64.ln()) / 2.0);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[track_caller]
pub fn cross_entropy<'t, S: Real>(logits: Tensor<'t, S>, target: Tensor<'t, S>) -> Var<'t, S> {
    require_same_shape("cross_entropy", logits, target);
    let batch: usize = logits.shape().iter().rev().skip(1).product();
    let class_axis = logits.shape().len().saturating_sub(1);
    -(target.dot(logits.log_softmax(class_axis)) / c(batch as f64))
}

/// `Σ (softplus(z) − y·z) / n` over all `n` logits `z` with targets `y`: the mean cross entropy of independent
/// yes-or-no targets in `[0, 1]` relative to `sigmoid(z)`, stable for logits of any finite size.
///
/// # Shape
///
/// Both of one shape, any rank; different shapes are an error that the tape keeps.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::binary_cross_entropy_with_logits;
///
/// let tape = Tape::new();
/// let logits = tape.constant(&Array::vector(vec![1e4, 0.0]));
/// let target = tape.constant(&Array::vector(vec![1.0, 1.0]));
/// assert_eq!(binary_cross_entropy_with_logits(logits, target).value(), 2.0_f64.ln() / 2.0);
/// ```
#[track_caller]
pub fn binary_cross_entropy_with_logits<'t, S: Real>(
    logits: Tensor<'t, S>,
    target: Tensor<'t, S>,
) -> Var<'t, S> {
    require_same_shape("binary_cross_entropy_with_logits", logits, target);
    (logits.softplus() - target * logits).mean()
}

/// `½·λ·‖θ‖²`: the penalty whose gradient `λ·θ` is weight decay.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::l2_penalty;
///
/// let tape = Tape::new();
/// let theta = tape.constant(&Array::vector(vec![3.0, 4.0]));
/// assert_eq!(l2_penalty(theta, 0.1).value(), 0.05 * 25.0);
/// ```
pub fn l2_penalty<S: Real>(theta: Tensor<'_, S>, lambda: f64) -> Var<'_, S> {
    theta.dot(theta) * c(0.5 * lambda)
}

/// Has the tape refuse two different shapes, even where broadcasting would make them fit.
#[track_caller]
fn require_same_shape<S: Real>(loss: &'static str, a: Tensor<'_, S>, b: Tensor<'_, S>) {
    if a.shape() != b.shape() {
        a.tape().refuse(loss, &[a.shape(), b.shape()], "prediction and target of one shape");
    }
}

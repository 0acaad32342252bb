//! What losses ask of their arguments and options.

use dualtape_autodiff::{Array, Real, Tensor};

/// `|x|` as a loss has it: at 0 with derivative 0 and curvature 0, a choice made once for all by that of
/// [`relu`](Tensor::relu).
#[track_caller]
pub(super) fn magnitude<'t, S: Real>(x: Tensor<'t, S>) -> Tensor<'t, S> {
    x.relu() + (-x).relu()
}

/// Has the tape refuse two different shapes, even where broadcasting would make them fit.
#[track_caller]
pub(super) fn require_same_shape<S: Real>(loss: &'static str, a: Tensor<'_, S>, b: Tensor<'_, S>) {
    if a.shape() != b.shape() {
        a.tape().refuse(loss, &[a.shape(), b.shape()], "prediction and target of one shape");
    }
}

/// Whether there is one target for each row of `x`: the shape of `x` without its last axis. If not, the tape refuses.
#[track_caller]
pub(super) fn one_for_each_row<S: Real>(
    loss: &'static str,
    x: Tensor<'_, S>,
    target: Tensor<'_, S>,
) -> bool {
    let fits = x.shape().split_last().is_some_and(|(_, rows)| rows == target.shape());
    if !fits {
        x.tape().refuse(loss, &[x.shape(), target.shape()], "one target for each row");
    }
    fits
}

/// Has the tape refuse an option of a loss.
#[track_caller]
pub(super) fn require_option<S: Real>(
    x: Tensor<'_, S>,
    loss: &'static str,
    valid: bool,
    needs: &str,
    value: f64,
) {
    if !valid {
        x.tape().refuse(loss, &[], &format!("{needs}, not {value}"));
    }
}

/// Factors along an axis of `x`, in a shape that broadcasts to it. A single factor serves for all; another number of
/// factors, or one that is not finite, is an error that the tape keeps.
#[track_caller]
pub(super) fn factors<'t, S: Real>(
    loss: &'static str,
    x: Tensor<'t, S>,
    axis: usize,
    factors: &[f64],
) -> Tensor<'t, S> {
    let length = x.shape().get(axis).copied().unwrap_or(1);
    if factors.iter().any(|factor| !factor.is_finite()) {
        x.tape().refuse(loss, &[], &format!("finite weights, not {factors:?}"));
    }
    let array = x.constant(&Array::vector(factors.iter().map(|&f| S::constant(f)).collect()));
    if factors.len() == 1 {
        return array.reshape(&[]);
    }
    if factors.len() != length {
        let needs = format!("one weight for each of the {length} entries of axis {axis}");
        x.tape().refuse(loss, &[x.shape(), array.shape()], &needs);
        return x;
    }
    let mut shape = vec![1; x.rank()];
    shape[axis] = length;
    array.reshape(&shape)
}

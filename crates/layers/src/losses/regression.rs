//! Losses of predicted numbers.

use dualtape_autodiff::{Real, Tensor, Var, c};

use super::shapes::{magnitude, require_option, require_same_shape};
use super::terms::Terms;

/// The squared error `(prediction − target)²` of each entry.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::SquaredError;
///
/// let tape = Tape::new();
/// let prediction = tape.constant(&Array::vector(vec![1.0, 2.0]));
/// let target = tape.constant(&Array::vector(vec![0.0, 5.0]));
/// assert_eq!(SquaredError.terms(prediction, target).sum().value(), 10.0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SquaredError;

impl SquaredError {
    /// One term for each entry of two arrays of one shape; other shapes are an error that the tape keeps.
    #[track_caller]
    pub fn terms<'t, S: Real>(
        self,
        prediction: Tensor<'t, S>,
        target: Tensor<'t, S>,
    ) -> Terms<'t, S> {
        require_same_shape("mean_squared_error", prediction, target);
        Terms::new((prediction - target).powi(2))
    }
}

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
#[doc(alias = "mse_loss")]
pub fn mean_squared_error<'t, S: Real>(
    prediction: Tensor<'t, S>,
    target: Tensor<'t, S>,
) -> Var<'t, S> {
    require_same_shape("mean_squared_error", prediction, target);
    let residual = prediction - target;
    residual.dot(residual) / c(residual.len() as f64)
}

/// The absolute error `|prediction − target|` of each entry, with derivative 0 and curvature 0 where it is 0.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::AbsoluteError;
///
/// let tape = Tape::new();
/// let prediction = tape.constant(&Array::vector(vec![1.0, 2.0]));
/// let target = tape.constant(&Array::vector(vec![0.0, 5.0]));
/// assert_eq!(AbsoluteError.terms(prediction, target).each().data(), [1.0, 3.0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AbsoluteError;

impl AbsoluteError {
    /// One term for each entry of two arrays of one shape; other shapes are an error that the tape keeps.
    #[track_caller]
    pub fn terms<'t, S: Real>(
        self,
        prediction: Tensor<'t, S>,
        target: Tensor<'t, S>,
    ) -> Terms<'t, S> {
        require_same_shape("mean_absolute_error", prediction, target);
        Terms::new(magnitude(prediction - target))
    }
}

/// `Σ |prediction − target| / n` over all `n` entries.
///
/// Linear almost everywhere: its curvature is 0, so that a Newton method needs another loss, as [`huber`].
///
/// # Shape
///
/// Both of one shape, any rank; different shapes are an error that the tape keeps.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::mean_absolute_error;
///
/// let tape = Tape::new();
/// let prediction = tape.constant(&Array::vector(vec![1.0, 2.0]));
/// let target = tape.constant(&Array::vector(vec![0.0, 5.0]));
/// assert_eq!(mean_absolute_error(prediction, target).value(), (1.0 + 3.0) / 2.0);
/// ```
#[track_caller]
#[doc(alias = "l1_loss")]
pub fn mean_absolute_error<'t, S: Real>(
    prediction: Tensor<'t, S>,
    target: Tensor<'t, S>,
) -> Var<'t, S> {
    AbsoluteError.terms(prediction, target).mean()
}

/// The Huber loss of each residual `r = prediction − target`: `½r²` where `|r| ≤ δ`, and `δ·(|r| − ½δ)` beyond, where
/// outliers pull with constant force.
///
/// Once continuously differentiable; at `|r| = δ` the second derivative is that of the inside, 1.
///
/// Source: Huber, "Robust estimation of a location parameter", Ann. Math. Statist. 35 (1964).
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::Huber;
///
/// let tape = Tape::new();
/// let prediction = tape.constant(&Array::vector(vec![1.0, 5.0]));
/// let target = tape.constant(&Array::vector(vec![0.0, 0.0]));
/// assert_eq!(Huber::new(2.0).terms(prediction, target).each().data(), [0.5, 2.0 * (5.0 - 1.0)]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Huber {
    delta: f64,
}

impl Huber {
    /// With this `δ`, a finite number above 0.
    pub fn new(delta: f64) -> Self {
        Self { delta }
    }

    /// One term for each entry of two arrays of one shape; other shapes are an error that the tape keeps.
    #[track_caller]
    pub fn terms<'t, S: Real>(
        self,
        prediction: Tensor<'t, S>,
        target: Tensor<'t, S>,
    ) -> Terms<'t, S> {
        require_same_shape("huber", prediction, target);
        let valid = self.delta.is_finite() && self.delta > 0.0;
        require_option(prediction, "huber", valid, "a finite δ > 0", self.delta);
        let residual = prediction - target;
        let inside = residual.clamp(-self.delta, self.delta);
        Terms::new(inside * (residual - inside * c(0.5)))
    }
}

/// The mean of the [Huber loss](Huber) with `δ = 1`.
///
/// # Shape
///
/// Both of one shape, any rank; different shapes are an error that the tape keeps.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::huber;
///
/// let tape = Tape::new();
/// let prediction = tape.constant(&Array::vector(vec![0.5, 5.0]));
/// let target = tape.constant(&Array::vector(vec![0.0, 0.0]));
/// assert_eq!(huber(prediction, target).value(), (0.125 + 4.5) / 2.0);
/// ```
#[track_caller]
pub fn huber<'t, S: Real>(prediction: Tensor<'t, S>, target: Tensor<'t, S>) -> Var<'t, S> {
    Huber::new(1.0).terms(prediction, target).mean()
}

//! Losses of yes-or-no targets.

use dualtape_autodiff::{Real, Tensor, Var, c};

use super::shapes::{factors, require_option, require_same_shape};
use super::terms::Terms;

/// The cross entropy of independent yes-or-no targets `y` in `[0, 1]` relative to `sigmoid(z)`:
/// `w·(pos·y·softplus(−z) + (1 − y)·softplus(z))`, with factors `pos` on the positive targets and `w` on everything.
///
/// No term is a difference, so that small losses and gradients keep all their digits, at logits of any finite size.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::BinaryCrossEntropy;
///
/// let tape = Tape::new();
/// let logits = tape.constant(&Array::new(&[2, 2], vec![0.0, 1e4, 0.0, -1e4])?);
/// let target = tape.constant(&Array::new(&[2, 2], vec![1.0, 1.0, 0.0, 1.0])?);
/// let loss = BinaryCrossEntropy::new().positive_weights(&[3.0, 2.0]);
/// let ln_2 = 2.0_f64.ln();
/// assert_eq!(loss.terms(logits, target).each().data(), [3.0 * ln_2, 0.0, ln_2, 2e4]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BinaryCrossEntropy {
    weights: Option<Vec<f64>>,
    positive_weights: Option<Vec<f64>>,
}

impl BinaryCrossEntropy {
    /// Without weights.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same loss, with a factor for each entry of the last axis, or one for all. It does not count in the mean; see
    /// [`Terms::weighted`] for weights that do.
    pub fn weights(mut self, weights: &[f64]) -> Self {
        self.weights = Some(weights.to_vec());
        self
    }

    /// The same loss, with a factor on the positive targets for each entry of the last axis, or one for all: `> 1` for
    /// recall, `< 1` for precision.
    #[doc(alias = "pos_weight")]
    pub fn positive_weights(mut self, weights: &[f64]) -> Self {
        self.positive_weights = Some(weights.to_vec());
        self
    }

    /// One term for each entry of two arrays of one shape; other shapes are an error that the tape keeps.
    #[track_caller]
    pub fn terms<'t, S: Real>(&self, logits: Tensor<'t, S>, target: Tensor<'t, S>) -> Terms<'t, S> {
        const LOSS: &str = "binary_cross_entropy_with_logits";
        require_same_shape(LOSS, logits, target);
        let weigh = |x: Tensor<'t, S>, weights: &Option<Vec<f64>>| match weights {
            Some(weights) => x * factors(LOSS, x, x.rank().saturating_sub(1), weights),
            None => x,
        };
        let positive = weigh(target * (-logits).softplus(), &self.positive_weights);
        let negative = (c(1.0) - target) * logits.softplus();
        Terms::new(weigh(positive + negative, &self.weights))
    }
}

/// `Σ (y·softplus(−z) + (1 − y)·softplus(z)) / n` over all `n` logits `z` with targets `y`: the mean
/// [cross entropy](BinaryCrossEntropy) of independent yes-or-no targets in `[0, 1]` relative to `sigmoid(z)`, stable for
/// logits of any finite size.
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
    BinaryCrossEntropy::new().terms(logits, target).mean()
}

/// The hinge loss `max(0, margin − y·z)` of each score `z` with target `y = ±1`, with derivative 0 and curvature 0 at the
/// kink.
///
/// Source: Cortes & Vapnik, "Support-vector networks", Machine Learning 20 (1995).
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::Hinge;
///
/// let tape = Tape::new();
/// let scores = tape.constant(&Array::vector(vec![0.5, 0.5, -3.0]));
/// let target = tape.constant(&Array::vector(vec![1.0, -1.0, -1.0]));
/// assert_eq!(Hinge::new().margin(2.0).terms(scores, target).each().data(), [1.5, 2.5, 0.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hinge {
    margin: f64,
}

impl Default for Hinge {
    fn default() -> Self {
        Self { margin: 1.0 }
    }
}

impl Hinge {
    /// With margin 1.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same loss, with this margin.
    pub fn margin(self, margin: f64) -> Self {
        Self { margin }
    }

    /// One term for each entry of two arrays of one shape; other shapes are an error that the tape keeps. A target other than
    /// ±1 has the term NaN.
    #[track_caller]
    pub fn terms<'t, S: Real>(self, scores: Tensor<'t, S>, target: Tensor<'t, S>) -> Terms<'t, S> {
        require_same_shape("hinge", scores, target);
        require_option(scores, "hinge", self.margin.is_finite(), "a finite margin", self.margin);
        let each = (c(self.margin) - target * scores).relu();
        Terms::new(target.abs().eq(S::one()).where_cond(each, S::nan()))
    }
}

/// The mean of the [hinge loss](Hinge) with margin 1.
///
/// # Shape
///
/// Scores and targets ±1 of one shape, any rank; different shapes are an error that the tape keeps.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::hinge;
///
/// let tape = Tape::new();
/// let scores = tape.constant(&Array::vector(vec![0.5, 0.5]));
/// let target = tape.constant(&Array::vector(vec![1.0, -1.0]));
/// assert_eq!(hinge(scores, target).value(), (0.5 + 1.5) / 2.0);
/// ```
#[track_caller]
pub fn hinge<'t, S: Real>(scores: Tensor<'t, S>, target: Tensor<'t, S>) -> Var<'t, S> {
    Hinge::new().terms(scores, target).mean()
}

//! Losses of predicted distributions.

use std::f64::consts::TAU;

use dualtape_autodiff::{Real, Tensor, Var, c};

use super::shapes::{require_option, require_same_shape};
use super::terms::Terms;

/// The Kullback–Leibler divergence `Σ p·(log p − log q)` of predicted distributions `q` from target distributions `p`, as one
/// term for each entry.
///
/// The prediction is `log q`, as [`log_softmax`](Tensor::log_softmax) gives it; `0·log 0` is 0.
/// [`Terms::batch_mean`] is the mean divergence of the batch; [`Terms::mean`] divides by the number of all entries, as
/// PyTorch's `reduction="mean"`.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::KlDivergence;
///
/// let tape = Tape::new();
/// let log_q = tape.constant(&Array::new(&[1, 2], vec![0.5_f64.ln(), 0.5_f64.ln()])?);
/// let p = tape.constant(&Array::new(&[1, 2], vec![1.0, 0.0])?);
/// assert_eq!(KlDivergence::new().terms(log_q, p).batch_mean().value(), 2.0_f64.ln());
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KlDivergence {
    log_target: bool,
}

impl KlDivergence {
    /// With targets `p`.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same divergence, with targets given as `log p`.
    pub fn log_target(self) -> Self {
        Self { log_target: true }
    }

    /// One term for each entry of two arrays of one shape; other shapes are an error that the tape keeps.
    #[track_caller]
    pub fn terms<'t, S: Real>(self, log_q: Tensor<'t, S>, target: Tensor<'t, S>) -> Terms<'t, S> {
        require_same_shape("kl_divergence", log_q, target);
        Terms::new(if self.log_target {
            target.exp() * (target - log_q)
        } else {
            target.xlogx() - target * log_q
        })
    }
}

/// The mean over the batch of the [Kullback–Leibler divergence](KlDivergence) of distributions `q`, given as `log q`, from
/// target distributions `p`: PyTorch's `reduction="batchmean"`.
///
/// # Shape
///
/// Both `[batch, …]`; different shapes are an error that the tape keeps.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::kl_divergence;
///
/// let tape = Tape::new();
/// let p = tape.constant(&Array::new(&[2, 2], vec![0.25, 0.75, 0.5, 0.5])?);
/// assert_eq!(kl_divergence(p.ln(), p).value(), 0.0);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[track_caller]
pub fn kl_divergence<'t, S: Real>(log_q: Tensor<'t, S>, p: Tensor<'t, S>) -> Var<'t, S> {
    KlDivergence::new().terms(log_q, p).batch_mean()
}

/// The negative log-likelihood of counts `y` from Poisson distributions: `eˣ − y·x` where the prediction `x` is the
/// logarithm of the rate, up to a constant in `x`.
///
/// The rate `eˣ` overflows where it is not a number of the type, beyond 709 in `f64` and 88 in `f32`.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::PoissonNll;
///
/// let tape = Tape::new();
/// let log_rate = tape.constant(&Array::vector(vec![0.0, 2.0]));
/// let counts = tape.constant(&Array::vector(vec![1.0, 3.0]));
/// let loss = PoissonNll::new().terms(log_rate, counts);
/// assert_eq!(loss.each().data(), [1.0, 2.0_f64.exp() - 6.0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PoissonNll {
    rate: Option<f64>,
    full: bool,
}

impl PoissonNll {
    /// Of logarithms of rates, without the constant.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same loss, of predictions that are rates `λ`: `λ − y·ln(λ + ε)`. PyTorch's `ε` is `1e-8`; 0 is exact.
    pub fn of_rates(self, epsilon: f64) -> Self {
        Self { rate: Some(epsilon), ..self }
    }

    /// The same loss, plus Stirling's approximation `y·ln y − y + ½·ln(2πy)` of the constant `ln y!`, for counts above 1.
    pub fn full(self) -> Self {
        Self { full: true, ..self }
    }

    /// One term for each entry of two arrays of one shape; other shapes are an error that the tape keeps.
    #[track_caller]
    pub fn terms<'t, S: Real>(
        self,
        prediction: Tensor<'t, S>,
        counts: Tensor<'t, S>,
    ) -> Terms<'t, S> {
        const LOSS: &str = "poisson_nll";
        require_same_shape(LOSS, prediction, counts);
        let each = match self.rate {
            None => prediction.exp() - counts * prediction,
            Some(epsilon) => {
                let valid = epsilon.is_finite() && epsilon >= 0.0;
                require_option(prediction, LOSS, valid, "a finite ε ≥ 0", epsilon);
                prediction - counts.xlogy(prediction + c(epsilon))
            }
        };
        if !self.full {
            return Terms::new(each);
        }
        let large = counts.gt(S::one());
        let safe = large.where_cond(counts, S::one());
        let constant = safe.xlogx() - safe + (safe * c(TAU)).ln() * c(0.5);
        Terms::new(each + large.where_cond(constant, S::zero()))
    }
}

/// The mean [negative log-likelihood](PoissonNll) of counts under Poisson distributions, given the logarithms of their rates.
///
/// # Shape
///
/// Both of one shape, any rank; different shapes are an error that the tape keeps.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::poisson_nll;
///
/// let tape = Tape::new();
/// let log_rate = tape.constant(&Array::vector(vec![0.0, 0.0]));
/// let counts = tape.constant(&Array::vector(vec![1.0, 3.0]));
/// assert_eq!(poisson_nll(log_rate, counts).value(), 1.0);
/// ```
#[track_caller]
pub fn poisson_nll<'t, S: Real>(log_rate: Tensor<'t, S>, counts: Tensor<'t, S>) -> Var<'t, S> {
    PoissonNll::new().terms(log_rate, counts).mean()
}

/// The negative log-likelihood of numbers `y` under normal distributions with predicted mean `μ` and variance `v`:
/// `½·(ln v + (y − μ)²/v)`, up to a constant.
///
/// A variance below `ε` counts as `ε`, with derivative 0 there: PyTorch's gradient ignores that the variance is held, and
/// is none of the loss's. A negative variance gives NaN. A model that predicts `ln v` and takes `exp` of it needs neither.
///
/// Source: Nix & Weigend, "Estimating the mean and variance of the target probability distribution" (1994).
///
/// # Example
///
/// A model whose two outputs are mean and logarithm of the variance:
///
/// ```
/// use dualtape_autodiff::Tensor;
/// use dualtape_layers::{Activation, Dataset, GaussianNll, mlp, supervised, table};
///
/// let data = Dataset::new(table(&[[0.0], [1.0]])?, table(&[[3.0], [5.0]])?)?;
/// let objective = supervised(mlp(&[1, 4, 2], Activation::Tanh), &data, |output, target| {
///     let [mean, log_variance] = [0, 1].map(|column| output.slice(1, column..column + 1));
///     GaussianNll::new().terms(mean, log_variance.exp(), target).mean()
/// })?;
/// assert_eq!(objective.value(&vec![0.0; objective.dim()])?, 0.5 * (9.0 + 25.0) / 2.0);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GaussianNll {
    epsilon: f64,
    full: bool,
}

impl Default for GaussianNll {
    fn default() -> Self {
        Self { epsilon: 1e-6, full: false }
    }
}

impl GaussianNll {
    /// With `ε = 1e-6`, without the constant.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same loss, with this smallest variance, a finite number above 0.
    pub fn epsilon(self, epsilon: f64) -> Self {
        Self { epsilon, ..self }
    }

    /// The same loss, plus the constant `½·ln 2π`.
    pub fn full(self) -> Self {
        Self { full: true, ..self }
    }

    /// One term for each entry of three arrays of one shape, of which the variance may have length 1 on the last axis, for one
    /// variance to a row; other shapes are an error that the tape keeps.
    #[track_caller]
    pub fn terms<'t, S: Real>(
        self,
        mean: Tensor<'t, S>,
        variance: Tensor<'t, S>,
        target: Tensor<'t, S>,
    ) -> Terms<'t, S> {
        const LOSS: &str = "gaussian_nll";
        require_same_shape(LOSS, mean, target);
        let mut one_to_a_row = mean.shape().to_vec();
        if let Some(last) = one_to_a_row.last_mut() {
            *last = 1;
        }
        let shapes = [mean.shape(), variance.shape()];
        if shapes[0] != shapes[1] && one_to_a_row != shapes[1] {
            mean.tape().refuse(LOSS, &shapes, "one variance for each mean, or for each row");
        }
        let valid = self.epsilon.is_finite() && self.epsilon > 0.0;
        require_option(mean, LOSS, valid, "a finite ε > 0", self.epsilon);

        let held = variance.lt(c(self.epsilon)).where_cond(c(self.epsilon), variance);
        let held = variance.lt(S::zero()).where_cond(S::nan(), held);
        // Standardised first, residuals whose squares would overflow are none to fear.
        let each = (held.ln() + ((mean - target) / held.sqrt()).powi(2)) * c(0.5);
        Terms::new(if self.full { each + c(0.5 * TAU.ln()) } else { each })
    }
}

/// The mean [negative log-likelihood](GaussianNll) of numbers under normal distributions with these means and variances.
///
/// # Shape
///
/// All of one shape, or the variance with length 1 on the last axis; others are an error that the tape keeps.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::gaussian_nll;
///
/// let tape = Tape::new();
/// let vector = |x: [f64; 2]| tape.constant(&Array::vector(x.to_vec()));
/// let loss = gaussian_nll(vector([0.0, 1.0]), vector([1.0, 1.0]), vector([2.0, 1.0]));
/// assert_eq!(loss.value(), 0.5 * 4.0 / 2.0);
/// ```
#[track_caller]
pub fn gaussian_nll<'t, S: Real>(
    mean: Tensor<'t, S>,
    variance: Tensor<'t, S>,
    target: Tensor<'t, S>,
) -> Var<'t, S> {
    GaussianNll::new().terms(mean, variance, target).mean()
}

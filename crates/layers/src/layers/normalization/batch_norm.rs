//! Batch normalisation.

use dualtape_autodiff::{Real, Tensor};

use super::{Affine, EPSILON, column};
use crate::module::{Declaration, Init, Mode, Module, Scope};

/// Batch normalisation: `(x − mean)/√(var + ε) ⊙ weight + bias` for each channel.
///
/// In training mean and variance (divided by n) are those of the channel over the batch and all places, differentiated
/// like everything else, and the running statistics go a tenth of the way towards them, with the unbiased variance (divided
/// by n − 1), as PyTorch's. In evaluation the running statistics stand for them, so that examples do not depend on each
/// other.
///
/// Source: Ioffe & Szegedy, "Batch normalization", ICML 2015.
///
/// # Shape
///
/// `x` is `[batch, channels, ..]`: a table, a sequence, an image; the result has the same shape. Parameters are `weight` and
/// `bias` `[channels]`, which start at 1 and 0; buffers are `running_mean` and `running_var` `[channels]`, which start at 0
/// and 1, and `num_batches_tracked`. An `x` of another shape, and training on one value for each channel, are errors that the
/// tape keeps.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::{BatchNorm2d, Mode, Module};
///
/// let layer = BatchNorm2d::new(1).epsilon(0.0);
/// let layout = Module::<f64>::layout(&layer)?;
/// let tape = Tape::new();
/// let theta = tape.constant(&Array::vector(vec![1.0, 0.5])); // weight, bias
/// let x = tape.constant(&Array::new(&[2, 1, 1, 2], vec![3.0, 7.0, 3.0, 7.0])?);
/// let y = layer.forward(&layout.bind_in(theta, Mode::Train), x);
/// assert_eq!(y.data(), [-0.5, 1.5, -0.5, 1.5]);
/// let y = layer.forward(&layout.bind(theta), x); // mean 0 and variance 1 so far
/// assert_eq!(y.data(), [3.5, 7.5, 3.5, 7.5]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct BatchNorm {
    channels: usize,
    epsilon: f64,
    momentum: Momentum,
    affine: Affine,
    tracks: bool,
}

/// Batch normalisation of a table `[batch, channels]` or of sequences `[batch, channels, length]`.
pub type BatchNorm1d = BatchNorm;

/// Batch normalisation of images `[batch, channels, height, width]`.
pub type BatchNorm2d = BatchNorm;

/// How far the running statistics go towards those of a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Momentum {
    /// This part of the way.
    Fixed(f64),
    /// So far that they are the mean over all batches.
    Cumulative,
}

impl BatchNorm {
    /// Over so many channels. ε is 1e-5, the momentum 0.1.
    pub fn new(channels: usize) -> Self {
        let momentum = Momentum::Fixed(0.1);
        Self { channels, epsilon: EPSILON, momentum, affine: Affine::FULL, tracks: true }
    }

    /// The same layer, with this ε.
    pub fn epsilon(self, epsilon: f64) -> Self {
        Self { epsilon, ..self }
    }

    /// The same layer, whose running statistics become `(1 − momentum)·running + momentum·batch`.
    pub fn momentum(self, momentum: f64) -> Self {
        Self { momentum: Momentum::Fixed(momentum), ..self }
    }

    /// The same layer, whose running statistics are the means over all batches seen, each of equal weight.
    pub fn cumulative(self) -> Self {
        Self { momentum: Momentum::Cumulative, ..self }
    }

    /// The same layer, without gain and bias.
    pub fn without_affine(self) -> Self {
        Self { affine: Affine::NONE, ..self }
    }

    /// The same layer, without buffers: the statistics are those of the batch in evaluation too.
    pub fn without_running_statistics(self) -> Self {
        Self { tracks: false, ..self }
    }

    /// Moves the running statistics towards those of a batch, of which each channel has so many values.
    fn track<'t, S: Real>(
        &self,
        scope: &Scope<'t, S>,
        mean: Tensor<'t, S>,
        variance: Tensor<'t, S>,
        values: usize,
    ) {
        let seen = scope.buffer("num_batches_tracked") + S::one();
        scope.update("num_batches_tracked", seen);
        let unbiased = variance * S::constant(values as f64 / (values as f64 - 1.0));
        for (name, of_batch) in [("running_mean", mean), ("running_var", unbiased)] {
            let (running, of_batch) = (scope.buffer(name), of_batch.stop_gradient());
            let new = match self.momentum {
                Momentum::Fixed(part) => {
                    running * S::constant(1.0 - part) + of_batch * S::constant(part)
                }
                Momentum::Cumulative => running + (of_batch - running) / seen,
            };
            scope.update(name, new);
        }
    }
}

impl<S: Real> Module<S> for BatchNorm {
    fn declare(&self, declaration: &mut Declaration) {
        let channels = [self.channels];
        self.affine.declare(declaration, &channels);
        if self.tracks {
            declaration.buffer("running_mean", &channels, Init::Zeros);
            declaration.buffer("running_var", &channels, Init::Constant(1.0));
            declaration.buffer("num_batches_tracked", &[], Init::Zeros);
        }
    }

    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        let shape = x.shape();
        if shape.get(1) != Some(&self.channels) {
            scope.tape().refuse("BatchNorm", &[shape], &format!("[batch, {}, ..]", self.channels));
            return x;
        }
        let training = scope.mode() == Mode::Train;
        let axes: Vec<usize> = (0..x.rank()).filter(|&axis| axis != 1).collect();
        let values = axes.iter().map(|&axis| shape[axis]).product::<usize>();
        if training && values < 2 {
            let needs = "more than one value for each channel in training; take larger batches";
            scope.tape().refuse("BatchNorm", &[shape], needs);
            return x;
        }
        let column = column(self.channels, x.rank());
        let (deviation, variance) = if training || !self.tracks {
            let mean = x.mean_axes(&axes);
            let deviation = x - mean.reshape(&column);
            let variance = (deviation * deviation).mean_axes(&axes);
            if training && self.tracks {
                self.track(scope, mean, variance, values);
            }
            (deviation, variance)
        } else {
            let mean = scope.buffer("running_mean");
            (x - mean.reshape(&column), scope.buffer("running_var"))
        };
        // The gain joins the factor of the channel, where it costs one product for each channel, not one for each element.
        let factor = (variance + S::constant(self.epsilon)).sqrt().recip();
        let gain = Affine { bias: false, ..self.affine };
        let factor = gain.apply(scope, factor, &[self.channels]);
        let bias = Affine { weight: false, ..self.affine };
        bias.apply(scope, deviation * factor.reshape(&column), &column)
    }

    fn describe(&self) -> String {
        format!("BatchNorm({}{})", self.channels, self.affine.describe())
    }
}

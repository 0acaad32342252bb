//! Dropout.

use dualtape_autodiff::{Real, Tensor};

use crate::module::Module;
use crate::module::Scope;
use crate::module::{Mode, Noise};

/// Dropout: in training each element is 0 with probability `p` and `x/(1 − p)` otherwise; in evaluation the identity.
///
/// Which elements are dropped is decided anew at each step by the seed and the number of the step, so any step can be
/// repeated. Derivatives are those of the function with the elements that were dropped, whatever these hold.
///
/// Source: Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov, JMLR 15 (2014).
///
/// # Shape
///
/// Any shape, which the result has too. [`of_channels`](Self::of_channels) needs `[batch, channels, ..]`. A probability
/// outside `[0, 1]` is an error that the tape keeps.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::{Dropout, Mode, Module};
///
/// let layout = Module::<f64>::layout(&Dropout::new(0.25))?;
/// let tape = Tape::new();
/// let (theta, x) = (tape.constant(&Array::vector(vec![])), tape.constant(&Array::vector(vec![3.0; 400])));
/// let y = Dropout::new(0.25).forward(&layout.bind_in(theta, Mode::Train), x);
/// assert!(y.data().iter().all(|&y| y == 0.0 || y == 4.0));
/// assert!((250..350).contains(&y.data().iter().filter(|&&y| y > 0.0).count()));
///
/// assert_eq!(Dropout::new(0.25).forward(&layout.bind(theta), x).data(), x.data());
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias("Dropout1d", "Dropout2d"))]
pub struct Dropout {
    p: f64,
    channels: bool,
}

impl Dropout {
    /// Drops each element with this probability.
    pub fn new(p: f64) -> Self {
        Self { p, channels: false }
    }

    /// The same layer, dropping whole channels of an array `[batch, channels, ..]`: neighbours in an image are too alike
    /// for dropping one of them to matter (Tompson et al., CVPR 2015).
    pub fn of_channels(self) -> Self {
        Self { channels: true, ..self }
    }

    fn needs<S: Real>(&self, x: Tensor<'_, S>) -> Option<String> {
        if !(0.0..=1.0).contains(&self.p) {
            return Some(format!("a probability in [0, 1], not {}", self.p));
        }
        (self.channels && x.rank() < 2).then(|| "[batch, channels, ..]".to_owned())
    }
}

impl<S: Real> Module<S> for Dropout {
    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        if let Some(needs) = self.needs(x) {
            scope.tape().refuse("Dropout", &[x.shape()], &needs);
            return x;
        }
        if scope.mode() == Mode::Eval || self.p == 0.0 {
            return x;
        }
        let mut shape = x.shape().to_vec();
        if self.channels {
            shape[2..].fill(1);
        }
        let kept = scope.noise(Noise::Bernoulli(1.0 - self.p), &shape);
        // With p = 1 nothing is kept, and there is nothing to scale.
        let scale = if self.p < 1.0 { 1.0 / (1.0 - self.p) } else { 0.0 };
        kept.where_cond(x * S::constant(scale), S::zero())
    }

    fn describe(&self) -> String {
        let channels = if self.channels { ", channels" } else { "" };
        format!("Dropout({}{channels})", self.p)
    }
}

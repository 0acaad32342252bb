//! Elementwise nonlinearities.

use dualtape_autodiff::{Real, Tensor};

use crate::module::Module;
use crate::module::Scope;
use crate::module::{Fan, Init};

/// An elementwise nonlinearity: a [`Module`] without parameters, for arrays of any shape.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Array;
/// use dualtape_layers::{Activation, Linear, Sequential, predict};
///
/// let model = Sequential::new()
///     .then(Linear::new(1, 1).without_bias())
///     .then(Activation::LeakyRelu { slope: 0.25 });
/// let y = predict(&model, &[2.0], &Array::new(&[2, 1], vec![-1.0, 3.0])?)?;
/// assert_eq!(y.data(), [-0.5, 6.0]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Activation {
    /// `x`
    Identity,
    /// `tanh x`
    Tanh,
    /// `1/(1 + e⁻ˣ)`
    Sigmoid,
    /// `max(x, 0)`, with derivative 0 at 0
    Relu,
    /// `x` where positive, `slope·x` elsewhere, with derivative 0 at 0
    LeakyRelu {
        /// Slope of the negative half.
        slope: f64,
    },
    /// `ln(1 + eˣ)`
    Softplus,
    /// `x/(1 + e⁻ˣ)`
    Silu,
}

impl Activation {
    /// Each activation once, with a usual parameter.
    pub const ALL: &'static [Self] = &[
        Self::Identity,
        Self::Tanh,
        Self::Sigmoid,
        Self::Relu,
        Self::LeakyRelu { slope: 0.01 },
        Self::Softplus,
        Self::Silu,
    ];

    /// The function on each element of `x`.
    pub fn apply<'t, S: Real>(self, x: Tensor<'t, S>) -> Tensor<'t, S> {
        match self {
            Self::Identity => x,
            Self::Tanh => x.tanh(),
            Self::Sigmoid => x.sigmoid(),
            Self::Relu => x.relu(),
            Self::LeakyRelu { slope } => x.relu() - (-x).relu() * S::constant(slope),
            Self::Softplus => x.softplus(),
            Self::Silu => x * x.sigmoid(),
        }
    }

    /// The factor on `σ = 1/√fan` that makes up for the nonlinearity's effect on the variance: `√2` for relu and its
    /// smooth relatives, `√(2/(1 + slope²))` for the leaky one (He, Zhang, Ren & Sun, ICCV 2015, equation 15), `5/3`
    /// for tanh, 1 for identity and sigmoid.
    pub fn gain(self) -> f64 {
        match self {
            Self::Identity | Self::Sigmoid => 1.0,
            Self::Tanh => 5.0 / 3.0,
            Self::Relu | Self::Softplus | Self::Silu => 2.0_f64.sqrt(),
            Self::LeakyRelu { slope } => (2.0 / (1.0 + slope * slope)).sqrt(),
        }
    }

    /// How to start the weight of a layer that this activation follows: Xavier with gain 1 before identity, tanh and
    /// sigmoid, Kaiming over the fan-in with [`gain`](Self::gain) before relu and its relatives; both uniform.
    pub fn weight_init(self) -> Init {
        match self {
            Self::Identity | Self::Tanh | Self::Sigmoid => Init::xavier_uniform(1.0),
            Self::Relu | Self::LeakyRelu { .. } | Self::Softplus | Self::Silu => {
                Init::kaiming_uniform(Fan::In, self.gain())
            }
        }
    }
}

impl<S: Real> Module<S> for Activation {
    fn forward<'t>(&self, _: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        self.apply(x)
    }
}

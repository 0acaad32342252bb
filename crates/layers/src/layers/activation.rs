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
    /// `x − tanh x`
    TanhShrink,
    /// `x/(1 + |x|)`, with curvature 0 at 0, the mean of both sides
    SoftSign,
    /// `σ(x) = 1/(1 + e⁻ˣ)`
    Sigmoid,
    /// `ln σ(x)`, without overflow
    LogSigmoid,
    /// `max(x, 0)`, with derivative 0 at 0
    Relu,
    /// `x` held between 0 and 6, with derivative 1 at both
    Relu6,
    /// `x` where positive, `slope·x` elsewhere, with derivative `slope` at 0
    LeakyRelu {
        /// Slope of the negative half.
        slope: f64,
    },
    /// `x` where positive, `α(eˣ − 1)` elsewhere (Clevert, Unterthiner & Hochreiter, ICLR 2016)
    Elu {
        /// Minus the limit at −∞.
        alpha: f64,
    },
    /// `λ·elu(x)`, which keeps mean 0 and variance 1 through layers (Klambauer et al., NeurIPS 2017)
    Selu,
    /// `x·Φ(x)` with the distribution function of the normal distribution (Hendrycks & Gimpel, 2016)
    Gelu,
    /// The approximation `½x(1 + tanh(√(2/π)(x + 0.044715x³)))` of `x·Φ(x)`
    GeluTanh,
    /// `ln(1 + eˣ)`, without overflow
    Softplus,
    /// `x·σ(x)`
    Silu,
    /// `x·tanh(ln(1 + eˣ))` (Misra, BMVC 2020)
    Mish,
    /// `x` held between two bounds, with derivative 1 at both
    HardTanh {
        /// Lower bound.
        low: f64,
        /// Upper bound.
        high: f64,
    },
    /// `x/6 + ½` held between 0 and 1, with derivative 1/6 at both ends
    HardSigmoid,
    /// `x` times its [`HardSigmoid`](Self::HardSigmoid)
    HardSwish,
}

impl Activation {
    /// Each activation once, with a usual parameter.
    pub const ALL: &'static [Self] = &[
        Self::Identity,
        Self::Tanh,
        Self::TanhShrink,
        Self::SoftSign,
        Self::Sigmoid,
        Self::LogSigmoid,
        Self::Relu,
        Self::Relu6,
        Self::LeakyRelu { slope: 0.01 },
        Self::Elu { alpha: 1.0 },
        Self::Selu,
        Self::Gelu,
        Self::GeluTanh,
        Self::Softplus,
        Self::Silu,
        Self::Mish,
        Self::HardTanh { low: -1.0, high: 1.0 },
        Self::HardSigmoid,
        Self::HardSwish,
    ];

    /// The function on each element of `x`.
    #[track_caller]
    pub fn apply<'t, S: Real>(self, x: Tensor<'t, S>) -> Tensor<'t, S> {
        let hard_sigmoid = || (x / S::constant(6.0) + S::constant(0.5)).clamp(0.0, 1.0);
        match self {
            Self::Identity => x,
            Self::Tanh => x.tanh(),
            Self::TanhShrink => x.tanh_shrink(),
            Self::SoftSign => x.soft_sign(),
            Self::Sigmoid => x.sigmoid(),
            Self::LogSigmoid => x.log_sigmoid(),
            Self::Relu => x.relu(),
            Self::Relu6 => x.clamp(0.0, 6.0),
            Self::LeakyRelu { slope } => x.leaky_relu(slope),
            Self::Elu { alpha } => x.elu(alpha),
            Self::Selu => x.selu(),
            Self::Gelu => x.gelu(),
            Self::GeluTanh => x.gelu_tanh(),
            Self::Softplus => x.softplus(),
            Self::Silu => x.silu(),
            Self::Mish => x.mish(),
            Self::HardTanh { low, high } => x.clamp(low, high),
            Self::HardSigmoid => hard_sigmoid(),
            Self::HardSwish => x * hard_sigmoid(),
        }
    }

    /// The factor on `σ = 1/√fan` that makes up for the nonlinearity's effect on the variance: `√2` for relu and its
    /// relatives, `√(2/(1 + slope²))` for the leaky one (He, Zhang, Ren & Sun, ICCV 2015, equation 15), `5/3` for tanh,
    /// 1 for selu and all others.
    pub fn gain(self) -> f64 {
        match self {
            Self::Tanh | Self::HardTanh { .. } => 5.0 / 3.0,
            Self::LeakyRelu { slope } => (2.0 / (1.0 + slope * slope)).sqrt(),
            other if other.is_like_relu() => 2.0_f64.sqrt(),
            _ => 1.0,
        }
    }

    /// How to start the weight of a layer that this activation follows: Kaiming over the fan-in with
    /// [`gain`](Self::gain), uniform, before relu and its relatives; LeCun-normal before selu; Xavier with gain 1,
    /// uniform, before all others.
    pub fn weight_init(self) -> Init {
        match self {
            Self::Selu => Init::lecun_normal(),
            other if other.is_like_relu() => Init::kaiming_uniform(Fan::In, self.gain()),
            _ => Init::xavier_uniform(1.0),
        }
    }

    /// Whether it passes positive inputs about as they are, and negative ones hardly.
    fn is_like_relu(self) -> bool {
        match self {
            Self::Relu
            | Self::Relu6
            | Self::LeakyRelu { .. }
            | Self::Elu { .. }
            | Self::Gelu
            | Self::GeluTanh
            | Self::Softplus
            | Self::Silu
            | Self::Mish
            | Self::HardSwish => true,
            Self::Identity
            | Self::Tanh
            | Self::TanhShrink
            | Self::SoftSign
            | Self::Sigmoid
            | Self::LogSigmoid
            | Self::Selu
            | Self::HardTanh { .. }
            | Self::HardSigmoid => false,
        }
    }
}

impl<S: Real> Module<S> for Activation {
    fn forward<'t>(&self, _: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        self.apply(x)
    }
}

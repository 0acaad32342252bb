//! Initial values of parameters.

use dualtape_autodiff::Real;
use rand::{Rng, RngExt};

/// How a parameter's initial entries are chosen.
///
/// The fan-scaled schemes keep the variance of signals about constant from layer to layer: with `fan_in` terms to a sum
/// and `fan_out` sums to an input, they draw with standard deviation `σ = gain/√fan`, uniformly on `[−√3 σ, √3 σ)` or
/// normally. A weight `[out, in, k₁, …]` has `fan_in = in·Πk` and `fan_out = out·Πk`; at rank 1 both are the length.
///
/// Values are drawn in `f64` and then rounded, so `f32` and `f64` models start alike from one seed.
///
/// # Example
///
/// ```
/// use dualtape_layers::Init;
/// use rand::{SeedableRng, rngs::ChaCha8Rng};
///
/// let w: Vec<f64> = Init::xavier_uniform(1.0).sample(&[10, 14], &mut ChaCha8Rng::seed_from_u64(7));
/// let bound = (6.0_f64 / (10.0 + 14.0)).sqrt();
/// assert!(w.len() == 140 && w.iter().all(|w| w.abs() <= bound));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Init {
    /// All zeros.
    Zeros,
    /// All the same.
    Constant(f64),
    /// Uniform on `[low, high)`.
    Uniform {
        /// Smallest value.
        low: f64,
        /// Upper bound.
        high: f64,
    },
    /// Normal with this mean and standard deviation.
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation.
        std: f64,
    },
    /// Mean 0 and standard deviation `gain/√fan`.
    FanScaled {
        /// Which fan.
        fan: Fan,
        /// Factor for the nonlinearity, see [`Activation::gain`](crate::Activation::gain).
        gain: f64,
        /// Uniform or normal.
        spread: Spread,
    },
}

/// The number of connections that scales a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fan {
    /// Into each output: the variance of the values stays.
    In,
    /// Out of each input: the variance of the cotangents stays.
    Out,
    /// The mean of both.
    Average,
}

/// The family of a fan-scaled distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// Uniform and symmetric about 0.
    Uniform,
    /// Normal about 0.
    Normal,
}

impl Init {
    /// Uniform with `σ² = gain²·2/(fan_in + fan_out)`: Glorot & Bengio, AISTATS 2010, equation 16.
    pub fn xavier_uniform(gain: f64) -> Self {
        Self::FanScaled { fan: Fan::Average, gain, spread: Spread::Uniform }
    }

    /// Normal with `σ² = gain²·2/(fan_in + fan_out)`: Glorot & Bengio, AISTATS 2010, equation 12.
    pub fn xavier_normal(gain: f64) -> Self {
        Self::FanScaled { fan: Fan::Average, gain, spread: Spread::Normal }
    }

    /// Uniform with `σ² = gain²/fan`: He, Zhang, Ren & Sun, ICCV 2015, equations 10 (in) and 14 (out), where
    /// `gain = √2` for relu.
    pub fn kaiming_uniform(fan: Fan, gain: f64) -> Self {
        Self::FanScaled { fan, gain, spread: Spread::Uniform }
    }

    /// Normal with `σ² = gain²/fan`: He, Zhang, Ren & Sun, ICCV 2015, equations 10 (in) and 14 (out), where `gain = √2`
    /// for relu.
    pub fn kaiming_normal(fan: Fan, gain: f64) -> Self {
        Self::FanScaled { fan, gain, spread: Spread::Normal }
    }

    /// The initial entries of a parameter of this shape, row-major.
    pub fn sample<S: Real>(self, shape: &[usize], rng: &mut dyn Rng) -> Vec<S> {
        let mut entries = vec![S::zero(); shape.iter().product()];
        self.fill(shape, &mut entries, rng);
        entries
    }

    /// Writes the initial entries of a parameter of this shape.
    pub(crate) fn fill<S: Real>(self, shape: &[usize], out: &mut [S], rng: &mut dyn Rng) {
        match self {
            Self::Zeros => out.fill(S::zero()),
            Self::Constant(value) => out.fill(S::constant(value)),
            Self::Uniform { low, high } => {
                out.fill_with(|| S::constant(low + (high - low) * rng.random::<f64>()));
            }
            Self::Normal { mean, std } => {
                for pair in out.chunks_mut(2) {
                    for (out, z) in pair.iter_mut().zip(standard_normal_pair(rng)) {
                        *out = S::constant(mean + std * z);
                    }
                }
            }
            Self::FanScaled { fan, gain, spread } => {
                let std = gain / fan.of(shape).sqrt();
                let distribution = match spread {
                    Spread::Uniform => {
                        let bound = 3.0_f64.sqrt() * std;
                        Self::Uniform { low: -bound, high: bound }
                    }
                    Spread::Normal => Self::Normal { mean: 0.0, std },
                };
                distribution.fill(shape, out, rng);
            }
        }
    }
}

impl Fan {
    fn of(self, shape: &[usize]) -> f64 {
        let product = |axes: &[usize]| axes.iter().product::<usize>() as f64;
        let (fan_in, fan_out) = match shape {
            [] => (1.0, 1.0),
            [length] => (*length as f64, *length as f64),
            [outputs, inputs, kernel @ ..] => {
                (*inputs as f64 * product(kernel), *outputs as f64 * product(kernel))
            }
        };
        match self {
            Self::In => fan_in,
            Self::Out => fan_out,
            Self::Average => 0.5 * (fan_in + fan_out),
        }
    }
}

/// Two independent standard normal numbers from two uniform ones: Box & Muller, Ann. Math. Statist. 29 (1958).
fn standard_normal_pair(rng: &mut dyn Rng) -> [f64; 2] {
    // 1 − u lies in (0, 1], where the logarithm is finite.
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    let (sin, cos) = (std::f64::consts::TAU * rng.random::<f64>()).sin_cos();
    [radius * cos, radius * sin]
}

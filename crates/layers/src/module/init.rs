//! Initial values of parameters.

use dualtape_autodiff::Real;
use rand::{Rng, RngExt};

use super::declaration::size;

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
    /// Normal with this mean and standard deviation, restricted to `mean ± bound`. The standard deviation of the result is
    /// smaller: 0.88 of it for a bound of two.
    TruncatedNormal {
        /// Mean, and centre of the interval.
        mean: f64,
        /// Standard deviation before the restriction.
        std: f64,
        /// Largest distance from the mean.
        bound: f64,
    },
    /// `gain` times a matrix with orthonormal rows or columns, whichever are fewer, uniform among all of them: Saxe,
    /// McClelland & Ganguli, ICLR 2014. A weight `[out, in, k₁, …]` is a matrix of `out` rows.
    Orthogonal {
        /// Singular value of the matrix.
        gain: f64,
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

    /// Uniform with `σ² = 1/fan_in`: LeCun, Bottou, Orr & Müller, "Efficient backprop" (1998), section 4.6.
    pub fn lecun_uniform() -> Self {
        Self::FanScaled { fan: Fan::In, gain: 1.0, spread: Spread::Uniform }
    }

    /// Normal with `σ² = 1/fan_in`: LeCun, Bottou, Orr & Müller, "Efficient backprop" (1998), section 4.6.
    pub fn lecun_normal() -> Self {
        Self::FanScaled { fan: Fan::In, gain: 1.0, spread: Spread::Normal }
    }

    /// Uniform on `±1/√fan_in`, as PyTorch starts both the weight and the bias of linear layers and convolutions, `fan_in`
    /// being that of the weight; for the weight it is the same as `kaiming_uniform(Fan::In, 1/√3)`, there written `a = √5`.
    pub fn pytorch(fan_in: usize) -> Self {
        let bound = if fan_in > 0 { 1.0 / (fan_in as f64).sqrt() } else { 0.0 };
        Self::Uniform { low: -bound, high: bound }
    }

    /// The initial entries of a parameter of this shape, row-major.
    ///
    /// # Panics
    ///
    /// If they are more than memory can hold.
    pub fn sample<S: Real>(self, shape: &[usize], rng: &mut dyn Rng) -> Vec<S> {
        let mut entries = vec![S::zero(); size(shape)];
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
            Self::TruncatedNormal { mean, std, bound } => {
                out.fill_with(|| S::constant(mean + truncated_normal(std, bound, rng)));
            }
            Self::Orthogonal { gain } => {
                let orthogonal = orthogonal(shape, rng);
                for (out, q) in out.iter_mut().zip(orthogonal) {
                    *out = S::constant(gain * q);
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

/// A normal number of mean 0 and this standard deviation within `±bound`, by rejection: more than two of three proposals are
/// taken. The interval is the point 0 if one of the two is not positive, and NaN stays NaN.
fn truncated_normal(std: f64, bound: f64, rng: &mut dyn Rng) -> f64 {
    if std.is_nan() || bound.is_nan() {
        return f64::NAN;
    }
    if std <= 0.0 || bound <= 0.0 {
        return 0.0;
    }
    loop {
        // In a narrow interval the density is nearly even, in a wide one most normal numbers lie within.
        if bound < std {
            let z = bound / std * (2.0 * rng.random::<f64>() - 1.0);
            if rng.random::<f64>() < (-0.5 * z * z).exp() {
                return std * z;
            }
        } else {
            let pair = standard_normal_pair(rng).map(|z| std * z);
            if let Some(&x) = pair.iter().find(|x| x.abs() <= bound) {
                return x;
            }
        }
    }
}

/// A matrix with orthonormal rows or columns, whichever are fewer, row-major; of `shape[0]` rows.
///
/// The shorter vectors of a matrix of normal numbers are made orthonormal one after the other (modified Gram–Schmidt). This is
/// the factor Q of that matrix with a positive diagonal of R, which is uniform among all such matrices (Mezzadri, Notices of
/// the AMS 54, 2007). Each vector goes through twice, after which it is orthogonal to rounding (Giraud, Langou & Rozložník,
/// 2005). O(rows·cols·min(rows, cols)).
fn orthogonal(shape: &[usize], rng: &mut dyn Rng) -> Vec<f64> {
    let size = shape.iter().product::<usize>();
    let rows = shape.first().copied().unwrap_or(1);
    if size == 0 {
        return Vec::new();
    }
    let cols = size / rows;
    let (count, length) = (rows.min(cols), rows.max(cols));
    let mut vectors = vec![0.0; size];
    for k in 0..count {
        let (before, rest) = vectors.split_at_mut(k * length);
        let vector = &mut rest[..length];
        Init::Normal { mean: 0.0, std: 1.0 }.fill(&[length], vector, rng);
        for _ in 0..2 {
            for other in before.chunks_exact(length) {
                let along = dot(other, vector);
                vector.iter_mut().zip(other).for_each(|(x, q)| *x -= along * q);
            }
            let norm = dot(vector, vector).sqrt();
            vector.iter_mut().for_each(|x| *x /= norm);
        }
    }
    if rows <= cols {
        return vectors;
    }
    (0..size).map(|k| vectors[k % cols * length + k / cols]).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

//! Random numbers that a model draws while it runs: explicit, and the same again from the same seed.

use dualtape_autodiff::{Array, Real};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::init::Init;

/// A distribution of the entries of an array that a module draws in training.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Noise {
    /// 1 with this probability, else 0.
    Bernoulli(f64),
    /// Uniform on `[0, 1)`.
    Uniform,
    /// Normal with mean 0 and standard deviation 1.
    Normal,
}

/// An array of random numbers that a model asks for each time it runs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Demand {
    pub noise: Noise,
    pub shape: Vec<usize>,
}

impl Demand {
    /// Draws the array, in `f64`, so that `f32` and `f64` models see the same.
    pub fn draw<S: Real>(&self, rng: &mut ChaCha8Rng) -> Array<S> {
        let mut entries = vec![S::zero(); self.shape.iter().product()];
        match self.noise {
            Noise::Bernoulli(p) => {
                entries.fill_with(|| if rng.random::<f64>() < p { S::one() } else { S::zero() })
            }
            Noise::Uniform => Init::Uniform { low: 0.0, high: 1.0 }.fill(&[], &mut entries, rng),
            Noise::Normal => Init::Normal { mean: 0.0, std: 1.0 }.fill(&[], &mut entries, rng),
        }
        Array::new(&self.shape, entries).expect("one entry for each place of the shape")
    }
}

/// The generator of the random numbers of one step: each step has its own stream, so that any step can be drawn again
/// without those before it.
pub(crate) fn generator(seed: u64, step: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(step);
    rng
}

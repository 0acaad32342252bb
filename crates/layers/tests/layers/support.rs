//! What several tests need.

use dualtape_autodiff::{Array, Real};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

pub fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// An array of smooth but otherwise unrelated values in `[−scale, scale]`.
pub fn wave<S: Real>(shape: &[usize], scale: f64, frequency: f64) -> Array<S> {
    let size: usize = shape.iter().product();
    let value = |k: usize| S::constant(scale * (frequency * k as f64 + 0.4).sin());
    Array::new(shape, (0..size).map(value).collect()).unwrap()
}

pub fn max_abs<S: Real>(values: &[S]) -> f64 {
    values.iter().map(|x| x.to_f64().unwrap().abs()).fold(0.0, f64::max)
}

/// Asserts `max|got − expected| ≤ tolerance·max|expected|`, naming the worst entry.
#[track_caller]
pub fn assert_close<S: Real>(what: &str, got: &[S], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len(), "{what}: length");
    let scale = max_abs(expected).max(f64::MIN_POSITIVE);
    for (index, (got, expected)) in got.iter().zip(expected).enumerate() {
        let got = got.to_f64().unwrap();
        let error = (got - expected).abs() / scale;
        assert!(
            error <= tolerance,
            "{what}[{index}]: got {got:e}, expected {expected:e}, error {error:e} of the largest entry"
        );
    }
}

pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

//! What several tests need.

use dualtape_autodiff::{Array, Real};
use dualtape_layers::{Batch, Dataset, Optimizer, OptimizerError, OptimizerState, table};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use serde_json::Value;

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

/// Points of the plane in three classes, in bands.
pub fn classes(rows: usize) -> Dataset<f64> {
    let points: Vec<[f64; 2]> =
        (0..rows).map(|i| [(0.7 * i as f64).sin(), (1.9 * i as f64 + 0.3).cos()]).collect();
    let band = |[x, y]: &[f64; 2]| ((x + 0.5 * y + 1.5) as usize).min(2);
    let labels: Vec<usize> = points.iter().map(band).collect();
    Dataset::classification(table(&points).unwrap(), &labels, 3).unwrap()
}

/// Gradient descent with momentum 0.5.
#[derive(Debug)]
pub struct Descent {
    pub rate: f64,
    velocity: Vec<f64>,
}

impl Descent {
    pub fn new(rate: f64) -> Self {
        Self { rate, velocity: Vec::new() }
    }
}

impl Optimizer<f64> for Descent {
    fn step(&mut self, batch: &Batch<'_, f64>, theta: &mut [f64]) -> Result<f64, OptimizerError> {
        let mut gradient = vec![0.0; theta.len()];
        let loss = batch.value_and_gradient_into(theta, &mut gradient)?;
        self.velocity.resize(theta.len(), 0.0);
        for ((x, v), g) in theta.iter_mut().zip(&mut self.velocity).zip(gradient) {
            *v = 0.5 * *v + g;
            *x -= self.rate * *v;
        }
        Ok(loss)
    }

    fn learning_rate(&self) -> Option<f64> {
        Some(self.rate)
    }

    fn set_learning_rate(&mut self, rate: f64) {
        self.rate = rate;
    }

    fn state(&self) -> OptimizerState {
        OptimizerState::from([("velocity".to_owned(), self.velocity.clone())])
    }

    fn restore(&mut self, state: &OptimizerState) -> Result<(), OptimizerError> {
        self.velocity = state.get("velocity").ok_or("no velocity was saved")?.clone();
        Ok(())
    }
}

/// The numbers in nested lists, in order.
pub fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        value => vec![value.as_f64().unwrap()],
    }
}

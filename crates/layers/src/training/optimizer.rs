//! What a training loop needs of an optimizer.

use std::collections::BTreeMap;

use dualtape_autodiff::Real;

use super::batch::Batch;

/// An error of an optimizer's own.
pub type OptimizerError = Box<dyn std::error::Error + Send + Sync>;

/// What an optimizer has learnt, as named lists of numbers. Values of `f32`, and whole numbers up to 2⁵³, keep their bits.
pub type OptimizerState = BTreeMap<String, Vec<f64>>;

/// A method that changes parameters step by step, each on the objective of one batch.
///
/// A closure is one, and is enough for a method that keeps nothing to be saved; with a learning rate for schedules to change it
/// is by [`with_learning_rate`]. The optimizers of `dualtape-optimizers` are, with its feature `layers`.
///
/// # Example
///
/// Gradient descent, as a closure:
///
/// ```
/// use dualtape_layers::{Activation, Batch, Dataset, Network, Trainer, mean_squared_error, perceptron, table};
/// use rand::{SeedableRng, rngs::ChaCha8Rng};
///
/// let data = Dataset::new(table(&[[0.0], [1.0], [2.0]])?, table(&[[1.0], [3.0], [5.0]])?)?;
/// let line = perceptron(1, 1, Activation::Identity);
/// let mut network = Network::new(line, &mut ChaCha8Rng::seed_from_u64(1))?;
/// let mut descent = |batch: &Batch<'_, f64>, theta: &mut [f64]| {
///     batch.update(theta, |theta, gradient| {
///         theta.iter_mut().zip(gradient).for_each(|(x, g)| *x -= 0.2 * g);
///         Ok(())
///     })
/// };
/// let history = Trainer::new(mean_squared_error).epochs(200).fit(&mut network, &mut descent, &data)?;
/// assert!(history.last().unwrap().loss < 1e-6);
/// assert!((network.predict(&table(&[[10.0]])?)?.data()[0] - 21.0).abs() < 1e-2);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
pub trait Optimizer<S: Real> {
    /// One step: changes `theta` and returns the objective as it was before.
    ///
    /// # Errors
    ///
    /// The method's own; training then ends, and the network is as it was at the end of the last whole epoch.
    fn step(&mut self, batch: &Batch<'_, S>, theta: &mut [S]) -> Result<S, OptimizerError>;

    /// The learning rate, if the method has one.
    fn learning_rate(&self) -> Option<f64> {
        None
    }

    /// Changes the learning rate, for a schedule.
    fn set_learning_rate(&mut self, rate: f64) {
        let _ = rate;
    }

    /// All that the method keeps from step to step, to be saved.
    fn state(&self) -> OptimizerState {
        OptimizerState::new()
    }

    /// Goes on from a saved state.
    ///
    /// # Errors
    ///
    /// If the state is not one of this method.
    fn restore(&mut self, state: &OptimizerState) -> Result<(), OptimizerError> {
        match state.keys().next() {
            None => Ok(()),
            Some(key) => {
                Err(format!("this optimizer keeps no state, but `{key}` was saved").into())
            }
        }
    }
}

impl<S, F> Optimizer<S> for F
where
    S: Real,
    F: FnMut(&Batch<'_, S>, &mut [S]) -> Result<S, OptimizerError>,
{
    fn step(&mut self, batch: &Batch<'_, S>, theta: &mut [S]) -> Result<S, OptimizerError> {
        self(batch, theta)
    }
}

/// A closure as an optimizer with a learning rate, which [schedules](crate::Trainer::schedule) change: it is told the rate of
/// each step.
///
/// # Example
///
/// Gradient descent whose rate falls:
///
/// ```
/// use dualtape_layers::{
///     Activation, Dataset, Network, Trainer, cosine, mean_squared_error, perceptron, table, with_learning_rate,
/// };
/// use rand::{SeedableRng, rngs::ChaCha8Rng};
///
/// let data = Dataset::new(table(&[[0.0], [1.0], [2.0]])?, table(&[[1.0], [3.0], [5.0]])?)?;
/// let line = perceptron(1, 1, Activation::Identity);
/// let mut network = Network::new(line, &mut ChaCha8Rng::seed_from_u64(1))?;
/// let mut descent = with_learning_rate(0.3, |batch, theta: &mut [f64], rate| {
///     batch.update(theta, |theta, gradient| {
///         theta.iter_mut().zip(gradient).for_each(|(x, g)| *x -= rate * g);
///         Ok(())
///     })
/// });
/// let trainer = Trainer::new(mean_squared_error).epochs(200).schedule(cosine(0.1));
/// let history = trainer.fit(&mut network, &mut descent, &data)?;
/// assert!(history.last().unwrap().learning_rate.unwrap() < 0.04);
/// assert!((network.predict(&table(&[[10.0]])?)?.data()[0] - 21.0).abs() < 1e-2);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
pub fn with_learning_rate<S: Real>(
    rate: f64,
    step: impl FnMut(&Batch<'_, S>, &mut [S], f64) -> Result<S, OptimizerError>,
) -> impl Optimizer<S> {
    WithLearningRate { rate, step }
}

/// See [`with_learning_rate`].
struct WithLearningRate<F> {
    rate: f64,
    step: F,
}

impl<S, F> Optimizer<S> for WithLearningRate<F>
where
    S: Real,
    F: FnMut(&Batch<'_, S>, &mut [S], f64) -> Result<S, OptimizerError>,
{
    fn step(&mut self, batch: &Batch<'_, S>, theta: &mut [S]) -> Result<S, OptimizerError> {
        (self.step)(batch, theta, self.rate)
    }

    fn learning_rate(&self) -> Option<f64> {
        Some(self.rate)
    }

    fn set_learning_rate(&mut self, rate: f64) {
        self.rate = rate;
    }
}

//! The methods in the training loop of `dualtape-layers`.

use dualtape_autodiff::Real;
use dualtape_layers::{Batch, Optimizer, OptimizerError, OptimizerState};

use crate::engine::Minimizer;
use crate::methods::stochastic::{Rule, Source, Stepper};
use crate::problem::Objective;

/// One step on each batch. Where the rule is fed with curvature, it is that of the batch, as its gradient is. Parameters have
/// the names of the network.
impl<S: Real, R: Rule<S>, C: Source<S>> Optimizer<S> for Stepper<'_, S, R, C> {
    fn step(&mut self, batch: &Batch<'_, S>, theta: &mut [S]) -> Result<S, OptimizerError> {
        self.set_names(batch.parts())?;
        let value = batch.update(theta, |theta, gradient| {
            Ok(self.step_from(theta, gradient, batch.function())?)
        })?;
        self.observe(value);
        Ok(value)
    }

    fn learning_rate(&self) -> Option<f64> {
        Some(Stepper::learning_rate(self).as_f64())
    }

    fn set_learning_rate(&mut self, rate: f64) {
        Stepper::set_learning_rate(self, S::constant(rate));
    }

    fn state(&self) -> OptimizerState {
        Stepper::state(self)
    }

    fn restore(&mut self, state: &OptimizerState) -> Result<(), OptimizerError> {
        Ok(Stepper::restore(self, state)?)
    }
}

/// Any [`Minimizer`] as an optimizer of a training loop: on each batch it does as many iterations as its settings allow,
/// with value, gradient and curvature of that batch.
///
/// # Example
///
/// ```
/// use dualtape_layers::{Activation, Dataset, Network, Trainer, cross_entropy, mlp, table};
/// use dualtape_optimizers::{Minimizer as _, NewtonCg, OnEachBatch};
/// use rand::{SeedableRng, rngs::ChaCha8Rng};
///
/// let corners = table(&[[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])?;
/// let data = Dataset::classification(corners, &[0, 1, 1, 0], 2)?;
/// let model = mlp(&[2, 4, 2], Activation::Tanh);
/// let mut network = Network::<f64>::new(model, &mut ChaCha8Rng::seed_from_u64(3))?;
/// // two iterations of Newton-CG in each epoch
/// let mut newton = OnEachBatch(NewtonCg::default().max_iterations(2).max_lanczos_steps(1));
/// let history = Trainer::new(cross_entropy).epochs(15).fit(&mut network, &mut newton, &data)?;
/// assert!(history.last().unwrap().loss < 0.1);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Debug)]
pub struct OnEachBatch<M>(pub M);

impl<'c, S: Real, M: Minimizer<'c, S>> Optimizer<S> for OnEachBatch<M> {
    fn step(&mut self, batch: &Batch<'_, S>, theta: &mut [S]) -> Result<S, OptimizerError> {
        let value = Objective::value(batch.function(), theta)?;
        if value.is_finite() {
            self.0.minimize(batch.function(), theta)?;
        }
        Ok(value)
    }
}

//! The training loop.

use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use dualtape_autodiff::{Array, IndeterminatePolicy, Real, Tensor, Var, compiled_here};
use dualtape_schedules::Moment;

use crate::data::Dataset;
use crate::errors::Error;
use crate::module::Scope;

use super::batch::Clip;
use super::fit::Fit;
use super::history::{Epoch, History};
use super::network::Network;
use super::objective::{Loss, Penalty, Supervised};
use super::optimizer::Optimizer;

type Metric<'f, S> = dyn Fn(&Array<S>, &Array<S>) -> Result<f64, Error> + 'f;
type Schedule<'f> = dyn Fn(&Moment<'_>) -> f64 + 'f;
type Watcher<'f, S> = dyn Fn(&Epoch, &Network<S>) -> ControlFlow<()> + 'f;

/// Training of a [`Network`] by any [`Optimizer`], epoch by epoch.
///
/// Everything random — the order of the examples, dropout — is drawn from the seed, the epoch and the step, so the same
/// seed gives the same result, and training that goes on from a checkpoint the result of training that was never
/// interrupted, bit for bit. A batch of a shape that was not seen before is recorded once.
///
/// # Example
///
/// ```
/// use dualtape_layers::{
///     Activation, Batch, Clip, Dataset, Network, Trainer, accuracy, cross_entropy, mlp, predicted_labels, table,
/// };
/// use rand::{SeedableRng, rngs::ChaCha8Rng};
///
/// let rows: Vec<[f64; 2]> = (0..60).map(|i| [(0.7 * i as f64).sin(), (1.3 * i as f64).cos()]).collect();
/// let labels: Vec<usize> = rows.iter().map(|[x, y]| usize::from(x * y > 0.0)).collect();
/// let data = Dataset::classification(table(&rows)?, &labels, 2)?;
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let [train, validation] = data.split_stratified([0.75, 0.25], &labels, &mut rng)?;
///
/// let mut network = Network::new(mlp(&[2, 8, 2], Activation::Tanh), &mut rng)?;
/// let mut descent = |batch: &Batch<'_, f64>, theta: &mut [f64]| {
///     batch.update(theta, |theta, gradient| {
///         theta.iter_mut().zip(gradient).for_each(|(x, g)| *x -= 0.5 * g);
///         Ok(())
///     })
/// };
/// let history = Trainer::new(cross_entropy)
///     .epochs(60)
///     .batch_size(15)
///     .clip(Clip::Norm(5.0))
///     .validation(&validation)
///     .metric(|outputs, targets| accuracy(outputs, &predicted_labels(targets)?))
///     .early_stopping(20)
///     .fit(&mut network, &mut descent, &train)?;
/// assert!(history.last().unwrap().metric.unwrap() > 0.8);
/// println!("{history}");
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
pub struct Trainer<'f, S: Real> {
    pub(super) loss: Arc<Loss<'f, S>>,
    pub(super) penalty: Option<Arc<Penalty<'f, S>>>,
    pub(super) metric: Option<Box<Metric<'f, S>>>,
    pub(super) schedule: Option<Box<Schedule<'f>>>,
    pub(super) watcher: Option<Box<Watcher<'f, S>>>,
    pub(super) validation: Option<&'f Dataset<S>>,
    pub(super) epochs: usize,
    pub(super) batch_size: Option<usize>,
    pub(super) seed: u64,
    pub(super) patience: Option<usize>,
    pub(super) clip: Option<Clip>,
    pub(super) checkpoint: Option<PathBuf>,
    pub(super) resume: Option<PathBuf>,
    pub(super) progress: bool,
    pub(super) policy: IndeterminatePolicy,
}

impl<'f, S: Real> Trainer<'f, S> {
    /// Training with this loss of outputs and targets: 10 epochs over all data at once, seed 0.
    pub fn new(
        loss: impl for<'t> Fn(Tensor<'t, S>, Tensor<'t, S>) -> Var<'t, S> + Send + Sync + 'f,
    ) -> Self {
        Self {
            loss: Arc::new(loss),
            penalty: None,
            metric: None,
            schedule: None,
            watcher: None,
            validation: None,
            epochs: 10,
            batch_size: None,
            seed: 0,
            patience: None,
            clip: None,
            checkpoint: None,
            resume: None,
            progress: false,
            policy: IndeterminatePolicy::default(),
        }
    }

    /// With a penalty on the parameters, see [`Scope::penalty`].
    #[must_use]
    pub fn penalty(
        mut self,
        penalty: impl for<'t> Fn(&Scope<'t, S>) -> Var<'t, S> + Send + Sync + 'f,
    ) -> Self {
        self.penalty = Some(Arc::new(penalty));
        self
    }

    /// So many passes over the data, those before a resumption included.
    #[must_use]
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// With batches of so many examples, shuffled anew in each epoch; the last one holds what is left. Without it all
    /// examples are one batch.
    #[must_use]
    pub fn batch_size(mut self, examples: usize) -> Self {
        self.batch_size = Some(examples);
        self
    }

    /// With the random numbers of this seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// With this policy where a derivative of the objective is indeterminate, see
    /// [`Supervised::indeterminate_policy`].
    #[must_use]
    pub fn indeterminate_policy(mut self, policy: IndeterminatePolicy) -> Self {
        self.policy = policy;
        self
    }

    /// With data to evaluate the loss, without its penalty, and the metric on after each epoch. The loss must be a mean over
    /// examples: large data are evaluated in parts.
    #[must_use]
    pub fn validation(mut self, data: &'f Dataset<S>) -> Self {
        self.validation = Some(data);
        self
    }

    /// With a number computed from outputs and targets beside the loss. It should be a mean over examples.
    #[must_use]
    pub fn metric(
        mut self,
        metric: impl Fn(&Array<S>, &Array<S>) -> Result<f64, Error> + 'f,
    ) -> Self {
        self.metric = Some(Box::new(metric));
        self
    }

    /// With the optimizer's learning rate times this factor in each step. See [`cosine`](crate::cosine),
    /// [`one_cycle`](crate::one_cycle), [`step_decay`](crate::step_decay), [`on_plateau`](crate::on_plateau) and
    /// [`warm_up`](crate::warm_up).
    ///
    /// An optimizer that has no [learning rate](Optimizer::learning_rate) is refused with [`Error::NoEffect`]: a closure has
    /// one by [`with_learning_rate`](crate::with_learning_rate).
    #[must_use]
    pub fn schedule(mut self, factor: impl Fn(&Moment<'_>) -> f64 + 'f) -> Self {
        self.schedule = Some(Box::new(factor));
        self
    }

    /// Ends training when the watched loss, that of validation if there is one, has not improved for so many epochs, and
    /// gives the network the parameters and buffers of the best epoch.
    #[must_use]
    pub fn early_stopping(mut self, patience: usize) -> Self {
        self.patience = Some(patience);
        self
    }

    /// With gradients shortened. An optimizer that does not ask the [`Batch`](crate::Batch) for its gradient, such as one that
    /// minimises its function itself, is refused with [`Error::NoEffect`].
    #[must_use]
    pub fn clip(mut self, clip: Clip) -> Self {
        self.clip = Some(clip);
        self
    }

    /// Writes the network's weights after each epoch to this file, in the safetensors format, and the state of training to
    /// the file beside it that ends in `.training`. Both are replaced as a whole, so that a crash loses one epoch at most, and
    /// leaves one `.dualtape-….unfinished` behind at most. Links are followed, permissions stay, and a training that would
    /// write the files of another under way is refused.
    #[must_use]
    pub fn checkpoint(mut self, weights: impl Into<PathBuf>) -> Self {
        self.checkpoint = Some(weights.into());
        self
    }

    /// Goes on from the state that [`checkpoint`](Self::checkpoint) wrote for this file of weights. Model, seed, batch size,
    /// clipping and the optimizer's settings must be the same, and a state of others is refused; the learning rate is that of
    /// the state. Loss, data and schedule are not compared.
    #[must_use]
    pub fn resume(mut self, weights: impl Into<PathBuf>) -> Self {
        self.resume = Some(weights.into());
        self
    }

    /// Calls this after each epoch, with the network as it is then; it may end the training.
    #[must_use]
    pub fn on_epoch(
        mut self,
        watcher: impl Fn(&Epoch, &Network<S>) -> ControlFlow<()> + 'f,
    ) -> Self {
        self.watcher = Some(Box::new(watcher));
        self
    }

    /// Shows a progress bar with loss, metric and time left on standard error, if that is a terminal. Needs the feature
    /// `progress`; without it nothing is shown.
    #[must_use]
    pub fn progress(mut self, shown: bool) -> Self {
        self.progress = shown;
        self
    }

    /// Trains the network.
    ///
    /// # Errors
    ///
    /// [`Error::Diverged`] if the objective is not finite, [`Error::UndefinedLoss`] if it is so at finite outputs, as where no
    /// example of a batch counts; [`Error::Optimizer`] with the optimizer's own error;
    /// [`Error::Autodiff`] if data, model and loss do not fit each other; [`Error::BatchSize`], [`Error::Setting`];
    /// [`Error::NoEffect`] of a schedule for an optimizer without a learning rate, or of clipping for one without gradients;
    /// [`Error::File`], [`Error::InUse`] or [`Error::Resume`] from checkpoints, before the first epoch where they come in time. The network is then as it was at the end of the last whole
    /// epoch.
    pub fn fit(
        &self,
        network: &mut Network<S>,
        optimizer: &mut dyn Optimizer<S>,
        data: &Dataset<S>,
    ) -> Result<History, Error> {
        compiled_here!(
            |trainer, network, optimizer, data| trainer.train(network, optimizer, data),
            fn(
                &Trainer<'_, S>,
                &mut Network<S>,
                &mut dyn Optimizer<S>,
                &Dataset<S>,
            ) -> Result<History, Error>
        )(self, network, optimizer, data)
    }

    fn train(
        &self,
        network: &mut Network<S>,
        optimizer: &mut dyn Optimizer<S>,
        data: &Dataset<S>,
    ) -> Result<History, Error> {
        self.clip.map_or(Ok(()), Clip::check)?;
        let base = optimizer.learning_rate();
        if self.schedule.is_some() && base.is_none() {
            let why =
                "this optimizer has no learning rate; give a closure one by `with_learning_rate`";
            return Err(Error::NoEffect { setting: "schedule", why });
        }
        let result =
            Fit::new(self, network, data, base).and_then(|fit| fit.run(network, optimizer));
        if let Some(base) = base {
            optimizer.set_learning_rate(base);
        }
        result
    }

    pub(super) fn objective(&self, network: &Network<S>) -> Result<Supervised<'f, S>, Error> {
        let loss = Arc::clone(&self.loss);
        let objective = Supervised::of(network, move |z, t| loss(z, t))?
            .seed(self.seed)
            .indeterminate_policy(self.policy);
        Ok(match self.penalty.clone() {
            Some(penalty) => objective.penalty(move |scope| penalty(scope)),
            None => objective,
        })
    }
}

impl<S: Real> fmt::Debug for Trainer<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { epochs, batch_size, seed, .. } = self;
        write!(f, "Trainer({epochs} epochs, batch size {batch_size:?}, seed {seed})")
    }
}

//! The training loop.

use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use dualtape_autodiff::{Array, Real, Tensor, Var};

use crate::data::Dataset;
use crate::errors::Error;
use crate::module::{Scope, View, generator};

use super::batch::{Batch, Clip, Recordings};
use super::checkpoint::Checkpoint;
use super::history::{Ended, Epoch, History};
use super::network::Network;
use super::objective::Supervised;
use super::optimizer::Optimizer;
use super::progress::Progress;
use super::schedules::Moment;

type Loss<'f, S> = dyn for<'t> Fn(Tensor<'t, S>, Tensor<'t, S>) -> Var<'t, S> + Send + Sync + 'f;
type Penalty<'f, S> = dyn for<'t> Fn(&Scope<'t, S>) -> Var<'t, S> + Send + Sync + 'f;
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
/// let mut gradient = vec![0.0; network.parameters().len()];
/// let mut descent = |batch: &Batch<'_, f64>, theta: &mut [f64]| {
///     let loss = batch.value_and_gradient(theta, &mut gradient)?;
///     theta.iter_mut().zip(&gradient).for_each(|(x, g)| *x -= 0.5 * g);
///     Ok(loss)
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
    loss: Arc<Loss<'f, S>>,
    penalty: Option<Arc<Penalty<'f, S>>>,
    metric: Option<Box<Metric<'f, S>>>,
    schedule: Option<Box<Schedule<'f>>>,
    watcher: Option<Box<Watcher<'f, S>>>,
    validation: Option<&'f Dataset<S>>,
    epochs: usize,
    batch_size: Option<usize>,
    seed: u64,
    patience: Option<usize>,
    clip: Option<Clip>,
    checkpoint: Option<PathBuf>,
    resume: Option<PathBuf>,
    progress: bool,
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

    /// With gradients shortened.
    #[must_use]
    pub fn clip(mut self, clip: Clip) -> Self {
        self.clip = Some(clip);
        self
    }

    /// Writes the network's weights after each epoch to this file, in the safetensors format, and the state of training to
    /// the file beside it that ends in `.training`. Both are replaced as a whole, so that a crash loses one epoch at most.
    #[must_use]
    pub fn checkpoint(mut self, weights: impl Into<PathBuf>) -> Self {
        self.checkpoint = Some(weights.into());
        self
    }

    /// Goes on from the state that [`checkpoint`](Self::checkpoint) wrote for this file of weights.
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
    /// [`Error::Diverged`] if the objective is not finite; [`Error::Optimizer`] with the optimizer's own error;
    /// [`Error::Autodiff`] if data, model and loss do not fit each other; [`Error::BatchSize`], [`Error::Setting`];
    /// [`Error::File`] or [`Error::Resume`] from checkpoints. The network is then as it was at the end of the last whole
    /// epoch.
    pub fn fit(
        &self,
        network: &mut Network<S>,
        optimizer: &mut dyn Optimizer<S>,
        data: &Dataset<S>,
    ) -> Result<History, Error> {
        self.clip.map_or(Ok(()), Clip::check)?;
        let base = optimizer.learning_rate();
        let result =
            Fit::new(self, network, data, base).and_then(|fit| fit.run(network, optimizer));
        if let Some(base) = base {
            optimizer.set_learning_rate(base);
        }
        result
    }

    fn objective(&self, network: &Network<S>) -> Result<Supervised<'f, S>, Error> {
        let loss = Arc::clone(&self.loss);
        let objective = Supervised::of(network, move |z, t| loss(z, t))?.seed(self.seed);
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

/// Streams of random numbers: even ones shuffle epochs, the steps draw from another seed's.
const SHUFFLE: u64 = 0x5348_5546;

/// Examples of validation data evaluated at once, at least.
const VALIDATED_AT_ONCE: usize = 256;

/// One training under way.
struct Fit<'a, 'f, S: Real> {
    trainer: &'a Trainer<'f, S>,
    data: &'a Dataset<S>,
    train: Recordings<'f, S>,
    validate: Recordings<'f, S>,
    /// The learning rate that the schedule's factors are of.
    base: Option<f64>,
    state: Checkpoint<S>,
}

impl<'a, 'f, S: Real> Fit<'a, 'f, S> {
    fn new(
        trainer: &'a Trainer<'f, S>,
        network: &Network<S>,
        data: &'a Dataset<S>,
        base: Option<f64>,
    ) -> Result<Self, Error> {
        if trainer.batch_size == Some(0) {
            return Err(Error::BatchSize);
        }
        let objective = trainer.objective(network)?;
        let validate = Recordings::new(objective.evaluating());
        let trained: Vec<&View> = network.layout().trained().map(|(view, _)| view).collect();
        let names = trained.iter().map(|view| view.name().to_owned()).collect();
        let sizes = trained.iter().map(|view| view.len()).collect();
        let state = Checkpoint::new(network, History::new(names, sizes), trainer.seed);
        Ok(Self { trainer, data, train: Recordings::new(objective), validate, base, state })
    }

    fn run(
        mut self,
        network: &mut Network<S>,
        optimizer: &mut dyn Optimizer<S>,
    ) -> Result<History, Error> {
        let trainer = self.trainer;
        if let Some(path) = &trainer.resume {
            self.state.load(path, network)?;
            self.base = self.state.learning_rate.or(self.base);
            let restored = optimizer.restore(&self.state.optimizer);
            restored.map_err(|error| Error::Optimizer { message: error.to_string() })?;
        }
        let mut progress = Progress::new(trainer.progress, trainer.epochs, self.state.epochs());
        while self.state.epochs() < trainer.epochs && self.state.history.ended == Ended::Epochs {
            let epoch = self.epoch(network, optimizer, &mut progress)?;
            progress.epoch(&epoch);
            self.state.finish_epoch(epoch, network, trainer.patience);
            if let Some(path) = &trainer.checkpoint {
                (self.state.optimizer, self.state.learning_rate) = (optimizer.state(), self.base);
                self.state.save(path, network)?;
            }
            if let Some(watcher) = &trainer.watcher {
                if watcher(&epoch, network).is_break() {
                    self.state.history.ended = Ended::Callback;
                }
            }
        }
        progress.finish();
        if trainer.patience.is_some() {
            self.state.restore_best(network);
        }
        Ok(self.state.history)
    }

    /// One pass over the data; the network changes when it is complete.
    fn epoch(
        &mut self,
        network: &mut Network<S>,
        optimizer: &mut dyn Optimizer<S>,
        progress: &mut Progress,
    ) -> Result<Epoch, Error> {
        let (trainer, started) = (self.trainer, Instant::now());
        let layout = network.layout().clone();
        let (n, number) = (self.data.len(), self.state.epochs());
        let size = trainer.batch_size.unwrap_or(n).min(n);
        let batches = match size < n {
            true => {
                self.data.batches(size, &mut generator(trainer.seed ^ SHUFFLE, number as u64))?
            }
            false => vec![Vec::new()],
        };
        let mut theta = layout.trainable(network.parameters())?;
        let mut buffers = network.buffers().to_vec();
        let mut means = Means::new(layout.trained().count());
        let mut rate = None;
        for (done, rows) in batches.iter().enumerate() {
            let step = self.state.steps + done as u64;
            rate = self.set_rate(optimizer, step, batches.len());
            let gathered = if size < n { Some(self.data.gather(rows)?) } else { None };
            let examples = gathered.as_ref().unwrap_or(self.data);
            let recording = self.train.at(examples, &Array::vector(buffers.clone()), step)?;
            let batch = Batch::new(recording, &layout, examples.len(), trainer.clip);
            let before = theta.clone();
            let loss = optimizer
                .step(&batch, &mut theta)
                .map_err(|error| Error::Optimizer { message: error.to_string() })?;
            let loss = loss.to_f64().unwrap_or(f64::NAN);
            if !loss.is_finite() {
                return Err(Error::Diverged { epoch: number + 1, step, loss });
            }
            let told = batch.observation(&before)?;
            recording.update(&told.auxiliary, &mut buffers);
            let metric = trainer
                .metric
                .as_ref()
                .map(|metric| metric(&recording.outputs(&told.auxiliary)?, examples.targets()));
            means.add(examples.len(), loss, metric.transpose()?, &told.squares);
            progress.step(number, done + 1, batches.len(), means.loss());
        }
        layout.set_trainable(&theta, network.parameters_mut())?;
        network.buffers_mut().copy_from_slice(&buffers);
        self.state.steps += batches.len() as u64;
        let (validation_loss, validation_metric) = self.validated(&theta, &buffers)?;
        self.state.history.gradients.extend(means.gradients(&self.state.history.sizes));
        Ok(Epoch {
            epoch: number + 1,
            steps: self.state.steps,
            loss: means.loss(),
            metric: means.metric(),
            validation_loss,
            validation_metric,
            learning_rate: rate,
            gradient_norm: means.gradient_norm(),
            seconds: started.elapsed().as_secs_f64(),
        })
    }

    /// Sets the learning rate of this step; returns it.
    fn set_rate(&self, optimizer: &mut dyn Optimizer<S>, step: u64, batches: usize) -> Option<f64> {
        let base = self.base?;
        let epochs = self.trainer.epochs;
        let steps = (epochs * batches) as u64;
        let moment = Moment {
            step,
            steps,
            epoch: self.state.epochs(),
            epochs,
            history: &self.state.history,
        };
        let rate = base * self.trainer.schedule.as_ref().map_or(1.0, |factor| factor(&moment));
        optimizer.set_learning_rate(rate);
        Some(rate)
    }

    /// Loss and metric on the validation data.
    fn validated(
        &mut self,
        theta: &[S],
        buffers: &[S],
    ) -> Result<(Option<f64>, Option<f64>), Error> {
        let Some(data) = self.trainer.validation else { return Ok((None, None)) };
        let size = self.trainer.batch_size.unwrap_or(data.len()).max(VALIDATED_AT_ONCE);
        let mut means = Means::new(0);
        let buffers = Array::vector(buffers.to_vec());
        let rows: Vec<usize> = (0..data.len()).collect();
        for rows in rows.chunks(size) {
            let examples = data.gather(rows)?;
            let recording = self.validate.at(&examples, &buffers, 0)?;
            let mut outputs = vec![S::zero(); recording.outputs_len()];
            let loss = recording.function.value_and_auxiliary(theta, &mut outputs)?;
            let metric = self.trainer.metric.as_ref();
            let metric = metric
                .map(|metric| metric(&recording.outputs(&outputs)?, examples.targets()))
                .transpose()?;
            means.add(rows.len(), loss.to_f64().unwrap_or(f64::NAN), metric, &[]);
        }
        Ok((Some(means.loss()), means.metric()))
    }
}

/// Means over the examples of an epoch.
struct Means {
    examples: f64,
    steps: f64,
    loss: f64,
    metric: Option<f64>,
    norm: f64,
    squares: Vec<f64>,
    observed: bool,
}

impl Means {
    fn new(parameters: usize) -> Self {
        let squares = vec![0.0; parameters];
        Self {
            examples: 0.0,
            steps: 0.0,
            loss: 0.0,
            metric: None,
            norm: 0.0,
            squares,
            observed: false,
        }
    }

    fn add(&mut self, examples: usize, loss: f64, metric: Option<f64>, squares: &[f64]) {
        let weight = examples as f64;
        self.examples += weight;
        self.steps += 1.0;
        self.loss += weight * loss;
        if let Some(metric) = metric {
            *self.metric.get_or_insert(0.0) += weight * metric;
        }
        self.observed |= !squares.is_empty();
        self.norm += squares.iter().sum::<f64>().sqrt();
        for (sum, square) in self.squares.iter_mut().zip(squares) {
            *sum += square;
        }
    }

    fn loss(&self) -> f64 {
        self.loss / self.examples
    }

    fn metric(&self) -> Option<f64> {
        self.metric.map(|metric| metric / self.examples)
    }

    fn gradient_norm(&self) -> Option<f64> {
        self.observed.then(|| self.norm / self.steps)
    }

    /// Root mean squares over the entries of each parameter.
    fn gradients(&self, sizes: &[usize]) -> Option<Vec<f64>> {
        let entries = sizes.iter().map(|&size| size as f64 * self.steps);
        let mean = |(square, entries): (&f64, f64)| (square / entries).sqrt();
        self.observed.then(|| self.squares.iter().zip(entries).map(mean).collect())
    }
}

//! One training under way.

use std::cell::RefCell;

use dualtape_autodiff::{Array, Real};
use dualtape_schedules::Moment;
// That of the standard library panics in a browser.
use web_time::Instant;

use crate::data::{Dataset, to_f64};
use crate::errors::Error;
use crate::module::{View, generator};

use super::batch::{Batch, Clip, Recordings};
use super::checkpoint::{Checkpoint, Files, Settings};
use super::history::{Ended, Epoch, History};
use super::network::Network;
use super::optimizer::Optimizer;
use super::progress::Progress;
use super::trainer::Trainer;

/// Tells the seed that shuffles epochs from the one whose streams the steps draw from.
const SHUFFLE: u64 = 0x5348_5546;

/// Examples of validation data evaluated at once, at least.
const VALIDATED_AT_ONCE: usize = 256;

/// One training under way.
pub(super) struct Fit<'a, 'f, S: Real> {
    trainer: &'a Trainer<'f, S>,
    data: &'a Dataset<S>,
    train: Recordings<'f, S>,
    validate: Recordings<'f, S>,
    /// The learning rate that the schedule's factors are of.
    base: Option<f64>,
    state: Checkpoint<S>,
    /// The watched losses of the epochs done.
    losses: Vec<f64>,
    /// The parameters that are trained, ahead of the network's by the steps of the epoch under way.
    theta: Vec<S>,
    /// Memory of gradients.
    scratch: RefCell<Vec<S>>,
}

impl<'a, 'f, S: Real> Fit<'a, 'f, S> {
    pub(super) fn new(
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
        let state = Checkpoint::new(network, History::new(names, sizes), settings(trainer, data));
        Ok(Self {
            trainer,
            data,
            train: Recordings::new(objective),
            validate,
            base,
            state,
            losses: Vec::new(),
            theta: Vec::new(),
            scratch: RefCell::default(),
        })
    }

    pub(super) fn run(
        mut self,
        network: &mut Network<S>,
        optimizer: &mut dyn Optimizer<S>,
    ) -> Result<History, Error> {
        let trainer = self.trainer;
        let mut files = trainer.checkpoint.as_deref().map(Files::claim).transpose()?;
        if let Some(path) = &trainer.resume {
            self.state.load(path, network)?;
            self.base = self.state.learning_rate.or(self.base);
            let restored = optimizer.restore(&self.state.optimizer);
            restored.map_err(|error| Error::Optimizer { message: error.to_string() })?;
        }
        self.theta = network.layout().trainable(network.parameters())?;
        self.losses = self.state.history.epochs().iter().map(Epoch::watched).collect();
        let mut progress = Progress::new(trainer.progress, trainer.epochs, self.state.epochs());
        while self.state.epochs() < trainer.epochs && self.state.history.ended == Ended::Epochs {
            let epoch = self.epoch(network, optimizer, &mut progress)?;
            progress.epoch(&epoch);
            self.losses.push(epoch.watched());
            self.state.finish_epoch(epoch, network, trainer.patience);
            if let Some(files) = &mut files {
                (self.state.optimizer, self.state.learning_rate) = (optimizer.state(), self.base);
                self.state.save(files, network)?;
            }
            let watcher = trainer.watcher.as_ref();
            if watcher.is_some_and(|watcher| watcher(&epoch, network).is_break()) {
                self.state.history.ended = Ended::Callback;
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
        let (layout, parts) = (network.layout().clone(), network.layout().parts());
        let (n, number) = (self.data.len(), self.state.epochs());
        let size = trainer.batch_size.unwrap_or(n).min(n);
        let batches = match size < n {
            true => {
                self.data.batches(size, &mut generator(trainer.seed ^ SHUFFLE, number as u64))?
            }
            false => vec![Vec::new()],
        };
        let mut buffers = network.buffers().to_vec();
        let mut means = Means::new(parts.iter().len());
        let mut rate = None;
        for (done, rows) in batches.iter().enumerate() {
            let step = self.state.steps + done as u64;
            rate = self.set_rate(optimizer, step, batches.len());
            let gathered = if size < n { Some(self.data.gather(rows)?) } else { None };
            let examples = gathered.as_ref().unwrap_or(self.data);
            let recording = self.train.at(examples, &Array::vector(buffers.clone()), step)?;
            let batch = Batch::new(recording, &parts, examples.len(), trainer.clip, &self.scratch);
            // Where the optimizer asks for no gradient here, outputs and buffers are computed afterwards.
            let told_by = recording.is_told(trainer.metric.is_some()).then(|| self.theta.clone());
            let loss = optimizer
                .step(&batch, &mut self.theta)
                .map_err(|error| Error::Optimizer { message: error.to_string() })?;
            let loss = to_f64(loss);
            let told = batch.observation(told_by.as_deref())?;
            if !loss.is_finite() {
                let outputs = told.auxiliary.map(|auxiliary| recording.outputs(&auxiliary));
                let sound = outputs
                    .transpose()?
                    .is_some_and(|outputs| outputs.data().iter().all(|output| output.is_finite()));
                let epoch = number + 1;
                // The outputs are those of this loss, and of no later one of the step.
                let undefined = sound && told.value.is_some_and(|value| value.is_nan());
                return Err(match undefined {
                    true => Error::UndefinedLoss { epoch, step },
                    false => Error::Diverged { epoch, step, loss },
                });
            }
            let mut metric = None;
            if let Some(auxiliary) = told.auxiliary {
                recording.update(&auxiliary, &mut buffers);
                let outputs = || recording.outputs(&auxiliary);
                let wanted = trainer.metric.as_ref();
                metric =
                    wanted.map(|metric| metric(&outputs()?, examples.targets())).transpose()?;
            }
            means.add(examples.len(), loss, metric, &told.squares);
            progress.step(number, done + 1, batches.len(), means.loss());
        }
        if trainer.clip.is_some() && !means.observed {
            let why = "this optimizer takes no gradients from its batches that could be shortened";
            return Err(Error::NoEffect { setting: "clip", why });
        }
        layout.set_trainable(&self.theta, network.parameters_mut())?;
        network.buffers_mut().copy_from_slice(&buffers);
        self.state.steps += batches.len() as u64;
        let (validation_loss, validation_metric) = self.validated(&buffers)?;
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
        let steps = (epochs as u64).saturating_mul(batches as u64);
        let moment =
            Moment { step, steps, epoch: self.state.epochs(), epochs, losses: &self.losses };
        let rate = base * self.trainer.schedule.as_ref().map_or(1.0, |factor| factor(&moment));
        optimizer.set_learning_rate(rate);
        Some(rate)
    }

    /// Loss and metric on the validation data.
    fn validated(&mut self, buffers: &[S]) -> Result<(Option<f64>, Option<f64>), Error> {
        let Some(data) = self.trainer.validation else { return Ok((None, None)) };
        let size = self.trainer.batch_size.unwrap_or(data.len()).max(VALIDATED_AT_ONCE);
        let mut means = Means::new(0);
        let buffers = Array::vector(buffers.to_vec());
        let rows: Vec<usize> = (0..data.len()).collect();
        for rows in rows.chunks(size) {
            let examples = data.gather(rows)?;
            let recording = self.validate.at(&examples, &buffers, 0)?;
            let mut outputs = vec![S::zero(); recording.outputs_len()];
            let loss = recording.function.value_and_auxiliary_into(&self.theta, &mut outputs)?;
            let metric = self.trainer.metric.as_ref();
            let metric = metric
                .map(|metric| metric(&recording.outputs(&outputs)?, examples.targets()))
                .transpose()?;
            means.add(rows.len(), to_f64(loss), metric, &[]);
        }
        Ok((Some(means.loss()), means.metric()))
    }
}

/// What a state of training must agree with: with another seed, batch size or clipping it would go on differently.
fn settings<S: Real>(trainer: &Trainer<'_, S>, data: &Dataset<S>) -> Settings {
    let size = trainer.batch_size.filter(|&size| size < data.len());
    let clip = match trainer.clip {
        None => "none".to_owned(),
        Some(Clip::Norm(bound)) => format!("to a norm of {bound}"),
        Some(Clip::Value(bound)) => format!("to values of {bound}"),
    };
    [
        ("seed", trainer.seed.to_string()),
        ("batch size", size.map_or("all".to_owned(), |size| size.to_string())),
        ("clipping", clip),
    ]
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

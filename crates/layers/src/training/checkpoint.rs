//! The state of a training: all that is needed to go on as if it had never been interrupted.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use dualtape_autodiff::Real;
use safetensors::SafeTensors;

use crate::errors::Error;
use crate::files::{Arrays, Claim, damage, decode, read};

use super::history::{Ended, Epoch, History};
use super::network::Network;
use super::optimizer::OptimizerState;

/// The version of the format; another is refused.
const VERSION: &str = "2";
const OPTIMIZER: &str = "optimizer/";

/// The settings of a training that a state must be of, by their names, as text.
pub(super) type Settings = [(&'static str, String); 3];

#[derive(Debug)]
pub(super) struct Checkpoint<S> {
    pub steps: u64,
    pub history: History,
    pub optimizer: OptimizerState,
    /// The optimizer's learning rate before any schedule.
    pub learning_rate: Option<f64>,
    settings: Settings,
    best: Best<S>,
}

/// The files of weights and of the state of training, which no other training may write meanwhile.
#[derive(Debug)]
pub(super) struct Files {
    weights: Claim,
    state: Claim,
}

impl Files {
    /// Refuses before the first epoch what could not be written after it.
    pub(super) fn claim(weights: &Path) -> Result<Self, Error> {
        Ok(Self { weights: Claim::new(weights.to_owned())?, state: Claim::new(beside(weights))? })
    }
}

/// The best epoch so far.
#[derive(Clone, Debug)]
struct Best<S> {
    watched: f64,
    epoch: usize,
    parameters: Vec<S>,
    buffers: Vec<S>,
}

impl<S: Real> Checkpoint<S> {
    /// Before the first epoch.
    pub(super) fn new(network: &Network<S>, history: History, settings: Settings) -> Self {
        let best = Best {
            watched: f64::INFINITY,
            epoch: 0,
            parameters: network.parameters().to_vec(),
            buffers: network.buffers().to_vec(),
        };
        let optimizer = OptimizerState::new();
        Self { steps: 0, history, optimizer, learning_rate: None, settings, best }
    }

    /// Epochs done.
    pub(super) fn epochs(&self) -> usize {
        self.history.epochs.len()
    }

    pub(super) fn finish_epoch(
        &mut self,
        epoch: Epoch,
        network: &Network<S>,
        patience: Option<usize>,
    ) {
        self.history.epochs.push(epoch);
        self.history.kept = epoch.epoch;
        let Some(patience) = patience else { return };
        if epoch.watched() < self.best.watched {
            (self.best.watched, self.best.epoch) = (epoch.watched(), epoch.epoch);
            self.best.parameters.copy_from_slice(network.parameters());
            self.best.buffers.copy_from_slice(network.buffers());
        } else if epoch.epoch - self.best.epoch >= patience {
            self.history.ended = Ended::EarlyStopping;
        }
    }

    /// Gives the network what it had after the best epoch.
    pub(super) fn restore_best(&mut self, network: &mut Network<S>) {
        network.parameters_mut().copy_from_slice(&self.best.parameters);
        network.buffers_mut().copy_from_slice(&self.best.buffers);
        self.history.kept = self.best.epoch;
    }

    /// Writes the state of training beside the weights, and then the weights.
    pub(super) fn save(&self, files: &mut Files, network: &Network<S>) -> Result<(), Error> {
        let mut arrays = Arrays::default();
        let vectors = [
            ("parameters", network.parameters()),
            ("buffers", network.buffers()),
            ("best/parameters", &self.best.parameters),
            ("best/buffers", &self.best.buffers),
        ];
        for (name, entries) in vectors {
            arrays.push(name, &[entries.len()], entries);
        }
        for (key, numbers) in &self.optimizer {
            arrays.push(&format!("{OPTIMIZER}{key}"), &[numbers.len()], numbers);
        }
        let epochs: Vec<f64> = self.history.epochs.iter().flat_map(numbers).collect();
        arrays.push("epochs", &[self.epochs(), NUMBERS], &epochs);
        let gradients = self.history.gradients.concat();
        arrays.push("gradients", &[gradients.len()], &gradients);
        let rate = self.learning_rate.map(|rate| vec![rate]).unwrap_or_default();
        arrays.push("learning_rate", &[rate.len()], &rate);
        arrays.push("best/watched", &[], &[self.best.watched]);

        let ended = matches!(self.history.ended, Ended::EarlyStopping);
        let texts = [
            ("format", "dualtape training".to_owned()),
            ("version", VERSION.to_owned()),
            ("model", model(network)),
            ("steps", self.steps.to_string()),
            ("best epoch", self.best.epoch.to_string()),
            ("ended", ended.to_string()),
        ];
        let texts = texts
            .into_iter()
            .chain(self.settings.clone())
            .map(|(key, text)| (key.to_owned(), text))
            .collect();
        files.state.write(&arrays.serialize(files.state.path(), texts)?)?;
        files.weights.write(&network.weights(files.weights.path())?)
    }

    /// Goes back to what was saved, the network too.
    pub(super) fn load(&mut self, weights: &Path, network: &mut Network<S>) -> Result<(), Error> {
        let path = beside(weights);
        // What an optimizer keeps cannot be foreseen: the file's own size is the limit.
        let bytes = read(&path, u64::MAX)?.unwrap_or_default();
        let loaded = self.loaded(&bytes, network);
        let (state, parameters, buffers) = loaded
            .map_err(|problem| Error::Resume { path: path.display().to_string(), problem })?;
        network.parameters_mut().copy_from_slice(&parameters);
        network.buffers_mut().copy_from_slice(&buffers);
        *self = state;
        Ok(())
    }

    /// What the bytes say, with parameters and buffers; or why they do not.
    fn loaded(&self, bytes: &[u8], network: &Network<S>) -> Result<(Self, Vec<S>, Vec<S>), String> {
        let file = SafeTensors::deserialize(bytes).map_err(|error| damage(&error))?;
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| damage(&error))?;
        let texts = metadata.metadata().clone().unwrap_or_default();
        check(&texts, "format", "dualtape training", "is not one of a training")?;
        check(&texts, "version", VERSION, "is of another version")?;
        check(&texts, "model", &model(network), "is of another model")?;
        for (key, text) in &self.settings {
            check(&texts, key, text, &format!("is of a training with another {key}"))?;
        }

        let (n, m) = (network.parameters().len(), network.buffers().len());
        let (parameters, buffers) = (vector(&file, "parameters", n)?, vector(&file, "buffers", m)?);
        let best = Best {
            watched: vector(&file, "best/watched", 1)?[0],
            epoch: whole(&texts, "best epoch")? as usize,
            parameters: vector(&file, "best/parameters", n)?,
            buffers: vector(&file, "best/buffers", m)?,
        };
        let epochs = table(&file, "epochs", NUMBERS)?;
        let epochs: Vec<Epoch> = epochs.iter().map(|numbers| epoch(numbers)).collect();
        if best.epoch > epochs.len() {
            return Err(format!("its best epoch is {} of {}", best.epoch, epochs.len()));
        }
        let mut history = History {
            gradients: table(&file, "gradients", self.history.names.len().max(1))?,
            kept: epochs.len(),
            epochs,
            ..self.history.clone()
        };
        if texts.get("ended").is_some_and(|ended| ended == "true") {
            history.ended = Ended::EarlyStopping;
        }
        let optimizer = file.iter().filter_map(|(name, array)| {
            Some((name.strip_prefix(OPTIMIZER)?.to_owned(), decode(&array)?))
        });
        let state = Self {
            steps: whole(&texts, "steps")?,
            history,
            optimizer: optimizer.collect(),
            learning_rate: entries(&file, "learning_rate")?.first().copied(),
            settings: self.settings.clone(),
            best,
        };
        Ok((state, parameters, buffers))
    }
}

/// The file beside one of weights.
fn beside(weights: &Path) -> PathBuf {
    let mut name = weights.file_name().unwrap_or_default().to_owned();
    name.push(".training");
    weights.with_file_name(name)
}

/// Names and shapes of all that a model has, and what of it is frozen.
fn model<S: Real>(network: &Network<S>) -> String {
    let layout = network.layout();
    let parameters = layout.iter().map(|view| {
        let frozen = if layout.is_frozen(view) { " frozen" } else { "" };
        format!("{}{:?}{frozen}", view.name(), view.shape())
    });
    let buffers = layout.buffers().map(|view| format!("{}{:?}", view.name(), view.shape()));
    parameters.chain(buffers).collect::<Vec<String>>().join(" ")
}

fn check(
    texts: &HashMap<String, String>,
    key: &str,
    needed: &str,
    otherwise: &str,
) -> Result<(), String> {
    match texts.get(key) {
        Some(text) if text == needed => Ok(()),
        Some(text) => Err(format!("the file {otherwise}: its {key} is `{text}`, not `{needed}`")),
        None => Err(format!("the file {otherwise}: it does not say its {key}")),
    }
}

fn whole(texts: &HashMap<String, String>, key: &str) -> Result<u64, String> {
    let number = texts.get(key).and_then(|text| text.parse().ok());
    number
        .filter(|&number| number <= 1 << 53)
        .ok_or_else(|| format!("the file does not say its {key}"))
}

fn entries<T: Real>(file: &SafeTensors<'_>, name: &str) -> Result<Vec<T>, String> {
    let array = file.tensor(name).map_err(|_| format!("the file has no `{name}`"))?;
    decode(&array).ok_or_else(|| format!("`{name}` does not hold numbers"))
}

fn vector<T: Real>(file: &SafeTensors<'_>, name: &str, length: usize) -> Result<Vec<T>, String> {
    let entries = entries(file, name)?;
    match entries.len() == length {
        true => Ok(entries),
        false => Err(format!("`{name}` has {} entries, not {length}", entries.len())),
    }
}

/// A row for each `columns` entries.
fn table(file: &SafeTensors<'_>, name: &str, columns: usize) -> Result<Vec<Vec<f64>>, String> {
    let entries: Vec<f64> = entries(file, name)?;
    match entries.len().is_multiple_of(columns) {
        true => Ok(entries.chunks_exact(columns).map(<[f64]>::to_vec).collect()),
        false => Err(format!("`{name}` has {} entries, not {columns} in each row", entries.len())),
    }
}

/// Numbers to an epoch in a file: the optional ones are 0 if they are not there, and the last number says which are.
const NUMBERS: usize = 10;

fn numbers(e: &Epoch) -> [f64; NUMBERS] {
    let optional =
        [e.metric, e.validation_loss, e.validation_metric, e.learning_rate, e.gradient_norm];
    let present =
        optional.iter().enumerate().map(|(i, x)| u32::from(x.is_some()) << i).sum::<u32>();
    let [metric, validation_loss, validation_metric, rate, norm] =
        optional.map(|x| x.unwrap_or(0.0));
    [
        e.epoch as f64,
        e.steps as f64,
        e.loss,
        e.seconds,
        metric,
        validation_loss,
        validation_metric,
        rate,
        norm,
        f64::from(present),
    ]
}

fn epoch(numbers: &[f64]) -> Epoch {
    let present = numbers[NUMBERS - 1] as u32;
    let optional = |i: usize| (present >> i & 1 == 1).then(|| numbers[4 + i]);
    Epoch {
        epoch: numbers[0] as usize,
        steps: numbers[1] as u64,
        loss: numbers[2],
        seconds: numbers[3],
        metric: optional(0),
        validation_loss: optional(1),
        validation_metric: optional(2),
        learning_rate: optional(3),
        gradient_norm: optional(4),
    }
}

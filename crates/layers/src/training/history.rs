//! What training leaves behind: a record of each epoch, and how gradients fared layer by layer.

use std::fmt::{self, Write as _};
use std::path::Path;

use crate::errors::Error;
use crate::files::write_atomically;

/// One pass over the training data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// Number of epochs done, this one included.
    pub epoch: usize,
    /// Steps taken in all.
    pub steps: u64,
    /// Mean objective of the batches, each before its step, penalty included.
    pub loss: f64,
    /// Mean metric of the batches, each before its step.
    pub metric: Option<f64>,
    /// Loss on the validation data after the epoch, without the penalty.
    pub validation_loss: Option<f64>,
    /// Metric on the validation data after the epoch.
    pub validation_metric: Option<f64>,
    /// Learning rate of the last step.
    pub learning_rate: Option<f64>,
    /// Mean of `‖∇‖₂` over the steps, before clipping, if the optimizer asked for gradients.
    pub gradient_norm: Option<f64>,
    /// Wall time of the epoch in seconds.
    pub seconds: f64,
}

/// Why training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// All epochs are done.
    Epochs,
    /// The watched loss had not improved for as many epochs as were allowed.
    EarlyStopping,
    /// The callback said so.
    Callback,
}

/// All epochs of a training.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    pub(super) epochs: Vec<Epoch>,
    pub(super) names: Vec<String>,
    pub(super) sizes: Vec<usize>,
    /// For each epoch and parameter the root mean square of its derivatives, over entries and steps.
    pub(super) gradients: Vec<Vec<f64>>,
    pub(super) ended: Ended,
    /// The epoch whose parameters the network has.
    pub(super) kept: usize,
}

/// How the gradient of one parameter fares beside the others.
#[derive(Clone, Debug, PartialEq)]
pub struct GradientFlow {
    /// Full name of the parameter.
    pub name: String,
    /// Root mean square of its derivatives in the first epoch.
    pub first: f64,
    /// The same in the last epoch.
    pub last: f64,
    /// What to make of it.
    pub verdict: Flow,
}

/// A gradient's state of health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Neither of the others.
    Healthy,
    /// In the first epoch less than 10⁻⁴ of the largest of all parameters: what lies before it hardly learns.
    Vanishing,
    /// More than 10³ times what it was in the first epoch, or not finite.
    Exploding,
}

impl History {
    pub(super) fn new(names: Vec<String>, sizes: Vec<usize>) -> Self {
        let (epochs, gradients) = (Vec::new(), Vec::new());
        Self { epochs, names, sizes, gradients, ended: Ended::Epochs, kept: 0 }
    }

    /// The epochs in order.
    pub fn epochs(&self) -> &[Epoch] {
        &self.epochs
    }

    /// The last epoch.
    pub fn last(&self) -> Option<&Epoch> {
        self.epochs.last()
    }

    /// Why training ended.
    pub fn ended(&self) -> Ended {
        self.ended
    }

    /// The number of the epoch whose parameters the network has: the last one, or with early stopping the best.
    pub fn kept_epoch(&self) -> usize {
        self.kept
    }

    /// The epoch whose watched loss, that of validation if there is one, is the least.
    pub fn best(&self) -> Option<&Epoch> {
        self.epochs.iter().min_by(|a, b| a.watched().total_cmp(&b.watched()))
    }

    /// How the gradient of each parameter fared: whether any vanishes on its way back through the layers, or explodes.
    ///
    /// Empty if the optimizer asked for no gradients. Source of the notions: Bengio, Simard & Frasconi, "Learning long-term
    /// dependencies with gradient descent is difficult" (1994).
    pub fn gradient_flow(&self) -> Vec<GradientFlow> {
        let (Some(first), Some(last)) = (self.gradients.first(), self.gradients.last()) else {
            return Vec::new();
        };
        let largest = first.iter().copied().fold(0.0, f64::max);
        let rows = self.names.iter().zip(first.iter().zip(last));
        let flow = rows.map(|(name, (&first, &last))| {
            let exploded = first > 0.0 && last > 1e3 * first;
            let verdict = match first < 1e-4 * largest {
                _ if exploded || !last.is_finite() => Flow::Exploding,
                true => Flow::Vanishing,
                false => Flow::Healthy,
            };
            GradientFlow { name: name.clone(), first, last, verdict }
        });
        flow.collect()
    }

    /// The epochs as comma-separated values with a header; what was not measured is empty.
    pub fn to_csv(&self) -> String {
        let mut csv = String::from(
            "epoch,steps,loss,metric,validation_loss,validation_metric,learning_rate,gradient_norm,seconds\n",
        );
        let cell = |x: Option<f64>| x.map(|x| x.to_string()).unwrap_or_default();
        for e in &self.epochs {
            let optional = [
                e.metric,
                e.validation_loss,
                e.validation_metric,
                e.learning_rate,
                e.gradient_norm,
            ];
            let optional = optional.map(cell).join(",");
            let Epoch { epoch, steps, loss, seconds, .. } = e;
            writeln!(csv, "{epoch},{steps},{loss},{optional},{seconds}")
                .expect("a String takes all");
        }
        csv
    }

    /// Writes [`to_csv`](Self::to_csv) to a file, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub fn write_csv(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        write_atomically(path.as_ref(), self.to_csv().as_bytes())
    }
}

impl Epoch {
    /// The loss that early stopping watches.
    pub(super) fn watched(&self) -> f64 {
        self.validation_loss.unwrap_or(self.loss)
    }
}

/// A line for each epoch.
impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for epoch in &self.epochs {
            writeln!(f, "{epoch}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "epoch {:>4}  loss {:.4e}", self.epoch, self.loss)?;
        if let Some(metric) = self.metric {
            write!(f, "  metric {metric:.4}")?;
        }
        if let Some(loss) = self.validation_loss {
            write!(f, "  validation loss {loss:.4e}")?;
        }
        if let Some(metric) = self.validation_metric {
            write!(f, "  validation metric {metric:.4}")?;
        }
        Ok(())
    }
}

impl fmt::Display for GradientFlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, first, last, verdict } = self;
        write!(f, "{name}: {first:.2e} in the first epoch, {last:.2e} in the last ({verdict:?})")
    }
}

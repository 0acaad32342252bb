//! How the learning rate goes with time.

use super::history::History;

/// When a step is taken.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'h> {
    /// Steps taken before.
    pub step: u64,
    /// Steps there will be in all, unless training ends early.
    pub steps: u64,
    /// Epochs done before.
    pub epoch: usize,
    /// Epochs there will be in all, unless training ends early.
    pub epochs: usize,
    /// The epochs done.
    pub history: &'h History,
}

impl Moment<'_> {
    /// The part of training that is over, in `[0, 1)`.
    pub fn fraction(&self) -> f64 {
        self.step as f64 / self.steps.max(1) as f64
    }
}

/// From the first learning rate to `least` times it, by half a period of the cosine: Loshchilov & Hutter, "SGDR" (ICLR
/// 2017), equation 5, without restarts.
///
/// # Example
///
/// ```
/// use dualtape_layers::{Moment, Trainer, cosine, cross_entropy, warm_up};
///
/// let trainer = Trainer::<f64>::new(cross_entropy).schedule(warm_up(100, cosine(0.01)));
/// // or any function of the moment
/// let trainer = Trainer::<f64>::new(cross_entropy).schedule(|now: &Moment| 0.95_f64.powi(now.epoch as i32));
/// ```
pub fn cosine(least: f64) -> impl Fn(&Moment<'_>) -> f64 + Send + Sync {
    move |now| {
        let half = 0.5 * (1.0 + (std::f64::consts::PI * now.fraction()).cos());
        least + (1.0 - least) * half
    }
}

/// Times `factor` after each `epochs` epochs.
///
/// # Panics
///
/// If `epochs` is 0.
pub fn step_decay(epochs: usize, factor: f64) -> impl Fn(&Moment<'_>) -> f64 + Send + Sync {
    assert!(epochs > 0, "the learning rate falls after each so many epochs, at least 1");
    move |now| factor.powi((now.epoch / epochs) as i32)
}

/// In equal steps from nothing to the whole over the first `steps` steps, and as `after` says all the while.
pub fn warm_up(
    steps: u64,
    after: impl Fn(&Moment<'_>) -> f64 + Send + Sync,
) -> impl Fn(&Moment<'_>) -> f64 + Send + Sync {
    move |now| {
        let part = if now.step < steps { (now.step + 1) as f64 / steps as f64 } else { 1.0 };
        part * after(now)
    }
}

/// One cycle: from 1/25 of the learning rate to the whole over the first 30 % of training, and to 1/250 000 of it over the
/// rest, both by cosines. Smith & Topin, "Super-convergence" (2018), with the numbers of PyTorch's `OneCycleLR`.
pub fn one_cycle() -> impl Fn(&Moment<'_>) -> f64 + Send + Sync {
    const RISE: f64 = 0.3;
    let between = |from: f64, to: f64, part: f64| {
        to + (from - to) * 0.5 * (1.0 + (std::f64::consts::PI * part).cos())
    };
    move |now| match now.fraction() {
        x if x < RISE => between(1.0 / 25.0, 1.0, x / RISE),
        x => between(1.0, 1.0 / 250_000.0, (x - RISE) / (1.0 - RISE)),
    }
}

/// Times `factor` whenever the watched loss, that of validation if there is one, has not improved for `patience` epochs.
///
/// # Panics
///
/// If `patience` is 0.
pub fn on_plateau(patience: usize, factor: f64) -> impl Fn(&Moment<'_>) -> f64 + Send + Sync {
    assert!(patience > 0, "a plateau is at least one epoch long");
    move |now| {
        let (mut best, mut since, mut rate) = (f64::INFINITY, 0, 1.0);
        for epoch in now.history.epochs() {
            since += 1;
            if epoch.watched() < best {
                (best, since) = (epoch.watched(), 0);
            }
            if since == patience {
                (since, rate) = (0, rate * factor);
            }
        }
        rate
    }
}

#![doc = include_str!("../README.md")]

use std::f64::consts::PI;

/// When a step is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment<'l> {
    /// Steps taken before.
    pub step: u64,
    /// Steps there will be in all, unless the training ends early.
    pub steps: u64,
    /// Epochs done before.
    pub epoch: usize,
    /// Epochs there will be in all, unless the training ends early.
    pub epochs: usize,
    /// The watched loss of each epoch done: that of validation if there is one.
    pub losses: &'l [f64],
}

impl Moment<'_> {
    /// A moment of a training without epochs: each step is one, and no losses are known.
    pub fn at(step: u64, steps: u64) -> Self {
        let epoch = |step| usize::try_from(step).unwrap_or(usize::MAX);
        Moment { step, steps, epoch: epoch(step), epochs: epoch(steps), losses: &[] }
    }

    /// The part of the training that is over, in `[0, 1)`; 1 after its end.
    pub fn fraction(&self) -> f64 {
        (self.step as f64 / self.steps.max(1) as f64).min(1.0)
    }
}

/// From `from` to `to` by half a period of the cosine.
fn between(from: f64, to: f64, part: f64) -> f64 {
    to + (from - to) * (0.5 * (1.0 + (PI * part).cos()))
}

/// From the first learning rate to `least` times it, by half a period of the cosine: Loshchilov & Hutter, "SGDR" (ICLR
/// 2017), equation 5, without restarts.
///
/// # Example
///
/// ```
/// use dualtape_schedules::{Moment, cosine};
///
/// assert_eq!(cosine(0.2)(&Moment::at(0, 8)), 1.0);
/// assert!((cosine(0.2)(&Moment::at(4, 8)) - 0.6).abs() < 1e-15);
/// ```
pub fn cosine(least: f64) -> impl Fn(&Moment<'_>) -> f64 + Send + Sync {
    move |now| between(1.0, least, now.fraction())
}

/// Times `factor` after each `epochs` epochs.
///
/// # Panics
///
/// If `epochs` is 0.
pub fn step_decay(epochs: usize, factor: f64) -> impl Fn(&Moment<'_>) -> f64 + Send + Sync {
    assert!(epochs > 0, "the learning rate falls after each so many epochs, at least 1");
    move |now| factor.powi(i32::try_from(now.epoch / epochs).unwrap_or(i32::MAX))
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
    move |now| match now.fraction() {
        x if x < RISE => between(1.0 / 25.0, 1.0, x / RISE),
        x => between(1.0, 1.0 / 250_000.0, (x - RISE) / (1.0 - RISE)),
    }
}

/// Times `factor` whenever the watched loss has not improved for `patience` epochs.
///
/// # Panics
///
/// If `patience` is 0.
pub fn on_plateau(patience: usize, factor: f64) -> impl Fn(&Moment<'_>) -> f64 + Send + Sync {
    let plateau = Plateau::new(patience, factor);
    move |now| {
        let mut plateau = plateau;
        now.losses.iter().for_each(|&loss| plateau.observe(loss));
        plateau.factor()
    }
}

/// [`on_plateau`] for a loop of one's own: told one loss after the other, it says what the learning rate is to be multiplied by.
///
/// # Example
///
/// ```
/// use dualtape_schedules::Plateau;
///
/// let mut plateau = Plateau::new(2, 0.5);
/// let factors = [3.0, 2.0, 2.5, 2.0, 1.0].map(|loss| {
///     plateau.observe(loss);
///     plateau.factor()
/// });
/// assert_eq!(factors, [1.0, 1.0, 1.0, 0.5, 0.5]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plateau {
    patience: usize,
    decay: f64,
    best: f64,
    since: usize,
    factor: f64,
}

impl Plateau {
    /// Times `factor` after each `patience` losses without a lower one than the lowest before.
    ///
    /// # Panics
    ///
    /// If `patience` is 0.
    pub fn new(patience: usize, factor: f64) -> Self {
        assert!(patience > 0, "a plateau is at least one epoch long");
        Plateau { patience, decay: factor, best: f64::INFINITY, since: 0, factor: 1.0 }
    }

    /// After how many losses without a lower one the factor falls.
    pub fn patience(&self) -> usize {
        self.patience
    }

    /// What it is multiplied by then.
    pub fn decay(&self) -> f64 {
        self.decay
    }

    /// Takes note of a loss. One that is NaN is no improvement.
    pub fn observe(&mut self, loss: f64) {
        self.since += 1;
        if loss < self.best {
            (self.best, self.since) = (loss, 0);
        }
        if self.since == self.patience {
            (self.since, self.factor) = (0, self.factor * self.decay);
        }
    }

    /// What the first learning rate is to be multiplied by.
    pub fn factor(&self) -> f64 {
        self.factor
    }

    /// Forgets all losses.
    pub fn reset(&mut self) {
        *self = Plateau::new(self.patience, self.decay);
    }

    /// What was learnt of the losses, to be saved.
    pub fn state(&self) -> [f64; 3] {
        [self.best, self.since as f64, self.factor]
    }

    /// Goes on from a saved state. If that has waited longer than this one's patience, the next loss decides.
    pub fn restore(&mut self, [best, since, factor]: [f64; 3]) {
        let since = (since as usize).min(self.patience - 1);
        (self.best, self.since, self.factor) = (best, since, factor);
    }
}

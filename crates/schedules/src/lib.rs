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
/// 2017), equation 5, without restarts; PyTorch's `CosineAnnealingLR` with as many steps as there are.
///
/// By that definition the first step has the whole rate, and `least` belongs to the end, the moment after the last step.
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

/// Times `factor` after each `epochs` epochs: PyTorch's `StepLR`.
///
/// # Panics
///
/// If `epochs` is 0.
pub fn step_decay(epochs: usize, factor: f64) -> impl Fn(&Moment<'_>) -> f64 + Send + Sync {
    assert!(epochs > 0, "the learning rate falls after each so many epochs, at least 1");
    move |now| factor.powi(i32::try_from(now.epoch / epochs).unwrap_or(i32::MAX))
}

/// In equal steps from nothing to the whole over the first `steps` steps, and as `after` says all the while: the first step
/// has `1/steps` of it, and step number `steps` is the first with all of it.
///
/// `after` sees the same moments as without a warm-up: a cosine falls while the rate is warmed up. PyTorch's `LinearLR` with
/// `start_factor = 1/steps` and `total_iters = steps − 1` is this, multiplied by another schedule.
pub fn warm_up(
    steps: u64,
    after: impl Fn(&Moment<'_>) -> f64 + Send + Sync,
) -> impl Fn(&Moment<'_>) -> f64 + Send + Sync {
    move |now| {
        let part = if now.step < steps { (now.step + 1) as f64 / steps as f64 } else { 1.0 };
        part * after(now)
    }
}

/// One cycle: from 1/25 of the learning rate to the whole over the first 30 % of the steps, and to 1/250 000 of it at the last
/// step, both by cosines. Smith & Topin, "Super-convergence" (2018), as PyTorch's `OneCycleLR` by default defines it: with `N`
/// steps, numbered from 0, the peak is at step `0.3·N − 1` and the least rate at step `N − 1`.
///
/// # Example
///
/// ```
/// use dualtape_schedules::{Moment, one_cycle};
///
/// let [first, peak, last] = [0, 2, 9].map(|step| one_cycle()(&Moment::at(step, 10)));
/// assert!((first - 0.04).abs() < 1e-15 && peak == 1.0 && (last - 4e-6).abs() < 1e-15);
/// ```
pub fn one_cycle() -> impl Fn(&Moment<'_>) -> f64 + Send + Sync {
    const FIRST: f64 = 1.0 / 25.0;
    const LEAST: f64 = 1.0 / 250_000.0;
    move |now| {
        let (step, steps) = (now.step as f64, now.steps as f64);
        // Of so few steps that the peak would lie before the first, all are of the way down.
        let (peak, last) = (0.3 * steps - 1.0, steps - 1.0);
        match step {
            step if step <= peak => between(FIRST, 1.0, step / peak),
            step => between(1.0, LEAST, ((step - peak) / (last - peak)).min(1.0)),
        }
    }
}

/// Times `factor` whenever the watched loss has not improved for `patience` epochs.
///
/// PyTorch's `ReduceLROnPlateau` does so one epoch later for the same number, since it counts the epochs that it puts up with,
/// and by default takes an improvement of less than 10⁻⁴ for none.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn factors(schedule: impl Fn(&Moment<'_>) -> f64, steps: u64) -> Vec<f64> {
        (0..steps).map(|step| schedule(&Moment::at(step, steps))).collect()
    }

    #[track_caller]
    fn assert_close(got: &[f64], expected: &[f64]) {
        assert_eq!(got.len(), expected.len());
        for (k, (got, expected)) in got.iter().zip(expected).enumerate() {
            assert!(
                (got - expected).abs() <= 4e-16 * (1.0 + expected.abs()),
                "step {k}: {got}, not {expected}"
            );
        }
    }

    /// Half a period of the cosine by its own addition theorem, as a product: another way than the schedules'.
    fn fall(from: f64, to: f64, part: f64) -> f64 {
        from + (to - from) * (PI * part / 2.0).sin().powi(2)
    }

    #[test]
    fn one_cycle_rises_to_its_peak_and_falls_to_its_least() {
        // OneCycleLR: up over steps 0..=0.3·N − 1, down over the rest to step N − 1.
        let up = (0..3).map(|k| fall(0.04, 1.0, f64::from(k) / 2.0));
        let down = (1..8).map(|k| fall(1.0, 4e-6, f64::from(k) / 7.0));
        let ten = factors(one_cycle(), 10);
        assert_close(&ten, &up.chain(down).collect::<Vec<_>>());
        assert_eq!(ten[2], 1.0);
        assert_close(&ten[9..], &[4e-6]);
        for steps in [20, 50, 100, 1000, 123_450] {
            let all = factors(one_cycle(), steps);
            let peak = 3 * steps as usize / 10 - 1;
            assert_close(&[all[0], all[peak], all[steps as usize - 1]], &[0.04, 1.0, 4e-6]);
            assert!(all[..=peak].is_sorted() && all[peak..].is_sorted_by(|a, b| a > b));
        }
        // A peak between two steps.
        let seven = factors(one_cycle(), 7);
        assert_close(&seven[..3], &[0.04, fall(0.04, 1.0, 1.0 / 1.1), fall(1.0, 4e-6, 0.9 / 4.9)]);
        assert_close(&seven[6..], &[4e-6]);
    }

    #[test]
    fn one_cycle_of_few_steps_and_after_its_end() {
        // OneCycleLR's formula, whose peak lies before the first step.
        assert_close(&factors(one_cycle(), 1), &[4e-6]);
        assert_close(&factors(one_cycle(), 2), &[fall(1.0, 4e-6, 0.4 / 1.4), 4e-6]);
        let three = [fall(1.0, 4e-6, 0.1 / 2.1), fall(1.0, 4e-6, 1.1 / 2.1), 4e-6];
        assert_close(&factors(one_cycle(), 3), &three);
        for (step, steps) in [(10, 10), (99, 10), (5, 1), (0, 0), (3, 0)] {
            assert_close(&[one_cycle()(&Moment::at(step, steps))], &[4e-6]);
        }
    }

    #[test]
    fn cosine_begins_with_the_whole_and_ends_with_the_least() {
        let expected: Vec<f64> = (0..8).map(|k| fall(1.0, 0.2, f64::from(k) / 8.0)).collect();
        assert_close(&factors(cosine(0.2), 8), &expected);
        assert_close(
            &[cosine(0.2)(&Moment::at(8, 8)), cosine(0.0)(&Moment::at(9, 8))],
            &[0.2, 0.0],
        );
    }

    #[test]
    fn warm_up_reaches_the_whole_with_its_last_step() {
        assert_close(&factors(warm_up(4, |_| 2.0), 6), &[0.5, 1.0, 1.5, 2.0, 2.0, 2.0]);
        assert_close(&factors(warm_up(1, |_| 2.0), 2), &[2.0, 2.0]);
        assert_close(&factors(warm_up(0, |_| 2.0), 2), &[2.0, 2.0]);
        let both: Vec<f64> =
            (1..=4).map(|k| fall(1.0, 0.0, f64::from(k - 1) / 4.0) * f64::from(k) / 4.0).collect();
        assert_close(&factors(warm_up(4, cosine(0.0)), 4), &both);
    }

    #[test]
    fn step_decay_falls_with_each_so_many_epochs() {
        let expected = [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25];
        assert_close(&factors(step_decay(3, 0.5), 7), &expected);
    }

    #[test]
    fn a_plateau_is_as_long_as_its_patience() {
        let mut losses = vec![];
        let mut seen = vec![];
        for loss in [3.0, 2.0, 2.0, 2.5, 2.0, 2.0, 1.0, 1.0, f64::NAN] {
            losses.push(loss);
            let now = Moment { losses: &losses, ..Moment::at(losses.len() as u64, 9) };
            seen.push(on_plateau(2, 0.5)(&now));
        }
        assert_eq!(seen, [1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125]);
    }

    #[test]
    fn a_plateau_goes_on_from_its_state() {
        let mut patient = Plateau::new(5, 0.5);
        for loss in [2.0, 3.0, 3.0, 3.0] {
            patient.observe(loss);
        }
        let state = patient.state();
        assert_eq!(state, [2.0, 3.0, 1.0]);
        patient.restore(state);
        patient.observe(2.5);
        assert_eq!(patient.factor(), 1.0);
        patient.observe(2.5);
        assert_eq!(patient.factor(), 0.5);
        // Who has less patience has waited long enough.
        let mut impatient = Plateau::new(2, 0.1);
        impatient.restore(state);
        assert_eq!(impatient.factor(), 1.0);
        impatient.observe(2.5);
        assert_eq!(impatient.factor(), 0.1);
    }

    #[test]
    fn the_fraction_of_a_training_stays_within_it() {
        let fraction = |step, steps| Moment::at(step, steps).fraction();
        assert_eq!([fraction(0, 4), fraction(1, 4), fraction(4, 4)], [0.0, 0.25, 1.0]);
        assert_eq!([fraction(9, 4), fraction(0, 0), fraction(3, 0)], [1.0, 0.0, 1.0]);
    }
}

//! The progress bar of a training.

use super::history::Epoch;

/// A bar on a terminal; without the feature `progress`, or where none is wanted, nothing.
#[derive(Debug)]
pub(super) struct Progress {
    #[cfg(feature = "progress")]
    bar: Option<indicatif::ProgressBar>,
}

#[cfg(feature = "progress")]
impl Progress {
    /// The bar counts thousandths of epochs, so that it moves within long ones.
    const PARTS: u64 = 1000;

    pub(super) fn new(shown: bool, epochs: usize, done: usize) -> Self {
        use indicatif::{ProgressBar, ProgressStyle};
        let style = ProgressStyle::with_template("{wide_bar} {percent:>3} %, {eta} left  {msg}");
        let bar = shown.then(|| {
            // Nothing is drawn where standard error is not a terminal.
            let bar = ProgressBar::new(Self::PARTS * epochs as u64);
            if let Ok(style) = style {
                bar.set_style(style);
            }
            bar.set_position(Self::PARTS * done as u64);
            bar.reset_eta();
            bar
        });
        Self { bar }
    }

    /// After a step of an epoch.
    pub(super) fn step(&mut self, epoch: usize, done: usize, steps: usize, loss: f64) {
        if let Some(bar) = &self.bar {
            let part = Self::PARTS * done as u64 / steps as u64;
            bar.set_position(Self::PARTS * epoch as u64 + part);
            bar.set_message(format!("epoch {}  loss {loss:.4e}", epoch + 1));
        }
    }

    pub(super) fn epoch(&mut self, epoch: &Epoch) {
        if let Some(bar) = &self.bar {
            bar.set_message(epoch.to_string());
        }
    }

    pub(super) fn finish(&mut self) {
        if let Some(bar) = &self.bar {
            bar.abandon();
        }
    }
}

#[cfg(not(feature = "progress"))]
impl Progress {
    pub(super) fn new(_: bool, _: usize, _: usize) -> Self {
        Self {}
    }

    pub(super) fn step(&mut self, _: usize, _: usize, _: usize, _: f64) {}

    pub(super) fn epoch(&mut self, _: &Epoch) {}

    pub(super) fn finish(&mut self) {}
}

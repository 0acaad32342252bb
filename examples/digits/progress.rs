//! How a training is getting on, shown while it runs.

use indicatif::{ProgressBar, ProgressStyle};

/// A line on the terminal with loss and largest gradient component; nothing where standard error is not a terminal.
#[derive(Clone, Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// A bar where the number of iterations is known, else a counter.
    pub fn new(name: &str, iterations: Option<usize>) -> Self {
        let (bar, template) = match iterations {
            Some(iterations) => {
                (ProgressBar::new(iterations as u64), "{prefix:28} {bar:20} {pos}/{len}  {msg}")
            }
            None => (ProgressBar::no_length(), "{prefix:28} {spinner} iteration {pos}  {msg}"),
        };
        let style =
            ProgressStyle::with_template(template).expect("the templates above are well formed");
        Self(bar.with_style(style).with_prefix(name.to_owned()))
    }

    /// The state after `iteration`.
    pub fn show(&self, iteration: usize, loss: f64, gradient_norm: f64) {
        self.0.set_message(format!("loss {loss:.6}  max |∇| {gradient_norm:.1e}"));
        self.0.set_position(iteration as u64);
    }

    /// Leaves the last state on the terminal.
    pub fn finish(&self) {
        self.0.abandon();
    }
}

//! What a training leaves behind: the table and the chart are made from it.

use dualtape::optimizers::Counts;

/// One training of one model by one method.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Model and method.
    pub name: String,
    /// The states on the way, the start among them.
    pub curve: Vec<State>,
    /// The state in the end, with all that was spent, a final look at the curvature included.
    pub end: State,
    /// Share of the training images recognised.
    pub train_accuracy: f64,
    /// Share of the held-out images recognised.
    pub held_out_accuracy: f64,
    /// Why the training ended, and what is known of the point reached.
    pub verdict: String,
}

/// A training at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct State {
    /// Steps taken.
    pub iteration: usize,
    /// Wall time since the start in seconds.
    pub seconds: f64,
    /// Evaluations since the start.
    pub work: Work,
    /// Loss on all training images.
    pub loss: f64,
    /// `‖∇loss‖∞`.
    pub gradient_norm: f64,
}

/// Evaluations on all training images; one on fewer images counts as their share.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Work {
    /// Losses alone.
    pub values: f64,
    /// Losses with gradients.
    pub gradients: f64,
    /// Hessian-vector products; a dense Hessian in n unknowns is n of them.
    pub hvps: f64,
}

impl Work {
    /// Gradients that a value counts for: the reverse sweep does about twice the work of the evaluation before it.
    const VALUE: f64 = 1.0 / 3.0;
    /// Gradients that a Hessian-vector product counts for: each product of the gradient has two in its derivative.
    pub const HVP: f64 = 2.0;

    /// What an optimizer asked of a loss with `unknowns` parameters.
    pub fn of(counts: &Counts, unknowns: usize) -> Self {
        Self {
            values: counts.values as f64,
            gradients: (counts.gradients + counts.linearizations) as f64,
            hvps: (counts.hvps + counts.hessians * unknowns) as f64,
        }
    }

    /// All of it in gradients.
    pub fn gradient_equivalents(&self) -> f64 {
        Self::VALUE * self.values + self.gradients + Self::HVP * self.hvps
    }
}

//! Objectives made of a model, data and a loss.

mod supervised;

pub use supervised::{predict, supervised, supervised_with_decay};

//! Objectives made of a model, data and a loss, and their training.

mod network;
mod objective;

pub use network::{Network, predict};
pub use objective::{Supervised, supervised};

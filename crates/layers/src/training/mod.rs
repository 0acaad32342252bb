//! Objectives made of a model, data and a loss, and their training.

mod batch;
mod checkpoint;
mod fit;
mod history;
mod network;
mod objective;
mod optimizer;
mod progress;
mod slots;
mod trainer;

pub use batch::{Batch, Clip};
pub use dualtape_schedules::{Moment, Plateau, cosine, on_plateau, one_cycle, step_decay, warm_up};
pub use history::{Ended, Epoch, Flow, GradientFlow, History};
pub use network::{Network, predict};
pub use objective::{Supervised, supervised};
pub use optimizer::{Optimizer, OptimizerError, OptimizerState, with_learning_rate};
pub use trainer::Trainer;

//! What all methods share: settings, the loop, stops, reports and verdicts, and the searches for a step.
//!
//! This folder imports `problem` and what is below it.
//!
//! | file | |
//! |---|---|
//! | `options.rs` | the settings, and [`Minimizer`] |
//! | `report.rs` | what a run tells about itself |
//! | `run.rs` | the course of a run: records, stop tests, the best point |
//! | `method.rs` | what a method is: a way to move on from a point |
//! | `descend.rs` | the loop |
//! | `rounding.rs`, `verdict.rs` | whether rounding is all that is left; what curvature says of the end |
//! | `line_search/`, `line_descent.rs` | line searches; descent along one direction after another |
//! | `step_limit.rs`, `bounds.rs` | the longest step of Newton's kind; bounds of the variables |
//! | `region.rs`, `agreement.rs` | regions in which a model is trusted, by how well it foretells |
//! | `forcing.rs` | how accurately to solve for a step |
//! | `saved.rs` | states that are saved and restored |
//! | `compiled.rs` | what makes a method a [`Minimizer`], compiled with this crate |

mod agreement;
mod bounds;
mod compiled;
mod descend;
mod forcing;
mod line_descent;
mod line_search;
mod method;
mod options;
mod region;
mod report;
mod rounding;
mod run;
mod saved;
mod step_limit;
mod verdict;

pub(crate) use agreement::agreement;
pub(crate) use bounds::Bounds;
pub(crate) use compiled::minimizer;
pub(crate) use descend::descend;
pub use forcing::Forcing;
pub(crate) use forcing::ForcingSequence;
pub(crate) use line_descent::{Directions, LineDescent, first_trial};
pub use line_search::{
    Accepted, Armijo, Condition, HagerZhang, Line, LineSearch, LineSearchFailure, MoreThuente,
    Origin,
};
pub(crate) use method::{Here, Method, Next, Step};
pub use options::{Minimizer, Options};
pub(crate) use region::{MAX_TRIALS, Model, Proposal, Region};
pub use report::{Iteration, Record, Report, SecondOrder, StopReason};
pub(crate) use run::{Run, run};
pub use saved::{SavedState, Setting};
pub(crate) use saved::{check_settings, count, list, numbers, restored, save, setting_lists};
pub(crate) use step_limit::StepLimit;

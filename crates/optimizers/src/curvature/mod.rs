//! Looking at curvature through products alone.
//!
//! This folder imports `linalg` and `problem`.
//!
//! | file | |
//! |---|---|
//! | `report.rs` | [`CurvatureInspection`], which asks for all of it |
//! | `hutchinson.rs`, `sketched_trace.rs` | traces, diagonals and norms from random vectors |
//! | `density.rs` | the density of the spectrum |
//! | `estimate.rs` | an estimate with its error |
//! | `landscape.rs` | the loss along eigenvectors |
//! | `svg/` | drawings |

mod density;
mod estimate;
mod hutchinson;
mod landscape;
mod report;
mod sketched_trace;
#[cfg(feature = "svg")]
mod svg;

pub use density::{SpectralDensity, StochasticLanczos};
pub use estimate::Estimate;
pub use hutchinson::{BlockShare, Hutchinson, ParameterRange};
pub use landscape::{LossCurve, LossSurface};
pub use report::{ConditionNumber, CurvatureInspection, CurvatureReport, Signs};
pub use sketched_trace::{HutchPlusPlus, XTrace};
#[cfg(feature = "svg")]
pub use svg::Picture;

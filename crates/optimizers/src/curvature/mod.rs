//! Curvature through products alone: the Lanczos process and what is made of it.

mod basis;
mod certificate;
mod density;
mod eigenpairs;
mod estimate;
mod hutchinson;
mod lanczos;
mod landscape;
mod probes;
mod report;
mod sketched_trace;
#[cfg(feature = "svg")]
mod svg;

pub(crate) use basis::{Basis, normal_deviates, normalize};
pub(crate) use certificate::SmallestEigenvalue;
pub use density::{SpectralDensity, StochasticLanczos};
pub use eigenpairs::{ExtremeEigenpairs, Extremes, RitzPair};
pub use estimate::Estimate;
pub use hutchinson::{BlockShare, Hutchinson, ParameterRange};
pub(crate) use lanczos::{Lanczos, Tridiagonal};
pub use landscape::{LossCurve, LossSurface};
pub(crate) use probes::{check_finite, signs};
pub use report::{ConditionNumber, CurvatureInspection, CurvatureReport, Signs};
pub use sketched_trace::{HutchPlusPlus, XTrace};
#[cfg(feature = "svg")]
pub use svg::Picture;

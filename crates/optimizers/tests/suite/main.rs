//! Tests of the crate as its users see it.

mod curvature;
mod curvature_matrices;
mod functions;
mod line_search;
mod mgh;
mod newton_methods;
mod operators;
#[cfg(feature = "svg")]
mod pictures;
mod reference;
mod reports;
mod structured_newton;
mod support;

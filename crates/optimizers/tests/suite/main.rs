//! Tests of the crate as its users see it.

mod curvature;
mod functions;
mod line_search;
mod mgh;
mod newton_methods;
#[cfg(feature = "svg")]
mod pictures;
mod reference;
mod reports;
mod support;

//! Tests of the crate as its users see it.

mod functions;
mod line_search;
mod mgh;
mod newton_methods;
mod reference;
mod reports;
mod support;

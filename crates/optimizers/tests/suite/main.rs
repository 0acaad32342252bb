//! Tests of the crate as its users see it.

#[cfg(feature = "argmin")]
mod argmin;
mod bounded;
mod curvature;
mod curvature_matrices;
mod domains;
mod functions;
mod gradient_methods;
mod hessian_free;
mod least_squares;
mod line_search;
mod methods;
mod mgh;
mod newton_methods;
mod nist;
mod operators;
#[cfg(feature = "svg")]
mod pictures;
mod promises;
mod published;
mod quasi_newton;
mod reference;
mod regressions;
mod reports;
mod scales;
mod stochastic;
mod structured_newton;
mod support;
mod trust_regions;
mod unbounded;
mod verdicts;

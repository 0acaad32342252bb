//! The rules: the settings of each method, without what runs it.
//!
//! | file | |
//! |---|---|
//! | `preset.rs` | what rules have in common |
//! | `sgd.rs`, `lion.rs` | gradients, averaged |
//! | `adagrad.rs`, `rmsprop.rs`, `adam.rs`, `nadam.rs`, `radam.rs` | and scaled by averages of their squares |
//! | `adahessian.rs`, `sophia.rs` | scaled by estimates of the curvature's diagonal |
//! | `matrices.rs`, `shampoo.rs`, `soap.rs` | scaled by products of gradients that are matrices |

mod adagrad;
mod adahessian;
mod adam;
mod lion;
mod matrices;
mod nadam;
mod preset;
mod radam;
mod rmsprop;
mod sgd;
mod shampoo;
mod soap;
mod sophia;

pub use adagrad::{Adadelta, Adagrad};
pub use adahessian::AdaHessian;
pub use adam::{Adam, Adamax};
pub use lion::Lion;
pub use matrices::Matrices;
pub use nadam::NAdam;
pub use preset::{Betas, Epsilon, OfMatrices, Preset};
pub use radam::RAdam;
pub use rmsprop::RmsProp;
pub use sgd::Sgd;
pub use shampoo::{Grafting, Shampoo};
pub use soap::Soap;
pub use sophia::Sophia;

/// The methods, under their names.
pub(super) mod aliases {
    pub use super::adagrad::aliases::*;
    pub use super::adahessian::aliases::*;
    pub use super::adam::aliases::*;
    pub use super::lion::aliases::*;
    pub use super::nadam::aliases::*;
    pub use super::radam::aliases::*;
    pub use super::rmsprop::aliases::*;
    pub use super::sgd::aliases::*;
    pub use super::shampoo::aliases::*;
    pub use super::soap::aliases::*;
    pub use super::sophia::aliases::*;
}

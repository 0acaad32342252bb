//! Trust-region methods and cubic regularisation.
//!
//! | file | |
//! |---|---|
//! | `method.rs` | [`TrustRegion`] |
//! | `dogleg.rs`, `exact.rs` | its models that are dense matrices |
//! | `products.rs`, `steihaug.rs`, `krylov.rs` | those that are known by products |
//! | `cubic_regularization.rs` | a cubic term in place of a region |

mod cubic_regularization;
mod dogleg;
mod exact;
mod krylov;
mod method;
mod products;
mod steihaug;

pub use cubic_regularization::CubicRegularization;
pub use method::{Subproblem, TrustRegion};

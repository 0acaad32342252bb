//! Vectors, matrices and linear operators, and what is solved with them.
//!
//! This folder imports the ground: errors, checks of settings and quantiles.
//!
//! | file | |
//! |---|---|
//! | `vector.rs` | the few operations on vectors that everything is written in |
//! | `dense/` | factorizations of dense matrices |
//! | `operator/` | matrices known by their products, and the algebra of them |
//! | `basis.rs`, `probes.rs` | orthonormal bases, random vectors, products with several |
//! | `lanczos.rs` | the Lanczos process |
//! | `smallest.rs`, `eigenpairs.rs` | the smallest eigenvalue, with what is certain of it; eigenpairs at both ends |
//! | `conjugate_gradient.rs`, `preconditioner.rs` | conjugate gradients, as Newton's methods need them |
//! | `subproblem/` | quadratic models whose steps are held short |

mod basis;
mod conjugate_gradient;
mod dense;
mod eigenpairs;
mod lanczos;
mod operator;
mod preconditioner;
mod probes;
mod smallest;
mod subproblem;
mod vector;

pub(crate) use basis::{Basis, normal_deviates, normalize};
pub(crate) use conjugate_gradient::{ConjugateGradient, Outcome, System};
pub(crate) use dense::{
    Eigen, LeastSquaresFactors, Pivots, ShiftedCholesky, SymmetricFactors, symmetrize,
};
pub use eigenpairs::{ExtremeEigenpairs, Extremes, RitzPair};
pub(crate) use lanczos::Lanczos;
pub use operator::{
    BlockDiagonal, Dense, Diagonal, EmpiricalFisher, KroneckerFactored, LinearOperator, LowRank,
    Patches, Restricted, Scaled, Sharing, Shifted, SpectrumEnds, Sum,
};
pub(crate) use operator::{Factored, check_indices, check_ranges, dense_matrix};
pub(crate) use preconditioner::{Preconditioner, inverse_of_positive};
pub(crate) use probes::{AT_ONCE, Probes, check_finite, dimension, products, signs};
pub use smallest::{Curvature, CurvatureSource};
pub(crate) use smallest::{Eigenpair, SmallestEigenvalue};
pub(crate) use subproblem::{Accuracy, Bound, Krylov, Shiftable, ShortStep, Space, minimize};
pub(crate) use vector::{
    axpy, distance, dot, first_non_finite, negate, norm, norm_inf, quadratic_form, scale, size,
};

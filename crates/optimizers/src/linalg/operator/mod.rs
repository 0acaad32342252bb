//! Symmetric linear maps that are known by what they do to a vector, and the algebra of them.
//!
//! | file | |
//! |---|---|
//! | `linear_operator.rs` | [`LinearOperator`], what all of them can do |
//! | `dense.rs`, `diagonal.rs`, `block_diagonal.rs`, `low_rank.rs`, `empirical_fisher.rs`, `kronecker.rs` | matrices by their structure |
//! | `patches.rs` | what a convolution sees of its input, for its Kronecker factors |
//! | `combined.rs` | sums, shifts, multiples and restrictions |
//! | `inverse.rs`, `minres.rs` | solving with any of them |
//! | `spectral.rs`, `low_rank_part.rs` | the ends of the spectrum, and the best part of low rank |
//!
//! An operator can be combined, inverted and asked for the ends of its spectrum, and what does that works with operators: so
//! `linear_operator.rs` and `combined.rs`, `inverse.rs` and `spectral.rs`, with what these are made of, know each other.

mod block_diagonal;
mod combined;
mod dense;
mod diagonal;
mod empirical_fisher;
mod inverse;
mod kronecker;
mod linear_operator;
mod low_rank;
mod low_rank_part;
mod minres;
mod patches;
mod spectral;

pub use block_diagonal::BlockDiagonal;
pub(crate) use block_diagonal::check_ranges;
pub use combined::{Restricted, Scaled, Shifted, Sum};
pub use dense::Dense;
pub use diagonal::Diagonal;
pub use empirical_fisher::EmpiricalFisher;
pub(crate) use inverse::Factored;
pub use kronecker::{KroneckerFactored, Sharing};
pub use linear_operator::LinearOperator;
pub(crate) use linear_operator::{check_indices, dense_matrix};
pub use low_rank::LowRank;
pub use patches::Patches;
pub use spectral::SpectrumEnds;

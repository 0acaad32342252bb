//! The instruction set and its rules: every derivative in dualtape is stated here, once.
//!
//! | file | instructions | a rule states |
//! |---|---|---|
//! | [`unary`](self) | elementwise functions of one argument | value, derivative |
//! | [`binary`](self) | elementwise functions of two arguments | value, two partial derivatives |
//! | `composed` | functions made of others | the composition |
//! | `tensor` | array operations | shape, forward, tangent, adjoint |
//!
//! # Zero absorbs
//!
//! A derivative is the sum, over all paths from the input to the result, of the product of the partial derivatives along the
//! path. In these products, and nowhere else, zero absorbs: `0·∞ = 0·NaN = 0`. They are instructions of their own,
//! [`Binary::Chain`] and its sum, and so have derivatives of the same form.
//!
//! Then the product does not depend on the order in which it is formed, so forward and reverse sweeps, recorded gradients,
//! linearisations and nested duals agree to every order; and what is masked, weighted with 0 or does not move
//! contributes nothing, even at the end of a domain: `0·√x` at 0 has the derivative 0, and `√x` has the derivative ∞ in x
//! and 0 in everything else.
//!
//! The price: at a point where a derivative vanishes by computation and the next function is not differentiable, the true
//! limit of `0·∞` may be another number. `∛(x³)` and `√x·√x` get the derivative 0 at 0, and `√(x²)` the subgradient 0 of
//! `|x|`.
//!
//! Where paths with opposite infinities meet, their sum is NaN, unless all factors that they have in common are combined
//! first; so there one mode may find NaN and another what is left.
//!
//! Products in a matrix multiplication are those of IEEE 754.
//!
//! # Closed
//!
//! The set is closed: a derivative or an adjoint is written with instructions of the set only, so it has a derivative in
//! turn, to any order. A test walks the whole list.

mod binary;
pub(crate) mod composed;
mod power;
mod special;
pub(crate) mod tensor;
mod unary;

pub use binary::Binary;
pub(crate) use power::{power_int_derivative, power_real_derivative};
pub use tensor::{ARRAY_OPERATIONS, Adjoint, Elementwise, NumericAdjoint, Operation};
pub use unary::Unary;

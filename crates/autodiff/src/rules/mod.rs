//! The instruction set and its rules: every derivative in dualtape is stated here, once.
//!
//! | file | instructions | a rule states |
//! |---|---|---|
//! | [`unary`](self) | elementwise functions of one argument | value, derivative |
//! | [`binary`](self) | elementwise functions of two arguments | value, two partial derivatives |
//! | `composed` | functions made of others | the composition |
//! | `tensor` | array operations | shape, forward, tangent, adjoint |
//!
//! # Which zeros absorb
//!
//! A derivative is the sum, over all paths from the input to the result, of the product of the partial derivatives along the
//! path. These products are instructions of their own, [`Binary::Chain`] and its sum, and so have derivatives of the same
//! form. Where one of them is `0·∞` or `0·NaN`, all depends on the zero:
//!
//! * One that is the same at all inputs nearby absorbs: a weight or a mask of 0, a direction that does not move, a branch not
//!   taken. `0·√x` at 0 has the derivative 0, and `√x` has the derivative ∞ in x and 0 in everything else.
//! * One that was computed from the inputs has no product with an infinity that could be told from the two: the derivative
//!   of `∛(x³)` at 0 is 1, that of `∛(x⁵)` is 0. It is refused, as [`IndeterminatePolicy`](crate::IndeterminatePolicy) says.
//!
//! Both are so whatever the order in which a product is formed, so forward and reverse sweeps, recorded gradients and
//! linearisations agree to every order. Programs are evaluated with plain products; where NaN comes out, once more over
//! numbers that know whether they depend on the inputs (`scalar/tracked.rs`). Recordings for one point are looked over
//! for singularities first. A bare [`Dual`](crate::Dual) knows less, and says
//! what of that holds for it.
//!
//! At kinks a derivative is the subgradient that the table states. The second derivative of `|x|` at 0 is not the 0 on both
//! sides: that of `|x|²` would be 0 too. So [`Unary::Jump`] is NaN there.
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
mod smooth;
mod special;
pub(crate) mod tensor;
mod unary;

pub use binary::Binary;
pub(crate) use power::{power_int_derivative, power_real_derivative};
pub use smooth::Irregularity;
pub(crate) use smooth::{power_int_irregularity, power_real_irregularity};
pub use tensor::{ARRAY_OPERATIONS, Adjoint, Elementwise, NumericAdjoint, Operation};
pub use unary::Unary;

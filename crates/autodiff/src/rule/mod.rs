//! How each array operation is *differentiated*, written with handles.
//!
//! Its kind of derivative is all that an operation has to state; tangent and adjoint follow from the kind, so nothing is said
//! twice:
//!
//! | kind | stated | tangent `y_dot` | adjoint `x_bar` |
//! |---|---|---|---|
//! | linear | its transpose | the operation applied to `x_dot` | the transpose applied to `y_bar` |
//! | bilinear | its transposes | `Σᵢ` the operation with `xᵢ` replaced by `xᵢ_dot` | transpose `i` applied to `y_bar` |
//! | partials | `Pᵢ = ∂y/∂xᵢ`, element by element | `Σᵢ reduce(Pᵢ·xᵢ_dot)` | `Pᵢ·expand(y_bar)` |
//! | composed | both, as compositions | as stated | as stated |
//!
//! Rules are written with [`Tensor`](crate::Tensor) handles, and so over whatever number the tape holds: on a tape of `f64` they
//! compute, on a tape of duals they compute with tangents, and in either case they are recorded, differentiable again.
//!
//! # Which zeros absorb
//!
//! A derivative is the sum, over all paths from the input to the result, of the product of the partial derivatives along the
//! path. These products are instructions of their own, [`Binary::Chain`](crate::numbers::Binary::Chain) and its sum, and so have derivatives
//! of the same form. Where one of them is `0·∞` or `0·NaN`, all depends on the zero:
//!
//! * One that is the same at all inputs nearby absorbs: a weight or a mask of 0, a direction that does not move, a branch not
//!   taken. `0·√x` at 0 has the derivative 0, and `√x` has the derivative ∞ in x and 0 in everything else.
//! * One that was computed from the inputs has no product with an infinity that could be told from the two: the derivative
//!   of `∛(x³)` at 0 is 1, that of `∛(x⁵)` is 0. It is refused, as [`IndeterminatePolicy`](crate::IndeterminatePolicy) says.
//!
//! Both are so whatever the order in which a product is formed, so forward and reverse sweeps, recorded gradients and
//! linearisations agree to every order. Programs are evaluated with plain products; where NaN comes out, once more over
//! numbers that know whether they depend on the inputs (`number/tracked.rs`). Recordings for one point are looked over
//! for singularities first. A bare [`Dual`](crate::Dual) knows less, and says what of that holds for it.
//!
//! Where paths with opposite infinities meet, their sum is NaN, unless all factors that they have in common are combined
//! first; so there one mode may find NaN and another what is left.
//!
//! Products in a matrix multiplication, or along a recurrence, are those of IEEE 754.
//!
//! # Where what stands
//!
//! This folder imports `tensor` and what is below it.
//!
//! | file | |
//! |---|---|
//! | `kind.rs`, `derivative.rs` | the kinds; tangent and adjoint of every operation, from its kind |
//! | `elementwise.rs`, `matmul.rs`, `sum.rs`, `log_sum_exp.rs`, `max.rs`, `scan.rs`, `view.rs`, `permute.rs`, `triangle.rs`, `strided.rs`, `gather.rs`, `select.rs` | what the operations of that file in `op` state |
//! | `linear_algebra.rs`, `eigen.rs`, `variation.rs` | operations on matrices |
//! | `own.rs` | operations that compute over plain numbers only, over each number; derivatives that are programs |
//! | `batch.rs` | operations for K lanes at once |
//! | `planted.rs` | wrong derivatives, to test tests with |

mod batch;
mod derivative;
#[cfg(feature = "linear-algebra")]
mod eigen;
mod elementwise;
mod gather;
mod kind;
#[cfg(feature = "linear-algebra")]
mod linear_algebra;
mod log_sum_exp;
mod matmul;
mod max;
mod own;
mod permute;
#[cfg(feature = "planted-faults")]
mod planted;
mod scan;
mod select;
mod strided;
mod sum;
mod triangle;
#[cfg(feature = "linear-algebra")]
mod variation;
mod view;

pub(crate) use batch::{Lane, Rounding};
#[cfg(test)]
pub(crate) use kind::Derivative;
pub(crate) use kind::{Composed, Contribution};
pub(crate) use own::OverReals;

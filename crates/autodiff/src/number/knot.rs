//! The one knot: what a number takes from the stages above it.
//!
//! A number is the lowest stage, and yet its traits promise two things that are said with words from above:
//!
//! * `2.0 * x` in code generic over the number: a number may stand beside the handles of recordings of it, so the bounds of
//!   [`Scalar`](super::Scalar) and [`Real`](super::Real) name [`Var`], [`Tensor`] and [`IntoTensor`]. Bounds have to stand
//!   where the trait is declared.
//! * An operation with a derivative rule of its own is computed differently over each number (over a dual by its tangent, over a
//!   recorded number by recording it once more). Which, is found by the type of the number, so [`Own`] is a bound of
//!   [`Scalar`](super::Scalar). Its implementations stand in `rule/own.rs`.
//!
//! All names that this folder takes from above are in this file, and nowhere else.

pub(crate) use crate::op::Own;
pub(crate) use crate::tape::{IntoTensor, Tensor, Var};

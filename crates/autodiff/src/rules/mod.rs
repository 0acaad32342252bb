//! The instruction set and its rules: every derivative in dualtape is stated here, once.
//!
//! | file | instructions | a rule states |
//! |---|---|---|
//! | [`unary`](self) | elementwise functions of one argument | value, derivative |
//! | [`binary`](self) | elementwise functions of two arguments | value, two partial derivatives |
//! | `composed` | functions made of others | the composition |
//! | `tensor` | array operations | shape, forward, tangent, adjoint |
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
pub use tensor::{Adjoint, Elementwise, NumericAdjoint, Operation};
pub use unary::Unary;

//! The functions of numbers: every derivative of a function of one or two arguments is stated here, once.
//!
//! | file | functions | a rule states |
//! |---|---|---|
//! | `unary.rs` | of one argument | value, derivative |
//! | `binary.rs` | of two arguments | value, two partial derivatives |
//! | `power.rs` | powers with a constant exponent | derivative |
//! | `composed.rs` | made of others | the composition |
//! | `special.rs` | special functions of plain numbers | value |
//! | `smooth.rs` | all of them | where they are not smooth |
//!
//! The set is closed: a derivative is written with functions of the set only, so it has a derivative in turn, to any order. A
//! test walks the whole list.
//!
//! At kinks a derivative is the subgradient that the table states. The second derivative of `|x|` at 0 is not the 0 on both
//! sides: that of `|x|²` would be 0 too. So [`Unary::Jump`] is NaN there.

mod binary;
pub(crate) mod composed;
mod power;
mod smooth;
mod special;
mod unary;

pub use binary::Binary;
pub(crate) use power::{power_int_derivative, power_real_derivative};
pub use smooth::Irregularity;
pub(crate) use smooth::{power_int_irregularity, power_real_irregularity};
pub use unary::Unary;

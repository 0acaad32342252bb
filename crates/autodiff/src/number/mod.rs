//! Numbers: everything that user code and derivative rules may compute with, and the functions of them.
//!
//! Three traits, each a step more than the last:
//!
//! * [`Elementary`]: what an elementwise *rule* may use. Numbers, tape handles and whole tensors have it, so one rule
//!   body serves them all.
//! * [`Scalar`]: a number one writes a loss with: [`num_traits::Float`] and the [`Elementary`] operations. `f32`, `f64`,
//!   [`Dual`] (nestable) and [`Var`](crate::Var).
//! * [`Real`]: `f32` and `f64`, the plain floating-point numbers at the bottom.
//!
//! This folder imports the ground (`error`, `array`, `strided`), and what stands in `knot.rs`.
//!
//! | file | |
//! |---|---|
//! | `elementary.rs`, `scalar.rs`, `real.rs` | the three traits |
//! | `plain.rs` | `f32` and `f64` |
//! | `functions/` | the functions of one and two numbers: value and derivative |
//! | `dual.rs`, `dual2.rs` | numbers with first, and with first and second derivatives |
//! | `tracked.rs` | numbers that know whether they depend on the inputs |
//! | `constant.rs`, `constant_operators.rs`, `literal.rs` | literals beside numbers |
//! | `operators.rs`, `float.rs`, `inherent.rs` | macros that complete a number type |
//! | `kernels.rs` | what a number type supplies to the loops over arrays |
//! | `simd.rs` | loops compiled twice, for two instruction sets |
//! | `precision.rs` | what is compiled in this crate, once for each precision |
//! | `knot.rs` | the names from above that a number needs |
//! | `planted.rs` | wrong derivatives, to test tests with |

mod constant;
mod constant_operators;
mod dual;
mod dual2;
mod elementary;
mod float;
pub(crate) mod functions;
mod inherent;
mod kernels;
mod knot;
mod literal;
mod operators;
mod plain;
#[cfg(feature = "planted-faults")]
pub mod planted;
mod precision;
mod real;
mod scalar;
pub(crate) mod simd;
mod tracked;

pub use constant::{Const, c};
pub use dual::Dual;
pub use dual2::Dual2;
pub use elementary::Elementary;
pub(crate) use float::{float_through_rules, plain};
pub use functions::{Binary, Irregularity, Unary};
pub(crate) use functions::{
    power_int_derivative, power_int_irregularity, power_real_derivative, power_real_irregularity,
};
pub(crate) use inherent::inherent_functions;
pub(crate) use kernels::{Kernels, Side, Strided};
pub use literal::IntoScalar;
pub(crate) use operators::{compared, operators, plain_left, plain_right, references};
pub use precision::by_precision;
pub(crate) use precision::compiled_here;
pub use real::Real;
pub use scalar::Scalar;
pub use simd::vectorized;
#[cfg(test)]
pub(crate) use simd::{Fused, Separate};
pub(crate) use simd::{Loop, MulAdd};
pub(crate) use tracked::Tracked;

//! Number types: everything that user code and derivative rules may compute with.
//!
//! Three traits, each a step more than the last:
//!
//! * [`Elementary`]: what an elementwise *rule* may use. Numbers, tape handles and whole tensors have it, so one rule
//!   body serves them all.
//! * [`Scalar`]: a number one writes a loss with: [`num_traits::Float`] and the [`Elementary`] operations. `f32`, `f64`,
//!   [`Dual`] (nestable) and [`Var`](crate::Var).
//! * [`Real`]: `f32` and `f64`, the plain floating-point numbers at the bottom.

mod constant;
mod dual;
mod float;
mod inherent;
mod operators;
mod real;

pub use constant::{Const, c};
pub use dual::Dual;
pub use real::Real;

pub(crate) use float::{float_through_rules, plain};
pub(crate) use inherent::inherent_functions;
pub(crate) use operators::operators;

use std::fmt::Debug;
use std::iter::{Product, Sum};
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, RemAssign, Sub, SubAssign};
use std::sync::Arc;

use num_traits::{Float, FromPrimitive};

use crate::array::Array;
use crate::kernel::Kernels;
use crate::rules::{Binary, Unary};

/// The operations in which the derivative rules of elementwise functions are written.
///
/// A rule body such as `|x, y| x.map(Cos)` is generic over this trait and has four readings: over `f64` it computes, over
/// [`Dual`] it computes with tangents, over [`Var`](crate::Var) and [`Tensor`](crate::Tensor) it appends to the tape.
pub trait Elementary:
    Copy
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
{
    /// `f(self)`.
    fn map(self, f: Unary) -> Self;

    /// `f(self, other)`.
    fn zip(self, f: Binary, other: Self) -> Self;

    /// `selfⁿ` for an integer `n`.
    fn power_int(self, n: i32) -> Self;

    /// `selfᵖ` for a constant real exponent `p`.
    fn power_real(self, p: f64) -> Self;

    /// The constant `c`, where `self` lives: same precision, same tape.
    fn lift(self, c: f64) -> Self;

    /// The value, if it is known while recording not to vary: that of a plain number, of a dual whose tangents are all 0,
    /// of a handle that is on no tape.
    ///
    /// A constant exponent selects [`power_real`](Self::power_real), and a tangent known to be 0 is not propagated.
    fn known_constant(self) -> Option<f64>;
}

/// A number with which a loss is written: plain, dual, or recorded on a tape.
///
/// Everything of [`num_traits::Float`] is available (`x.exp()`, `x.powi(3)`, comparisons on the primal), literals are
/// written `c(2.0) * x` or `x * c(2.0)` (see [`c`]), and the functions below complete the set.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Dual, Scalar, c};
///
/// fn rosenbrock<S: Scalar>(x: &[S]) -> S {
///     (c(1.0) - x[0]).powi(2) + c(100.0) * (x[1] - x[0] * x[0]).powi(2)
/// }
///
/// assert_eq!(rosenbrock(&[1.0, 1.0]), 0.0);
/// let f = rosenbrock(&[Dual::<f64, 1>::variable(-1.0, 0), Dual::constant(1.0)]);
/// assert_eq!((f.re, f.eps[0]), (4.0, -4.0));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a number that dualtape can differentiate",
    note = "write the function generic over `S: Scalar` and call it with `f32`, `f64`, `Dual` or `Var`"
)]
pub trait Scalar:
    Elementary
    + Kernels
    + Float
    + FromPrimitive
    + Debug
    + Sum
    + Product
    + for<'a> Sum<&'a Self>
    + for<'a> Product<&'a Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + RemAssign
    + Add<Const, Output = Self>
    + Sub<Const, Output = Self>
    + Mul<Const, Output = Self>
    + Div<Const, Output = Self>
{
    /// The plain floating-point type below all dual parts and tapes.
    type Real: Real;

    /// The constant `c` of this type.
    fn constant(c: f64) -> Self;

    /// These constants, of this type; shared where it is the same.
    #[doc(hidden)]
    fn constants(reals: &Array<Self::Real>) -> Array<Self> {
        let data = reals.data().iter().map(|x| Self::constant(x.as_f64())).collect();
        Array::from_shared(reals.shape(), Arc::new(data))
    }

    /// The primal value, without dual parts and tape.
    ///
    /// On a recorded [`Var`](crate::Var) the value leaves the tape, so what the program does with it cannot be seen by
    /// a replay; the recording notes that.
    fn primal(self) -> Self::Real;

    /// `Σ aᵢ`, added from the first term on; on a tape one instruction, however many terms.
    fn sum_of(terms: impl Iterator<Item = Self>) -> Self {
        // As in the standard library, no terms make −0: the number that changes no term, not even −0.
        terms.reduce(|a, b| a + b).unwrap_or_else(Self::neg_zero)
    }

    /// `Σ aᵢ·bᵢ`, added from the first term on; on a tape one instruction, however many terms.
    fn sum_of_products(pairs: impl Iterator<Item = (Self, Self)>) -> Self {
        Self::sum_of(pairs.map(|(a, b)| a * b))
    }

    /// Logistic function `σ(x) = 1/(1 + e⁻ˣ)`.
    fn sigmoid(self) -> Self {
        self.map(Unary::Sigmoid)
    }

    /// `ln σ(x) = −ln(1 + e⁻ˣ)`, without overflow.
    fn log_sigmoid(self) -> Self {
        self.map(Unary::LogSigmoid)
    }

    /// `ln(1 + eˣ)`, without overflow.
    fn softplus(self) -> Self {
        self.map(Unary::Softplus)
    }

    /// `max(x, 0)`, with derivative 0 at 0.
    fn relu(self) -> Self {
        self.map(Unary::Relu)
    }

    /// `x ln x`, continued by 0 at 0.
    fn xlogx(self) -> Self {
        self.map(Unary::XLogX)
    }
}

//! What the rule of an elementwise function may use.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::functions::{Binary, Unary};

/// The operations in which the derivative rules of elementwise functions are written.
///
/// A rule body such as `|x, y| x.map(Cos)` is generic over this trait and has four readings: over `f64` it computes, over
/// [`Dual`](crate::Dual) it computes with tangents, over [`Var`](crate::Var) and [`Tensor`](crate::Tensor) it appends to the tape.
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

    /// The product of the chain rule: a tangent or a cotangent times a partial derivative. See [`Binary::Chain`].
    ///
    /// A number cannot tell a tangent that does not move from one that vanishes by computation, and so lets 0 absorb; a
    /// recording can, and does.
    fn chain(self, partial: Self) -> Self {
        self.zip(Binary::Chain, partial)
    }

    /// `self·other`, and 0 where either factor is 0, also if the other is infinite or NaN.
    #[track_caller]
    fn mul_no_nan(self, other: Self) -> Self {
        self.zip(Binary::MulNoNan, other)
    }

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

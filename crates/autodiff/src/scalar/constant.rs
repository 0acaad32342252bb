use std::ops::{Add, Div, Mul, Sub};

use super::Scalar;

/// A literal in code generic over [`Scalar`]: `c(100.0) * x`.
///
/// Rust lets `f64 * S` stand in generic code only where `f64: Mul<S>` is spelled as a bound; a local type needs no bound.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Const(pub f64);

/// The literal `value` for use in code generic over [`Scalar`], on either side of `+ − × ÷`.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Scalar, c};
///
/// fn celsius<S: Scalar>(fahrenheit: S) -> S {
///     c(5.0 / 9.0) * (fahrenheit - c(32.0))
/// }
/// assert_eq!(celsius(32.0_f64), 0.0);
/// ```
pub fn c(value: f64) -> Const {
    Const(value)
}

impl<S: Scalar> Add<S> for Const {
    type Output = S;
    fn add(self, x: S) -> S {
        x + self
    }
}

impl<S: Scalar> Sub<S> for Const {
    type Output = S;
    fn sub(self, x: S) -> S {
        S::constant(self.0) - x
    }
}

impl<S: Scalar> Mul<S> for Const {
    type Output = S;
    fn mul(self, x: S) -> S {
        x * self
    }
}

impl<S: Scalar> Div<S> for Const {
    type Output = S;
    fn div(self, x: S) -> S {
        S::constant(self.0) / x
    }
}

//! Literals in generic code.

/// A literal in code generic over [`Scalar`](crate::Scalar): `c(100.0) * x`.
///
/// Rust lets `f64 * S` stand in generic code only where `f64: Mul<S>` is spelled as a bound; a local type needs no bound.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Const(pub f64);

/// The literal `value` for use in code generic over [`Scalar`](crate::Scalar), on either side of `+ − × ÷` and of comparisons.
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
///
/// fn huber<S: Scalar>(r: S) -> S {
///     if r.abs() < c(1.0) { c(0.5) * r * r } else { r.abs() - c(0.5) }
/// }
/// assert_eq!([0.5, -2.0].map(huber), [0.125, 1.5]);
/// ```
pub fn c(value: f64) -> Const {
    Const(value)
}

use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Sub};

use super::Scalar;

/// A literal in code generic over [`Scalar`]: `c(100.0) * x`.
///
/// Rust lets `f64 * S` stand in generic code only where `f64: Mul<S>` is spelled as a bound; a local type needs no bound.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Const(pub f64);

/// The literal `value` for use in code generic over [`Scalar`], on either side of `+ − × ÷` and of comparisons.
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

impl<S: Scalar> Add<S> for Const {
    type Output = S;
    #[track_caller]
    fn add(self, x: S) -> S {
        x + self
    }
}

impl<S: Scalar> Sub<S> for Const {
    type Output = S;
    #[track_caller]
    fn sub(self, x: S) -> S {
        S::constant(self.0) - x
    }
}

impl<S: Scalar> Mul<S> for Const {
    type Output = S;
    #[track_caller]
    fn mul(self, x: S) -> S {
        x * self
    }
}

impl<S: Scalar> Div<S> for Const {
    type Output = S;
    #[track_caller]
    fn div(self, x: S) -> S {
        S::constant(self.0) / x
    }
}

impl<S: Scalar> PartialEq<S> for Const {
    #[track_caller]
    fn eq(&self, x: &S) -> bool {
        S::constant(self.0) == *x
    }
}

/// `c(2.0) > x` reads as it does for plain numbers.
impl<S: Scalar> PartialOrd<S> for Const {
    #[track_caller]
    fn partial_cmp(&self, x: &S) -> Option<Ordering> {
        S::constant(self.0).partial_cmp(x)
    }

    #[track_caller]
    fn lt(&self, x: &S) -> bool {
        S::constant(self.0) < *x
    }

    #[track_caller]
    fn le(&self, x: &S) -> bool {
        S::constant(self.0) <= *x
    }

    #[track_caller]
    fn gt(&self, x: &S) -> bool {
        S::constant(self.0) > *x
    }

    #[track_caller]
    fn ge(&self, x: &S) -> bool {
        S::constant(self.0) >= *x
    }
}

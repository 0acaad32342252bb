//! Operators of literals with numbers.

use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Sub};

use super::constant::Const;
use super::literal::IntoScalar;
use super::scalar::Scalar;

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

impl<T: Scalar> IntoScalar<T> for Const {
    #[inline(always)]
    fn into_scalar(self) -> T {
        T::constant(self.0)
    }
}

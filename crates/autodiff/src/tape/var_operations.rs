//! Operators, comparisons and iterator sums of [`Var`].

use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

use super::{Relation, Var};
use crate::rules::{Binary, Unary};
use crate::scalar::{Elementary, Scalar, float_through_rules, inherent_functions, operators};

impl<S: Scalar> Add for Var<'_, S> {
    type Output = Self;
    #[inline(always)]
    #[track_caller]
    fn add(self, other: Self) -> Self {
        self.zip_recorded(Binary::Add, other)
    }
}

impl<S: Scalar> Sub for Var<'_, S> {
    type Output = Self;
    #[inline(always)]
    #[track_caller]
    fn sub(self, other: Self) -> Self {
        self.zip_recorded(Binary::Sub, other)
    }
}

impl<S: Scalar> Mul for Var<'_, S> {
    type Output = Self;
    #[inline(always)]
    #[track_caller]
    fn mul(self, other: Self) -> Self {
        self.zip_recorded(Binary::Mul, other)
    }
}

impl<S: Scalar> Div for Var<'_, S> {
    type Output = Self;
    #[inline(always)]
    #[track_caller]
    fn div(self, other: Self) -> Self {
        self.zip_recorded(Binary::Div, other)
    }
}

impl<S: Scalar> Rem for Var<'_, S> {
    type Output = Self;
    #[inline(always)]
    #[track_caller]
    fn rem(self, other: Self) -> Self {
        self.zip_recorded(Binary::Rem, other)
    }
}

impl<S: Scalar> Neg for Var<'_, S> {
    type Output = Self;
    #[inline(always)]
    #[track_caller]
    fn neg(self) -> Self {
        self.map(Unary::Neg)
    }
}

operators!(['t,] Var<'t, S>);

inherent_functions!(['t,] Var<'t, S>);

float_through_rules!(['t,] Var<'t, S> {
    #[track_caller]
    fn mul_add(self, a: Self, b: Self) -> Self {
        self.multiply_add(a, b)
    }
});

impl<S: Scalar> PartialEq for Var<'_, S> {
    #[track_caller]
    fn eq(&self, other: &Self) -> bool {
        self.compare(Relation::Equal, *other)
    }
}

/// Comparisons are made on the primal values, and their outcomes are kept as guards.
impl<S: Scalar> PartialOrd for Var<'_, S> {
    #[track_caller]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        if self.compare(Relation::Less, *other) {
            Some(Ordering::Less)
        } else if self.compare(Relation::Equal, *other) {
            Some(Ordering::Equal)
        } else if other.compare(Relation::Less, *self) {
            Some(Ordering::Greater)
        } else {
            None
        }
    }

    #[track_caller]
    fn lt(&self, other: &Self) -> bool {
        self.compare(Relation::Less, *other)
    }

    #[track_caller]
    fn le(&self, other: &Self) -> bool {
        self.compare(Relation::LessOrEqual, *other)
    }

    #[track_caller]
    fn gt(&self, other: &Self) -> bool {
        other.compare(Relation::Less, *self)
    }

    #[track_caller]
    fn ge(&self, other: &Self) -> bool {
        other.compare(Relation::LessOrEqual, *self)
    }
}

impl<S: Scalar> PartialEq<S> for Var<'_, S> {
    #[track_caller]
    fn eq(&self, other: &S) -> bool {
        self.compare(Relation::Equal, Self::from_value(*other))
    }
}

/// Comparison with a plain number, so that `x > 0.0` reads as usual.
impl<S: Scalar> PartialOrd<S> for Var<'_, S> {
    #[track_caller]
    fn partial_cmp(&self, other: &S) -> Option<Ordering> {
        self.partial_cmp(&Self::from_value(*other))
    }

    #[track_caller]
    fn lt(&self, other: &S) -> bool {
        self.lt(&Self::from_value(*other))
    }

    #[track_caller]
    fn le(&self, other: &S) -> bool {
        self.le(&Self::from_value(*other))
    }

    #[track_caller]
    fn gt(&self, other: &S) -> bool {
        self.gt(&Self::from_value(*other))
    }

    #[track_caller]
    fn ge(&self, other: &S) -> bool {
        self.ge(&Self::from_value(*other))
    }
}

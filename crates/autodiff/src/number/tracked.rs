//! Numbers that know whether they depend on the inputs.

use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

use super::elementary::Elementary;
use super::float::float_through_rules;
use super::functions::{Binary, Unary};
use super::kernels::Kernels;
use super::operators::operators;
use super::scalar::Scalar;

/// A number that knows whether it depends on the inputs, and so which zeros absorb.
///
/// A zero that is fixed, the same at all inputs nearby, makes zero of whatever a product of the chain rule combines it with:
/// a weight or a mask, a direction that does not move, a branch not taken. A zero that was computed from the inputs, times
/// an infinity or NaN, has no value that could be told from its factors: it is *lost*, and so is what follows from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tracked<S> {
    pub value: S,
    /// Whether the value is the same at all inputs nearby.
    pub fixed: bool,
    /// Whether the value is NaN since it follows from a product without one.
    pub lost: bool,
}

impl<S: Scalar> Tracked<S> {
    pub(crate) fn fixed(value: S) -> Self {
        Self { value, fixed: true, lost: false }
    }

    pub(crate) fn varying(value: S) -> Self {
        Self { value, fixed: false, lost: false }
    }

    fn is_fixed_zero(self) -> bool {
        self.fixed && self.value.is_zero()
    }

    /// What an operation on `x` makes, NaN being lost if it comes from what is.
    fn made_of(value: S, fixed: bool, x: &[Self]) -> Self {
        Self { value, fixed, lost: value.is_nan() && x.iter().any(|x| x.lost) }
    }

    fn from_both(value: S, a: Self, b: Self) -> Self {
        Self::made_of(value, a.fixed && b.fixed, &[a, b])
    }

    /// The product of the chain rule.
    fn chained_with(self, partial: Self) -> Self {
        if self.is_fixed_zero() || partial.is_fixed_zero() {
            return Self::fixed(S::zero());
        }
        let product = Self::from_both(self.value * partial.value, self, partial);
        let vanishes = self.value.is_zero() || partial.value.is_zero();
        Self { lost: product.lost || vanishes && product.value.is_nan(), ..product }
    }
}

impl<S: Scalar> Elementary for Tracked<S> {
    fn map(self, f: Unary) -> Self {
        let fixed = self.fixed || f.is_level_at(self.value);
        Self::made_of(self.value.map(f), fixed, &[self])
    }

    fn zip(self, f: Binary, other: Self) -> Self {
        let value = self.value.zip(f, other.value);
        match f {
            Binary::Chain => self.chained_with(other),
            Binary::Mul | Binary::MulNoNan if value.is_zero() => Self {
                fixed: self.is_fixed_zero() || other.is_fixed_zero() || self.fixed && other.fixed,
                ..Self::from_both(value, self, other)
            },
            f if f.selects_at(self.value, other.value) => {
                if value == self.value {
                    self
                } else {
                    other
                }
            }
            f if f.is_comparison() && self.value != other.value => Self::fixed(value),
            _ => Self::from_both(value, self, other),
        }
    }

    fn power_int(self, n: i32) -> Self {
        Self::made_of(self.value.power_int(n), self.fixed || n == 0, &[self])
    }

    fn power_real(self, p: f64) -> Self {
        Self::made_of(self.value.power_real(p), self.fixed || p == 0.0, &[self])
    }

    fn lift(self, c: f64) -> Self {
        Self::fixed(self.value.lift(c))
    }

    fn known_constant(self) -> Option<f64> {
        if self.fixed { self.value.known_constant() } else { None }
    }
}

impl<S: Scalar> Scalar for Tracked<S> {
    type Real = S::Real;

    fn constant(c: f64) -> Self {
        Self::fixed(S::constant(c))
    }

    fn primal(self) -> S::Real {
        self.value.primal()
    }
}

impl<S: Scalar> Kernels for Tracked<S> {
    const HAS_TANGENTS: bool = true;
}

impl<S: Scalar> Neg for Tracked<S> {
    type Output = Self;
    fn neg(self) -> Self {
        Self { value: -self.value, ..self }
    }
}

impl<S: Scalar> Add for Tracked<S> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::from_both(self.value + other.value, self, other)
    }
}

impl<S: Scalar> Sub for Tracked<S> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::from_both(self.value - other.value, self, other)
    }
}

impl<S: Scalar> Mul for Tracked<S> {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        self.zip(Binary::Mul, other)
    }
}

impl<S: Scalar> Div for Tracked<S> {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let quotient = Self::from_both(self.value / other.value, self, other);
        let fixed = quotient.fixed || self.is_fixed_zero() && quotient.value.is_zero();
        Self { fixed, ..quotient }
    }
}

impl<S: Scalar> Rem for Tracked<S> {
    type Output = Self;
    fn rem(self, other: Self) -> Self {
        self.zip(Binary::Rem, other)
    }
}

operators!([] Tracked<S>);

float_through_rules!([] Tracked<S> {
    fn mul_add(self, a: Self, b: Self) -> Self {
        let product = self * a;
        Self { value: self.value.mul_add(a.value, b.value), ..product + b }
    }
});

/// On the value.
impl<S: Scalar> PartialEq for Tracked<S> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// On the value.
impl<S: Scalar> PartialOrd for Tracked<S> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

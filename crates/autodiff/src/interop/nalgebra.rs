//! [`Dual`] as a real number of nalgebra, so that its decompositions run on duals.
//!
//! Comparisons look at the primal, also the approximate ones: an algorithm pivots, iterates and stops as it does over `f64`. One
//! that iterates until the primal has converged has then taken too few steps for the tangents to be exact to the last digit;
//! eigenvalues and singular values of [`Tensor`](crate::Tensor)s have rules of their own.

use approx::{AbsDiffEq, RelativeEq, UlpsEq};
use nalgebra::{ComplexField, Field, RealField, SimdValue};
use num_traits::{Float, FloatConst, One, Zero};
use simba::scalar::SubsetOf;

use crate::number::{Dual, Real, Scalar};

/// A number of which duals may be numbers of nalgebra: `f32`, `f64` or such a dual.
pub trait Inner: Scalar<Real: RealField> + std::fmt::Display + Send + Sync + 'static {}

impl<S: Scalar<Real: RealField> + std::fmt::Display + Send + Sync + 'static> Inner for S {}

impl<S: Inner, const N: usize> AbsDiffEq for Dual<S, N> {
    type Epsilon = Self;

    fn default_epsilon() -> Self {
        Float::epsilon()
    }

    fn abs_diff_eq(&self, other: &Self, epsilon: Self) -> bool {
        self.primal().abs_diff_eq(&other.primal(), epsilon.primal())
    }
}

impl<S: Inner, const N: usize> RelativeEq for Dual<S, N> {
    fn default_max_relative() -> Self {
        Float::epsilon()
    }

    fn relative_eq(&self, other: &Self, epsilon: Self, max_relative: Self) -> bool {
        self.primal().relative_eq(&other.primal(), epsilon.primal(), max_relative.primal())
    }
}

impl<S: Inner, const N: usize> UlpsEq for Dual<S, N> {
    fn default_max_ulps() -> u32 {
        S::Real::default_max_ulps()
    }

    fn ulps_eq(&self, other: &Self, epsilon: Self, max_ulps: u32) -> bool {
        self.primal().ulps_eq(&other.primal(), epsilon.primal(), max_ulps)
    }
}

/// As a plain number a dual is its primal: nalgebra asks for one where it chooses how to compute, not what (the degree of
/// an approximation by the size of a matrix). A conversion by hand loses the tangents.
macro_rules! contains {
    ($($R:ty),*) => { $(
        impl<S: Inner, const N: usize> SubsetOf<Dual<S, N>> for $R {
            fn to_superset(&self) -> Dual<S, N> {
                Scalar::constant(f64::from(*self))
            }

            fn from_superset_unchecked(x: &Dual<S, N>) -> Self {
                x.primal().as_f64() as $R
            }

            fn is_in_subset(_: &Dual<S, N>) -> bool {
                true
            }
        }
    )* };
}

contains!(f32, f64);

impl<S: Inner, const N: usize> SubsetOf<Self> for Dual<S, N> {
    fn to_superset(&self) -> Self {
        *self
    }

    fn from_superset_unchecked(x: &Self) -> Self {
        *x
    }

    fn is_in_subset(_: &Self) -> bool {
        true
    }
}

#[expect(
    unsafe_code,
    reason = "the trait has unsafe methods; there is one lane, and nothing unsafe is done"
)]
impl<S: Inner, const N: usize> SimdValue for Dual<S, N> {
    const LANES: usize = 1;
    type Element = Self;
    type SimdBool = bool;

    fn splat(x: Self) -> Self {
        x
    }

    fn extract(&self, _: usize) -> Self {
        *self
    }

    unsafe fn extract_unchecked(&self, _: usize) -> Self {
        *self
    }

    fn replace(&mut self, _: usize, x: Self) {
        *self = x;
    }

    unsafe fn replace_unchecked(&mut self, _: usize, x: Self) {
        *self = x;
    }

    fn select(self, condition: bool, other: Self) -> Self {
        if condition { self } else { other }
    }
}

impl<S: Inner, const N: usize> Field for Dual<S, N> {}

/// `float!(fn name(self, …) -> T;)`: the method of `num_traits::Float` with this name.
macro_rules! float {
    ($($name:ident($($arg:ident: $A:ty),*) -> $T:ty;)*) => { $(
        #[inline]
        fn $name(self $(, $arg: $A)*) -> $T {
            Float::$name(self $(, $arg)*)
        }
    )* };
}

impl<S: Inner, const N: usize> ComplexField for Dual<S, N> {
    type RealField = Self;

    float! {
        floor() -> Self; ceil() -> Self; round() -> Self; trunc() -> Self; fract() -> Self;
        mul_add(a: Self, b: Self) -> Self; abs() -> Self; hypot(other: Self) -> Self; recip() -> Self;
        signum() -> Self; sin() -> Self; cos() -> Self; sin_cos() -> (Self, Self); tan() -> Self;
        asin() -> Self; acos() -> Self; atan() -> Self; sinh() -> Self; cosh() -> Self; tanh() -> Self;
        asinh() -> Self; acosh() -> Self; atanh() -> Self; log(base: Self) -> Self; log2() -> Self;
        log10() -> Self; ln() -> Self; ln_1p() -> Self; sqrt() -> Self; exp() -> Self; exp2() -> Self;
        exp_m1() -> Self; powi(n: i32) -> Self; powf(p: Self) -> Self; cbrt() -> Self;
    }

    fn from_real(re: Self) -> Self {
        re
    }

    fn real(self) -> Self {
        self
    }

    fn imaginary(self) -> Self {
        Self::zero()
    }

    fn modulus(self) -> Self {
        Float::abs(self)
    }

    fn modulus_squared(self) -> Self {
        self * self
    }

    fn argument(self) -> Self {
        if self >= Self::zero() { Self::zero() } else { FloatConst::PI() }
    }

    fn norm1(self) -> Self {
        Float::abs(self)
    }

    fn scale(self, factor: Self) -> Self {
        self * factor
    }

    fn unscale(self, factor: Self) -> Self {
        self / factor
    }

    fn to_exp(self) -> (Self, Self) {
        let sign = if self >= Self::zero() { Self::one() } else { -Self::one() };
        (Float::abs(self), sign)
    }

    fn conjugate(self) -> Self {
        self
    }

    fn powc(self, p: Self) -> Self {
        Float::powf(self, p)
    }

    fn is_finite(&self) -> bool {
        Float::is_finite(*self)
    }

    fn try_sqrt(self) -> Option<Self> {
        (self >= Self::zero()).then(|| Float::sqrt(self))
    }
}

/// `constants!(pi PI)`: the constant of `num_traits::FloatConst`.
macro_rules! constants {
    ($($name:ident $Constant:ident),*) => { $(
        fn $name() -> Self {
            FloatConst::$Constant()
        }
    )* };
}

impl<S: Inner, const N: usize> RealField for Dual<S, N> {
    float! {
        copysign(sign: Self) -> Self; max(other: Self) -> Self; min(other: Self) -> Self;
        clamp(low: Self, high: Self) -> Self; atan2(other: Self) -> Self;
    }

    constants!(
        pi PI, two_pi TAU, frac_pi_2 FRAC_PI_2, frac_pi_3 FRAC_PI_3, frac_pi_4 FRAC_PI_4, frac_pi_6 FRAC_PI_6,
        frac_pi_8 FRAC_PI_8, frac_1_pi FRAC_1_PI, frac_2_pi FRAC_2_PI, frac_2_sqrt_pi FRAC_2_SQRT_PI, e E,
        log2_e LOG2_E, log10_e LOG10_E, ln_2 LN_2, ln_10 LN_10
    );

    fn is_sign_positive(&self) -> bool {
        Float::is_sign_positive(*self)
    }

    fn is_sign_negative(&self) -> bool {
        Float::is_sign_negative(*self)
    }

    fn min_value() -> Option<Self> {
        Some(Float::min_value())
    }

    fn max_value() -> Option<Self> {
        Some(Float::max_value())
    }
}

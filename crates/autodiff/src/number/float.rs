//! The functions of [`num_traits::Float`], by the rules of a number type.

use super::real::Real;
use super::scalar::Scalar;

/// The constant with the value of the plain number `x`.
#[inline]
pub(crate) fn plain<T: Scalar>(x: T::Real) -> T {
    T::constant(x.as_f64())
}

/// Forwards [`num_traits::Float`] and what it rests on to the rules.
///
/// `float_through_rules!([const N: usize,] Dual<S, N> { fn mul_add … })` serves a type over the inner number `S` that is
/// [`Scalar`] and compares by its primal. A function becomes [`Elementary::map`](crate::Elementary::map) of its
/// instruction (`fn exp(self) -> Self { self.map(Unary::Exp) }`), a predicate and a conversion ask
/// [`Scalar::primal`], and a constant is the bottom number's. The body holds what the type does its own way.
macro_rules! float_through_rules {
    ([$($generic:tt)*] $T:ty { $($own:tt)* }) => {
        impl<$($generic)* S: $crate::Scalar> num_traits::Float for $T {
            $($own)*

            $crate::number::float_through_rules! { @constants
                nan infinity neg_infinity neg_zero min_value min_positive_value epsilon max_value
            }
            $crate::number::float_through_rules! { @predicates
                is_nan is_infinite is_finite is_normal is_subnormal is_sign_positive is_sign_negative
            }
            $crate::number::float_through_rules! { @unary
                floor Floor, ceil Ceil, round Round, trunc Trunc, fract Fract, abs Abs, signum Signum,
                recip Recip, sqrt Sqrt, cbrt Cbrt,
                exp Exp, exp2 Exp2, exp_m1 ExpM1, ln Ln, ln_1p Ln1p, log2 Log2, log10 Log10,
                sin Sin, cos Cos, tan Tan, asin Asin, acos Acos, atan Atan,
                sinh Sinh, cosh Cosh, tanh Tanh, asinh Asinh, acosh Acosh, atanh Atanh
            }
            $crate::number::float_through_rules! { @binary max Max, min Min, hypot Hypot, atan2 Atan2 }

            fn classify(self) -> std::num::FpCategory {
                $crate::number::Scalar::primal(self).classify()
            }

            fn integer_decode(self) -> (u64, i16, i8) {
                $crate::number::Scalar::primal(self).integer_decode()
            }

            #[inline]
            #[track_caller]
            fn powi(self, n: i32) -> Self {
                $crate::number::Elementary::power_int(self, n)
            }

            #[inline]
            #[track_caller]
            fn powf(self, p: Self) -> Self {
                match $crate::number::Elementary::known_constant(p) {
                    Some(p) => $crate::number::Elementary::power_real(self, p),
                    None => $crate::number::Elementary::zip(self, $crate::number::Binary::Pow, p),
                }
            }

            /// NaN stays NaN; at a bound the derivative is 1.
            #[inline]
            #[track_caller]
            fn clamp(self, low: Self, high: Self) -> Self {
                $crate::number::functions::composed::clamp(self, low, high)
            }

            #[inline]
            #[track_caller]
            fn copysign(self, sign: Self) -> Self {
                $crate::number::Elementary::zip(self, $crate::number::Binary::CopySign, sign)
            }

            #[inline]
            #[track_caller]
            fn log(self, base: Self) -> Self {
                self.ln() / base.ln()
            }

            #[inline]
            #[track_caller]
            fn sin_cos(self) -> (Self, Self) {
                (self.sin(), self.cos())
            }

            #[inline]
            #[track_caller]
            fn to_degrees(self) -> Self {
                let degrees = <<$T as $crate::Scalar>::Real as num_traits::One>::one().to_degrees();
                self * $crate::number::plain::<$T>(degrees)
            }

            #[inline]
            #[track_caller]
            fn to_radians(self) -> Self {
                let radians = <<$T as $crate::Scalar>::Real as num_traits::One>::one().to_radians();
                self * $crate::number::plain::<$T>(radians)
            }

            #[inline]
            #[track_caller]
            fn abs_sub(self, other: Self) -> Self {
                if self <= other { num_traits::Zero::zero() } else { self - other }
            }
        }

        impl<$($generic)* S: $crate::Scalar> num_traits::FloatConst for $T {
            $crate::number::float_through_rules! { @float_constants
                E FRAC_1_PI FRAC_1_SQRT_2 FRAC_2_PI FRAC_2_SQRT_PI FRAC_PI_2 FRAC_PI_3 FRAC_PI_4 FRAC_PI_6 FRAC_PI_8
                LN_10 LN_2 LOG10_E LOG2_E PI SQRT_2 TAU LOG10_2 LOG2_10
            }
        }

        impl<$($generic)* S: $crate::Scalar> num_traits::Signed for $T {
            #[inline]
            fn abs(&self) -> Self {
                num_traits::Float::abs(*self)
            }

            #[inline]
            fn abs_sub(&self, other: &Self) -> Self {
                num_traits::Float::abs_sub(*self, *other)
            }

            #[inline]
            fn signum(&self) -> Self {
                num_traits::Float::signum(*self)
            }

            #[inline]
            fn is_positive(&self) -> bool {
                num_traits::Float::is_sign_positive(*self)
            }

            #[inline]
            fn is_negative(&self) -> bool {
                num_traits::Float::is_sign_negative(*self)
            }
        }

        impl<$($generic)* S: $crate::Scalar> num_traits::Bounded for $T {
            fn min_value() -> Self {
                num_traits::Float::min_value()
            }

            fn max_value() -> Self {
                num_traits::Float::max_value()
            }
        }

        impl<$($generic)* S: $crate::Scalar> num_traits::Inv for $T {
            type Output = Self;
            #[inline]
            fn inv(self) -> Self {
                num_traits::Float::recip(self)
            }
        }

        impl<$($generic)* S: $crate::Scalar> num_traits::Pow<Self> for $T {
            type Output = Self;
            #[inline]
            fn pow(self, p: Self) -> Self {
                num_traits::Float::powf(self, p)
            }
        }

        impl<$($generic)* S: $crate::Scalar> num_traits::Pow<i32> for $T {
            type Output = Self;
            #[inline]
            fn pow(self, n: i32) -> Self {
                $crate::number::Elementary::power_int(self, n)
            }
        }

        impl<$($generic)* S: $crate::Scalar> num_traits::MulAdd for $T {
            type Output = Self;
            #[inline]
            fn mul_add(self, a: Self, b: Self) -> Self {
                num_traits::Float::mul_add(self, a, b)
            }
        }

        impl<$($generic)* S: $crate::Scalar> Default for $T {
            /// Zero.
            #[inline]
            fn default() -> Self {
                num_traits::Zero::zero()
            }
        }

        impl<$($generic)* S: $crate::Scalar> num_traits::Zero for $T {
            #[inline]
            fn zero() -> Self {
                <$T as $crate::Scalar>::constant(0.0)
            }

            #[inline]
            fn is_zero(&self) -> bool {
                *self == <$T as num_traits::Zero>::zero()
            }
        }

        impl<$($generic)* S: $crate::Scalar> num_traits::One for $T {
            #[inline]
            fn one() -> Self {
                <$T as $crate::Scalar>::constant(1.0)
            }
        }

        impl<$($generic)* S: $crate::Scalar> num_traits::Num for $T {
            type FromStrRadixErr = <S::Real as num_traits::Num>::FromStrRadixErr;

            fn from_str_radix(text: &str, radix: u32) -> Result<Self, Self::FromStrRadixErr> {
                <S::Real as num_traits::Num>::from_str_radix(text, radix).map($crate::number::plain::<$T>)
            }
        }

        impl<$($generic)* S: $crate::Scalar> num_traits::NumCast for $T {
            fn from<X: num_traits::ToPrimitive>(x: X) -> Option<Self> {
                <S::Real as num_traits::NumCast>::from(x).map($crate::number::plain::<$T>)
            }
        }

        impl<$($generic)* S: $crate::Scalar> num_traits::FromPrimitive for $T {
            $crate::number::float_through_rules! { @from_primitive $T: S::Real,
                from_i64 i64, from_u64 u64, from_i128 i128, from_u128 u128, from_f32 f32, from_f64 f64
            }
        }

        impl<$($generic)* S: $crate::Scalar> num_traits::ToPrimitive for $T {
            $crate::number::float_through_rules! { @to_primitive
                to_i64 i64, to_u64 u64, to_i128 i128, to_u128 u128, to_f32 f32, to_f64 f64
            }
        }
    };
    (@constants $($name:ident)*) => { $(
        #[inline]
        fn $name() -> Self {
            $crate::number::plain(<<Self as $crate::Scalar>::Real as num_traits::Float>::$name())
        }
    )* };
    (@float_constants $($name:ident)*) => { $(
        #[inline]
        fn $name() -> Self {
            $crate::number::plain(<<Self as $crate::Scalar>::Real as num_traits::FloatConst>::$name())
        }
    )* };
    (@predicates $($name:ident)*) => { $(
        #[inline]
        fn $name(self) -> bool {
            $crate::number::Scalar::primal(self).$name()
        }
    )* };
    (@unary $($name:ident $Rule:ident),*) => { $(
        #[inline]
        #[track_caller]
        fn $name(self) -> Self {
            $crate::number::Elementary::map(self, $crate::numbers::Unary::$Rule)
        }
    )* };
    (@binary $($name:ident $Rule:ident),*) => { $(
        #[inline]
        #[track_caller]
        fn $name(self, other: Self) -> Self {
            $crate::number::Elementary::zip(self, $crate::numbers::Binary::$Rule, other)
        }
    )* };
    (@from_primitive $T:ty: $R:ty, $($name:ident $n:ident),*) => { $(
        fn $name(n: $n) -> Option<Self> {
            <$R as num_traits::FromPrimitive>::$name(n).map($crate::number::plain::<$T>)
        }
    )* };
    (@to_primitive $($name:ident $n:ident),*) => { $(
        fn $name(&self) -> Option<$n> {
            $crate::number::Scalar::primal(*self).$name()
        }
    )* };
}

pub(crate) use float_through_rules;

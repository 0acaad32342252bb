//! The number that the scalar workloads are written with.

use std::ops::{Add, Div, Mul, Sub};

/// What a scalar workload does with its numbers.
///
/// The sums of many terms are methods of their own since several libraries record them as one statement, and recommend it;
/// where a library does not, the loop below is what its user would write.
pub trait Number:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    /// A number that no derivative is taken of.
    fn constant(c: f64) -> Self;

    /// `x + c`
    fn plus(self, c: f64) -> Self;

    /// `c·x`
    fn times(self, c: f64) -> Self;

    /// Natural logarithm.
    fn ln(self) -> Self;

    /// `eˣ`
    fn exp(self) -> Self;

    /// The larger of two.
    fn larger(self, other: Self) -> Self;

    /// `Σ wᵢ·xᵢ`
    fn weighted_sum(weights: &[f64], x: &[Self]) -> Self {
        let mut total = Self::constant(0.0);
        for (&x, &w) in x.iter().zip(weights) {
            total = total + x.times(w);
        }
        total
    }

    /// `Σ xᵢ·yᵢ`
    fn dot(x: &[Self], y: &[Self]) -> Self {
        let mut total = Self::constant(0.0);
        for (&x, &y) in x.iter().zip(y) {
            total = total + x * y;
        }
        total
    }

    /// `ln Σ exp xᵢ`, shifted by the largest. `x` is not empty.
    fn log_sum_exp(x: &[Self]) -> Self {
        let largest = x[1..].iter().fold(x[0], |a, &b| a.larger(b));
        let total = x[1..].iter().fold((x[0] - largest).exp(), |sum, &x| sum + (x - largest).exp());
        total.ln() + largest
    }
}

/// States that a type is a [`Number`]: the operations that libraries spell differently are given, and last, where a
/// library has a sum of its own, that too.
macro_rules! number {
    (
        [$($generic:tt)*] $N:ty;
        constant = $constant:expr; plus = $plus:expr; times = $times:expr;
        ln = $ln:expr; exp = $exp:expr; larger = $larger:expr;
        $($more:item)*
    ) => {
        impl<$($generic)*> $crate::number::Number for $N {
            #[inline(always)]
            fn constant(c: f64) -> Self {
                $constant(c)
            }
            #[inline(always)]
            fn plus(self, c: f64) -> Self {
                $plus(self, c)
            }
            #[inline(always)]
            fn times(self, c: f64) -> Self {
                $times(self, c)
            }
            #[inline(always)]
            fn ln(self) -> Self {
                $ln(self)
            }
            #[inline(always)]
            fn exp(self) -> Self {
                $exp(self)
            }
            #[inline(always)]
            fn larger(self, other: Self) -> Self {
                $larger(self, other)
            }
            $($more)*
        }
    };
}

pub(crate) use number;

number! {
    [] f64;
    constant = |c| c; plus = |x: f64, c| x + c; times = |x: f64, c| x * c;
    ln = f64::ln; exp = f64::exp; larger = f64::max;
}

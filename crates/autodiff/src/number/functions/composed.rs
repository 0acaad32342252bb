//! Functions made of others, written once for numbers and arrays.
//!
//! Their derivatives follow from the parts', and each composition is chosen so that those do not cancel or overflow.

use std::f64::consts::PI;

use num_traits::Float;

use super::binary::Binary::{AtLeast, AtMost, BesselJ, LogAddExp, Polygamma};
use super::unary::Unary::{ExpM1, NormalCdf, Relu, Sigmoid, Softplus, Tanh};
use crate::number::elementary::Elementary;

/// `max(low, min(x, high))`; at a bound the derivative is 1, and NaN stays NaN.
#[track_caller]
pub(crate) fn clamp<T: Elementary>(x: T, low: T, high: T) -> T {
    x.zip(AtLeast, low).zip(AtMost, high)
}

/// `x·σ(x)`.
#[track_caller]
pub(crate) fn silu<T: Elementary>(x: T) -> T {
    x.mul_no_nan(x.map(Sigmoid))
}

/// `x·Φ(x)`.
#[track_caller]
pub(crate) fn gelu<T: Elementary>(x: T) -> T {
    x.mul_no_nan(x.map(NormalCdf))
}

/// `½x(1 + tanh u) = x·σ(2u)` with `u = √(2/π)(x + 0.044715 x³)`.
#[track_caller]
pub(crate) fn gelu_tanh<T: Elementary>(x: T) -> T {
    // Beyond ±30 the gate is 0 or 1, and x³ would finally overflow.
    let near = clamp(x, x.lift(-30.0), x.lift(30.0));
    let (first, third) = ((8.0 / PI).sqrt(), 0.044715 * (8.0 / PI).sqrt());
    let gate = near * (near * near * x.lift(third) + x.lift(first));
    x.mul_no_nan(gate.map(Sigmoid))
}

/// `x` for positive x, else `α(eˣ − 1)`.
#[track_caller]
pub(crate) fn elu<T: Elementary>(x: T, alpha: f64) -> T {
    x.map(Relu) + x.zip(AtMost, x.lift(0.0)).map(ExpM1) * x.lift(alpha)
}

/// `x` for positive x, else `slope·x`.
#[track_caller]
pub(crate) fn leaky_relu<T: Elementary>(x: T, slope: f64) -> T {
    x.map(Relu) + x.zip(AtMost, x.lift(0.0)) * x.lift(slope)
}

/// `x·tanh(ln(1 + eˣ))`.
#[track_caller]
pub(crate) fn mish<T: Elementary>(x: T) -> T {
    x.mul_no_nan(x.map(Softplus).map(Tanh))
}

/// `ψ⁽ⁿ⁾(x)`.
#[track_caller]
pub(crate) fn polygamma<T: Elementary>(n: u32, x: T) -> T {
    x.lift(f64::from(n)).zip(Polygamma, x)
}

/// `Jₙ(x)`.
#[track_caller]
pub(crate) fn bessel_j<T: Elementary>(n: i32, x: T) -> T {
    x.lift(f64::from(n)).zip(BesselJ, x)
}

/// `ln Σ eˣ`, by pairs of pairs: the rounding errors grow with the logarithm of the number of terms.
#[track_caller]
pub(crate) fn log_sum_exp<S: Elementary + Float>(terms: impl Iterator<Item = S>) -> S {
    let mut sums: Vec<S> = terms.collect();
    while sums.len() > 1 {
        for i in 0..sums.len() / 2 {
            sums[i] = sums[2 * i].zip(LogAddExp, sums[2 * i + 1]);
        }
        if sums.len() % 2 == 1 {
            let half = sums.len() / 2;
            sums[half] = sums[2 * half];
        }
        sums.truncate(sums.len().div_ceil(2));
    }
    sums.first().copied().unwrap_or_else(S::neg_infinity)
}

//! Elementary functions of `f32` and `f64` arrays, without branches, so that the compiler vectorises the loops.
//!
//! They agree with the standard library at NaN, ±∞, ±0, overflow and underflow, and everywhere else to within 2.5 ulp of the
//! true value. Other functions are those of the standard library.
//!
//! | file | |
//! |---|---|
//! | `exp.rs`, `log.rs` | the functions |
//! | `format.rs`, `polynomial.rs` | the bits of a number; polynomials |

mod exp;
mod format;
mod log;
mod polynomial;
#[cfg(test)]
mod tests;

use crate::number::{MulAdd, Unary};
use exp::{exp, exp_m1, sech2, sigmoid, tanh};
use format::Format;
use log::{ln, ln_1p, softplus, x_log_x};

/// `y[i] = f(x[i])`.
#[inline(always)]
pub(super) fn map<R: Format, M: MulAdd>(f: Unary, x: &[R], y: &mut [R]) {
    match f {
        Unary::Exp => each(x, y, exp::<R, M>),
        Unary::ExpM1 => each(x, y, exp_m1::<R, M>),
        Unary::Ln => each(x, y, ln::<R, M>),
        Unary::Ln1p => each(x, y, ln_1p::<R, M>),
        Unary::Tanh => each(x, y, tanh::<R, M>),
        Unary::Sech2 => each(x, y, sech2::<R, M>),
        Unary::Sigmoid => each(x, y, sigmoid::<R, M>),
        Unary::LogSigmoid => each(x, y, |x| -softplus::<R, M>(-x)),
        Unary::Softplus => each(x, y, softplus::<R, M>),
        Unary::XLogX => each(x, y, x_log_x::<R, M>),
        _ => f.value_into(x, y),
    }
}

/// `y[i] = f(x[i])`.
#[inline(always)]
pub(crate) fn each<R: Copy>(x: &[R], y: &mut [R], f: impl Fn(R) -> R) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = f(x);
    }
}

//! Powers with a constant exponent.
//!
//! They are instructions of their own, beside `Pow(x, p)`, because a known exponent decides which powers of zero exist:
//! `d/dx x² = 2x` at 0, where the general rule `p·x^(p−1)` would meet `0·0⁻¹` one order later.

use crate::scalar::Elementary;

/// `d/dx xⁿ = n·xⁿ⁻¹`, exactly 0 for `n = 0` and 1 for `n = 1`.
#[inline(always)]
pub(crate) fn power_int_derivative<T: Elementary>(x: T, n: i32) -> T {
    match n {
        0 => x.lift(0.0),
        1 => x.lift(1.0),
        2 => x * x.lift(2.0),
        // xⁿ⁻¹ would overflow the exponent's type: one order of n lies beyond i32.
        i32::MIN => x.power_real(f64::from(i32::MIN) - 1.0) * x.lift(f64::from(n)),
        _ => x.power_int(n - 1) * x.lift(f64::from(n)),
    }
}

/// `d/dx xᵖ = p·xᵖ⁻¹`, exactly 0 for `p = 0` and 1 for `p = 1`.
#[inline(always)]
pub(crate) fn power_real_derivative<T: Elementary>(x: T, p: f64) -> T {
    if p == 0.0 {
        x.lift(0.0)
    } else if p == 1.0 {
        x.lift(1.0)
    } else {
        x.power_real(p - 1.0) * x.lift(p)
    }
}

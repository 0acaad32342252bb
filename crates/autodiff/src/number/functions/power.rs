//! Powers with a constant exponent.
//!
//! They are instructions of their own, beside `Pow(x, p)`, because a known exponent decides which powers of zero exist:
//! `d/dx x² = 2x` at 0, where the general rule `p·x^(p−1)` would meet `0·0⁻¹` one order later.

use crate::number::elementary::Elementary;

/// `d/dx xⁿ = n·xⁿ⁻¹`, exactly 0 for `n = 0` and 1 for `n = 1`.
#[inline(always)]
pub(crate) fn power_int_derivative<T: Elementary>(x: T, n: i32) -> T {
    match n {
        0 => x.lift(0.0),
        1 => x.lift(1.0),
        2 => x * x.lift(2.0),
        _ if n.unsigned_abs() <= SMALL => x.power_int(n - 1) * x.lift(f64::from(n)),
        // n times a power that underflows need not underflow; and n − 1 can be too large for its type.
        _ => {
            let half = n / 2;
            x.power_int(half) * x.lift(f64::from(n)) * x.power_int(n - half - 1)
        }
    }
}

/// Up to this exponent, an underflow costs the derivative no more than some of the smallest numbers.
const SMALL: u32 = 32;

/// `d/dx xᵖ = p·xᵖ⁻¹`, exactly 0 for `p = 0` and 1 for `p = 1`.
#[inline(always)]
pub(crate) fn power_real_derivative<T: Elementary>(x: T, p: f64) -> T {
    if p == 0.0 {
        x.lift(0.0)
    } else if p == 1.0 {
        x.lift(1.0)
    } else if p.abs() < 1.0 {
        // Where xᵖ⁻¹ overflows, less than it need not.
        let root = x.power_real((p - 1.0) / 2.0);
        root * x.lift(p) * root
    } else if p.abs() <= f64::from(SMALL) {
        x.power_real(p - 1.0) * x.lift(p)
    } else {
        // As with integers; also if p is one, and so x may be negative.
        let half = (p / 2.0).trunc();
        x.power_real(half) * x.lift(p) * x.power_real(p - half - 1.0)
    }
}

//! What the elementary functions need to know of a floating-point format.

use crate::number::Real;

/// Constants and bit-level operations of `f32` and `f64`.
pub(in crate::kernel) trait Format: Real {
    /// `1.5·2ᵖ⁻¹` for p significant bits: `x + SHIFT` holds x, rounded to an integer, in its lowest bits.
    const SHIFT: Self;
    /// `1/ln 2`
    const FRAC_1_LN_2: Self;
    /// `ln 2` to so few bits that its product with any exponent is exact.
    const LN2_HI: Self;
    /// `ln 2 − LN2_HI`
    const LN2_LO: Self;
    /// Below it, `4eˣ` rounds to 0.
    const EXP_MIN: Self;
    /// Above it, `eˣ` rounds to ∞.
    const EXP_MAX: Self;
    /// `q` in `eʳ ≈ 1 + r + r²·q(r)` for `|r| ≤ ½ ln 2`, lowest power first; minimax for the relative error of `eʳ − 1`.
    const EXP: &'static [Self];
    /// `l` in `2 artanh(s) ≈ 2s + s³·l(s²)` for `|s| ≤ (√2 − 1)/(√2 + 1)`, lowest power first; minimax for the relative
    /// error.
    const ARTANH: &'static [Self];
    /// For `|x|` below it, `eˣ − 1` and `ln(1 + x)` are x to within rounding.
    const TINY: Self;
    /// A power of two that makes subnormal numbers normal, and its exponent.
    const NORMALIZE: (Self, Self);

    /// The constant `c`.
    fn of(c: f64) -> Self;

    /// `2ⁿ` for a normal power, given `n + SHIFT`.
    fn exp2_shifted(shifted: Self) -> Self;

    /// `(k, m)` with `x = 2ᵏ·m` and `√½ ≤ m < √2`, for a normal positive x.
    fn split(self) -> (Self, Self);
}

// The polynomials come from the Remez algorithm, run with 200 bits; their relative errors are 2⁻⁶² and 2⁻⁵⁹ for f64,
// 2⁻³² and 2⁻³⁸ for f32.

impl Format for f64 {
    const SHIFT: f64 = 1.5 * (1_u64 << 52) as f64;
    const FRAC_1_LN_2: f64 = std::f64::consts::LOG2_E;
    const LN2_HI: f64 = 0.6931471805598903;
    const LN2_LO: f64 = 5.497923018708371e-14;
    const EXP_MIN: f64 = -748.0;
    const EXP_MAX: f64 = 710.0;
    const EXP: &'static [f64] = &[
        0.5,
        0.16666666666666677,
        0.04166666666666651,
        0.008333333333321691,
        0.001388888888896238,
        0.0001984126988596574,
        2.4801587172516008e-05,
        2.755724437439191e-06,
        2.755740266398649e-07,
        2.510897880956922e-08,
        2.087532289396381e-09,
    ];
    const ARTANH: &'static [f64] = &[
        0.6666666666666734,
        0.39999999999416014,
        0.2857142874210321,
        0.2222219860106021,
        0.181835629462652,
        0.15314084114957752,
        0.14795630866199333,
    ];
    const TINY: f64 = 1.0 / (1_u64 << 54) as f64;
    const NORMALIZE: (f64, f64) = ((1_u64 << 54) as f64, 54.0);

    #[inline(always)]
    fn of(c: f64) -> f64 {
        c
    }

    #[inline(always)]
    fn exp2_shifted(shifted: f64) -> f64 {
        f64::from_bits((shifted.to_bits() << 52).wrapping_add(1.0_f64.to_bits()))
    }

    #[inline(always)]
    fn split(self) -> (f64, f64) {
        const SQRT_HALF: u64 = std::f64::consts::FRAC_1_SQRT_2.to_bits();
        const ONE: u64 = 1.0_f64.to_bits();
        const TWO_52: f64 = (1_u64 << 52) as f64;
        let bits = self.to_bits().wrapping_add(ONE - SQRT_HALF);
        // An integer below 2⁵² in the fraction of 2⁵² is that integer added: a conversion without an instruction for it.
        let k = f64::from_bits((bits >> 52) | TWO_52.to_bits()) - (TWO_52 + 1023.0);
        let m = f64::from_bits((bits & ((1 << 52) - 1)).wrapping_add(SQRT_HALF));
        (k, m)
    }
}

impl Format for f32 {
    const SHIFT: f32 = 1.5 * (1_u32 << 23) as f32;
    const FRAC_1_LN_2: f32 = std::f32::consts::LOG2_E;
    const LN2_HI: f32 = 0.693_145_75;
    const LN2_LO: f32 = 1.428_606_8e-6;
    const EXP_MIN: f32 = -106.0;
    const EXP_MAX: f32 = 89.0;
    const EXP: &'static [f32] =
        &[0.5, 0.166_666_67, 0.041_666_36, 0.008_333_39, 0.001_394_062_7, 0.000_198_458_79];
    const ARTANH: &'static [f32] = &[0.666_666_7, 0.400_003_34, 0.285_373_4, 0.235_816_14];
    const TINY: f32 = 1.0 / (1_u32 << 25) as f32;
    const NORMALIZE: (f32, f32) = ((1_u32 << 25) as f32, 25.0);

    #[inline(always)]
    fn of(c: f64) -> f32 {
        c as f32
    }

    #[inline(always)]
    fn exp2_shifted(shifted: f32) -> f32 {
        f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0_f32.to_bits()))
    }

    #[inline(always)]
    fn split(self) -> (f32, f32) {
        const SQRT_HALF: u32 = std::f32::consts::FRAC_1_SQRT_2.to_bits();
        const ONE: u32 = 1.0_f32.to_bits();
        const TWO_23: f32 = (1_u32 << 23) as f32;
        let bits = self.to_bits().wrapping_add(ONE - SQRT_HALF);
        let k = f32::from_bits((bits >> 23) | TWO_23.to_bits()) - (TWO_23 + 127.0);
        let m = f32::from_bits((bits & ((1 << 23) - 1)).wrapping_add(SQRT_HALF));
        (k, m)
    }
}

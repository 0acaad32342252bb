//! Elementwise functions of one argument: value and derivative on adjacent lines.

use std::f64::consts::{FRAC_2_SQRT_PI, LN_2, LOG2_E, LOG10_E};

use super::binary::Binary::{Hypot, Polygamma};
use super::special;
use super::special::in_double;
use crate::number::elementary::Elementary;
#[cfg(feature = "planted-faults")]
use crate::number::planted;
#[cfg(feature = "planted-faults")]
use crate::number::planted::Site;
use crate::number::real::Real;

/// Expands the table below into the enum and its readings.
///
/// `Exp: eˣ, |x| x.exp(), |x, y| y;` becomes a variant `Unary::Exp`, an arm `Exp => x.exp()` of [`Unary::value`], a loop
/// of it in [`Unary::value_into`], and an arm `Exp => y` of [`Unary::derivative`], where `y` is the value at `x`.
macro_rules! unary_rules {
    ($($(#[$doc:meta])* $name:ident: |$v:ident| $value:expr, |$x:ident, $y:ident| $derivative:expr;)*) => {
        /// An elementwise function of one argument.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Unary { $($(#[$doc])* $name,)* }

        use Unary::*;

        impl Unary {
            /// Every function of the table.
            pub const ALL: &'static [Unary] = &[$($name),*];

            /// `f(x)`.
            #[inline(always)]
            pub fn value<R: Real>(self, x: R) -> R {
                match self { $($name => { let $v = x; $value })* }
            }

            /// `y[i] = f(x[i])`, with one dispatch for the whole slice.
            #[inline(always)]
            pub(crate) fn value_into<R: Real>(self, x: &[R], y: &mut [R]) {
                match self {
                    $($name => for (y, &$v) in y.iter_mut().zip(x) { *y = $value; },)*
                }
            }

            /// `f′(x)`, where `y = f(x)`.
            #[inline(always)]
            pub fn derivative<T: Elementary>(self, x: T, y: T) -> T {
                let derivative = match self { $($name => { let ($x, $y) = (x, y); $derivative })* };
                #[cfg(feature = "planted-faults")]
                let derivative = planted::derivative(Site::Unary(self), derivative);
                derivative
            }
        }
    };
}

unary_rules! {
    /// `−x`
    Neg: |x| -x, |x, _y| x.lift(-1.0);
    /// `1/x`
    Recip: |x| x.recip(), |_x, y| -(y * y);
    /// `eˣ`
    Exp: |x| x.exp(), |_x, y| y;
    /// `2ˣ`; where it overflows, its derivative, which is less, does not yet
    Exp2: |x| x.exp2(),
        |x, _y| { let root = (x * x.lift(0.5)).map(Exp2); root * x.lift(LN_2) * root };
    /// `eˣ − 1`, accurate near 0
    ExpM1: |x| x.exp_m1(), |x, _y| x.map(Exp);
    /// Natural logarithm
    Ln: |x| x.ln(), |x, _y| x.map(Recip);
    /// `ln(1 + x)`, accurate near 0
    Ln1p: |x| x.ln_1p(), |x, _y| (x + x.lift(1.0)).map(Recip);
    /// Logarithm to base 2
    Log2: |x| x.log2(), |x, _y| x.lift(LOG2_E) / x;
    /// Logarithm to base 10
    Log10: |x| x.log10(), |x, _y| x.lift(LOG10_E) / x;
    /// `√x`, with derivative +∞ at 0
    Sqrt: |x| x.sqrt(), |x, y| x.lift(0.5) / y;
    /// `∛x`, with derivative +∞ at 0
    Cbrt: |x| x.cbrt(), |x, y| { let r = y.map(Recip); r * r * x.lift(1.0 / 3.0) };
    /// Sine
    Sin: |x| x.sin(), |x, _y| x.map(Cos);
    /// Cosine
    Cos: |x| x.cos(), |x, _y| -x.map(Sin);
    /// Tangent
    Tan: |x| x.tan(), |x, y| y * y + x.lift(1.0);
    /// Inverse sine
    Asin: |x| x.asin(), |x, _y| x.map(OneMinusSquare).map(Sqrt).map(Recip);
    /// Inverse cosine
    Acos: |x| x.acos(), |x, _y| -x.map(OneMinusSquare).map(Sqrt).map(Recip);
    /// Inverse tangent
    Atan: |x| x.atan(),
        |x, _y| { let r = x.zip(Hypot, x.lift(1.0)).map(Recip); r * r };
    /// Hyperbolic sine
    Sinh: |x| x.sinh(), |x, _y| x.map(Cosh);
    /// Hyperbolic cosine
    Cosh: |x| x.cosh(), |x, _y| x.map(Sinh);
    /// Hyperbolic tangent
    Tanh: |x| x.tanh(), |x, _y| x.map(Sech2);
    /// `sech²x`, the derivative of tanh: `1 − tanh²x` would cancel for large `x`
    Sech2: |x| sech2(x), |x, y| y * x.map(Tanh) * x.lift(-2.0);
    /// Inverse hyperbolic sine, also where 2x overflows; `√(x² + 1)` as a hypotenuse does not
    Asinh: |x| in_double(x, pxfm::f_asinh), |x, _y| x.zip(Hypot, x.lift(1.0)).map(Recip);
    /// Inverse hyperbolic cosine, accurate near 1
    Acosh: |x| in_double(x, pxfm::f_acosh),
        |x, _y| ((x - x.lift(1.0)).map(Sqrt) * (x + x.lift(1.0)).map(Sqrt)).map(Recip);
    /// Inverse hyperbolic tangent, accurate near ±1
    Atanh: |x| in_double(x, pxfm::f_atanh), |x, _y| x.map(OneMinusSquare).map(Recip);
    /// `1 − x²`: as a product exact near ±1, where the square would cancel, and with the derivative `−2x`, exact near 0,
    /// where the product's two terms would
    OneMinusSquare: |x| (R::one() - x) * (R::one() + x), |x, _y| x * x.lift(-2.0);
    /// `|x|`, with derivative 0 at the kink
    Abs: |x| x.abs(), |x, _y| x.map(Sign);
    /// −1, 0 or 1: the sign with `sign(0) = 0`
    Sign: |x| if x == R::zero() { R::zero() } else { x.signum() }, |x, _y| x.map(Jump);
    /// The derivative of the sign: 0, and NaN at 0, where the sign jumps and `|x|` has no second derivative
    Jump: |x| if x == R::zero() { R::nan() } else { R::zero() }, |x, _y| x.map(Jump);
    /// The sign as `f64::signum` has it: 1 at +0, −1 at −0
    Signum: |x| x.signum(), |x, _y| x.lift(0.0);
    /// Largest integer ≤ x
    Floor: |x| x.floor(), |x, _y| x.lift(0.0);
    /// Smallest integer ≥ x
    Ceil: |x| x.ceil(), |x, _y| x.lift(0.0);
    /// Nearest integer, halves away from 0
    Round: |x| x.round(), |x, _y| x.lift(0.0);
    /// Integer part
    Trunc: |x| x.trunc(), |x, _y| x.lift(0.0);
    /// `x`, taken as constant by every derivative
    StopGradient: |x| x, |x, _y| x.lift(0.0);
    /// `x − trunc x`, with derivative 1 also at the jumps
    Fract: |x| x.fract(), |x, _y| x.lift(1.0);
    /// `σ(x) = 1/(1 + e⁻ˣ)`; `σ′ = ¼ sech²(x/2)`, since `σ(1 − σ)` would cancel for large `x`
    Sigmoid: |x| sigmoid(x), |x, _y| (x * x.lift(0.5)).map(Sech2) * x.lift(0.25);
    /// `ln σ(x)`
    LogSigmoid: |x| -softplus(-x), |x, _y| (-x).map(Sigmoid);
    /// `ln(1 + eˣ)`
    Softplus: |x| softplus(x), |x, _y| x.map(Sigmoid);
    /// `max(x, 0)`, with derivative 0 at the kink
    Relu: |x| if x > R::zero() || x.is_nan() { x } else { R::zero() }, |x, _y| x.map(Step);
    /// `x/(1 + |x|)`; its derivative `1/(1 + |x|)²` by the quotient's rule would cancel for large `x`. `|x|` is written as one
    /// whose curvature at 0 is 0
    SoftSign: |x| soft_sign(x), |x, _y| {
        let r = (x.map(Relu) + (-x).map(Relu) + x.lift(1.0)).map(Recip);
        r * r
    };
    /// `x − tanh x`; its derivative is `tanh²x`, since `1 − sech²x` would cancel near 0
    TanhShrink: |x| tanh_shrink(x), |x, _y| { let t = x.map(Tanh); t * t };
    /// 1 for `x > 0`, else 0
    Step: |x| if x > R::zero() { R::one() } else { R::zero() }, |x, _y| x.lift(0.0);
    /// Error function `2/√π ∫₀ˣ e^(−t²) dt`
    Erf: |x| in_double(x, pxfm::f_erf), |x, _y| x.map(Gauss) * x.lift(FRAC_2_SQRT_PI);
    /// `1 − erf x`, accurate for large `x`
    Erfc: |x| in_double(x, pxfm::f_erfc), |x, _y| x.map(Gauss) * x.lift(-FRAC_2_SQRT_PI);
    /// `e^(−x²)`
    Gauss: |x| in_double(x, special::gauss), |x, y| x.mul_no_nan(y) * x.lift(-2.0);
    /// Distribution function of the standard normal distribution, `Φ(x) = ½ erfc(−x/√2)`, accurate in the lower tail
    NormalCdf: |x| in_double(x, special::normal_cdf), |x, _y| x.map(NormalDensity);
    /// `ln Φ(x)`, accurate in both tails
    NormalLogCdf: |x| in_double(x, special::normal_log_cdf), |x, _y| x.map(MillsRatio);
    /// Inverse Mills ratio `λ(x) = φ(x)/Φ(x)`, the derivative of `ln Φ`
    MillsRatio: |x| in_double(x, special::mills_ratio), |x, _y| x.map(MillsSlope);
    /// `λ′(x) = −λ(x)·(x + λ(x))`, the difference accurate in the lower tail
    MillsSlope: |x| in_double(x, special::mills_slope), |x, _y| x.map(MillsCurvature);
    /// `λ″(x)`, accurate in the lower tail, where its terms would cancel
    MillsCurvature: |x| in_double(x, special::mills_curvature), |x, y| {
            // From λ″ = λ·(m² + λm − 1) with m = x + λ, so m′ = 1 − λm.
            let (ratio, slope) = (x.map(MillsRatio), x.map(MillsSlope));
            let (excess, turn) = (x + ratio, x.lift(1.0) + slope);
            let bracket = excess * turn * x.lift(2.0) + slope * excess + ratio * turn;
            -(excess * y) + ratio * bracket
        };
    /// Density of the standard normal distribution, `φ(x) = e^(−x²/2)/√(2π)`
    NormalDensity: |x| in_double(x, special::normal_density), |x, y| -x.mul_no_nan(y);
    /// `ln |Γ(x)|`, +∞ at 0, −1, −2, …
    LnGamma: |x| in_double(x, special::ln_gamma), |x, _y| x.map(Digamma);
    /// `ψ(x) = Γ′(x)/Γ(x)`; ∓∞ at ±0, NaN at −1, −2, …, where the sides differ
    Digamma: |x| in_double(x, special::digamma), |x, _y| x.lift(1.0).zip(Polygamma, x);
    /// `x ln x`, 0 at 0
    XLogX: |x| if x == R::zero() { R::zero() } else { x * x.ln() },
        |x, _y| x.map(Ln) + x.lift(1.0);
}

fn sech2<R: Real>(x: R) -> R {
    let e = (-x.abs()).exp();
    let sech = (e + e) / (e * e + R::one());
    sech * sech
}

fn sigmoid<R: Real>(x: R) -> R {
    let e = (-x.abs()).exp();
    if x < R::zero() { e / (e + R::one()) } else { (e + R::one()).recip() }
}

fn softplus<R: Real>(x: R) -> R {
    let positive_part = if x < R::zero() { R::zero() } else { x };
    positive_part + (-x.abs()).exp().ln_1p()
}

fn soft_sign<R: Real>(x: R) -> R {
    if x.is_infinite() { x.signum() } else { x / (x.abs() + R::one()) }
}

/// Near 0 by Lambert's continued fraction `tanh x = x/(1 + K)`, `K = x²/(3 + x²/(5 + …))`, whose terms are all positive.
fn tanh_shrink<R: Real>(x: R) -> R {
    if x.abs() > R::one() {
        return x - x.tanh();
    }
    let square = x * x;
    let k = (1..=10)
        .rev()
        .fold(R::zero(), |k, level| square / (R::constant(f64::from(2 * level + 1)) + k));
    x * (k / (R::one() + k))
}

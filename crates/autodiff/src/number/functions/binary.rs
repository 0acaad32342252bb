//! Elementwise functions of two arguments: value and both partial derivatives on adjacent lines.

use super::special;
use super::unary::Unary::{Ln, Recip, Round, Sigmoid, Signum};
use crate::number::elementary::Elementary;
#[cfg(feature = "planted-faults")]
use crate::number::planted;
#[cfg(feature = "planted-faults")]
use crate::number::planted::Site;
use crate::number::real::Real;

/// Expands the table below into the enum and its readings, as `unary_rules` does for one argument.
///
/// `Mul: |a, b| a * b, da |a, b, y| b, db |a, b, y| a;` becomes a variant, its value, and its partial derivatives.
macro_rules! binary_rules {
    ($($(#[$doc:meta])* $name:ident: |$u:ident, $v:ident| $value:expr,
        da |$a:ident, $b:ident, $y:ident| $da:expr,
        db |$a2:ident, $b2:ident, $y2:ident| $db:expr;)*) => {
        /// An elementwise function of two arguments.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Binary { $($(#[$doc])* $name,)* }

        use Binary::*;

        impl Binary {
            /// Every function of the table.
            pub const ALL: &'static [Binary] = &[$($name),*];

            /// `f(a, b)`.
            #[inline(always)]
            pub fn value<R: Real>(self, a: R, b: R) -> R {
                match self { $($name => { let ($u, $v) = (a, b); $value })* }
            }

            /// `out[i] = f(a(i), b(i))`, with one dispatch for the whole slice.
            #[inline(always)]
            pub(crate) fn value_into<R: Real>(
                self, out: &mut [R], a: impl Fn(usize) -> R, b: impl Fn(usize) -> R,
            ) {
                match self {
                    $($name => for (i, out) in out.iter_mut().enumerate() {
                        let ($u, $v) = (a(i), b(i));
                        *out = $value;
                    },)*
                }
            }

            /// `∂f/∂a (a, b)`, where `y = f(a, b)`.
            #[inline(always)]
            pub fn partial_a<T: Elementary>(self, a: T, b: T, y: T) -> T {
                let partial = match self { $($name => { let ($a, $b, $y) = (a, b, y); $da })* };
                #[cfg(feature = "planted-faults")]
                let partial = planted::derivative(Site::Binary(self, 0), partial);
                partial
            }

            /// `∂f/∂b (a, b)`, where `y = f(a, b)`.
            #[inline(always)]
            pub fn partial_b<T: Elementary>(self, a: T, b: T, y: T) -> T {
                let partial = match self { $($name => { let ($a2, $b2, $y2) = (a, b, y); $db })* };
                #[cfg(feature = "planted-faults")]
                let partial = planted::derivative(Site::Binary(self, 1), partial);
                partial
            }
        }
    };
}

binary_rules! {
    /// `a + b`
    Add: |a, b| a + b, da |a, _b, _y| a.lift(1.0), db |a, _b, _y| a.lift(1.0);
    /// `a − b`
    Sub: |a, b| a - b, da |a, _b, _y| a.lift(1.0), db |a, _b, _y| a.lift(-1.0);
    /// `a·b`
    Mul: |a, b| a * b, da |_a, b, _y| b, db |a, _b, _y| a;
    /// The product of the chain rule, `a·b`: a cotangent or tangent times a partial derivative. Where it is `0·∞`, its
    /// value depends on where the 0 comes from; see [the instruction set](crate::numbers::Binary)
    Chain: |a, b| a * b, da |_a, b, _y| b, db |a, _b, _y| a;
    /// `a·b` in which 0 absorbs: 0 where either factor is 0, also if the other is infinite or NaN
    MulNoNan: |a, b| if a == R::zero() || b == R::zero() { R::zero() } else { a * b },
        da |_a, b, _y| b, db |a, _b, _y| a;
    /// `a/b`
    Div: |a, b| a / b, da |_a, b, _y| b.map(Recip), db |_a, b, y| -(y / b);
    /// `aᵇ` with both varying; at `b` fixed the integer and real powers are other instructions
    Pow: |a, b| a.powf(b),
        da |a, b, _y| b.mul_no_nan(a.zip(Pow, b - b.lift(1.0))),
        db |a, b, _y| a.zip(PowLog, b);
    /// `aᵇ ln a`, the derivative of `aᵇ` in `b`; 0 where `aᵇ` is
    PowLog: |a, b| unless_zero(a.powf(b), a.ln()),
        da |a, b, _y| {
            let below = b - b.lift(1.0);
            b.mul_no_nan(a.zip(PowLog, below)) + a.zip(Pow, below)
        },
        db |a, b, _y| a.zip(PowLog2, b);
    /// `aᵇ ln² a`, the derivative of [`PowLog`] in `b`; 0 where `aᵇ` is
    PowLog2: |a, b| { let log = a.ln(); unless_zero(unless_zero(a.powf(b), log), log) },
        da |a, b, _y| {
            let below = b - b.lift(1.0);
            b.mul_no_nan(a.zip(PowLog2, below)) + a.zip(PowLog, below) * a.lift(2.0)
        },
        db |a, _b, y| y.mul_no_nan(a.map(Ln));
    /// `a/b`, 0 where `a = 0`, also if `b` is 0
    XDivY: |a, b| if a == R::zero() && !b.is_nan() { R::zero() } else { a / b },
        da |_a, b, _y| b.map(Recip),
        db |_a, b, y| -y.zip(XDivY, b);
    /// `a ln b`, 0 where `a = 0`
    XLogY: |a, b| if a == R::zero() && !b.is_nan() { R::zero() } else { a * b.ln() },
        da |_a, b, _y| b.map(Ln),
        db |a, b, _y| a.zip(XDivY, b);
    /// Angle of the point with ordinate `a` and abscissa `b`
    Atan2: |a, b| a.atan2(b),
        da |a, b, _y| b.zip(Direction, a) / a.zip(Hypot, b),
        db |a, b, _y| -(a.zip(Direction, b) / a.zip(Hypot, b));
    /// `√(a² + b²)` without overflow; at the origin, a kink as that of `|a|`, its derivatives are 0
    Hypot: |a, b| a.hypot(b), da |a, b, _y| a.zip(Direction, b), db |a, b, _y| b.zip(Direction, a);
    /// `a/√(a² + b²)`, 0 at the origin: the derivative of [`Hypot`], whose own derivative `b²/h³` as that of a quotient
    /// would be the difference `1/h − a²/h³`
    Direction: |a, b| direction(a, b),
        da |a, b, _y| { let q = b.zip(Direction, a); q / a.zip(Hypot, b) * q },
        db |a, b, y| -(y * b.zip(Direction, a) / a.zip(Hypot, b));
    /// The larger; at a tie each operand has derivative ½
    Max: |a, b| a.max(b), da |a, b, _y| a.zip(Exceeds, b), db |a, b, _y| b.zip(Exceeds, a);
    /// The smaller, `−max(−a, −b)`; at a tie each operand has derivative ½
    Min: |a, b| a.min(b), da |a, b, _y| (-a).zip(Exceeds, -b), db |a, b, _y| (-b).zip(Exceeds, -a);
    /// 1 where `a > b` or `b` is NaN, ½ at a tie, else 0: the share of `a` in `max(a, b)`
    Exceeds: |a, b| if a > b || b.is_nan() {
            R::one()
        } else if a == b {
            R::one() / (R::one() + R::one())
        } else {
            R::zero()
        },
        da |a, _b, _y| a.lift(0.0), db |a, _b, _y| a.lift(0.0);
    /// `a`, or `b` where `a` is below it; NaN stays NaN. At a tie the derivative is that of `a`
    AtLeast: |a, b| if a < b { b } else { a },
        da |a, b, _y| a.lift(1.0) - a.zip(Below, b),
        db |a, b, _y| a.zip(Below, b);
    /// `a`, or `b` where `a` is above it; NaN stays NaN. At a tie the derivative is that of `a`
    AtMost: |a, b| if a > b { b } else { a },
        da |a, b, _y| a.lift(1.0) - b.zip(Below, a),
        db |a, b, _y| b.zip(Below, a);
    /// 1 where `a < b`, else 0
    Below: |a, b| if a < b { R::one() } else { R::zero() },
        da |a, _b, _y| a.lift(0.0), db |a, _b, _y| a.lift(0.0);
    /// `|a|` with the sign of `b`
    CopySign: |a, b| a.copysign(b),
        da |a, b, _y| a.map(Signum) * b.map(Signum), db |a, _b, _y| a.lift(0.0);
    /// `ln(eᵃ + eᵇ)`, without overflow
    LogAddExp: |a, b| log_add_exp(a, b),
        da |a, b, _y| (a - b).map(Sigmoid), db |a, b, _y| (b - a).map(Sigmoid);
    /// Polygamma function `ψ⁽ᵃ⁾(b)`, the derivative of order `a` of the digamma function, for an integer order `0 ≤ a ≤ 170`;
    /// it has no derivative in the order: NaN
    Polygamma: |a, b| R::constant(special::polygamma(a.as_f64(), b.as_f64())),
        da |a, _b, _y| a.lift(f64::NAN),
        db |a, b, _y| (a + a.lift(1.0)).zip(Polygamma, b);
    /// Bessel function of the first kind `Jₐ(b)` of an integer order `a`; it has no derivative in the order: NaN
    BesselJ: |a, b| R::constant(special::bessel_j(a.as_f64(), b.as_f64())),
        da |a, _b, _y| a.lift(f64::NAN),
        db |a, b, _y| {
            let [below, above] = [-1.0, 1.0].map(|step| (a + a.lift(step)).zip(BesselJ, b));
            (below - above) * a.lift(0.5)
        };
    /// 1 where `a ≤ b`, else 0
    LessOrEqual: |a, b| indicator(a <= b), da |a, _b, _y| a.lift(0.0), db |a, _b, _y| a.lift(0.0);
    /// 1 where `a = b`, else 0
    Equal: |a, b| indicator(a == b), da |a, _b, _y| a.lift(0.0), db |a, _b, _y| a.lift(0.0);
    /// Remainder of `a/b` with the sign of `a`. The integer quotient is that of `a − y`: `a/b` may round to the next one
    Rem: |a, b| a % b, da |a, _b, _y| a.lift(1.0), db |a, b, y| -((a - y) / b).map(Round);
}

fn log_add_exp<R: Real>(a: R, b: R) -> R {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if high.is_infinite() && !low.is_nan() { high } else { high + (low - high).exp().ln_1p() }
}

#[inline(always)]
fn indicator<R: Real>(holds: bool) -> R {
    if holds { R::one() } else { R::zero() }
}

/// `a·b`, 0 where `a` is.
fn unless_zero<R: Real>(a: R, b: R) -> R {
    if a == R::zero() { a } else { a * b }
}

fn direction<R: Real>(a: R, b: R) -> R {
    let h = a.hypot(b);
    if h == R::zero() {
        a
    } else if h >= R::min_positive_value() && h.is_finite() {
        a / h
    } else {
        // The hypotenuse overflows, or has few digits: that of a multiple has all.
        let scale = if h.is_finite() { R::min_positive_value().recip() } else { R::constant(0.25) };
        a * scale / (a * scale).hypot(b * scale)
    }
}

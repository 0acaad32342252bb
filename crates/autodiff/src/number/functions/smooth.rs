//! Where functions are not smooth: kinks and jumps, ends of domains and poles.
//!
//! Beside the tables of values and derivatives this says of each function at which points its derivatives are not those of a
//! smooth function. What is not named here is smooth wherever it has a finite value.

use std::cmp::Ordering;
use std::fmt;

use num_traits::Float;

use self::Irregularity::{Jump, Kink, Singularity};
use super::binary::Binary;
use super::unary::Unary;

/// How a function fails to be smooth at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Irregularity {
    /// The function is continuous, but its slopes or curvatures from different sides differ: `|x|` and `x/(1 + |x|)` at 0, a
    /// tie of `max`.
    Kink,
    /// The function jumps: `⌊x⌋` at an integer, the sign at 0, a comparison at equality.
    Jump,
    /// Some derivative is infinite, or the function itself is: `√x` and `ln x` at 0.
    Singularity,
}

impl fmt::Display for Irregularity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kink => "a kink",
            Jump => "a jump",
            Singularity => "a singularity",
        })
    }
}

impl Unary {
    /// How the function fails to be smooth within `margin` of `x`, if it does.
    ///
    /// With a margin of 0, whether it does so at `x`.
    pub(crate) fn irregularity(self, x: f64, margin: f64) -> Option<Irregularity> {
        let near = |point: f64| (x - point).abs() <= margin;
        let found = |holds: bool, kind: Irregularity| holds.then_some(kind);
        match self {
            // The soft sign's slope has a kink, its curvature leaps from 2 to −2.
            Self::Abs | Self::Relu | Self::SoftSign => found(near(0.0), Kink),
            Self::Sign | Self::Signum | Self::Step | Self::Jump => found(near(0.0), Jump),
            Self::Floor | Self::Ceil | Self::Fract => found(near(x.round()), Jump),
            Self::Trunc => found(x.round() != 0.0 && near(x.round()), Jump),
            Self::Round => found(near(x.trunc() + 0.5 * x.signum()), Jump),
            Self::Recip | Self::Ln | Self::Log2 | Self::Log10 | Self::Sqrt | Self::Cbrt => {
                found(near(0.0), Singularity)
            }
            Self::XLogX => found(near(0.0), Singularity),
            Self::Ln1p => found(near(-1.0), Singularity),
            Self::Asin | Self::Acos | Self::Atanh => found(near(-1.0) || near(1.0), Singularity),
            Self::Acosh => found(near(1.0), Singularity),
            Self::LnGamma | Self::Digamma => found(x <= margin && near(x.round()), Singularity),
            _ => None,
        }
    }

    /// Whether the function has the same value at all arguments near `x`.
    pub(crate) fn is_level_at<R: Float>(self, x: R) -> bool {
        match self {
            Self::StopGradient => true,
            Self::Sign | Self::Signum | Self::Step | Self::Jump => !x.is_zero() && !x.is_nan(),
            Self::Relu => x < R::zero(),
            Self::Floor | Self::Ceil => x.is_finite() && x.fract() != R::zero(),
            Self::Trunc => x.is_finite() && (x.fract() != R::zero() || x.is_zero()),
            Self::Round => x.is_finite() && (x + x).fract() != R::zero() || x.is_zero(),
            _ => false,
        }
    }
}

impl Unary {
    /// Whether the derivative is 0 at all arguments near `x`, or wherever there is one.
    pub(crate) fn is_level_near<R: Float>(self, x: R) -> bool {
        let stepwise = matches!(
            self,
            Self::Signum | Self::Floor | Self::Ceil | Self::Round | Self::Trunc | Self::Step
        );
        stepwise || self.is_level_at(x)
    }
}

impl Binary {
    /// Whether the function compares its arguments, and so is level wherever they differ.
    pub(crate) fn is_comparison(self) -> bool {
        matches!(self, Self::Exceeds | Self::Below | Self::LessOrEqual | Self::Equal)
    }

    /// Whether the function is the same one of its arguments at all arguments near `(a, b)`.
    pub(crate) fn selects_at<R: PartialOrd>(self, a: R, b: R) -> bool {
        matches!(self, Self::Max | Self::Min | Self::AtLeast | Self::AtMost)
            && a.partial_cmp(&b).is_some_and(Ordering::is_ne)
    }

    /// Whether the function is `a·g(b)` with some function `g`.
    pub(crate) fn is_linear_in_a(self) -> bool {
        use crate::number::functions::binary::Binary::{Chain, Div, Mul, MulNoNan, XDivY, XLogY};
        matches!(self, Mul | Chain | MulNoNan | Div | XDivY | XLogY)
    }

    /// How the function fails to be smooth within `margin` of `(a, b)`, if it does.
    pub(crate) fn irregularity(self, a: f64, b: f64, margin: f64) -> Option<Irregularity> {
        let vanishes = |x: f64| x.abs() <= margin;
        let found = |holds: bool, kind: Irregularity| holds.then_some(kind);
        match self {
            Self::Max | Self::Min | Self::AtLeast | Self::AtMost => found(vanishes(a - b), Kink),
            Self::Hypot => found(vanishes(a) && vanishes(b), Kink),
            Self::CopySign => found(vanishes(a), Kink).or(found(vanishes(b), Jump)),
            Self::Exceeds | Self::Below | Self::LessOrEqual | Self::Equal => {
                found(vanishes(a - b), Jump)
            }
            Self::Rem => found(vanishes(a % b) || vanishes(b - (a % b).abs()), Jump),
            Self::Direction => found(vanishes(a) && vanishes(b), Jump),
            // The angle leaps at the negative half of the abscissa.
            Self::Atan2 => found(vanishes(a) && b < -margin, Jump)
                .or(found(vanishes(a) && vanishes(b), Singularity)),
            Self::Div => found(vanishes(b), Singularity),
            Self::Pow => found(vanishes(a), Singularity),
            Self::XLogY | Self::XDivY => found(vanishes(b), Singularity),
            Self::Polygamma => found(b <= margin && vanishes(b - b.round()), Singularity),
            _ => None,
        }
    }
}

/// How `xⁿ` fails to be smooth within `margin` of `x`.
pub(crate) fn power_int_irregularity(x: f64, n: i32, margin: f64) -> Option<Irregularity> {
    (n < 0 && x.abs() <= margin).then_some(Singularity)
}

/// How `xᵖ` fails to be smooth within `margin` of `x`.
pub(crate) fn power_real_irregularity(x: f64, p: f64, margin: f64) -> Option<Irregularity> {
    let polynomial = p >= 0.0 && p.fract() == 0.0;
    (!polynomial && x.abs() <= margin).then_some(Singularity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::dual::Dual;
    use crate::number::elementary::Elementary;

    #[test]
    fn level_functions_have_no_jump_nearby() {
        for &f in Unary::ALL {
            for x in [-2.5_f64, -2.0, -1.3, -0.5, -0.2, 0.0, 0.3, 0.5, 1.0, 1.7, 2.5] {
                if f != Unary::StopGradient && f.is_level_at(x) {
                    let [below, at, above] = [x - 1e-9, x, x + 1e-9].map(|x| f.value(x));
                    assert!(below == at && at == above, "{f:?} at {x}");
                }
            }
        }
    }

    /// A value, a slope or a curvature that changes by more than the distance allows is named.
    #[test]
    fn what_leaps_is_named() {
        const STEP: f64 = 1e-7;
        let special = [-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0_f64];
        for &f in Unary::ALL {
            for x in special {
                let [below, above] = [x - STEP, x + STEP].map(|x| f.value(x));
                let [left, right] = [x - STEP, x + STEP].map(|x| f.derivative(x, f.value(x)));
                let curvature = |x: f64| {
                    let dual = Dual::<f64, 1>::variable(x, 0);
                    f.derivative(dual, dual.map(f)).eps[0]
                };
                let [before, behind] = [x - STEP, x + STEP].map(curvature);
                let leaps = (above - below).abs() > 0.1
                    || (right - left).abs() > 0.1
                    || (behind - before).abs() > 0.1;
                let all = [below, above, left, right, before, behind];
                if all.iter().all(|y| y.is_finite()) && leaps {
                    assert!(f.irregularity(x, 0.0).is_some(), "{f:?} at {x}");
                }
            }
        }
    }
}

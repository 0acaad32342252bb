//! What has probably been done wrong.

use std::fmt;

use crate::check::{Found, Laws, Policy, examine};
use crate::law::{Case, How, Law, Violation, component};
use crate::subject::Subject;

/// What has probably been done wrong, from how the numbers differ here and at another point.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Cause {
    /// The number given is minus the right one.
    WrongSign,
    /// The number given is the right one times a constant.
    WrongFactor {
        /// The constant.
        factor: f64,
    },
    /// The number given is 0 where it must not be: a derivative that is missing altogether, a curvature that was dropped.
    Zero,
    /// A term is missing, one too many, or wrong: the difference is no multiple of the right number.
    MissingTerm,
    /// The function has a kink or a jump there, and no derivative.
    Kink,
    /// The two numbers are equal up to a loss of digits: cancellation.
    Cancellation,
    /// Nothing that is known.
    Unknown,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongSign => f.write_str("wrong sign: the number given is minus the right one"),
            Self::WrongFactor { factor } => {
                write!(f, "wrong factor: the number given is {factor} times the right one")
            }
            Self::Zero => f.write_str("no derivative: the number given is 0"),
            Self::MissingTerm => f.write_str(
                "a term is missing, one too many, or wrong: the ratio to the right number varies",
            ),
            Self::Kink => f.write_str("a kink: the function has no derivative there"),
            Self::Cancellation => {
                f.write_str("cancellation: the numbers agree up to the digits that were lost")
            }
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// Relative differences below this are a loss of digits, not an error of a formula.
const LOST_DIGITS: f64 = 1e-7;

/// How exactly measured derivatives are known.
const MEASURED: f64 = 1e-3;

/// How exactly those are known that were found when an adjoint was recorded.
const ROUGHLY: f64 = 0.05;

pub(crate) fn likely_cause(
    subject: &dyn Subject,
    policy: &Policy,
    (x, other, seed): (&[f64], &[f64], u64),
    (law, violation): (Law, &Violation),
) -> Cause {
    let Violation { given, expected, ref how, .. } = *violation;
    match how {
        How::Kink { .. } => return Cause::Kink,
        How::Plain(_) | How::Absent(_) => return Cause::Unknown,
        _ => {}
    }
    if given == 0.0 {
        return Cause::Zero;
    }
    if let How::Limit { .. } = how {
        return simple(given / expected, ROUGHLY)
            .map_or(Cause::Unknown, |_| of_ratio(given / expected, ROUGHLY));
    }
    let ratio = given / expected;
    if !ratio.is_finite() {
        return Cause::MissingTerm;
    }
    if (ratio - 1.0).abs() < LOST_DIGITS {
        return Cause::Cancellation;
    }
    if let How::Recorded { .. } = how {
        let errors = [-2.0, -1.0, -0.5, 0.5, 2.0].map(|factor| (ratio / factor - 1.0_f64).abs());
        let plausible = errors.iter().any(|error| *error < ROUGHLY);
        return if plausible { of_ratio(ratio, ROUGHLY) } else { Cause::MissingTerm };
    }
    // A factor is the same at other points, or a term would have to vary as the rest does.
    let same = |r: &f64| (r - ratio).abs() <= MEASURED * ratio.abs();
    let ratio_at = |x: &[f64], seed| {
        let laws = Laws::that_show(law, violation);
        let found = examine(subject, policy, (x, x, seed), laws, None);
        ratio_at(subject, policy, (x, seed), (law, violation), found)
    };
    let between: Vec<f64> = x.iter().zip(other).map(|(a, b)| 0.5 * a + 0.5 * b).collect();
    let elsewhere = [(other, seed), (other, !seed), (&between[..], seed)];
    let elsewhere = elsewhere.map(|(x, seed)| ratio_at(x, seed));
    let constant = elsewhere.iter().flatten().all(same) && ratio_at(x, !seed).iter().all(same);
    // Where no other point shows it, only a simple number is believed to be a factor.
    let believed = elsewhere.iter().any(Option::is_some) || simple(ratio, MEASURED).is_some();
    if constant && believed { of_ratio(ratio, MEASURED) } else { Cause::MissingTerm }
}

/// Factors are simple, and known to `accuracy`.
fn of_ratio(ratio: f64, accuracy: f64) -> Cause {
    match simple(ratio, accuracy) {
        Some(-1.0) => Cause::WrongSign,
        Some(factor) => Cause::WrongFactor { factor },
        None => Cause::WrongFactor { factor: ratio },
    }
}

/// The fraction with a denominator of at most 12 that a ratio is to `accuracy`.
fn simple(ratio: f64, accuracy: f64) -> Option<f64> {
    (1..=12).find_map(|q| {
        let p = (ratio * f64::from(q)).round();
        let factor = p / f64::from(q);
        (factor != 0.0 && factor != 1.0 && (factor - ratio).abs() <= accuracy * ratio.abs())
            .then_some(factor)
    })
}

/// The same ratio at another point, if the same law fails there.
fn ratio_at(
    subject: &dyn Subject,
    policy: &Policy,
    (x, seed): (&[f64], u64),
    (law, here): (Law, &Violation),
    found: Result<(), Found>,
) -> Option<f64> {
    match found {
        Err(Found::Violation(found, violation)) if found == law => {
            if let (Some(_), How::Measured { order, .. }) = (here.component, &here.how) {
                let case = Case::new(subject, policy, x, x, seed).ok()?;
                let (_, given, measured) = component(&case, *order, here.component)?;
                return Some(given / measured);
            }
            (violation.component == here.component).then_some(violation.given / violation.expected)
        }
        _ => None,
    }
}

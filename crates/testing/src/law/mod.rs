//! The laws that derivatives obey, and one point at which they are put to the test.

mod case;
mod component;
mod differences;
mod first;
mod limit;
mod practice;
mod second;
mod taylor;
mod third;

use std::fmt;

pub(crate) use case::Case;
pub(crate) use component::{NAMES, component};

use crate::subject::Refusal;

/// A law that a derivative obeys, in the order in which they are checked.
///
/// The laws before [`NoSilentZero`](Self::NoSilentZero) compare one derivative with another, so they find what one mode does
/// and another does not; a rule that is wrong in all modes alike only the values can refute, and that is what the Taylor
/// remainders do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Law {
    /// The function has a value, and its derivatives have the lengths that they must have, also without inputs.
    Lengths,
    /// The gradient by reverse mode has the slope that forward mode finds, along a direction without zeros; where it has not, the
    /// component in which they differ is sought.
    ForwardIsReverse,
    /// `⟨w, J v⟩ = ⟨Jᵀ w, v⟩`, and `Jᵀ w` is the gradient.
    Adjoint,
    /// Where there is no rule for a derivative there is an error, and not a zero.
    ///
    /// A subject that refuses a derivative keeps the law. It breaks it where components of a gradient, of a Hessian-vector product
    /// or of a third derivative are exactly 0 while the derivative below them changes along these components, as its differences
    /// show; so no zero that is right is taken for a missing rule. A derivative that is wrong for an instruction whose own
    /// derivative is exactly 0, though its values change, is reported under this law too: a gradient that was stopped, a
    /// value that was read as a plain number. What it cannot see is a part of a derivative that is missing within one
    /// instruction or one hand-written formula, where the rest is not 0: that the Taylor remainders find.
    NoSilentZero,
    /// The Taylor remainder after the gradient falls with slope 2.
    FirstOrder,
    /// `H(a u + b v) = a H u + b H v`.
    Linearity,
    /// `uᵀ H v = vᵀ H u`.
    Symmetry,
    /// Forward over reverse, reverse over reverse, the linearised recording and nested duals agree on `H v`.
    SecondOrderModes,
    /// The Taylor remainder after the Hessian-vector product falls with slope 3.
    SecondOrder,
    /// `∇³φ[u, v]·z` is the same in whatever order the directions are taken.
    ThirdOrderSymmetry,
    /// All modes agree on the third derivative.
    ThirdOrderModes,
    /// The Taylor remainder after the third derivative falls with slope 4.
    ThirdOrder,
    /// What was recorded has the value of the function and, recorded elsewhere, gives bit for bit what a fresh recording gives.
    Replay,
    /// Several products at once are, bit for bit, those taken one at a time.
    Lanes,
    /// Single precision agrees with double, to its own rounding.
    SinglePrecision,
    /// Where a first or second derivative exists as the limit of differences from all sides, the modes give it, or refuse.
    ///
    /// It is put to the test at special points: with components that are 0, 1, −1 or equal in magnitude to another, and at the
    /// ends of the domain, where rules meet `0·∞` and functions are not smooth. A point given by [`Check::at`](crate::Check::at)
    /// or `at_point` is taken as it is, another is made of each that is drawn from a [`Domain`](crate::Domain). It is broken by
    /// another number, also an infinite one or NaN, and by a finite number where differences grow beyond bounds; it is kept by an
    /// error. Of each point reverse mode is asked, and of the others one in turn. Kinks whose documented derivative is not that
    /// of the function, such as that of `relu(x) − relu(−x)` at 0, are counted in the summary with their lines.
    Limit,
}

impl Law {
    /// All laws, in the order in which they are checked.
    pub const ALL: &'static [Self] = &[
        Self::Lengths,
        Self::ForwardIsReverse,
        Self::Adjoint,
        Self::NoSilentZero,
        Self::FirstOrder,
        Self::Linearity,
        Self::Symmetry,
        Self::SecondOrderModes,
        Self::SecondOrder,
        Self::ThirdOrderSymmetry,
        Self::ThirdOrderModes,
        Self::ThirdOrder,
        Self::Replay,
        Self::Lanes,
        Self::SinglePrecision,
        Self::Limit,
    ];

    /// The order of derivative that it is about.
    pub fn order(self) -> usize {
        match self {
            Self::Linearity
            | Self::Symmetry
            | Self::SecondOrderModes
            | Self::SecondOrder
            | Self::Lanes => 2,
            Self::ThirdOrderSymmetry | Self::ThirdOrderModes | Self::ThirdOrder => 3,
            _ => 1,
        }
    }

    /// The law that a violation is of: a hand-written adjoint that was refused when recorded is a wrong first derivative,
    /// whatever was being checked.
    pub(crate) fn blamed(self, violation: &Violation) -> Self {
        match violation.how {
            How::Recorded { .. } => Self::FirstOrder,
            _ => self,
        }
    }

    /// Puts it to the test.
    pub(crate) fn check(self, case: &Case<'_>) -> Result<(), Stop> {
        match self {
            Self::Lengths => first::lengths(case),
            Self::NoSilentZero => component::no_silent_zero(case),
            Self::ForwardIsReverse => first::forward_is_reverse(case),
            Self::Adjoint => first::adjoint(case),
            Self::FirstOrder => taylor::first(case),
            Self::Linearity => second::linearity(case),
            Self::Symmetry => second::symmetry(case),
            Self::SecondOrderModes => second::modes(case),
            Self::SecondOrder => taylor::second(case),
            Self::ThirdOrderSymmetry => third::symmetry(case),
            Self::ThirdOrderModes => third::modes(case),
            Self::ThirdOrder => taylor::third(case),
            Self::Replay => practice::replay(case),
            Self::Lanes => practice::lanes(case),
            Self::SinglePrecision => practice::single(case),
            Self::Limit => limit::limit(case),
        }
    }
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lengths => "derivatives have the lengths of their inputs",
            Self::NoSilentZero => "where no rule exists there is an error, not a zero",
            Self::ForwardIsReverse => "reverse gradient = forward derivative",
            Self::Adjoint => "⟨w, Jv⟩ = ⟨Jᵀw, v⟩",
            Self::FirstOrder => "the Taylor remainder after the gradient falls with slope 2",
            Self::Linearity => "the Hessian-vector product is linear in the vector",
            Self::Symmetry => "uᵀHv = vᵀHu",
            Self::SecondOrderModes => "all modes give the same Hessian-vector product",
            Self::SecondOrder => "the Taylor remainder after the Hessian falls with slope 3",
            Self::ThirdOrderSymmetry => "the third derivative is symmetric in its directions",
            Self::ThirdOrderModes => "all modes give the same third derivative",
            Self::ThirdOrder => {
                "the Taylor remainder after the third derivative falls with slope 4"
            }
            Self::Replay => "a replay is a fresh recording, bit for bit",
            Self::Lanes => "several products at once are single ones, bit for bit",
            Self::SinglePrecision => "single precision agrees with double",
            Self::Limit => "at special points a derivative is its limit, or refused",
        })
    }
}

/// Why a law was not found to hold at a point.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It does not.
    Violated(Box<Violation>),
    /// It is about what the subject does not offer, or refuses.
    Unanswered(Refusal),
    /// The point is none at which it could be checked: a kink, an edge, no value.
    Rejected(String),
    /// It says nothing here, for this reason; other laws do.
    Passed(String),
}

/// Where two numbers that must agree do not.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub given: f64,
    pub expected: f64,
    pub component: Option<usize>,
    /// What `given` and `expected` are.
    pub terms: [String; 2],
    pub how: How,
}

/// How a violation was found.
#[derive(Clone, Debug)]
pub(crate) enum How {
    /// Two computed numbers differ by more than rounding may: this much.
    Compared { tolerance: f64 },
    /// The remainder after the derivative of this order falls with this slope; steps and remainders.
    Measured { order: usize, slope: f64, steps: Vec<(f64, f64)> },
    /// The derivative of this order is exactly 0, where the one below changes.
    Silent { order: usize },
    /// The function has no such derivative there.
    Kink { slope: f64 },
    /// The derivative of this order is another number than the limit of differences at this point.
    Limit { order: usize, x: Vec<f64> },
    /// In a debug build, an operation's adjoint was refused when it was recorded.
    Recorded { operation: &'static str, operand: usize, at: &'static std::panic::Location<'static> },
    /// The number itself says it: a wrong length, one that is not finite.
    Plain(String),
    /// There must be a derivative at every point, and there is none at this one.
    Absent(String),
}

impl Violation {
    /// By which part of the larger number the two differ; 1 where one is not a number.
    pub(crate) fn relative_error(&self) -> f64 {
        let error = (self.given - self.expected).abs() / self.given.abs().max(self.expected.abs());
        if error.is_finite() { error } else { 1.0 }
    }

    /// The special point at which it is, if it is one.
    pub(crate) fn point(&self) -> Option<&[f64]> {
        match &self.how {
            How::Limit { x, .. } => Some(x),
            _ => None,
        }
    }

    /// Why it is none after all: differences disagree with what is documented.
    pub(crate) fn excuse(&self, case: &Case<'_>) -> Option<String> {
        match self.how {
            How::Measured { .. } | How::Silent { .. } => case.excuse(),
            _ => None,
        }
    }

    /// A point at which there must be a derivative and is none.
    pub(crate) fn of_point(reason: String) -> Self {
        Self {
            given: f64::NAN,
            expected: f64::NAN,
            component: None,
            terms: ["the derivative".into(), "a derivative at every point".into()],
            how: How::Absent(reason),
        }
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        match refusal.wrong_adjoint() {
            Some(wrong) => Stop::Violated(Box::new(Violation {
                given: wrong.adjoint,
                expected: wrong.difference,
                component: None,
                terms: [
                    format!("the adjoint of \"{}\"", wrong.operation),
                    "differences of its values".into(),
                ],
                how: How::Recorded {
                    operation: wrong.operation,
                    operand: wrong.operand,
                    at: wrong.at,
                },
            })),
            None => Stop::Unanswered(refusal),
        }
    }
}

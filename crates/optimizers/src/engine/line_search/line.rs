//! The function of one variable that a search sees, and what it says of a step.

use std::fmt;

use dualtape_autodiff::Real;

use crate::check::require;
use crate::error::Error;

/// A function of one variable, `φ(a)` for `a ≥ 0`.
pub trait Line<S: Real> {
    /// `φ(a)`; NaN or infinite outside the domain.
    ///
    /// # Errors
    ///
    /// Whatever the evaluation refuses.
    fn value(&mut self, a: S) -> Result<S, Error>;

    /// `φ(a)` and `φ'(a)`.
    ///
    /// # Errors
    ///
    /// Whatever the evaluation refuses.
    fn value_and_slope(&mut self, a: S) -> Result<(S, S), Error>;
}

/// What is known at the start of a search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Origin<S> {
    /// `φ(0)`.
    pub value: S,
    /// `φ'(0)`, negative or (with negative curvature) zero.
    pub slope: S,
    /// `φ''(0)` if it is negative and meant to be made use of, else 0.
    pub curvature: S,
}

impl<S: Real> Origin<S> {
    /// The start of an ordinary descent direction.
    pub fn descent(value: S, slope: S) -> Self {
        Origin { value, slope, curvature: S::zero() }
    }

    /// Whether `φ` is known to decrease from 0.
    pub(super) fn decreases(&self) -> bool {
        self.slope < S::zero() || (self.slope <= S::zero() && self.curvature < S::zero())
    }

    /// Differences of values up to this size are certainly rounding.
    pub(super) fn rounding(&self) -> S {
        S::constant(10.0) * S::epsilon() * self.value.abs()
    }

    /// Differences of values up to this size may be rounding, where the value is a sum of much larger terms.
    pub(super) fn noise(&self) -> S {
        S::epsilon().sqrt() * self.value.abs()
    }

    /// The approximate Wolfe conditions of Hager & Zhang, SIAM J. Optim. 16 (2005), eq. (4.1), for a step whose effect
    /// on the value may be rounding: near a minimum, slopes still tell what values no longer can.
    ///
    /// Their `ε_k = 10⁻⁶ |φ(0)|` is here `√ε |φ(0)|`, and the decrease predicted must be as small.
    pub(super) fn approximate_wolfe(
        &self,
        decrease: S,
        curvature: S,
        step: S,
        value: S,
        slope: S,
    ) -> bool {
        let two = S::constant(2.0);
        (value - self.value).abs() <= self.noise()
            && (step * self.slope).abs() <= self.noise()
            && (two * decrease - S::one()) * self.slope >= slope
            && slope >= curvature * self.slope
    }
}

/// Which conditions an accepted step satisfies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Condition {
    /// Sufficient decrease `φ(a) ≤ φ(0) + c₁ a φ'(0)` (with negative curvature: `+ c₁ ½a² φ''(0)`).
    Armijo,
    /// Sufficient decrease and `φ'(a) ≥ c₂ φ'(0)`.
    Wolfe,
    /// Sufficient decrease and `|φ'(a)| ≤ c₂ |φ'(0)|`.
    StrongWolfe,
    /// `(2c₁ − 1) φ'(0) ≥ φ'(a) ≥ c₂ φ'(0)`, and no increase beyond rounding.
    ApproximateWolfe,
}

/// An accepted step.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Accepted<S> {
    /// The step `a`.
    pub step: S,
    /// `φ(a)`.
    pub value: S,
    /// What it satisfies.
    pub condition: Condition,
}

/// Why a search found no step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineSearchFailure {
    /// `φ'(0)` is not negative, nor is there negative curvature.
    NotDescent,
    /// No point tried had a finite value.
    NonFinite,
    /// The interval or the differences of values shrank to the level of rounding: no better point can be told apart.
    Rounding,
    /// The allowed number of evaluations is used up.
    TooManyEvaluations,
}

impl fmt::Display for LineSearchFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LineSearchFailure::NotDescent => "the direction does not lead downhill",
            LineSearchFailure::NonFinite => "no finite value along the direction",
            LineSearchFailure::Rounding => "no progress beyond rounding",
            LineSearchFailure::TooManyEvaluations => "too many evaluations",
        })
    }
}

pub(super) fn check_first<S: Real>(first: S) -> Result<(), Error> {
    require("first step", first, "positive", |a| a > 0.0)
}

/// `Ok` if `0 < c₁ ≤ c₂ < 1`.
pub(super) fn check_wolfe<S: Real>(decrease: S, curvature: S) -> Result<(), Error> {
    require("sufficient_decrease", decrease, "in (0, ½)", |c| c > 0.0 && c < 0.5)?;
    require("curvature_condition", curvature, "at least sufficient_decrease and below 1", |c| {
        c >= decrease.as_f64() && c < 1.0
    })
}

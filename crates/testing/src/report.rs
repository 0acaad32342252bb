//! What a check says: what was done, or what is wrong.

use std::fmt;
use std::panic::Location;

use proptest::test_runner::TestCaseError;

use crate::cause::{Cause, likely_cause};
use crate::check::Policy;
use crate::law::{Case, How, Law, NAMES, Violation, component};
use crate::locate::{Culprit, locate};
use crate::subject::{Refusal, Subject};

/// What was checked, and what was not.
#[derive(Clone, Debug)]
pub struct Summary {
    name: String,
    order: usize,
    counts: Vec<usize>,
    skipped: Vec<(Law, Skip)>,
    rejected: Vec<(String, usize)>,
}

/// Why a law was not checked.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Skip {
    /// The subject does not offer what it is about.
    NotOffered,
    /// The subject refused, as it must where it has no rule: with this error, and not with a zero.
    Refused(String),
}

impl Summary {
    pub(crate) fn new(name: String, order: usize) -> Self {
        let counts = vec![0; Law::ALL.len()];
        Self { name, order, counts, skipped: Vec::new(), rejected: Vec::new() }
    }

    pub(crate) fn count(&mut self, law: Law) {
        self.counts[law as usize] += 1;
    }

    pub(crate) fn pass_over(&mut self, law: Law, refusal: &Refusal) {
        if !self.skipped.iter().any(|(skipped, _)| *skipped == law) {
            let skip = match refusal {
                Refusal::NotOffered => Skip::NotOffered,
                Refusal::Failed(error) => Skip::Refused(error.to_string()),
            };
            self.skipped.push((law, skip));
        }
    }

    pub(crate) fn reject(&mut self, reason: &str) {
        match self.rejected.iter_mut().find(|(known, _)| known == reason) {
            Some((_, count)) => *count += 1,
            None => self.rejected.push((reason.to_owned(), 1)),
        }
    }

    /// A law that was skipped at some points and checked at others counts as checked.
    pub(crate) fn settle(&mut self) {
        let counts = &self.counts;
        self.skipped.retain(|(law, _)| counts[*law as usize] == 0);
    }

    /// At how many points a law was checked and held.
    pub fn checked(&self, law: Law) -> usize {
        self.counts[law as usize]
    }

    /// The laws of the orders asked for that were checked nowhere, and why.
    pub fn skipped(&self) -> &[(Law, Skip)] {
        &self.skipped
    }

    /// How many points were passed over, because the function has a kink, an edge or no value there.
    pub fn rejected(&self) -> usize {
        self.rejected.iter().map(|(_, count)| count).sum()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "derivatives of {}, to order {}", self.name, self.order)?;
        for law in Law::ALL.iter().filter(|law| self.checked(**law) > 0) {
            writeln!(f, "  holds at {:>4} points  {law}", self.checked(*law))?;
        }
        for (law, skip) in &self.skipped {
            match skip {
                Skip::NotOffered => writeln!(f, "  not offered          {law}")?,
                Skip::Refused(error) => writeln!(f, "  refused              {law}: {error}")?,
            }
        }
        for (reason, count) in &self.rejected {
            writeln!(f, "  passed over {count:>4} points: {reason}")?;
        }
        Ok(())
    }
}

/// A law that does not hold, with everything found out about it; or that nothing could be checked.
#[derive(Clone, Debug)]
pub struct Failure(Box<Contents>);

#[derive(Clone, Debug)]
struct Contents {
    summary: Summary,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Violated { law: Law, x: Vec<f64>, violation: Violation, cause: Cause, culprit: Option<Culprit> },
    NothingChecked,
    NoInputs,
    Vanished { x: Vec<f64> },
}

impl Failure {
    fn of(summary: Summary, kind: Kind) -> Self {
        Self(Box::new(Contents { summary, kind }))
    }

    pub(crate) fn nothing_checked(summary: Summary) -> Self {
        Self::of(summary, Kind::NothingChecked)
    }

    pub(crate) fn no_inputs(summary: Summary) -> Self {
        Self::of(summary, Kind::NoInputs)
    }

    pub(crate) fn vanished(x: Vec<f64>, summary: Summary) -> Self {
        Self::of(summary, Kind::Vanished { x })
    }

    fn violation(&self) -> Option<&Violation> {
        match &self.0.kind {
            Kind::Violated { violation, .. } => Some(violation),
            _ => None,
        }
    }

    /// The law that does not hold; `None` if no law could be checked.
    pub fn law(&self) -> Option<Law> {
        match &self.0.kind {
            Kind::Violated { law, .. } => Some(*law),
            _ => None,
        }
    }

    /// The smallest input found at which it does not hold.
    pub fn input(&self) -> &[f64] {
        match &self.0.kind {
            Kind::Violated { x, .. } | Kind::Vanished { x } => x,
            _ => &[],
        }
    }

    /// The component in which it does not, if it is one.
    pub fn component(&self) -> Option<usize> {
        self.violation()?.component
    }

    /// The number given by the derivative that is checked; NaN if none is.
    pub fn given(&self) -> f64 {
        self.violation().map_or(f64::NAN, |violation| violation.given)
    }

    /// The number that it should be.
    pub fn expected(&self) -> f64 {
        self.violation().map_or(f64::NAN, |violation| violation.expected)
    }

    /// What has probably been done wrong.
    pub fn cause(&self) -> Cause {
        match &self.0.kind {
            Kind::Violated { cause, .. } => *cause,
            _ => Cause::Unknown,
        }
    }

    /// The line of the instruction whose derivative is wrong while those of its operands are right, where it was found.
    pub fn location(&self) -> Option<&'static Location<'static>> {
        match &self.0.kind {
            Kind::Violated { culprit, .. } => culprit.as_ref()?.at,
            _ => None,
        }
    }

    /// The operation of that instruction.
    pub fn operation(&self) -> Option<&str> {
        match &self.0.kind {
            Kind::Violated { culprit, .. } => Some(&culprit.as_ref()?.operation),
            _ => None,
        }
    }

    /// What was checked before.
    pub fn summary(&self) -> &Summary {
        &self.0.summary
    }

    /// For a test of proptest's: rejected if nothing could be checked at the point, else failed.
    pub fn into_test_case_error(self) -> TestCaseError {
        match &self.0.kind {
            Kind::NothingChecked if self.0.summary.rejected() > 0 => {
                TestCaseError::reject(self.to_string())
            }
            _ => TestCaseError::fail(self.to_string()),
        }
    }
}

impl std::error::Error for Failure {}

/// Finds out about a violation what can be: component, cause, source line.
pub(crate) fn diagnose(
    subject: &dyn Subject,
    policy: &Policy,
    point: (&[f64], &[f64], u64),
    (mut law, mut violation): (Law, Violation),
    summary: Summary,
) -> Failure {
    let (x, other, seed) = point;
    let mut culprit = None;
    if let Ok(case) = Case::new(subject, policy, x, other, seed) {
        if let How::Measured { order, .. } = violation.how
            && let Some((i, given, measured)) = component(&case, order, None)
        {
            (violation.component, violation.given, violation.expected) = (Some(i), given, measured);
            let [what, below] = NAMES[order - 1];
            violation.terms = [what.into(), format!("differences of {below}")];
        }
        culprit = locate(&case, &violation);
    }
    if let How::Recorded { operation, at, .. } = violation.how {
        culprit = Some(Culprit::new(operation.into(), Some(at)));
    }
    let cause = likely_cause(subject, policy, point, (law, &violation));
    if culprit.as_ref().is_some_and(|culprit| culprit.silent) {
        law = Law::NoSilentZero;
    }
    let x = x.to_vec();
    Failure::of(summary, Kind::Violated { law, x, violation, cause, culprit })
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.0.summary.name;
        match &self.0.kind {
            Kind::Violated { law, x, violation, cause, culprit } => {
                writeln!(f, "a derivative of {name} is wrong")?;
                write_violation(f, *law, x, violation, *cause)?;
                if let Some(Culprit { operation, at, .. }) = culprit {
                    let at = at.map_or(String::new(), |at| format!(" at {at}"));
                    writeln!(f, "  operation   {operation}{at}")?;
                }
            }
            Kind::NothingChecked => writeln!(
                f,
                "no derivative of {name} could be checked: choose points at which it has one, by `at` or `in_domain`"
            )?,
            Kind::NoInputs => writeln!(
                f,
                "nothing says how many inputs {name} has: give points by `at`, or their number by `inputs`"
            )?,
            Kind::Vanished { x } => writeln!(
                f,
                "a derivative of {name} was wrong at {x:?}, and when tried again it was not: it depends on something else \
                 than its input"
            )?,
        }
        write!(f, "{}", self.0.summary)
    }
}

fn write_violation(
    f: &mut fmt::Formatter<'_>,
    law: Law,
    x: &[f64],
    violation: &Violation,
    cause: Cause,
) -> fmt::Result {
    let Violation { given, expected, component, terms, how } = violation;
    writeln!(f, "  law         {law}")?;
    writeln!(f, "  input       {x:?} (the smallest found)")?;
    if let Some(component) = component {
        writeln!(f, "  component   {component}")?;
    }
    let width = terms.iter().map(|term| term.chars().count()).max().unwrap_or(0);
    writeln!(f, "  given       {given:<24?} {:<width$}", terms[0])?;
    writeln!(f, "  expected    {expected:<24?} {:<width$}", terms[1])?;
    match how {
        How::Compared { tolerance } => {
            writeln!(
                f,
                "  difference  {:.3e}, where rounding allows {tolerance:.3e}",
                given - expected
            )?;
        }
        How::Measured { order, slope, steps } => {
            writeln!(f, "  slope       {slope:.2}, where {} is right", order + 1)?;
            let shown = steps.iter().step_by(steps.len().div_ceil(5).max(1));
            let shown: Vec<String> = shown.map(|(h, r)| format!("{h:.1e}: {r:.1e}")).collect();
            writeln!(f, "  remainders  {}", shown.join(", "))?;
        }
        How::Silent { order } => {
            writeln!(
                f,
                "  found       a derivative of order {order} that is exactly 0, and no error"
            )?;
        }
        How::Kink { slope } => writeln!(f, "  slope       {slope:.2} to one side only: a kink")?,
        How::Recorded { operand, .. } => {
            writeln!(f, "  operand     {operand}, found wrong when it was recorded")?;
        }
        How::Plain(message) => writeln!(f, "  found       {message}")?,
    }
    writeln!(f, "  cause       {cause}")
}

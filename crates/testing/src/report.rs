//! What a check that fails says.

use std::fmt;
use std::panic::Location;

use proptest::test_runner::TestCaseError;

use crate::cause::{Cause, likely_cause};
use crate::check::Policy;
use crate::law::{Case, How, Law, NAMES, Violation, component};
use crate::locate::{Culprit, Lost, locate};
use crate::subject::Subject;
use crate::summary::Summary;

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
    Violated {
        law: Law,
        x: Vec<f64>,
        violation: Violation,
        cause: Cause,
        culprit: Option<Culprit>,
    },
    NothingChecked,
    /// Of this many points that were asked for, most had no derivative.
    TooFew {
        asked: u32,
    },
    NoInputs,
    Vanished {
        x: Vec<f64>,
    },
}

impl Failure {
    fn of(summary: Summary, kind: Kind) -> Self {
        Self(Box::new(Contents { summary, kind }))
    }

    pub(crate) fn nothing_checked(summary: Summary) -> Self {
        Self::of(summary, Kind::NothingChecked)
    }

    pub(crate) fn too_few(summary: Summary, asked: u32) -> Self {
        Self::of(summary, Kind::TooFew { asked })
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
            Kind::Violated { violation, x, .. } => violation.point().unwrap_or(x),
            Kind::Vanished { x } => x,
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

    /// How the derivative was lost on the way, where that is what is wrong: a value was read, or the gradient stopped.
    pub fn lost(&self) -> Option<Lost> {
        match &self.0.kind {
            Kind::Violated { culprit, .. } => culprit.as_ref()?.lost,
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
            Kind::TooFew { .. } => TestCaseError::reject(self.to_string()),
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
        culprit = match violation.point() {
            Some(point) => Case::new(subject, policy, point, other, seed)
                .ok()
                .and_then(|case| locate(&case, &violation)),
            None => locate(&case, &violation),
        };
    }
    if let How::Recorded { operation, at, .. } = violation.how {
        culprit = Some(Culprit::new(operation.into(), Some(at), subject));
    }
    let cause = likely_cause(subject, policy, point, (law, &violation));
    if law != Law::Limit && culprit.as_ref().is_some_and(|culprit| culprit.silent) {
        law = Law::NoSilentZero;
    }
    let x = x.to_vec();
    Failure::of(summary, Kind::Violated { law, x, violation, cause, culprit })
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let summary = &self.0.summary;
        let name = summary.name();
        let mut broken = None;
        match &self.0.kind {
            Kind::Violated { law, x, violation, cause, culprit } => {
                broken = Some(*law);
                writeln!(f, "{}", headline(name, *law, &violation.how))?;
                let found = if summary.is_of_one_point() { "given" } else { "the smallest found" };
                writeln!(f, "  law         {law}")?;
                let x = violation.point().unwrap_or(x);
                writeln!(f, "  input       {x:?} ({found})")?;
                write_violation(f, violation)?;
                write_cause(f, violation, *cause, culprit.as_ref())?;
            }
            Kind::NothingChecked => writeln!(
                f,
                "no derivative of {name} was held against its values: at every point tried something below stood against \
                 it; choose points at which it has a derivative, by `at` or `in_domain`"
            )?,
            Kind::TooFew { asked } => writeln!(
                f,
                "the derivatives of {name} were checked at {} points only, of {asked} asked for: too many others had to be \
                 passed over, for what is said below; choose points at which it has a derivative, by `at` or `in_domain`",
                summary.checked(Law::FirstOrder)
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
        summary.write(f, broken)
    }
}

/// What is wrong, in a line.
fn headline(name: &str, law: Law, how: &How) -> String {
    match (law, how) {
        (_, How::Kink { .. } | How::Absent(_)) => {
            format!("{name} has no derivative at a point at which it is to have one")
        }
        (Law::Replay, _) => format!("a recording of {name} is not the function"),
        (Law::Lanes, _) => format!("products of {name} taken at once are not the single ones"),
        (Law::SinglePrecision, _) => {
            format!("{name} in single precision is not what it is in double")
        }
        _ => format!("a derivative of {name} is wrong"),
    }
}

fn write_violation(f: &mut fmt::Formatter<'_>, violation: &Violation) -> fmt::Result {
    let Violation { given, expected, component, terms, how } = violation;
    if let How::Absent(reason) = how {
        return writeln!(f, "  found       {reason}");
    }
    if let Some(component) = component {
        writeln!(f, "  component   {component}")?;
    }
    let width = terms.iter().map(|term| term.chars().count()).max().unwrap_or(0);
    writeln!(f, "  given       {given:<24?} {:<width$}", terms[0])?;
    if !matches!(how, How::Kink { .. }) {
        writeln!(f, "  expected    {expected:<24?} {:<width$}", terms[1])?;
    }
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
        How::Limit { order, .. } => writeln!(
            f,
            "  found       the derivative of order {order} exists as a limit, and was not refused"
        )?,
        How::Kink { slope } => writeln!(f, "  slope       {slope:.2} to one side only: a kink")?,
        How::Recorded { operand, .. } => {
            writeln!(f, "  operand     {operand}, found wrong when it was recorded")?;
        }
        How::Plain(message) => writeln!(f, "  found       {message}")?,
        How::Absent(_) => {}
    }
    Ok(())
}

fn write_cause(
    f: &mut fmt::Formatter<'_>,
    violation: &Violation,
    cause: Cause,
    culprit: Option<&Culprit>,
) -> fmt::Result {
    match culprit.and_then(|culprit| culprit.lost) {
        Some(lost) => writeln!(f, "  cause       {lost}; {cause}")?,
        None if matches!(violation.how, How::Absent(_)) => {}
        None => writeln!(f, "  cause       {cause}")?,
    }
    if let Some(Culprit { operation, at, .. }) = culprit {
        let at = at.map_or(String::new(), |at| format!(" at {at}"));
        writeln!(f, "  operation   {operation}{at}")?;
    }
    Ok(())
}

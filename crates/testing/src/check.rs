//! The check: which laws, at which points.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::Location;

use dualtape_autodiff::Var;
use proptest::prelude::*;
use proptest::strategy::BoxedStrategy;
use proptest::test_runner::{
    Config, FailurePersistence, FileFailurePersistence, RngSeed, TestCaseError, TestError,
    TestRunner,
};

use crate::law::{Case, How, Law, Stop, Violation};
use crate::report::{Failure, diagnose};
use crate::strategies::Domain;
use crate::subject::{Subject, scalar};
use crate::summary::{Skip, Summary};

/// Verifies the derivatives of a scalar function of scalars: the one line of a test.
///
/// # Example
///
/// ```
/// use dualtape_testing::{check_derivatives, strategies};
///
/// check_derivatives(|x| x[0].ln() * x[1].powi(3)).at(strategies::positive(2)).order(3).assert();
/// ```
pub fn check_derivatives<'f, F>(f: F) -> Check<impl Subject + use<'f, F>>
where
    F: for<'t> Fn(&[Var<'t>]) -> Var<'t> + Send + Sync + 'f,
{
    check(scalar(f))
}

/// Verifies the derivatives of anything that is a [`Subject`]: made by [`tensors`](crate::tensors),
/// [`elementwise`](crate::elementwise), [`generic!`](crate::generic), …
///
/// # Example
///
/// ```
/// use dualtape_testing::{check, tensor_loss};
///
/// check(tensor_loss(&[&[3, 2]], |x| x[0].softmax(1).powi(2).sum())).assert();
/// ```
pub fn check<T: Subject>(subject: T) -> Check<T> {
    Check { subject, policy: Policy::default(), plan: Plan::default() }
}

/// A check that is being set up; [`assert`](Self::assert) and [`check`](Self::check) run it.
///
/// Left alone it checks laws up to the second order, in 64 cases, at points with components between −2 and 2.
pub struct Check<T> {
    subject: T,
    policy: Policy,
    plan: Plan,
}

/// What is asked of every point.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub order: usize,
    pub tolerance: Tolerance,
    pub kinks: Kinks,
    /// Where points are drawn from, unless the user gave them: special ones are made of them.
    pub domain: Option<Domain>,
}

impl Default for Policy {
    fn default() -> Self {
        let (tolerance, kinks) = (Tolerance::default(), Kinks::Avoid);
        Self { order: 2, tolerance, kinks, domain: Some(Domain::default()) }
    }
}

/// Which points.
struct Plan {
    points: Option<BoxedStrategy<Vec<f64>>>,
    fixed: Option<Vec<f64>>,
    inputs: Option<usize>,
    cases: u32,
    seed: Option<u64>,
    persistence: Option<Box<dyn FailurePersistence>>,
}

impl Default for Plan {
    fn default() -> Self {
        Self { points: None, fixed: None, inputs: None, cases: 64, seed: None, persistence: None }
    }
}

/// What is done at a point where the function has a kink, a jump, an edge or no finite value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kinks {
    /// Another point is taken; the [`Summary`] counts them.
    #[default]
    Avoid,
    /// It is a failure: for functions that are to be smooth.
    Report,
}

/// How far two numbers may differ that must agree.
///
/// By `factor·ε·growth·size + noise·σ`, where `size` is that of the terms of which the numbers are made, `growth` is
/// `4 + √(n + m)`, and `σ` is the rounding error of the function at the point, measured there: so an ill-conditioned point is
/// no false alarm, and a well-conditioned one is held to a few units in the last place. Differences of less than the smallest
/// normal number over `ε` (10⁻²⁹² in `f64`) are always allowed, since what underflows has no digits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// In units of `ε·growth·size`. By default 256.
    pub factor: f64,
    /// In standard deviations of the rounding error. By default 64.
    pub noise: f64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { factor: 256.0, noise: 64.0 }
    }
}

/// The points and the seed of a case that fails, and the laws to look at there.
type Failing = ((Vec<f64>, Vec<f64>, u64), Laws);

/// How looking at points ended.
enum Run {
    /// All that were asked for were looked at.
    Done,
    /// Too many had to be passed over.
    Exhausted,
    /// Nobody knows how many components a point has.
    WithoutInputs,
    Failing(Failing),
}

impl<T: Subject> Check<T> {
    /// The highest order of derivative to check: 1, 2 or 3. By default 2.
    pub fn order(mut self, order: usize) -> Self {
        self.policy.order = order.clamp(1, 3);
        self
    }

    /// Where to check: points of this strategy, which shrink as it says.
    pub fn at(mut self, points: impl Strategy<Value = Vec<f64>> + 'static) -> Self {
        self.plan.points = Some(points.boxed());
        self.policy.domain = None;
        self
    }

    /// At this one point, in as many directions as there are cases.
    pub fn at_point(mut self, x: &[f64]) -> Self {
        self.plan.fixed = Some(x.to_vec());
        self.policy.domain = None;
        self
    }

    /// At points of this domain; for closures over scalars, of which nobody knows how many they take, say it by
    /// [`inputs`](Self::inputs).
    pub fn in_domain(mut self, domain: Domain) -> Self {
        self.policy.domain = Some(domain);
        self
    }

    /// The number of inputs, where the subject does not know it.
    pub fn inputs(mut self, inputs: usize) -> Self {
        self.plan.inputs = Some(inputs);
        self
    }

    /// How far numbers may differ.
    pub fn tolerance(mut self, tolerance: Tolerance) -> Self {
        self.policy.tolerance = tolerance;
        self
    }

    /// How many points to check. By default 64.
    pub fn cases(mut self, cases: u32) -> Self {
        self.plan.cases = cases;
        self
    }

    /// What to do at kinks. By default they are avoided.
    pub fn kinks(mut self, kinks: Kinks) -> Self {
        self.policy.kinks = kinks;
        self
    }

    /// Draws the same points in every run. By default they are other ones each time, or those of `PROPTEST_RNG_SEED`, as
    /// proptest's are.
    pub fn seed(mut self, seed: u64) -> Self {
        self.plan.seed = Some(seed);
        self
    }

    /// Where the seeds of failures are kept, to be tried first in the next run. [`assert`](Self::assert) keeps them where
    /// proptest does; [`check`](Self::check) nowhere, unless told here.
    pub fn persistence(mut self, persistence: impl FailurePersistence + 'static) -> Self {
        self.plan.persistence = Some(Box::new(persistence));
        self
    }

    /// Checks.
    ///
    /// # Errors
    ///
    /// The [`Failure`], at the smallest input that fails; or that nothing could be checked.
    #[track_caller]
    pub fn check(self) -> Result<Summary, Failure> {
        self.run(Location::caller().file())
    }

    /// Checks, and panics with the report if something is wrong. Keeps the seeds of failures in `proptest-regressions`.
    ///
    /// # Panics
    ///
    /// With the [`Failure`].
    #[track_caller]
    pub fn assert(mut self) -> Summary {
        let persistence =
            || Box::new(FileFailurePersistence::default()) as Box<dyn FailurePersistence>;
        self.plan.persistence.get_or_insert_with(persistence);
        match self.run(Location::caller().file()) {
            Ok(summary) => summary,
            Err(failure) => panic!("{failure}"),
        }
    }

    fn run(self, file: &'static str) -> Result<Summary, Failure> {
        let one_point = self.plan.fixed.is_some();
        let tally = RefCell::new(Summary::new(self.subject.name(), self.policy.order, one_point));
        let found = match self.plan.fixed.clone() {
            Some(x) => self.run_at(&x, &tally).map_or(Run::Done, Run::Failing),
            None => self.run_on_points(file, &tally),
        };
        let mut summary = tally.into_inner();
        summary.settle();
        match found {
            Run::Failing(((x, other, seed), laws)) => {
                Err(self.failure((&x, &other, seed), laws, summary))
            }
            Run::WithoutInputs => Err(Failure::no_inputs(summary)),
            _ if summary.checked(Law::FirstOrder) == 0 => Err(Failure::nothing_checked(summary)),
            Run::Exhausted => Err(Failure::too_few(summary, self.plan.cases)),
            Run::Done => Ok(summary),
        }
    }

    /// At a fixed point, with directions from seeds that follow each other.
    fn run_at(&self, x: &[f64], tally: &RefCell<Summary>) -> Option<Failing> {
        let first = self.plan.seed.unwrap_or(0);
        let nudged: Vec<f64> = x.iter().map(|x| x * 1.015_625 + 1e-3).collect();
        (0..u64::from(self.plan.cases)).find_map(|k| {
            let seed = first.wrapping_add(k);
            let point = (x, &nudged[..], seed);
            match examine(&self.subject, &self.policy, point, Laws::All, Some(tally)) {
                Err(Found::Violation(law, violation)) => {
                    Some(((x.to_vec(), nudged.clone(), seed), Laws::that_show(law, &violation)))
                }
                _ => None,
            }
        })
    }

    /// The smallest failure that proptest finds, if any.
    fn run_on_points(&self, file: &'static str, tally: &RefCell<Summary>) -> Run {
        let points = match (&self.plan.points, self.plan.inputs.or(self.subject.inputs())) {
            (Some(points), _) => points.clone(),
            (None, Some(n)) => self.policy.domain.unwrap_or_default().points(n),
            (None, None) => return Run::WithoutInputs,
        };
        let defaults = Config::default();
        let config = Config {
            cases: self.plan.cases,
            source_file: Some(file),
            failure_persistence: self.plan.persistence.clone(),
            max_global_rejects: 16 * self.plan.cases + 64,
            rng_seed: self.plan.seed.map_or(defaults.rng_seed, RngSeed::Fixed),
            ..defaults
        };
        let strategy = (points.clone(), points.no_shrink(), any::<u64>().no_shrink());
        let first: Cell<Option<(Law, f64, Laws)>> = Cell::new(None);
        let found = TestRunner::new(config).run(&strategy, |(x, other, seed)| {
            let laws = first.get().map_or(Laws::All, |(.., laws)| laws);
            // What a failure shrinks through is no part of what was checked.
            let tally = first.get().is_none().then_some(tally);
            match examine(&self.subject, &self.policy, (&x, &other, seed), laws, tally) {
                Ok(()) => Ok(()),
                Err(Found::Rejected(reason)) => Err(TestCaseError::reject(reason)),
                // While it shrinks, it must stay the same failure: of the same law, and not one that rounding almost allows.
                Err(Found::Violation(law, violation)) => {
                    let error = violation.relative_error();
                    let found = (law, error, Laws::that_show(law, &violation));
                    let (first_law, first_error, _) = first.get().unwrap_or(found);
                    first.set(first.get().or(Some(found)));
                    match law == first_law && error >= 0.1 * first_error {
                        true => Err(TestCaseError::fail(law.to_string())),
                        false => Ok(()),
                    }
                }
            }
        });
        match found {
            Ok(()) => Run::Done,
            Err(TestError::Fail(_, points)) => {
                Run::Failing((points, first.get().map_or(Laws::All, |(.., laws)| laws)))
            }
            Err(TestError::Abort(_)) => Run::Exhausted,
        }
    }

    /// Everything that can be said of a failure.
    fn failure(&self, point: (&[f64], &[f64], u64), laws: Laws, summary: Summary) -> Failure {
        match examine(&self.subject, &self.policy, point, laws, None) {
            Err(Found::Violation(law, violation)) => {
                diagnose(&self.subject, &self.policy, point, (law, *violation), summary)
            }
            _ => Failure::vanished(point.0.to_vec(), summary),
        }
    }
}

impl<T: Subject> fmt::Debug for Check<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check")
            .field("subject", &self.subject.name())
            .field("policy", &self.policy)
            .field("cases", &self.plan.cases)
            .finish_non_exhaustive()
    }
}

/// What stops the checking of a point.
pub(crate) enum Found {
    Rejected(String),
    Violation(Law, Box<Violation>),
}

/// Which laws are checked at a point.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Laws {
    All,
    /// This one alone: what is known to be wrong is looked at elsewhere.
    Only(Law),
}

impl Laws {
    /// Those under which a violation shows again.
    pub(crate) fn that_show(law: Law, violation: &Violation) -> Self {
        match violation.how {
            // Whatever law was being checked.
            How::Recorded { .. } | How::Plain(_) | How::Absent(_) => Self::All,
            _ => Self::Only(law),
        }
    }

    fn contain(self, law: Law) -> bool {
        match self {
            Self::All => true,
            // The remainder of first order tells kinks, at which later laws would fail too.
            Self::Only(only) => law == only || (law == Law::FirstOrder && law < only),
        }
    }
}

/// Checks laws at a point; counts what was done in the tally.
pub(crate) fn examine(
    subject: &dyn Subject,
    policy: &Policy,
    (x, other, seed): (&[f64], &[f64], u64),
    laws: Laws,
    tally: Option<&RefCell<Summary>>,
) -> Result<(), Found> {
    let reject = |reason: String| {
        if let Some(tally) = tally {
            tally.borrow_mut().reject(&reason);
        }
        match policy.kinks {
            Kinks::Avoid => Found::Rejected(reason),
            Kinks::Report => {
                Found::Violation(Law::FirstOrder, Box::new(Violation::of_point(reason)))
            }
        }
    };
    let case = match Case::new(subject, policy, x, other, seed) {
        Ok(case) => case,
        Err(Stop::Violated(violation)) => return Err(Found::Violation(Law::FirstOrder, violation)),
        Err(Stop::Rejected(reason) | Stop::Passed(reason)) => return Err(reject(reason)),
        Err(Stop::Unanswered(refusal)) => return Err(reject(refusal.to_string())),
    };
    let skip = |law: Law, skip: Skip| {
        if let Some(tally) = tally {
            tally.borrow_mut().skip(law, skip);
        }
    };
    let asked = |law: &&Law| law.order() <= policy.order && laws.contain(**law);
    for &law in Law::ALL.iter().filter(asked) {
        let answer = law.check(&case);
        match answer {
            Err(Stop::Violated(violation)) => match violation.excuse(&case) {
                Some(reason) => return Err(reject(reason)),
                None => return Err(Found::Violation(law.blamed(&violation), violation)),
            },
            Err(Stop::Rejected(reason)) => return Err(reject(reason)),
            Ok(()) => {
                if let Some(tally) = tally {
                    tally.borrow_mut().count(law);
                }
            }
            Err(Stop::Unanswered(refusal)) => skip(law, Skip::from(&refusal)),
            Err(Stop::Passed(reason)) => skip(law, Skip::Passed(reason)),
        }
    }
    Ok(())
}

//! The course of a run, the same for all methods: records, stop tests, and the best point so far.

use std::time::Instant;

use crate::curvature::SmallestEigenvalue;
use crate::options::Options;
use crate::report::{Iteration, Record, Report, SecondOrder, StopReason};
use crate::vector::{distance, first_non_finite, norm};
use crate::{Counted, Error, Objective, Real};

/// A run under way.
pub(crate) struct Run<'r, 'c, S: Real> {
    objective: &'r Counted<'r, S>,
    options: &'r mut Options<'c, S>,
    started: Instant,
    first_gradient_norm: S,
    /// Whether the callback asked to stop.
    broke: bool,
    last: Option<Record<S>>,
    previous_x: Vec<S>,
    history: Vec<Record<S>>,
    best: Best<S>,
}

/// The best point seen.
struct Best<S> {
    x: Vec<S>,
    value: S,
    gradient_norm: S,
    /// Least value seen; `value` may exceed it by rounding.
    least: S,
}

/// How a method's own loop ended.
pub(crate) struct End<S> {
    pub(crate) stop: StopReason,
    pub(crate) second_order: SecondOrder<S>,
    /// The unit eigenvector of the smallest eigenvalue, where curvature was examined.
    pub(crate) direction: Option<Vec<S>>,
}

impl<S> End<S> {
    /// The end of a run whose curvature was not examined.
    pub(crate) fn at(stop: StopReason, second_order: SecondOrder<S>) -> Self {
        End { stop, second_order, direction: None }
    }
}

pub(crate) type Ending<S> = Result<End<S>, Error>;

/// Runs `method` on a counted objective, and puts the best point into `x` whatever happens.
///
/// The method gets the objective, the run, and its own copy of the start.
pub(crate) fn run<S: Real>(
    options: &mut Options<'_, S>,
    objective: &dyn Objective<S>,
    x: &mut [S],
    method: impl FnOnce(&Counted<'_, S>, &mut Run<'_, '_, S>, Vec<S>) -> Ending<S>,
) -> Result<Report<S>, Error> {
    options.check()?;
    check_start(objective.dim(), x)?;
    let counted = Counted::new(objective);
    let mut run = Run::new(&counted, options, x);
    let ending = method(&counted, &mut run, x.to_vec());
    if let (Ok(end), Some(last)) = (&ending, &run.last)
        && end.stop.is_stationary()
        && !matches!(end.second_order, SecondOrder::Indefinite(_))
    {
        // The report speaks of the point that passed the test.
        run.best.take(&run.previous_x, last);
    }
    if run.last.is_some() {
        x.copy_from_slice(&run.best.x);
    }
    Ok(run.report(ending?))
}

fn check_start<S: Real>(dim: usize, x: &[S]) -> Result<(), Error> {
    Error::check_length("x", x.len(), dim)?;
    if dim == 0 {
        return Err(Error::Empty);
    }
    match first_non_finite(x) {
        Some(component) => Err(Error::NonFiniteStart { component, value: x[component].as_f64() }),
        None => Ok(()),
    }
}

impl<'r, 'c, S: Real> Run<'r, 'c, S> {
    fn new(objective: &'r Counted<'r, S>, options: &'r mut Options<'c, S>, x: &[S]) -> Self {
        let infinity = S::infinity();
        Run {
            objective,
            options,
            started: Instant::now(),
            first_gradient_norm: infinity,
            broke: false,
            last: None,
            previous_x: x.to_vec(),
            history: Vec::new(),
            best: Best { x: x.to_vec(), value: infinity, gradient_norm: infinity, least: infinity },
        }
    }

    /// Takes note of the point reached, and says whether to stop there.
    ///
    /// `Err` if the very first point has no finite value or gradient.
    pub(crate) fn observe(
        &mut self,
        x: &[S],
        value: S,
        gradient: &[S],
        gradient_norm: S,
    ) -> Result<Option<StopReason>, Error> {
        let bad = first_non_finite(gradient);
        if !value.is_finite() || bad.is_some() {
            return match (self.last.is_some(), bad) {
                (true, _) => Ok(Some(StopReason::NonFinite)),
                (false, Some(component)) if value.is_finite() => {
                    Err(Error::NonFiniteGradient { component, value: gradient[component].as_f64() })
                }
                (false, _) => Err(Error::NonFiniteValue { value: value.as_f64() }),
            };
        }
        let record = Record {
            iteration: self.last.as_ref().map_or(0, |last| last.iteration + 1),
            value,
            gradient_norm,
            step_length: distance(x, &self.previous_x),
            counts: self.objective.counts(),
            elapsed: self.started.elapsed(),
        };
        self.best.consider(x, &record);
        if let Some(callback) = &mut self.options.callback {
            self.broke = callback(&Iteration { x, gradient, record: &record }).is_break();
        }
        let stop = self.stop_at(x, &record);
        self.previous_x.copy_from_slice(x);
        if self.options.keep_history {
            self.history.push(record.clone());
        }
        self.last = Some(record);
        Ok(stop)
    }

    fn stop_at(&mut self, x: &[S], record: &Record<S>) -> Option<StopReason> {
        let options = &*self.options;
        if record.gradient_norm <= options.gradient_tolerance {
            return Some(StopReason::GradientTolerance);
        }
        let Some(last) = &self.last else {
            self.first_gradient_norm = record.gradient_norm;
            return self.limit_at(record);
        };
        if record.gradient_norm <= options.relative_gradient_tolerance * self.first_gradient_norm {
            return Some(StopReason::RelativeGradientTolerance);
        }
        let size = norm(x).max(S::one());
        if options.step_tolerance > S::zero() && record.step_length <= options.step_tolerance * size
        {
            return Some(StopReason::StepTolerance);
        }
        let (change, size) =
            ((record.value - last.value).abs(), record.value.abs().max(last.value.abs()));
        if options.function_tolerance > S::zero() && change <= options.function_tolerance * size {
            return Some(StopReason::FunctionTolerance);
        }
        self.limit_at(record)
    }

    fn limit_at(&self, record: &Record<S>) -> Option<StopReason> {
        if self.broke {
            return Some(StopReason::Callback);
        }
        if record.iteration >= self.options.max_iterations {
            return Some(StopReason::MaxIterations);
        }
        self.interrupted()
    }

    /// The limit that forbids another iteration, if there is one.
    pub(crate) fn limit(&self) -> Option<StopReason> {
        self.last.as_ref().and_then(|record| self.limit_at(record))
    }

    /// The limit of passes or time that is used up, if there is one.
    pub(crate) fn interrupted(&self) -> Option<StopReason> {
        if self.objective.counts().passes(self.objective.dim()) >= self.options.max_passes {
            return Some(StopReason::MaxPasses);
        }
        (self.started.elapsed() >= self.options.time_limit).then_some(StopReason::TimeLimit)
    }

    /// How to examine curvature at a stationary point, if it is wanted.
    pub(crate) fn second_order_check(&self) -> Option<&SmallestEigenvalue<S>> {
        self.options.second_order_check.then_some(&self.options.lanczos)
    }

    fn report(self, end: End<S>) -> Report<S> {
        Report {
            stop: end.stop,
            second_order: end.second_order,
            smallest_direction: end.direction,
            iterations: self.last.map_or(0, |last| last.iteration),
            counts: self.objective.counts(),
            value: self.best.value,
            gradient_norm: self.best.gradient_norm,
            elapsed: self.started.elapsed(),
            history: self.history,
        }
    }
}

impl<S: Real> Best<S> {
    /// Among values that differ by rounding only, the later point counts as the better.
    fn consider(&mut self, x: &[S], record: &Record<S>) {
        let rounding = S::constant(10.0) * S::epsilon() * record.value.abs();
        if record.value <= self.least + rounding {
            self.take(x, record);
        }
        self.least = self.least.min(record.value);
    }

    fn take(&mut self, x: &[S], record: &Record<S>) {
        self.x.copy_from_slice(x);
        self.value = record.value;
        self.gradient_norm = record.gradient_norm;
    }
}

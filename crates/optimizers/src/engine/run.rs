//! The course of a run, the same for all methods: records, stop tests, and the best point so far.

use dualtape_autodiff::Real;
use web_time::Instant;

use super::options::Options;
use super::report::{Iteration, Record, Report, SecondOrder, StopReason};
use crate::error::Error;
use crate::linalg::{SmallestEigenvalue, distance, first_non_finite, norm, norm_inf, size};
use crate::problem::{Counted, Domain, Objective};

/// A run under way.
pub(crate) struct Run<'r, 'c, S: Real> {
    objective: &'r Counted<'r, S>,
    options: &'r mut Options<'c, S>,
    started: Instant,
    first_gradient_norm: S,
    largest_gradient_norm: S,
    first_value: S,
    /// The largest magnitude of each component of `x` so far.
    extent: Vec<S>,
    /// Whether a step led to where the objective is not finite.
    left_domain: bool,
    stall: Stall<S>,
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

/// Notices that a run no longer gets anywhere.
struct Stall<S> {
    /// Value, gradient norm and iteration when there was progress last.
    value: S,
    gradient_norm: S,
    iteration: usize,
}

impl<S: Real> Stall<S> {
    /// Iterations in which the value must fall by more than rounding, or the gradient to half.
    const PATIENCE: usize = 100;

    /// Whether there has been no progress for long.
    fn at(&mut self, record: &Record<S>) -> bool {
        let rounding = S::constant(10.0) * S::epsilon() * record.value.abs();
        let half = S::constant(0.5) * self.gradient_norm;
        if record.value < self.value - rounding || record.gradient_norm <= half {
            self.value = self.value.min(record.value);
            self.gradient_norm = self.gradient_norm.min(record.gradient_norm);
            self.iteration = record.iteration;
        }
        record.iteration - self.iteration >= Self::PATIENCE
    }
}

/// How a method's own loop ended.
pub(crate) struct End<S> {
    pub(crate) stop: StopReason,
    pub(crate) second_order: SecondOrder<S>,
    /// The unit eigenvector of the smallest eigenvalue, where curvature was examined.
    pub(crate) direction: Option<Vec<S>>,
    /// Where the objective is not smooth.
    pub(crate) kinks: Vec<String>,
}

impl<S> End<S> {
    /// The end of a run whose curvature was not examined.
    pub(crate) fn at(stop: StopReason, second_order: SecondOrder<S>) -> Self {
        End { stop, second_order, direction: None, kinks: Vec::new() }
    }
}

impl<S> End<S> {
    fn is_not_finite(&self) -> bool {
        self.stop == StopReason::NonFinite || matches!(self.second_order, SecondOrder::NotFinite)
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
    let domain = Domain::new(objective);
    let counted = Counted::new(&domain);
    let mut run = Run::new(&counted, options, x);
    let ending = refuse_start(method(&counted, &mut run, x.to_vec()), &run, &domain);
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
    let end = ending?;
    let fault = domain.last_fault().filter(|_| end.is_not_finite());
    Ok(run.report(end, fault))
}

/// Where a run ends at its start because that is outside the domain, the fault met there is the error to return.
fn refuse_start<S: Real>(
    ending: Ending<S>,
    run: &Run<'_, '_, S>,
    domain: &Domain<'_, S>,
) -> Ending<S> {
    let at_start = !run.left_domain && run.last.as_ref().is_none_or(|last| last.iteration == 0);
    let refused = match &ending {
        Ok(end) => at_start && end.stop == StopReason::NonFinite,
        Err(error) => at_start && error.is_numerical(),
    };
    match domain.last_fault().filter(|_| refused) {
        Some(fault) => Err(fault),
        None => ending,
    }
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
            largest_gradient_norm: S::zero(),
            first_value: infinity,
            extent: vec![S::zero(); x.len()],
            left_domain: false,
            stall: Stall { value: infinity, gradient_norm: infinity, iteration: 0 },
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
            self.left_domain = self.last.is_some();
            return match (self.last.is_some(), bad) {
                (true, _) if self.is_bottomless(value) => Ok(Some(StopReason::Unbounded)),
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
        self.extent.iter_mut().zip(x).for_each(|(extent, x)| *extent = extent.max(x.abs()));
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

    /// Whether a value is below `−depth`, and lower than the start by more than its digits can tell.
    fn is_below(&self, depth: S, value: S) -> bool {
        value <= -depth.max(self.first_value.abs() / S::epsilon())
    }

    /// Whether a value is that of no minimum: its square overflows.
    fn is_bottomless(&self, value: S) -> bool {
        self.is_below(S::max_value().sqrt(), value)
    }

    /// Why a run ends that finds no way on from a point of this value: because it goes down for ever, if a trial led to −∞, or
    /// if the value leaves no room for products of four.
    pub(crate) fn why(&self, stop: StopReason, value: S) -> StopReason {
        let falls = || self.is_below(S::max_value().sqrt().sqrt(), value);
        match stop.is_failure() && (self.objective.met_minus_infinity() || falls()) {
            true => StopReason::Unbounded,
            false => stop,
        }
    }

    /// What the gradient is compared with: what the user set, or what is small beside the scale of `f` and `x`.
    fn gradient_tolerance(&self, x: &[S], record: &Record<S>) -> S {
        self.options.gradient_tolerance.unwrap_or_else(|| {
            let fall = (self.first_value - record.value).abs();
            let size = record.value.abs().max(S::epsilon().sqrt().sqrt() * fall);
            let slope = size / norm_inf(x);
            // No number where both are 0: then the gradients alone tell.
            S::epsilon().sqrt() * self.largest_gradient_norm.min(slope)
        })
    }

    /// Whether a gradient within the tolerance that nobody set still promises what is no small matter: down by what shows
    /// beside the value, by way of components that move by some ten thousandths of what they have been.
    ///
    /// The tolerance knows the scales of `f` and `x` only by where the run has been, and a run from a point far up, or to
    /// one near the origin, may have seen larger scales of the one, or smaller ones of the other, than those of the minimum.
    pub(crate) fn is_premature(&self, value: S, gradient: &[S], decrease: S, step: &[S]) -> bool {
        let counts = |i: usize| (gradient[i] * step[i]).abs() >= S::constant(0.1) * decrease;
        let least = S::epsilon().sqrt().sqrt();
        self.might_be_premature(value, decrease)
            && (0..step.len()).any(|i| counts(i) && step[i].abs() > least * self.extent[i])
    }

    /// What speaks for it when the steps are not known.
    pub(crate) fn might_be_premature(&self, value: S, decrease: S) -> bool {
        self.options.gradient_tolerance.is_none() && decrease > S::epsilon().sqrt() * value.abs()
    }

    fn stop_at(&mut self, x: &[S], record: &Record<S>) -> Option<StopReason> {
        if self.last.is_none() {
            (self.first_value, self.first_gradient_norm) = (record.value, record.gradient_norm);
        }
        self.largest_gradient_norm = self.largest_gradient_norm.max(record.gradient_norm);
        if self.is_bottomless(record.value) {
            return Some(StopReason::Unbounded);
        }
        let options = &*self.options;
        if record.gradient_norm <= self.gradient_tolerance(x, record) {
            return Some(StopReason::GradientTolerance);
        }
        let Some(last) = &self.last else { return self.limit_at(record) };
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
        let stalls = self.stall.at(record);
        let stalled = stalls.then(|| self.why(StopReason::NoProgress, record.value));
        self.limit_at(record).or(stalled)
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

    /// How far from the origin the run has been: the size of its variables.
    pub(crate) fn reach(&self) -> S {
        size(&self.extent)
    }

    /// How to examine curvature at a stationary point, if it is wanted.
    pub(crate) fn second_order_check(&self) -> Option<&SmallestEigenvalue<S>> {
        self.options.second_order_check.then_some(&self.options.lanczos)
    }

    fn report(self, end: End<S>, fault: Option<Error>) -> Report<S> {
        let mut obstacles = end.kinks;
        obstacles.extend(fault.map(|fault| fault.to_string()));
        Report {
            stop: end.stop,
            second_order: end.second_order,
            smallest_direction: end.direction,
            obstacles,
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

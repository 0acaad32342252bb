//! What runs a rule.

use dualtape_autodiff::{Real, parts::Parts};
use dualtape_schedules::{Moment, Plateau};

use super::engine::{Clip, Engine};
use super::rule::Rule;
use super::schedule::Schedule;
use super::source::Source;
use super::sources::Gradient;
use super::which::Which;
use crate::engine::{
    Here, Method, Minimizer, Next, Options, Report, Run, SavedState, Step, descend, run,
};
use crate::error::Error;
use crate::problem::{Known, Objective};

/// A method that moves by a fixed [`Rule`], fed by a [`Source`]: what [`Adam`](super::Adam), [`Sgd`](super::Sgd) and their like
/// are.
///
/// It is used in three ways:
///
/// * **by hand**, with [`step`](Stepper::step) for a gradient of one's own, or with [`step_on`](Stepper::step_on) for an
///   objective, such as the loss of a minibatch, which gives gradient and curvature;
/// * as a [`Minimizer`] of one objective, which starts afresh and returns the point of least value; each step is an
///   iteration, and nothing but the rule says where to go;
/// * as an optimizer in the training loop of `dualtape-layers`, with the feature `layers`.
///
/// **Weight decay** is coupled (a term `½λ‖x‖²` of the objective, whose gradient λx goes through the rule) or decoupled
/// (`x ← x − αλx` beside the rule, Loshchilov & Hutter, ICLR 2019). The stop tests and the value of a report are those of
/// the objective without it. Where a direction takes the place of the gradient, it is the direction that `λx` is added to.
///
/// **Parameter groups** are some of the parameters with settings of their own, meant by [name or place](Which). In the training
/// loop of `dualtape-layers` parameters have the names of the network; for a loop of one's own they are stated by
/// [`named`](Stepper::named). What is named stays so when other parameters are frozen or unfrozen, and what was learnt of each
/// goes along with its name: a parameter that is frozen for a while goes on from where it was, and one that was never trained
/// begins at its own first step.
///
/// **Clipping** changes what the rule is fed with: the gradient, or the direction that takes its place.
///
/// **Saving**: [`state`](Stepper::state) has all that is kept from step to step, the learning rate, and the settings, and
/// [`restore`](Stepper::restore) goes on to the same bits, or refuses a state of other settings. A schedule is a function and
/// cannot be compared.
///
/// # Example
///
/// AdamW in two groups, without weight decay of the second, with warm-up and a cosine:
///
/// ```
/// use dualtape_optimizers::{Adam, cosine, warm_up};
///
/// let mut adam = Adam::new(0.1)
///     .decoupled_weight_decay(0.01)
///     .group(2..3, Adam::new(0.02))
///     .clip_norm(5.0)
///     .schedule(200, warm_up(10, cosine(0.0)));
/// let mut x = [1.0_f64, -2.0, 3.0];
/// for _ in 0..200 {
///     let gradient = [2.0 * x[0], 8.0 * x[1], 2.0 * (x[2] - 2.5)]; // of a minibatch, say
///     adam.step(&mut x, &gradient)?;
/// }
/// assert!(x[0].abs() < 1e-2 && x[1].abs() < 1e-2 && (x[2] - 2.5).abs() < 1e-2);
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
#[derive(Debug)]
pub struct Stepper<'c, S: Real, R, C = Gradient> {
    options: Options<'c, S>,
    engine: Engine<'c, S, R, C>,
}

impl<S: Real, R: Rule<S>> Stepper<'_, S, R> {
    /// A rule fed with gradients.
    pub fn with_rule(learning_rate: S, rule: R) -> Self {
        Stepper { options: Options::new(1000), engine: Engine::new(learning_rate, rule, Gradient) }
    }

    /// One update of `x` with a gradient there.
    ///
    /// # Errors
    ///
    /// Unusable settings, slices of different lengths, or a gradient that is not finite; then `x` is left as it was. Or what
    /// the rule refuses.
    pub fn step(&mut self, x: &mut [S], gradient: &[S]) -> Result<(), Error> {
        self.engine.step_along(x, gradient, None)
    }
}

impl<'c, S: Real, R: Rule<S>, C: Source<S>> Stepper<'c, S, R, C> {
    /// The same rule, fed by another source: with a second-order direction in place of the gradient, for example.
    ///
    /// # Example
    ///
    /// Adam's momentum and scaling of the direction of a damped Newton's method:
    ///
    /// ```
    /// use dualtape_autodiff::record;
    /// use dualtape_optimizers::{Adam, stochastic::sources::NewtonCg};
    ///
    /// let f = record(&[0.0; 2]).function(|x| (x[0] - 1.0).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2))?;
    /// let mut method = Adam::new(0.05).with_source(NewtonCg::default().damping(1e-3));
    /// method = method.schedule(600, |now| 0.99_f64.powi(now.step as i32));
    /// let mut x = [-0.5_f64, 0.5];
    /// for _ in 0..600 {
    ///     method.step_on(&mut x, &f)?;
    /// }
    /// assert!((x[0] - 1.0).abs() < 1e-2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_source<D: Source<S>>(self, source: D) -> Stepper<'c, S, R, D> {
        Stepper { options: self.options, engine: self.engine.with_source(source) }
    }

    /// One update of `x` with the gradient of `batch`, and with its curvature where the method uses that. Returns the value
    /// of `batch` at `x` before the update.
    ///
    /// # Errors
    ///
    /// As [`step`](Stepper::step), and what the objective refuses.
    pub fn step_on(&mut self, x: &mut [S], batch: &dyn Objective<S>) -> Result<S, Error> {
        if !self.engine.source.needs_curvature(self.engine.steps()) {
            return self.step_with_curvature_of(x, batch, batch);
        }
        let at = batch.linearize(x)?;
        let value = at.value();
        self.engine.step_from(x, at.gradient(), batch, Some(&*at))?;
        self.observe(value);
        Ok(value)
    }

    /// As [`step_on`](Stepper::step_on), with the curvature of another objective than the gradient's: that of fewer examples,
    /// for example, which makes curvature cheaper.
    ///
    /// # Errors
    ///
    /// As [`step_on`](Stepper::step_on).
    pub fn step_with_curvature_of(
        &mut self,
        x: &mut [S],
        batch: &dyn Objective<S>,
        curvature: &dyn Objective<S>,
    ) -> Result<S, Error> {
        let mut gradient = vec![S::zero(); x.len()];
        let value = batch.value_and_gradient_into(x, &mut gradient)?;
        self.engine.step_from(x, &gradient, curvature, None)?;
        self.observe(value);
        Ok(value)
    }

    /// As [`step_on`](Stepper::step_on), where the gradient is known already.
    #[cfg(feature = "layers")]
    pub(crate) fn step_from(
        &mut self,
        x: &mut [S],
        gradient: &[S],
        batch: &dyn Objective<S>,
    ) -> Result<(), Error> {
        self.engine.step_from(x, gradient, batch, None)
    }

    /// Takes note of the value before a step.
    pub(crate) fn observe(&mut self, value: S) {
        self.engine.observe(value);
    }

    /// As [`step`](Stepper::step), with an estimate of the diagonal of the curvature.
    pub(super) fn step_with_estimate_of_diagonal(
        &mut self,
        x: &mut [S],
        gradient: &[S],
        estimate: Option<&[S]>,
    ) -> Result<(), Error> {
        self.engine.step_along(x, gradient, estimate)
    }

    /// Weight decay as a term `½λ‖x‖²` of the objective, `λ ≥ 0`.
    #[must_use]
    pub fn weight_decay(mut self, weight_decay: S) -> Self {
        let settings = &mut self.engine.settings[0];
        (settings.weight_decay, settings.decoupled) = (weight_decay, false);
        self
    }

    /// Weight decay apart from the gradient: `x ← x − αλx` beside the rule, `λ ≥ 0`.
    #[must_use]
    pub fn decoupled_weight_decay(mut self, weight_decay: S) -> Self {
        let settings = &mut self.engine.settings[0];
        (settings.weight_decay, settings.decoupled) = (weight_decay, true);
        self
    }

    /// Gives [these parameters](Which) the learning rate, weight decay and rule of `like`, of which nothing else is taken. With a
    /// learning rate of 0 they stay as they are.
    ///
    /// Groups must be within the parameters and apart from each other; parameters in none have the settings of `self`. A
    /// [changed](Stepper::set_learning_rate) learning rate changes those of the groups in proportion.
    ///
    /// # Example
    ///
    /// By name, whatever is frozen:
    ///
    /// ```
    /// use dualtape_autodiff::parts::Parts;
    /// use dualtape_optimizers::Sgd;
    ///
    /// let parts = Parts::new([("0.weight", vec![2, 1]), ("2.weight", vec![1, 2])]);
    /// let mut sgd = Sgd::new(1.0).group("2", Sgd::new(0.0)).named(&parts)?;
    /// let mut x = [0.0_f64; 4];
    /// sgd.step(&mut x, &[1.0; 4])?;
    /// assert_eq!(x, [-1.0, -1.0, 0.0, 0.0]);
    ///
    /// // 0.weight is frozen: the vector is that of 2.weight, which still does not move
    /// let mut sgd = sgd.named(&Parts::new([("2.weight", vec![1, 2])]).with_absent(["0.weight"]))?;
    /// let mut x = [0.0; 2];
    /// sgd.step(&mut x, &[1.0; 2])?;
    /// assert_eq!(x, [0.0; 2]);
    /// # Ok::<(), dualtape_optimizers::Error>(())
    /// ```
    #[must_use]
    pub fn group<D>(mut self, which: impl Into<Which>, like: Stepper<'_, S, R, D>) -> Self {
        let Engine { learning_rate, mut settings, .. } = like.engine;
        let mut settings = settings.swap_remove(0);
        settings.relative_rate = learning_rate / self.engine.base_rate;
        self.engine.settings.push(settings);
        self.engine.groups.push(which.into());
        self.engine.located = false;
        self
    }

    /// Says what the parameters of the vector are called that steps are taken of, such as `&layout.parts()` of a network's
    /// layout. In the training loop of `dualtape-layers` that is done already.
    ///
    /// To be said again when others are trained, before the next step.
    ///
    /// # Errors
    ///
    /// As [`set_names`](Stepper::set_names).
    pub fn named(mut self, parts: &Parts) -> Result<Self, Error> {
        self.set_names(parts)?;
        Ok(self)
    }

    /// As [`named`](Stepper::named), between steps.
    ///
    /// What is kept of the parameters is carried along by their names, and waits for those that are not trained at present. What a
    /// [source](super::sources) keeps, as pairs of L-BFGS, is of all parameters together, and is forgotten.
    ///
    /// # Errors
    ///
    /// [`Error::UnnamedState`] if steps have been taken before there were names, [`Error::RangeOfFrozen`] if groups or settings
    /// mean ranges and not all parameters are trained; nothing is changed then.
    pub fn set_names(&mut self, parts: &Parts) -> Result<(), Error> {
        self.engine.name(parts)
    }

    /// Shortens what the rule is fed with to `g·min(1, bound/‖g‖₂)`, over all parameters together.
    #[must_use]
    pub fn clip_norm(mut self, bound: S) -> Self {
        self.engine.clip = Some(Clip::Norm(bound));
        self
    }

    /// Clips each component of what the rule is fed with to `[−bound, bound]`.
    #[must_use]
    pub fn clip_value(mut self, bound: S) -> Self {
        self.engine.clip = Some(Clip::Value(bound));
        self
    }

    /// Multiplies the learning rates at each step by `factor` of the moment, which must not be negative: the number of steps
    /// taken of `steps`, each of which counts as an epoch.
    ///
    /// There are [`cosine`](crate::cosine), [`one_cycle`](crate::one_cycle), [`step_decay`](crate::step_decay) and
    /// [`warm_up`](crate::warm_up), and any closure is one.
    #[must_use]
    pub fn schedule(mut self, steps: u64, factor: impl Fn(&Moment<'_>) -> f64 + 'c) -> Self {
        self.engine.schedule = Some(Schedule { steps, factor: Box::new(factor) });
        self
    }

    /// Multiplies the learning rates by `factor` whenever the value of the objective has not improved for `patience`
    /// steps, from the next step on. Steps with a gradient alone have no value and do not count.
    ///
    /// # Panics
    ///
    /// If `patience` is 0.
    #[must_use]
    pub fn on_plateau(mut self, patience: usize, factor: f64) -> Self {
        self.engine.plateau = Some(Plateau::new(patience, factor));
        self
    }

    /// The learning rate `α`, before any schedule.
    pub fn learning_rate(&self) -> S {
        self.engine.learning_rate
    }

    /// Changes the learning rate `α ≥ 0` between steps, and those of all groups in proportion.
    pub fn set_learning_rate(&mut self, learning_rate: S) {
        self.engine.learning_rate = learning_rate;
    }

    /// Steps taken.
    pub fn steps(&self) -> u64 {
        self.engine.steps()
    }

    /// All that is kept from step to step, with the learning rate and the settings, to be saved.
    pub fn state(&self) -> SavedState {
        self.engine.state()
    }

    /// Goes on from a saved state, to the same bits as if nothing had been saved: with the learning rate of the state, which
    /// can be [changed](Stepper::set_learning_rate) afterwards, and the settings and the schedule of this method, of which the
    /// settings must be those of the state.
    ///
    /// # Errors
    ///
    /// [`Error::SavedSetting`] with both numbers, [`Error::SavedState`], [`Error::ForeignState`] or [`Error::Setting`]; what is
    /// kept is then as it was.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_optimizers::Adam;
    ///
    /// let (mut adam, mut x) = (Adam::new(0.1), [1.0_f64]);
    /// adam.step(&mut x, &[3.0])?;
    /// let saved = (x, adam.state());
    /// adam.step(&mut x, &[-1.0])?;
    ///
    /// let (mut other, mut y) = (Adam::new(0.1), saved.0);
    /// other.restore(&saved.1)?;
    /// other.step(&mut y, &[-1.0])?;
    /// assert_eq!(x, y);
    ///
    /// let refused = Adam::new(0.1).betas(0.95, 0.999).restore(&saved.1).unwrap_err();
    /// assert!(refused.to_string().contains("another beta1: 0.9, where this method has 0.95"));
    /// # Ok::<(), dualtape_optimizers::Error>(())
    /// ```
    pub fn restore(&mut self, state: &SavedState) -> Result<(), Error> {
        self.engine.restore(state)
    }

    /// The settings of the rule, for its builder.
    pub(super) fn rule_with(mut self, change: impl FnOnce(&mut R)) -> Self {
        change(&mut self.engine.settings[0].rule);
        self.engine.located = false;
        self
    }
}

impl<'c, S: Real, R: Rule<S>, C: Source<S>> Minimizer<'c, S> for Stepper<'c, S, R, C> {
    fn minimize(&mut self, objective: &dyn Objective<S>, x: &mut [S]) -> Result<Report<S>, Error> {
        self.engine.check()?;
        self.engine.reset();
        let engine = &mut self.engine;
        run(&mut self.options, objective, x, |objective, run, x| {
            descend(&mut Walk { engine }, objective, run, x)
        })
    }

    fn options_mut(&mut self) -> &mut Options<'c, S> {
        &mut self.options
    }
}

/// A run of a rule.
struct Walk<'e, 'c, S, R, C> {
    engine: &'e mut Engine<'c, S, R, C>,
}

impl<S: Real, R: Rule<S>, C: Source<S>> Method<S> for Walk<'_, '_, S, R, C> {
    fn needs_curvature(&self) -> bool {
        self.engine.source.needs_curvature(self.engine.steps())
    }

    fn advance<'a>(&mut self, here: &Here<'a, '_, S>, _: &Run<'_, '_, S>) -> Next<'a, S> {
        let mut x = here.x.to_vec();
        let at = here.at;
        self.engine.step_from(&mut x, at.gradient(), here.objective, Some(at))?;
        self.engine.observe(at.value());
        Ok(Ok(Step { x, known: Known::Nothing }))
    }

    // The rule says where to go, and nothing else.
    fn escapes(&self) -> bool {
        false
    }
}

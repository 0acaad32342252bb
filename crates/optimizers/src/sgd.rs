//! Gradient descent with momentum.

use crate::first_order::{check_step, iterate};
use crate::options::{Options, require};
use crate::report::Report;
use crate::run::run;
use crate::saved::{SavedState, count, list, numbers, save};
use crate::{Error, Minimizer, Objective, Real};

/// (Stochastic) gradient descent with momentum, in the form of `torch.optim.SGD`:
///
/// ```text
/// g ← ∇f(x) + λ x
/// b ← g                    at the first step
/// b ← μ b + (1 − τ) g      afterwards
/// x ← x − α b              or, with Nesterov's momentum, x ← x − α (g + μ b)
/// ```
///
/// Polyak, USSR Comput. Math. Math. Phys. 4 (1964); Nesterov's form as in Sutskever et al., ICML 2013, §2.
///
/// **Defaults**: learning rate `α = 10⁻³`, momentum `μ = 0`, dampening `τ = 0`, weight decay `λ = 0`, 1000 iterations.
///
/// **Use it** with gradients of minibatches, by [`step`](Sgd::step) in a loop of one's own, or as a plain baseline, by
/// [`minimize`](Minimizer::minimize), which starts afresh and returns the point of least value.
///
/// **Pitfalls**: it diverges for `α` above about `2/λ_max(∇²f)`, and is slow for ill-conditioned Hessians whatever `α`.
/// The stop tests and the reported value are those of `f` itself, without the weight decay.
///
/// # Example
///
/// ```
/// use dualtape_optimizers::Sgd;
///
/// let mut sgd = Sgd::new(0.1).momentum(0.9);
/// let mut x = [1.0_f64, -2.0];
/// for _ in 0..400 {
///     let gradient = [2.0 * x[0], 8.0 * x[1]]; // of a minibatch, say
///     sgd.step(&mut x, &gradient)?;
/// }
/// assert!(x[0].abs() < 1e-6 && x[1].abs() < 1e-6);
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
#[derive(Debug)]
pub struct Sgd<'c, S: Real> {
    options: Options<'c, S>,
    rule: Rule<S>,
}

#[derive(Debug, Clone)]
struct Rule<S> {
    learning_rate: S,
    momentum: S,
    dampening: S,
    weight_decay: S,
    nesterov: bool,
    buffer: Vec<S>,
    started: bool,
}

impl<S: Real> Sgd<'_, S> {
    /// Gradient descent with the learning rate `α`.
    pub fn new(learning_rate: S) -> Self {
        let zero = S::zero();
        Sgd {
            options: Options::new(1000),
            rule: Rule {
                learning_rate,
                momentum: zero,
                dampening: zero,
                weight_decay: zero,
                nesterov: false,
                buffer: Vec::new(),
                started: false,
            },
        }
    }

    /// `μ`, in `[0, 1)`.
    #[must_use]
    pub fn momentum(mut self, momentum: S) -> Self {
        self.rule.momentum = momentum;
        self
    }

    /// `τ`, in `[0, 1]`.
    #[must_use]
    pub fn dampening(mut self, dampening: S) -> Self {
        self.rule.dampening = dampening;
        self
    }

    /// `λ ≥ 0`.
    #[must_use]
    pub fn weight_decay(mut self, weight_decay: S) -> Self {
        self.rule.weight_decay = weight_decay;
        self
    }

    /// Whether momentum is Nesterov's, which needs `μ > 0` and `τ = 0`.
    #[must_use]
    pub fn nesterov(mut self, nesterov: bool) -> Self {
        self.rule.nesterov = nesterov;
        self
    }

    /// `α`.
    pub fn learning_rate(&self) -> S {
        self.rule.learning_rate
    }

    /// Changes `α` between steps, for a schedule.
    pub fn set_learning_rate(&mut self, learning_rate: S) {
        self.rule.learning_rate = learning_rate;
    }

    /// One update of `x` with a gradient there. Momentum is kept from step to step.
    ///
    /// # Errors
    ///
    /// Unusable settings, slices of different lengths, or a gradient that is not finite; then `x` is left as it was.
    pub fn step(&mut self, x: &mut [S], gradient: &[S]) -> Result<(), Error> {
        self.rule.check()?;
        self.rule.step(x, gradient)
    }

    /// The momentum, to be saved.
    pub fn state(&self) -> SavedState {
        let started = f64::from(u8::from(self.rule.started));
        save([("momentum", numbers(&self.rule.buffer)), ("started", vec![started])])
    }

    /// Goes on from a saved momentum, to the same bits as if nothing had been saved. The settings are not among it.
    ///
    /// # Errors
    ///
    /// [`Error::SavedState`]; the momentum is then as it was.
    pub fn restore(&mut self, state: &SavedState) -> Result<(), Error> {
        let (buffer, started) = (list(state, "momentum")?, count(state, "started")? == 1);
        (self.rule.buffer, self.rule.started) = (buffer, started);
        Ok(())
    }
}

impl<S: Real> Default for Sgd<'_, S> {
    fn default() -> Self {
        Sgd::new(S::constant(1e-3))
    }
}

impl<S: Real> Rule<S> {
    fn check(&self) -> Result<(), Error> {
        require("learning_rate", self.learning_rate, "positive", |a| a > 0.0)?;
        require("momentum", self.momentum, "in [0, 1)", |m| (0.0..1.0).contains(&m))?;
        require("dampening", self.dampening, "in [0, 1]", |d| (0.0..=1.0).contains(&d))?;
        require("weight_decay", self.weight_decay, "zero or positive", |w| w >= 0.0)?;
        if self.nesterov {
            require("momentum", self.momentum, "positive with Nesterov's momentum", |m| m > 0.0)?;
            require("dampening", self.dampening, "zero with Nesterov's momentum", |d| d == 0.0)?;
        }
        Ok(())
    }

    fn step(&mut self, x: &mut [S], gradient: &[S]) -> Result<(), Error> {
        check_step(x, gradient, &mut self.buffer)?;
        let kept = if self.started { S::one() - self.dampening } else { S::one() };
        for ((x, &gradient), b) in x.iter_mut().zip(gradient).zip(&mut self.buffer) {
            let g = gradient + self.weight_decay * *x;
            *b = self.momentum * *b + kept * g;
            let direction = if self.momentum.is_zero() {
                g
            } else if self.nesterov {
                g + self.momentum * *b
            } else {
                *b
            };
            *x -= self.learning_rate * direction;
        }
        self.started = true;
        Ok(())
    }
}

impl<'c, S: Real> Minimizer<'c, S> for Sgd<'c, S> {
    fn minimize(&mut self, objective: &dyn Objective<S>, x: &mut [S]) -> Result<Report<S>, Error> {
        self.rule.check()?;
        (self.rule.started, self.rule.buffer) = (false, Vec::new());
        let rule = &mut self.rule;
        run(&mut self.options, objective, x, |objective, run, x| {
            iterate(objective, run, x, |x, gradient| rule.step(x, gradient))
        })
    }

    fn options_mut(&mut self) -> &mut Options<'c, S> {
        &mut self.options
    }
}

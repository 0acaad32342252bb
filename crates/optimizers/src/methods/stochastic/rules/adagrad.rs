//! Adagrad and Adadelta.

use std::ops::Range;

use dualtape_autodiff::Real;

use super::preset::{Epsilon, Preset, require_epsilon, require_weight};
use crate::check::require;
use crate::engine::Setting;
use crate::error::Error;
use crate::methods::stochastic::rule::{Memory, Rule, Update};
use crate::methods::stochastic::source::Source;
use crate::methods::stochastic::sources::Gradient;
use crate::methods::stochastic::stepper::Stepper;

pub(in crate::methods::stochastic) mod aliases {
    use crate::methods::stochastic::rules;
    use crate::methods::stochastic::stepper::Stepper;

    /// Adagrad (Duchi, Hazan & Singer, JMLR 12 (2011)), in the form of `torch.optim.Adagrad`:
    ///
    /// ```text
    /// s ← s + g²
    /// x ← x − α/(1 + (t − 1) η) · g / (√s + ε)
    /// ```
    ///
    /// **Defaults**: `α = 10⁻²`, decay of the learning rate `η = 0`, `s = 0` at first, `ε = 10⁻¹⁰`, `λ = 0`.
    ///
    /// **Use it** for sparse or convex problems. **Pitfalls**: the sum only grows, so that the steps die out, sometimes too early.
    ///
    /// # Example
    ///
    /// ```
    /// let mut adagrad = dualtape_optimizers::Adagrad::new(0.5);
    /// let mut x = [1.0_f64, -2.0];
    /// for _ in 0..200 {
    ///     let gradient = [2.0 * x[0], 800.0 * x[1]];
    ///     adagrad.step(&mut x, &gradient)?;
    /// }
    /// assert!(x[0].abs() < 1e-6 && x[1].abs() < 1e-6); // whatever the scales
    /// # Ok::<(), dualtape_optimizers::Error>(())
    /// ```
    pub type Adagrad<'c, S> = Stepper<'c, S, rules::Adagrad<S>>;

    /// Adadelta (Zeiler, arXiv 1212.5701, Alg. 1), in the form of `torch.optim.Adadelta`: steps in the units of `x`, by the
    /// size of the steps before:
    ///
    /// ```text
    /// v ← ρ v + (1 − ρ) g²
    /// d = √(u + ε) / √(v + ε) · g
    /// u ← ρ u + (1 − ρ) d²
    /// x ← x − α d
    /// ```
    ///
    /// **Defaults**: `α = 1`, `ρ = 0.9`, `ε = 10⁻⁶`, `λ = 0`.
    ///
    /// **Use it** where no learning rate is known. **Pitfalls**: the first steps are about `√ε` long, and it is slow to find its
    /// pace.
    ///
    /// # Example
    ///
    /// ```
    /// let mut adadelta = dualtape_optimizers::Adadelta::default();
    /// let mut x = [0.3_f64];
    /// for _ in 0..600 {
    ///     let gradient = [2.0 * x[0]];
    ///     adadelta.step(&mut x, &gradient)?;
    /// }
    /// assert!(x[0].abs() < 1e-2);
    /// # Ok::<(), dualtape_optimizers::Error>(())
    /// ```
    pub type Adadelta<'c, S> = Stepper<'c, S, rules::Adadelta<S>>;
}

/// The rule of [`Adagrad`](crate::Adagrad).
#[derive(Debug, Clone)]
pub struct Adagrad<S> {
    rate_decay: S,
    initial: S,
    epsilon: S,
}

impl<S: Real> Default for Adagrad<S> {
    fn default() -> Self {
        Adagrad { rate_decay: S::zero(), initial: S::zero(), epsilon: S::constant(1e-10) }
    }
}

impl<S: Real> Preset<S> for Adagrad<S> {
    type Source = Gradient;

    const LEARNING_RATE: f64 = 1e-2;
}

impl<S> Epsilon<S> for Adagrad<S> {
    fn epsilon_mut(&mut self) -> &mut S {
        &mut self.epsilon
    }
}

impl<S: Real, C: Source<S>> Stepper<'_, S, Adagrad<S>, C> {
    /// `η ≥ 0`.
    #[must_use]
    pub fn learning_rate_decay(self, decay: S) -> Self {
        self.rule_with(|rule| rule.rate_decay = decay)
    }

    /// The sum of squares `s ≥ 0` to begin with.
    #[must_use]
    pub fn initial_sum(self, sum: S) -> Self {
        self.rule_with(|rule| rule.initial = sum)
    }
}

impl<S: Real> Rule<S> for Adagrad<S> {
    fn check(&self) -> Result<(), Error> {
        require("learning_rate_decay", self.rate_decay, "zero or positive", |d| d >= 0.0)?;
        require("initial_sum", self.initial, "zero or positive", |s| s >= 0.0)?;
        require_epsilon(self.epsilon)
    }

    fn settings(&self) -> Vec<Setting> {
        vec![
            ("learning_rate_decay", self.rate_decay.as_f64()),
            ("initial_sum", self.initial.as_f64()),
            ("epsilon", self.epsilon.as_f64()),
        ]
    }

    fn memory(&self, range: Range<usize>) -> Vec<Memory<S>> {
        vec![Memory { name: "sum", len: range.len(), initial: self.initial }]
    }

    fn update(&self, update: Update<'_, S>) -> Result<(), Error> {
        let before = S::constant((update.step - 1) as f64);
        let rate = update.learning_rate / (S::one() + before * self.rate_decay);
        let epsilon = self.epsilon;
        update.each(move |g, [sum]| {
            *sum += g * g;
            rate * g / (sum.sqrt() + epsilon)
        });
        Ok(())
    }
}

/// The rule of [`Adadelta`](crate::Adadelta).
#[derive(Debug, Clone)]
pub struct Adadelta<S> {
    rho: S,
    epsilon: S,
}

impl<S: Real> Default for Adadelta<S> {
    fn default() -> Self {
        Adadelta { rho: S::constant(0.9), epsilon: S::constant(1e-6) }
    }
}

impl<S: Real> Preset<S> for Adadelta<S> {
    type Source = Gradient;

    const LEARNING_RATE: f64 = 1.0;
}

impl<S> Epsilon<S> for Adadelta<S> {
    fn epsilon_mut(&mut self) -> &mut S {
        &mut self.epsilon
    }
}

impl<S: Real, C: Source<S>> Stepper<'_, S, Adadelta<S>, C> {
    /// `ρ`, in `[0, 1)`.
    #[must_use]
    pub fn rho(self, rho: S) -> Self {
        self.rule_with(|rule| rule.rho = rho)
    }
}

impl<S: Real> Rule<S> for Adadelta<S> {
    fn check(&self) -> Result<(), Error> {
        require_weight("rho", self.rho)?;
        require_epsilon(self.epsilon)
    }

    fn settings(&self) -> Vec<Setting> {
        vec![("rho", self.rho.as_f64()), ("epsilon", self.epsilon.as_f64())]
    }

    fn memory(&self, range: Range<usize>) -> Vec<Memory<S>> {
        ["second", "steps_second"].map(|name| Memory::zeros(name, range.len())).into()
    }

    fn update(&self, update: Update<'_, S>) -> Result<(), Error> {
        let Adadelta { rho, epsilon } = *self;
        let (one, rate) = (S::one(), update.learning_rate);
        update.each(move |g, [v, u]| {
            *v = rho * *v + (one - rho) * g * g;
            let step = (*u + epsilon).sqrt() / (*v + epsilon).sqrt() * g;
            *u = rho * *u + (one - rho) * step * step;
            rate * step
        });
        Ok(())
    }
}

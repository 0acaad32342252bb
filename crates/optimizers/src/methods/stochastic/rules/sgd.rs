//! Gradient descent with momentum.

use std::ops::Range;

use dualtape_autodiff::Real;

use super::preset::{Preset, require_weight};
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
    /// **Use it** with gradients of minibatches, by [`step`](Stepper::step) in a loop of one's own, or as a plain baseline,
    /// by [`minimize`](crate::Minimizer::minimize), which starts afresh and returns the point of least value.
    ///
    /// **Pitfalls**: it diverges for `α` above about `2/λ_max(∇²f)`, and is slow for ill-conditioned Hessians whatever `α`.
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
    pub type Sgd<'c, S> = Stepper<'c, S, rules::Sgd<S>>;
}

/// The rule of [`Sgd`](crate::Sgd).
#[derive(Debug, Clone)]
pub struct Sgd<S> {
    momentum: S,
    dampening: S,
    nesterov: bool,
}

impl<S: Real> Default for Sgd<S> {
    fn default() -> Self {
        Sgd { momentum: S::zero(), dampening: S::zero(), nesterov: false }
    }
}

impl<S: Real> Preset<S> for Sgd<S> {
    type Source = Gradient;

    const LEARNING_RATE: f64 = 1e-3;
}

impl<S: Real, C: Source<S>> Stepper<'_, S, Sgd<S>, C> {
    /// `μ`, in `[0, 1)`.
    #[must_use]
    pub fn momentum(self, momentum: S) -> Self {
        self.rule_with(|rule| rule.momentum = momentum)
    }

    /// `τ`, in `[0, 1]`.
    #[must_use]
    pub fn dampening(self, dampening: S) -> Self {
        self.rule_with(|rule| rule.dampening = dampening)
    }

    /// Whether momentum is Nesterov's, which needs `μ > 0` and `τ = 0`.
    #[must_use]
    pub fn nesterov(self, nesterov: bool) -> Self {
        self.rule_with(|rule| rule.nesterov = nesterov)
    }
}

impl<S: Real> Rule<S> for Sgd<S> {
    fn check(&self) -> Result<(), Error> {
        require_weight("momentum", self.momentum)?;
        require("dampening", self.dampening, "in [0, 1]", |d| (0.0..=1.0).contains(&d))?;
        if self.nesterov {
            require("momentum", self.momentum, "positive with Nesterov's momentum", |m| m > 0.0)?;
            require("dampening", self.dampening, "zero with Nesterov's momentum", |d| d == 0.0)?;
        }
        Ok(())
    }

    fn settings(&self) -> Vec<Setting> {
        vec![
            ("momentum", self.momentum.as_f64()),
            ("dampening", self.dampening.as_f64()),
            ("nesterov", f64::from(self.nesterov)),
        ]
    }

    fn memory(&self, range: Range<usize>) -> Vec<Memory<S>> {
        match self.momentum.is_zero() {
            true => Vec::new(),
            false => vec![Memory::zeros("momentum", range.len())],
        }
    }

    fn update(&self, update: Update<'_, S>) -> Result<(), Error> {
        let Sgd { momentum, dampening, nesterov } = *self;
        let rate = update.learning_rate;
        let new = if update.step == 1 { S::one() } else { S::one() - dampening };
        if momentum.is_zero() {
            update.each(move |g, []| rate * g);
        } else if nesterov {
            update.each(move |g, [b]| {
                *b = momentum * *b + new * g;
                rate * (g + momentum * *b)
            });
        } else {
            update.each(move |g, [b]| {
                *b = momentum * *b + new * g;
                rate * *b
            });
        }
        Ok(())
    }
}

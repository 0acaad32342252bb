//! NAdam.

use std::ops::Range;

use dualtape_autodiff::Real;

use super::preset::{Betas, Epsilon, Preset, require_betas, require_epsilon};
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

    /// NAdam: [`Adam`](crate::Adam) with Nesterov's momentum (Dozat, ICLR 2016 workshop), in the form of `torch.optim.NAdam`:
    ///
    /// ```text
    /// μₜ = β₁ (1 − ½·0.96^(tψ))
    /// m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g²
    /// x ← x − α [(1 − μₜ)/(1 − Π μᵢ≤ₜ) · g + μₜ₊₁/(1 − Π μᵢ≤ₜ₊₁) · m] / (√(v/(1 − β₂ᵗ)) + ε)
    /// ```
    ///
    /// **Defaults**: `α = 2·10⁻³`, `β = (0.9, 0.999)`, `ε = 10⁻⁸`, `ψ = 0.004`, `λ = 0`.
    ///
    /// # Example
    ///
    /// ```
    /// let mut nadam = dualtape_optimizers::NAdam::new(0.02);
    /// let mut x = [1.0_f64, -2.0];
    /// for _ in 0..600 {
    ///     let gradient = [2.0 * x[0], 800.0 * x[1]];
    ///     nadam.step(&mut x, &gradient)?;
    /// }
    /// assert!(x[0].abs() < 1e-3 && x[1].abs() < 1e-3);
    /// # Ok::<(), dualtape_optimizers::Error>(())
    /// ```
    pub type NAdam<'c, S> = Stepper<'c, S, rules::NAdam<S>>;
}

/// The rule of [`NAdam`](crate::NAdam).
#[derive(Debug, Clone)]
pub struct NAdam<S> {
    betas: [S; 2],
    epsilon: S,
    momentum_decay: S,
}

impl<S: Real> Default for NAdam<S> {
    fn default() -> Self {
        let betas = [0.9, 0.999].map(S::constant);
        NAdam { betas, epsilon: S::constant(1e-8), momentum_decay: S::constant(4e-3) }
    }
}

impl<S: Real> Preset<S> for NAdam<S> {
    type Source = Gradient;

    const LEARNING_RATE: f64 = 2e-3;
}

impl<S> Betas<S> for NAdam<S> {
    fn betas_mut(&mut self) -> &mut [S; 2] {
        &mut self.betas
    }
}

impl<S> Epsilon<S> for NAdam<S> {
    fn epsilon_mut(&mut self) -> &mut S {
        &mut self.epsilon
    }
}

impl<S: Real, C: Source<S>> Stepper<'_, S, NAdam<S>, C> {
    /// `ψ ≥ 0`.
    #[must_use]
    pub fn momentum_decay(self, decay: S) -> Self {
        self.rule_with(|rule| rule.momentum_decay = decay)
    }
}

impl<S: Real> Rule<S> for NAdam<S> {
    fn check(&self) -> Result<(), Error> {
        require_betas(self.betas)?;
        require_epsilon(self.epsilon)?;
        require("momentum_decay", self.momentum_decay, "zero or positive", |d| d >= 0.0)
    }

    fn settings(&self) -> Vec<Setting> {
        let [beta1, beta2] = self.betas.map(S::as_f64);
        vec![
            ("beta1", beta1),
            ("beta2", beta2),
            ("epsilon", self.epsilon.as_f64()),
            ("momentum_decay", self.momentum_decay.as_f64()),
        ]
    }

    fn memory(&self, range: Range<usize>) -> Vec<Memory<S>> {
        let n = range.len();
        let product = Memory { name: "momentum_product", len: 1, initial: S::one() };
        vec![Memory::zeros("first", n), Memory::zeros("second", n), product]
    }

    fn update(&self, update: Update<'_, S>) -> Result<(), Error> {
        let (one, [beta1, beta2], epsilon) = (S::one(), self.betas, self.epsilon);
        let momentum = |step: u64| {
            let power = S::constant(step as f64) * self.momentum_decay;
            beta1 * (one - S::constant(0.5) * S::constant(0.96).powf(power))
        };
        let (now, next) = (momentum(update.step), momentum(update.step + 1));
        let product = &mut update.memory[2][0];
        *product *= now;
        let of_gradient = update.learning_rate * (one - now) / (one - *product);
        let of_average = update.learning_rate * next / (one - *product * next);
        let scale = update.bias(beta2).sqrt().recip();
        update.each(move |g, [m, v]| {
            *m = beta1 * *m + (one - beta1) * g;
            *v = beta2 * *v + (one - beta2) * g * g;
            (of_gradient * g + of_average * *m) / (v.sqrt() * scale + epsilon)
        });
        Ok(())
    }
}

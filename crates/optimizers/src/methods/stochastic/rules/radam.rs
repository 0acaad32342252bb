//! RAdam.

use std::ops::Range;

use dualtape_autodiff::Real;

use super::preset::{Betas, Epsilon, Preset, require_betas, require_epsilon};
use crate::engine::Setting;
use crate::error::Error;
use crate::methods::stochastic::rule::{Memory, Rule, Update};
use crate::methods::stochastic::sources::Gradient;

pub(in crate::methods::stochastic) mod aliases {
    use crate::methods::stochastic::rules;
    use crate::methods::stochastic::stepper::Stepper;

    /// RAdam: [`Adam`](crate::Adam) that waits with its scaling until the second moment is known well enough, and rectifies its
    /// variance (Liu et al., ICLR 2020, Alg. 2), in the form of `torch.optim.RAdam`:
    ///
    /// ```text
    /// m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g²
    /// ρ∞ = 2/(1 − β₂) − 1,     ρₜ = ρ∞ − 2t β₂ᵗ/(1 − β₂ᵗ)
    /// x ← x − α m̂ · r √(1 − β₂ᵗ)/(√v + ε),   r² = (ρₜ − 4)(ρₜ − 2)ρ∞ / ((ρ∞ − 4)(ρ∞ − 2)ρₜ)     where ρₜ > 5
    /// x ← x − α m̂                                                                                 elsewhere
    /// ```
    ///
    /// with `m̂ = m/(1 − β₁ᵗ)`.
    ///
    /// **Defaults**: `α = 10⁻³`, `β = (0.9, 0.999)`, `ε = 10⁻⁸`, `λ = 0`.
    ///
    /// **Use it** in place of a warm-up. **Pitfalls**: the first steps (5 with the default `β₂`) are in proportion to the gradient, and
    /// too long where that is large.
    ///
    /// # Example
    ///
    /// ```
    /// let mut radam = dualtape_optimizers::RAdam::new(0.02);
    /// let mut x = [1.0_f64, -2.0];
    /// for _ in 0..1500 {
    ///     let gradient = [2.0 * x[0], 8.0 * x[1]];
    ///     radam.step(&mut x, &gradient)?;
    /// }
    /// assert!(x[0].abs() < 1e-3 && x[1].abs() < 1e-3);
    /// # Ok::<(), dualtape_optimizers::Error>(())
    /// ```
    pub type RAdam<'c, S> = Stepper<'c, S, rules::RAdam<S>>;
}

/// The rule of [`RAdam`](crate::RAdam).
#[derive(Debug, Clone)]
pub struct RAdam<S> {
    betas: [S; 2],
    epsilon: S,
}

impl<S: Real> Default for RAdam<S> {
    fn default() -> Self {
        RAdam { betas: [0.9, 0.999].map(S::constant), epsilon: S::constant(1e-8) }
    }
}

impl<S: Real> Preset<S> for RAdam<S> {
    type Source = Gradient;

    const LEARNING_RATE: f64 = 1e-3;
}

impl<S> Betas<S> for RAdam<S> {
    fn betas_mut(&mut self) -> &mut [S; 2] {
        &mut self.betas
    }
}

impl<S> Epsilon<S> for RAdam<S> {
    fn epsilon_mut(&mut self) -> &mut S {
        &mut self.epsilon
    }
}

impl<S: Real> RAdam<S> {
    /// `r √(1 − β₂ᵗ)`, where the second moment is known well enough. In double precision, because `ρₜ` is a small
    /// difference of large numbers.
    fn rectification(&self, step: u64) -> Option<S> {
        let (beta2, t) = (self.betas[1].as_f64(), step as f64);
        let bias = 1.0 - beta2.powf(t);
        let all = 2.0 / (1.0 - beta2) - 1.0;
        let now = all - 2.0 * t * beta2.powf(t) / bias;
        (now > 5.0).then(|| {
            let rectified = (now - 4.0) * (now - 2.0) * all / ((all - 4.0) * (all - 2.0) * now);
            S::constant((rectified * bias).sqrt())
        })
    }
}

impl<S: Real> Rule<S> for RAdam<S> {
    fn check(&self) -> Result<(), Error> {
        require_betas(self.betas)?;
        require_epsilon(self.epsilon)
    }

    fn settings(&self) -> Vec<Setting> {
        let [beta1, beta2] = self.betas.map(S::as_f64);
        vec![("beta1", beta1), ("beta2", beta2), ("epsilon", self.epsilon.as_f64())]
    }

    fn memory(&self, range: Range<usize>) -> Vec<Memory<S>> {
        ["first", "second"].map(|name| Memory::zeros(name, range.len())).into()
    }

    fn update(&self, update: Update<'_, S>) -> Result<(), Error> {
        let (one, [beta1, beta2], epsilon) = (S::one(), self.betas, self.epsilon);
        let rate = update.learning_rate / update.bias(beta1);
        let average = move |g: S, m: &mut S, v: &mut S| {
            *m = beta1 * *m + (one - beta1) * g;
            *v = beta2 * *v + (one - beta2) * g * g;
        };
        match self.rectification(update.step) {
            Some(factor) => update.each(move |g, [m, v]| {
                average(g, m, v);
                rate * factor * *m / (v.sqrt() + epsilon)
            }),
            None => update.each(move |g, [m, v]| {
                average(g, m, v);
                rate * *m
            }),
        }
        Ok(())
    }
}

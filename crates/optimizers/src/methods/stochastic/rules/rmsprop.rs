//! RMSprop.

use std::ops::Range;

use dualtape_autodiff::Real;

use super::preset::{Epsilon, Preset, require_epsilon, require_weight};
use crate::engine::Setting;
use crate::error::Error;
use crate::methods::stochastic::rule::{Memory, Rule, Update};
use crate::methods::stochastic::source::Source;
use crate::methods::stochastic::sources::Gradient;
use crate::methods::stochastic::stepper::Stepper;

pub(in crate::methods::stochastic) mod aliases {
    use crate::methods::stochastic::rules;
    use crate::methods::stochastic::stepper::Stepper;

    /// RMSprop (Tieleman & Hinton, lecture 6.5 of "Neural Networks for Machine Learning", 2012), in the form of
    /// `torch.optim.RMSprop`:
    ///
    /// ```text
    /// v ← ρ v + (1 − ρ) g²
    /// d = g / (√v + ε)         centred: √(v − a²) with a ← ρ a + (1 − ρ) g (Graves, arXiv 1308.0850, eq. 38–45)
    /// b ← μ b + d
    /// x ← x − α b
    /// ```
    ///
    /// **Defaults**: `α = 10⁻²`, `ρ = 0.99`, `ε = 10⁻⁸`, momentum `μ = 0`, not centred, `λ = 0`.
    ///
    /// **Use it** for noisy gradients and recurrent networks. **Pitfalls**: the average starts from 0 uncorrected, so that the first
    /// steps are `1/√(1 − ρ)` times too long.
    ///
    /// # Example
    ///
    /// ```
    /// let mut rmsprop = dualtape_optimizers::RmsProp::new(0.001).momentum(0.9).centered(true);
    /// let mut x = [1.0_f64, -2.0];
    /// for _ in 0..2000 {
    ///     let gradient = [2.0 * x[0], 800.0 * x[1]];
    ///     rmsprop.step(&mut x, &gradient)?;
    /// }
    /// assert!(x[0].abs() < 0.1 && x[1].abs() < 0.1);
    /// # Ok::<(), dualtape_optimizers::Error>(())
    /// ```
    pub type RmsProp<'c, S> = Stepper<'c, S, rules::RmsProp<S>>;
}

/// The rule of [`RmsProp`](crate::RmsProp).
#[derive(Debug, Clone)]
pub struct RmsProp<S> {
    rho: S,
    epsilon: S,
    momentum: S,
    centered: bool,
}

impl<S: Real> Default for RmsProp<S> {
    fn default() -> Self {
        let (rho, epsilon) = (S::constant(0.99), S::constant(1e-8));
        RmsProp { rho, epsilon, momentum: S::zero(), centered: false }
    }
}

impl<S: Real> Preset<S> for RmsProp<S> {
    type Source = Gradient;

    const LEARNING_RATE: f64 = 1e-2;
}

impl<S> Epsilon<S> for RmsProp<S> {
    fn epsilon_mut(&mut self) -> &mut S {
        &mut self.epsilon
    }
}

impl<S: Real, C: Source<S>> Stepper<'_, S, RmsProp<S>, C> {
    /// `ρ`, in `[0, 1)`: PyTorch's `alpha`.
    #[must_use]
    pub fn rho(self, rho: S) -> Self {
        self.rule_with(|rule| rule.rho = rho)
    }

    /// `μ`, in `[0, 1)`.
    #[must_use]
    pub fn momentum(self, momentum: S) -> Self {
        self.rule_with(|rule| rule.momentum = momentum)
    }

    /// Whether to divide by the standard deviation of the gradient, in place of its root mean square.
    #[must_use]
    pub fn centered(self, centered: bool) -> Self {
        self.rule_with(|rule| rule.centered = centered)
    }
}

impl<S: Real> Rule<S> for RmsProp<S> {
    fn check(&self) -> Result<(), Error> {
        require_weight("rho", self.rho)?;
        require_weight("momentum", self.momentum)?;
        require_epsilon(self.epsilon)
    }

    fn settings(&self) -> Vec<Setting> {
        vec![
            ("rho", self.rho.as_f64()),
            ("epsilon", self.epsilon.as_f64()),
            ("momentum", self.momentum.as_f64()),
            ("centered", f64::from(self.centered)),
        ]
    }

    fn memory(&self, range: Range<usize>) -> Vec<Memory<S>> {
        let lists =
            [(true, "second"), (self.centered, "first"), (!self.momentum.is_zero(), "momentum")];
        let lists = lists.into_iter().filter(|(kept, _)| *kept);
        lists.map(|(_, name)| Memory::zeros(name, range.len())).collect()
    }

    fn update(&self, update: Update<'_, S>) -> Result<(), Error> {
        let RmsProp { rho, epsilon, momentum, centered } = *self;
        let (one, rate) = (S::one(), update.learning_rate);
        let average = move |mean: &mut S, new: S| *mean = rho * *mean + (one - rho) * new;
        let scaled = move |g: S, v: &mut S| {
            average(v, g * g);
            g / (v.sqrt() + epsilon)
        };
        let centred = move |g: S, v: &mut S, a: &mut S| {
            average(a, g);
            average(v, g * g);
            // Rounding may leave a variance below 0.
            g / ((*v - *a * *a).max(S::zero()).sqrt() + epsilon)
        };
        let gather = move |b: &mut S, d: S| {
            *b = momentum * *b + d;
            rate * *b
        };
        match (centered, momentum.is_zero()) {
            (false, true) => update.each(move |g, [v]| rate * scaled(g, v)),
            (false, false) => update.each(move |g, [v, b]| gather(b, scaled(g, v))),
            (true, true) => update.each(move |g, [v, a]| rate * centred(g, v, a)),
            (true, false) => update.each(move |g, [v, a, b]| gather(b, centred(g, v, a))),
        }
        Ok(())
    }
}

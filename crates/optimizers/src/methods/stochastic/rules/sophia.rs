//! Sophia.

use std::ops::Range;

use dualtape_autodiff::Real;

use super::preset::{Betas, Epsilon, Preset, require_betas, require_epsilon};
use crate::check::require;
use crate::engine::Setting;
use crate::error::Error;
use crate::methods::stochastic::rule::{Memory, Rule, Update};
use crate::methods::stochastic::source::Source;
use crate::methods::stochastic::sources::HutchinsonDiagonal;
use crate::methods::stochastic::stepper::Stepper;

pub(in crate::methods::stochastic) mod aliases {
    use crate::methods::stochastic::stepper::Stepper;
    use crate::methods::stochastic::{rules, sources};

    /// Sophia (Liu et al., ICLR 2024, Alg. 3): averaged gradients divided by an average of estimates `ĥ` of the diagonal of
    /// the curvature, and clipped entry by entry:
    ///
    /// ```text
    /// m ← β₁ m + (1 − β₁) g
    /// h ← β₂ h + (1 − β₂) ĥ       every k steps
    /// x ← x − α clip(m / max(γ h, ε), 1)
    /// ```
    ///
    /// Where curvature is negative or small the step is `α sign(m)`, that of [`Lion`](crate::Lion).
    ///
    /// **Sophia-H**, which this is by default, takes Hutchinson's estimate `z ⊙ ∇²f(x) z` with the exact Hessian of the batch of
    /// the gradient ([`sources::HutchinsonDiagonal`]); its authors draw `z` from the normal distribution, whose mean is the same
    /// and variance larger.
    ///
    /// **Sophia-G** takes the Gauss–Newton–Bartlett estimate (Alg. 2): `ĥ = B ĝ ⊙ ĝ`, with the gradient `ĝ` of the mean loss
    /// of a batch of `B` examples whose labels are *drawn from the model's own distribution*. Its mean is the diagonal of the
    /// Gauss–Newton matrix, which is the Fisher matrix of such losses. With the labels of the data in place of drawn ones it would
    /// be the square of an ordinary gradient, which is another thing. Give the estimate as data, by
    /// [`step_with_diagonal`](Stepper::step_with_diagonal), with [`gauss_newton_bartlett`](rules::Sophia::gauss_newton_bartlett);
    /// or, of an objective that has that matrix, take another estimate of the same mean and of less variance for many labels:
    /// `Sophia::new(α).gamma(0.05).with_source(HutchinsonDiagonal::default().of(CurvatureMatrix::Fisher).every(10))`.
    ///
    /// **Defaults**: `α = 10⁻³`, `β = (0.96, 0.99)`, `γ = 0.01` (0.05 is the authors' for Sophia-G), `ε = 10⁻¹²`, `k = 10`,
    /// `λ = 0`; its authors use [decoupled weight decay](Stepper::decoupled_weight_decay) of 0.2. Other programs with this name
    /// write the step as `α clip(m/(h + ε), ρ)`: the same with `ρ = 1/γ` and `α` divided by `γ`. Nothing is corrected for the start
    /// from 0.
    ///
    /// **Pitfalls**: a good `γ` leaves 10 % to 50 % of the entries unclipped, and depends on the scale of the loss.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::record;
    /// use dualtape_optimizers::Sophia;
    ///
    /// let f = record(&[0.0; 2]).function(|x| x[0] * x[0] + 400.0 * x[1] * x[1] + x[0].powi(4))?;
    /// let mut method = Sophia::new(0.02).gamma(0.05);
    /// let mut x = [1.0_f64, -2.0];
    /// for _ in 0..600 {
    ///     method.step_on(&mut x, &f)?; // the loss of a minibatch, say
    /// }
    /// assert!(x[0].abs() < 1e-3 && x[1].abs() < 1e-3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub type Sophia<'c, S> = Stepper<'c, S, rules::Sophia<S>, sources::HutchinsonDiagonal>;
}

/// The rule of [`Sophia`](crate::Sophia).
#[derive(Debug, Clone)]
pub struct Sophia<S> {
    betas: [S; 2],
    gamma: S,
    epsilon: S,
}

impl<S: Real> Default for Sophia<S> {
    fn default() -> Self {
        let [beta1, beta2, gamma, epsilon] = [0.96, 0.99, 0.01, 1e-12].map(S::constant);
        Sophia { betas: [beta1, beta2], gamma, epsilon }
    }
}

impl<S: Real> Preset<S> for Sophia<S> {
    type Source = HutchinsonDiagonal;

    const LEARNING_RATE: f64 = 1e-3;

    fn source() -> HutchinsonDiagonal {
        HutchinsonDiagonal::default().every(10)
    }
}

impl<S> Betas<S> for Sophia<S> {
    fn betas_mut(&mut self) -> &mut [S; 2] {
        &mut self.betas
    }
}

impl<S> Epsilon<S> for Sophia<S> {
    fn epsilon_mut(&mut self) -> &mut S {
        &mut self.epsilon
    }
}

impl<S: Real> Sophia<S> {
    /// The Gauss–Newton–Bartlett estimate `B ĝ ⊙ ĝ` from the gradient `ĝ` of the mean loss of `examples` whose labels were drawn from
    /// the model's distribution.
    pub fn gauss_newton_bartlett(gradient: &[S], examples: usize) -> Vec<S> {
        let count = S::constant(examples as f64);
        gradient.iter().map(|&g| count * g * g).collect()
    }
}

impl<S: Real, C: Source<S>> Stepper<'_, S, Sophia<S>, C> {
    /// `γ > 0`.
    #[must_use]
    pub fn gamma(self, gamma: S) -> Self {
        self.rule_with(|rule| rule.gamma = gamma)
    }

    /// One update with a gradient and, at every `k`-th step, an estimate of the diagonal of the curvature, from wherever they come.
    ///
    /// # Errors
    ///
    /// As [`step`](Stepper::step).
    pub fn step_with_diagonal(
        &mut self,
        x: &mut [S],
        gradient: &[S],
        diagonal: Option<&[S]>,
    ) -> Result<(), Error> {
        self.step_with_estimate_of_diagonal(x, gradient, diagonal)
    }
}

impl<S: Real> Rule<S> for Sophia<S> {
    fn check(&self) -> Result<(), Error> {
        require_betas(self.betas)?;
        require_epsilon(self.epsilon)?;
        require("gamma", self.gamma, "positive", |gamma| gamma > 0.0)
    }

    fn settings(&self) -> Vec<Setting> {
        let [beta1, beta2] = self.betas.map(S::as_f64);
        vec![
            ("beta1", beta1),
            ("beta2", beta2),
            ("epsilon", self.epsilon.as_f64()),
            ("gamma", self.gamma.as_f64()),
        ]
    }

    fn memory(&self, range: Range<usize>) -> Vec<Memory<S>> {
        ["first", "diagonal"].map(|name| Memory::zeros(name, range.len())).into()
    }

    fn update(&self, update: Update<'_, S>) -> Result<(), Error> {
        let (one, [beta1, beta2]) = (S::one(), self.betas);
        let Sophia { gamma, epsilon, .. } = *self;
        if let (Some(estimate), [_, diagonal]) = (update.estimate, &mut *update.memory) {
            for (h, &estimate) in diagonal.iter_mut().zip(estimate) {
                *h = beta2 * *h + (one - beta2) * estimate;
            }
        }
        let rate = update.learning_rate;
        update.each(move |g, [m, h]| {
            *m = beta1 * *m + (one - beta1) * g;
            rate * (*m / (gamma * *h).max(epsilon)).max(-one).min(one)
        });
        Ok(())
    }
}

//! Adam, AdamW, AMSGrad and Adamax.

use std::ops::Range;

use dualtape_autodiff::Real;

use super::preset::{Betas, Epsilon, Preset, require_betas, require_epsilon};
use crate::engine::Setting;
use crate::error::Error;
use crate::methods::stochastic::rule::{Memory, Rule, Update};
use crate::methods::stochastic::source::Source;
use crate::methods::stochastic::sources::Gradient;
use crate::methods::stochastic::stepper::Stepper;

pub(in crate::methods::stochastic) mod aliases {
    use crate::methods::stochastic::rules;
    use crate::methods::stochastic::stepper::Stepper;

    /// Adam (Kingma & Ba, ICLR 2015, Alg. 1), in the form of `torch.optim.Adam` and, with
    /// [decoupled weight decay](Stepper::decoupled_weight_decay), `torch.optim.AdamW` (Loshchilov & Hutter, ICLR 2019, Alg. 2):
    ///
    /// ```text
    /// g ← ∇f(x) + λ x          (decoupled: x ← x − α λ x instead)
    /// m ← β₁ m + (1 − β₁) g
    /// v ← β₂ v + (1 − β₂) g²   elementwise
    /// x ← x − α/(1 − β₁ᵗ) · m / (√(v/(1 − β₂ᵗ)) + ε)
    /// ```
    ///
    /// With AMSGrad (Reddi et al., ICLR 2018, Alg. 2) the largest `v` so far takes the place of `v`.
    ///
    /// **Defaults**: `α = 10⁻³`, `β = (0.9, 0.999)`, `ε = 10⁻⁸`, `λ = 0`, 1000 iterations.
    ///
    /// **Use it** with noisy gradients of minibatches, by [`step`](Stepper::step) in a loop of one's own, or by
    /// [`minimize`](crate::Minimizer::minimize), which starts afresh and returns the point of least value.
    ///
    /// **Pitfalls**: with a constant learning rate it hovers around a minimum at a distance of about `α`: lower `α` towards
    /// the end. Coupled weight decay is divided by `√v` too; that is rarely meant, and what AdamW corrects.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_optimizers::Adam;
    ///
    /// let mut adam = Adam::new(0.05);
    /// let mut x = [1.0_f64, -2.0];
    /// for step in 0..600 {
    ///     adam.set_learning_rate(0.05 * 0.99_f64.powi(step));
    ///     let gradient = [2.0 * x[0], 800.0 * x[1]]; // of a minibatch, say
    ///     adam.step(&mut x, &gradient)?;
    /// }
    /// assert!(x[0].abs() < 1e-3 && x[1].abs() < 1e-3);
    /// # Ok::<(), dualtape_optimizers::Error>(())
    /// ```
    pub type Adam<'c, S> = Stepper<'c, S, rules::Adam<S>>;

    /// Adamax (Kingma & Ba, ICLR 2015, Alg. 2), in the form of `torch.optim.Adamax`: [`Adam`] with the largest gradient, fading,
    /// in place of the mean square:
    ///
    /// ```text
    /// m ← β₁ m + (1 − β₁) g
    /// u ← max(β₂ u, |g| + ε)
    /// x ← x − α/(1 − β₁ᵗ) · m / u
    /// ```
    ///
    /// **Defaults**: `α = 2·10⁻³`, `β = (0.9, 0.999)`, `ε = 10⁻⁸`, `λ = 0`.
    ///
    /// **Use it** for sparse gradients, as of embeddings. **Pitfalls**: one outlier keeps steps short for `1/(1 − β₂)` steps.
    ///
    /// # Example
    ///
    /// ```
    /// let mut adamax = dualtape_optimizers::Adamax::new(0.1);
    /// let mut x = [1.0_f64, -2.0];
    /// adamax.step(&mut x, &[30.0, -0.02])?;
    /// assert!((x[0] - 0.9).abs() < 1e-6 && (x[1] + 1.9).abs() < 1e-6); // α, whatever the size
    /// # Ok::<(), dualtape_optimizers::Error>(())
    /// ```
    pub type Adamax<'c, S> = Stepper<'c, S, rules::Adamax<S>>;
}

/// The rule of [`Adam`](crate::Adam).
#[derive(Debug, Clone)]
pub struct Adam<S> {
    betas: [S; 2],
    epsilon: S,
    amsgrad: bool,
}

impl<S: Real> Default for Adam<S> {
    fn default() -> Self {
        let betas = [0.9, 0.999].map(S::constant);
        Adam { betas, epsilon: S::constant(1e-8), amsgrad: false }
    }
}

impl<S: Real> Preset<S> for Adam<S> {
    type Source = Gradient;

    const LEARNING_RATE: f64 = 1e-3;
}

impl<S> Betas<S> for Adam<S> {
    fn betas_mut(&mut self) -> &mut [S; 2] {
        &mut self.betas
    }
}

impl<S> Epsilon<S> for Adam<S> {
    fn epsilon_mut(&mut self) -> &mut S {
        &mut self.epsilon
    }
}

impl<S: Real, C: Source<S>> Stepper<'_, S, Adam<S>, C> {
    /// Whether to divide by the largest second moment so far.
    #[must_use]
    pub fn amsgrad(self, amsgrad: bool) -> Self {
        self.rule_with(|rule| rule.amsgrad = amsgrad)
    }
}

impl<S: Real> Rule<S> for Adam<S> {
    fn check(&self) -> Result<(), Error> {
        require_betas(self.betas)?;
        require_epsilon(self.epsilon)
    }

    fn settings(&self) -> Vec<Setting> {
        let [beta1, beta2] = self.betas.map(S::as_f64);
        vec![
            ("beta1", beta1),
            ("beta2", beta2),
            ("epsilon", self.epsilon.as_f64()),
            ("amsgrad", f64::from(self.amsgrad)),
        ]
    }

    fn memory(&self, range: Range<usize>) -> Vec<Memory<S>> {
        let lists: &[_] = &["first", "second", "largest_second"];
        let lists = &lists[..if self.amsgrad { 3 } else { 2 }];
        lists.iter().map(|name| Memory::zeros(name, range.len())).collect()
    }

    fn update(&self, update: Update<'_, S>) -> Result<(), Error> {
        let (one, [beta1, beta2], epsilon) = (S::one(), self.betas, self.epsilon);
        let rate = update.learning_rate / update.bias(beta1);
        // A product in the loop costs less than a quotient.
        let scale = update.bias(beta2).sqrt().recip();
        let average = move |g: S, m: &mut S, v: &mut S| {
            *m = beta1 * *m + (one - beta1) * g;
            *v = beta2 * *v + (one - beta2) * g * g;
        };
        let step = move |m: S, v: S| rate * m / (v.sqrt() * scale + epsilon);
        if self.amsgrad {
            update.each(move |g, [m, v, largest]| {
                average(g, m, v);
                *largest = largest.max(*v);
                step(*m, *largest)
            });
        } else {
            update.each(move |g, [m, v]| {
                average(g, m, v);
                step(*m, *v)
            });
        }
        Ok(())
    }
}

/// The rule of [`Adamax`](crate::Adamax).
#[derive(Debug, Clone)]
pub struct Adamax<S> {
    betas: [S; 2],
    epsilon: S,
}

impl<S: Real> Default for Adamax<S> {
    fn default() -> Self {
        Adamax { betas: [0.9, 0.999].map(S::constant), epsilon: S::constant(1e-8) }
    }
}

impl<S: Real> Preset<S> for Adamax<S> {
    type Source = Gradient;

    const LEARNING_RATE: f64 = 2e-3;
}

impl<S> Betas<S> for Adamax<S> {
    fn betas_mut(&mut self) -> &mut [S; 2] {
        &mut self.betas
    }
}

impl<S> Epsilon<S> for Adamax<S> {
    fn epsilon_mut(&mut self) -> &mut S {
        &mut self.epsilon
    }
}

impl<S: Real> Rule<S> for Adamax<S> {
    fn check(&self) -> Result<(), Error> {
        require_betas(self.betas)?;
        require_epsilon(self.epsilon)
    }

    fn settings(&self) -> Vec<Setting> {
        let [beta1, beta2] = self.betas.map(S::as_f64);
        vec![("beta1", beta1), ("beta2", beta2), ("epsilon", self.epsilon.as_f64())]
    }

    fn memory(&self, range: Range<usize>) -> Vec<Memory<S>> {
        ["first", "largest"].map(|name| Memory::zeros(name, range.len())).into()
    }

    fn update(&self, update: Update<'_, S>) -> Result<(), Error> {
        let (one, [beta1, beta2], epsilon) = (S::one(), self.betas, self.epsilon);
        let rate = update.learning_rate / update.bias(beta1);
        update.each(move |g, [m, u]| {
            *m = beta1 * *m + (one - beta1) * g;
            *u = (beta2 * *u).max(g.abs() + epsilon);
            rate * *m / *u
        });
        Ok(())
    }
}

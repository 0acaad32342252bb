//! Lion.

use std::ops::Range;

use dualtape_autodiff::Real;

use super::preset::{Betas, Preset, require_betas};
use crate::engine::Setting;
use crate::error::Error;
use crate::methods::stochastic::rule::{Memory, Rule, Update};
use crate::methods::stochastic::sources::Gradient;

pub(in crate::methods::stochastic) mod aliases {
    use crate::methods::stochastic::rules;
    use crate::methods::stochastic::stepper::Stepper;

    /// Lion, "evolved sign momentum" (Chen et al., NeurIPS 2023, Alg. 2), in the form of its authors' code:
    ///
    /// ```text
    /// x ← x − α sign(β₁ m + (1 − β₁) g)
    /// m ← β₂ m + (1 − β₂) g
    /// ```
    ///
    /// with `sign(0) = 0`.
    ///
    /// **Defaults**: `α = 10⁻⁴`, `β = (0.9, 0.99)`, `λ = 0`. Its authors use
    /// [decoupled weight decay](Stepper::decoupled_weight_decay), and compared with AdamW a learning rate 3 to 10 times
    /// smaller and a weight decay as many times larger.
    ///
    /// **Use it** for large batches and networks; it keeps one number for each parameter where Adam keeps two. **Pitfalls**:
    /// every parameter moves by `α` at every step, so that it needs a falling learning rate to settle.
    ///
    /// # Example
    ///
    /// ```
    /// let mut lion = dualtape_optimizers::Lion::new(0.25);
    /// let mut x = [1.0_f64, -2.0, 3.0];
    /// lion.step(&mut x, &[1e-9, -1e9, 0.0])?;
    /// assert_eq!(x, [0.75, -1.75, 3.0]);
    /// # Ok::<(), dualtape_optimizers::Error>(())
    /// ```
    pub type Lion<'c, S> = Stepper<'c, S, rules::Lion<S>>;
}

/// The rule of [`Lion`](crate::Lion).
#[derive(Debug, Clone)]
pub struct Lion<S> {
    betas: [S; 2],
}

impl<S: Real> Default for Lion<S> {
    fn default() -> Self {
        Lion { betas: [0.9, 0.99].map(S::constant) }
    }
}

impl<S: Real> Preset<S> for Lion<S> {
    type Source = Gradient;

    const LEARNING_RATE: f64 = 1e-4;
}

impl<S> Betas<S> for Lion<S> {
    fn betas_mut(&mut self) -> &mut [S; 2] {
        &mut self.betas
    }
}

impl<S: Real> Rule<S> for Lion<S> {
    fn check(&self) -> Result<(), Error> {
        require_betas(self.betas)
    }

    fn settings(&self) -> Vec<Setting> {
        let [beta1, beta2] = self.betas.map(S::as_f64);
        vec![("beta1", beta1), ("beta2", beta2)]
    }

    fn memory(&self, range: Range<usize>) -> Vec<Memory<S>> {
        vec![Memory::zeros("momentum", range.len())]
    }

    fn update(&self, update: Update<'_, S>) -> Result<(), Error> {
        let (one, zero, rate, [beta1, beta2]) =
            (S::one(), S::zero(), update.learning_rate, self.betas);
        update.each(move |g, [m]| {
            let direction = beta1 * *m + (one - beta1) * g;
            *m = beta2 * *m + (one - beta2) * g;
            let sign = if direction > zero { rate } else { -rate };
            if direction == zero { zero } else { sign }
        });
        Ok(())
    }
}

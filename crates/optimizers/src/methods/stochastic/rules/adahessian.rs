//! AdaHessian.

use std::ops::Range;

use dualtape_autodiff::{Real, parts::Parts};

use super::preset::{Betas, Epsilon, Preset, require_betas, require_epsilon};
use crate::check::{require, require_count};
use crate::engine::Setting;
use crate::error::Error;
use crate::methods::stochastic::rule::{Memory, Rule, Update, bias};
use crate::methods::stochastic::source::Source;
use crate::methods::stochastic::sources::HutchinsonDiagonal;
use crate::methods::stochastic::stepper::Stepper;
use crate::methods::stochastic::which::Which;

pub(in crate::methods::stochastic) mod aliases {
    use crate::methods::stochastic::stepper::Stepper;
    use crate::methods::stochastic::{rules, sources};

    /// AdaHessian (Yao et al., AAAI 2021, Alg. 1): [`Adam`](crate::Adam) with an estimate of the diagonal of the Hessian in place of
    /// the gradient in the second moment:
    ///
    /// ```text
    /// ĥ = z ⊙ ∇²f(x) z,  zᵢ = ±1
    /// m ← β₁ m + (1 − β₁) g
    /// v ← β₂ v + (1 − β₂) ĥ²
    /// x ← x − α/(1 − β₁ᵗ) · m / ((v/(1 − β₂ᵗ))^(k/2) + ε)
    /// ```
    ///
    /// Gradient and Hessian are of the same batch, and the product is exact. `ĥ²` is the square of one noisy sample: its mean
    /// is the squared diagonal **plus** the squares of the rest of the row, so that `v` is not the diagonal of the Hessian unless
    /// that dominates; more [samples](sources::HutchinsonDiagonal::samples) bring it closer. The sign of curvature is lost: at a
    /// saddle point it steps downhill nonetheless.
    ///
    /// The authors average `|ĥ|` over the entries of each convolution kernel. That is off here, where parameters have no
    /// shapes; give the blocks by [`average_over`](Stepper::average_over).
    ///
    /// **Defaults**: `α = 0.15`, `β = (0.9, 0.999)`, `ε = 10⁻⁴`, power `k = 1`, `λ = 0`, one `z` at each step. Its authors use
    /// [decoupled weight decay](Stepper::decoupled_weight_decay).
    ///
    /// **Use it** where scales differ much between parameters. A step costs a gradient and a product. **Pitfalls**: one noisy `z` a
    /// step asks for a large `β₂`; where curvature vanishes steps are up to `α|m|/ε` long.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::record;
    /// use dualtape_optimizers::AdaHessian;
    ///
    /// let f = record(&[0.0; 2]).function(|x| x[0] * x[0] + 400.0 * x[1] * x[1] + 2.0 * x[0] * x[1])?;
    /// let mut method = AdaHessian::new(0.1);
    /// let mut x = [1.0_f64, -2.0];
    /// for _ in 0..300 {
    ///     method.step_on(&mut x, &f)?; // the loss of a minibatch, say
    /// }
    /// assert!(x[0].abs() < 1e-3 && x[1].abs() < 1e-3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub type AdaHessian<'c, S> = Stepper<'c, S, rules::AdaHessian<S>, sources::HutchinsonDiagonal>;
}

/// The rule of [`AdaHessian`](crate::AdaHessian).
#[derive(Debug, Clone)]
pub struct AdaHessian<S> {
    betas: [S; 2],
    epsilon: S,
    power: S,
    averaged: Vec<(Which, usize)>,
    /// Where these are.
    blocks: Vec<(Range<usize>, usize)>,
}

impl<S: Real> Default for AdaHessian<S> {
    fn default() -> Self {
        let [beta1, beta2, epsilon] = [0.9, 0.999, 1e-4].map(S::constant);
        AdaHessian {
            betas: [beta1, beta2],
            epsilon,
            power: S::one(),
            averaged: Vec::new(),
            blocks: Vec::new(),
        }
    }
}

impl<S: Real> Preset<S> for AdaHessian<S> {
    type Source = HutchinsonDiagonal;

    const LEARNING_RATE: f64 = 0.15;
}

impl<S> Betas<S> for AdaHessian<S> {
    fn betas_mut(&mut self) -> &mut [S; 2] {
        &mut self.betas
    }
}

impl<S> Epsilon<S> for AdaHessian<S> {
    fn epsilon_mut(&mut self) -> &mut S {
        &mut self.epsilon
    }
}

impl<S: Real, C: Source<S>> Stepper<'_, S, AdaHessian<S>, C> {
    /// The Hessian power `k`, in `(0, 1]`: with less than 1 the steps depend less on curvature.
    #[must_use]
    pub fn hessian_power(self, power: S) -> Self {
        self.rule_with(|rule| rule.power = power)
    }

    /// Averages `|ĥ|` over each `size` neighbours of these parameters: the entries of the kernels of a convolution, for which
    /// the parameter is best [named](Which). Where a group takes only a part of a range, its blocks count from the beginning of
    /// that part; in a named module they do in each parameter.
    #[must_use]
    pub fn average_over(self, which: impl Into<Which>, size: usize) -> Self {
        self.rule_with(|rule| rule.averaged.push((which.into(), size)))
    }

    /// One update with a gradient and, unless it is the estimate before that is to be used again, an estimate of the diagonal of the
    /// Hessian, from wherever they come.
    ///
    /// # Errors
    ///
    /// As [`step`](Stepper::step), and [`Error::NoEstimate`] if the first step has none.
    pub fn step_with_diagonal(
        &mut self,
        x: &mut [S],
        gradient: &[S],
        diagonal: Option<&[S]>,
    ) -> Result<(), Error> {
        self.step_with_estimate_of_diagonal(x, gradient, diagonal)
    }
}

impl<S: Real> AdaHessian<S> {
    /// `|ĥ|`, averaged where that is asked for.
    fn magnitude(&self, estimate: &[S], part: &Range<usize>) -> Vec<S> {
        let mut magnitude: Vec<S> = estimate.iter().map(|h| h.abs()).collect();
        for (range, size) in &self.blocks {
            let (start, end) = (range.start.max(part.start), range.end.min(part.end));
            if start < end {
                for block in magnitude[start - part.start..end - part.start].chunks_mut(*size) {
                    let sum = block.iter().fold(S::zero(), |sum, &h| sum + h);
                    let mean = sum / S::constant(block.len() as f64);
                    block.fill(mean);
                }
            }
        }
        magnitude
    }
}

impl<S: Real> Rule<S> for AdaHessian<S> {
    fn check(&self) -> Result<(), Error> {
        require_betas(self.betas)?;
        require_epsilon(self.epsilon)?;
        require("hessian_power", self.power, "in (0, 1]", |k| k > 0.0 && k <= 1.0)?;
        let mut sizes = self.averaged.iter().map(|(_, size)| *size);
        sizes.try_for_each(|size| require_count("average_over", size))
    }

    fn settings(&self) -> Vec<Setting> {
        let [beta1, beta2] = self.betas.map(S::as_f64);
        let mut all = vec![
            ("beta1", beta1),
            ("beta2", beta2),
            ("epsilon", self.epsilon.as_f64()),
            ("hessian_power", self.power.as_f64()),
        ];
        for (which, size) in &self.averaged {
            let numbers = which.numbers().into_iter().chain([*size as f64]);
            all.extend(numbers.map(|number| ("average_over", number)));
        }
        all
    }

    fn means_places(&self) -> bool {
        self.averaged.iter().any(|(which, _)| which.is_by_place())
    }

    fn locate(&mut self, parts: Option<&Parts>) -> Result<(), Error> {
        self.blocks.clear();
        for (which, size) in &self.averaged {
            self.blocks.extend(which.ranges(parts)?.into_iter().map(|range| (range, *size)));
        }
        Ok(())
    }

    fn memory(&self, range: Range<usize>) -> Vec<Memory<S>> {
        let n = range.len();
        let estimates = Memory::zeros("estimates", 1);
        vec![Memory::zeros("first", n), Memory::zeros("second", n), estimates]
    }

    fn update(&self, update: Update<'_, S>) -> Result<(), Error> {
        let (one, [beta1, beta2], epsilon) = (S::one(), self.betas, self.epsilon);
        let [_, second, estimates] = &mut *update.memory else {
            unreachable!("as many lists as were asked for")
        };
        if let Some(estimate) = update.estimate {
            for (v, h) in second.iter_mut().zip(self.magnitude(estimate, &update.range)) {
                *v = beta2 * *v + (one - beta2) * h * h;
            }
            estimates[0] += one;
        }
        if estimates[0].is_zero() {
            return Err(Error::NoEstimate);
        }
        // Of the estimates, of which there may be fewer than steps.
        let scale = bias(beta2, estimates[0].as_f64()).recip();
        let half = S::constant(0.5) * self.power;
        let rate = update.learning_rate / update.bias(beta1);
        let average = move |g: S, m: &mut S| {
            *m = beta1 * *m + (one - beta1) * g;
            rate * *m
        };
        if self.power == one {
            update.each(move |g, [m, v]| average(g, m) / ((*v * scale).sqrt() + epsilon));
        } else {
            update.each(move |g, [m, v]| average(g, m) / ((*v * scale).powf(half) + epsilon));
        }
        Ok(())
    }
}

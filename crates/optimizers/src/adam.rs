//! Adam and AdamW.

use dualtape_autodiff::vectorized;

use crate::first_order::{check_step, iterate};
use crate::options::{Options, require};
use crate::report::Report;
use crate::run::run;
use crate::saved::{SavedState, count, list, numbers, save};
use crate::{Error, Minimizer, Objective, Real};

/// Adam (Kingma & Ba, ICLR 2015, Alg. 1), in the form of `torch.optim.Adam` and, with decoupled weight decay,
/// `torch.optim.AdamW` (Loshchilov & Hutter, ICLR 2019, Alg. 2):
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
/// **Use it** with noisy gradients of minibatches, by [`step`](Adam::step) in a loop of one's own, or by
/// [`minimize`](Minimizer::minimize), which starts afresh and returns the point of least value.
///
/// **Pitfalls**: with a constant learning rate it hovers around a minimum at a distance of about `α`: lower `α` towards
/// the end. Coupled weight decay is divided by `√v` too; that is rarely meant, and what AdamW corrects. The stop tests
/// and the reported value are those of `f` itself, without the weight decay.
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
#[derive(Debug)]
pub struct Adam<'c, S: Real> {
    options: Options<'c, S>,
    rule: Rule<S>,
}

#[derive(Debug, Clone)]
struct Rule<S> {
    learning_rate: S,
    beta1: S,
    beta2: S,
    epsilon: S,
    weight_decay: S,
    decoupled: bool,
    amsgrad: bool,
    moments: Moments<S>,
}

/// The running averages.
#[derive(Debug, Clone)]
struct Moments<S> {
    first: Vec<S>,
    second: Vec<S>,
    largest_second: Vec<S>,
    steps: i32,
}

impl<S> Default for Moments<S> {
    fn default() -> Self {
        Moments { first: Vec::new(), second: Vec::new(), largest_second: Vec::new(), steps: 0 }
    }
}

impl<S: Real> Adam<'_, S> {
    /// Adam with the learning rate `α`.
    pub fn new(learning_rate: S) -> Self {
        let rule = Rule {
            learning_rate,
            beta1: S::constant(0.9),
            beta2: S::constant(0.999),
            epsilon: S::constant(1e-8),
            weight_decay: S::zero(),
            decoupled: false,
            amsgrad: false,
            moments: Moments::default(),
        };
        Adam { options: Options::new(1000), rule }
    }

    /// `β₁` and `β₂`, in `[0, 1)`.
    #[must_use]
    pub fn betas(mut self, beta1: S, beta2: S) -> Self {
        (self.rule.beta1, self.rule.beta2) = (beta1, beta2);
        self
    }

    /// `ε > 0`.
    #[must_use]
    pub fn epsilon(mut self, epsilon: S) -> Self {
        self.rule.epsilon = epsilon;
        self
    }

    /// Weight decay as a term `½λ‖x‖²` of the objective.
    #[must_use]
    pub fn weight_decay(mut self, weight_decay: S) -> Self {
        (self.rule.weight_decay, self.rule.decoupled) = (weight_decay, false);
        self
    }

    /// Weight decay apart from the gradient: AdamW.
    #[must_use]
    pub fn decoupled_weight_decay(mut self, weight_decay: S) -> Self {
        (self.rule.weight_decay, self.rule.decoupled) = (weight_decay, true);
        self
    }

    /// Whether to divide by the largest second moment so far.
    #[must_use]
    pub fn amsgrad(mut self, amsgrad: bool) -> Self {
        self.rule.amsgrad = amsgrad;
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

    /// One update of `x` with a gradient there. The moments are kept from step to step.
    ///
    /// # Errors
    ///
    /// Unusable settings, slices of different lengths, or a gradient that is not finite; then `x` is left as it was.
    pub fn step(&mut self, x: &mut [S], gradient: &[S]) -> Result<(), Error> {
        self.rule.check()?;
        self.rule.step(x, gradient)
    }

    /// The moments and the number of steps, to be saved.
    pub fn state(&self) -> SavedState {
        let Moments { first, second, largest_second, steps } = &self.rule.moments;
        save([
            ("first", numbers(first)),
            ("second", numbers(second)),
            ("largest_second", numbers(largest_second)),
            ("steps", vec![f64::from(*steps)]),
        ])
    }

    /// Goes on from saved moments, to the same bits as if nothing had been saved. The settings are not among them.
    ///
    /// # Errors
    ///
    /// [`Error::SavedState`]; the moments are then as they were.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_optimizers::Adam;
    ///
    /// let (mut adam, mut x) = (Adam::new(0.1), [1.0_f64]);
    /// adam.step(&mut x, &[3.0])?;
    /// let saved = (x, adam.state());
    /// adam.step(&mut x, &[-1.0])?;
    ///
    /// let (mut other, mut y) = (Adam::new(0.1), saved.0);
    /// other.restore(&saved.1)?;
    /// other.step(&mut y, &[-1.0])?;
    /// assert_eq!(x, y);
    /// # Ok::<(), dualtape_optimizers::Error>(())
    /// ```
    pub fn restore(&mut self, state: &SavedState) -> Result<(), Error> {
        self.rule.moments = Moments {
            first: list(state, "first")?,
            second: list(state, "second")?,
            largest_second: list(state, "largest_second")?,
            steps: count(state, "steps")? as i32,
        };
        Ok(())
    }
}

impl<S: Real> Default for Adam<'_, S> {
    fn default() -> Self {
        Adam::new(S::constant(1e-3))
    }
}

impl<S: Real> Rule<S> {
    fn check(&self) -> Result<(), Error> {
        require("learning_rate", self.learning_rate, "positive", |a| a > 0.0)?;
        require("beta1", self.beta1, "in [0, 1)", |b| (0.0..1.0).contains(&b))?;
        require("beta2", self.beta2, "in [0, 1)", |b| (0.0..1.0).contains(&b))?;
        require("epsilon", self.epsilon, "positive", |e| e > 0.0)?;
        require("weight_decay", self.weight_decay, "zero or positive", |w| w >= 0.0)
    }

    fn step(&mut self, x: &mut [S], gradient: &[S]) -> Result<(), Error> {
        let one = S::one();
        let moments = &mut self.moments;
        check_step(x, gradient, &mut moments.first)?;
        moments.second.resize(x.len(), S::zero());
        moments.largest_second.resize(if self.amsgrad { x.len() } else { 0 }, S::zero());
        moments.steps = moments.steps.saturating_add(1);
        let correction1 = one - self.beta1.powi(moments.steps);
        let (coupled, decoupled) = if self.decoupled {
            (S::zero(), self.weight_decay)
        } else {
            (self.weight_decay, S::zero())
        };
        // A product in the loop costs less than a quotient.
        let scale = (one - self.beta2.powi(moments.steps)).sqrt().recip();
        let step = self.learning_rate / correction1;
        let kept = one - self.learning_rate * decoupled;
        let (beta1, beta2, epsilon) = (self.beta1, self.beta2, self.epsilon);
        let Moments { first, second, largest_second, .. } = moments;
        // Loops without a branch, which the compiler turns into vectors.
        vectorized(|| {
            let average = |x: &mut S, gradient: S, m: &mut S, v: &mut S| {
                let g = gradient + coupled * *x;
                *x *= kept;
                *m = beta1 * *m + (one - beta1) * g;
                *v = beta2 * *v + (one - beta2) * g * g;
            };
            let update = |x: &mut S, m: S, v: S| *x -= step * m / (v.sqrt() * scale + epsilon);
            let entries = x.iter_mut().zip(gradient).zip(first).zip(second);
            if self.amsgrad {
                for ((((x, &gradient), m), v), largest) in entries.zip(largest_second) {
                    average(x, gradient, m, v);
                    *largest = largest.max(*v);
                    update(x, *m, *largest);
                }
            } else {
                for (((x, &gradient), m), v) in entries {
                    average(x, gradient, m, v);
                    update(x, *m, *v);
                }
            }
        });
        Ok(())
    }
}

impl<'c, S: Real> Minimizer<'c, S> for Adam<'c, S> {
    fn minimize(&mut self, objective: &dyn Objective<S>, x: &mut [S]) -> Result<Report<S>, Error> {
        self.rule.check()?;
        self.rule.moments = Moments::default();
        let rule = &mut self.rule;
        run(&mut self.options, objective, x, |objective, run, x| {
            iterate(objective, run, x, |x, gradient| rule.step(x, gradient))
        })
    }

    fn options_mut(&mut self) -> &mut Options<'c, S> {
        &mut self.options
    }
}

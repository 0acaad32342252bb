//! What rules have in common.

use dualtape_autodiff::Real;

use super::matrices::Matrices;
use crate::check::require;
use crate::error::Error;
use crate::methods::stochastic::rule::Rule;
use crate::methods::stochastic::source::Source;
use crate::methods::stochastic::stepper::Stepper;
use crate::methods::stochastic::which::Which;

/// A rule with settings to begin with, as its publication or reference code has them.
pub trait Preset<S: Real>: Rule<S> + Default {
    /// What it is fed with.
    type Source: Source<S> + Default;

    /// The learning rate.
    const LEARNING_RATE: f64;

    /// The source to begin with. As provided: with its own defaults.
    fn source() -> Self::Source {
        Self::Source::default()
    }
}

/// A rule with averages whose weights `β₁` and `β₂` are in `[0, 1)`.
pub trait Betas<S> {
    /// `β₁` and `β₂`.
    fn betas_mut(&mut self) -> &mut [S; 2];
}

/// A rule that treats some of the parameters as matrices.
pub trait OfMatrices {
    /// Which.
    fn matrices_mut(&mut self) -> &mut Matrices;
}

/// A rule that divides by something made positive by an `ε > 0`.
pub trait Epsilon<S> {
    /// `ε`.
    fn epsilon_mut(&mut self) -> &mut S;
}

impl<S: Real, R: Preset<S>> Stepper<'_, S, R, R::Source> {
    /// The method with this learning rate `α`, and default settings otherwise.
    pub fn new(learning_rate: S) -> Self {
        Stepper::with_rule(learning_rate, R::default()).with_source(R::source())
    }
}

impl<S: Real, R: Preset<S>> Default for Stepper<'_, S, R, R::Source> {
    fn default() -> Self {
        Stepper::new(S::constant(R::LEARNING_RATE))
    }
}

impl<S: Real, R: Rule<S> + Betas<S>, C: Source<S>> Stepper<'_, S, R, C> {
    /// `β₁` and `β₂`, in `[0, 1)`.
    #[must_use]
    pub fn betas(self, beta1: S, beta2: S) -> Self {
        self.rule_with(|rule| *rule.betas_mut() = [beta1, beta2])
    }
}

impl<S: Real, R: Rule<S> + Epsilon<S>, C: Source<S>> Stepper<'_, S, R, C> {
    /// `ε > 0`.
    #[must_use]
    pub fn epsilon(self, epsilon: S) -> Self {
        self.rule_with(|rule| *rule.epsilon_mut() = epsilon)
    }
}

impl<S: Real, R: Rule<S> + OfMatrices, C: Source<S>> Stepper<'_, S, R, C> {
    /// Says that these parameters are a matrix, row by row: the weights of a layer, or with 1 column a vector. A
    /// convolution's are a matrix with a row for each output channel.
    ///
    /// Matrices must be apart from each other, and each within one parameter group. One that is [named](Which) is one while
    /// it is trained.
    #[must_use]
    pub fn matrix(self, which: impl Into<Which>, rows: usize, columns: usize) -> Self {
        self.rule_with(|rule| rule.matrices_mut().push(which.into(), rows, columns))
    }

    /// Says that each parameter of the module of this name, or the one parameter of this full name, is the matrix that its shape
    /// says: a row for each entry of the first axis. Parameters with one axis, as biases, are left out.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::parts::Parts;
    /// use dualtape_optimizers::Shampoo;
    ///
    /// let parts = Parts::new([("0.weight", vec![2, 3]), ("0.bias", vec![2]), ("2.weight", vec![1, 2])]);
    /// let mut shampoo = Shampoo::new(0.1).matrices("0").matrices("2").named(&parts)?;
    /// shampoo.step(&mut [0.5_f64; 10], &[1.0; 10])?;
    /// // of 0.weight the 2 × 2 matrix of its rows, and of 2.weight none, which is a vector
    /// assert_eq!(shampoo.state()["left/0.weight"].len(), 4);
    /// assert_eq!(shampoo.state()["left/2.weight"].len(), 0);
    /// # Ok::<(), dualtape_optimizers::Error>(())
    /// ```
    #[must_use]
    pub fn matrices(self, name: impl Into<String>) -> Self {
        self.rule_with(|rule| rule.matrices_mut().push_named(name.into()))
    }
}

pub(super) fn require_betas<S: Real>([beta1, beta2]: [S; 2]) -> Result<(), Error> {
    require_weight("beta1", beta1)?;
    require_weight("beta2", beta2)
}

pub(super) fn require_weight<S: Real>(name: &'static str, beta: S) -> Result<(), Error> {
    require(name, beta, "in [0, 1)", |b| (0.0..1.0).contains(&b))
}

pub(super) fn require_epsilon<S: Real>(epsilon: S) -> Result<(), Error> {
    require("epsilon", epsilon, "positive", |e| e > 0.0)
}

//! What is minimised: a function with its gradient and its exact Hessian.

mod by_hand;
mod counted;
mod function;

pub use by_hand::ByHand;
pub use counted::{Counted, Counts};

use crate::{Error, LinearOperator, Real};

/// A twice differentiable function `f: ℝⁿ → ℝ`.
///
/// Implemented for [`dualtape_autodiff::Function`], where every derivative is exact and nothing is written by hand, and
/// for [`ByHand`], which takes closures. Where `f` cannot be evaluated (a logarithm of a negative number), the value is
/// NaN or infinite and no error: line searches then step back.
pub trait Objective<S: Real> {
    /// The number of parameters `n`.
    fn dim(&self) -> usize;

    /// `f(x)`.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if `x` does not have `n` entries, or whatever the computation itself refuses.
    fn value(&self, x: &[S]) -> Result<S, Error>;

    /// `f(x)`, and `gradient ← ∇f(x)`.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if `x` or `gradient` do not have `n` entries, or whatever the computation itself refuses.
    fn value_and_gradient(&self, x: &[S], gradient: &mut [S]) -> Result<S, Error>;

    /// Value, gradient and Hessian at `x`, with everything computed that all Hessian–vector products there share.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if `x` does not have `n` entries, or whatever the computation itself refuses.
    fn linearize<'a>(&'a self, x: &[S]) -> Result<Box<dyn Linearized<S> + 'a>, Error>;
}

/// An objective frozen at one point.
pub trait Linearized<S: Real> {
    /// `f(x)`.
    fn value(&self) -> S;

    /// `∇f(x)`.
    fn gradient(&self) -> &[S];

    /// The exact Hessian `v ↦ ∇²f(x) v`.
    fn hessian(&self) -> &dyn LinearOperator<S>;
}

//! One-shot gradients in memory that is kept.

use std::panic::Location;

use super::closure::closure;
use super::recorded::gradient_into;
use crate::compiled::OneShot;
use crate::error::{Error, check_length};
use crate::number::{Real, compiled_here};
use crate::program::Recording;
use crate::tape::{Tape, Var, record_scalars_on};

/// Gradients of closures that are recorded anew at each call, in memory kept from one call to the next.
///
/// For a function that branches or loops differently at every point; one that does the same each time is better recorded
/// once, as a [`Function`](crate::Function).
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Recorder;
///
/// let mut recorder = Recorder::new();
/// let mut gradient = [0.0; 2];
/// for n in 1..4 {
///     // x₀ⁿ·x₁, by a loop whose length changes
///     let value = recorder.value_and_gradient_into(
///         |x| (0..n).fold(x[1], |y, _| y * x[0]), &[2.0, 5.0], &mut gradient)?;
///     assert_eq!((value, gradient[1]), (5.0 * 2.0_f64.powi(n), 2.0_f64.powi(n)));
/// }
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[derive(Debug)]
pub struct Recorder<S: Real = f64> {
    memory: Recording<S>,
    cotangents: Vec<S>,
}

impl<S: Real> Recorder<S> {
    /// A recorder without memory yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value `f(x)` and the gradient `∇f(x)`.
    ///
    /// # Errors
    ///
    /// What was refused while `f` recorded, with its source line.
    #[track_caller]
    pub fn value_and_gradient<F>(&mut self, f: F, x: &[S]) -> Result<(S, Vec<S>), Error>
    where
        F: for<'t> Fn(&[Var<'t, S>]) -> Var<'t, S>,
    {
        let mut gradient = vec![S::zero(); x.len()];
        Ok((self.value_and_gradient_into(f, x, &mut gradient)?, gradient))
    }

    /// The value `f(x)`, with the gradient `∇f(x)` written to `gradient`.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if `gradient` is not as long as `x`; what was refused while `f` recorded, with its source line.
    #[track_caller]
    pub fn value_and_gradient_into<F>(
        &mut self,
        f: F,
        x: &[S],
        gradient: &mut [S],
    ) -> Result<S, Error>
    where
        F: for<'t> Fn(&[Var<'t, S>]) -> Var<'t, S>,
    {
        check_length("the gradient", gradient, x.len())?;
        let tape = Tape::reusing(std::mem::take(&mut self.memory), Location::caller());
        let f = closure(|x| vec![f(x)]);
        self.memory = record_scalars_on(tape, x, |x| f.0(x))?;
        let output = self.memory.program.outputs[0];
        let gradient_into = compiled_here!(
            gradient_into,
            fn(&Recording<S>, &[S], &mut Vec<S>, &mut [S]) -> Result<bool, Error>
        );
        if !gradient_into(&self.memory, x, &mut self.cotangents, gradient)? {
            let at = OneShot::new(self.memory.program.clone(), x, &f);
            gradient.copy_from_slice(&at.gradient()?);
            return Ok(at.values()?[0]);
        }
        Ok(self.memory.values[output as usize])
    }

    /// The gradient `∇f(x)`.
    ///
    /// # Errors
    ///
    /// What was refused while `f` recorded, with its source line.
    #[track_caller]
    pub fn gradient<F>(&mut self, f: F, x: &[S]) -> Result<Vec<S>, Error>
    where
        F: for<'t> Fn(&[Var<'t, S>]) -> Var<'t, S>,
    {
        Ok(self.value_and_gradient(f, x)?.1)
    }
}

impl<S: Real> Default for Recorder<S> {
    fn default() -> Self {
        Self { memory: Recording::default(), cotangents: Vec::new() }
    }
}

//! Recording over scalars.

use super::Record;
use super::forms::{Returned, Scalars};
use super::parts::{finished, ids, of_scalars, scalars};
use crate::error::Error;
use crate::function::composite::Composite;
use crate::function::scalar::Function;
use crate::function::vector::VectorFunction;
use crate::number::Real;
use crate::tape::Var;

/// Of scalars: `x` is a slice of [`Var`].
impl<S: Real, A: Returned> Record<'_, S, Scalars, A> {
    /// Records a function.
    ///
    /// A closure that has a name is made by [`scalar_loss`](crate::scalar_loss): a plain `let f = |x| …` does not compile.
    ///
    /// # Errors
    ///
    /// What was refused while `f` recorded, with its source line.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::record;
    ///
    /// let data = [1.0, 2.0, 4.0];
    /// let f = record(&[1.0]).function(|x| data.iter().map(|&d| (x[0] - d).powi(2)).sum())?;
    /// assert_eq!(f.value(&[3.0])?, 4.0 + 1.0 + 1.0);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    pub fn function<'f, F>(self, f: F) -> Result<Function<'f, S>, Error>
    where
        F: for<'t> Fn(&[Var<'t, S>]) -> A::Of<Var<'t, S>, Var<'t, S>> + Send + Sync + 'f,
    {
        let recorded = self.recorded(move |tape, x, _| {
            let ids = ids::<A, S, Var<'_, S>, Var<'_, S>>(&tape, f(&scalars(&tape, x)));
            finished(tape, ids)
        })?;
        Ok(Function::new(recorded))
    }

    /// Records a function with many values.
    ///
    /// # Errors
    ///
    /// What was refused while `f` recorded, with its source line.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::record;
    ///
    /// let f = record(&[1.0, 2.0]).auxiliary().vector(|x| {
    ///     let product = x[0] * x[1];
    ///     (vec![product.exp()], vec![product])
    /// })?;
    /// assert_eq!(f.values_and_auxiliary(&[0.0, 3.0])?, (vec![1.0], vec![0.0]));
    /// assert_eq!(f.jacobian(&[0.0, 3.0])?.as_slice(), [3.0, 0.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    pub fn vector<'f, F>(self, f: F) -> Result<VectorFunction<'f, S>, Error>
    where
        F: for<'t> Fn(&[Var<'t, S>]) -> A::Of<Vec<Var<'t, S>>, Var<'t, S>> + Send + Sync + 'f,
    {
        let recorded = self.recorded(move |tape, x, _| {
            let ids = ids::<A, S, Vec<Var<'_, S>>, Var<'_, S>>(&tape, f(&scalars(&tape, x)));
            finished(tape, ids)
        })?;
        Ok(VectorFunction::new(recorded))
    }
}

impl<S: Real> Record<'_, S> {
    /// Records a loss of a model's outputs, in two parts.
    ///
    /// # Errors
    ///
    /// What was refused while the closures recorded, with its source line.
    pub fn composite<'f, M, L>(self, model: M, loss: L) -> Result<Composite<'f, S>, Error>
    where
        M: for<'t> Fn(&[Var<'t, S>]) -> Vec<Var<'t, S>> + Send + Sync + 'f,
        L: for<'t> Fn(&[Var<'t, S>]) -> Var<'t, S> + Send + Sync + 'f,
    {
        self.composed(move |tape, at, x, _| of_scalars(tape, at, x, &model, &loss, None))
    }

    /// Records a loss of a model's outputs, in two parts, and a penalty on `x` that is added to it. The penalty's exact Hessian
    /// is part of all curvature matrices.
    ///
    /// # Errors
    ///
    /// What was refused while the closures recorded, with its source line.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::record;
    ///
    /// // ½(x² − 1)² + ½x²
    /// let f = record(&[1.0]).composite_with_penalty(
    ///     |x| vec![x[0] * x[0]],
    ///     |z| 0.5 * (z[0] - 1.0).powi(2),
    ///     |x| 0.5 * x[0].powi(2),
    /// )?;
    /// let at = f.linearize(&[2.0])?;
    /// assert_eq!((at.value(), at.gradient()), (6.5, &[14.0][..]));
    /// assert_eq!(at.gauss_newton(&[1.0])?, [4.0 * 4.0 + 1.0]);
    /// assert_eq!(at.hvp(&[1.0])?, [6.0 * 4.0 - 2.0 + 1.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    pub fn composite_with_penalty<'f, M, L, P>(
        self,
        model: M,
        loss: L,
        penalty: P,
    ) -> Result<Composite<'f, S>, Error>
    where
        M: for<'t> Fn(&[Var<'t, S>]) -> Vec<Var<'t, S>> + Send + Sync + 'f,
        L: for<'t> Fn(&[Var<'t, S>]) -> Var<'t, S> + Send + Sync + 'f,
        P: for<'t> Fn(&[Var<'t, S>]) -> Var<'t, S> + Send + Sync + 'f,
    {
        self.composed(move |tape, at, x, _| of_scalars(tape, at, x, &model, &loss, Some(&penalty)))
    }
}

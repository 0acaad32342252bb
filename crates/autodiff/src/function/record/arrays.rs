//! Recording over one array, with data or without.

use super::Record;
use super::forms::{AsArray, Plain, Returned, WithData};
use super::parts::{array, finished, ids, of_arrays};
use crate::array::Array;
use crate::compiled::data;
use crate::error::Error;
use crate::function::composite::Composite;
use crate::function::per_example::PerExample;
use crate::function::scalar::Function;
use crate::function::vector::VectorFunction;
use crate::number::Real;
use crate::tape::{Tensor, Var};

/// As an array: `x` is a tensor of rank 1.
impl<S: Real, A: Returned> Record<'_, S, AsArray, A> {
    /// Records a function.
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
    /// let f = record(&[0.0; 3]).array().function(|x| x.powi(3).sum())?;
    /// assert_eq!(f.hvp(&[1.0, 2.0, 3.0], &[1.0, 1.0, 2.0])?, [6.0, 12.0, 36.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    pub fn function<'f, F>(self, f: F) -> Result<Function<'f, S>, Error>
    where
        F: for<'t> Fn(Tensor<'t, S>) -> A::Of<Var<'t, S>, Tensor<'t, S>> + Send + Sync + 'f,
    {
        self.formed::<WithData, A>().function(move |x, _| f(x))
    }

    /// Records a function with many values: the result's elements in row-major order.
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
    /// let f = record(&[0.0; 2]).array().vector(|x| x.exp() * x.sum())?;
    /// assert_eq!(f.jvp(&[0.0, 0.0], &[1.0, 2.0])?, (vec![0.0, 0.0], vec![3.0, 3.0]));
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    pub fn vector<'f, F>(self, f: F) -> Result<VectorFunction<'f, S>, Error>
    where
        F: for<'t> Fn(Tensor<'t, S>) -> A::Of<Tensor<'t, S>, Tensor<'t, S>> + Send + Sync + 'f,
    {
        self.formed::<WithData, A>().vector(move |x, _| f(x))
    }
}

impl<S: Real> Record<'_, S, AsArray> {
    /// Records a loss of a model's outputs, an array, in two parts.
    ///
    /// # Errors
    ///
    /// What was refused while the closures recorded, with its source line.
    pub fn composite<'f, M, L>(self, model: M, loss: L) -> Result<Composite<'f, S>, Error>
    where
        M: for<'t> Fn(Tensor<'t, S>) -> Tensor<'t, S> + Send + Sync + 'f,
        L: for<'t> Fn(Tensor<'t, S>) -> Var<'t, S> + Send + Sync + 'f,
    {
        self.formed::<WithData, Plain>().composite(move |x, _| model(x), move |z, _| loss(z))
    }

    /// Records a loss of a model's outputs, in two parts, and a penalty on `x` that is added to it. The penalty's exact Hessian
    /// is part of all curvature matrices.
    ///
    /// # Errors
    ///
    /// What was refused while the closures recorded, with its source line.
    pub fn composite_with_penalty<'f, M, L, P>(
        self,
        model: M,
        loss: L,
        penalty: P,
    ) -> Result<Composite<'f, S>, Error>
    where
        M: for<'t> Fn(Tensor<'t, S>) -> Tensor<'t, S> + Send + Sync + 'f,
        L: for<'t> Fn(Tensor<'t, S>) -> Var<'t, S> + Send + Sync + 'f,
        P: for<'t> Fn(Tensor<'t, S>) -> Var<'t, S> + Send + Sync + 'f,
    {
        self.formed::<WithData, Plain>().composite_with_penalty(
            move |x, _| model(x),
            move |z, _| loss(z),
            move |x, _| penalty(x),
        )
    }
}

/// With data: `x` is a tensor of rank 1, and the data are tensors.
impl<S: Real, A: Returned> Record<'_, S, WithData, A> {
    /// Records a function.
    ///
    /// # Errors
    ///
    /// What was refused while `f` recorded, with its source line.
    ///
    /// # Example
    ///
    /// See [`Record`].
    pub fn function<'f, F>(self, f: F) -> Result<Function<'f, S>, Error>
    where
        F: for<'t> Fn(Tensor<'t, S>, &[Tensor<'t, S>]) -> A::Of<Var<'t, S>, Tensor<'t, S>>
            + Send
            + Sync
            + 'f,
    {
        let recorded = self.recorded(move |tape, x, arrays| {
            let returned = f(array(&tape, x), &data(&tape, arrays));
            let ids = ids::<A, S, Var<'_, S>, Tensor<'_, S>>(&tape, returned);
            finished(tape, ids)
        })?;
        Ok(Function::new(recorded))
    }

    /// Records a function with many values: the result's elements in row-major order.
    ///
    /// # Errors
    ///
    /// What was refused while `f` recorded, with its source line.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, record};
    ///
    /// let inputs = Array::new(&[3, 2], vec![1.0, 0.0, 0.0, 1.0, 1.0, 1.0])?;
    /// let f = record(&[1.0, 2.0])
    ///     .data(&[&inputs])
    ///     .vector(|w, data| data[0].matmul(w.reshape(&[2, 1])).powi(2))?;
    /// assert_eq!(f.values(&[1.0, 2.0])?, [1.0, 4.0, 9.0]);
    /// assert_eq!(f.jacobian(&[1.0, 2.0])?.row(2), [6.0, 6.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    pub fn vector<'f, F>(self, f: F) -> Result<VectorFunction<'f, S>, Error>
    where
        F: for<'t> Fn(Tensor<'t, S>, &[Tensor<'t, S>]) -> A::Of<Tensor<'t, S>, Tensor<'t, S>>
            + Send
            + Sync
            + 'f,
    {
        let recorded = self.recorded(move |tape, x, arrays| {
            let returned = f(array(&tape, x), &data(&tape, arrays));
            let ids = ids::<A, S, Tensor<'_, S>, Tensor<'_, S>>(&tape, returned);
            finished(tape, ids)
        })?;
        Ok(VectorFunction::new(recorded))
    }
}

impl<S: Real> Record<'_, S, WithData> {
    /// Records a loss of a model's outputs, an array, in two parts: `model` makes the outputs of `x` and of the data, `loss`
    /// compares them with the data.
    ///
    /// # Errors
    ///
    /// What was refused while the closures recorded, with its source line.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Likelihood, record};
    ///
    /// let inputs = Array::new(&[3, 1], vec![1.0, 2.0, -1.0])?;
    /// let targets = Array::new(&[3, 1], vec![0.0, 1.0, 1.0])?;
    /// let f = record(&[0.0]).data(&[&inputs, &targets]).likelihood(Likelihood::Bernoulli).composite(
    ///     |w, data| data[0].matmul(w.reshape(&[1, 1])),
    ///     |z, data| (z.softplus() - data[1] * z).mean(),
    /// )?;
    /// let at = f.linearize(&[0.0])?;
    /// // σ(0)(1 − σ(0))·(1 + 4 + 1)/3
    /// assert!((at.fisher(&[1.0])?[0] - 0.5).abs() < 1e-15);
    /// assert!((at.gauss_newton(&[1.0])?[0] - 0.5).abs() < 1e-15);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    pub fn composite<'f, M, L>(self, model: M, loss: L) -> Result<Composite<'f, S>, Error>
    where
        M: for<'t> Fn(Tensor<'t, S>, &[Tensor<'t, S>]) -> Tensor<'t, S> + Send + Sync + 'f,
        L: for<'t> Fn(Tensor<'t, S>, &[Tensor<'t, S>]) -> Var<'t, S> + Send + Sync + 'f,
    {
        self.composed(move |tape, at, x, data| of_arrays(tape, at, (x, data), &model, &loss, None))
    }

    /// Records a loss of a model's outputs, in two parts, and a penalty on `x` that is added to it. The penalty's exact Hessian
    /// is part of all curvature matrices: so Gauss–Newton and Fisher products are those of a network with weight decay.
    ///
    /// # Errors
    ///
    /// What was refused while the closures recorded, with its source line.
    pub fn composite_with_penalty<'f, M, L, P>(
        self,
        model: M,
        loss: L,
        penalty: P,
    ) -> Result<Composite<'f, S>, Error>
    where
        M: for<'t> Fn(Tensor<'t, S>, &[Tensor<'t, S>]) -> Tensor<'t, S> + Send + Sync + 'f,
        L: for<'t> Fn(Tensor<'t, S>, &[Tensor<'t, S>]) -> Var<'t, S> + Send + Sync + 'f,
        P: for<'t> Fn(Tensor<'t, S>, &[Tensor<'t, S>]) -> Var<'t, S> + Send + Sync + 'f,
    {
        self.composed(move |tape, at, x, data| {
            of_arrays(tape, at, (x, data), &model, &loss, Some(&penalty))
        })
    }

    /// Records a loss of one example, which gives value and gradient of every example of the data: the closure gets of each
    /// data array one row, without its first axis, which is the one of the examples.
    ///
    /// # Errors
    ///
    /// [`Error::Examples`] if the arrays do not have the same number of examples, at least one; and what was refused while
    /// `f` recorded, with its source line.
    ///
    /// # Example
    ///
    /// See [`PerExample`].
    pub fn per_example<'f, F>(self, f: F) -> Result<PerExample<'f, S>, Error>
    where
        F: for<'t> Fn(Tensor<'t, S>, &[Tensor<'t, S>]) -> Var<'t, S> + Send + Sync + 'f,
    {
        let (x, examples, first) = (self.x, self.data, PerExample::first(self.data)?);
        let first: Vec<&Array<S>> = first.iter().collect();
        let single = Record { data: &first, ..self }.function(f)?;
        PerExample::new(single, x, examples)
    }
}

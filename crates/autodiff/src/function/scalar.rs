//! Recorded functions: record once, evaluate often.

use std::fmt;

use super::linearization::Linearization;
use crate::array::Array;
use crate::compiled::{Kind, Matrix, ProductKind, Recorded, Replay};
use crate::error::{Error, check_length};
use crate::number::Real;
use crate::program::Recording;
use crate::tape::{Tape, Tensor, Var, record_scalars_on};

/// A scalar function of many inputs, recorded once and evaluated as often as one likes, with its derivatives.
///
/// The first call of each kind transforms the recording (adjoint, tangent, memory plan); later calls only evaluate, and
/// allocate nothing but their results. A `Function` can be shared between threads.
///
/// # Branches
///
/// The recording keeps every comparison that the closure made, and every value that it read as a plain number. Where one
/// would turn out differently, the recorded program is not the function; the closure is then recorded again at that
/// point. No evaluation silently follows the wrong branch.
///
/// # What a closure must be
///
/// A function of its arguments: the same values for the same inputs, whenever it is called. It is called when it is recorded,
/// and again, unforeseeably, where another branch is taken. What it counts, draws at random or reads from a clock or a cell is
/// recorded as a constant and stays that of the first call until it is recorded again; nothing notices. Random numbers belong
/// into the data of [`record_tensor`](Self::record_tensor), which [`set_data`](Self::set_data) replaces. (`dualtape-testing` has
/// a law that finds closures which are not functions.)
///
/// Printing a handle (`{x}`, `{x:?}`) shows its value while recording and notes nothing, so that printing to find a fault does
/// not change what is recorded; a branch on a printed number is not noticed. [`Var::value`] and [`Tensor::data`] do note that
/// they were read.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Function;
///
/// let f = Function::record(&[1.0, 1.0], |x| {
///     if x[0] > 0.0 { x[0] * x[1].exp() } else { x[1].powi(2) }
/// })?;
/// assert_eq!(f.gradient(&[2.0, 0.0])?, [1.0, 2.0]);
/// assert_eq!(f.gradient(&[-2.0, 3.0])?, [0.0, 6.0]);
///
/// let at = f.linearize(&[2.0, 0.0])?;
/// let mut product = [0.0; 2];
/// at.hvp_into(&[1.0, -1.0], &mut product)?;
/// assert_eq!(product, [-1.0, -1.0]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
pub struct Function<'f, S: Real = f64> {
    pub(crate) replay: Replay<'f, S>,
}

impl<'f> Function<'f, f64> {
    /// Records a function of `f64` scalars at `x`.
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
    /// use dualtape_autodiff::Function;
    ///
    /// let data = [1.0, 2.0, 4.0];
    /// let f = Function::record(&[1.0], |x| data.iter().map(|&d| (x[0] - d).powi(2)).sum())?;
    /// assert_eq!(f.value(&[3.0])?, 4.0 + 1.0 + 1.0);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn record<F>(x: &[f64], f: F) -> Result<Self, Error>
    where
        F: for<'t> Fn(&[Var<'t>]) -> Var<'t> + Send + Sync + 'f,
    {
        Self::record_scalars(x, f)
    }
}

impl<'f, S: Real> Function<'f, S> {
    /// Records a function of scalars at `x`, in either precision.
    ///
    /// # Errors
    ///
    /// What was refused while `f` recorded, with its source line.
    #[track_caller]
    pub fn record_scalars<F>(x: &[S], f: F) -> Result<Self, Error>
    where
        F: for<'t> Fn(&[Var<'t, S>]) -> Var<'t, S> + Send + Sync + 'f,
    {
        Self::new(x, &[], move |tape, x, _| record_scalars_on(tape, x, |x| vec![f(x)]))
    }

    /// Records a function of one flat vector `x`, given to the closure as a rank-1 tensor, and of arrays that come with
    /// an evaluation but are not differentiated: the data of a loss.
    ///
    /// # Errors
    ///
    /// What was refused while `f` recorded, with its source line.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Function};
    ///
    /// let inputs = Array::new(&[2, 2], vec![1.0, 2.0, 3.0, 4.0])?;
    /// let targets = Array::new(&[2, 1], vec![1.0, -1.0])?;
    /// let loss = Function::<f64>::record_tensor(&[0.0, 0.0], &[&inputs, &targets], |w, data| {
    ///     (data[0].matmul(w.reshape(&[2, 1])) - data[1]).powi(2).mean()
    /// })?;
    /// assert_eq!(loss.value(&[0.0, 0.0])?, 1.0);
    /// loss.set_data(1, &Array::new(&[2, 1], vec![3.0, 0.0])?)?;
    /// assert_eq!(loss.value(&[0.0, 0.0])?, 4.5);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn record_tensor<F>(x: &[S], data: &[&Array<S>], f: F) -> Result<Self, Error>
    where
        F: for<'t> Fn(Tensor<'t, S>, &[Tensor<'t, S>]) -> Var<'t, S> + Send + Sync + 'f,
    {
        Self::new(x, data, move |tape, x, data| {
            let input = tape.input_array(&Array::vector(x.to_vec()));
            let output = tape.id_of(f(input, &crate::compiled::data(&tape, data)));
            tape.finish(vec![output])
        })
    }

    /// Records a function as [`record_tensor`](Self::record_tensor) does, and beside it arrays that come along with each
    /// evaluation without being differentiated: predictions, or statistics of a batch.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Function};
    ///
    /// let targets = Array::vector(vec![1.0, 2.0]);
    /// let loss = Function::<f64>::record_tensor_with_auxiliary(&[0.0, 0.0], &[&targets], |w, data| {
    ///     let prediction = w.exp();
    ///     ((prediction - data[0]).powi(2).sum(), vec![prediction])
    /// })?;
    /// let (mut gradient, mut prediction) = ([0.0; 2], [0.0; 2]);
    /// let value = loss.value_gradient_and_auxiliary(&[0.0, 0.0], &mut gradient, &mut prediction)?;
    /// assert_eq!((value, gradient, prediction), (1.0, [0.0, -2.0], [1.0, 1.0]));
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn record_tensor_with_auxiliary<F>(x: &[S], data: &[&Array<S>], f: F) -> Result<Self, Error>
    where
        F: for<'t> Fn(Tensor<'t, S>, &[Tensor<'t, S>]) -> (Var<'t, S>, Vec<Tensor<'t, S>>)
            + Send
            + Sync
            + 'f,
    {
        Self::new(x, data, move |tape, x, data| {
            let input = tape.input_array(&Array::vector(x.to_vec()));
            let (output, auxiliary) = f(input, &crate::compiled::data(&tape, data));
            let mut outputs = vec![tape.id_of(output)];
            outputs.extend(auxiliary.into_iter().map(|array| tape.id_of_array(array)));
            tape.finish(outputs)
        })
    }

    #[track_caller]
    pub(crate) fn new(
        x: &[S],
        data: &[&Array<S>],
        recorder: impl Fn(Tape<S>, &[S], &[Array<S>]) -> Result<Recording<S>, Error> + Send + Sync + 'f,
    ) -> Result<Self, Error> {
        let recorder = move |tape: Tape<S>, x: &[S], data: &[Array<S>]| {
            Ok(Recorded {
                program: recorder(tape, x, data)?.program,
                differentiated: 1,
                split: None,
            })
        };
        Ok(Self { replay: Replay::new(x, data, recorder)? })
    }

    /// Evaluates several Hessian-vector products at one point, and so Hessians, on this many threads; by default on the
    /// calling one alone. Results have the same bits on any number of threads.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::Function;
    ///
    /// let x: Vec<f64> = (0..40).map(|i| 1.0 + 0.1 * f64::from(i)).collect();
    /// let f = Function::record(&x, |x| x.windows(2).map(|w| (w[0] * w[1]).sin()).sum())?;
    /// let alone = f.hessian(&x)?;
    /// assert_eq!(f.with_threads(2).hessian(&x)?, alone);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.replay.threads = threads.max(1);
        self
    }

    /// Number of inputs.
    pub fn dim(&self) -> usize {
        self.replay.dim()
    }

    /// `f(x)`.
    ///
    /// # Errors
    ///
    /// [`Error::Length`]; and what was refused if `f` had to be recorded again.
    pub fn value(&self, x: &[S]) -> Result<S, Error> {
        self.replay.read(x, Kind::Value, |run| run.value())
    }

    /// `f(x)`, with the gradient `∇f(x)` written to `gradient`. Allocates nothing after the first call.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn value_and_gradient(&self, x: &[S], gradient: &mut [S]) -> Result<S, Error> {
        check_length("the gradient", gradient, self.dim())?;
        self.replay.read(x, Kind::Gradient, |run| {
            run.copy_outputs(run.stage.outputs.gradient.clone(), x, gradient);
            run.value()
        })
    }

    /// `f(x)`, with the auxiliary arrays written to `auxiliary`, one after the other.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value); [`Error::Length`] if `auxiliary` does not have their number of entries.
    pub fn value_and_auxiliary(&self, x: &[S], auxiliary: &mut [S]) -> Result<S, Error> {
        self.replay.read(x, Kind::Value, |run| run.copy_auxiliary(x, auxiliary))?
    }

    /// `f(x)`, with the gradient written to `gradient` and the auxiliary arrays to `auxiliary`, one after the other.
    ///
    /// # Errors
    ///
    /// As [`value_and_auxiliary`](Self::value_and_auxiliary).
    pub fn value_gradient_and_auxiliary(
        &self,
        x: &[S],
        gradient: &mut [S],
        auxiliary: &mut [S],
    ) -> Result<S, Error> {
        check_length("the gradient", gradient, self.dim())?;
        self.replay.read(x, Kind::Gradient, |run| {
            run.copy_outputs(run.stage.outputs.gradient.clone(), x, gradient);
            run.copy_auxiliary(x, auxiliary)
        })?
    }

    /// The gradient `∇f(x)`.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn gradient(&self, x: &[S]) -> Result<Vec<S>, Error> {
        let mut gradient = vec![S::zero(); self.dim()];
        self.value_and_gradient(x, &mut gradient)?;
        Ok(gradient)
    }

    /// Freezes value and gradient at `x`: every Hessian-vector product there then costs only tangent work.
    ///
    /// Complexity: a gradient.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn linearize<'a>(&'a self, x: &[S]) -> Result<Linearization<'a, S>, Error> {
        Ok(Linearization::new(self.replay.freeze(x.to_vec(), Kind::Hvp)?))
    }

    /// The Hessian-vector product `∇²f(x)·v`, written to `product`.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn hvp(&self, x: &[S], v: &[S], product: &mut [S]) -> Result<(), Error> {
        self.replay.freeze(x, Kind::Hvp)?.product_into(ProductKind::Hessian, v, product)
    }

    /// The Hessian `∇²f(x)`, exactly symmetric.
    ///
    /// Complexity: a gradient and n Hessian-vector products, several at a time.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn hessian(&self, x: &[S]) -> Result<Matrix<S>, Error> {
        self.linearize(x)?.hessian()
    }

    /// The third derivative along two directions, the vector `∇³f(x)[u, v] = d/dε ∇²f(x + εv)·u`.
    ///
    /// Complexity: a small multiple of a Hessian-vector product, whatever the number of inputs.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value); [`Error::Length`] if a direction is not as long as `x`.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::Function;
    ///
    /// let f = Function::record(&[1.0, 1.0], |x| x[0].powi(3) * x[1])?;
    /// // ∂³f/∂x₀³ = 6x₁, ∂³f/∂x₀²∂x₁ = 6x₀
    /// assert_eq!(f.third_derivative(&[2.0, 5.0], &[1.0, 0.0], &[1.0, 0.0])?, [30.0, 12.0]);
    /// assert_eq!(f.third_derivative(&[2.0, 5.0], &[1.0, 0.0], &[0.0, 1.0])?, [12.0, 0.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    pub fn third_derivative(&self, x: &[S], u: &[S], v: &[S]) -> Result<Vec<S>, Error> {
        check_length("the first direction", u, self.dim())?;
        check_length("the second direction", v, self.dim())?;
        let mut product = vec![S::zero(); self.dim()];
        self.replay.freeze(x, Kind::Third)?.product_into(
            ProductKind::Third,
            &[u, v].concat(),
            &mut product,
        )?;
        Ok(product)
    }

    /// The third derivative along three directions, the number `∇³f(x)[u, v, w]`.
    ///
    /// # Errors
    ///
    /// As [`third_derivative`](Self::third_derivative).
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::Function;
    ///
    /// let f = Function::record(&[0.5], |x| x[0].exp())?;
    /// assert_eq!(f.third_derivative_along(&[0.0], &[1.0], &[2.0], &[3.0])?, 6.0);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    pub fn third_derivative_along(&self, x: &[S], u: &[S], v: &[S], w: &[S]) -> Result<S, Error> {
        check_length("the third direction", w, self.dim())?;
        let product = self.third_derivative(x, u, v)?;
        Ok(S::sum_of_products(product.into_iter().zip(w.iter().copied())))
    }

    /// The Taylor coefficients of `ε ↦ f(x + εv)` at 0, from order 0 to `order`: number k is `1/k!·dᵏ/dεᵏ f(x + εv)`.
    ///
    /// The program is differentiated `order` times along the same direction, by the one rule of each instruction; what one
    /// order computes the next shares, and like terms are collected.
    ///
    /// Complexity: as the square of the order (measured on chains of exponentials and on networks of scalars).
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value); [`Error::Length`] if `v` is not as long as `x`; [`Error::TaylorOrder`] if `order!` is larger
    /// than the largest number: beyond 170 in double precision, 34 in single precision.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::Function;
    ///
    /// let f = Function::record(&[0.0, 1.0], |x| x[1] / (1.0 - x[0]))?;
    /// assert_eq!(f.taylor(&[0.0, 3.0], &[1.0, 0.0], 4)?, [3.0; 5]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    pub fn taylor(&self, x: &[S], v: &[S], order: usize) -> Result<Vec<S>, Error> {
        check_length("the direction", v, self.dim())?;
        let factorials = std::iter::successors(Some((1, S::one())), |&(k, factorial)| {
            Some((k + 1, factorial * S::constant((k + 1) as f64)))
        });
        let finite = factorials.take_while(|(_, factorial)| factorial.is_finite());
        let largest = finite.last().map_or(0, |(k, _)| k);
        if order > largest {
            return Err(Error::TaylorOrder { order, largest });
        }
        let mut coefficients = vec![S::zero(); order + 1];
        if order == 0 {
            coefficients[0] = self.value(x)?;
            return Ok(coefficients);
        }
        let frozen = self.replay.freeze(x, Kind::Taylor(order))?;
        coefficients[0] = frozen.outputs(0..1)[0];
        frozen.product_into(ProductKind::Taylor, v, &mut coefficients[1..])?;
        let mut factorial = 1.0;
        for (k, coefficient) in coefficients.iter_mut().enumerate().skip(1) {
            factorial *= k as f64;
            *coefficient /= S::constant(factorial);
        }
        Ok(coefficients)
    }

    /// Replaces data array number `index` by another of the same shape; nothing is recorded again.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchData`], or [`Error::DataShape`].
    pub fn set_data(&self, index: usize, array: &Array<S>) -> Result<(), Error> {
        self.replay.set_data(index, array)
    }
}

impl<S: Real> fmt::Debug for Function<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instructions = self.replay.state().compiled.primal().len();
        write!(f, "Function({} inputs, {instructions} instructions)", self.dim())
    }
}

/// The recorded program, one instruction a line.
impl<S: Real> fmt::Display for Function<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.replay.state().compiled.primal().fmt(f)
    }
}

//! Recorded functions: record once, evaluate often.

use std::fmt;
use std::ops::Deref;

use super::linearization::Linearization;
use crate::compiled::{Kind, Matrix, ProductKind, Recorded};
use crate::error::{Error, check_length};
use crate::number::Real;

/// A scalar function of many inputs, recorded once and evaluated as often as one likes, with its derivatives: made by
/// [`record`](crate::record()). What all that is recorded has, it has from [`Recorded`].
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
/// # Example
///
/// ```
/// use dualtape_autodiff::record;
///
/// let f = record(&[1.0, 1.0]).function(|x| {
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
    pub(crate) recorded: Recorded<'f, S>,
}

impl<'f, S: Real> Function<'f, S> {
    pub(crate) fn new(recorded: Recorded<'f, S>) -> Self {
        Self { recorded }
    }

    /// `f(x)`.
    ///
    /// # Errors
    ///
    /// [`Error::Length`]; and what was refused if `f` had to be recorded again.
    pub fn value(&self, x: &[S]) -> Result<S, Error> {
        self.recorded.read(x, Kind::Value, |run| run.value())
    }

    /// `f(x)` and the gradient `∇f(x)`.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn value_and_gradient(&self, x: &[S]) -> Result<(S, Vec<S>), Error> {
        let mut gradient = vec![S::zero(); self.dim()];
        Ok((self.value_and_gradient_into(x, &mut gradient)?, gradient))
    }

    /// `f(x)`, with the gradient `∇f(x)` written to `gradient`. Allocates nothing after the first call.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn value_and_gradient_into(&self, x: &[S], gradient: &mut [S]) -> Result<S, Error> {
        check_length("the gradient", gradient, self.dim())?;
        self.recorded.read(x, Kind::Gradient, |run| {
            run.copy_outputs(run.stage.outputs.gradient.clone(), x, gradient);
            run.value()
        })
    }

    /// `f(x)` and the auxiliary arrays, one after the other.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn value_and_auxiliary(&self, x: &[S]) -> Result<(S, Vec<S>), Error> {
        self.recorded.read(x, Kind::Value, |run| (run.value(), run.auxiliary(x)))
    }

    /// `f(x)`, with the auxiliary arrays written to `auxiliary`, one after the other.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value); [`Error::Length`] if `auxiliary` does not have their number of entries.
    pub fn value_and_auxiliary_into(&self, x: &[S], auxiliary: &mut [S]) -> Result<S, Error> {
        self.recorded.read(x, Kind::Value, |run| run.copy_auxiliary(x, auxiliary))?
    }

    /// `f(x)`, the gradient `∇f(x)`, and the auxiliary arrays, one after the other.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn value_gradient_and_auxiliary(&self, x: &[S]) -> Result<(S, Vec<S>, Vec<S>), Error> {
        let mut gradient = vec![S::zero(); self.dim()];
        self.recorded.read(x, Kind::Gradient, |run| {
            run.copy_outputs(run.stage.outputs.gradient.clone(), x, &mut gradient);
            (run.value(), gradient, run.auxiliary(x))
        })
    }

    /// `f(x)`, with the gradient written to `gradient` and the auxiliary arrays to `auxiliary`, one after the other. Allocates
    /// nothing after the first call.
    ///
    /// # Errors
    ///
    /// As [`value_and_auxiliary_into`](Self::value_and_auxiliary_into).
    pub fn value_gradient_and_auxiliary_into(
        &self,
        x: &[S],
        gradient: &mut [S],
        auxiliary: &mut [S],
    ) -> Result<S, Error> {
        check_length("the gradient", gradient, self.dim())?;
        self.recorded.read(x, Kind::Gradient, |run| {
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
        Ok(self.value_and_gradient(x)?.1)
    }

    /// Freezes value and gradient at `x`: every Hessian-vector product there then costs only tangent work.
    ///
    /// Complexity: a gradient.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn linearize<'a>(&'a self, x: &[S]) -> Result<Linearization<'a, S>, Error> {
        Ok(Linearization::new(self.recorded.freeze(x.to_vec(), Kind::Hvp)?))
    }

    /// The Hessian-vector product `∇²f(x)·v`.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn hvp(&self, x: &[S], v: &[S]) -> Result<Vec<S>, Error> {
        let mut product = vec![S::zero(); self.dim()];
        self.hvp_into(x, v, &mut product)?;
        Ok(product)
    }

    /// The Hessian-vector product `∇²f(x)·v`, written to `product`. Allocates nothing after the first call.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn hvp_into(&self, x: &[S], v: &[S], product: &mut [S]) -> Result<(), Error> {
        self.recorded.freeze(x, Kind::Hvp)?.product_into(ProductKind::Hessian, v, product)
    }

    /// `f(x)`, the gradient `∇f(x)` and the Hessian-vector product `∇²f(x)·v`, from one evaluation.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub fn value_gradient_and_hvp(&self, x: &[S], v: &[S]) -> Result<(S, Vec<S>, Vec<S>), Error> {
        let mut product = vec![S::zero(); self.dim()];
        let at = self.linearize(x)?;
        at.hvp_into(v, &mut product)?;
        Ok((at.value(), at.gradient().to_vec(), product))
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
    /// use dualtape_autodiff::record;
    ///
    /// let f = record(&[1.0, 1.0]).function(|x| x[0].powi(3) * x[1])?;
    /// // ∂³f/∂x₀³ = 6x₁, ∂³f/∂x₀²∂x₁ = 6x₀
    /// assert_eq!(f.third_derivative(&[2.0, 5.0], &[1.0, 0.0], &[1.0, 0.0])?, [30.0, 12.0]);
    /// assert_eq!(f.third_derivative(&[2.0, 5.0], &[1.0, 0.0], &[0.0, 1.0])?, [12.0, 0.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    pub fn third_derivative(&self, x: &[S], u: &[S], v: &[S]) -> Result<Vec<S>, Error> {
        check_length("the first direction", u, self.dim())?;
        check_length("the second direction", v, self.dim())?;
        let mut product = vec![S::zero(); self.dim()];
        self.recorded.freeze(x, Kind::Third)?.product_into(
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
    /// use dualtape_autodiff::record;
    ///
    /// let f = record(&[0.5]).function(|x| x[0].exp())?;
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
    /// use dualtape_autodiff::record;
    ///
    /// let f = record(&[0.0, 1.0]).function(|x| x[1] / (1.0 - x[0]))?;
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
        let frozen = self.recorded.freeze(x, Kind::Taylor(order))?;
        coefficients[0] = frozen.outputs(0..1)[0];
        frozen.product_into(ProductKind::Taylor, v, &mut coefficients[1..])?;
        let mut factorial = 1.0;
        for (k, coefficient) in coefficients.iter_mut().enumerate().skip(1) {
            factorial *= k as f64;
            *coefficient /= S::constant(factorial);
        }
        Ok(coefficients)
    }
}

/// What all that is recorded has.
impl<'f, S: Real> Deref for Function<'f, S> {
    type Target = Recorded<'f, S>;

    fn deref(&self) -> &Recorded<'f, S> {
        &self.recorded
    }
}

impl<S: Real> fmt::Debug for Function<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Function({} inputs, {} instructions)", self.dim(), self.recorded.instructions())
    }
}

/// The recorded program, one instruction a line.
impl<S: Real> fmt::Display for Function<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.recorded.fmt(f)
    }
}

//! Derivatives inside a recording: of values on a tape with respect to others on it, recorded there too.
//!
//! The result is a value like any other, so it can be differentiated again, to any order, and is part of whatever is
//! recorded: that is how a loss contains the derivatives of a network.

use std::panic::Location;

use crate::array::Array;
use crate::error::Error;
use crate::number::Scalar;
use crate::program::Id;
use crate::tape::{Tape, Tensor, Value, Var};

impl<'t, S: Scalar> Var<'t, S> {
    /// `∂self/∂x`, recorded on the tape; 0 if this value does not depend on `x`.
    ///
    /// `x` may be an input or any value computed on the way; the derivative is the total one, through everything that this
    /// value was computed from.
    ///
    /// # Errors
    ///
    /// The tape keeps [`Error::MixedTapes`] if `x` is on another one, and [`Error::Constant`] if it is on none; the call that
    /// asked for a derivative returns it.
    ///
    /// Complexity: what lies between `x` and this value, by reverse mode.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::gradient;
    ///
    /// // The misfit of u(t) = e⁻ᵃᵗ in u″ + 4u = 0 at t = 1, differentiated by a.
    /// let g = gradient(|p| {
    ///     let (a, t) = (p[0], p[1]);
    ///     let u = (-a * t).exp();
    ///     let u_tt = u.derivative(t).derivative(t);
    ///     (u_tt + 4.0 * u).powi(2)
    /// }, &[0.0, 1.0])?;
    /// // (a² + 4)²·e⁻²ᵃᵗ, at a = 0
    /// assert_eq!(g[0], -32.0);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn derivative(self, x: Self) -> Self {
        self.gradient(&[x])[0]
    }

    /// `∂self/∂xᵢ` for each `xᵢ`, recorded on the tape by one reverse sweep. See [`derivative`](Self::derivative).
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::gradient;
    ///
    /// // The gradient of |∇f|² for f = x²y
    /// let g = gradient(|x| {
    ///     let f = x[0].powi(2) * x[1];
    ///     f.gradient(x).iter().map(|d| d.powi(2)).sum()
    /// }, &[1.0, 2.0])?;
    /// assert_eq!(g, [8.0 * 4.0 + 4.0, 8.0 * 2.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn gradient(self, x: &[Self]) -> Vec<Self> {
        let zero = Self::from_value(S::zero());
        let Some(tape) = self.tape else { return vec![zero; x.len()] };
        let Some(sources) = tape.sources(x) else { return vec![tape.unknown(); x.len()] };
        let one = Value::Scalar(Self::from_value(S::one()));
        let gradient =
            tape.within(Location::caller(), || tape.adjoint(&[(self.id, one)], &sources));
        gradient.into_iter().map(|x_bar| x_bar.map_or(zero, Value::scalar)).collect()
    }

    /// The gradient of this scalar with respect to the array `x`, in its shape, recorded on the tape.
    ///
    /// See [`derivative`](Self::derivative). For a function `y = f(x)` that treats the rows of `x` apart,
    /// `y.sum().gradient_of(x)` has each row's own derivatives.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::record;
    ///
    /// // Σ (d/dx x³)²
    /// let f = record(&[1.0, 2.0]).array().function(|x| {
    ///     let slopes = x.powi(3).sum().gradient_of(x);
    ///     slopes.powi(2).sum()
    /// })?;
    /// assert_eq!(f.value(&[1.0, 2.0])?, 9.0 + 144.0);
    /// assert_eq!(f.gradient(&[1.0, 2.0])?, [36.0, 288.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn gradient_of(self, x: Tensor<'t, S>) -> Tensor<'t, S> {
        self.to_tensor(x.tape).vjp(x.tape.scalar_tensor(Self::from_value(S::one())), x)
    }

    /// The directional derivative `Σᵢ ∂self/∂xᵢ·vᵢ`, recorded on the tape by forward mode. See
    /// [`derivative`](Self::derivative).
    ///
    /// # Errors
    ///
    /// As there, and the tape keeps [`Error::Length`] if there are not as many `v` as `x`.
    #[track_caller]
    pub fn jvp(self, x: &[Self], v: &[Self]) -> Self {
        let Some(tape) = self.tape else { return Self::from_value(S::zero()) };
        if x.len() != v.len() {
            tape.fail(Error::Length { what: "the direction", got: v.len(), expected: x.len() });
        }
        let Some(sources) = tape.sources(x) else { return tape.unknown() };
        let v: Vec<Value<'t, S>> = v.iter().map(|&v| Value::Scalar(v)).collect();
        let tangent = tape.within(Location::caller(), || tape.tangent(self.id, &sources, &v));
        tangent.map_or(Self::from_value(S::zero()), Value::scalar)
    }
}

impl<'t, S: Scalar> Tensor<'t, S> {
    /// The directional derivative `∂self/∂x·v` in this array's shape, for `v` of the shape of `x`, recorded on the tape by
    /// forward mode.
    ///
    /// # Errors
    ///
    /// The tape keeps [`Error::MixedTapes`], or [`Error::Shape`] if `v` has not the shape of `x`.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, record};
    ///
    /// let f = record(&[0.0, 1.0]).array().function(|x| {
    ///     let v = x.constant(&Array::vector(vec![2.0, 3.0]));
    ///     x.exp().jvp(x, v).sum()
    /// })?;
    /// assert_eq!(f.gradient(&[0.0, 0.0])?, [2.0, 3.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn jvp(self, x: Self, v: Self) -> Self {
        let Some(sources) = self.linear_in("jvp", x, v, x) else { return self };
        let tangent = || self.tape.tangent(self.id, &sources, &[v.into()]);
        let tangent = self.tape.within(Location::caller(), tangent);
        tangent.map_or_else(|| self.zeros(self.shape), |value| value.tensor(self.tape))
    }

    /// `y_barᵀ·∂self/∂x` in the shape of `x`, for `y_bar` of this array's shape, recorded on the tape by reverse mode.
    ///
    /// # Errors
    ///
    /// The tape keeps [`Error::MixedTapes`], or [`Error::Shape`] if `y_bar` has not this array's shape.
    #[track_caller]
    pub fn vjp(self, y_bar: Self, x: Self) -> Self {
        let Some(sources) = self.linear_in("vjp", x, y_bar, self) else { return x };
        let cotangents = || self.tape.adjoint(&[(self.id, y_bar.into())], &sources);
        let cotangent = self.tape.within(Location::caller(), cotangents).remove(0);
        cotangent.map_or_else(|| self.zeros(x.shape), |value| value.tensor(self.tape))
    }

    /// The source `x`, if all is on one tape and `direction` has the shape of `like`.
    #[track_caller]
    fn linear_in(
        self,
        operation: &'static str,
        x: Self,
        direction: Self,
        like: Self,
    ) -> Option<[Id; 1]> {
        let tape = self.tape;
        if direction.shape != like.shape {
            tape.refuse(operation, &[direction.shape, like.shape], "a direction of the same shape");
        }
        if let Some(foreign) = [direction, x].iter().find(|x| !x.tape.owns(tape)) {
            tape.refuse_foreign(foreign.tape, Location::caller());
        }
        tape.error.borrow().is_none().then_some([x.id])
    }

    #[track_caller]
    fn zeros(self, shape: &[usize]) -> Self {
        self.tape.constant(&Array::zeros(shape))
    }
}

impl<S: Scalar> Tape<S> {
    /// A recorded constant: for a replay a fixed number, but a value on the tape that others can be differentiated by.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::gradient;
    ///
    /// // The slope of a·t² at the fixed time t = 3
    /// let g = gradient(|a| {
    ///     let t = a[0].tape().expect("an input").scalar(3.0);
    ///     (a[0] * t * t).derivative(t)
    /// }, &[2.0])?;
    /// assert_eq!(g, [6.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    pub fn scalar(&self, value: S) -> Var<'_, S> {
        self.push_constant(value)
    }

    /// The instructions of `x`, unless the tape keeps an error: then what it holds need not be sound.
    #[track_caller]
    fn sources(&self, x: &[Var<'_, S>]) -> Option<Vec<Id>> {
        let at = Location::caller();
        for x in x {
            match x.tape {
                Some(tape) if tape.owns(self) => {}
                Some(tape) => self.refuse_foreign(tape, at),
                None => self.fail(Error::Constant { at }),
            }
        }
        self.error.borrow().is_none().then(|| x.iter().map(|x| x.id).collect())
    }

    /// What stands for a derivative that was refused.
    fn unknown(&self) -> Var<'_, S> {
        self.push_constant(S::nan())
    }

    /// The gradient of `y` with respect to all inputs, flat, unless something was refused.
    pub(crate) fn input_gradient(&self, y: Var<'_, S>) -> Result<Vec<S>, Error> {
        let y = self.id_of(y);
        if let Some(error) = self.error() {
            return Err(error);
        }
        let inputs = self.inputs.borrow().clone();
        let one = Value::Scalar(Var::from_value(S::one()));
        let mut flat = Vec::new();
        for (x_bar, &x) in self.adjoint(&[(y, one)], &inputs).into_iter().zip(&inputs) {
            match (x_bar, self.handle(x)) {
                (Some(Value::Scalar(x_bar)), _) => flat.push(x_bar.value),
                (Some(Value::Array(x_bar)), _) => flat.extend_from_slice(x_bar.data),
                (None, Value::Scalar(_)) => flat.push(S::zero()),
                (None, Value::Array(x)) => flat.extend(x.data.iter().map(|_| S::zero())),
            }
        }
        self.error().map_or(Ok(flat), Err)
    }
}

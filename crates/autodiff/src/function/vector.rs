//! Recorded functions with several values: record once, evaluate often.

use std::fmt;
use std::ops::Deref;

use crate::array::size;
use crate::compiled::{Frozen, Kind, Matrix, ProductKind, Recorded};
use crate::error::Error;
use crate::number::Real;

/// A function of many inputs with many values, recorded once and evaluated as often as one likes, with its Jacobian: made by
/// [`record`](crate::record()). What all that is recorded has, it has from [`Recorded`].
///
/// Values may be accompanied by auxiliary outputs, which have no derivatives: what one wants to print or plot. Branches
/// are noticed as by a [`Function`](crate::Function).
///
/// # Example
///
/// ```
/// use dualtape_autodiff::record;
///
/// let polar = record(&[1.0, 0.0]).vector(|x| vec![x[0] * x[1].cos(), x[0] * x[1].sin()])?;
/// assert_eq!(polar.values(&[2.0, 0.0])?, [2.0, 0.0]);
/// assert_eq!(polar.jacobian(&[2.0, 0.0])?.as_slice(), [1.0, 0.0, 0.0, 2.0]);
///
/// // Frozen at a point, products in both directions cost only what depends on the direction.
/// let at = polar.linearize(&[2.0, 0.0])?;
/// assert_eq!(at.jvp(&[1.0, 3.0])?, [1.0, 6.0]);
/// assert_eq!(at.vjp(&[1.0, 3.0])?, [1.0, 6.0]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
pub struct VectorFunction<'f, S: Real = f64> {
    pub(crate) recorded: Recorded<'f, S>,
    outputs: usize,
}

impl<'f, S: Real> VectorFunction<'f, S> {
    pub(crate) fn new(recorded: Recorded<'f, S>) -> Self {
        let outputs = recorded.state().compiled.differentiated_entries();
        Self { recorded, outputs }
    }

    /// Number of values.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The values at `x`.
    ///
    /// # Errors
    ///
    /// [`Error::Length`]; what was refused if the function had to be recorded again; and [`Error::OutputsChanged`] if it then
    /// had another number of values.
    pub fn values(&self, x: &[S]) -> Result<Vec<S>, Error> {
        Ok(self.values_and_auxiliary(x)?.0)
    }

    /// The values at `x`, and the auxiliary outputs.
    ///
    /// # Errors
    ///
    /// As [`values`](Self::values).
    pub fn values_and_auxiliary(&self, x: &[S]) -> Result<(Vec<S>, Vec<S>), Error> {
        self.recorded.read(x, Kind::Value, |run| {
            self.check_outputs(run.compiled.differentiated_entries())?;
            let program = &run.stage.program;
            let entries = program.outputs.iter().map(|&id| size(program.shape(id))).sum();
            let mut values = vec![S::zero(); entries];
            run.copy_outputs(run.stage.outputs.recorded.clone(), x, &mut values);
            let auxiliary = values.split_off(self.outputs);
            Ok((values, auxiliary))
        })?
    }

    /// Freezes the function at `x`: every product with its Jacobian there then costs only what depends on the direction.
    ///
    /// # Errors
    ///
    /// As [`values`](Self::values).
    pub fn linearize<'a>(&'a self, x: &[S]) -> Result<VectorLinearization<'a, S>, Error> {
        let frozen = self.recorded.freeze(x.to_vec(), Kind::Jacobian)?;
        self.check_outputs(frozen.stage().product(ProductKind::Forward).length)?;
        let values = frozen.outputs(frozen.stage().outputs.differentiated.clone());
        Ok(VectorLinearization { frozen, values })
    }

    /// The values, and the product `J(x)·v` with the Jacobian, by forward mode.
    ///
    /// # Errors
    ///
    /// As [`values`](Self::values).
    pub fn jvp(&self, x: &[S], v: &[S]) -> Result<(Vec<S>, Vec<S>), Error> {
        let at = self.linearize(x)?;
        Ok((at.values().to_vec(), at.jvp(v)?))
    }

    /// The values, and the product `wᵀJ(x)` with the Jacobian, by reverse mode.
    ///
    /// # Errors
    ///
    /// As [`values`](Self::values).
    pub fn vjp(&self, x: &[S], w: &[S]) -> Result<(Vec<S>, Vec<S>), Error> {
        let at = self.linearize(x)?;
        Ok((at.values().to_vec(), at.vjp(w)?))
    }

    /// The Jacobian `J(x)`, row `i` the gradient of value `i`.
    ///
    /// # Errors
    ///
    /// As [`values`](Self::values).
    pub fn jacobian(&self, x: &[S]) -> Result<Matrix<S>, Error> {
        self.linearize(x)?.jacobian()
    }

    fn check_outputs(&self, got: usize) -> Result<(), Error> {
        match got == self.outputs {
            true => Ok(()),
            false => Err(Error::OutputsChanged { recorded: self.outputs, got }),
        }
    }
}

/// What all that is recorded has.
impl<'f, S: Real> Deref for VectorFunction<'f, S> {
    type Target = Recorded<'f, S>;

    fn deref(&self) -> &Recorded<'f, S> {
        &self.recorded
    }
}

impl<S: Real> fmt::Debug for VectorFunction<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VectorFunction({} inputs, {} outputs)", self.dim(), self.outputs)
    }
}

/// The recorded program, one instruction a line.
impl<S: Real> fmt::Display for VectorFunction<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.recorded.fmt(f)
    }
}

/// Values and Jacobian of a [`VectorFunction`] at one point, as an operator.
///
/// All primal values are kept: a product evaluates what depends on its direction, and allocates nothing after the first.
/// For residuals `r(x)` it has the Gauss–Newton products of `½‖r‖²`; for the losses `ℓᵢ(x)` of examples, those of the
/// empirical Fisher matrix.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::record;
///
/// let data = [(0.0, 1.0), (1.0, 2.0), (2.0, 5.0)];
/// let residuals = record(&[0.0, 0.0]).vector(|p| {
///     data.iter().map(|&(t, y)| p[0] + p[1] * t - y).collect()
/// })?;
/// let at = residuals.linearize(&[1.0, 1.0])?;
/// assert_eq!(at.values(), [0.0, 0.0, -2.0]);
/// // JᵀJ·v, with rows (1, t) of J
/// assert_eq!(at.gauss_newton(&[1.0, 0.0])?, [3.0, 3.0]);
/// assert_eq!(at.vjp(at.values())?, [-2.0, -4.0]); // ∇ ½‖r‖²
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
pub struct VectorLinearization<'a, S: Real = f64> {
    frozen: Frozen<'a, S>,
    values: Vec<S>,
}

impl<S: Real> VectorLinearization<'_, S> {
    /// The point.
    pub fn point(&self) -> &[S] {
        self.frozen.point()
    }

    /// The values at the point.
    pub fn values(&self) -> &[S] {
        &self.values
    }

    /// Number of inputs: columns of the Jacobian.
    pub fn dim(&self) -> usize {
        self.frozen.point().len()
    }

    /// Number of values: rows of the Jacobian.
    pub fn outputs(&self) -> usize {
        self.values.len()
    }

    /// `J·v`, written to `product`.
    ///
    /// # Errors
    ///
    /// [`Error::Length`].
    pub fn jvp_into(&self, v: &[S], product: &mut [S]) -> Result<(), Error> {
        self.frozen.product_into(ProductKind::Forward, v, product)
    }

    /// `J·v`.
    ///
    /// # Errors
    ///
    /// [`Error::Length`].
    pub fn jvp(&self, v: &[S]) -> Result<Vec<S>, Error> {
        let mut product = vec![S::zero(); self.outputs()];
        self.jvp_into(v, &mut product)?;
        Ok(product)
    }

    /// `wᵀJ`, written to `product`.
    ///
    /// # Errors
    ///
    /// [`Error::Length`].
    pub fn vjp_into(&self, w: &[S], product: &mut [S]) -> Result<(), Error> {
        self.frozen.product_into(ProductKind::Reverse, w, product)
    }

    /// `wᵀJ`.
    ///
    /// # Errors
    ///
    /// [`Error::Length`].
    pub fn vjp(&self, w: &[S]) -> Result<Vec<S>, Error> {
        let mut product = vec![S::zero(); self.dim()];
        self.vjp_into(w, &mut product)?;
        Ok(product)
    }

    /// K products `J·vₖ` at once: row `k` of `products` for row `k` of `directions`. Each has the bits it has alone.
    ///
    /// # Errors
    ///
    /// [`Error::Length`].
    pub fn jvps_into(&self, directions: &[S], products: &mut [S]) -> Result<(), Error> {
        self.frozen.products_into(ProductKind::Forward, directions, products)
    }

    /// K products `wₖᵀJ` at once: row `k` of `products` for row `k` of `cotangents`. Each has the bits it has alone.
    ///
    /// # Errors
    ///
    /// [`Error::Length`].
    pub fn vjps_into(&self, cotangents: &[S], products: &mut [S]) -> Result<(), Error> {
        self.frozen.products_into(ProductKind::Reverse, cotangents, products)
    }

    /// The Jacobian, row `i` the gradient of value `i`: by forward or by reverse mode, whichever needs fewer products.
    ///
    /// # Errors
    ///
    /// What an operation refuses.
    pub fn jacobian(&self) -> Result<Matrix<S>, Error> {
        if self.outputs() < self.dim() {
            return self.frozen.columns(ProductKind::Reverse);
        }
        Ok(self.frozen.columns(ProductKind::Forward)?.transposed())
    }

    /// The Gauss–Newton product `JᵀJ·v`, written to `product`: the Hessian of `½‖r‖²` for residuals `r`, without the terms
    /// that have second derivatives of `r`.
    ///
    /// # Errors
    ///
    /// [`Error::Length`].
    pub fn gauss_newton_into(&self, v: &[S], product: &mut [S]) -> Result<(), Error> {
        self.frozen.chained_into([ProductKind::Forward, ProductKind::Reverse], v, product)
    }

    /// The Gauss–Newton product `JᵀJ·v`.
    ///
    /// # Errors
    ///
    /// [`Error::Length`].
    pub fn gauss_newton(&self, v: &[S]) -> Result<Vec<S>, Error> {
        let mut product = vec![S::zero(); self.dim()];
        self.gauss_newton_into(v, &mut product)?;
        Ok(product)
    }

    /// The product with the empirical Fisher matrix, `1/m Σᵢ gᵢgᵢᵀ·v = JᵀJ·v/m`, written to `product`, where the values are the
    /// losses of `m` examples and `gᵢ` their gradients.
    ///
    /// # Errors
    ///
    /// [`Error::Length`].
    pub fn empirical_fisher_into(&self, v: &[S], product: &mut [S]) -> Result<(), Error> {
        self.gauss_newton_into(v, product)?;
        let examples = S::constant(self.outputs() as f64);
        product.iter_mut().for_each(|x| *x /= examples);
        Ok(())
    }

    /// The product with the empirical Fisher matrix. See [`empirical_fisher_into`](Self::empirical_fisher_into).
    ///
    /// # Errors
    ///
    /// [`Error::Length`].
    pub fn empirical_fisher(&self, v: &[S]) -> Result<Vec<S>, Error> {
        let mut product = vec![S::zero(); self.dim()];
        self.empirical_fisher_into(v, &mut product)?;
        Ok(product)
    }
}

impl<S: Real> fmt::Debug for VectorLinearization<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VectorLinearization({} × {})", self.outputs(), self.dim())
    }
}

//! Losses in two parts, with Gauss–Newton and Fisher products.

use std::fmt;
use std::ops::Deref;

use super::linearization::Linearization;
use super::scalar::Function;
use crate::compiled::{Kind, Matrix, ProductKind, symmetrize};
use crate::error::Error;
use crate::number::Real;

/// A loss of a model's outputs, `f(x) = L(z(x))`, recorded in two parts so that it has, beside its Hessian, the curvature
/// matrices that leave out the model's own second derivatives: made by [`record`](crate::record()).
///
/// | matrix | definition |
/// |---|---|
/// | Hessian | `∇²f = Jᵀ·∇²L·J + Σₖ ∂L/∂zₖ·∇²zₖ`, `J = ∂z/∂x` |
/// | (generalised) Gauss–Newton | `Jᵀ·∇²L·J`, positive semidefinite for a convex `L` |
/// | Fisher | `Jᵀ·∇²A·J`, where `∇²A` is the Fisher information of the stated [`Likelihood`](crate::Likelihood) in `z` |
///
/// Each second derivative comes from the tape; for cross-entropy of logits the last two agree. With a penalty,
/// `f(x) = L(z(x)) + r(x)`, all three have its Hessian `∇²r` besides. The *empirical* Fisher matrix is another thing;
/// [`VectorLinearization`](crate::VectorLinearization) has it. All that a [`Function`] does, a composition does; the outputs `z`
/// come along as its auxiliary arrays.
///
/// Sources: Schraudolph, "Fast curvature matrix-vector products" (2002), for the products; Martens, "New insights and
/// perspectives on the natural gradient method" (2020), for the definitions.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::record;
///
/// // ½Σ(z − y)², z = (x₀², x₀x₁), y = (1, 1)
/// let f = record(&[1.0, 1.0]).composite(
///     |x| vec![x[0] * x[0], x[0] * x[1]],
///     |z| 0.5 * ((z[0] - 1.0).powi(2) + (z[1] - 1.0).powi(2)),
/// )?;
/// let at = f.linearize(&[1.0, 2.0])?;
/// assert_eq!((at.value(), at.gradient()), (0.5, &[2.0, 1.0][..]));
/// // J = [2 0; 2 1]
/// assert_eq!(at.gauss_newton(&[1.0, 0.0])?, [8.0, 2.0]);
/// assert_eq!(at.gauss_newton_matrix()?.as_slice(), [8.0, 2.0, 2.0, 1.0]);
/// // and the Hessian, from the same linearisation
/// assert_eq!(at.hvp(&[1.0, 0.0])?, [8.0, 3.0]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
pub struct Composite<'f, S: Real = f64> {
    function: Function<'f, S>,
}

impl<'f, S: Real> Composite<'f, S> {
    pub(crate) fn new(function: Function<'f, S>) -> Self {
        Self { function }
    }

    /// Freezes value, gradient and all curvatures at `x`: every product there then costs only what depends on the direction.
    ///
    /// # Errors
    ///
    /// As [`Function::value`].
    pub fn linearize<'a>(&'a self, x: &[S]) -> Result<CompositeLinearization<'a, S>, Error> {
        let frozen = self.function.recorded.freeze(x.to_vec(), Kind::Curvature)?;
        Ok(CompositeLinearization { exact: Linearization::new(frozen) })
    }
}

/// The loss as an ordinary function.
impl<'f, S: Real> Deref for Composite<'f, S> {
    type Target = Function<'f, S>;

    fn deref(&self) -> &Function<'f, S> {
        &self.function
    }
}

impl<S: Real> fmt::Debug for Composite<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Composite({:?})", self.function)
    }
}

/// Value, gradient and curvatures of a [`Composite`] at one point.
pub struct CompositeLinearization<'a, S: Real = f64> {
    exact: Linearization<'a, S>,
}

impl<'a, S: Real> CompositeLinearization<'a, S> {
    /// The Gauss–Newton product `Jᵀ·∇²L·J·v`, written to `product`. Allocates nothing after the first call.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if a slice is not as long as the point.
    pub fn gauss_newton_into(&self, v: &[S], product: &mut [S]) -> Result<(), Error> {
        self.exact.frozen.product_into(ProductKind::GaussNewton, v, product)
    }

    /// The Gauss–Newton product `Jᵀ·∇²L·J·v`.
    ///
    /// # Errors
    ///
    /// As [`gauss_newton_into`](Self::gauss_newton_into).
    pub fn gauss_newton(&self, v: &[S]) -> Result<Vec<S>, Error> {
        let mut product = vec![S::zero(); v.len()];
        self.gauss_newton_into(v, &mut product)?;
        Ok(product)
    }

    /// K Gauss–Newton products at once: row `k` of `products` for row `k` of `directions`.
    ///
    /// # Errors
    ///
    /// [`Error::Length`].
    pub fn gauss_newtons_into(&self, directions: &[S], products: &mut [S]) -> Result<(), Error> {
        self.exact.frozen.products_into(ProductKind::GaussNewton, directions, products)
    }

    /// The Gauss–Newton matrix `Jᵀ·∇²L·J`, exactly symmetric.
    ///
    /// Complexity: n products, several at a time.
    ///
    /// # Errors
    ///
    /// What an operation refuses.
    pub fn gauss_newton_matrix(&self) -> Result<Matrix<S>, Error> {
        self.matrix(ProductKind::GaussNewton)
    }

    /// The product with Fisher's matrix, `Jᵀ·∇²A·J·v`, written to `product`. Allocates nothing after the first call.
    ///
    /// # Errors
    ///
    /// [`Error::NoLikelihood`] if none was stated; [`Error::Length`].
    pub fn fisher_into(&self, v: &[S], product: &mut [S]) -> Result<(), Error> {
        self.check_likelihood()?;
        self.exact.frozen.product_into(ProductKind::Fisher, v, product)
    }

    /// The product with Fisher's matrix, `Jᵀ·∇²A·J·v`.
    ///
    /// # Errors
    ///
    /// As [`fisher_into`](Self::fisher_into).
    pub fn fisher(&self, v: &[S]) -> Result<Vec<S>, Error> {
        let mut product = vec![S::zero(); v.len()];
        self.fisher_into(v, &mut product)?;
        Ok(product)
    }

    /// Fisher's matrix `Jᵀ·∇²A·J`, exactly symmetric.
    ///
    /// # Errors
    ///
    /// [`Error::NoLikelihood`] if none was stated.
    pub fn fisher_matrix(&self) -> Result<Matrix<S>, Error> {
        self.check_likelihood()?;
        self.matrix(ProductKind::Fisher)
    }

    fn matrix(&self, kind: ProductKind) -> Result<Matrix<S>, Error> {
        let mut matrix = self.exact.frozen.columns(kind)?;
        symmetrize(self.exact.dim(), matrix.as_mut_slice());
        Ok(matrix)
    }

    fn check_likelihood(&self) -> Result<(), Error> {
        let stated = self.exact.frozen.stage().has(ProductKind::Fisher);
        if stated { Ok(()) } else { Err(Error::NoLikelihood) }
    }
}

/// Value, gradient and Hessian.
impl<'a, S: Real> Deref for CompositeLinearization<'a, S> {
    type Target = Linearization<'a, S>;

    fn deref(&self) -> &Linearization<'a, S> {
        &self.exact
    }
}

impl<S: Real> fmt::Debug for CompositeLinearization<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CompositeLinearization({} inputs, value {:?})", self.exact.dim(), self.value())
    }
}

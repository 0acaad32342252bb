//! A function frozen at a point, ready for Hessian-vector products.

use std::fmt;

use crate::compiled::{Frozen, Matrix, ProductKind};
use crate::error::{Error, check_length};
use crate::number::Real;
use crate::parts::{Entries, Parts};

/// Value, gradient and Hessian operator of a [`Function`](crate::Function) at one point.
///
/// All primal values and first adjoints are kept, so a Hessian-vector product evaluates tangents only: no function of the
/// original program is computed again, and nothing is allocated.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::record;
///
/// let f = record(&[1.0; 3]).function(|x| x[0] * x[1].powi(2) + x[2].exp())?;
/// let at = f.linearize(&[2.0, 3.0, 0.0])?;
/// assert_eq!((at.value(), at.gradient()), (19.0, &[9.0, 12.0, 1.0][..]));
/// assert_eq!(at.hvp(&[1.0, 0.0, 1.0])?, [0.0, 6.0, 1.0]);
/// assert_eq!(at.hessian()?.row(1), [6.0, 4.0, 0.0]);
/// assert_eq!(at.hessian_diagonal()?, [0.0, 4.0, 1.0]);
/// assert_eq!(at.hessian_block(0..2)?.as_slice(), [0.0, 6.0, 6.0, 4.0]);
/// // Several products at once: the directions are the rows.
/// let mut products = [0.0; 6];
/// at.hvps_into(&[1.0, 0.0, 1.0, 0.0, 0.0, 2.0], &mut products)?;
/// assert_eq!(products, [0.0, 6.0, 1.0, 0.0, 0.0, 2.0]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
pub struct Linearization<'a, S: Real = f64> {
    pub(crate) frozen: Frozen<'a, S>,
    value: S,
    gradient: Vec<S>,
}

impl<'a, S: Real> Linearization<'a, S> {
    /// Of a program that evaluates the gradient and products with the Hessian.
    pub(crate) fn new(frozen: Frozen<'a, S>) -> Self {
        let value = frozen.outputs(0..1)[0];
        let gradient = frozen.outputs(frozen.stage().outputs.gradient.clone());
        Self { frozen, value, gradient }
    }

    /// Number of inputs.
    pub fn dim(&self) -> usize {
        self.point().len()
    }

    /// What the inputs are called, if that was [said](crate::Record::parts).
    pub fn parts(&self) -> Option<&Parts> {
        self.frozen.parts()
    }

    /// The point.
    pub fn point(&self) -> &[S] {
        self.frozen.point()
    }

    /// `f(x)`.
    pub fn value(&self) -> S {
        self.value
    }

    /// `∇f(x)`.
    pub fn gradient(&self) -> &[S] {
        &self.gradient
    }

    /// The Hessian-vector product `∇²f(x)·v`, written to `product`. Allocates nothing after the first call.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if a slice is not as long as the point.
    pub fn hvp_into(&self, v: &[S], product: &mut [S]) -> Result<(), Error> {
        self.frozen.product_into(ProductKind::Hessian, v, product)
    }

    /// The Hessian-vector product `∇²f(x)·v`.
    ///
    /// # Errors
    ///
    /// As [`hvp_into`](Self::hvp_into).
    pub fn hvp(&self, v: &[S]) -> Result<Vec<S>, Error> {
        let mut product = vec![S::zero(); self.dim()];
        self.hvp_into(v, &mut product)?;
        Ok(product)
    }

    /// K Hessian-vector products at once, `∇²f(x)·vₖ` in row `k` of `products` for row `k` of `directions`; both are `[K, n]`,
    /// row by row. Each has the bits that [`hvp_into`](Self::hvp_into) gives it alone.
    ///
    /// Complexity: through a scalar program, eight products cost little more than two.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if a slice is not a whole number of directions, or not as long as the other.
    pub fn hvps_into(&self, directions: &[S], products: &mut [S]) -> Result<(), Error> {
        self.frozen.products_into(ProductKind::Hessian, directions, products)
    }

    /// The Hessian `∇²f(x)`, exactly symmetric.
    ///
    /// Complexity: n Hessian-vector products, eight at a time. Where the inputs are views of one array, a product is
    /// evaluated only as far as the lower triangle needs it.
    ///
    /// # Errors
    ///
    /// What an operation refuses.
    pub fn hessian(&self) -> Result<Matrix<S>, Error> {
        self.frozen.symmetric_matrix()
    }

    /// The diagonal of the Hessian, exact: `∂²f/∂xᵢ²`.
    ///
    /// Complexity: n Hessian-vector products, but no n × n matrix.
    ///
    /// # Errors
    ///
    /// As [`hessian`](Self::hessian).
    pub fn hessian_diagonal(&self) -> Result<Vec<S>, Error> {
        self.frozen.diagonal(ProductKind::Hessian)
    }

    /// The block of the Hessian that belongs to some inputs, exactly symmetric: entry `(a, b)` is the second derivative with
    /// respect to the inputs numbered `a` and `b` of these: a range of inputs (`0..10`), any list of them, or a
    /// [`Part`](crate::parts::Part) of the vector by its name.
    ///
    /// Complexity: one Hessian-vector product for each input of the block.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchInput`]; [`Error::ForeignPart`] for a part of a vector of another length, or of other parts than the
    /// function [has](crate::Record::parts).
    pub fn hessian_block(&self, inputs: impl Entries) -> Result<Matrix<S>, Error> {
        self.frozen.symmetric_block(ProductKind::Hessian, &inputs.within(self.dim(), self.parts())?)
    }

    /// The blocks on the Hessian's diagonal that belong to these ranges or [parts](crate::parts::Part) of the inputs: for the layers of
    /// a network, its block-diagonal approximation.
    ///
    /// # Errors
    ///
    /// As [`hessian_block`](Self::hessian_block).
    pub fn hessian_blocks<E: Entries + Clone>(
        &self,
        blocks: &[E],
    ) -> Result<Vec<Matrix<S>>, Error> {
        blocks.iter().map(|block| self.hessian_block(block.clone())).collect()
    }

    /// The quadratic form `vᵀ∇²f(x)·v`: the curvature along `v`.
    ///
    /// # Errors
    ///
    /// As [`hvp_into`](Self::hvp_into).
    pub fn curvature(&self, v: &[S]) -> Result<S, Error> {
        check_length("the direction", v, self.dim())?;
        Ok(S::sum_of_products(v.iter().copied().zip(self.hvp(v)?)))
    }
}

impl<S: Real> fmt::Debug for Linearization<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Linearization({} inputs, value {:?})", self.dim(), self.value)
    }
}

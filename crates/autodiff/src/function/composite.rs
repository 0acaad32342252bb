//! Losses in two parts, with Gauss–Newton and Fisher products.

use std::fmt;
use std::panic::Location;

use super::linearization::Linearization;
use super::scalar::Function;
use crate::array::Array;
use crate::compiled::{
    IndeterminatePolicy, Kind, Likelihood, Matrix, Origin, ProductKind, Recorded, Replay, Split,
    composed, symmetrize,
};
use crate::error::Error;
use crate::number::Real;
use crate::program::Program;
use crate::tape::{Tape, Tensor, Var, record_scalars_on};

/// A loss of a model's outputs, `f(x) = L(z(x))`, recorded in two parts so that it has, beside its Hessian, the curvature
/// matrices that leave out the model's own second derivatives.
///
/// | matrix | definition |
/// |---|---|
/// | Hessian | `∇²f = Jᵀ·∇²L·J + Σₖ ∂L/∂zₖ·∇²zₖ`, `J = ∂z/∂x` |
/// | (generalised) Gauss–Newton | `Jᵀ·∇²L·J`, positive semidefinite for a convex `L` |
/// | Fisher | `Jᵀ·∇²A·J`, where `∇²A` is the Fisher information of the stated [`Likelihood`] in `z` |
///
/// Each second derivative comes from the tape; for cross-entropy of logits the last two agree. The *empirical* Fisher matrix
/// is another thing; [`LinearMap`](crate::LinearMap) has it. All that a [`Function`] does, [`function`](Self::function) does.
///
/// Sources: Schraudolph, "Fast curvature matrix-vector products" (2002), for the products; Martens, "New insights and
/// perspectives on the natural gradient method" (2020), for the definitions.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Composite;
///
/// // ½Σ(z − y)², z = (x₀², x₀x₁), y = (1, 1)
/// let f = Composite::record(
///     &[1.0, 1.0],
///     |x| vec![x[0] * x[0], x[0] * x[1]],
///     |z| 0.5 * ((z[0] - 1.0).powi(2) + (z[1] - 1.0).powi(2)),
/// )?;
/// let at = f.linearize(&[1.0, 2.0])?;
/// assert_eq!((at.value(), at.gradient()), (0.5, &[2.0, 1.0][..]));
/// // J = [2 0; 2 1]
/// assert_eq!(at.gauss_newton(&[1.0, 0.0])?, [8.0, 2.0]);
/// assert_eq!(at.gauss_newton_matrix()?.as_slice(), [8.0, 2.0, 2.0, 1.0]);
/// // and the Hessian, from the same linearisation
/// assert_eq!(at.linearization().hvp(&[1.0, 0.0])?, [8.0, 3.0]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
pub struct Composite<'f, S: Real = f64> {
    function: Function<'f, S>,
}

impl<'f> Composite<'f, f64> {
    /// Records a loss of `f64` scalars at `x`, from the outputs `z` that `model` makes and the `loss` of these.
    ///
    /// # Errors
    ///
    /// What was refused while the closures recorded, with its source line.
    #[track_caller]
    pub fn record<M, L>(x: &[f64], model: M, loss: L) -> Result<Self, Error>
    where
        M: for<'t> Fn(&[Var<'t>]) -> Vec<Var<'t>> + Send + Sync + 'f,
        L: for<'t> Fn(&[Var<'t>]) -> Var<'t> + Send + Sync + 'f,
    {
        let at = Location::caller();
        Self::new(x, &[], None, move |x, _| {
            let inner = record_scalars_on(Tape::opened(at), x, |x| model(x))?;
            let z = inner.program.outputs.iter().map(|&id| inner.values[id as usize]);
            let z: Vec<(Vec<usize>, Vec<f64>)> = z.map(|z| (Vec::new(), vec![z])).collect();
            let at_z: Vec<f64> = z.iter().map(|(_, z)| z[0]).collect();
            let outer = record_scalars_on(Tape::opened(at), &at_z, |z| vec![loss(z)])?.program;
            Ok(Parts { inner: inner.program, outer, z })
        })
    }
}

/// The parts as they were recorded, with the shape and elements of each output of the model.
struct Parts<S> {
    inner: Program<S>,
    outer: Program<S>,
    z: Vec<(Vec<usize>, Vec<S>)>,
}

impl<'f, S: Real> Composite<'f, S> {
    /// Records a loss of one flat vector `x`, in either precision: `model` makes the outputs `z`, an array, from it and from
    /// arrays that come with an evaluation, and `loss` compares these with such arrays. With a stated `likelihood` of the
    /// outputs the loss has Fisher products too.
    ///
    /// # Errors
    ///
    /// What was refused while the closures recorded, with its source line.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Composite, Likelihood};
    ///
    /// let inputs = Array::new(&[3, 1], vec![1.0, 2.0, -1.0])?;
    /// let targets = Array::new(&[3, 1], vec![0.0, 1.0, 1.0])?;
    /// let f = Composite::<f64>::record_tensor(
    ///     &[0.0],
    ///     &[&inputs, &targets],
    ///     Some(Likelihood::Bernoulli),
    ///     |w, data| data[0].matmul(w.reshape(&[1, 1])),
    ///     |z, data| (z.softplus() - data[1] * z).mean(),
    /// )?;
    /// let at = f.linearize(&[0.0])?;
    /// // σ(0)(1 − σ(0))·(1 + 4 + 1)/3
    /// assert!((at.fisher(&[1.0])?[0] - 0.5).abs() < 1e-15);
    /// assert!((at.gauss_newton(&[1.0])?[0] - 0.5).abs() < 1e-15);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn record_tensor<M, L>(
        x: &[S],
        data: &[&Array<S>],
        likelihood: Option<Likelihood>,
        model: M,
        loss: L,
    ) -> Result<Self, Error>
    where
        M: for<'t> Fn(Tensor<'t, S>, &[Tensor<'t, S>]) -> Tensor<'t, S> + Send + Sync + 'f,
        L: for<'t> Fn(Tensor<'t, S>, &[Tensor<'t, S>]) -> Var<'t, S> + Send + Sync + 'f,
    {
        let at = Location::caller();
        Self::new(x, data, likelihood, move |x, arrays| {
            let tape = Tape::opened(at);
            let input = tape.input_array(&Array::vector(x.to_vec()));
            let output = model(input, &crate::compiled::data(&tape, arrays));
            let id = tape.id_of_array(output);
            let z = (output.shape.to_vec(), output.data.to_vec());
            let inner = tape.finish(vec![id])?.program;
            let tape = Tape::opened(at);
            let output = tape.input_array(&Array::from_shared(&z.0, z.1.clone().into()));
            let id = tape.id_of(loss(output, &crate::compiled::data(&tape, arrays)));
            Ok(Parts { inner, outer: tape.finish(vec![id])?.program, z: vec![z] })
        })
    }

    #[track_caller]
    fn new(
        x: &[S],
        data: &[&Array<S>],
        likelihood: Option<Likelihood>,
        recorder: impl Fn(&[S], &[Array<S>]) -> Result<Parts<S>, Error> + Send + Sync + 'f,
    ) -> Result<Self, Error> {
        let recorder = move |_: Tape<S>, x: &[S], data: &[Array<S>]| {
            let Parts { inner, outer, z } = recorder(x, data)?;
            let program = composed(&inner, &outer, Origin { point: x, data })?;
            let log_partition = likelihood.map(|likelihood| likelihood.record(&z)).transpose()?;
            let split = Some(Split { inner, outer, log_partition });
            Ok(Recorded { program, differentiated: 1, split })
        };
        Ok(Self { function: Function { replay: Replay::new(x, data, recorder)? } })
    }

    /// The same function, with another answer to points at which a derivative is indeterminate.
    ///
    /// # Example
    ///
    /// See [`IndeterminatePolicy`].
    #[must_use]
    pub fn with_indeterminate_policy(mut self, policy: IndeterminatePolicy) -> Self {
        self.function.replay.set_indeterminate_policy(policy);
        self
    }

    /// The loss as an ordinary function.
    pub fn function(&self) -> &Function<'f, S> {
        &self.function
    }

    /// Freezes value, gradient and all curvatures at `x`: every product there then costs only what depends on the direction.
    ///
    /// # Errors
    ///
    /// As [`Function::value`].
    pub fn linearize<'a>(&'a self, x: &[S]) -> Result<CompositeLinearization<'a, S>, Error> {
        let frozen = self.function.replay.freeze(x.to_vec(), Kind::Curvature)?;
        Ok(CompositeLinearization { exact: Linearization::new(frozen) })
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
    /// Value, gradient and Hessian.
    pub fn linearization(&self) -> &Linearization<'a, S> {
        &self.exact
    }

    /// `f(x)`.
    pub fn value(&self) -> S {
        self.exact.value()
    }

    /// `∇f(x)`.
    pub fn gradient(&self) -> &[S] {
        self.exact.gradient()
    }

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

impl<S: Real> fmt::Debug for CompositeLinearization<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CompositeLinearization({} inputs, value {:?})", self.exact.dim(), self.value())
    }
}

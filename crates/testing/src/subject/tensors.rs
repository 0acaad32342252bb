//! Functions of arrays.

use std::panic::Location;
use std::sync::Arc;

use dualtape_autodiff::{
    Array, BranchPolicy, Error, Function, Real, Tape, Tensor, Var, VectorFunction, record,
    record_f32,
};

use super::record::{Record, weighted};
use super::recorded::Recorded;
use super::{Answer, At, Refusal, Subject};

/// A function of arrays of these shapes, differentiated with respect to all their elements.
///
/// Data that are not differentiated are captured as [`Array`]s and recorded by [`Tensor::constant`].
///
/// # Example
///
/// ```
/// use dualtape_testing::{check, tensors};
///
/// check(tensors(&[&[2, 3], &[3, 1]], |x| x[0].matmul(x[1]).tanh())).assert();
/// ```
#[track_caller]
pub fn tensors<'f, F>(shapes: &[&[usize]], f: F) -> impl Subject + use<'f, F>
where
    F: for<'t> Fn(&[Tensor<'t>]) -> Tensor<'t> + Send + Sync + 'f,
{
    Recorded::new(Tensors::new(shapes, closure(move |_, x| f(x))))
}

/// A scalar function of arrays of these shapes, such as a loss of predictions and targets.
///
/// # Example
///
/// ```
/// use dualtape_testing::{check, tensor_loss};
///
/// check(tensor_loss(&[&[4, 3], &[4, 3]], |x| (x[0].log_softmax(1) * x[1]).sum())).assert();
/// ```
#[track_caller]
pub fn tensor_loss<'f, F>(shapes: &[&[usize]], f: F) -> impl Subject + use<'f, F>
where
    F: for<'t> Fn(&[Tensor<'t>]) -> Var<'t> + Send + Sync + 'f,
{
    Recorded::new(Tensors::new(shapes, closure(move |tape, x| f(x).to_tensor(tape))))
}

/// A function of arrays written once for both precisions.
///
/// [`generic_tensors!`](crate::generic_tensors) makes one of a generic function.
pub trait TensorFormula: Send + Sync {
    /// The result.
    fn eval<'t, S: Real>(&self, x: &[Tensor<'t, S>]) -> Tensor<'t, S>;
}

/// A [`TensorFormula`] of arrays of these shapes, in double and in single precision.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Real, Tensor};
/// use dualtape_testing::{Law, check, generic_tensors};
///
/// fn layer<'t, S: Real>(x: &[Tensor<'t, S>]) -> Tensor<'t, S> {
///     (x[0].matmul(x[1]) + x[2]).tanh()
/// }
///
/// let summary = check(generic_tensors!(layer, &[&[4, 3], &[3, 2], &[2]])).assert();
/// assert_eq!(summary.checked(Law::SinglePrecision), 64);
/// ```
#[track_caller]
pub fn tensor_formula<'f, F>(shapes: &[&[usize]], f: F) -> impl Subject + use<'f, F>
where
    F: TensorFormula + 'f,
{
    Recorded::new(Tensors::new(shapes, InBoth::of(Generic(f))))
}

/// The [`TensorFormula`](crate::TensorFormula) of a generic function
/// `fn f<'t, S: Real>(x: &[Tensor<'t, S>]) -> Tensor<'t, S>` of arrays of these shapes, as a subject.
#[macro_export]
macro_rules! generic_tensors {
    ($f:path, $shapes:expr) => {{
        struct Named;
        impl $crate::TensorFormula for Named {
            fn eval<'t, S: $crate::autodiff::Real>(
                &self,
                x: &[$crate::autodiff::Tensor<'t, S>],
            ) -> $crate::autodiff::Tensor<'t, S> {
                $f(x)
            }
        }
        $crate::tensor_formula($shapes, Named)
    }};
}

/// A function of arrays over one number, or over both.
pub(super) trait Map<S: Real = f64>: Send + Sync {
    fn apply<'t>(&self, tape: &'t Tape<S>, x: &[Tensor<'t, S>]) -> Tensor<'t, S>;

    fn name(&self) -> String {
        "the function".into()
    }

    fn in_single(&self) -> Option<&dyn Map<f32>> {
        None
    }

    /// The same by instructions on scalars, if it is an operation that is made of them.
    fn on_scalars<'t>(&self, shapes: &[Vec<usize>], x: &[Var<'t, S>]) -> Option<Vec<Var<'t, S>>> {
        let _ = (shapes, x);
        None
    }
}

/// One function of arrays in double precision, and the same in single.
pub(super) struct InBoth<D, S> {
    pub double: D,
    pub single: S,
}

impl<M> InBoth<Arc<M>, Arc<M>> {
    /// What is written once for both.
    pub(super) fn of(map: M) -> Self {
        let map = Arc::new(map);
        Self { double: Arc::clone(&map), single: map }
    }
}

impl<D: Map, S: Map<f32>> Map for InBoth<D, S> {
    fn apply<'t>(&self, tape: &'t Tape, x: &[Tensor<'t>]) -> Tensor<'t> {
        self.double.apply(tape, x)
    }

    fn name(&self) -> String {
        self.double.name()
    }

    fn on_scalars<'t>(&self, shapes: &[Vec<usize>], x: &[Var<'t>]) -> Option<Vec<Var<'t>>> {
        self.double.on_scalars(shapes, x)
    }

    fn in_single(&self) -> Option<&dyn Map<f32>> {
        Some(&self.single)
    }
}

impl<S: Real, M: Map<S>> Map<S> for Arc<M> {
    fn apply<'t>(&self, tape: &'t Tape<S>, x: &[Tensor<'t, S>]) -> Tensor<'t, S> {
        (**self).apply(tape, x)
    }

    fn name(&self) -> String {
        (**self).name()
    }

    fn on_scalars<'t>(&self, shapes: &[Vec<usize>], x: &[Var<'t, S>]) -> Option<Vec<Var<'t, S>>> {
        (**self).on_scalars(shapes, x)
    }
}

struct Generic<F>(F);

impl<S: Real, F: TensorFormula> Map<S> for Generic<F> {
    fn apply<'t>(&self, _: &'t Tape<S>, x: &[Tensor<'t, S>]) -> Tensor<'t, S> {
        self.0.eval(x)
    }
}

struct Closure<F>(F);

/// Where the compiler is told what kind of closure it is.
fn closure<F>(f: F) -> impl Map
where
    F: for<'t> Fn(&'t Tape, &[Tensor<'t>]) -> Tensor<'t> + Send + Sync,
{
    Closure(f)
}

impl<F> Map for Closure<F>
where
    F: for<'t> Fn(&'t Tape, &[Tensor<'t>]) -> Tensor<'t> + Send + Sync,
{
    fn apply<'t>(&self, tape: &'t Tape, x: &[Tensor<'t>]) -> Tensor<'t> {
        (self.0)(tape, x)
    }
}

/// A function of arrays of these shapes.
pub(super) struct Tensors<M> {
    shapes: Vec<Vec<usize>>,
    map: M,
    given_at: &'static Location<'static>,
}

impl<M: Map> Tensors<M> {
    #[track_caller]
    pub(super) fn new(shapes: &[&[usize]], map: M) -> Self {
        let shapes = shapes.iter().map(|&shape| shape.to_vec()).collect();
        Self { shapes, map, given_at: Location::caller() }
    }
}

/// `f` of the arrays in a flat vector.
fn of_flat<'t, S: Real>(
    map: &dyn Map<S>,
    shapes: &[Vec<usize>],
    flat: Tensor<'t, S>,
) -> Tensor<'t, S> {
    let mut offset = 0;
    let mut arrays = Vec::with_capacity(shapes.len());
    for shape in shapes {
        arrays.push(flat.view(offset, shape));
        offset += shape.iter().product::<usize>();
    }
    map.apply(flat.tape(), &arrays)
}

/// `⟨w, y⟩`
fn weighted_array<'t, S: Real>(y: Tensor<'t, S>, w: &[f64]) -> Var<'t, S> {
    if w == [1.0] {
        return y.to_var();
    }
    let weights = w.iter().map(|&w| S::constant(w)).collect();
    (y.reshape(&[y.len()]) * y.constant(&Array::vector(weights))).sum()
}

impl<M: Map> Record for Tensors<M> {
    fn name(&self) -> String {
        self.map.name()
    }

    fn inputs(&self) -> Option<usize> {
        Some(self.shapes.iter().map(|shape| shape.iter().product::<usize>()).sum())
    }

    fn applied_at(&self) -> Option<&'static Location<'static>> {
        Some(self.given_at)
    }

    fn record<'t>(&self, x: &[Var<'t>]) -> Vec<Var<'t>> {
        let tape = x.iter().find_map(|x| x.tape()).expect("an input is on its tape");
        of_flat(&self.map, &self.shapes, Tensor::from_vars(tape, x)).scalars()
    }

    fn function<'a>(
        self: &Arc<Self>,
        at: At<'_>,
        branches: BranchPolicy,
    ) -> Result<Function<'a>, Error>
    where
        Self: 'a,
    {
        let (all, w) = (Arc::clone(self), at.w.to_vec());
        record(at.x)
            .array()
            .branches(branches)
            .function(move |x| weighted_array(of_flat(&all.map, &all.shapes, x), &w))
    }

    fn opened<'a>(self: &Arc<Self>, at: At<'_>) -> Result<Function<'a>, Error>
    where
        Self: 'a,
    {
        // On constants first, to see whether there are such instructions.
        let constants: Vec<Var<'_>> = at.x.iter().map(|&x| Var::from_value(x)).collect();
        if self.map.on_scalars(&self.shapes, &constants).is_none() {
            return self.function(at, BranchPolicy::Refuse);
        }
        let (all, w) = (Arc::clone(self), at.w.to_vec());
        record(at.x).branches(BranchPolicy::Refuse).function(move |x| {
            weighted(&all.map.on_scalars(&all.shapes, x).unwrap_or_default(), &w)
        })
    }

    fn vector_function<'a>(self: &Arc<Self>, x: &[f64]) -> Result<VectorFunction<'a>, Error>
    where
        Self: 'a,
    {
        let all = Arc::clone(self);
        record(x).array().vector(move |x| of_flat(&all.map, &all.shapes, x))
    }

    fn values(&self, x: &[f64]) -> Answer<Vec<f64>> {
        let tape = Tape::new();
        let flat = tape.input_array(&Array::vector(x.to_vec()));
        let values = of_flat(&self.map, &self.shapes, flat).data().to_vec();
        Ok(tape.error().map_or(Ok(values), Err)?)
    }

    fn single(&self, x: &[f32], w: &[f64]) -> Answer<(Vec<f32>, Vec<f32>)> {
        let map = self.map.in_single().ok_or(Refusal::NotOffered)?;
        let shapes = &self.shapes;
        let values = record_f32(x).array().vector(|x| of_flat(map, shapes, x))?.values(x)?;
        // A gradient, where an operation may have no product with a Jacobian.
        let f = record_f32(x).array().function(|x| weighted_array(of_flat(map, shapes, x), w))?;
        Ok((values, f.gradient(x)?))
    }
}

//! Operations of one's own.

use std::sync::Arc;

use dualtape_autodiff::{
    Real, Scalar, Tape, Tensor, Var,
    custom::{Adjoint, Elementwise, Fault, NumericAdjoint, Operation, View},
};

use super::Subject;
use super::recorded::Recorded;
use super::tensors::{InBoth, Map, Tensors};

/// The file in which operations are applied for the user.
pub(crate) const ADAPTOR: &str = file!();

/// An [`Elementwise`] operation on arrays of these shapes, which broadcast.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Scalar, c, custom::Elementwise};
/// use dualtape_testing::{check, elementwise};
///
/// /// `ln cosh(x − y)`
/// struct LogCosh;
///
/// impl Elementwise<2> for LogCosh {
///     const NAME: &'static str = "log cosh";
///     fn eval<S: Scalar>(&self, [x, y]: [S; 2]) -> S {
///         let r = x - y;
///         r + (r * c(-2.0)).softplus() - S::constant(2_f64.ln())
///     }
/// }
///
/// let summary = check(elementwise(LogCosh, &[&[2, 3], &[3]])).order(3).assert();
/// assert!(summary.skipped().is_empty());
/// ```
#[track_caller]
pub fn elementwise<const N: usize, E: Elementwise<N>>(
    op: E,
    shapes: &[&[usize]; N],
) -> impl Subject + use<N, E> {
    Recorded::new(Tensors::new(shapes, InBoth::of(Pointwise::<E, N>(Arc::new(op)))))
}

/// An [`Operation`] with its [`Adjoint`], on arrays of these shapes.
///
/// In debug builds the autodiff crate refuses a wrong adjoint when it is recorded; here that is a failure as any other.
#[track_caller]
pub fn operation<O: Adjoint<f64>>(op: O, shapes: &[&[usize]]) -> impl Subject {
    Recorded::new(Tensors::new(shapes, Own(Arc::new(op))))
}

/// An [`operation`] that is written for both precisions, in both.
#[track_caller]
pub fn operation_in_both<O>(op: O, shapes: &[&[usize]]) -> impl Subject
where
    O: Adjoint<f64> + Adjoint<f32>,
{
    Recorded::new(Tensors::new(shapes, InBoth::of(Own(Arc::new(op)))))
}

/// A [`numeric_operation`] that is written for both precisions, in both.
#[track_caller]
pub fn numeric_operation_in_both<O>(op: O, shapes: &[&[usize]]) -> impl Subject
where
    O: NumericAdjoint<f64> + NumericAdjoint<f32>,
{
    Recorded::new(Tensors::new(shapes, InBoth::of(Numeric(Arc::new(op)))))
}

/// An [`Operation`] with its [`NumericAdjoint`], on arrays of these shapes.
///
/// It has a gradient and nothing else: all other laws must be refused, and the summary lists them.
#[track_caller]
pub fn numeric_operation<O: NumericAdjoint<f64>>(op: O, shapes: &[&[usize]]) -> impl Subject {
    Recorded::new(Tensors::new(shapes, Numeric(Arc::new(op))))
}

/// An operation that is applied more than once.
struct Shared<O>(Arc<O>);

impl<const N: usize, E: Elementwise<N>> Elementwise<N> for Shared<E> {
    const NAME: &'static str = E::NAME;

    fn eval<S: Scalar>(&self, x: [S; N]) -> S {
        self.0.eval(x)
    }
}

impl<R: Real, O: Operation<R>> Operation<R> for Shared<O> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn shape(&self, x: &[&[usize]]) -> Result<Vec<usize>, String> {
        self.0.shape(x)
    }

    fn forward(&self, x: &[View<'_, R>], y: &mut [R]) -> Result<(), Fault> {
        self.0.forward(x, y)
    }
}

impl<R: Real, O: Adjoint<R>> Adjoint<R> for Shared<O> {
    fn adjoint<'t>(
        &self,
        x: &[Tensor<'t, R>],
        y: Tensor<'t, R>,
        y_bar: Tensor<'t, R>,
    ) -> Vec<Option<Tensor<'t, R>>> {
        self.0.adjoint(x, y, y_bar)
    }
}

impl<R: Real, O: NumericAdjoint<R>> NumericAdjoint<R> for Shared<O> {
    fn adjoint(
        &self,
        x: &[View<'_, R>],
        y: View<'_, R>,
        y_bar: View<'_, R>,
        x_bar: &mut [&mut [R]],
    ) {
        self.0.adjoint(x, y, y_bar, x_bar);
    }
}

struct Pointwise<E, const N: usize>(Arc<E>);

impl<S: Real, E: Elementwise<N>, const N: usize> Map<S> for Pointwise<E, N> {
    fn name(&self) -> String {
        E::NAME.into()
    }

    fn apply<'t>(&self, _: &'t Tape<S>, x: &[Tensor<'t, S>]) -> Tensor<'t, S> {
        Tensor::elementwise(Shared(Arc::clone(&self.0)), std::array::from_fn(|i: usize| x[i]))
    }

    fn on_scalars<'t>(&self, shapes: &[Vec<usize>], x: &[Var<'t, S>]) -> Option<Vec<Var<'t, S>>> {
        let result = broadcast(shapes);
        let starts: Vec<usize> = shapes
            .iter()
            .scan(0, |start, shape| Some(std::mem::replace(start, *start + size(shape))))
            .collect();
        let operand = |i: usize, k| x[starts[i] + source(&shapes[i], &result, k)];
        Some(
            (0..size(&result))
                .map(|k| self.0.eval(std::array::from_fn(|i| operand(i, k))))
                .collect(),
        )
    }
}

fn size(shape: &[usize]) -> usize {
    shape.iter().product()
}

/// The shape to which these broadcast.
fn broadcast(shapes: &[Vec<usize>]) -> Vec<usize> {
    let rank = shapes.iter().map(Vec::len).max().unwrap_or(0);
    let axis = |a: usize| {
        let lengths = shapes.iter().filter_map(|shape| shape.iter().rev().nth(rank - 1 - a));
        lengths.copied().find(|&length| length != 1).unwrap_or(1)
    };
    (0..rank).map(axis).collect()
}

/// The element of an array that broadcasts to element `k` of the result.
fn source(shape: &[usize], result: &[usize], mut k: usize) -> usize {
    let (mut index, mut stride) = (0, 1);
    let own = shape.iter().rev().copied().chain(std::iter::repeat(1));
    for (&length, own) in result.iter().rev().zip(own) {
        index += if own == 1 { 0 } else { k % length * stride };
        stride *= own;
        k /= length;
    }
    index
}

struct Own<O>(Arc<O>);

impl<S: Real, O: Adjoint<S>> Map<S> for Own<O> {
    fn name(&self) -> String {
        self.0.name().into()
    }

    fn apply<'t>(&self, _: &'t Tape<S>, x: &[Tensor<'t, S>]) -> Tensor<'t, S> {
        Tensor::custom(Shared(Arc::clone(&self.0)), x)
    }
}

struct Numeric<O>(Arc<O>);

impl<S: Real, O: NumericAdjoint<S>> Map<S> for Numeric<O> {
    fn name(&self) -> String {
        self.0.name().into()
    }

    fn apply<'t>(&self, _: &'t Tape<S>, x: &[Tensor<'t, S>]) -> Tensor<'t, S> {
        Tensor::custom_numeric(Shared(Arc::clone(&self.0)), x)
    }
}

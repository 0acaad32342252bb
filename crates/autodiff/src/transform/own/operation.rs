//! What a user writes of an operation: its forward computation and its adjoint.

use crate::array::View;
use crate::error::Fault;
use crate::number::Real;
use crate::tape::Tensor;

/// What an operation of one's own computes: its name, its shape, its values.
///
/// The second half is its derivative: [`Adjoint`], written with tensors and so differentiable in turn, or
/// [`NumericAdjoint`], which computes numbers and ends at the first order. Where an operation can be written over
/// [`Scalar`](crate::Scalar), [`Elementwise`](crate::custom::Elementwise) needs neither.
///
/// The shape of the result follows from the shapes of the operands alone, so an operation whose result has as many
/// elements as its data happens to say cannot be stated: its programs could not be planned, nor replayed elsewhere.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Real, Tensor, record, custom::{Adjoint, Fault, Operation, View}};
///
/// /// The mirror image `y[i] = x[n−1−i]²`.
/// struct MirroredSquare;
///
/// impl<R: Real> Operation<R> for MirroredSquare {
///     fn name(&self) -> &'static str {
///         "mirrored square"
///     }
///     fn shape(&self, x: &[&[usize]]) -> Result<Vec<usize>, String> {
///         match x {
///             [[n]] => Ok(vec![*n]),
///             _ => Err("one vector".into()),
///         }
///     }
///     fn forward(&self, x: &[View<'_, R>], y: &mut [R]) -> Result<(), Fault> {
///         y.iter_mut().zip(x[0].data.iter().rev()).for_each(|(y, &x)| *y = x * x);
///         Ok(())
///     }
/// }
///
/// impl<R: Real> Adjoint<R> for MirroredSquare {
///     fn adjoint<'t>(
///         &self,
///         x: &[Tensor<'t, R>],
///         _y: Tensor<'t, R>,
///         y_bar: Tensor<'t, R>,
///     ) -> Vec<Option<Tensor<'t, R>>> {
///         let n = y_bar.len();
///         let mirrored: Vec<_> = (0..n).map(|i| y_bar.get(n - 1 - i)).collect();
///         vec![Some(x[0] * Tensor::from_vars(y_bar.tape(), &mirrored) * R::constant(2.0))]
///     }
/// }
///
/// let f = record(&[1.0, 2.0, 3.0]).array().function(|x| {
///     Tensor::custom(MirroredSquare, &[x]).dot(x)
/// })?;
/// assert_eq!(f.gradient(&[1.0, 2.0, 3.0])?, [9.0 + 6.0, 4.0 + 8.0, 1.0 + 6.0]);
/// assert_eq!(f.hessian(&[1.0, 2.0, 3.0])?.row(0), [6.0, 0.0, 2.0 + 6.0]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
pub trait Operation<R: Real = f64>: Send + Sync + 'static {
    /// The operation's name in messages and listings.
    fn name(&self) -> &'static str;

    /// The result's shape, or what the operation needs of the operands' shapes.
    ///
    /// # Errors
    ///
    /// What it needs, in words: reported as [`Error::Shape`](crate::Error::Shape).
    fn shape(&self, x: &[&[usize]]) -> Result<Vec<usize>, String>;

    /// Computes the result, of the shape stated, into `y`; must depend on nothing but `x` and `self`.
    ///
    /// # Errors
    ///
    /// Why there is no result at these values; a reason in words becomes [`Fault::Refused`](crate::custom::Fault::Refused).
    fn forward(&self, x: &[View<'_, R>], y: &mut [R]) -> Result<(), Fault>;
}

/// The derivative of an [`Operation`] as a composition of tensor operations: exact at every order, in every mode.
///
/// In debug builds the rule is held against differences of [`Operation::forward`] wherever it is recorded, one operand at
/// a time; where they disagree beyond doubt, the recording is refused with [`Fault::WrongAdjoint`](crate::custom::Fault).
pub trait Adjoint<R: Real = f64>: Operation<R> {
    /// The cotangents of the operands, each in its operand's shape, for the cotangent `y_bar` of the result
    /// `y = forward(x)`.
    ///
    /// Linear in `y_bar`. `None` says that the result does not depend on an operand, or is locally constant in it.
    fn adjoint<'t>(
        &self,
        x: &[Tensor<'t, R>],
        y: Tensor<'t, R>,
        y_bar: Tensor<'t, R>,
    ) -> Vec<Option<Tensor<'t, R>>>;
}

/// The derivative of an [`Operation`] as numbers: enough for gradients and for nothing else.
///
/// Whatever would differentiate the adjoint again (a Hessian-vector product) or transpose it (forward mode) is refused
/// with [`Fault::NumericAdjoint`](crate::custom::Fault::NumericAdjoint). Verified in debug builds as [`Adjoint`] is.
pub trait NumericAdjoint<R: Real = f64>: Operation<R> {
    /// Computes the cotangent of operand `i` into `x_bar[i]`, for the cotangent `y_bar` of the result `y = forward(x)`.
    fn adjoint(
        &self,
        x: &[View<'_, R>],
        y: View<'_, R>,
        y_bar: View<'_, R>,
        x_bar: &mut [&mut [R]],
    );
}

/// An operation with its rule, of either kind.
pub(crate) enum Rule<R> {
    Tensors(Box<dyn Adjoint<R>>),
    Numbers(Box<dyn NumericAdjoint<R>>),
}

impl<R: Real> Rule<R> {
    pub(crate) fn operation(&self) -> &dyn Operation<R> {
        match self {
            Rule::Tensors(rule) => &**rule,
            Rule::Numbers(rule) => &**rule,
        }
    }
}

/// The cotangents of the operands by a hand-written rule; refused if they are not one for each, in its shape.
pub(crate) fn cotangents<'t, R: Real>(
    rule: &dyn Adjoint<R>,
    x: &[Tensor<'t, R>],
    y: Tensor<'t, R>,
    y_bar: Tensor<'t, R>,
) -> Vec<Option<Tensor<'t, R>>> {
    let x_bar = rule.adjoint(x, y, y_bar);
    let fits = |(x_bar, x): (&Option<Tensor<'t, R>>, &Tensor<'t, R>)| {
        x_bar.is_none_or(|x_bar| x_bar.shape == x.shape)
    };
    if x_bar.len() == x.len() && x_bar.iter().zip(x).all(fits) {
        return x_bar;
    }
    let shapes: Vec<&[usize]> = x_bar.iter().flatten().map(|x_bar| x_bar.shape).collect();
    let needs = format!(
        "an adjoint that returns one cotangent, or None, for each of the operands of shapes {:?}",
        x.iter().map(|x| x.shape).collect::<Vec<_>>(),
    );
    y.tape.refuse(rule.name(), &shapes, &needs);
    vec![None; x.len()]
}

//! Elementwise operations that a user wrote once, generic over the number.

use std::fmt;

use smallvec::SmallVec;

use crate::array::{Shape, View};
use crate::error::{Error, Fault};
use crate::number::{Dual, Real, Scalar};
use crate::op::{Shared, TensorOp, broadcast_shape};
use crate::program::{Program, Recording};
use crate::tape::{Tape, Tensor, Value, Var, record_scalars};
use crate::transform::adjoint::record_adjoint;
use crate::transform::replay::emit;

/// An elementwise operation of `N` arguments, written once for every number.
///
/// There is nothing else to supply: every derivative of every order, in every mode, comes from evaluating the same code
/// over other numbers. Each element takes its own branches, in the recording and in every replay, so `if` and `while` may
/// depend on the arguments as they like; at a point where two branches meet, the derivative is that of the branch taken.
///
/// Applied with [`Tensor::elementwise`](crate::Tensor::elementwise). Over scalars no more is needed than to call
/// [`eval`](Self::eval).
///
/// Cost: values and the first two derivatives run as compiled code over nested duals; higher orders interpret a recording
/// made for each element.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Elementwise, Function, Scalar, Tensor, c};
///
/// /// ½r² up to |r| = δ, straight beyond.
/// struct Huber { delta: f64 }
///
/// impl Elementwise<2> for Huber {
///     const NAME: &'static str = "huber";
///
///     fn eval<S: Scalar>(&self, [x, target]: [S; 2]) -> S {
///         let (r, delta) = ((x - target).abs(), S::constant(self.delta));
///         if r <= delta { c(0.5) * r * r } else { delta * (r - c(0.5) * delta) }
///     }
/// }
///
/// let target = Array::vector(vec![0.0, 0.0, 5.0]);
/// let loss = Function::<f64>::record_tensor(&[0.5, -3.0, 5.0], &[&target], |x, data| {
///     Tensor::elementwise(Huber { delta: 1.0 }, [x, data[0]]).sum()
/// })?;
/// assert_eq!(loss.gradient(&[0.5, -3.0, 5.0])?, [0.5, -1.0, 0.0]);
/// // Another branch in every element; nothing is recorded again.
/// assert_eq!(loss.gradient(&[1.5, 0.25, 4.0])?, [1.0, 0.25, -1.0]);
/// assert_eq!(loss.hessian(&[1.5, 0.25, 4.5])?.as_slice(), [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
pub trait Elementwise<const N: usize>: Send + Sync + 'static {
    /// The operation's name in messages and listings.
    const NAME: &'static str;

    /// The result for one element of each argument. Should depend on nothing but `x` and `self`.
    fn eval<S: Scalar>(&self, x: [S; N]) -> S;
}

/// A partial derivative of an elementwise operation, of any order: `∂f/∂x[i]∂x[j]…` for the arguments listed.
#[derive(Clone, PartialEq)]
pub(crate) struct Pointwise {
    f: Shared,
    /// In ascending order.
    with_respect_to: SmallVec<[u8; 4]>,
}

/// What an [`Elementwise`] operation does to arrays of one precision.
trait Compute<R>: Send + Sync {
    fn compute(&self, with_respect_to: &[u8], x: &[View<'_, R>], y: &mut [R]) -> Result<(), Fault>;
}

/// The object that a [`Pointwise`] shares.
type Computer<R> = Box<dyn Compute<R>>;

impl Pointwise {
    pub(crate) fn new<R: Real, const N: usize, E: Elementwise<N>>(f: E) -> Self {
        let computer: Computer<R> = Box::new(Written::<E, N>(f));
        Self { f: Shared::new(E::NAME, computer), with_respect_to: SmallVec::new() }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.f.name
    }

    /// `∂/∂x[i]` of this.
    pub(crate) fn partial(&self, i: usize) -> Self {
        let mut partial = self.clone();
        partial.with_respect_to.push(i as u8);
        partial.with_respect_to.sort_unstable();
        partial
    }

    /// One shape for all operands and the result.
    pub(crate) fn shape(x: &[&[usize]]) -> Result<Shape, String> {
        match x {
            [first, rest @ ..] if rest.iter().all(|x| x == first) => Ok((*first).into()),
            [_, ..] => Err("arguments of one shape".into()),
            [] => Err("at least one argument".into()),
        }
    }

    pub(crate) fn forward<R: Real>(&self, x: &[View<'_, R>], y: &mut [R]) -> Result<(), Fault> {
        self.f.get::<Computer<R>>().compute(&self.with_respect_to, x, y)
    }
}

/// A user's operation, of which `R` and `N` are known.
struct Written<E, const N: usize>(E);

impl<R: Real, E: Elementwise<N>, const N: usize> Compute<R> for Written<E, N> {
    fn compute(&self, with_respect_to: &[u8], x: &[View<'_, R>], y: &mut [R]) -> Result<(), Fault> {
        let f = &self.0;
        let unit = |is: bool| if is { R::one() } else { R::zero() };
        let mut each = |result: &mut dyn FnMut([R; N]) -> Result<R, Fault>| {
            for (k, y) in y.iter_mut().enumerate() {
                *y = result(std::array::from_fn(|i| x[i].data[k]))?;
            }
            Ok(())
        };
        match *with_respect_to {
            [] => each(&mut |x| Ok(f.eval(x))),
            [i] => each(&mut |x| {
                let dual = |j| Dual::<R, 1> { re: x[j], eps: [unit(j == i.into())] };
                Ok(f.eval(std::array::from_fn(dual)).eps[0])
            }),
            [i, j] => each(&mut |x| {
                let dual = |k| Dual::<Dual<R, 1>, 1> {
                    re: Dual { re: x[k], eps: [unit(k == i.into())] },
                    eps: [Dual::constant(unit(k == j.into()))],
                };
                Ok(f.eval(std::array::from_fn(dual)).eps[0].eps[0])
            }),
            _ => each(&mut |x| higher_partial(f, with_respect_to, x).map_err(Fault::within)),
        }
    }
}

/// A partial derivative of any order at one point: as many adjoints of a recording made there.
fn higher_partial<R: Real, E: Elementwise<N>, const N: usize>(
    f: &E,
    with_respect_to: &[u8],
    x: [R; N],
) -> Result<R, Error> {
    let mut recording = record_scalars(&x, |x| vec![f.eval(std::array::from_fn(|i| x[i]))])?;
    for &i in with_respect_to {
        recording = slope(&recording.program, &x, i.into())?;
    }
    Ok(recording.values[recording.program.outputs[0] as usize])
}

/// `∂f/∂x[i]` of a scalar program, recorded at `x`.
fn slope<R: Real>(f: &Program<R>, x: &[R], i: usize) -> Result<Recording<R>, Error> {
    let tape = Tape::new();
    let inputs: Vec<Value<'_, R>> = x.iter().map(|&x| Value::Scalar(tape.input(x))).collect();
    let values = emit(f, &tape, &inputs, &[]);
    let one = Value::Scalar(Var::from_value(R::one()));
    let x_bar = record_adjoint(f, &tape, &values, &[(f.outputs[0], one)])[i];
    let output = tape.id_of(x_bar.map_or(Var::constant(0.0), Value::scalar));
    tape.finish(vec![output])
}

impl<'t, S: Scalar> Tensor<'t, S> {
    /// All elements as scalars, in row-major order: for a loss over a whole array that is written generic over the number.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Function, Scalar, gradient};
    ///
    /// /// `Σ (xᵢ₊₁ − xᵢ²)²`
    /// fn chain<S: Scalar>(x: &[S]) -> S {
    ///     x.windows(2).map(|pair| (pair[1] - pair[0] * pair[0]).powi(2)).sum()
    /// }
    ///
    /// let at = [0.5, -1.0, 2.0];
    /// let f = Function::<f64>::record_tensor(&at, &[], |x, _| chain(&x.scalars()))?;
    /// assert_eq!(f.value(&at)?, chain(&at));
    /// assert_eq!(f.gradient(&at)?, gradient(|x| chain(x), &at)?);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn scalars(self) -> Vec<Var<'t, S>> {
        (0..self.len()).map(|i| self.get(i)).collect()
    }

    /// One function of corresponding elements of at least one operand, with NumPy's broadcasting: see [`Elementwise`].
    #[track_caller]
    pub fn elementwise<const N: usize, E: Elementwise<N>>(f: E, x: [Self; N]) -> Self {
        let Some(&first) = x.first() else { return Self::of_no_operands("elementwise") };
        let shape = x.iter().try_fold(Shape::new(), |shape, x| broadcast_shape(&shape, x.shape));
        let x = match shape {
            Ok(shape) => x.map(|x| x.broadcast(&shape)),
            // The operation itself will refuse them.
            Err(_) => x,
        };
        first.record(TensorOp::Pointwise(Pointwise::new::<S::Real, N, E>(f)), &x)
    }
}

impl fmt::Debug for Pointwise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_respect_to.iter().try_for_each(|i| write!(f, "∂{i} "))?;
        f.write_str(self.name())
    }
}

//! Elementwise operations that a user wrote once, generic over the number.

use std::sync::Arc;

use crate::array::{Shape, View};
use crate::error::{Error, Fault};
use crate::number::{Dual, Elementary, Real, Scalar};
use crate::op::{Facts, OwnOperation, broadcast_shape};
use crate::program::{Program, Recording};
use crate::rule::OverReals;
use crate::tape::{Tape, Tensor, Value, Var, emit, record_scalars};
use crate::transform::adjoint::record_adjoint;

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
/// use dualtape_autodiff::{Array, Scalar, Tensor, c, custom::Elementwise, record};
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
/// let loss = record(&[0.5, -3.0, 5.0]).data(&[&target]).function(|x, data| {
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

/// A user's operation, of which `N` is known. The members of the family are its partial derivatives, of any order:
/// `∂f/∂x[i]∂x[j]…` for the arguments listed, in ascending order.
struct Written<E, const N: usize>(E);

impl<E: Elementwise<N>, const N: usize> Facts for Written<E, N> {
    fn name(&self) -> &'static str {
        E::NAME
    }

    /// One shape for all operands and the result.
    fn shape(&self, _member: &[u8], x: &[&[usize]]) -> Result<Shape, String> {
        match x {
            [first, rest @ ..] if rest.iter().all(|x| x == first) => Ok((*first).into()),
            [_, ..] => Err("arguments of one shape".into()),
            [] => Err("at least one argument".into()),
        }
    }

    fn is_elementwise(&self) -> bool {
        true
    }

    fn derives_from_values(&self) -> bool {
        false
    }
}

impl<R: Real, E: Elementwise<N>, const N: usize> OverReals<R> for Written<E, N> {
    fn forward(&self, member: &[u8], x: &[View<'_, R>], y: &mut [R]) -> Result<(), Fault> {
        let f = &self.0;
        let unit = |is: bool| if is { R::one() } else { R::zero() };
        let mut each = |result: &mut dyn FnMut([R; N]) -> Result<R, Fault>| {
            for (k, y) in y.iter_mut().enumerate() {
                *y = result(std::array::from_fn(|i| x[i].data[k]))?;
            }
            Ok(())
        };
        match *member {
            [] => each(&mut |x| Ok(f.eval(x))),
            [i] => each(&mut |x| {
                let dual = |j| Dual::<R, 1> { re: x[j], eps: [unit(j == usize::from(i))] };
                Ok(f.eval(std::array::from_fn(dual)).eps[0])
            }),
            [i, j] => each(&mut |x| {
                let dual = |k| Dual::<Dual<R, 1>, 1> {
                    re: Dual { re: x[k], eps: [unit(k == usize::from(i))] },
                    eps: [Dual::constant(unit(k == usize::from(j)))],
                };
                Ok(f.eval(std::array::from_fn(dual)).eps[0].eps[0])
            }),
            _ => each(&mut |x| higher_partial(f, member, x).map_err(Fault::within)),
        }
    }

    fn tangent<'t>(
        &self,
        op: &OwnOperation,
        x: &[Tensor<'t, R>],
        _y: Tensor<'t, R>,
        x_dot: &[Option<Tensor<'t, R>>],
    ) -> Option<Tensor<'t, R>> {
        let terms = x_dot.iter().enumerate();
        let terms = terms.filter_map(|(i, x_dot)| Some(x_dot.as_ref()?.chain(partial(op, i, x))));
        terms.reduce(|a, b| a + b)
    }

    fn adjoint<'t>(
        &self,
        op: &OwnOperation,
        x: &[Tensor<'t, R>],
        _y: Tensor<'t, R>,
        y_bar: Tensor<'t, R>,
        wanted: &[bool],
    ) -> Vec<Option<Tensor<'t, R>>> {
        let wanted = wanted.iter().enumerate();
        wanted.map(|(i, wanted)| wanted.then(|| y_bar.chain(partial(op, i, x)))).collect()
    }

    fn holds_everywhere(&self, _derivative: &Program<R>) -> bool {
        true
    }
}

/// `∂/∂x[i]` of a member, at `x`.
fn partial<'t, R: Real>(op: &OwnOperation, i: usize, x: &[Tensor<'t, R>]) -> Tensor<'t, R> {
    let mut member = op.member.clone();
    member.push(i as u8);
    member.sort_unstable();
    x[0].record(op.member(member), x)
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
    /// use dualtape_autodiff::{Scalar, gradient, record};
    ///
    /// /// `Σ (xᵢ₊₁ − xᵢ²)²`
    /// fn chain<S: Scalar>(x: &[S]) -> S {
    ///     x.windows(2).map(|pair| (pair[1] - pair[0] * pair[0]).powi(2)).sum()
    /// }
    ///
    /// let at = [0.5, -1.0, 2.0];
    /// let f = record(&at).array().function(|x| chain(&x.scalars()))?;
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
        first.record(OwnOperation::over_reals::<S::Real>(Arc::new(Written(f))), &x)
    }
}

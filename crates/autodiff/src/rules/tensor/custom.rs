//! Operations with a forward and an adjoint rule that a user wrote by hand.

use std::fmt;

use super::TensorOp;
use super::own::Shared;
use super::verify::verify;
use crate::array::{Array, Shape, size};
use crate::error::{Error, Fault};
use crate::kernel::View;
use crate::program::{Program, Value, emit, record_adjoint};
use crate::scalar::{Real, Scalar};
use crate::tape::{Id, Tape, Tensor};

/// What an operation of one's own computes: its name, its shape, its values.
///
/// The second half is its derivative: [`Adjoint`], written with tensors and so differentiable in turn, or
/// [`NumericAdjoint`], which computes numbers and ends at the first order. Where an operation can be written over
/// [`Scalar`], [`Elementwise`](crate::Elementwise) needs neither.
///
/// The shape of the result follows from the shapes of the operands alone, so an operation whose result has as many
/// elements as its data happens to say cannot be stated: its programs could not be planned, nor replayed elsewhere.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Adjoint, Fault, Function, Operation, Real, Tensor, View};
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
/// let f = Function::<f64>::record_tensor(&[1.0, 2.0, 3.0], &[], |x, _| {
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
    /// Why there is no result at these values; a reason in words becomes [`Fault::Refused`](crate::Fault::Refused).
    fn forward(&self, x: &[View<'_, R>], y: &mut [R]) -> Result<(), Fault>;
}

/// The derivative of an [`Operation`] as a composition of tensor operations: exact at every order, in every mode.
///
/// In debug builds the rule is held against differences of [`Operation::forward`] wherever it is recorded, one operand at
/// a time; where they disagree beyond doubt, the recording is refused with [`Fault::WrongAdjoint`](crate::Fault).
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
/// with [`Fault::NumericAdjoint`](crate::Fault::NumericAdjoint). Verified in debug builds as [`Adjoint`] is.
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

/// A user's operation as an instruction.
#[derive(Clone, PartialEq)]
pub(crate) struct Custom {
    rule: Shared,
    /// Whether this is the adjoint of an operation that has one as numbers: `x…, y, y_bar` to all cotangents, flat.
    is_adjoint: bool,
}

/// What a [`Custom`] shares.
pub(super) enum Rule<R> {
    Tensors(Box<dyn Adjoint<R>>),
    Numbers(Box<dyn NumericAdjoint<R>>),
}

/// An adjoint recorded on its own: inputs `x…, y, y_bar`, outputs the cotangents of these operands.
pub(super) struct RecordedRule<R> {
    program: Program<R>,
    operands: Vec<usize>,
    values: Vec<Vec<R>>,
}

impl Custom {
    pub(crate) fn new<R: Real>(op: impl Adjoint<R>) -> Self {
        Self { rule: Shared::new(op.name(), Rule::Tensors(Box::new(op))), is_adjoint: false }
    }

    pub(crate) fn numeric<R: Real>(op: impl NumericAdjoint<R>) -> Self {
        Self { rule: Shared::new(op.name(), Rule::<R>::Numbers(Box::new(op))), is_adjoint: false }
    }

    pub(super) fn name(&self) -> &'static str {
        self.rule.name
    }

    fn rule<R: Real>(&self) -> &Rule<R> {
        self.rule.get()
    }

    /// Whether the adjoint is recorded by user code.
    pub(super) fn derives_from_values<R: Real>(&self) -> bool {
        matches!(self.rule::<R>(), Rule::Tensors(_))
    }

    pub(super) fn shape<R: Real>(&self, x: &[&[usize]]) -> Result<Shape, String> {
        if self.is_adjoint {
            return Ok(Shape::from_slice(&[x[..x.len() - 2].iter().map(|x| size(x)).sum()]));
        }
        self.rule::<R>().operation().shape(x).map(Shape::from_vec)
    }

    pub(super) fn forward<R: Real>(&self, x: &[View<'_, R>], y: &mut [R]) -> Result<(), Fault> {
        match self.rule() {
            Rule::Numbers(rule) if self.is_adjoint => {
                let [x @ .., value, y_bar] = x else { unreachable!("x…, y and y_bar") };
                let mut rest = y;
                let mut x_bar: Vec<&mut [R]> = Vec::with_capacity(x.len());
                for x in x {
                    let (piece, after) = rest.split_at_mut(x.data.len());
                    x_bar.push(piece);
                    rest = after;
                }
                rule.adjoint(x, *value, *y_bar, &mut x_bar);
                Ok(())
            }
            rule => rule.operation().forward(x, y),
        }
    }

    /// The tangent, from the adjoint: `x_bar = Aᵀ·y_bar` is linear, and its own adjoint is `y_dot = A·x_dot`.
    pub(super) fn tangent<'t, S: Scalar>(
        &self,
        x: &[Tensor<'t, S>],
        y: Tensor<'t, S>,
        x_dot: &[Option<Tensor<'t, S>>],
    ) -> Option<Tensor<'t, S>> {
        let Rule::Tensors(rule) = self.rule::<S::Real>() else {
            return self.refuse_derivative(y);
        };
        let y_bar = y.constant(&Array::zeros(y.shape));
        let RecordedRule { mut program, operands, .. } =
            self.adjoint_program(&**rule, x, y, y_bar)?;
        let values = emit(&program, y.tape, &values(x, y, y_bar), &[]);
        program.inputs = vec![program.inputs[x.len() + 1]];
        let seeds: Vec<(Id, Value<'t, S>)> = program
            .outputs
            .iter()
            .zip(operands)
            .filter_map(|(&id, i)| Some((id, x_dot[i]?.broadcast(x[i].shape).into())))
            .collect();
        let y_dot = record_adjoint(&program, y.tape, &values, &seeds)[0];
        y_dot.map(|y_dot| y_dot.tensor(y.tape))
    }

    /// The cotangents of all operands.
    pub(super) fn adjoint<'t, S: Scalar>(
        &self,
        x: &[Tensor<'t, S>],
        y: Tensor<'t, S>,
        y_bar: Tensor<'t, S>,
    ) -> Vec<Option<Tensor<'t, S>>> {
        let mut x_bar = vec![None; x.len()];
        match self.rule::<S::Real>() {
            Rule::Numbers(_) if self.is_adjoint => {
                self.refuse_derivative(y);
            }
            Rule::Numbers(_) => {
                let op = TensorOp::Custom(Self { is_adjoint: true, ..self.clone() });
                let operands = [x, &[y, y_bar.broadcast(y.shape)]].concat();
                let all = y.tape.record(op, &operands, y.tape.location(y.id));
                let mut offset = 0;
                for (x, x_bar) in x.iter().zip(&mut x_bar) {
                    *x_bar = Some(all.view(offset, x.shape));
                    offset += x.len();
                }
            }
            Rule::Tensors(rule) => {
                let y_bar = y_bar.broadcast(y.shape);
                if let Some(adjoint) = self.adjoint_program(&**rule, x, y, y_bar) {
                    let values = emit(&adjoint.program, y.tape, &values(x, y, y_bar), &[]);
                    for (&id, i) in adjoint.program.outputs.iter().zip(adjoint.operands) {
                        x_bar[i] = Some(values[id as usize].tensor(y.tape));
                    }
                }
            }
        }
        x_bar
    }

    fn refuse_derivative<'t, S: Scalar>(&self, y: Tensor<'t, S>) -> Option<Tensor<'t, S>> {
        let (operation, at) = (self.name(), y.tape.location(y.id));
        y.tape.fail(Error::Failed { operation, fault: Fault::NumericAdjoint, at });
        None
    }

    /// Records a user's adjoint apart, over plain numbers, so that it can be emitted over any.
    fn adjoint_program<S: Scalar>(
        &self,
        rule: &dyn Adjoint<S::Real>,
        x: &[Tensor<'_, S>],
        y: Tensor<'_, S>,
        y_bar: Tensor<'_, S>,
    ) -> Option<RecordedRule<S::Real>> {
        let operands: Vec<Array<S::Real>> = x.iter().map(|x| x.primal_array()).collect();
        let recorded = record_rule(rule, &operands, &y.primal_array(), &y_bar.primal_array());
        recorded.map_err(|error| y.tape.fail(error)).ok()
    }

    /// In debug builds, holds the rule against differences at this point.
    fn verified<S: Scalar>(&self, x: &[Tensor<'_, S>], y: Tensor<'_, S>) -> Result<(), Error> {
        let x: Vec<Array<S::Real>> = x.iter().map(|x| x.primal_array()).collect();
        verify(self.rule(), &x, &y.primal_array(), y.tape.location(y.id))
    }
}

impl<'t, S: Scalar> Tensor<'t, S> {
    /// An operation of one's own, on at least one operand, with a hand-written adjoint, differentiable to every order: see
    /// [`Operation`].
    #[track_caller]
    pub fn custom(op: impl Adjoint<S::Real>, x: &[Self]) -> Self {
        Self::verified(Custom::new(op), x)
    }

    /// An operation of one's own, on at least one operand, whose adjoint computes numbers, differentiable once: see
    /// [`NumericAdjoint`].
    #[track_caller]
    pub fn custom_numeric(op: impl NumericAdjoint<S::Real>, x: &[Self]) -> Self {
        Self::verified(Custom::numeric(op), x)
    }

    /// An operation of ours, whose rule needs no verification.
    #[cfg(feature = "linear-algebra")]
    #[track_caller]
    pub(crate) fn trusted(op: impl Adjoint<S::Real>, x: &[Self]) -> Self {
        x[0].record(TensorOp::Custom(Custom::new(op)), x)
    }

    /// Records an operation, and in debug builds verifies its adjoint.
    #[track_caller]
    fn verified(custom: Custom, x: &[Self]) -> Self {
        let Some(first) = x.first() else { return Self::of_no_operands(custom.name()) };
        let y = first.record(TensorOp::Custom(custom.clone()), x);
        if cfg!(debug_assertions)
            && y.tape.error().is_none()
            && let Err(error) = custom.verified(x, y)
        {
            y.tape.fail(error);
        }
        y
    }
}

impl<R> RecordedRule<R> {
    /// The operands that have a cotangent, and its values.
    pub(super) fn cotangents(self) -> impl Iterator<Item = (usize, Vec<R>)> {
        self.operands.into_iter().zip(self.values)
    }
}

impl<R: Real> Rule<R> {
    pub(super) fn operation(&self) -> &dyn Operation<R> {
        match self {
            Rule::Tensors(rule) => &**rule,
            Rule::Numbers(rule) => &**rule,
        }
    }
}

/// Records an adjoint on a tape of its own.
pub(super) fn record_rule<R: Real>(
    rule: &dyn Adjoint<R>,
    x: &[Array<R>],
    y: &Array<R>,
    y_bar: &Array<R>,
) -> Result<RecordedRule<R>, Error> {
    let tape = Tape::new();
    let operands: Vec<Tensor<'_, R>> = x.iter().map(|x| tape.input_array(x)).collect();
    let (y, y_bar) = (tape.input_array(y), tape.input_array(y_bar));
    let cotangents = rule.adjoint(&operands, y, y_bar);
    let given: Vec<(usize, Tensor<'_, R>)> =
        cotangents.iter().enumerate().filter_map(|(i, x_bar)| Some((i, (*x_bar)?))).collect();
    let fits = cotangents.len() == operands.len()
        && given.iter().all(|(i, x_bar)| x_bar.shape == operands[*i].shape);
    if !fits {
        let shapes: Vec<&[usize]> = given.iter().map(|(_, x_bar)| x_bar.shape).collect();
        let needs = format!(
            "an adjoint that returns one cotangent, or None, for each of the operands of shapes {:?}",
            operands.iter().map(|x| x.shape).collect::<Vec<_>>(),
        );
        tape.refuse(rule.name(), &shapes, &needs);
    }
    let outputs = given.iter().map(|(_, x_bar)| x_bar.id).collect();
    let values = given.iter().map(|(_, x_bar)| x_bar.data.to_vec()).collect();
    let operands = given.iter().map(|&(i, _)| i).collect();
    Ok(RecordedRule { program: tape.finish(outputs)?.program, operands, values })
}

/// The inputs of an adjoint program.
fn values<'t, S: Scalar>(
    x: &[Tensor<'t, S>],
    y: Tensor<'t, S>,
    y_bar: Tensor<'t, S>,
) -> Vec<Value<'t, S>> {
    x.iter().copied().chain([y, y_bar]).map(Value::from).collect()
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.is_adjoint { "adjoint of " } else { "" }, self.name())
    }
}

//! Operations with a forward and an adjoint rule that a user wrote by hand.

use std::fmt;

use super::operation::{Adjoint, NumericAdjoint, RecordedRule, Rule, record_rule};
use super::verify::verify;
use crate::array::{Array, Shape, View, size};
use crate::error::{Error, Fault};
use crate::number::{Real, Scalar};
use crate::op::{Shared, TensorOp};
use crate::program::Id;
use crate::tape::{Tensor, Value};
use crate::transform::adjoint::record_adjoint;
use crate::transform::replay::emit;

/// A user's operation as an instruction.
#[derive(Clone, PartialEq)]
pub(crate) struct Custom {
    rule: Shared,
    /// Whether this is the adjoint of an operation that has one as numbers: `x…, y, y_bar` to all cotangents, flat.
    is_adjoint: bool,
}

impl Custom {
    pub(crate) fn new<R: Real>(op: impl Adjoint<R>) -> Self {
        Self { rule: Shared::new(op.name(), Rule::Tensors(Box::new(op))), is_adjoint: false }
    }

    pub(crate) fn numeric<R: Real>(op: impl NumericAdjoint<R>) -> Self {
        Self { rule: Shared::new(op.name(), Rule::<R>::Numbers(Box::new(op))), is_adjoint: false }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.rule.name
    }

    fn rule<R: Real>(&self) -> &Rule<R> {
        self.rule.get()
    }

    /// Whether the adjoint is recorded by user code.
    pub(crate) fn derives_from_values<R: Real>(&self) -> bool {
        matches!(self.rule::<R>(), Rule::Tensors(_))
    }

    pub(crate) fn shape<R: Real>(&self, x: &[&[usize]]) -> Result<Shape, String> {
        if self.is_adjoint {
            return Ok(Shape::from_slice(&[x[..x.len() - 2].iter().map(|x| size(x)).sum()]));
        }
        self.rule::<R>().operation().shape(x).map(Shape::from_vec)
    }

    pub(crate) fn forward<R: Real>(&self, x: &[View<'_, R>], y: &mut [R]) -> Result<(), Fault> {
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
    pub(crate) fn tangent<'t, S: Scalar>(
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
    pub(crate) fn adjoint<'t, S: Scalar>(
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
    /// [`Operation`](crate::Operation).
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

/// The inputs of an adjoint program.
pub(crate) fn values<'t, S: Scalar>(
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

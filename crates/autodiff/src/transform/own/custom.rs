//! Operations with a forward and an adjoint rule that a user wrote by hand.

use std::sync::Arc;

use super::operation::{Adjoint, NumericAdjoint, Rule, cotangents};
use super::verify::verify;
use crate::array::{Array, Shape, View, size};
use crate::error::{Error, Fault};
use crate::number::{Real, Scalar};
use crate::op::{Facts, Member, OwnOperation, TensorOp};
use crate::program::{Id, Node, Program};
use crate::rule::{Composed, OverReals};
use crate::tape::{Tensor, Value};

/// A user's operation. Of one that computes its adjoint as numbers, that is another member of the family: `x…, y, y_bar` to all
/// cotangents, flat.
struct Custom<R>(Rule<R>);

const ITSELF: &[u8] = &[];

impl<R: Real> Facts for Custom<R> {
    fn name(&self) -> &'static str {
        self.0.operation().name()
    }

    fn shape(&self, member: &[u8], x: &[&[usize]]) -> Result<Shape, String> {
        match member {
            ITSELF => self.0.operation().shape(x).map(Shape::from_vec),
            _ => Ok(Shape::from_slice(&[x[..x.len() - 2].iter().map(|x| size(x)).sum()])),
        }
    }

    fn derives_from_values(&self) -> bool {
        matches!(self.0, Rule::Tensors(_))
    }
}

impl<R: Real> OverReals<R> for Custom<R> {
    fn forward(&self, member: &[u8], x: &[View<'_, R>], y: &mut [R]) -> Result<(), Fault> {
        match (&self.0, member) {
            (rule, ITSELF) => rule.operation().forward(x, y),
            (Rule::Numbers(rule), _) => {
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
            (Rule::Tensors(_), _) => unreachable!("its adjoint is no operation"),
        }
    }

    /// The tangent, from the adjoint: `x_bar = Aᵀ·y_bar` is linear, and its own adjoint is `y_dot = A·x_dot`.
    fn tangent<'t>(
        &self,
        op: &OwnOperation,
        x: &[Tensor<'t, R>],
        y: Tensor<'t, R>,
        x_dot: &[Option<Tensor<'t, R>>],
    ) -> Option<Tensor<'t, R>> {
        if let Rule::Numbers(_) = self.0 {
            self.refuse_derivative(y);
            return None;
        }
        let y_bar = y.constant(&Array::zeros(y.shape));
        let wanted: Vec<bool> = x_dot.iter().map(Option::is_some).collect();
        let x_bar = op.adjoint(x, y, y_bar, &wanted);
        let seeds = x_bar
            .iter()
            .zip(x_dot)
            .filter_map(|(x_bar, x_dot)| Some((x_bar.as_ref()?.id, Value::from((*x_dot)?))));
        let seeds: Vec<(Id, Value<'t, R>)> = seeds.collect();
        let y_dot = y.tape.adjoint(&seeds, &[y_bar.id])[0];
        y_dot.map(|y_dot| y_dot.tensor(y.tape))
    }

    fn adjoint<'t>(
        &self,
        op: &OwnOperation,
        x: &[Tensor<'t, R>],
        y: Tensor<'t, R>,
        y_bar: Tensor<'t, R>,
        wanted: &[bool],
    ) -> Vec<Option<Tensor<'t, R>>> {
        match &self.0 {
            Rule::Tensors(rule) => cotangents(&**rule, x, y, y_bar),
            Rule::Numbers(_) if op.member.is_empty() => {
                let all = y.record(op.member(Member::from_slice(&[0])), &[x, &[y, y_bar]].concat());
                let mut offset = 0;
                let pieces = x.iter().zip(wanted).map(|(x, wanted)| {
                    let start = offset;
                    offset += x.len();
                    wanted.then(|| all.view(start, x.shape))
                });
                pieces.collect()
            }
            Rule::Numbers(_) => {
                self.refuse_derivative(y);
                vec![None; x.len()]
            }
        }
    }

    /// One for which user code looked at no value, itself or within an operation that it recorded.
    fn holds_everywhere(&self, derivative: &Program<R>) -> bool {
        let opaque = |node: &Node<R>| matches!(node.op, TensorOp::OwnOperation(_));
        matches!(self.0, Rule::Numbers(_))
            || derivative.guards.is_empty() && !derivative.nodes.iter().any(opaque)
    }
}

impl<R: Real> Custom<R> {
    fn refuse_derivative(&self, y: Tensor<'_, R>) {
        let (operation, at) = (self.name(), y.tape.location(y.id));
        y.tape.fail(Error::Failed { operation, fault: Fault::NumericAdjoint, at });
    }
}

impl<'t, S: Scalar> Tensor<'t, S> {
    /// An operation of one's own, on at least one operand, with a hand-written adjoint, differentiable to every order: see
    /// [`Operation`](crate::custom::Operation).
    #[track_caller]
    pub fn custom(op: impl Adjoint<S::Real>, x: &[Self]) -> Self {
        Self::verified(Rule::Tensors(Box::new(op)), x)
    }

    /// An operation of one's own, on at least one operand, whose adjoint computes numbers, differentiable once: see
    /// [`NumericAdjoint`].
    #[track_caller]
    pub fn custom_numeric(op: impl NumericAdjoint<S::Real>, x: &[Self]) -> Self {
        Self::verified(Rule::Numbers(Box::new(op)), x)
    }

    /// An operation of ours, whose rule needs no verification.
    #[cfg(feature = "linear-algebra")]
    #[track_caller]
    pub(crate) fn trusted(op: impl Adjoint<S::Real>, x: &[Self]) -> Self {
        x[0].record(OwnOperation::over_reals(Arc::new(Custom(Rule::Tensors(Box::new(op))))), x)
    }

    /// Records an operation, and in debug builds holds its adjoint against differences at this point.
    #[track_caller]
    fn verified(rule: Rule<S::Real>, x: &[Self]) -> Self {
        let Some(first) = x.first() else { return Self::of_no_operands(rule.operation().name()) };
        let custom = Arc::new(Custom(rule));
        let y = first.record(OwnOperation::over_reals(Arc::clone(&custom)), x);
        if cfg!(debug_assertions) && y.tape.error().is_none() {
            let x: Vec<Array<S::Real>> = x.iter().map(|x| x.primal_array()).collect();
            let verified = verify(&custom.0, &x, &y.primal_array(), y.tape.location(y.id));
            verified.unwrap_or_else(|error| y.tape.fail(error));
        }
        y
    }
}

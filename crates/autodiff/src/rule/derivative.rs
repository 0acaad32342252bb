//! Tangents and adjoints of the array operations, from their kinds.

use super::kind::{Contribution, Derivative};
#[cfg(feature = "planted-faults")]
use super::planted;
use crate::number::{Elementary, Scalar, Unary};
use crate::op::{Map, TensorOp, operations};
use crate::tape::Tensor;

/// The derivative of kind `$kind` of an operation.
macro_rules! of_kind {
    (Constant $op:ident) => {{
        let _ = $op;
        Derivative::Constant
    }};
    ($kind:ident $op:ident) => {
        Derivative::$kind($op)
    };
}

macro_rules! derivatives {
    (
        over_every_number: [$($Op:ident: $kind:ident,)*],
        over_each: [$($(#[$if:meta])? $Own:ident: $own_kind:ident,)*],
    ) => {
        impl<S: Scalar> TensorOp<S> {
            /// The derivative, as it is stated.
            pub(crate) fn derivative(&self) -> Derivative<'_, S> {
                match self {
                    Self::Input(_) | Self::Data(_) | Self::Constant(_) => Derivative::Constant,
                    Self::Map(Map(Unary::StopGradient)) => Derivative::Constant,
                    #[cfg(feature = "linear-algebra")]
                    Self::LinearAlgebra(op) if op.is_locally_constant() => Derivative::Constant,
                    $(Self::$Op(op) => of_kind!($kind op),)*
                    $($(#[$if])? Self::$Own(op) => of_kind!($own_kind op),)*
                }
            }
        }
    };
}

operations!(derivatives);

impl<S: Scalar> TensorOp<S> {
    /// The tangent of `y` for tangents `x_dot` of the operands, `None` standing for zero.
    pub(crate) fn tangent<'t>(
        &self,
        x: &[Tensor<'t, S>],
        y: Tensor<'t, S>,
        x_dot: &[Option<Tensor<'t, S>>],
    ) -> Option<Tensor<'t, S>> {
        let y_dot = match self.derivative() {
            Derivative::Constant => None,
            Derivative::Linear(rule) => rule.tangent(self, x, y, x_dot),
            Derivative::Bilinear(_) => sum_present([
                x_dot[0].map(|a_dot| y.record(self.clone(), &[a_dot, x[1]])),
                x_dot[1].map(|b_dot| y.record(self.clone(), &[x[0], b_dot])),
            ]),
            Derivative::Partials(rule) => {
                let terms = x_dot
                    .iter()
                    .enumerate()
                    .map(|(i, x_dot)| x_dot.and_then(|x_dot| scaled(rule.partial(i, x, y), x_dot)));
                sum_present(terms).map(|total| match rule.reduced_axis() {
                    Some(axis) => total.sum_axis(axis),
                    None => total.broadcast(y.shape()),
                })
            }
            Derivative::Composed(rule) => rule.tangent(x, y, x_dot),
        };
        #[cfg(feature = "planted-faults")]
        let y_dot = planted::tangent(self.name(), y_dot);
        y_dot
    }

    /// What the cotangent `y_bar` of the result contributes to those of the operands that want it.
    pub(crate) fn adjoints<'t>(
        &self,
        x: &[Tensor<'t, S>],
        y: Tensor<'t, S>,
        y_bar: Tensor<'t, S>,
        wanted: &[bool],
    ) -> Vec<(usize, Contribution<'t, S>)> {
        let wanted_operands = (0..x.len()).filter(|&i| wanted[i]);
        let each = |of: &dyn Fn(usize) -> Option<Contribution<'t, S>>| {
            wanted_operands.filter_map(|i| Some((i, of(i)?))).collect()
        };
        let x_bar: Vec<_> = match self.derivative() {
            Derivative::Constant => Vec::new(),
            Derivative::Linear(rule) => each(&|i| rule.transpose(i, x, y_bar)),
            Derivative::Bilinear(rule) => {
                each(&|i| Some(Contribution::Whole(rule.transpose(i, x, y_bar))))
            }
            Derivative::Partials(rule) => {
                let y_bar = || match rule.reduced_axis() {
                    Some(axis) => y_bar.keep_axis(axis),
                    None => y_bar,
                };
                each(&|i| {
                    let y_bar = y_bar();
                    let x_bar = scaled(rule.partial(i, x, y), y_bar)?;
                    Some(Contribution::Whole(x_bar.sum_to(x[i].shape())))
                })
            }
            Derivative::Composed(rule) => {
                let x_bar = rule.adjoint(x, y, y_bar.broadcast(y.shape()), wanted);
                each(&|i| x_bar[i].map(Contribution::Whole))
            }
        };
        #[cfg(feature = "planted-faults")]
        let x_bar = planted::adjoints(self.name(), y_bar, x_bar);
        x_bar
    }
}

/// `partial·tangent`, or nothing where the partial is known to be zero.
fn scaled<'t, S: Scalar>(partial: Tensor<'t, S>, tangent: Tensor<'t, S>) -> Option<Tensor<'t, S>> {
    (partial.constant_value() != Some(0.0)).then(|| tangent.chain(partial))
}

/// The sum of those terms that there are.
pub(super) fn sum_present<'t, S: Scalar>(
    terms: impl IntoIterator<Item = Option<Tensor<'t, S>>>,
) -> Option<Tensor<'t, S>> {
    terms.into_iter().flatten().reduce(|a, b| a + b)
}

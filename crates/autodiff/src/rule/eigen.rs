//! Derivatives of eigenvalues and eigenvectors, also where some eigenvalues are repeated.
//!
//! With `Ω = VᵀV_dot` and `E = VᵀA_dotV`, eigenvectors turn by `Ωᵢⱼ = Eᵢⱼ/(λⱼ − λᵢ)`. Within a cluster of equal eigenvalues
//! they are not functions of the matrix: only the space that they span is. Any basis of it serves as long as nothing
//! depends on which, and `Ω = 0` within clusters is chosen. Then `VᵀAV` stays diagonal from cluster to cluster only: [`Blocks`]
//! are its blocks, diagonal at the point, whose derivatives are full. [`Turn`] solves `LΩ − ΩL = −E` for such `L`, and is its
//! own derivative, so all orders follow.
//!
//! What does depend on the basis is refused where it is used, not where it is computed: see [`Level`] and [`Simple`].
//!
//! [`Blocks`]: Eigen::Blocks
//! [`Turn`]: Eigen::Turn
//! [`Level`]: Eigen::Level
//! [`Simple`]: Eigen::Simple

use super::variation::variation;
use crate::number::Scalar;
use crate::op::{Eigen, LinearAlgebra};
use crate::tape::Tensor;
use crate::tensor::{apply, product, record, simple};
use Eigen::*;

impl Eigen {
    pub(crate) fn tangent<'t, S: Scalar>(
        self,
        x: &[Tensor<'t, S>],
        y: Tensor<'t, S>,
        x_dot: &[Option<Tensor<'t, S>>],
    ) -> Option<Tensor<'t, S>> {
        let first = x_dot[0].map(|x_dot| x_dot.broadcast(x[0].shape()));
        match self {
            Blocks => {
                let inner = product(x[1], true, product(first?, false, x[1], false), false);
                Some(record(WithinBlocks, &[inner, x[2]]))
            }
            // Ω_dot solves the same equation for E_dot + L_dot·Ω − Ω·L_dot.
            Turn => {
                let from_l = x_dot[1].map(|l_dot| {
                    let l_dot = l_dot.broadcast(x[1].shape());
                    product(l_dot, false, y, false) - product(y, false, l_dot, false)
                });
                let right_side = match (first, from_l) {
                    (Some(e_dot), Some(from_l)) => e_dot + from_l,
                    (e_dot, from_l) => e_dot.or(from_l)?,
                };
                Some(record(Turn, &[right_side, x[1]]))
            }
            Level { .. } => Some(with_first(Level { checked: true }, first?, x)),
            Simple => Some(record(TangentOfSimple, &[first?, x[1]])),
            WithinBlocks | TangentOfSimple | CotangentOfSimple => Some(with_first(self, first?, x)),
        }
    }

    pub(crate) fn adjoint<'t, S: Scalar>(
        self,
        x: &[Tensor<'t, S>],
        y: Tensor<'t, S>,
        y_bar: Tensor<'t, S>,
    ) -> Vec<Option<Tensor<'t, S>>> {
        let mut x_bar = vec![None; x.len()];
        x_bar[0] = Some(match self {
            Blocks => {
                let blocks = record(WithinBlocks, &[y_bar, x[2]]);
                product(product(x[1], false, blocks, false), false, x[1], true)
            }
            // E_bar = Turn(Ω_bar), L_bar = E_bar·Ωᵀ − Ωᵀ·E_bar
            Turn => {
                let e_bar = record(Turn, &[y_bar, x[1]]);
                x_bar[1] = Some(product(e_bar, false, y, true) - product(y, true, e_bar, false));
                e_bar
            }
            Level { .. } => with_first(Level { checked: true }, y_bar, x),
            Simple | TangentOfSimple => record(CotangentOfSimple, &[y_bar, x[1], variation(y_bar)]),
            WithinBlocks | CotangentOfSimple => with_first(self, y_bar, x),
        });
        x_bar
    }
}

/// `V_dot = V·Ω`
pub(crate) fn vectors_tangent<'t, S: Scalar>(
    a: Tensor<'t, S>,
    v: Tensor<'t, S>,
    a_dot: Tensor<'t, S>,
) -> Tensor<'t, S> {
    let e = product(v, true, product(a_dot, false, v, false), false);
    product(v, false, record(Turn, &[e, blocks(a, v)]), false)
}

/// `A_bar = V·Turn(VᵀV_bar)·Vᵀ`
pub(crate) fn vectors_adjoint<'t, S: Scalar>(
    a: Tensor<'t, S>,
    v: Tensor<'t, S>,
    v_bar: Tensor<'t, S>,
) -> Tensor<'t, S> {
    let turned = record(Turn, &[product(v, true, v_bar, false), blocks(a, v)]);
    product(product(v, false, turned, false), false, v, true)
}

/// `λ_dot = diag(VᵀA_dotV)`
pub(crate) fn values_tangent<'t, S: Scalar>(
    values: Tensor<'t, S>,
    v: Tensor<'t, S>,
    a_dot: Tensor<'t, S>,
) -> Tensor<'t, S> {
    let columns = v * product(a_dot, false, v, false);
    simple(columns.sum_axis(columns.rank() - 2), values)
}

/// `A_bar = V·diag(λ_bar)·Vᵀ`
pub(crate) fn values_adjoint<'t, S: Scalar>(
    values: Tensor<'t, S>,
    v: Tensor<'t, S>,
    values_bar: Tensor<'t, S>,
) -> Tensor<'t, S> {
    let operands = [v, values, values_bar, variation(values_bar)];
    let v = record(Level { checked: false }, &operands);
    product(v * values_bar.keep_axis(values.rank() - 1), false, v, true)
}

fn blocks<'t, S: Scalar>(a: Tensor<'t, S>, v: Tensor<'t, S>) -> Tensor<'t, S> {
    record(Blocks, &[a, v, apply(LinearAlgebra::Eigenvalues, &[a, v])])
}

/// The operation on another first operand.
fn with_first<'t, S: Scalar>(
    op: Eigen,
    first: Tensor<'t, S>,
    x: &[Tensor<'t, S>],
) -> Tensor<'t, S> {
    let mut operands = x.to_vec();
    operands[0] = first;
    record(op, &operands)
}

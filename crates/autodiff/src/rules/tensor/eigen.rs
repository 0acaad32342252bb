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

use std::ops::Range;

use super::linear_algebra::{LinearAlgebra, apply, product};
use super::variation::variation;
use crate::array::Shape;
use crate::error::Fault;
use crate::kernel::View;
use crate::scalar::{Real, Scalar};
use crate::tape::Tensor;

/// An operation with which derivatives of eigenvalues and eigenvectors are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Eigen {
    /// The blocks of clusters in `VᵀAV`, from `A`, `V`, `λ`.
    Blocks,
    /// The blocks of clusters of a matrix, from it and `λ`.
    WithinBlocks,
    /// `Ω` with `LΩ − ΩL = −E` between clusters, 0 within, from `E` and `L`.
    Turn,
    /// `V`, of which `V·diag(c)·Vᵀ` is made; from `V`, `λ`, `c` and whether each of `c` varies. That product has a derivative
    /// where all coefficients of a cluster are one constant. Its derivative is the checked form, which refuses all else.
    Level { checked: bool },
    /// What belongs to single eigenvalues, along the last axis; from it and `λ`. At repeated ones it has no derivative: NaN
    /// as long as it is not used.
    Simple,
    /// A tangent of [`Simple`](Self::Simple).
    TangentOfSimple,
    /// A cotangent of [`Simple`](Self::Simple), from it, `λ`, and whether its elements vary: refused if one that belongs to a
    /// repeated eigenvalue is other than a constant 0.
    CotangentOfSimple,
}

use Eigen::*;

impl Eigen {
    pub(super) fn shape(x: &[&[usize]]) -> Shape {
        x[0].into()
    }

    pub(super) fn forward<R: Real>(self, x: &[View<'_, R>], y: &mut [R]) -> Result<(), Fault> {
        let n = x[0].shape[x[0].shape.len() - 1];
        let matrices =
            x[1].data.len() / (if self == Turn || self == Blocks { n * n } else { n }).max(1);
        if matrices == 0 {
            return Ok(());
        }
        let length = y.len() / matrices;
        for (i, y) in y.chunks_exact_mut(length.max(1)).enumerate() {
            let operand = |k: usize| {
                let length = x[k].data.len() / matrices;
                &x[k].data[i * length..(i + 1) * length]
            };
            let first = operand(0);
            match self {
                Blocks => {
                    y.fill(R::zero());
                    operand(2).iter().enumerate().for_each(|(j, &value)| y[j * n + j] = value);
                }
                WithinBlocks => {
                    y.fill(R::zero());
                    for cluster in clusters(operand(1)) {
                        for row in cluster.clone() {
                            let block = row * n + cluster.start..row * n + cluster.end;
                            y[block.clone()].copy_from_slice(&first[block]);
                        }
                    }
                }
                Turn => {
                    turn(&operand(1).iter().copied().step_by(n + 1).collect::<Vec<R>>(), first, y)
                }
                Level { checked: false } | Simple => y.copy_from_slice(first),
                Level { checked: true } => {
                    let (c, varies) = (operand(2), operand(3));
                    y.copy_from_slice(first);
                    refuse_cluster(operand(1), |j, cluster| {
                        varies[j] != R::zero() || c[j] != c[cluster.start]
                    })?;
                }
                TangentOfSimple => {
                    y.copy_from_slice(first);
                    for cluster in clusters(operand(1)).filter(|cluster| cluster.len() > 1) {
                        y.chunks_exact_mut(n).for_each(|row| row[cluster.clone()].fill(R::nan()));
                    }
                }
                CotangentOfSimple => {
                    let varies = operand(2);
                    y.copy_from_slice(first);
                    refuse_cluster(operand(1), |j, _| {
                        let column = |x: &[R]| x[j..].iter().step_by(n).any(|x| *x != R::zero());
                        column(first) || column(varies)
                    })?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn tangent<'t, S: Scalar>(
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

    pub(super) fn adjoint<'t, S: Scalar>(
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
pub(super) fn vectors_tangent<'t, S: Scalar>(
    a: Tensor<'t, S>,
    v: Tensor<'t, S>,
    a_dot: Tensor<'t, S>,
) -> Tensor<'t, S> {
    let e = product(v, true, product(a_dot, false, v, false), false);
    product(v, false, record(Turn, &[e, blocks(a, v)]), false)
}

/// `A_bar = V·Turn(VᵀV_bar)·Vᵀ`
pub(super) fn vectors_adjoint<'t, S: Scalar>(
    a: Tensor<'t, S>,
    v: Tensor<'t, S>,
    v_bar: Tensor<'t, S>,
) -> Tensor<'t, S> {
    let turned = record(Turn, &[product(v, true, v_bar, false), blocks(a, v)]);
    product(product(v, false, turned, false), false, v, true)
}

/// `λ_dot = diag(VᵀA_dotV)`
pub(super) fn values_tangent<'t, S: Scalar>(
    values: Tensor<'t, S>,
    v: Tensor<'t, S>,
    a_dot: Tensor<'t, S>,
) -> Tensor<'t, S> {
    let columns = v * product(a_dot, false, v, false);
    simple(columns.sum_axis(columns.rank() - 2), values)
}

/// `A_bar = V·diag(λ_bar)·Vᵀ`
pub(super) fn values_adjoint<'t, S: Scalar>(
    values: Tensor<'t, S>,
    v: Tensor<'t, S>,
    values_bar: Tensor<'t, S>,
) -> Tensor<'t, S> {
    let operands = [v, values, values_bar, variation(values_bar)];
    let v = record(Level { checked: false }, &operands);
    product(v * values_bar.keep_axis(values.rank() - 1), false, v, true)
}

/// What belongs to single eigenvalues, along the last axis.
#[track_caller]
pub(crate) fn simple<'t, S: Scalar>(x: Tensor<'t, S>, values: Tensor<'t, S>) -> Tensor<'t, S> {
    record(Simple, &[x, values])
}

fn blocks<'t, S: Scalar>(a: Tensor<'t, S>, v: Tensor<'t, S>) -> Tensor<'t, S> {
    record(Blocks, &[a, v, apply(LinearAlgebra::Eigenvalues, &[a, v])])
}

#[track_caller]
fn record<'t, S: Scalar>(op: Eigen, x: &[Tensor<'t, S>]) -> Tensor<'t, S> {
    apply(LinearAlgebra::Eigen(op), x)
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

/// Runs of eigenvalues, ascending, that rounding cannot tell from their neighbours.
fn clusters<R: Real>(values: &[R]) -> impl Iterator<Item = Range<usize>> {
    let largest = values.iter().fold(R::zero(), |m, x| m.max(x.abs()));
    let rounding = R::constant(8.0 * values.len() as f64) * R::epsilon() * largest;
    let mut start = 0;
    std::iter::from_fn(move || {
        let first = start;
        let next = |i: &usize| (values[i + 1] - values[*i]).abs() <= rounding;
        start += 1 + (first..values.len().checked_sub(1)?).take_while(next).count();
        (first < values.len()).then_some(first..start)
    })
}

/// Refuses the first cluster of which an eigenvalue is needed by itself.
fn refuse_cluster<R: Real>(
    values: &[R],
    needed: impl Fn(usize, &Range<usize>) -> bool,
) -> Result<(), Fault> {
    let mut repeated = clusters(values).filter(|cluster| cluster.len() > 1);
    match repeated.find(|cluster| cluster.clone().any(|j| needed(j, cluster))) {
        Some(cluster) => Err(Fault::RepeatedEigenvalue {
            first: cluster.start,
            value: values[cluster.start].as_f64(),
            gap: (values[cluster.start + 1] - values[cluster.start]).abs().as_f64(),
        }),
        None => Ok(()),
    }
}

/// `Eᵢⱼ/(λⱼ − λᵢ)` between clusters, 0 within.
fn turn<R: Real>(values: &[R], e: &[R], y: &mut [R]) {
    let n = values.len();
    y.fill(R::zero());
    for cluster in clusters(values) {
        for i in cluster.clone() {
            for j in (0..cluster.start).chain(cluster.end..n) {
                y[i * n + j] = e[i * n + j] / (values[j] - values[i]);
            }
        }
    }
}

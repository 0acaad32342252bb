//! What the derivatives of eigenvalues and eigenvectors are computed by.

use std::ops::Range;

use crate::array::{Shape, View};
use crate::error::Fault;
use crate::number::Real;

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
    pub(crate) fn shape(x: &[&[usize]]) -> Shape {
        x[0].into()
    }

    pub(crate) fn forward<R: Real>(self, x: &[View<'_, R>], y: &mut [R]) -> Result<(), Fault> {
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

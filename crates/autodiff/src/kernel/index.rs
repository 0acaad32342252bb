//! Reading and adding at positions that other arrays hold, and choosing between arrays.

use std::array::from_fn;
use std::ops::Range;

use num_traits::{Float, ToPrimitive, Zero};

use super::layout::Walk;
use crate::array::View;
use crate::error::Fault;
use crate::number::{Loop, MulAdd, Real, Scalar, Side};

/// How an indexed axis lies among the others: the table is `[batches, before, length, after]`, the indices are `[batches,
/// indices]`, and the elements read are `[batches, before, indices, after]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Indexed {
    pub batches: usize,
    pub before: usize,
    pub length: usize,
    pub after: usize,
    pub indices: usize,
}

impl Indexed {
    /// Calls `visit(row, read)` for every index: the row of the table that it means, and the row of what is read; rows have
    /// `after` elements.
    fn each<S: Scalar>(
        self,
        indices: &[S],
        mut visit: impl FnMut(Range<usize>, Range<usize>),
    ) -> Result<(), Fault> {
        let Self { batches, before, length, after, indices: count } = self;
        let mut read = 0;
        for batch in 0..batches {
            let indices = &indices[batch * count..(batch + 1) * count];
            for row in batch * before..(batch + 1) * before {
                for &index in indices {
                    let start = (row * length + as_index(index, length)?) * after;
                    visit(start..start + after, read..read + after);
                    read += after;
                }
            }
        }
        Ok(())
    }
}

/// The index below `length` that `x` is.
#[inline]
fn as_index<S: Scalar>(x: S, length: usize) -> Result<usize, Fault> {
    let x = x.primal();
    match x.to_usize() {
        Some(index) if index < length && x.fract().is_zero() => Ok(index),
        _ => Err(Fault::Index { index: x.as_f64(), length }),
    }
}

/// `y[…, i, …] = x[…, indices[i], …]`.
pub(crate) fn gather<S: Scalar>(
    x: &[S],
    indices: &[S],
    layout: Indexed,
    y: &mut [S],
) -> Result<(), Fault> {
    layout.each(indices, |row, read| y[read].copy_from_slice(&x[row]))
}

/// `y = 0`, then `y[…, indices[i], …] += x[…, i, …]`.
pub(crate) fn scatter_add<S: Scalar>(
    x: &[S],
    indices: &[S],
    layout: Indexed,
    y: &mut [S],
) -> Result<(), Fault> {
    y.fill(S::zero());
    layout.each(indices, |row, read| {
        for (y, &x) in y[row].iter_mut().zip(&x[read]) {
            *y += x;
        }
    })
}

/// `y = a` where `condition` is not 0, else `b`, all broadcast to `y_shape`.
pub(crate) fn select<S: Scalar>(operands: [View<S>; 3], y: &mut [S], y_shape: &[usize]) {
    if y.is_empty() {
        return;
    }
    let mut walk = Walk::broadcast(y_shape, operands.map(|x| x.shape));
    let run = walk.take_inner();
    let mut runs = y.chunks_exact_mut(run.len);
    walk.for_each(|at| {
        let y = runs.next().expect("one run of y for each position");
        let [condition, a, b] = from_fn(|i| match run.strides[i] {
            0 => Side::All(operands[i].data[at[i]]),
            _ => Side::Each(&operands[i].data[at[i]..at[i] + run.len]),
        });
        S::run(Select { condition, a, b, y });
    });
}

struct Select<'a, S> {
    condition: Side<'a, S>,
    a: Side<'a, S>,
    b: Side<'a, S>,
    y: &'a mut [S],
}

impl<S: Scalar> Loop for Select<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run<M: MulAdd>(self) {
        let Self { condition, a, b, y } = self;
        match condition {
            Side::All(c) => pick(y, |_| c, a, b),
            Side::Each(c) => {
                let c = &c[..y.len()];
                pick(y, |i| c[i], a, b);
            }
        }
    }
}

#[inline(always)]
fn pick<S: Scalar>(y: &mut [S], c: impl Fn(usize) -> S, a: Side<S>, b: Side<S>) {
    match (a, b) {
        (Side::Each(a), Side::Each(b)) => {
            let (a, b) = (&a[..y.len()], &b[..y.len()]);
            pick_each(y, c, |i| a[i], |i| b[i]);
        }
        (Side::Each(a), Side::All(b)) => {
            let a = &a[..y.len()];
            pick_each(y, c, |i| a[i], |_| b);
        }
        (Side::All(a), Side::Each(b)) => {
            let b = &b[..y.len()];
            pick_each(y, c, |_| a, |i| b[i]);
        }
        (Side::All(a), Side::All(b)) => pick_each(y, c, |_| a, |_| b),
    }
}

/// Both alternatives are read, so that the choice is one between registers.
#[inline(always)]
fn pick_each<S: Scalar>(
    y: &mut [S],
    c: impl Fn(usize) -> S,
    a: impl Fn(usize) -> S,
    b: impl Fn(usize) -> S,
) {
    for (i, y) in y.iter_mut().enumerate() {
        let (a, b) = (a(i), b(i));
        *y = if c(i).primal() == S::Real::zero() { b } else { a };
    }
}

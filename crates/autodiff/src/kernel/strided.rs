//! Reading from, and adding to, regularly spaced positions.

use super::layout::{Axis, Walk};
use crate::strided::Lattice;

/// `y = x` at the positions of the lattice.
pub(crate) fn read_lattice<S: Copy>(x: &[S], lattice: &Lattice, y: &mut [S]) {
    debug_assert_eq!(y.len(), lattice.len());
    if y.is_empty() {
        return;
    }
    let mut walk = walk(lattice);
    let (run, rows) = (walk.take_inner(), walk.take_inner());
    let mut blocks = y.chunks_exact_mut(rows.len * run.len);
    walk.for_each(|[at]| {
        let block = blocks.next().expect("one block of y for each position");
        for (start, y) in starts(at, rows).zip(block.chunks_exact_mut(run.len)) {
            match run.strides {
                [1] => copy(&x[start..start + run.len], y),
                [0] => y.fill(x[start]),
                [stride] => {
                    for (y, at) in y.iter_mut().zip(positions(start, stride)) {
                        *y = x[at];
                    }
                }
            }
        }
    });
}

/// Calls `write` with each element of `y` at a position of the lattice and the element of `x` that belongs there.
pub(crate) fn write_lattice<S: Copy>(
    x: &[S],
    lattice: &Lattice,
    y: &mut [S],
    mut write: impl FnMut(&mut S, S),
) {
    debug_assert_eq!(x.len(), lattice.len());
    if x.is_empty() {
        return;
    }
    let mut walk = walk(lattice);
    let (run, rows) = (walk.take_inner(), walk.take_inner());
    let mut blocks = x.chunks_exact(rows.len * run.len);
    walk.for_each(|[at]| {
        let block = blocks.next().expect("one block of x for each position");
        for (start, x) in starts(at, rows).zip(block.chunks_exact(run.len)) {
            match run.strides {
                [1] => {
                    for (y, &x) in y[start..start + x.len()].iter_mut().zip(x) {
                        write(y, x);
                    }
                }
                [stride] => {
                    for (&x, at) in x.iter().zip(positions(start, stride)) {
                        write(&mut y[at], x);
                    }
                }
            }
        }
    });
}

/// A walk along the lattice; negative strides wrap.
fn walk(lattice: &Lattice) -> Walk<1> {
    let axes = lattice.shape.iter().zip(&lattice.strides).rev();
    Walk::new(axes.map(|(&len, &stride)| Axis { len, strides: [stride as usize] }))
        .from([lattice.offset])
}

fn starts(at: usize, rows: Axis<1>) -> impl Iterator<Item = usize> {
    positions(at, rows.strides[0]).take(rows.len)
}

fn positions(start: usize, stride: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(start), move |at| Some(at.wrapping_add(stride)))
}

/// A copy that for the short runs of image windows is a few vector moves in place of a call.
#[inline(always)]
fn copy<S: Copy>(x: &[S], y: &mut [S]) {
    const SHORT: usize = 32;
    if y.len() > SHORT {
        return y.copy_from_slice(x);
    }
    let (x, x_rest) = x.as_chunks::<4>();
    let (y, y_rest) = y.as_chunks_mut::<4>();
    for (y, x) in y.iter_mut().zip(x) {
        *y = *x;
    }
    for (y, x) in y_rest.iter_mut().zip(x_rest) {
        *y = *x;
    }
}

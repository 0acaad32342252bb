//! What a number type supplies so that arrays of it compute fast.

use num_traits::Zero;

use super::elementary::Elementary;
use super::functions::{Binary, Unary};
use super::simd::{Loop, MulAdd, Separate};

/// One side of an elementwise operation of two arguments, over one contiguous run of results.
#[derive(Clone, Copy, Debug)]
pub enum Side<'a, S> {
    /// One element for each result.
    Each(&'a [S]),
    /// The same element for all results.
    All(S),
}

/// A matrix to read: element `(i, j)` is `data[i·row_stride + j·col_stride]`.
#[derive(Clone, Copy, Debug)]
pub struct Strided<'a, S> {
    /// The elements.
    pub data: &'a [S],
    /// Distance between neighbours in a column.
    pub row_stride: usize,
    /// Distance between neighbours in a row.
    pub col_stride: usize,
}

/// What a number type supplies so that arrays of it compute fast. The defaults are the plain loops.
#[doc(hidden)]
pub trait Kernels: Elementary + Zero {
    /// Whether equal numbers of this type may differ in tangents.
    const HAS_TANGENTS: bool = true;

    /// Runs a loop over elements of this type.
    fn run<L: Loop>(task: L) -> L::Output {
        task.run::<Separate>()
    }

    /// `y[i] = f(x[i])`, within a loop.
    #[inline(always)]
    fn map_slice<M: MulAdd>(f: Unary, x: &[Self], y: &mut [Self]) {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = x.map(f);
        }
    }

    /// `y[i] = x[i]ⁿ`, within a loop.
    #[inline(always)]
    fn power_int_slice(n: i32, x: &[Self], y: &mut [Self]) {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = x.power_int(n);
        }
    }

    /// `y[i] = f(a[i], b[i])`, within a loop.
    #[inline(always)]
    fn zip_slice(f: Binary, a: Side<Self>, b: Side<Self>, y: &mut [Self]) {
        for (i, y) in y.iter_mut().enumerate() {
            *y = a.at(i).zip(f, b.at(i));
        }
    }

    /// `y = a·b`, with `a` m×k, `b` k×n, and `y` m×n row-major.
    fn matmul_into([m, k, n]: [usize; 3], a: Strided<Self>, b: Strided<Self>, y: &mut [Self]) {
        y.fill(Self::zero());
        for i in 0..m {
            let y = &mut y[i * n..(i + 1) * n];
            for p in 0..k {
                let a_ip = a.at(i, p);
                for (j, y) in y.iter_mut().enumerate() {
                    *y = *y + a_ip * b.at(p, j);
                }
            }
        }
    }
}

impl<S: Copy> Side<'_, S> {
    #[inline(always)]
    pub(crate) fn at(&self, i: usize) -> S {
        match self {
            Side::Each(x) => x[i],
            Side::All(x) => *x,
        }
    }
}

impl<S: Copy> Strided<'_, S> {
    #[inline(always)]
    pub(crate) fn at(&self, i: usize, j: usize) -> S {
        self.data[i * self.row_stride + j * self.col_stride]
    }
}

impl<S> Strided<'_, S> {
    /// Whether all elements of a matrix of this size are there.
    pub(crate) fn covers(&self, rows: usize, cols: usize) -> bool {
        let reach =
            |len: usize, stride: usize| len.checked_sub(1).map(|n| n.saturating_mul(stride));
        match (reach(rows, self.row_stride), reach(cols, self.col_stride)) {
            (Some(down), Some(right)) => down.saturating_add(right) < self.data.len(),
            _ => true,
        }
    }
}

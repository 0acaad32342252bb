//! Array kernels: every loop over the elements of an array, generic over the number.
//!
//! All functions read dense row-major arrays and overwrite a buffer `y` of the caller. Nothing is allocated (up to rank 6),
//! except by the matrix product of `f32` and `f64`, which packs its factors, and by factorizations. Shapes were checked when
//! the operation was recorded, so here they are only debug-asserted.
//!
//! # Rounding and order
//!
//! * `+ − × ÷` round exactly as scalar code does: a product and a sum are never contracted.
//! * Sums and dot products have a fixed order, which depends on the shape alone, not on the processor or the number type
//!   (`sum.rs` states it).
//! * The elementary functions of `f32` and `f64` arrays (`vmath`) and the matrix product use fused multiply-add where the
//!   processor has it. So their last bits may differ between processors, and from those of scalar code; on one machine,
//!   equal input gives equal output.

mod dispatch;
mod elementwise;
mod gemm;
mod index;
mod layout;
#[cfg(feature = "linear-algebra")]
mod linear_algebra;
mod log_sum_exp;
mod max;
mod permute;
mod product;
mod real;
mod scan;
mod strided;
mod sum;
#[cfg(test)]
mod tests;
mod vmath;

pub(crate) use elementwise::{broadcast, map, power_int, power_real, zip};
pub(crate) use index::{Indexed, gather, scatter_add, select};
#[cfg(feature = "linear-algebra")]
pub(crate) use linear_algebra::{
    Field, Triangular, cholesky, eigenvectors, log_determinant, lu, solve_lu, solve_triangular,
};
pub(crate) use log_sum_exp::log_sum_exp;
pub(crate) use max::{max, max_share};
pub(crate) use permute::permute;
pub(crate) use product::matmul;
pub(crate) use scan::{argmax, cumulative_sum};
pub(crate) use strided::{read_lattice, write_lattice};
pub(crate) use sum::{sum, sum_to};

pub use dispatch::vectorized;
use dispatch::{Loop, MulAdd, Separate};
use num_traits::Zero;

use crate::error::Fault;
use crate::rules::tensor::TensorOp;
use crate::rules::{Binary, Unary};
use crate::scalar::Elementary;

/// A dense row-major array to read: its elements and its shape.
#[derive(Clone, Copy, Debug)]
pub struct View<'a, S> {
    /// The elements in row-major order.
    pub data: &'a [S],
    /// Lengths of the axes, outermost first.
    pub shape: &'a [usize],
}

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

/// An operation with a derivative rule of its own.
#[derive(Clone, Copy, Debug)]
pub struct OwnRule<'a, S>(pub(crate) &'a TensorOp<S>);

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

    /// The forward rule of an operation with a derivative rule of its own.
    fn own(op: OwnRule<'_, Self>, x: &[View<'_, Self>], y: &mut [Self]) -> Result<(), Fault>;

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
    fn at(&self, i: usize) -> S {
        match self {
            Side::Each(x) => x[i],
            Side::All(x) => *x,
        }
    }
}

impl<S: Copy> Strided<'_, S> {
    #[inline(always)]
    fn at(&self, i: usize, j: usize) -> S {
        self.data[i * self.row_stride + j * self.col_stride]
    }
}

impl<S> Strided<'_, S> {
    /// Whether all elements of a matrix of this size are there.
    fn covers(&self, rows: usize, cols: usize) -> bool {
        let reach =
            |len: usize, stride: usize| len.checked_sub(1).map(|n| n.saturating_mul(stride));
        match (reach(rows, self.row_stride), reach(cols, self.col_stride)) {
            (Some(down), Some(right)) => down.saturating_add(right) < self.data.len(),
            _ => true,
        }
    }
}

//! Permutation of axes.

use smallvec::SmallVec;

use super::layout::{Axis, Walk};
use crate::array::View;
use crate::number::Scalar;

/// Side of the squares in which a transposition copies, so that whole cache lines are used on both sides.
const TILE: usize = 16;

/// Axis `i` of `y` is axis `axes[i]` of `x`.
pub(crate) fn permute<S: Scalar>(x: View<S>, axes: &[usize], y: &mut [S]) {
    debug_assert_eq!(x.data.len(), y.len());
    debug_assert_eq!(x.shape.len(), axes.len());
    if y.is_empty() {
        return;
    }
    let mut x_strides: SmallVec<[usize; 6]> = x.shape.into();
    let mut stride = 1;
    for len in x_strides.iter_mut().rev() {
        stride *= std::mem::replace(len, stride);
    }
    let mut y_stride = 1;
    let mut walk = Walk::new(axes.iter().rev().map(|&axis| {
        let len = x.shape[axis];
        let strides = [x_strides[axis], y_stride];
        y_stride *= len;
        Axis { len, strides }
    }));
    let inner = walk.take_inner();
    if inner.strides[0] == 1 {
        walk.for_each(|[at_x, at_y]| {
            y[at_y..at_y + inner.len].copy_from_slice(&x.data[at_x..at_x + inner.len]);
        });
    } else {
        // A plane in which x is contiguous along one axis and y along the other.
        let outer = walk.take_contiguous();
        walk.for_each(|[at_x, at_y]| {
            transpose(
                [outer.len, inner.len],
                &x.data[at_x..],
                inner.strides[0],
                &mut y[at_y..],
                outer.strides[1],
            );
        });
    }
}

/// `y[i·y_stride + j] = x[j·x_stride + i]` for `i < m`, `j < n`.
fn transpose<S: Copy>([m, n]: [usize; 2], x: &[S], x_stride: usize, y: &mut [S], y_stride: usize) {
    for i0 in (0..m).step_by(TILE) {
        for j0 in (0..n).step_by(TILE) {
            let j1 = n.min(j0 + TILE);
            for i in i0..m.min(i0 + TILE) {
                let y = &mut y[i * y_stride + j0..i * y_stride + j1];
                for (y, x) in y.iter_mut().zip(x[j0 * x_stride + i..].iter().step_by(x_stride)) {
                    *y = *x;
                }
            }
        }
    }
}

//! Walking several arrays in step: axes with strides, merged where that is possible.

use smallvec::SmallVec;

/// One axis of a walk over `N` arrays: its length, and each array's step along it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Axis<const N: usize> {
    pub len: usize,
    pub strides: [usize; N],
}

/// The axes of a walk, innermost first, and where it starts.
///
/// Offsets wrap, so that a step backwards is one by a negative stride read as unsigned.
#[derive(Clone, Debug)]
pub(super) struct Walk<const N: usize> {
    axes: SmallVec<[Axis<N>; 6]>,
    start: [usize; N],
}

impl<const N: usize> Walk<N> {
    /// A walk along `axes`, given innermost first. Axes of length 1 are left out, and an axis that continues the one
    /// inside it in every array is merged with it, so that a walk over equal shapes has one axis.
    pub fn new(axes: impl IntoIterator<Item = Axis<N>>) -> Self {
        let mut merged = SmallVec::<[Axis<N>; 6]>::new();
        for axis in axes {
            match merged.last_mut() {
                _ if axis.len == 1 => {}
                Some(inner)
                    if axis.strides
                        == inner.strides.map(|stride| stride.wrapping_mul(inner.len)) =>
                {
                    inner.len *= axis.len;
                }
                _ => merged.push(axis),
            }
        }
        Self { axes: merged, start: [0; N] }
    }

    /// The same walk, started at these offsets.
    pub fn from(mut self, start: [usize; N]) -> Self {
        self.start = start;
        self
    }

    /// The walk over `shape` of arrays that are broadcast to it: aligned at the last axis, and repeated (stride 0) along
    /// axes that they lack or that have length 1.
    pub fn broadcast(shape: &[usize], arrays: [&[usize]; N]) -> Self {
        let mut dense = [1; N];
        Self::new(shape.iter().rev().enumerate().map(|(i, &len)| {
            let mut strides = [0; N];
            for (k, array) in arrays.iter().enumerate() {
                let own = array.iter().rev().nth(i).copied().unwrap_or(1);
                debug_assert!(
                    own == len || own == 1,
                    "{array:?} is not broadcastable to {shape:?}"
                );
                if own != 1 {
                    strides[k] = dense[k];
                }
                dense[k] *= own;
            }
            Axis { len, strides }
        }))
    }

    /// Takes out the innermost axis, or an axis of length 1 if none is left.
    pub fn take_inner(&mut self) -> Axis<N> {
        self.take(0)
    }

    /// Takes out the innermost axis along which array 0 is contiguous, or an axis of length 1 if there is none.
    pub fn take_contiguous(&mut self) -> Axis<N> {
        let contiguous = self.axes.iter().position(|axis| axis.strides[0] == 1);
        self.take(contiguous.unwrap_or(self.axes.len()))
    }

    /// An axis that is not there has length 1, so its strides do not matter; 1 is that of a contiguous run.
    fn take(&mut self, position: usize) -> Axis<N> {
        if position < self.axes.len() {
            self.axes.remove(position)
        } else {
            Axis { len: 1, strides: [1; N] }
        }
    }

    /// Calls `visit` with the offset into each array, for every position, in row-major order.
    pub fn for_each(&self, mut visit: impl FnMut([usize; N])) {
        walk(&self.axes, self.start, &mut visit);
    }
}

fn walk<const N: usize>(axes: &[Axis<N>], base: [usize; N], visit: &mut impl FnMut([usize; N])) {
    let Some((outer, inner)) = axes.split_last() else {
        return visit(base);
    };
    for i in 0..outer.len {
        let step = |k: usize| base[k].wrapping_add(i.wrapping_mul(outer.strides[k]));
        walk(inner, std::array::from_fn(step), visit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes<const N: usize>(shape: &[usize], arrays: [&[usize]; N]) -> Vec<(usize, [usize; N])> {
        Walk::broadcast(shape, arrays).axes.iter().map(|axis| (axis.len, axis.strides)).collect()
    }

    #[test]
    fn common_broadcasts_are_one_or_two_axes() {
        assert_eq!(axes(&[4, 3, 5], [&[4, 3, 5], &[4, 3, 5]]), [(60, [1, 1])]);
        assert_eq!(axes(&[4, 3, 5], [&[4, 3, 5], &[]]), [(60, [1, 0])]);
        assert_eq!(axes(&[4, 3, 5], [&[4, 3, 5], &[5]]), [(5, [1, 1]), (12, [5, 0])]);
        assert_eq!(axes(&[4, 3, 5], [&[4, 3, 1], &[4, 3, 5]]), [(5, [0, 1]), (12, [1, 5])]);
        assert_eq!(axes(&[4, 1, 5], [&[1, 1, 5], &[4, 1, 1]]), [(5, [1, 0]), (4, [0, 1])]);
        assert_eq!(axes(&[1, 1], [&[]]), []);
    }

    #[test]
    fn offsets_come_in_row_major_order() {
        let mut offsets = vec![];
        Walk::broadcast(&[2, 2, 2], [&[2, 1, 2], &[2, 1]]).for_each(|at| offsets.push(at));
        let expected = [[0, 0], [1, 0], [0, 1], [1, 1], [2, 0], [3, 0], [2, 1], [3, 1]];
        assert_eq!(offsets, expected);
    }
}

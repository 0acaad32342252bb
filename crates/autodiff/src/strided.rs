//! Regularly spaced positions in flat data.

use smallvec::SmallVec;

use crate::array::{Shape, size};

/// Positions in flat data, arranged as an array: element `(i₀, i₁, …)` is at `offset + Σ iₖ·strides[k]`.
///
/// Steps, reversed axes, diagonals, repetitions and overlapping windows are all lattices.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lattice {
    pub offset: usize,
    pub strides: SmallVec<[isize; 4]>,
    pub shape: Shape,
}

impl Lattice {
    /// All elements of a dense row-major array.
    pub(crate) fn of(shape: &[usize]) -> Self {
        let mut strides: SmallVec<[isize; 4]> = SmallVec::from_elem(1, shape.len());
        for axis in (1..shape.len()).rev() {
            // Only strides of a lattice that no memory holds overflow.
            strides[axis - 1] = strides[axis].wrapping_mul(shape[axis] as isize);
        }
        Self { offset: 0, strides, shape: shape.into() }
    }

    /// Elements `start, start + step, …` along an axis, `length` of them.
    pub(crate) fn along(mut self, axis: usize, start: usize, step: isize, length: usize) -> Self {
        if length > 0 {
            self.offset = self.offset.wrapping_add_signed(self.strides[axis] * start as isize);
        }
        // Of one element the stride does not matter, and two are not a step apart that overflows.
        self.strides[axis] = self.strides[axis].wrapping_mul(step);
        self.shape[axis] = length;
        self
    }

    /// The part at one index of an axis, which disappears.
    pub(crate) fn at(mut self, axis: usize, index: usize) -> Self {
        self.offset = self.offset.wrapping_add_signed(self.strides[axis] * index as isize);
        self.without(axis)
    }

    /// The part at index 0 of an axis, which disappears.
    pub(crate) fn without(mut self, axis: usize) -> Self {
        self.strides.remove(axis);
        self.shape.remove(axis);
        self
    }

    /// With a new axis before axis `axis`, in steps of `stride` of the data.
    pub(crate) fn with_axis(mut self, axis: usize, length: usize, stride: isize) -> Self {
        self.strides.insert(axis, stride);
        self.shape.insert(axis, length);
        self
    }

    /// Number of positions.
    pub(crate) fn len(&self) -> usize {
        size(&self.shape)
    }

    /// Whether the positions follow each other without gaps.
    pub(crate) fn is_contiguous(&self) -> bool {
        let dense = Self::of(&self.shape).strides;
        let axes = self.shape.iter().zip(self.strides.iter().zip(&dense));
        self.len() == 0 || axes.into_iter().all(|(&n, (stride, dense))| n == 1 || stride == dense)
    }

    /// Whether every position is below `total`.
    pub(crate) fn lies_within(&self, total: usize) -> bool {
        if self.shape.contains(&0) {
            return true;
        }
        let (mut first, mut last) = (self.offset as i128, self.offset as i128);
        for (&length, &stride) in self.shape.iter().zip(&self.strides) {
            let reach = (length as i128 - 1).saturating_mul(stride as i128);
            let end = if reach < 0 { &mut first } else { &mut last };
            *end = end.saturating_add(reach);
        }
        first >= 0 && last < total as i128
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_those_of_the_extreme_positions() {
        let whole = Lattice::of(&[3, 4]);
        assert!(whole.is_contiguous() && whole.lies_within(12) && !whole.lies_within(11));
        let flipped = whole.clone().along(1, 3, -2, 2);
        assert_eq!((flipped.offset, &flipped.strides[..]), (3, &[4, -2][..]));
        assert!(flipped.lies_within(12) && !flipped.is_contiguous());
        assert!(!flipped.along(1, 1, 1, 2).lies_within(12));
        assert!(whole.clone().along(0, 1, 1, 2).is_contiguous());
        assert!(whole.along(0, 3, 1, 0).lies_within(0));
    }
}

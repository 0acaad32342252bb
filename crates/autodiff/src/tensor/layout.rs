//! Parts of arrays: slices, reversals, diagonals, triangles.

use std::ops::Range;
use std::sync::Arc;

use crate::array::{Array, Shape, size};
use crate::number::{Elementary, Scalar};
use crate::op::{Strided, StridedAdd};
use crate::strided::Lattice;
use crate::tape::Tensor;

impl<'t, S: Scalar> Tensor<'t, S> {
    /// The elements at the positions of `lattice`; nothing is copied if they are contiguous.
    #[track_caller]
    pub(crate) fn strided(self, lattice: Lattice) -> Self {
        if lattice.is_contiguous() && lattice.lies_within(self.len()) {
            let offset = if lattice.len() == 0 { 0 } else { lattice.offset };
            return self.view(offset, &lattice.shape);
        }
        self.record(Strided(lattice), &[self])
    }

    /// Whether there is an axis `axis`; if not, the tape keeps the error.
    #[track_caller]
    pub(crate) fn has_axis(self, operation: &'static str, axis: usize) -> bool {
        let exists = axis < self.rank();
        if !exists {
            let needs = match self.rank() {
                0 => "an array with axes".into(),
                rank => format!("an axis {axis}, of {rank}"),
            };
            self.tape.refuse(operation, &[self.shape], &needs);
        }
        exists
    }

    /// The same elements in another shape, of which one length may be left open: −1, as in NumPy.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape};
    ///
    /// let tape = Tape::new();
    /// let x = tape.constant(&Array::new(&[2, 1, 3], vec![0.0; 6])?);
    /// assert_eq!(x.reshape_infer(&[3, -1]).shape(), [3, 2]);
    /// assert_eq!(x.squeeze(1).shape(), [2, 3]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn reshape_infer(self, shape: &[isize]) -> Self {
        let given = shape.iter().filter_map(|&length| usize::try_from(length).ok());
        let known = size(&given.collect::<Shape>());
        let open = shape.iter().filter(|&&length| length < 0).count();
        let fits = match open {
            0 => known == self.len(),
            1 => {
                known > 0
                    && self.len().is_multiple_of(known)
                    && shape.iter().all(|&length| length >= -1)
            }
            _ => false,
        };
        if !fits {
            let needs = format!("as many elements as {shape:?} says, at most one length being −1");
            self.tape.refuse("reshape_infer", &[self.shape], &needs);
            return self;
        }
        let rest = if open == 1 { self.len() / known } else { 0 };
        let lengths = shape.iter().map(|&length| usize::try_from(length).unwrap_or(rest));
        self.reshape(&lengths.collect::<Shape>())
    }

    /// Without an axis of length 1; [`keep_axis`](Self::keep_axis) puts one in.
    #[track_caller]
    pub fn squeeze(self, axis: usize) -> Self {
        if self.shape.get(axis) != Some(&1) {
            let needs = format!("an axis {axis} of length 1");
            self.tape.refuse("squeeze", &[self.shape], &needs);
            return self;
        }
        self.select(axis, 0)
    }

    /// The elements in `range` along an axis. Along the first axis nothing is copied.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape};
    ///
    /// let tape = Tape::new();
    /// let x = tape.constant(&Array::new(&[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?);
    /// assert_eq!(x.slice(1, 1..3).data(), [2.0, 3.0, 5.0, 6.0]);
    /// assert_eq!(x.slice_step(1, 0..3, 2).data(), [1.0, 3.0, 4.0, 6.0]);
    /// assert_eq!(x.slice_step(1, 0..3, -2).data(), [3.0, 1.0, 6.0, 4.0]);
    /// assert_eq!(x.select(1, 2).data(), [3.0, 6.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn slice(self, axis: usize, range: Range<usize>) -> Self {
        self.slice_step(axis, range, 1)
    }

    /// Every `step`-th element of `range` along an axis: from its start on, or for a negative step from its end back, as
    /// `x[range][::step]` of NumPy.
    #[track_caller]
    pub fn slice_step(self, axis: usize, range: Range<usize>, step: isize) -> Self {
        if !self.has_axis("slice", axis) {
            return self;
        }
        let Range { start, end } = range;
        if start > end || end > self.shape[axis] || step == 0 {
            let needs = format!(
                "a range within the {} elements of axis {axis} and a step other than 0, not \
                 {start}..{end} by {step}",
                self.shape[axis]
            );
            self.tape.refuse("slice", &[self.shape], &needs);
            return self;
        }
        if (start, end, step) == (0, self.shape[axis], 1) {
            return self;
        }
        let length = (end - start).div_ceil(step.unsigned_abs());
        let first = if step > 0 { start } else { end.saturating_sub(1) };
        self.strided(Lattice::of(self.shape).along(axis, first, step, length))
    }

    /// The part at one index of an axis, which disappears.
    #[track_caller]
    pub fn select(self, axis: usize, index: usize) -> Self {
        if !self.has_axis("select", axis) {
            return self;
        }
        if index >= self.shape[axis] {
            let needs = format!("an index below {} for axis {axis}, not {index}", self.shape[axis]);
            self.tape.refuse("select", &[self.shape], &needs);
            return self;
        }
        self.strided(Lattice::of(self.shape).at(axis, index))
    }

    /// The elements in reverse order along an axis.
    #[track_caller]
    pub fn flip(self, axis: usize) -> Self {
        match self.shape.get(axis) {
            Some(&length) => self.slice_step(axis, 0..length, -1),
            None => self.slice_step(axis, 0..0, -1),
        }
    }

    /// The elements at equal distance from the main diagonal of two axes, which are replaced by a last axis: elements
    /// `(i, i + offset)`, or `(i − offset, i)` for a negative offset.
    #[track_caller]
    pub fn diagonal(self, offset: isize, first: usize, second: usize) -> Self {
        if first == second || !self.has_axis("diagonal", first) {
            self.tape.refuse("diagonal", &[self.shape], "two different axes");
            return self;
        }
        if !self.has_axis("diagonal", second) {
            return self;
        }
        let whole = Lattice::of(self.shape);
        let down = offset.min(0).unsigned_abs();
        let right = offset.max(0).unsigned_abs();
        let length = usize::min(
            self.shape[first].saturating_sub(down),
            self.shape[second].saturating_sub(right),
        );
        let start = whole.along(first, down, 1, length).along(second, right, 1, length);
        let stride = start.strides[first] + start.strides[second];
        let outer = start.without(first.max(second)).without(first.min(second));
        let last = outer.shape.len();
        self.strided(outer.with_axis(last, length, stride))
    }

    /// The diagonal of a matrix, or for a vector the square matrix with that diagonal; `offset` as in
    /// [`diagonal`](Self::diagonal).
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape};
    ///
    /// let tape = Tape::new();
    /// let x = tape.constant(&Array::vector(vec![1.0, 2.0]));
    /// assert_eq!(x.diag(0).data(), [1.0, 0.0, 0.0, 2.0]);
    /// assert_eq!(x.diag(-1).data(), [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 2.0, 0.0]);
    /// assert_eq!(x.diag(-1).diag(-1).data(), [1.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn diag(self, offset: isize) -> Self {
        match *self.shape {
            [_, _] => self.diagonal(offset, 0, 1),
            [length] => {
                let side = length.saturating_add(offset.unsigned_abs());
                if !self.tape.has_room("diag", &[side, side]) {
                    return self;
                }
                let start = match offset >= 0 {
                    true => offset.unsigned_abs(),
                    false => offset.unsigned_abs() * side,
                };
                let diagonal = Lattice {
                    offset: if length > 0 { start } else { 0 },
                    ..Lattice::of(&[]).with_axis(0, length, side as isize + 1)
                };
                self.record(StridedAdd::new(vec![diagonal], &[side, side]), &[self])
            }
            _ => {
                self.tape.refuse("diag", &[self.shape], "a matrix or a vector");
                self
            }
        }
    }

    /// The matrices of the last two axes with zeros below diagonal `offset`.
    #[track_caller]
    #[doc(alias = "triangular")]
    pub fn triu(self, offset: isize) -> Self {
        self.triangle("triu", |row, column| column - row >= offset)
    }

    /// The matrices of the last two axes with zeros above diagonal `offset`.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape};
    ///
    /// let tape = Tape::new();
    /// let x = tape.constant(&Array::new(&[2, 2], vec![1.0, 2.0, 3.0, 4.0])?);
    /// assert_eq!(x.tril(0).data(), [1.0, 0.0, 3.0, 4.0]);
    /// assert_eq!(x.triu(1).data(), [0.0, 2.0, 0.0, 0.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    #[doc(alias = "triangular")]
    pub fn tril(self, offset: isize) -> Self {
        self.triangle("tril", |row, column| column - row <= offset)
    }

    #[track_caller]
    fn triangle(self, operation: &'static str, keep: impl Fn(isize, isize) -> bool) -> Self {
        let &[.., rows, columns] = self.shape else {
            self.tape.refuse(operation, &[self.shape], "matrices as the last two axes");
            return self;
        };
        if self.is_empty() {
            return self;
        }
        let positions = (0..rows as isize).flat_map(|i| (0..columns as isize).map(move |j| (i, j)));
        let mask = positions.map(|(i, j)| S::constant(f64::from(keep(i, j)))).collect();
        let mask = Array::from_shared(&[rows, columns], Arc::new(mask));
        self.constant(&mask).where_cond(self, self.lift(0.0))
    }
}

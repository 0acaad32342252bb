//! Joining, splitting, padding and repeating arrays.

use std::panic::Location;

use smallvec::SmallVec;

use crate::array::{Shape, has_room, size};
use crate::number::Scalar;
use crate::op::{Assemble, StridedAdd, TensorOp};
use crate::strided::Lattice;
use crate::tape::Tensor;

impl<'t, S: Scalar> Tensor<'t, S> {
    /// Arrays joined along an axis, at least one; all other axes must have equal lengths.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape, Tensor};
    ///
    /// let tape = Tape::new();
    /// let x = tape.constant(&Array::new(&[2, 2], vec![1.0, 2.0, 3.0, 4.0])?);
    /// let y = tape.constant(&Array::new(&[2, 1], vec![5.0, 6.0])?);
    /// let joined = Tensor::concat(&[x, y], 1);
    /// assert_eq!(joined.data(), [1.0, 2.0, 5.0, 3.0, 4.0, 6.0]);
    /// assert_eq!(joined.split(1, &[2, 1])[1].data(), y.data());
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn concat(arrays: &[Self], axis: usize) -> Self {
        let Some(&first) = arrays.first() else { return Self::of_no_operands("concat") };
        if !first.has_axis("concat", axis) {
            return first;
        }
        let fits = |x: &&Self| {
            x.rank() == first.rank()
                && (0..x.rank()).all(|i| i == axis || x.shape[i] == first.shape[i])
        };
        if !arrays.iter().all(|x| fits(&x)) {
            let shapes: Vec<&[usize]> = arrays.iter().map(|x| x.shape).collect();
            let needs = format!("arrays of equal lengths along all axes but axis {axis}");
            first.tape.refuse("concat", &shapes, &needs);
            return first;
        }
        let mut shape: Shape = first.shape.into();
        let lengths = arrays.iter().map(|x| x.shape[axis]);
        shape[axis] = lengths.fold(0, usize::saturating_add);
        if !first.tape.has_room("concat", &shape) {
            return first;
        }
        let mut start = 0;
        let mut place = |x: &Self| {
            let place = Lattice::of(&shape).along(axis, start, 1, x.shape[axis]);
            start += x.shape[axis];
            place
        };
        let places: Vec<Lattice> = arrays.iter().map(&mut place).collect();
        first.tape.record(laid(places, &shape), arrays, Location::caller())
    }

    /// Arrays of one shape, at least one, put side by side along a new axis before axis `axis`.
    #[track_caller]
    pub fn stack(arrays: &[Self], axis: usize) -> Self {
        let Some(&first) = arrays.first() else { return Self::of_no_operands("stack") };
        if axis > first.rank() || arrays.iter().any(|x| x.shape != first.shape) {
            let shapes: Vec<&[usize]> = arrays.iter().map(|x| x.shape).collect();
            let needs = format!("arrays of one shape with at least {axis} axes");
            first.tape.refuse("stack", &shapes, &needs);
            return first;
        }
        let rows: Vec<Self> = arrays.iter().map(|x| x.keep_axis(axis)).collect();
        Self::concat(&rows, axis)
    }

    /// The parts of these lengths, one after the other along an axis.
    #[track_caller]
    pub fn split(self, axis: usize, lengths: &[usize]) -> Vec<Self> {
        if !self.has_axis("split", axis) {
            return vec![self; lengths.len()];
        }
        if lengths.iter().copied().fold(0, usize::saturating_add) != self.shape[axis] {
            let needs = format!("lengths of sum {}, not {lengths:?}", self.shape[axis]);
            self.tape.refuse("split", &[self.shape], &needs);
            return vec![self; lengths.len()];
        }
        let mut start = 0;
        let mut parts = Vec::with_capacity(lengths.len());
        for &length in lengths {
            parts.push(self.slice(axis, start..start + length));
            start += length;
        }
        parts
    }

    /// `count` parts along an axis, all of the same length but the last ones, which may be shorter, or empty; none if memory
    /// has no room for so many.
    #[track_caller]
    pub fn chunk(self, axis: usize, count: usize) -> Vec<Self> {
        if !has_room::<Self>(&[count]) {
            self.tape.has_room("chunk", &[usize::MAX]);
            return Vec::new();
        }
        if !self.has_axis("chunk", axis) {
            return vec![self; count];
        }
        let total = self.shape[axis];
        let length = total.div_ceil(count.max(1));
        let ends = (0..=count).map(|i| total.min(i.saturating_mul(length)));
        let lengths: SmallVec<[usize; 8]> =
            ends.clone().zip(ends.skip(1)).map(|(start, end)| end - start).collect();
        self.split(axis, &lengths)
    }

    /// Zeros put before and after along an axis.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape};
    ///
    /// let tape = Tape::new();
    /// let x = tape.constant(&Array::vector(vec![1.0, 2.0, 3.0]));
    /// assert_eq!(x.pad(0, 1, 2).data(), [0.0, 1.0, 2.0, 3.0, 0.0, 0.0]);
    /// assert_eq!(x.pad_reflect(0, 2, 1).data(), [3.0, 2.0, 1.0, 2.0, 3.0, 2.0]);
    /// assert_eq!(x.pad_replicate(0, 1, 1).data(), [1.0, 1.0, 2.0, 3.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn pad(self, axis: usize, before: usize, after: usize) -> Self {
        if !self.has_axis("pad", axis) || (before, after) == (0, 0) {
            return self;
        }
        self.pad_axes(&[(axis, before, after)])
    }

    /// Zeros put `before` and `after` along several existing axes `(axis, before, after)` at once.
    #[track_caller]
    pub(crate) fn pad_axes(self, padding: &[(usize, usize, usize)]) -> Self {
        if padding.iter().all(|&(_, before, after)| (before, after) == (0, 0)) {
            return self;
        }
        let mut shape: Shape = self.shape.into();
        for &(axis, before, after) in padding {
            shape[axis] = shape[axis].saturating_add(before).saturating_add(after);
        }
        if !self.tape.has_room("pad", &shape) {
            return self;
        }
        let place = padding.iter().fold(Lattice::of(&shape), |place, &(axis, before, _)| {
            place.along(axis, before, 1, self.shape[axis])
        });
        self.record(StridedAdd::new(vec![place], &shape), &[self])
    }

    /// The elements next to either end, mirrored at the first and the last one.
    #[track_caller]
    pub fn pad_reflect(self, axis: usize, before: usize, after: usize) -> Self {
        if !self.has_axis("pad_reflect", axis) {
            return self;
        }
        let length = self.shape[axis];
        if before.max(after) >= length {
            let needs = format!("more than {} elements along axis {axis}", before.max(after));
            self.tape.refuse("pad_reflect", &[self.shape], &needs);
            return self;
        }
        let head = self.slice_step(axis, 1..before + 1, -1);
        let tail = self.slice_step(axis, length - 1 - after..length - 1, -1);
        Self::concat(&[head, self, tail], axis)
    }

    /// The first and the last element along an axis, repeated outwards.
    #[track_caller]
    pub fn pad_replicate(self, axis: usize, before: usize, after: usize) -> Self {
        if !self.has_axis("pad_replicate", axis) {
            return self;
        }
        let length = self.shape[axis];
        if length == 0 {
            self.tape.refuse("pad_replicate", &[self.shape], "an element to repeat");
            return self;
        }
        let mut shape: Shape = self.shape.into();
        shape[axis] = before;
        let head = self.slice(axis, 0..1).broadcast(&shape);
        shape[axis] = after;
        let tail = self.slice(axis, length - 1..length).broadcast(&shape);
        Self::concat(&[head, self, tail], axis)
    }

    /// The elements moved on by `shift` along an axis; those that leave at one end come in at the other.
    #[track_caller]
    pub fn roll(self, axis: usize, shift: isize) -> Self {
        if !self.has_axis("roll", axis) || self.shape[axis] == 0 {
            return self;
        }
        let length = self.shape[axis];
        let first = length - shift.rem_euclid(length as isize) as usize;
        Self::concat(&[self.slice(axis, first..length), self.slice(axis, 0..first)], axis)
    }

    /// The whole array repeated `counts[i]` times along axis `i`, as NumPy's `tile`.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape};
    ///
    /// let tape = Tape::new();
    /// let x = tape.constant(&Array::vector(vec![1.0, 2.0]));
    /// assert_eq!(x.tile(&[2]).data(), [1.0, 2.0, 1.0, 2.0]);
    /// assert_eq!(x.repeat(0, 2).data(), [1.0, 1.0, 2.0, 2.0]);
    /// assert_eq!(x.roll(0, 1).data(), [2.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn tile(self, counts: &[usize]) -> Self {
        if counts.len() != self.rank() {
            let needs = format!("a count for each axis, not {counts:?}");
            self.tape.refuse("tile", &[self.shape], &needs);
            return self;
        }
        let (mut once, mut spread, mut tiled) = (Shape::new(), Shape::new(), Shape::new());
        for (&length, &count) in self.shape.iter().zip(counts) {
            once.extend([1, length]);
            spread.extend([count, length]);
            tiled.push(length.saturating_mul(count));
        }
        if !self.tape.has_room("tile", &tiled) {
            return self;
        }
        self.reshape(&once).broadcast(&spread).reshape(&tiled)
    }

    /// Each part along an axis repeated `count` times in place, as NumPy's `repeat`.
    #[track_caller]
    pub fn repeat(self, axis: usize, count: usize) -> Self {
        if !self.has_axis("repeat", axis) {
            return self;
        }
        let mut shape: Shape = self.shape.into();
        shape[axis] = shape[axis].saturating_mul(count);
        if !self.tape.has_room("repeat", &shape) {
            return self;
        }
        let mut spread: Shape = self.shape.into();
        spread.insert(axis + 1, count);
        self.keep_axis(axis + 1).broadcast(&spread).reshape(&shape)
    }
}

/// Pieces laid at these places: side by side in memory if they are contiguous.
fn laid<S: Scalar>(places: Vec<Lattice>, shape: &[usize]) -> TensorOp<S> {
    if size(shape) > 0 && places.iter().all(Lattice::is_contiguous) {
        let offset = |place: &Lattice| if place.len() == 0 { 0 } else { place.offset };
        let offsets = places.iter().map(offset).collect();
        return Assemble { offsets, shape: shape.into() }.into();
    }
    StridedAdd::new(places, shape).into()
}

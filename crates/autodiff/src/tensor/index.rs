//! Indexing by other arrays, choosing by conditions, comparing.

use crate::array::{Array, Axes};
use crate::number::{Binary, Elementary, Scalar};
use crate::op::{ArgMax, Gather, Indexing, Operation, ScatterAdd, Select};
use crate::tape::{IntoTensor, Tensor};

/// # Indices
///
/// Arrays of indices hold whole numbers. They may be data of a recorded function or computed (by [`argmax`](Self::argmax)),
/// and then differ from one evaluation to the next. Nothing is differentiated with respect to them.
/// An element that is not a whole number within the axis is refused, with the line that uses it, when recording and at
/// every evaluation.
impl<'t, S: Scalar> Tensor<'t, S> {
    /// The parts at fixed indices of an axis.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape};
    ///
    /// let tape = Tape::new();
    /// let x = tape.constant(&Array::new(&[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?);
    /// assert_eq!(x.index_select(1, &[2, 0, 2]).data(), [3.0, 1.0, 3.0, 6.0, 4.0, 6.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn index_select(self, axis: usize, indices: &[usize]) -> Self {
        let indices = indices.iter().map(|&index| S::constant(index as f64)).collect();
        let indices = self.constant(&Array::vector(indices));
        self.take(axis, indices)
    }

    /// The parts at the given indices of an axis; the axes of the indices take its place. NumPy's `take`.
    #[track_caller]
    pub fn take(self, axis: usize, indices: Self) -> Self {
        if !self.indexable("take", axis) {
            return self;
        }
        let indexing = Indexing { batch: 0, axis, length: self.shape[axis] };
        self.record(Gather(indexing), &[self, indices])
    }

    /// The rows of this table at the given indices: `[.., columns]` for indices `[..]`.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, record};
    ///
    /// // the words are data: other ones need no other recording
    /// let words = Array::vector(vec![2.0, 0.0]);
    /// let f = record(&[0.0; 6]).data(&[&words]).function(|theta, data| {
    ///     theta.reshape(&[3, 2]).embedding(data[0]).powi(2).sum()
    /// })?;
    /// assert_eq!(f.gradient(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?, [2.0, 4.0, 0.0, 0.0, 10.0, 12.0]);
    /// f.set_data(0, &Array::vector(vec![1.0, 1.0]))?;
    /// assert_eq!(f.gradient(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?, [0.0, 0.0, 12.0, 16.0, 0.0, 0.0]);
    /// f.set_data(0, &Array::vector(vec![1.0, 3.0]))?;
    /// assert!(f.gradient(&[0.0; 6]).is_err());
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn embedding(self, indices: Self) -> Self {
        self.take(0, indices)
    }

    /// Along an axis, the element at each of the given indices; all other axes are those of the indices. NumPy's
    /// `take_along_axis`.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape};
    ///
    /// let tape = Tape::new();
    /// let scores = tape.constant(&Array::new(&[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?);
    /// let labels = tape.constant(&Array::new(&[2, 1], vec![2.0, 0.0])?);
    /// assert_eq!(scores.gather(1, labels).data(), [3.0, 4.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn gather(self, axis: usize, indices: Self) -> Self {
        if !self.indexable("gather", axis) || !self.along("gather", axis, indices) {
            return self;
        }
        let last = self.rank() - 1;
        let indexing = Indexing { batch: last, axis: last, length: self.shape[axis] };
        let operands = [self.swap_axes(axis, last), indices.swap_axes(axis, last)];
        self.record(Gather(indexing), &operands).swap_axes(axis, last)
    }

    /// The transpose of [`gather`](Self::gather): zeros, of length `length` along an axis, to which each element is added at
    /// its index.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape};
    ///
    /// let tape = Tape::new();
    /// let amounts = tape.constant(&Array::vector(vec![1.0, 2.0, 3.0]));
    /// let bins = tape.constant(&Array::vector(vec![0.0, 2.0, 0.0]));
    /// assert_eq!(amounts.scatter_add(0, bins, 4).data(), [4.0, 0.0, 2.0, 0.0]);
    /// ```
    #[track_caller]
    pub fn scatter_add(self, axis: usize, indices: Self, length: usize) -> Self {
        if self.shape != indices.shape {
            let needs = "an index for each element";
            self.tape.refuse("scatter_add", &[self.shape, indices.shape], needs);
            return self;
        }
        if !self.has_axis("scatter_add", axis) {
            return self;
        }
        let last = self.rank() - 1;
        let indexing = Indexing { batch: last, axis: last, length };
        let operands = [self.swap_axes(axis, last), indices.swap_axes(axis, last)];
        self.record(ScatterAdd(indexing), &operands).swap_axes(axis, last)
    }

    /// The number of the largest element along an axis, which disappears: of the first at a tie, of the first NaN if there is
    /// one.
    ///
    /// The result can serve as an index; a replay computes it anew.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape};
    ///
    /// let tape = Tape::new();
    /// let x = tape.constant(&Array::new(&[2, 3], vec![1.0, 3.0, 3.0, 6.0, 5.0, 4.0])?);
    /// assert_eq!(x.argmax(1).data(), [1.0, 0.0]);
    /// assert_eq!(x.argmin(1).data(), [0.0, 2.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn argmax(self, axis: usize) -> Self {
        if !self.indexable("argmax", axis) {
            return self;
        }
        if self.shape[axis] == 0 {
            let needs = format!("at least one element along axis {axis}");
            self.tape.refuse("argmax", &[self.shape], &needs);
            return self;
        }
        self.record(ArgMax(axis), &[self])
    }

    /// The number of the smallest element along an axis, otherwise as [`argmax`](Self::argmax).
    #[track_caller]
    pub fn argmin(self, axis: usize) -> Self {
        (-self).argmax(axis)
    }

    /// `a` where this array is not 0, elsewhere `b`; all are broadcast to each other.
    ///
    /// The cotangent goes to the branch taken; that of the other is zero.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::record;
    ///
    /// let f = record(&[0.0, 4.0]).array().function(|x| {
    ///     x.gt(0.0).where_cond(x.powi(2), x * 3.0).sum()
    /// })?;
    /// assert_eq!(f.gradient(&[-1.0, 4.0])?, [3.0, 8.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    #[doc(alias = "where")]
    pub fn where_cond(self, a: impl IntoTensor<'t, S>, b: impl IntoTensor<'t, S>) -> Self {
        let [a, b] = [a.into_tensor(self), b.into_tensor(self)];
        let shapes = [self.shape, a.shape, b.shape];
        if let Err(needs) = Select.shape(&shapes) {
            self.tape.refuse("where_cond", &shapes, &needs);
            return self;
        }
        self.record(Select, &[self, a, b])
    }

    /// 1 where `self < other`, else 0; without a derivative.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape};
    ///
    /// let tape = Tape::new();
    /// let x = tape.constant(&Array::vector(vec![1.0, 2.0, 3.0]));
    /// assert_eq!([x.lt(2.0), x.le(2.0)].map(|x| x.data()[1]), [0.0, 1.0]);
    /// assert_eq!([x.gt(2.0), x.ge(2.0)].map(|x| x.data()[1]), [0.0, 1.0]);
    /// assert_eq!([x.eq(2.0), x.ne(2.0)].map(|x| x.data()[1]), [1.0, 0.0]);
    /// ```
    #[track_caller]
    pub fn lt(self, other: impl IntoTensor<'t, S>) -> Self {
        self.zip(Binary::Below, other.into_tensor(self))
    }

    /// 1 where `self ≤ other`, else 0; without a derivative.
    #[track_caller]
    pub fn le(self, other: impl IntoTensor<'t, S>) -> Self {
        self.zip(Binary::LessOrEqual, other.into_tensor(self))
    }

    /// 1 where `self > other`, else 0; without a derivative.
    #[track_caller]
    pub fn gt(self, other: impl IntoTensor<'t, S>) -> Self {
        other.into_tensor(self).zip(Binary::Below, self)
    }

    /// 1 where `self ≥ other`, else 0; without a derivative.
    #[track_caller]
    pub fn ge(self, other: impl IntoTensor<'t, S>) -> Self {
        other.into_tensor(self).zip(Binary::LessOrEqual, self)
    }

    /// 1 where `self = other`, else 0; without a derivative.
    #[track_caller]
    pub fn eq(self, other: impl IntoTensor<'t, S>) -> Self {
        self.zip(Binary::Equal, other.into_tensor(self))
    }

    /// 1 where `self ≠ other`, else 0; without a derivative.
    #[track_caller]
    pub fn ne(self, other: impl IntoTensor<'t, S>) -> Self {
        self.lift(1.0) - self.eq(other)
    }

    /// 1 where an element is a finite number, 0 where it is NaN or infinite; without a derivative.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape};
    ///
    /// let tape = Tape::new();
    /// let x = tape.constant(&Array::vector(vec![f64::MAX, f64::INFINITY, -f64::INFINITY, f64::NAN]));
    /// assert_eq!(x.is_finite().data(), [1.0, 0.0, 0.0, 0.0]);
    /// ```
    #[track_caller]
    pub fn is_finite(self) -> Self {
        self.lt(self.lift(f64::INFINITY)) * self.gt(self.lift(f64::NEG_INFINITY))
    }

    /// Exchanges two existing axes.
    #[track_caller]
    pub fn swap_axes(self, first: usize, second: usize) -> Self {
        if !self.has_axis("swap_axes", first.max(second)) || first == second {
            return self;
        }
        let mut axes: Axes = (0..self.rank()).collect();
        axes.swap(first, second);
        self.permute(&axes)
    }

    /// Whether the indices have the axes of this array but for the length of axis `axis`.
    #[track_caller]
    fn along(self, operation: &'static str, axis: usize, indices: Self) -> bool {
        let same = |i: usize| i == axis || self.shape[i] == indices.shape[i];
        let fits = indices.rank() == self.rank() && (0..self.rank()).all(same);
        if !fits {
            let needs = format!("equal lengths along all axes but axis {axis}");
            self.tape.refuse(operation, &[self.shape, indices.shape], &needs);
        }
        fits
    }

    /// Whether every index of axis `axis` is a number of this type.
    #[track_caller]
    fn indexable(self, operation: &'static str, axis: usize) -> bool {
        let fits = self.has_axis(operation, axis) && self.shape[axis] <= exact_integers::<S>();
        if !fits {
            let needs = format!("an axis {axis} of at most {} elements", exact_integers::<S>());
            self.tape.refuse(operation, &[self.shape], &needs);
        }
        fits
    }
}

/// The largest number up to which the number type holds every whole number: 2²⁴ for `f32`, 2⁵³ for `f64`.
fn exact_integers<S: Scalar>() -> usize {
    use num_traits::{Float, ToPrimitive};
    let limit = S::Real::epsilon().recip() * (S::Real::constant(2.0));
    limit.to_usize().unwrap_or(usize::MAX)
}

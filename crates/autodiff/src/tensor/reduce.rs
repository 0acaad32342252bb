//! Reductions over any set of axes, and running sums.
//!
//! Reduced axes disappear; [`keep_axes`](Tensor::keep_axes) puts them back with length 1 (`keepdim`).

use smallvec::SmallVec;

use crate::array::{Axes, Shape, size};
use crate::number::{Binary, Elementary, Real, Scalar, Unary};
use crate::op::{CumulativeProduct, CumulativeSum, LogSumExp, Max, Shift, Sum};
use crate::tape::{Tensor, Var};

/// # Along axes
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
///
/// let tape = Tape::new();
/// let x = tape.constant(&Array::<f64>::new(&[2, 2], vec![1.0, -2.0, 3.0, 4.0])?);
/// assert_eq!(x.sum_axis(0).data(), [4.0, 2.0]);
/// assert_eq!([x.mean_axis(1), x.mean_axes(&[1])].map(|x| x.data()[1]), [3.5; 2]);
/// assert_eq!([x.max_axis(1), x.min_axis(1)].map(|x| x.data()[0]), [1.0, -2.0]);
/// assert_eq!([x.max_axes(&[0]), x.min_axes(&[0])].map(|x| x.data()[1]), [4.0, -2.0]);
/// assert_eq!([x.norm_l1_axes(&[0, 1]), x.norm_max_axes(&[0, 1])].map(|x| x.data()[0]), [10.0, 4.0]);
/// assert_eq!([x.var_axes(&[0], 1.0), x.std_axes(&[0], 0.0)].map(|x| x.data()[0]), [2.0, 1.0]);
/// assert!((x.log_softmax(1) - (x - x.log_sum_exp(1).keep_axis(1))).data().iter().all(|d| d.abs() < 1e-15));
/// assert_eq!(x.log_sum_exp_axes(&[1]).data(), x.log_sum_exp(1).data());
/// assert_eq!(x.prod().value(), -24.0);
/// assert_eq!(x.sum_to(&[1, 2]).data(), [4.0, 2.0]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
impl<'t, S: Scalar> Tensor<'t, S> {
    /// Sum over these axes, which disappear.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape};
    ///
    /// let tape = Tape::new();
    /// let x = tape.constant(&Array::new(&[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?);
    /// assert_eq!(x.sum_axes(&[0]).data(), [5.0, 7.0, 9.0]);
    /// assert_eq!(x.max_axes(&[0, 1]).data(), [6.0]);
    /// assert_eq!(x.prod_axes(&[1]).data(), [6.0, 120.0]);
    /// assert_eq!((x / x.sum_axes(&[1]).keep_axes(&[1])).data()[..2], [1.0 / 6.0, 2.0 / 6.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn sum_axes(self, axes: &[usize]) -> Self {
        let mut axes: Axes = axes.into();
        axes.sort_unstable();
        self.record(Sum(axes), &[self])
    }

    /// Mean over these axes, which disappear; NaN if they have no elements.
    #[track_caller]
    pub fn mean_axes(self, axes: &[usize]) -> Self {
        self.sum_axes(axes) / S::constant(self.count(axes) as f64)
    }

    /// The largest over these axes, which disappear; −∞ if they have no elements. At a tie the elements share the derivative
    /// equally.
    #[track_caller]
    pub fn max_axes(self, axes: &[usize]) -> Self {
        let merged = self.merged(axes);
        merged.max_axis(merged.rank() - 1)
    }

    /// The smallest over these axes, `−max(−x)`.
    #[track_caller]
    pub fn min_axes(self, axes: &[usize]) -> Self {
        -(-self).max_axes(axes)
    }

    /// The smallest along an axis, which disappears. At a tie the elements share the derivative equally.
    #[track_caller]
    pub fn min_axis(self, axis: usize) -> Self {
        -(-self).max_axis(axis)
    }

    /// `ln Σ exp x` over these axes, which disappear; does not overflow.
    #[track_caller]
    pub fn log_sum_exp_axes(self, axes: &[usize]) -> Self {
        let merged = self.merged(axes);
        merged.log_sum_exp(merged.rank() - 1)
    }

    /// Product over these axes, which disappear; 1 if they have no elements.
    ///
    /// Every derivative is exact also where factors are 0: nothing is divided. Complexity: `O(n)` in `O(log n)` operations.
    #[track_caller]
    pub fn prod_axes(self, axes: &[usize]) -> Self {
        let Some((kept, reduced)) = self.partition(axes) else { return self };
        let order: Axes = reduced.iter().chain(&kept).copied().collect();
        let shape: Shape = kept.iter().map(|&axis| self.shape[axis]).collect();
        let mut length = self.count(axes);
        let mut rows: Shape = shape.clone();
        rows.insert(0, length);
        let mut x = self.permuted(&order).reshape(&rows);
        if length == 0 {
            return self.lift(1.0).broadcast(&shape);
        }
        // Products of the first and the second half, which lie side by side; an odd row waits.
        let mut odd: Option<Self> = None;
        while length > 1 {
            let half = length / 2;
            if length % 2 == 1 {
                let last = x.slice(0, length - 1..length);
                odd = Some(odd.map_or(last, |odd| odd * last));
            }
            x = x.slice(0, 0..half) * x.slice(0, half..2 * half);
            length = half;
        }
        odd.map_or(x, |odd| x * odd).reshape(&shape)
    }

    /// Variance over these axes, which disappear: `Σ (x − mean)²/(n − correction)`. The correction is 0 for the variance of
    /// the data themselves, 1 for the unbiased estimate.
    #[track_caller]
    pub fn var_axes(self, axes: &[usize], correction: f64) -> Self {
        let deviation = self - self.mean_axes(axes).keep_axes(axes);
        let squares = deviation.power_int(2).sum_axes(axes);
        squares / S::constant(self.count(axes) as f64 - correction)
    }

    /// Standard deviation over these axes, `√var`. At variance 0, as at the kink of a norm, it has no derivative: it is refused
    /// there as [`IndeterminatePolicy`](crate::IndeterminatePolicy) says.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Error, IndeterminatePolicy, record};
    ///
    /// let spread = |policy| {
    ///     let record = record(&[0.0, 2.0]).array().indeterminate(policy);
    ///     record.function(|x| x.std_axes(&[0], 0.0).to_var())
    /// };
    /// let refusing = spread(IndeterminatePolicy::Refuse)?;
    /// assert_eq!(refusing.gradient(&[0.0, 2.0])?, [-0.5, 0.5]);
    /// assert!(matches!(refusing.gradient(&[2.0, 2.0]), Err(Error::Indeterminate { .. })));
    /// assert!(spread(IndeterminatePolicy::Nan)?.gradient(&[2.0, 2.0])?.iter().all(|slope| slope.is_nan()));
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn std_axes(self, axes: &[usize], correction: f64) -> Self {
        self.var_axes(axes, correction).sqrt()
    }

    /// Euclidean norm `√(Σ x²)` over these axes, which disappear, without overflow. At 0 it has a kink; its gradient there
    /// is 0, as that of `hypot`, and its Hessian NaN.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::record;
    ///
    /// let norm = record(&[3e200, 4e200]).array().function(|x| x.norm_axes(&[0]).to_var())?;
    /// assert!((norm.value(&[3e200, 4e200])? / 5e200 - 1.0).abs() < 1e-15);
    /// assert_eq!(norm.gradient(&[0.0, -2.0])?, [0.0, -1.0]);
    /// assert_eq!(norm.gradient(&[0.0, 0.0])?, [0.0, 0.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn norm_axes(self, axes: &[usize]) -> Self {
        let x = self.merged(axes);
        let last = x.rank() - 1;
        // The norm of x/s, times s, does not depend on s, which therefore counts as constant.
        let largest = x.abs().record(Shift(last), &[x.abs()]);
        let zero = largest.le(S::zero());
        // The reciprocal of a smaller number could overflow.
        let least = self.lift(S::min_positive_value().primal().as_f64());
        let scale = zero.where_cond(S::one(), largest.zip(Binary::AtLeast, least));
        let squares = (x / scale.keep_axis(last)).power_int(2).sum_axis(last);
        let root = zero.where_cond(S::one(), squares).sqrt();
        // At 0 a function with the same value and slope, and like the norm without a second derivative.
        zero.where_cond(x.sum_axis(last).abs(), root * scale)
    }

    /// Sum of absolute values over these axes, which disappear. An element that is 0 has derivative 0.
    #[track_caller]
    pub fn norm_l1_axes(self, axes: &[usize]) -> Self {
        self.abs().sum_axes(axes)
    }

    /// Largest absolute value over these axes, which disappear. At a tie the elements share the derivative equally; an
    /// element that is 0 has derivative 0.
    #[track_caller]
    pub fn norm_max_axes(self, axes: &[usize]) -> Self {
        self.abs().max_axes(axes)
    }

    /// Sum of the elements so far along an axis: `y[k] = x[0] + … + x[k]`.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape};
    ///
    /// let tape = Tape::new();
    /// let x = tape.constant(&Array::vector(vec![1.0, 2.0, 3.0]));
    /// assert_eq!(x.cumsum(0).data(), [1.0, 3.0, 6.0]);
    /// ```
    #[track_caller]
    pub fn cumsum(self, axis: usize) -> Self {
        self.record(CumulativeSum { axis, from_end: false }, &[self])
    }

    /// Product of the elements so far along an axis: `y[k] = x[0]·…·x[k]`.
    ///
    /// Its derivatives of every order are products too, nowhere quotients, and so are exact also where elements are 0.
    ///
    /// Complexity: of the value and of each derivative, as many multiplications as elements.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::record;
    ///
    /// // x₀ + x₀x₁ + x₀x₁x₂
    /// let f = record(&[2.0, 0.0, 3.0]).array().function(|x| x.cumprod(0).sum())?;
    /// assert_eq!(f.value(&[2.0, 3.0, 4.0])?, 2.0 + 6.0 + 24.0);
    /// assert_eq!(f.gradient(&[2.0, 0.0, 3.0])?, [1.0, 2.0 + 6.0, 0.0]);
    /// // Of two zeros, too.
    /// assert_eq!(f.gradient(&[0.0, 0.0, 3.0])?, [1.0, 0.0, 0.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn cumprod(self, axis: usize) -> Self {
        self.record(CumulativeProduct { axis }, &[self])
    }

    /// Puts back reduced axes, with length 1: axes `axes` of the result, which must have them all, once each.
    #[track_caller]
    pub fn keep_axes(self, axes: &[usize]) -> Self {
        let mut sorted: Axes = axes.into();
        sorted.sort_unstable();
        let mut shape: Shape = self.shape.into();
        for (i, &axis) in sorted.iter().enumerate() {
            if axis > shape.len() || sorted[..i].last() == Some(&axis) {
                let needs = format!("distinct axes of the result, not {axes:?}");
                self.tape.refuse("keep_axes", &[self.shape], &needs);
                return self;
            }
            shape.insert(axis, 1);
        }
        self.reshape(&shape)
    }

    /// Sum of the diagonal of a square matrix, the last two axes, which disappear.
    #[track_caller]
    pub fn trace(self) -> Self {
        match *self.shape {
            [.., rows, columns] if rows == columns => {
                let last = self.rank() - 2;
                self.diagonal(0, last, last + 1).sum_axis(last)
            }
            _ => {
                self.tape.refuse("trace", &[self.shape], "square matrices as the last two axes");
                self
            }
        }
    }

    /// Product of all elements; 1 if there are none.
    #[track_caller]
    pub fn prod(self) -> Var<'t, S> {
        let axes: Axes = (0..self.rank()).collect();
        self.prod_axes(&axes).to_var()
    }

    /// Number of elements over these axes.
    fn count(self, axes: &[usize]) -> usize {
        size(
            &axes.iter().map(|&axis| self.shape.get(axis).copied().unwrap_or(1)).collect::<Shape>(),
        )
    }

    /// The other axes, and these in order; if they are not distinct axes, the tape keeps the error.
    #[track_caller]
    fn partition(self, axes: &[usize]) -> Option<(Axes, Axes)> {
        let mut reduced: Axes = axes.into();
        reduced.sort_unstable();
        let distinct = reduced.windows(2).all(|pair| pair[0] < pair[1]);
        if !distinct || reduced.last().is_some_and(|&axis| axis >= self.rank()) {
            let needs = format!("distinct axes below {}, not {axes:?}", self.rank());
            self.tape.refuse("reduction", &[self.shape], &needs);
            return None;
        }
        let kept = (0..self.rank()).filter(|axis| !reduced.contains(axis)).collect();
        Some((kept, reduced))
    }

    /// These axes as one, the last.
    #[track_caller]
    fn merged(self, axes: &[usize]) -> Self {
        let Some((kept, reduced)) = self.partition(axes) else { return self.keep_axis(0) };
        let order: Axes = kept.iter().chain(&reduced).copied().collect();
        let mut shape: Shape = kept.iter().map(|&axis| self.shape[axis]).collect();
        shape.push(reduced.iter().map(|&axis| self.shape[axis]).product());
        debug_assert_eq!(size(&shape), self.len());
        self.permuted(&order).reshape(&shape)
    }

    /// As [`permute`](Self::permute), but nothing where nothing moves.
    #[track_caller]
    pub(crate) fn permuted(self, axes: &[usize]) -> Self {
        if axes.iter().copied().eq(0..self.rank()) { self } else { self.permute(axes) }
    }
}

impl<'t, S: Scalar> Tensor<'t, S> {
    /// Sum of all elements.
    #[track_caller]
    pub fn sum(self) -> Var<'t, S> {
        self.record(Sum((0..self.rank()).collect()), &[self]).to_var()
    }

    /// Mean of all elements; NaN if there are none.
    #[track_caller]
    pub fn mean(self) -> Var<'t, S> {
        self.sum() / Var::constant(self.len() as f64)
    }

    /// Sum over an axis, which disappears.
    #[track_caller]
    pub fn sum_axis(self, axis: usize) -> Self {
        self.record(Sum(SmallVec::from_slice(&[axis])), &[self])
    }

    /// Mean over an axis, which disappears.
    #[track_caller]
    pub fn mean_axis(self, axis: usize) -> Self {
        let length = self.shape.get(axis).copied().unwrap_or(0);
        self.sum_axis(axis) / S::constant(length as f64)
    }

    /// The largest along an axis, which disappears. At a tie the elements share the derivative equally.
    #[track_caller]
    pub fn max_axis(self, axis: usize) -> Self {
        self.record(Max(axis), &[self])
    }

    /// `ln Σ exp x` over an axis, which disappears; does not overflow.
    #[track_caller]
    pub fn log_sum_exp(self, axis: usize) -> Self {
        if !self.has_axis("log_sum_exp", axis) {
            return self;
        }
        let (shifted, shift) = self.shifted(axis);
        shifted.record(LogSumExp(axis), &[shifted]) + shift
    }

    /// `x − ln Σ exp x` over an axis.
    #[track_caller]
    pub fn log_softmax(self, axis: usize) -> Self {
        if !self.has_axis("log_softmax", axis) {
            return self;
        }
        let (shifted, _) = self.shifted(axis);
        shifted - shifted.record(LogSumExp(axis), &[shifted]).keep_axis(axis)
    }

    /// `x − max x` over an axis, and the maximum: in differences, large elements lose no digits.
    ///
    /// The shift cancels in what is computed from it, and so does its derivative: it counts as constant.
    #[track_caller]
    fn shifted(self, axis: usize) -> (Self, Self) {
        let shift = self.record(Shift(axis), &[self]);
        (self - shift.keep_axis(axis), shift)
    }

    /// The same values, taken as constant by every derivative.
    #[track_caller]
    pub fn stop_gradient(self) -> Self {
        self.map(Unary::StopGradient)
    }

    /// `exp x / Σ exp x` over an axis; does not overflow.
    #[track_caller]
    pub fn softmax(self, axis: usize) -> Self {
        if !self.has_axis("softmax", axis) {
            return self;
        }
        self.log_softmax(axis).map(Unary::Exp)
    }
}

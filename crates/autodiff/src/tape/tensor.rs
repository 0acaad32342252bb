//! The handle of a recorded array.

use std::fmt;
use std::panic::Location;

use smallvec::SmallVec;

use super::{Fact, Id, Op, Tape, Var};
use crate::array::{Array, Shape, size};
use crate::error::Error;
use crate::rules::tensor::TensorOp;
use crate::rules::{Binary, Unary};
use crate::scalar::{Elementary, Scalar};

/// A dense row-major array on a tape: its shape, its values, and the instruction that made it.
///
/// `Tensor` is `Copy`. Elementwise operations broadcast as NumPy's do. Shapes that do not fit never panic: the tape keeps
/// the error, with the shapes and the source line, and the call that asked for a derivative returns it.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Function};
///
/// // Σ tanh(W x)², over the six weights
/// let x = Array::new(&[3, 1], vec![1.0, -2.0, 0.5])?;
/// let f = Function::<f64>::record_tensor(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], &[&x], |w, data| {
///     w.reshape(&[2, 3]).matmul(data[0]).tanh().powi(2).sum()
/// })?;
/// assert_eq!(f.gradient(&[0.0; 6])?, [0.0; 6]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Tensor<'t, S: Scalar = f64> {
    pub(crate) tape: &'t Tape<S>,
    pub(crate) id: Id,
    pub(crate) shape: &'t [usize],
    pub(crate) data: &'t [S],
}

impl<'t, S: Scalar> Tensor<'t, S> {
    /// Lengths of the axes, outermost first.
    pub fn shape(self) -> &'t [usize] {
        self.shape
    }

    /// Number of axes.
    pub fn rank(self) -> usize {
        self.shape.len()
    }

    /// Number of elements.
    pub fn len(self) -> usize {
        size(self.shape)
    }

    /// Whether there are no elements.
    pub fn is_empty(self) -> bool {
        self.shape.contains(&0)
    }

    /// The tape that this array is recorded on.
    pub fn tape(self) -> &'t Tape<S> {
        self.tape
    }

    /// The values, in row-major order, as plain numbers.
    ///
    /// As with [`Var::value`], the recording notes that they were read: a replay where they differ records afresh.
    #[track_caller]
    pub fn data(self) -> &'t [S] {
        let fact = Fact::ReadArray { id: self.id, fingerprint: fingerprint(self.data) };
        self.tape.push_guard(fact, Location::caller());
        self.data
    }

    /// A constant array on the same tape.
    #[track_caller]
    pub fn constant(self, value: &Array<S>) -> Self {
        self.tape.constant(value)
    }

    /// The rank-1 array of these scalars, on `tape`.
    #[track_caller]
    pub fn from_vars(tape: &'t Tape<S>, scalars: &[Var<'t, S>]) -> Self {
        let mut pieces = Vec::with_capacity(scalars.len());
        for &x in scalars {
            pieces.push(tape.scalar_tensor(x));
        }
        let shape = Shape::from_slice(&[pieces.len()]);
        let offsets = (0..pieces.len()).collect();
        tape.record(TensorOp::Assemble { offsets, shape }, &pieces, Location::caller())
    }

    /// Element number `index` of the flat data, as a scalar.
    ///
    /// An index out of range is kept by the tape as an error; the result is then NaN.
    #[track_caller]
    pub fn get(self, index: usize) -> Var<'t, S> {
        // On a tape of shapes there is no value.
        let value = self.data.get(index).copied().unwrap_or_else(S::nan);
        match index < self.len() && index <= u32::MAX as usize {
            true if self.shape.is_empty() => Var::recorded(self.tape, self.id, value),
            true => self.tape.push(Op::Element, self.id, index as u32, value),
            false => {
                let needs = format!("an index below {}, not {index}", self.len());
                self.tape.refuse("get", &[self.shape], &needs);
                self.tape.poison(&[], Location::caller()).get(0)
            }
        }
    }

    /// An array of one element, as a scalar.
    #[track_caller]
    pub fn to_var(self) -> Var<'t, S> {
        if self.len() != 1 {
            self.tape.refuse("to_var", &[self.shape], "an array of one element");
            return self.tape.poison(&[], Location::caller()).get(0);
        }
        self.reshape(&[]).get(0)
    }

    /// `C = A·B` of matrices `[.., m, k]` and `[.., k, n]`; leading axes are those of a batch and broadcast to each other.
    ///
    /// A vector on the right is a column, on the left a row, and its axis is not in the result: a matrix times a vector is a
    /// vector, two vectors make their [`dot`](Self::dot) product as an array of rank 0. These are NumPy's rules.
    ///
    /// In a recorded function a transposed operand (`a.t().matmul(b)`, or with its last two axes exchanged) is read in place,
    /// not copied. Complexity `O(m·k·n)` for each batch.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Function};
    ///
    /// // xᵀ·A·x
    /// let a = Array::new(&[2, 2], vec![2.0, 1.0, 1.0, 3.0])?;
    /// let f = Function::<f64>::record_tensor(&[1.0, 1.0], &[&a], |x, data| x.matmul(data[0].matmul(x)).to_var())?;
    /// assert_eq!(f.value(&[1.0, 1.0])?, 7.0);
    /// assert_eq!(f.gradient(&[1.0, -1.0])?, [2.0, -4.0]);
    /// assert_eq!(f.hessian(&[1.0, -1.0])?.as_slice(), [4.0, 2.0, 2.0, 6.0]);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn matmul(self, other: Self) -> Self {
        let (left, right) = (self.shape, other.shape);
        if let (&[.., k], &[rows]) | (&[k], &[.., rows, _]) = (left, right) {
            if k != rows {
                let needs =
                    format!("as many columns on the left as rows on the right, not {k} and {rows}");
                self.tape.refuse("matmul", &[left, right], &needs);
                return self;
            }
            let a = if left.len() == 1 { self.reshape(&[1, k]) } else { self };
            let b = if right.len() == 1 { other.reshape(&[k, 1]) } else { other };
            let rows = &left[..left.len() - 1];
            let batch = &right[..right.len().saturating_sub(2)];
            let columns = if right.len() == 1 { &[] } else { &right[right.len() - 1..] };
            let y: Shape = batch.iter().chain(rows).chain(columns).copied().collect();
            return a.matmul(b).reshape(&y);
        }
        // Rows of all batches times one matrix are one product.
        if let (&[ref batch @ .., m, k], &[rows, n]) = (left, right)
            && !batch.is_empty()
            && k == rows
        {
            let y: Shape = batch.iter().copied().chain([m, n]).collect();
            return self.reshape(&[size(batch) * m, k]).matmul(other).reshape(&y);
        }
        let op = TensorOp::MatMul { transpose_a: false, transpose_b: false };
        self.record(op, &[self, other])
    }

    /// Transpose of a matrix.
    #[track_caller]
    pub fn t(self) -> Self {
        if self.rank() != 2 {
            self.tape.refuse(
                "t",
                &[self.shape],
                "a matrix (`swap_axes` exchanges two axes of any array)",
            );
            return self;
        }
        self.permute(&[1, 0])
    }

    /// Axis `i` of the result is axis `axes[i]` of this array.
    #[track_caller]
    pub fn permute(self, axes: &[usize]) -> Self {
        self.record(TensorOp::Permute(axes.into()), &[self])
    }

    /// The same elements in another shape of the same size. Nothing is copied.
    #[track_caller]
    pub fn reshape(self, shape: &[usize]) -> Self {
        if self.shape == shape {
            return self;
        }
        if size(shape) != self.len() {
            self.tape.refuse("reshape", &[self.shape, shape], "as many elements after as before");
            return self;
        }
        self.record(TensorOp::View { offset: 0, shape: shape.into() }, &[self])
    }

    /// The contiguous elements from flat index `offset` on, in this shape. Nothing is copied.
    #[track_caller]
    pub fn view(self, offset: usize, shape: &[usize]) -> Self {
        if offset == 0 && self.shape == shape {
            return self;
        }
        self.record(TensorOp::View { offset, shape: shape.into() }, &[self])
    }

    /// Repeats elements to a larger shape, by NumPy's rules.
    #[track_caller]
    #[doc(alias = "expand")]
    pub fn broadcast(self, shape: &[usize]) -> Self {
        if self.shape == shape {
            return self;
        }
        self.record(TensorOp::Broadcast(shape.into()), &[self])
    }

    /// Sums the elements that [`broadcast`](Self::broadcast) from `shape` would have made of one: its transpose.
    #[track_caller]
    pub fn sum_to(self, shape: &[usize]) -> Self {
        if self.shape == shape {
            return self;
        }
        self.record(TensorOp::SumTo(shape.into()), &[self])
    }

    /// Puts an axis of length 1 before axis `axis`.
    #[track_caller]
    #[doc(alias("unsqueeze", "expand_dims"))]
    pub fn keep_axis(self, axis: usize) -> Self {
        let mut shape: Shape = self.shape.into();
        shape.insert(axis.min(shape.len()), 1);
        self.reshape(&shape)
    }

    /// Sum of all elements.
    #[track_caller]
    pub fn sum(self) -> Var<'t, S> {
        self.record(TensorOp::Sum((0..self.rank()).collect()), &[self]).to_var()
    }

    /// Mean of all elements; NaN if there are none.
    #[track_caller]
    pub fn mean(self) -> Var<'t, S> {
        self.sum() / Var::constant(self.len() as f64)
    }

    /// Sum over an axis, which disappears.
    #[track_caller]
    pub fn sum_axis(self, axis: usize) -> Self {
        self.record(TensorOp::Sum(SmallVec::from_slice(&[axis])), &[self])
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
        self.record(TensorOp::Max(axis), &[self])
    }

    /// `ln Σ exp x` over an axis, which disappears; does not overflow.
    #[track_caller]
    pub fn log_sum_exp(self, axis: usize) -> Self {
        if !self.has_axis("log_sum_exp", axis) {
            return self;
        }
        let (shifted, shift) = self.shifted(axis);
        shifted.record(TensorOp::LogSumExp(axis), &[shifted]) + shift
    }

    /// `x − ln Σ exp x` over an axis.
    #[track_caller]
    pub fn log_softmax(self, axis: usize) -> Self {
        if !self.has_axis("log_softmax", axis) {
            return self;
        }
        let (shifted, _) = self.shifted(axis);
        shifted - shifted.record(TensorOp::LogSumExp(axis), &[shifted]).keep_axis(axis)
    }

    /// `x − max x` over an axis, and the maximum: in differences, large elements lose no digits.
    ///
    /// The shift cancels in what is computed from it, and so does its derivative: it counts as constant.
    #[track_caller]
    fn shifted(self, axis: usize) -> (Self, Self) {
        let shift = self.record(TensorOp::Shift(axis), &[self]);
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

    /// `Σᵢ xᵢ·yᵢ` over all elements of two arrays of the same shape.
    #[track_caller]
    pub fn dot(self, other: Self) -> Var<'t, S> {
        if self.shape != other.shape {
            self.tape.refuse("dot", &[self.shape, other.shape], "two arrays of the same shape");
        }
        let n = self.len();
        self.reshape(&[1, n]).matmul(other.reshape(&[n, 1])).to_var()
    }

    /// What stands for the result of an operation on a list of operands that has none, and so names no tape.
    ///
    /// The error is kept by a tape of its own, from which it passes to every tape that the result is used on. That tape is
    /// never freed: nobody is there to own it.
    #[cold]
    #[track_caller]
    pub(crate) fn of_no_operands(operation: &'static str) -> Self {
        let tape: &'t Tape<S> = Box::leak(Box::new(Tape::new()));
        let at = Location::caller();
        tape.fail(Error::NoOperands { operation, at });
        tape.poison(&[], at)
    }

    #[track_caller]
    pub(crate) fn record(self, op: TensorOp<S>, operands: &[Self]) -> Self {
        self.tape.record(op, operands, Location::caller())
    }

    /// The value, if this is a recorded scalar constant.
    pub(crate) fn constant_value(self) -> Option<f64> {
        let instruction = self.tape.instruction(self.id);
        match instruction.op {
            Op::Constant => self.tape.constant_number(instruction.a).known_constant(),
            _ => None,
        }
    }
}

/// A hash of the elements' primal bits: equal for equal arrays.
pub(crate) fn fingerprint<S: Scalar>(data: &[S]) -> u64 {
    use num_traits::ToPrimitive;
    data.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, x| {
        let bits = x.primal().to_f64().unwrap_or(f64::NAN).to_bits();
        (hash ^ bits).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23)
    })
}

/// A product of which 0 is a special case; with a known factor that is finite and not 0, an ordinary one.
#[track_caller]
fn product<'t, S: Scalar>(f: Binary, a: Tensor<'t, S>, b: Tensor<'t, S>) -> Tensor<'t, S> {
    let plain = |x: Tensor<'_, S>| x.constant_value().is_some_and(|c| c != 0.0 && c.is_finite());
    a.zip(if plain(a) || plain(b) { Binary::Mul } else { f }, b)
}

impl<S: Scalar> Elementary for Tensor<'_, S> {
    #[track_caller]
    fn map(self, f: Unary) -> Self {
        self.record(TensorOp::Map(f), &[self])
    }

    #[track_caller]
    fn zip(self, f: Binary, other: Self) -> Self {
        // Multiplying by a known one, as adjoints often do, leaves no instruction.
        if f == Binary::Mul && other.shape.is_empty() && other.constant_value() == Some(1.0) {
            return self;
        }
        if f == Binary::Mul && self.shape.is_empty() && self.constant_value() == Some(1.0) {
            return other;
        }
        self.record(TensorOp::Zip(f), &[self, other])
    }

    #[track_caller]
    fn chain(self, partial: Self) -> Self {
        product(Binary::Chain, self, partial)
    }

    #[track_caller]
    fn mul_no_nan(self, other: Self) -> Self {
        product(Binary::MulNoNan, self, other)
    }

    #[track_caller]
    fn power_int(self, n: i32) -> Self {
        self.record(TensorOp::PowerInt(n), &[self])
    }

    #[track_caller]
    fn power_real(self, p: f64) -> Self {
        self.record(TensorOp::PowerReal(p), &[self])
    }

    fn lift(self, c: f64) -> Self {
        self.tape.scalar_tensor(Var::from_value(S::constant(c)))
    }

    fn known_constant(self) -> Option<f64> {
        self.constant_value()
    }
}

impl<S: Scalar> fmt::Debug for Tensor<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor(%{} {:?} = {:?})", self.id, self.shape, self.data)
    }
}

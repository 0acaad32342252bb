//! The handle of a recorded array.

use std::fmt;
use std::panic::Location;

use super::Tape;
use super::var::Var;
use crate::array::{Array, Shape, size};
use crate::error::Error;
use crate::number::{Binary, Elementary, Scalar, Unary};
use crate::op::{Assemble, Broadcast, Map, Permute, Power, SumTo, TensorOp, View, Zip};
use crate::program::{Fact, Id, Op, fingerprint};

/// A dense row-major array on a tape: its shape, its values, and the instruction that made it.
///
/// `Tensor` is `Copy`. Elementwise operations broadcast as NumPy's do. Shapes that do not fit never panic: the tape keeps
/// the error, with the shapes and the source line, and the call that asked for a derivative returns it.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, record};
///
/// // Σ tanh(W x)², over the six weights
/// let x = Array::new(&[3, 1], vec![1.0, -2.0, 0.5])?;
/// let f = record(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]).data(&[&x]).function(|w, data| {
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
        tape.record(Assemble { offsets, shape }.into(), &pieces, Location::caller())
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

    /// Axis `i` of the result is axis `axes[i]` of this array.
    #[track_caller]
    pub fn permute(self, axes: &[usize]) -> Self {
        self.record(Permute(axes.into()), &[self])
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
        self.record(View { offset: 0, shape: shape.into() }, &[self])
    }

    /// The contiguous elements from flat index `offset` on, in this shape. Nothing is copied.
    #[track_caller]
    pub fn view(self, offset: usize, shape: &[usize]) -> Self {
        if offset == 0 && self.shape == shape {
            return self;
        }
        self.record(View { offset, shape: shape.into() }, &[self])
    }

    /// Repeats elements to a larger shape, by NumPy's rules.
    #[track_caller]
    #[doc(alias = "expand")]
    pub fn broadcast(self, shape: &[usize]) -> Self {
        if self.shape == shape {
            return self;
        }
        self.record(Broadcast(shape.into()), &[self])
    }

    /// Sums the elements that [`broadcast`](Self::broadcast) from `shape` would have made of one: its transpose.
    #[track_caller]
    pub fn sum_to(self, shape: &[usize]) -> Self {
        if self.shape == shape {
            return self;
        }
        self.record(SumTo(shape.into()), &[self])
    }

    /// Puts an axis of length 1 before axis `axis`.
    #[track_caller]
    #[doc(alias("unsqueeze", "expand_dims"))]
    pub fn keep_axis(self, axis: usize) -> Self {
        let mut shape: Shape = self.shape.into();
        shape.insert(axis.min(shape.len()), 1);
        self.reshape(&shape)
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
    pub(crate) fn record(self, op: impl Into<TensorOp<S>>, operands: &[Self]) -> Self {
        self.tape.record(op.into(), operands, Location::caller())
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

/// A product of which 0 is a special case; with a known factor that is finite and not 0, an ordinary one.
#[track_caller]
fn product<'t, S: Scalar>(f: Binary, a: Tensor<'t, S>, b: Tensor<'t, S>) -> Tensor<'t, S> {
    let plain = |x: Tensor<'_, S>| x.constant_value().is_some_and(|c| c != 0.0 && c.is_finite());
    a.zip(if plain(a) || plain(b) { Binary::Mul } else { f }, b)
}

impl<S: Scalar> Elementary for Tensor<'_, S> {
    #[track_caller]
    fn map(self, f: Unary) -> Self {
        self.record(Map(f), &[self])
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
        self.record(Zip(f), &[self, other])
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
        self.record(Power::Int(n), &[self])
    }

    #[track_caller]
    fn power_real(self, p: f64) -> Self {
        self.record(Power::Real(p), &[self])
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

impl<'t, S: Scalar> Var<'t, S> {
    /// This scalar as an array of rank 0 on `tape`.
    #[track_caller]
    pub fn to_tensor(self, tape: &'t Tape<S>) -> Tensor<'t, S> {
        tape.scalar_tensor(self)
    }

    /// A constant array on this scalar's tape; `None` if this is itself a constant on no tape.
    #[track_caller]
    pub fn constant_array(self, value: &Array<S>) -> Option<Tensor<'t, S>> {
        Some(self.tape?.constant(value))
    }
}

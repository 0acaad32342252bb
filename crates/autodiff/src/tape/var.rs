//! The handle of a recorded scalar.

use std::fmt;
use std::panic::Location;

use smallvec::SmallVec;

use super::Tape;
use crate::number::{Binary, Elementary, Kernels, Scalar, Unary};
use crate::program::{Fact, Id, Instruction, Op, Operand, Relation};

/// A scalar on a tape: its value, and the instruction that made it.
///
/// `Var` is `Copy` and a [`Scalar`]: all operators with other `Var`s and with plain numbers on either side, everything of
/// [`num_traits::Float`], comparisons, sums over iterators. A handle without a tape is a constant; literals need none.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::gradient;
///
/// let g = gradient(|x| 100.0 * x[0] * x[1] - x[0].sin(), &[0.0, 2.0])?;
/// assert_eq!(g, [199.0, 0.0]);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Var<'t, S: Scalar = f64> {
    pub(crate) tape: Option<&'t Tape<S>>,
    pub(crate) id: Id,
    pub(crate) value: S,
}

impl<'t, S: Scalar> Var<'t, S> {
    /// A constant, on no tape.
    #[inline(always)]
    pub fn from_value(value: S) -> Self {
        Self { tape: None, id: 0, value }
    }

    #[inline(always)]
    pub(crate) fn recorded(tape: &'t Tape<S>, id: Id, value: S) -> Self {
        Self { tape: Some(tape), id, value }
    }

    /// The value, as a plain number.
    ///
    /// What a program does with a plain number cannot be seen by a replay, so the recording notes that the value was
    /// read: a [`Function`](crate::Function) is recorded afresh where it would differ. Comparing handles (`x < y`) is
    /// better: then only the outcome matters.
    #[track_caller]
    pub fn value(self) -> S {
        if let Some(tape) = self.tape {
            tape.push_guard(Fact::Read { id: self.id, value: self.value }, Location::caller());
        }
        self.value
    }

    /// The tape, unless this is a constant.
    pub fn tape(self) -> Option<&'t Tape<S>> {
        self.tape
    }

    /// The common tape of two operands; constants have none.
    #[inline(always)]
    #[track_caller]
    fn common_tape(self, other: Self) -> Option<&'t Tape<S>> {
        match (self.tape, other.tape) {
            (Some(tape), Some(another)) => {
                if !tape.owns(another) {
                    tape.refuse_foreign(another, Location::caller());
                }
                Some(tape)
            }
            (tape, None) => tape,
            (None, tape) => tape,
        }
    }

    fn operand(self) -> Operand<S> {
        match self.tape {
            Some(_) => Operand::Recorded(self.id),
            None => Operand::Constant(self.value),
        }
    }

    /// Compares on the primal, and keeps the outcome as a guard.
    #[track_caller]
    pub(crate) fn compare(self, relation: Relation, other: Self) -> bool {
        let held = relation.holds(&self.value, &other.value);
        if let Some(tape) = self.common_tape(other) {
            let (left, right) = (self.operand(), other.operand());
            tape.push_guard(Fact::Compared { relation, left, right, held }, Location::caller());
        }
        held
    }

    /// `f(self, other)` where both may be constants.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn zip_recorded(self, f: Binary, other: Self) -> Self {
        let value = self.value.zip(f, other.value);
        let Some(tape) = self.common_tape(other) else { return Self::from_value(value) };
        match (self.tape, other.tape) {
            (Some(_), Some(_)) => tape.push(Op::Zip(f), self.id, other.id, value),
            (Some(_), None) => self.zip_constant(f, other.value),
            _ => other.constant_zip(f, self.value),
        }
    }

    /// `f(self, c)`; a factor of one leaves no instruction.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn zip_constant(self, f: Binary, c: S) -> Self {
        let value = self.value.zip(f, c);
        let Some(tape) = self.tape else { return Self::from_value(value) };
        if f == Binary::Mul && c.known_constant() == Some(1.0) {
            return self;
        }
        tape.push(Op::ZipConstant(f), self.id, tape.store_constant(c), value)
    }

    /// `f(c, self)`, where a sum or a product is recorded as `f(self, c)`.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn constant_zip(self, f: Binary, c: S) -> Self {
        if matches!(f, Binary::Add | Binary::Mul) {
            return self.zip_constant(f, c);
        }
        let value = c.zip(f, self.value);
        let Some(tape) = self.tape else { return Self::from_value(value) };
        tape.push(Op::ConstantZip(f), tape.store_constant(c), self.id, value)
    }

    /// A product of which 0 is a special case: what is known to be 0 leaves no instruction, and a known finite factor an
    /// ordinary product.
    #[inline(always)]
    #[track_caller]
    fn product(self, f: Binary, other: Self) -> Self {
        match (self.known_constant(), other.known_constant()) {
            (Some(0.0), _) | (_, Some(0.0)) => Self::from_value(S::zero()),
            (Some(c), _) | (_, Some(c)) if c.is_finite() => self * other,
            _ => self.zip_recorded(f, other),
        }
    }

    /// One instruction over all operands, which has this value; `arity` of them are a term.
    #[track_caller]
    fn n_ary(op: Op, operands: &[Self], arity: usize, value: S) -> Self {
        let Some(tape) = operands.iter().find_map(|x| x.tape) else {
            return Self::from_value(value);
        };
        let start = tape.lists.len() as u32;
        // Not by a closure, which would not know the caller's line.
        for &x in operands {
            tape.lists.push(tape.id_of(x));
        }
        tape.push(op, start, (operands.len() / arity) as u32, value)
    }

    /// `self·a + b` with one rounding.
    #[track_caller]
    pub(crate) fn multiply_add(self, a: Self, b: Self) -> Self {
        Self::n_ary(Op::MulAdd, &[self, a, b], 1, self.value.mul_add(a.value, b.value))
    }
}

impl<'t, S: Scalar> Elementary for Var<'t, S> {
    #[inline(always)]
    #[track_caller]
    fn map(self, f: Unary) -> Self {
        let value = self.value.map(f);
        match self.tape {
            Some(tape) => tape.push(Op::Map(f), self.id, 0, value),
            None => Self::from_value(value),
        }
    }

    #[inline(always)]
    #[track_caller]
    fn zip(self, f: Binary, other: Self) -> Self {
        self.zip_recorded(f, other)
    }

    #[inline(always)]
    fn chain(self, partial: Self) -> Self {
        self.product(Binary::Chain, partial)
    }

    #[inline(always)]
    #[track_caller]
    fn mul_no_nan(self, other: Self) -> Self {
        self.product(Binary::MulNoNan, other)
    }

    #[inline(always)]
    #[track_caller]
    fn power_int(self, n: i32) -> Self {
        // By far the commonest power has the same bits as a product, which replays without a call.
        if n == 2 {
            return self * self;
        }
        let value = self.value.power_int(n);
        match self.tape {
            Some(tape) => tape.push(Op::PowerInt, self.id, n as u32, value),
            None => Self::from_value(value),
        }
    }

    #[inline(always)]
    #[track_caller]
    fn power_real(self, p: f64) -> Self {
        let value = self.value.power_real(p);
        match self.tape {
            Some(tape) => {
                tape.push(Op::PowerReal, self.id, tape.store_constant(S::constant(p)), value)
            }
            None => Self::from_value(value),
        }
    }

    #[inline(always)]
    fn lift(self, c: f64) -> Self {
        Self::from_value(S::constant(c))
    }

    #[inline(always)]
    fn known_constant(self) -> Option<f64> {
        match self.tape {
            Some(_) => None,
            None => self.value.known_constant(),
        }
    }
}

/// What is added up: mostly little.
type Terms<T> = SmallVec<[T; 8]>;

impl<'t, S: Scalar> Scalar for Var<'t, S> {
    type Real = S::Real;

    #[inline(always)]
    fn constant(c: f64) -> Self {
        Self::from_value(S::constant(c))
    }

    #[track_caller]
    fn primal(self) -> S::Real {
        self.value().primal()
    }

    #[track_caller]
    fn sum_of(terms: impl Iterator<Item = Self>) -> Self {
        let terms: Terms<Self> = terms.collect();
        let value = S::sum_of(terms.iter().map(|x| x.value));
        Self::n_ary(Op::Sum, &terms, 1, value)
    }

    #[track_caller]
    fn sum_of_products(pairs: impl Iterator<Item = (Self, Self)>) -> Self {
        let factors: Terms<Self> = pairs.flat_map(|(a, b)| [a, b]).collect();
        let pairs = factors.as_chunks::<2>().0.iter();
        let value = S::sum_of_products(pairs.map(|[a, b]| (a.value, b.value)));
        Self::n_ary(Op::Dot, &factors, 2, value)
    }

    fn sum_of_chained(pairs: impl Iterator<Item = (Self, Self)>) -> Self {
        let factors: Terms<Self> = pairs.flat_map(|(a, b)| [a, b]).collect();
        let pairs = factors.as_chunks::<2>().0.iter();
        let value = S::sum_of(pairs.map(|[a, b]| a.value.zip(Binary::Chain, b.value)));
        Self::n_ary(Op::ChainDot, &factors, 2, value)
    }
}

/// The constant with this value.
impl<S: Scalar> From<S> for Var<'_, S> {
    #[inline]
    fn from(value: S) -> Self {
        Self::from_value(value)
    }
}

impl<S: Scalar> fmt::Display for Var<'_, S>
where
    S: fmt::Display,
{
    /// The value while recording, for people to read: that it was, is not noted, unlike with [`value`](Var::value).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.value, f)
    }
}

impl<S: Scalar> Kernels for Var<'_, S> {}

impl<S: Scalar> fmt::Debug for Var<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tape {
            Some(_) => write!(f, "Var(%{} = {:?})", self.id, self.value),
            None => write!(f, "Var({:?})", self.value),
        }
    }
}

impl<S: Scalar> Tape<S> {
    /// A new scalar input with this value.
    pub fn input(&self, value: S) -> Var<'_, S> {
        let mut inputs = self.inputs.borrow_mut();
        let input = self.push(Op::Input, inputs.len() as u32, 0, value);
        inputs.push(input.id);
        input
    }

    /// Appends a scalar instruction.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn push(&self, op: Op, a: u32, b: u32, value: S) -> Var<'_, S> {
        // More than can be numbered are refused when the recording ends.
        let id = self.steps.push(Instruction::new(op, a, b), value);
        if id >= self.watch.get() {
            self.pushed_watched(id);
        }
        Var::recorded(self, id as Id, value)
    }

    /// The instruction whose value is the constant `value`.
    pub(crate) fn push_constant(&self, value: S) -> Var<'_, S> {
        let number = self.store_constant(value);
        self.push(Op::Constant, number, 0, value)
    }

    /// The instruction of `x`, recorded now if `x` is a constant, or refused for being on another tape.
    #[track_caller]
    pub(crate) fn id_of(&self, x: Var<'_, S>) -> Id {
        match x.tape {
            Some(tape) if tape.owns(self) => x.id,
            Some(tape) => {
                self.refuse_foreign(tape, Location::caller());
                self.push_constant(x.value).id
            }
            None => self.push_constant(x.value).id,
        }
    }
}

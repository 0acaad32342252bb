//! What a tape holds: instructions on scalars, nodes on arrays, and the guards between them.

use std::panic::Location;

use smallvec::SmallVec;

use crate::array::Shape;
use crate::rules::tensor::TensorOp;
use crate::rules::{Binary, Unary};

/// The number of an instruction, and so of its result.
pub(crate) type Id = u32;

/// What an instruction does with its two fields `a` and `b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    /// Input number `a` of the function.
    Input,
    /// Number `a` of the constants.
    Constant,
    /// `f(a)`
    Map(Unary),
    /// `aⁿ`, where `n` is `b` read as `i32`
    PowerInt,
    /// `aᵖ`, where `p` is constant number `b`
    PowerReal,
    /// `f(a, b)`
    Zip(Binary),
    /// `f(a, c)`, where `c` is constant number `b`
    ZipConstant(Binary),
    /// `f(c, b)`, where `c` is constant number `a`
    ConstantZip(Binary),
    /// `l₀ + l₁ + …` over the `b` operands listed from `a` on
    Sum,
    /// `l₀·l₁ + l₂·l₃ + …` over the `b` pairs listed from `a` on
    Dot,
    /// As `Dot`, with the products of the chain rule
    ChainDot,
    /// `l₀·l₁ + l₂` with one rounding, over the three operands listed from `a` on
    MulAdd,
    /// Element `b` of array `a`
    Element,
    /// The array operation of node `a`; its result is an array, or at rank 0 a scalar
    Array,
}

/// One step of a recording: 12 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Instruction {
    pub op: Op,
    pub a: u32,
    pub b: u32,
}

impl Instruction {
    /// Where its list of operands starts, and how many there are: none for most.
    pub(crate) fn list(self) -> (u32, u32) {
        match self.op {
            Op::Dot | Op::ChainDot => (self.a, 2 * self.b),
            Op::Sum | Op::MulAdd => (self.a, self.b),
            _ => (0, 0),
        }
    }

    /// Calls `visit` with the operands that are in its own fields.
    #[inline]
    pub(crate) fn operands(self, mut visit: impl FnMut(Id)) {
        match self.op {
            Op::Map(_) | Op::PowerInt | Op::PowerReal | Op::ZipConstant(_) | Op::Element => {
                visit(self.a);
            }
            Op::ConstantZip(_) => visit(self.b),
            Op::Zip(_) => {
                visit(self.a);
                visit(self.b);
            }
            Op::Input
            | Op::Constant
            | Op::Sum
            | Op::Dot
            | Op::ChainDot
            | Op::MulAdd
            | Op::Array => {}
        }
    }
}

/// The array side of an instruction: rarer and larger than the instruction itself.
#[derive(Clone, Debug)]
pub(crate) struct Node<S> {
    pub op: TensorOp<S>,
    pub operands: SmallVec<[Id; 4]>,
    pub shape: Shape,
    pub at: &'static Location<'static>,
}

/// What user code learnt of the values while recording, and so what a replay must find again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guard<S> {
    pub fact: Fact<S>,
    pub at: &'static Location<'static>,
}

/// A fact about recorded values on which user code may have branched.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fact<S> {
    /// `left ∘ right` was `held`.
    Compared { relation: Relation, left: Operand<S>, right: Operand<S>, held: bool },
    /// The value was read as a plain number.
    Read { id: Id, value: S },
    /// The elements of an array were read as plain numbers, with this fingerprint of their bits.
    ReadArray { id: Id, fingerprint: u64 },
}

/// One side of a comparison.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operand<S> {
    Recorded(Id),
    Constant(S),
}

/// The comparisons of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Less,
    LessOrEqual,
    Equal,
}

impl Relation {
    pub(crate) fn holds<S: PartialOrd>(self, left: &S, right: &S) -> bool {
        match self {
            Relation::Less => left < right,
            Relation::LessOrEqual => left <= right,
            Relation::Equal => left == right,
        }
    }
}

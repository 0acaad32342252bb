//! What a program consists of: instructions on scalars, nodes on arrays, and the guards between them.

use std::panic::Location;

use smallvec::SmallVec;

use crate::array::Shape;
use crate::number::{Binary, Scalar, Unary};
use crate::op::TensorOp;

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

impl Op {
    /// The function of two numbers that this is, whichever of them are constant.
    pub(crate) fn function(self) -> Option<Binary> {
        match self {
            Op::Zip(f) | Op::ZipConstant(f) | Op::ConstantZip(f) => Some(f),
            _ => None,
        }
    }

    /// The same, if it is a function of two numbers, of another one.
    pub(crate) fn with_function(self, f: Binary) -> Self {
        match self {
            Op::Zip(_) => Op::Zip(f),
            Op::ZipConstant(_) => Op::ZipConstant(f),
            Op::ConstantZip(_) => Op::ConstantZip(f),
            op => op,
        }
    }
}

/// The operations on which scalar programs spend their time, as one flat number; all others are `Other`.
///
/// A loop over instructions jumps by this number to code in which the operation is known: see [`specialised`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Code {
    Input,
    Constant,
    Add,
    Sub,
    Mul,
    Div,
    AddConstant,
    SubConstant,
    MulConstant,
    DivConstant,
    ConstantSub,
    ConstantDiv,
    Neg,
    Recip,
    Chain,
    Sum,
    /// Two products.
    Dot2,
    Dot,
    /// Two products of the chain rule.
    ChainDot2,
    ChainDot,
    Other,
}

impl Code {
    #[inline(always)]
    fn of(op: Op, b: u32) -> Self {
        match op {
            Op::Input => Code::Input,
            Op::Constant => Code::Constant,
            Op::Zip(Binary::Add) => Code::Add,
            Op::Zip(Binary::Sub) => Code::Sub,
            Op::Zip(Binary::Mul) => Code::Mul,
            Op::Zip(Binary::Div) => Code::Div,
            Op::ZipConstant(Binary::Add) => Code::AddConstant,
            Op::ZipConstant(Binary::Sub) => Code::SubConstant,
            Op::ZipConstant(Binary::Mul) => Code::MulConstant,
            Op::ZipConstant(Binary::Div) => Code::DivConstant,
            Op::ConstantZip(Binary::Sub) => Code::ConstantSub,
            Op::ConstantZip(Binary::Div) => Code::ConstantDiv,
            Op::Map(Unary::Neg) => Code::Neg,
            Op::Map(Unary::Recip) => Code::Recip,
            Op::Sum => Code::Sum,
            Op::Zip(Binary::Chain) => Code::Chain,
            Op::Dot if b == 2 => Code::Dot2,
            Op::Dot => Code::Dot,
            Op::ChainDot if b == 2 => Code::ChainDot2,
            Op::ChainDot => Code::ChainDot,
            _ => Code::Other,
        }
    }

    /// Whether these operations on scalars are smooth wherever their value is finite.
    #[inline(always)]
    pub(crate) fn is_smooth(self) -> bool {
        use Code::{ConstantDiv, Div, DivConstant, Other, Recip};
        !matches!(self, Div | DivConstant | ConstantDiv | Recip | Other)
    }
}

/// Evaluates `$body` with `$instruction` shadowed by itself with its operation known to the compiler, so that a rule written
/// for every operation becomes the few machine instructions of this one; `$other` for the rarer operations.
macro_rules! specialised {
    ($instruction:ident => $body:expr, otherwise $other:expr) => {{
        use $crate::number::{Binary, Unary};
        use $crate::program::instruction::{Code, Op};
        specialised!(@arms $instruction, $body, $other,
            Input Op::Input,
            Constant Op::Constant,
            Add Op::Zip(Binary::Add),
            Sub Op::Zip(Binary::Sub),
            Mul Op::Zip(Binary::Mul),
            Div Op::Zip(Binary::Div),
            AddConstant Op::ZipConstant(Binary::Add),
            SubConstant Op::ZipConstant(Binary::Sub),
            MulConstant Op::ZipConstant(Binary::Mul),
            DivConstant Op::ZipConstant(Binary::Div),
            ConstantSub Op::ConstantZip(Binary::Sub),
            ConstantDiv Op::ConstantZip(Binary::Div),
            Neg Op::Map(Unary::Neg),
            Recip Op::Map(Unary::Recip),
            Sum Op::Sum,
            Chain Op::Zip(Binary::Chain),
            Dot Op::Dot,
            ChainDot Op::ChainDot;
            Dot2 Op::Dot, 2,
            ChainDot2 Op::ChainDot, 2)
    }};
    (@arms $instruction:ident, $body:expr, $other:expr,
        $($Code:ident $op:expr),*; $($Counted:ident $list:path, $count:literal),*) => {
        match $instruction.code {
            $(Code::$Code => {
                let $instruction = $crate::program::Instruction { op: $op, ..$instruction };
                $body
            })*
            $(Code::$Counted => {
                let $instruction =
                    $crate::program::Instruction { op: $list, b: $count, ..$instruction };
                $body
            })*
            Code::Other => $other,
        }
    };
}

pub(crate) use specialised;

/// One step of a recording: 12 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Instruction {
    pub op: Op,
    pub code: Code,
    pub a: u32,
    pub b: u32,
}

impl Instruction {
    #[inline(always)]
    pub(crate) fn new(op: Op, a: u32, b: u32) -> Self {
        Self { op, code: Code::of(op, b), a, b }
    }

    /// What its two fields are: all that an operation has to say of them.
    #[inline(always)]
    pub(crate) fn fields(self) -> [Field; 2] {
        let Self { op, a, b, .. } = self;
        match op {
            Op::Input => [Field::Plain(a), Field::Plain(b)],
            Op::Constant => [Field::Constant(a), Field::Plain(b)],
            Op::Map(_) | Op::PowerInt | Op::Element => [Field::Operand(a), Field::Plain(b)],
            Op::PowerReal | Op::ZipConstant(_) => [Field::Operand(a), Field::Constant(b)],
            Op::Zip(_) => [Field::Operand(a), Field::Operand(b)],
            Op::ConstantZip(_) => [Field::Constant(a), Field::Operand(b)],
            Op::Sum | Op::Dot | Op::ChainDot | Op::MulAdd => {
                let (start, length) = self.list();
                [Field::List { start, length }, Field::Plain(b)]
            }
            Op::Array => [Field::Node(a), Field::Plain(b)],
        }
    }

    /// Where its list of operands starts, and how many there are: none for most.
    pub(crate) fn list(self) -> (u32, u32) {
        match self.op {
            Op::Dot | Op::ChainDot => (self.a, 2 * self.b),
            Op::Sum | Op::MulAdd => (self.a, self.b),
            _ => (0, 0),
        }
    }

    /// The same operation with these numbers in its fields; what stands for itself stays.
    #[inline]
    pub(crate) fn with_fields(self, mut number: impl FnMut(Field) -> u32) -> Self {
        let [a, b] = self.fields();
        Self { a: number(a), b: number(b), ..self }
    }

    /// With the operands in its fields renamed; those in lists and nodes are renamed there.
    #[inline]
    pub(crate) fn renamed(self, rename: impl Fn(Id) -> Id) -> Self {
        self.with_fields(|field| match field {
            Field::Operand(x) => rename(x),
            other => other.number(),
        })
    }
}

/// What a field of an instruction is, with the number in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// The result of this instruction.
    Operand(Id),
    /// The constant of this number.
    Constant(u32),
    /// The operands listed from here on.
    List { start: u32, length: u32 },
    /// The node of this number.
    Node(u32),
    /// A number that stands for itself: of an input, an exponent, an index, how many terms; or nothing.
    Plain(u32),
}

impl Field {
    /// The number in the field.
    #[inline(always)]
    pub(crate) fn number(self) -> u32 {
        match self {
            Field::Operand(n) | Field::Constant(n) | Field::Node(n) | Field::Plain(n) => n,
            Field::List { start, .. } => start,
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

/// A hash of the elements' primal bits: equal for equal arrays.
pub(crate) fn fingerprint<S: Scalar>(data: &[S]) -> u64 {
    use num_traits::ToPrimitive;
    data.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, x| {
        let bits = x.primal().to_f64().unwrap_or(f64::NAN).to_bits();
        (hash ^ bits).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23)
    })
}

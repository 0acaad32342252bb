//! What every array operation says of itself.

use std::fmt;

use crate::array::{Shape, View};
use crate::error::Fault;
use crate::number::{Irregularity, Real, Scalar};

/// An array operation with its fixed arguments.
///
/// Its derivative is stated beside the others, in the file of the same name in `rule`. Nothing has a default that would be right,
/// but slow or blunt, for an operation which does not think of it.
pub(crate) trait Operation: Sized {
    /// The name in messages and listings.
    const NAME: &'static str;

    /// The names of those operations of this type that have derivatives.
    const NAMES: &'static [&'static str] = &[Self::NAME];

    /// The name of this one, where operations of one type have several.
    fn name(&self) -> &'static str {
        Self::NAME
    }

    /// What listings say in place of the name: with the arguments that tell it from others of that name.
    fn text(&self) -> String {
        self.name().into()
    }

    /// The result's shape, or what the operation needs of the operands' shapes.
    fn shape(&self, x: &[&[usize]]) -> Result<Shape, String>;

    /// Which elements of the operands an element of the result depends on.
    fn pattern(&self) -> Pattern;

    /// How to do for K lanes at once what this does in each, on operands and to a result of these shapes.
    fn batched(&self, lanes: usize, x: &[&[usize]], shape: &[usize]) -> Batched<Self>;

    /// How the operation fails to be smooth at these operands, if it does.
    fn irregularity<R: Real>(&self, at: &Around<'_, R>) -> Option<Irregularity>;
}

/// An operation that is computed in the same way over every number.
pub(crate) trait Forward: Operation {
    /// Computes the result; where the operands' values do not allow one, says why.
    fn forward<S: Scalar>(&self, x: &[View<'_, S>], y: Out<'_, S>) -> Result<(), Fault>;
}

/// Where a result is to be computed, and its shape.
#[derive(Debug)]
pub(crate) struct Out<'a, S> {
    pub data: &'a mut [S],
    pub shape: &'a [usize],
}

/// Operands of an operation, and what is close to them.
#[derive(Debug)]
pub(crate) struct Around<'a, R> {
    pub x: &'a [View<'a, R>],
    /// The shape of the result.
    pub shape: &'a [usize],
    pub margin: f64,
}

/// Which elements of the operands an element of the result depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// What the forward computation, run over recorded numbers, shows: its path depends on the shapes alone, and on the
    /// elements of this operand, if one is named.
    Traced { by: Option<usize> },
    /// On the corresponding ones, with NumPy's broadcasting.
    Elementwise,
    /// Element `(i, j)` on row `i` of the left factor and on column `j` of the right.
    Product { transpose_a: bool, transpose_b: bool },
    /// Element `i` on element `offset + i`, counted flat.
    Contiguous { offset: usize },
    /// On all, as far as is known.
    All,
}

/// How an operation is done for K lanes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Batched<O> {
    /// By this one, on its only operand with the lanes as the first axis.
    Leading(O),
    /// By this one, on operands that are aligned so that broadcasting pairs their lanes.
    Broadcasting(O),
    /// By this one, on operands with the lanes as the first axis, each of its own shape in every lane.
    Repeated(O),
    /// Once for each lane.
    LaneByLane,
}

impl<O> Batched<O> {
    pub(crate) fn map<P>(self, f: impl Fn(O) -> P) -> Batched<P> {
        match self {
            Self::Leading(op) => Batched::Leading(f(op)),
            Self::Broadcasting(op) => Batched::Broadcasting(f(op)),
            Self::Repeated(op) => Batched::Repeated(f(op)),
            Self::LaneByLane => Batched::LaneByLane,
        }
    }
}

/// This shape for each lane.
pub(crate) fn with_lanes(lanes: usize, shape: &[usize]) -> Shape {
    std::iter::once(lanes).chain(shape.iter().copied()).collect()
}

/// The name of a function in listings.
pub(crate) fn lower_case(function: impl fmt::Debug) -> String {
    format!("{function:?}").to_lowercase()
}

//! What an array operation *is*: its data, name, shape and forward computation, over any number.
//!
//! How it is differentiated is stated in `rule`, where there are handles to write a derivative with, in a file of the same name.
//!
//! A new operation is a type in a file here, its derivative in `rule`, a line in the list below, and a method of
//! [`Tensor`](crate::Tensor). Tests that walk the list say where a case of it is missing: `transform/closure`, and the functions and
//! the random programs of the testing crate.
//!
//! This folder imports `kernel` and what is below it.
//!
//! | file | |
//! |---|---|
//! | `mod.rs` | the list of the operations; [`TensorOp`], any of them |
//! | `operation.rs` | what every operation says of itself |
//! | `elementwise.rs` | functions of one and of two numbers |
//! | `matmul.rs`, `sum.rs`, `log_sum_exp.rs`, `max.rs`, `scan.rs` | along axes |
//! | `view.rs`, `permute.rs`, `triangle.rs`, `strided.rs`, `gather.rs`, `select.rs` | moving elements |
//! | `linear_algebra.rs`, `eigen.rs` | operations on matrices |
//! | `own.rs` | operations whose derivatives are programs |

#[cfg(feature = "linear-algebra")]
mod eigen;
mod elementwise;
mod gather;
#[cfg(feature = "linear-algebra")]
mod linear_algebra;
mod log_sum_exp;
mod matmul;
mod max;
mod operation;
mod own;
mod permute;
mod scan;
mod select;
mod strided;
mod sum;
mod triangle;
mod view;

#[cfg(feature = "linear-algebra")]
pub(crate) use eigen::Eigen;
pub(crate) use elementwise::{Map, Power, Zip, broadcast_shape};
pub(crate) use gather::{Gather, Indexing, ScatterAdd};
#[cfg(feature = "linear-algebra")]
pub(crate) use linear_algebra::LinearAlgebra;
pub(crate) use log_sum_exp::LogSumExp;
pub(crate) use matmul::MatMul;
pub(crate) use max::{ArgMax, Max, MaxShare, Shift};
pub(crate) use operation::{Around, Batched, Operation, Pattern, lower_case, with_lanes};
pub(crate) use own::{Facts, Member, OwnOperation};
pub(crate) use permute::Permute;
pub(crate) use scan::{CumulativeProduct, CumulativeSum, Recurrence};
pub(crate) use select::Select;
pub(crate) use strided::{Strided, StridedAdd};
pub(crate) use sum::{Broadcast, Sum, SumTo};
pub(crate) use triangle::Triangle;
pub(crate) use view::{Assemble, View, assemble, tiles};

use crate::array::{self, Array, Shape};
use crate::error::Fault;
use crate::number::{Irregularity, Real, Scalar};
use operation::{Forward, Out};

/// Calls a macro with the list of the array operations, each with the kind of its derivative: those that are computed in the same
/// way over every number, and those with which each number deals in its own.
///
/// There is no other list: the type of an operation, all that an operation says of itself, the registry of names, the derivatives
/// and the test that the set is closed are made of this one.
macro_rules! operations {
    ($use:ident) => {
        $use! {
            over_every_number: [
                Map: Partials,
                Power: Partials,
                Zip: Partials,
                MatMul: Bilinear,
                Sum: Linear,
                SumTo: Linear,
                Broadcast: Linear,
                LogSumExp: Partials,
                Max: Partials,
                MaxShare: Constant,
                Shift: Constant,
                ArgMax: Constant,
                View: Linear,
                Assemble: Linear,
                Permute: Linear,
                Triangle: Linear,
                Strided: Linear,
                StridedAdd: Linear,
                Gather: Linear,
                ScatterAdd: Linear,
                Select: Linear,
                CumulativeSum: Linear,
                CumulativeProduct: Composed,
                Recurrence: Composed,
            ],
            over_each: [
                #[cfg(feature = "linear-algebra")]
                LinearAlgebra: Composed,
                OwnOperation: Composed,
            ],
        }
    };
}

pub(crate) use operations;

macro_rules! operation {
    (
        over_every_number: [$($Op:ident: $kind:ident,)*],
        over_each: [$($(#[$if:meta])? $Own:ident: $own_kind:ident,)*],
    ) => {
        /// An array operation with its fixed arguments.
        #[derive(Clone, Debug, PartialEq)]
        pub(crate) enum TensorOp<S> {
            /// Input number `.0` of the function.
            Input(usize),
            /// Data array number `.0`: comes with an evaluation, not differentiated.
            Data(usize),
            /// A constant.
            Constant(Array<S>),
            $($Op($Op),)*
            $($(#[$if])? $Own($Own),)*
        }

        $(impl<S> From<$Op> for TensorOp<S> {
            fn from(op: $Op) -> Self {
                Self::$Op(op)
            }
        })*

        $($(#[$if])? impl<S> From<$Own> for TensorOp<S> {
            fn from(op: $Own) -> Self {
                Self::$Own(op)
            }
        })*

        impl<S: Scalar> TensorOp<S> {
            /// The operation's name in messages and listings.
            pub(crate) fn name(&self) -> &'static str {
                match self {
                    Self::Input(_) => "input",
                    Self::Data(_) => "data",
                    Self::Constant(_) => "constant",
                    $(Self::$Op(op) => op.name(),)*
                    $($(#[$if])? Self::$Own(op) => op.name(),)*
                }
            }

            /// What listings say in place of the name.
            pub(crate) fn text(&self) -> String {
                match self {
                    Self::Input(number) => format!("input {number}"),
                    Self::Data(slot) => format!("data {slot}"),
                    Self::Constant(_) => "constant".into(),
                    $(Self::$Op(op) => op.text(),)*
                    $($(#[$if])? Self::$Own(op) => op.text(),)*
                }
            }

            /// The same operation over another number, its constants embedded by `embed`.
            pub(crate) fn over<T>(&self, embed: impl Fn(&Array<S>) -> Array<T>) -> TensorOp<T> {
                match self {
                    Self::Input(number) => TensorOp::Input(*number),
                    Self::Data(slot) => TensorOp::Data(*slot),
                    Self::Constant(array) => TensorOp::Constant(embed(array)),
                    $(Self::$Op(op) => TensorOp::$Op(op.clone()),)*
                    $($(#[$if])? Self::$Own(op) => TensorOp::$Own(op.clone()),)*
                }
            }

            /// The result's shape, or what the operation needs of the operands' shapes.
            pub(crate) fn shape(&self, x: &[&[usize]]) -> Result<Shape, String> {
                match self {
                    Self::Input(_) | Self::Data(_) | Self::Constant(_) => unreachable!("{SOURCE}"),
                    $(Self::$Op(op) => op.shape(x),)*
                    $($(#[$if])? Self::$Own(op) => op.shape(x),)*
                }
            }

            /// Computes the result, of the given shape, into `y`; where the operands' values do not allow one, says why.
            pub(crate) fn forward(
                &self,
                x: &[array::View<'_, S>],
                y: &mut [S],
                shape: &[usize],
            ) -> Result<(), Fault> {
                match self {
                    Self::Input(_) | Self::Data(_) | Self::Constant(_) => unreachable!("{SOURCE}"),
                    $(Self::$Op(op) => op.forward(x, Out { data: y, shape }),)*
                    $($(#[$if])? Self::$Own(_) => S::own(OwnRule(self), x, y),)*
                }
            }

            /// Which elements of the operands an element of the result depends on.
            pub(crate) fn pattern(&self) -> Pattern {
                match self {
                    Self::Input(_) | Self::Data(_) | Self::Constant(_) => unreachable!("{SOURCE}"),
                    $(Self::$Op(op) => op.pattern(),)*
                    $($(#[$if])? Self::$Own(op) => op.pattern(),)*
                }
            }

            /// How to do for K lanes at once what this does in each, on operands and to a result of these shapes.
            pub(crate) fn batched(
                &self,
                lanes: usize,
                x: &[&[usize]],
                shape: &[usize],
            ) -> Batched<Self> {
                match self {
                    Self::Input(_) | Self::Data(_) | Self::Constant(_) => unreachable!("{SOURCE}"),
                    $(Self::$Op(op) => op.batched(lanes, x, shape).map(Self::$Op),)*
                    $($(#[$if])? Self::$Own(op) => op.batched(lanes, x, shape).map(Self::$Own),)*
                }
            }

            /// How the operation fails to be smooth at these operands, if it does.
            pub(crate) fn irregularity<R: Real>(&self, at: &Around<'_, R>) -> Option<Irregularity> {
                match self {
                    Self::Input(_) | Self::Data(_) | Self::Constant(_) => None,
                    $(Self::$Op(op) => op.irregularity(at),)*
                    $($(#[$if])? Self::$Own(op) => op.irregularity(at),)*
                }
            }
        }

        /// The names of the operations that have derivatives, by type.
        const NAMES: &[&[&str]] = &[$($Op::NAMES,)* $($(#[$if])? $Own::NAMES,)*];

        /// The types of operation.
        #[cfg(test)]
        pub(crate) const TYPES: &[&str] = &[
            $(stringify!($Op),)*
            $($(#[$if])? stringify!($Own),)*
        ];

        #[cfg(test)]
        impl<S> TensorOp<S> {
            /// The type of operation; `None` of inputs, data and constants.
            pub(crate) fn type_name(&self) -> Option<&'static str> {
                match self {
                    Self::Input(_) | Self::Data(_) | Self::Constant(_) => None,
                    $(Self::$Op(_) => Some(stringify!($Op)),)*
                    $($(#[$if])? Self::$Own(_) => Some(stringify!($Own)),)*
                }
            }
        }
    };
}

operations!(operation);

const SOURCE: &str = "what has no operands is where it came from";

/// The names of the array operations that have derivatives, as listings of programs have them.
///
/// Each is reached by functions of [`Tensor`](crate::Tensor), some only through derivatives of others. Operations that users define have names of
/// their own.
pub const ARRAY_OPERATIONS: &[&str] = &joined::<{ total(NAMES) }>(NAMES);

const fn total(lists: &[&[&str]]) -> usize {
    let (mut total, mut i) = (0, 0);
    while i < lists.len() {
        total += lists[i].len();
        i += 1;
    }
    total
}

const fn joined<const N: usize>(lists: &[&[&'static str]]) -> [&'static str; N] {
    let mut all = [""; N];
    let (mut next, mut i) = (0, 0);
    while i < lists.len() {
        let mut j = 0;
        while j < lists[i].len() {
            all[next] = lists[i][j];
            next += 1;
            j += 1;
        }
        i += 1;
    }
    all
}

/// An operation with which each number deals in its own way: it computes over plain numbers only.
#[derive(Clone, Copy, Debug)]
pub struct OwnRule<'a, S>(pub(crate) &'a TensorOp<S>);

/// What a number type does with an operation that computes over plain numbers only.
#[doc(hidden)]
pub trait Own: Sized {
    /// The forward rule of such an operation.
    fn own(op: OwnRule<'_, Self>, x: &[array::View<'_, Self>], y: &mut [Self])
    -> Result<(), Fault>;

    /// The forward rule of any operation, for a result of this shape: over plain numbers compiled in this crate, and not in each
    /// that records tensors.
    fn forward(
        op: OwnRule<'_, Self>,
        x: &[array::View<'_, Self>],
        y: &mut [Self],
        shape: &[usize],
    ) -> Result<(), Fault>
    where
        Self: Scalar,
    {
        op.0.forward(x, y, shape)
    }
}

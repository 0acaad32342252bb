//! What can go wrong, with the cause and the remedy.

use std::panic::Location;

/// Why a recording or a derivative was refused.
///
/// Errors met while user code records are kept by the tape with the source line that caused them, and returned by the
/// call that asked for the derivative.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A slice does not have the length that is needed.
    #[error("{what} has {got} entries, but {expected} are needed")]
    Length {
        /// Which argument.
        what: &'static str,
        /// Its length.
        got: usize,
        /// The length it must have.
        expected: usize,
    },

    /// The operands' shapes do not fit the operation.
    #[error("{at}: shapes {shapes:?} do not fit {operation}: {needs}")]
    Shape {
        /// The operation.
        operation: &'static str,
        /// The shapes of its operands.
        shapes: Vec<Vec<usize>>,
        /// What the operation needs.
        needs: String,
        /// Where the user's code asked for it.
        at: &'static Location<'static>,
    },

    /// An array would have more elements than memory can hold.
    #[error("{at}: {operation} of shape {shape:?}: more elements than memory can hold")]
    TooLarge {
        /// The operation.
        operation: &'static str,
        /// The shape that was asked for.
        shape: Vec<usize>,
        /// Where the user's code asked for it.
        at: &'static Location<'static>,
    },

    /// An operation on a list of operands was given none that is on a tape.
    #[error("{at}: {operation} has no operand that is recorded on a tape; it needs at least one")]
    NoOperands {
        /// The operation.
        operation: &'static str,
        /// Where the user's code asked for it.
        at: &'static Location<'static>,
    },

    /// Two handles of one operation belong to different tapes.
    #[error(
        "{at}: the operands were recorded on different tapes; pass the outer value into the inner \
         function as an input or as a constant (`.value()`)"
    )]
    MixedTapes {
        /// Where the user's code combined them.
        at: &'static Location<'static>,
    },

    /// A derivative inside a recording was asked for with respect to something that is not on its tape.
    #[error(
        "{at}: the derivative is asked for with respect to a constant, which no recording follows; make it an input, or `Tape::scalar`"
    )]
    Constant {
        /// Where the user's code asked.
        at: &'static Location<'static>,
    },

    /// At these inputs the function takes another branch than the one recorded.
    #[error(
        "{at}: the comparison made here while recording turns out differently at these inputs; record \
         the function again there"
    )]
    BranchChanged {
        /// Where the user's code compared.
        at: &'static Location<'static>,
    },

    /// A value left the tape while recording, so a replay elsewhere could not notice what depends on it.
    #[error(
        "{at}: a recorded value was read here as a plain number, and it differs at these inputs; record \
         the function again there, or compute with the handle itself"
    )]
    ValueEscaped {
        /// Where the user's code read it.
        at: &'static Location<'static>,
    },

    /// An operation has no result at the values of its operands.
    #[error("{at}: {operation}: {fault}")]
    Failed {
        /// The operation.
        operation: &'static str,
        /// What is wrong with the values.
        fault: Fault,
        /// Where the user's code asked for it.
        at: &'static Location<'static>,
    },

    /// Taylor coefficients were asked for beyond the order whose factorial is a number.
    #[error("Taylor coefficients of order {order}: beyond order {largest} the factorial overflows")]
    TaylorOrder {
        /// The order asked for.
        order: usize,
        /// The largest one that there is in this precision.
        largest: usize,
    },

    /// More rows or columns than a sparsity pattern can have.
    #[error("a sparsity pattern of {rows} rows and {cols} columns: more than memory can hold")]
    PatternTooLarge {
        /// The number of rows.
        rows: usize,
        /// The number of columns.
        cols: usize,
    },

    /// More instructions than a tape can number.
    #[error(
        "the recording has more than {limit} instructions; record parts of it as functions of their own"
    )]
    TapeFull {
        /// The largest number of instructions.
        limit: usize,
    },

    /// There is no input with this number.
    #[error("input {index} does not exist: the function has {count}")]
    NoSuchInput {
        /// The number asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },

    /// No part of a vector of parameters has this name.
    #[error("there is no parameter or module `{name}`; there are: {known}")]
    UnknownPart {
        /// The name asked for.
        name: String,
        /// All names, separated by commas.
        known: String,
    },

    /// The parameter of this name is not in the vector at hand.
    #[error("`{name}` is not in this vector of parameters: it is frozen")]
    AbsentPart {
        /// The name asked for.
        name: String,
    },

    /// A part of a vector of parameters was given to what has another vector.
    #[error(
        "`{name}` is a part of another vector of parameters (of {dim}; here are {got}), whose entries mean others: take the \
         part of that name from the layout that this vector has now, after parameters were frozen or unfrozen, or give the \
         range of its entries"
    )]
    ForeignPart {
        /// Its name.
        name: String,
        /// The length of its vector.
        dim: usize,
        /// The length of the vector at hand.
        got: usize,
    },

    /// A recording has no instruction with this number.
    #[error("instruction {step} does not exist: the recording has {count}")]
    NoSuchStep {
        /// The number asked for.
        step: usize,
        /// How many there are.
        count: usize,
    },

    /// Recorded again, on another branch, the function has another number of values.
    #[error(
        "the function had {recorded} values when recorded, and has {got} at these inputs; record it again there"
    )]
    OutputsChanged {
        /// How many it had.
        recorded: usize,
        /// How many it has now.
        got: usize,
    },

    /// A Fisher product of a loss for which no predictive distribution was stated.
    #[error("no likelihood was stated for this loss: give one of `Likelihood` when recording it")]
    NoLikelihood,

    /// A closure added inputs to the tape that it was given to record on.
    #[error(
        "the recorded closure made inputs besides those it was given, {extra} of its own; `Tape::scalar` and `Tape::constant` make fixed values"
    )]
    ExtraInputs {
        /// How many.
        extra: usize,
    },

    /// There is no data input with this number.
    #[error("data input {index} does not exist: the function was recorded with {count}")]
    NoSuchData {
        /// The number asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },

    /// Data arrays do not have the same number of examples, at least one, along their first axes.
    #[error(
        "the data arrays have {counts:?} examples along their first axes, where all must have the same number, at \
         least one"
    )]
    Examples {
        /// The length of each array's first axis; `None` for an array without axes.
        counts: Vec<Option<usize>>,
    },

    /// A data array has another shape than the one recorded.
    #[error(
        "data input {index} has shape {got:?}, but was recorded with {expected:?}; record the function again for another shape"
    )]
    DataShape {
        /// The number of the data input.
        index: usize,
        /// The shape it was recorded with.
        expected: Vec<usize>,
        /// The shape given.
        got: Vec<usize>,
    },

    /// The function does not depend on one of its inputs.
    #[error(
        "input {index}{} has no effect: no operation that has a derivative reads it",
        name.as_ref().map_or(String::new(), |name| format!(" of \"{name}\""))
    )]
    UnusedInput {
        /// The number of the input.
        index: usize,
        /// The name that the caller gave it.
        name: Option<String>,
    },

    /// An operation made an infinity or a NaN.
    #[error(
        "{}in {quantity}, {operation} of {operands:?} is {value}",
        at.map_or(String::new(), |at| format!("{at}: "))
    )]
    NotFinite {
        /// What was being evaluated.
        quantity: &'static str,
        /// The operation.
        operation: String,
        /// Its operands; of an array, a NaN if there is one, else the element of largest magnitude.
        operands: Vec<f64>,
        /// Its result; of an array, the first element that is not finite.
        value: f64,
        /// The line of the user's code with the operation, or with that whose derivative it belongs to.
        at: Option<&'static Location<'static>>,
    },

    /// A derivative is a zero that was computed from the inputs times an infinite or missing one, as that of `∛(x³)` at 0.
    #[error(
        "{}the derivative is indeterminate here: a zero computed from the inputs meets the infinite or missing derivative \
         of {operation}; leave this point, write the function without that singularity, or choose an \
         `IndeterminatePolicy`",
        at.map_or(String::new(), |at| format!("{at}: "))
    )]
    Indeterminate {
        /// The operation whose derivative is infinite or does not exist.
        operation: String,
        /// The line of the user's code with the operation.
        at: Option<&'static Location<'static>>,
    },

    /// An entry of a sparsity pattern lies outside of the matrix.
    #[error("entry ({row}, {col}) is outside of a matrix of {rows} rows and {cols} columns")]
    EntryOutside {
        /// The entry's row.
        row: usize,
        /// The entry's column.
        col: usize,
        /// Rows of the matrix.
        rows: usize,
        /// Columns of the matrix.
        cols: usize,
    },

    /// The given sparsity pattern lacks an entry of the matrix.
    #[error(
        "{line} {index} of the matrix has an entry that the given pattern lacks; add it, or let the pattern be found \
         from the recording"
    )]
    PatternMisses {
        /// Whether a row or a column is meant.
        line: &'static str,
        /// Its number.
        index: usize,
    },
}

impl Error {
    /// The line of source code that is named.
    pub(crate) fn line_mut(&mut self) -> Option<&mut &'static Location<'static>> {
        match self {
            Error::Shape { at, .. }
            | Error::TooLarge { at, .. }
            | Error::NoOperands { at, .. }
            | Error::MixedTapes { at }
            | Error::Constant { at }
            | Error::BranchChanged { at }
            | Error::ValueEscaped { at }
            | Error::Failed { at, .. } => Some(at),
            Error::NotFinite { at, .. } => at.as_mut(),
            _ => None,
        }
    }
}

/// What an operation can meet in the values of its operands, whatever their shapes.
///
/// Found while recording and in every replay, and reported as [`Error::Failed`].
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// An index read from an array lies outside the axis that it selects from.
    #[error("index {index} is not one of the {length} along the axis")]
    Index {
        /// The index.
        index: f64,
        /// The axis' length.
        length: usize,
    },

    /// A matrix has no Cholesky factor.
    #[error(
        "the matrix is not positive definite: pivot {pivot} is {value:e}; add to its diagonal if it is so by rounding"
    )]
    NotPositiveDefinite {
        /// The first row whose pivot is not positive.
        pivot: usize,
        /// The square of what would stand on the diagonal.
        value: f64,
    },

    /// A system of equations has no unique solution.
    #[error("the matrix is singular: there is no pivot for row {pivot}")]
    Singular {
        /// The first row without a pivot.
        pivot: usize,
    },

    /// Eigenvectors are not differentiable where eigenvalues coincide.
    #[error(
        "eigenvalues {first} and {} are {value:e} and only {gap:e} apart: eigenvectors have no derivative there; where the \
         function is smooth all the same, write it without them", first + 1
    )]
    RepeatedEigenvalue {
        /// The number of the smaller one, in ascending order.
        first: usize,
        /// The smaller one.
        value: f64,
        /// How far the next one is from it.
        gap: f64,
    },

    /// An iteration within the operation did not converge.
    #[error("no convergence; what was left is {residual:e}")]
    NotConverged {
        /// How far from a solution it ended.
        residual: f64,
    },

    /// An operation of one's own refused the values of its operands, with this reason.
    #[error("{0}")]
    Refused(String),

    /// A derivative was asked for that a first-order rule does not have.
    #[error(
        "its adjoint was supplied as numbers, which gives gradients only: for second derivatives or forward mode supply \
         it over tensors (`Adjoint`)"
    )]
    NumericAdjoint,

    /// A hand-written adjoint disagrees with differences of the values (found in debug builds).
    #[error(
        "its adjoint for operand {operand} gives {adjoint:e} along a test direction where differences of its values give \
         {difference:e}"
    )]
    WrongAdjoint {
        /// The number of the operand.
        operand: usize,
        /// `x_bar·x_dot`, by the rule.
        adjoint: f64,
        /// `y_bar·y_dot`, by differences.
        difference: f64,
    },

    /// What an operation computes within, as a recording of its own, was refused: reported as that error.
    #[error("{0}")]
    Within(Box<Error>),
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Fault::Refused(reason)
    }
}

impl From<&str> for Fault {
    fn from(reason: &str) -> Self {
        Fault::Refused(reason.into())
    }
}

impl Fault {
    /// As an error of `operation`, asked for at this line.
    pub(crate) fn into_error(
        self,
        operation: &'static str,
        at: &'static Location<'static>,
    ) -> Error {
        match self {
            Fault::Within(error) => *error,
            fault => Error::Failed { operation, fault, at },
        }
    }
}

/// A slice that must have a certain length.
pub(crate) fn check_length<T>(
    what: &'static str,
    slice: &[T],
    expected: usize,
) -> Result<(), Error> {
    if slice.len() == expected {
        Ok(())
    } else {
        Err(Error::Length { what, got: slice.len(), expected })
    }
}

impl Fault {
    /// The fault that made a recording within an operation fail.
    pub(crate) fn within(error: Error) -> Self {
        match error {
            Error::Failed { fault, .. } => fault,
            error => Fault::Within(Box::new(error)),
        }
    }
}

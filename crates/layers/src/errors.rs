//! What can go wrong, with the cause and the remedy.

/// Why a model, a data set or a training objective was refused.
///
/// Shapes that do not fit *inside* a network or a loss are found by the tape, and come as [`Error::Autodiff`] with both
/// shapes and the source line of the operation.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Recording or evaluating on the tape failed.
    #[error(transparent)]
    Autodiff(#[from] dualtape_autodiff::Error),

    /// The model asks for arrays beside its inputs, as lengths or a mask, that did not come along.
    #[error(
        "{source}; no array `{names}` came along: bring it by `Dataset::with_side`, or its shape by `summary_with`"
    )]
    NoSideInput {
        /// The names that it asked for in vain.
        names: String,
        /// What failed for want of them.
        source: dualtape_autodiff::Error,
    },

    /// A file of data was refused.
    #[error(transparent)]
    DataFile(Box<crate::data::DataFileError>),

    /// A module declared two parameters under one name.
    #[error(
        "the parameter `{name}` is declared twice; give each parameter and each layer of a module its own name"
    )]
    DuplicateParameter {
        /// The full name.
        name: String,
    },

    /// The arrays of a model together have more entries than memory can hold.
    #[error("with `{name}` of shape {shape:?} the model has more entries than memory can hold")]
    TooManyParameters {
        /// The parameter or buffer that is too much.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
    },

    /// A module is to make more layers than any model has.
    #[error("{} is to have {layers} layers: at most {most} are made", if name.is_empty() { "the model".into() } else { format!("`{name}`") })]
    TooManyLayers {
        /// The module; empty if it is the whole model.
        name: String,
        /// How many layers it is to have.
        layers: usize,
        /// How many there may be.
        most: usize,
    },

    /// No parameter has this name.
    #[error("there is no parameter `{name}`; the model has: {known}")]
    UnknownParameter {
        /// The name asked for.
        name: String,
        /// All names, separated by commas.
        known: String,
    },

    /// Two parameters that were tied differ in shape.
    #[error(
        "the parameter `{name}` of shape {shape:?} is tied to `{to}` of shape {to_shape:?}; only parameters of one shape can share their entries"
    )]
    TiedShapes {
        /// The one.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// The other.
        to: String,
        /// Its shape.
        to_shape: Vec<usize>,
    },

    /// The flat parameter vector does not have the length that the model needs.
    #[error(
        "the parameter vector has {got} entries, but the model has {expected}; `model.init(rng)` makes one"
    )]
    ParameterLength {
        /// Its length.
        got: usize,
        /// The length it must have.
        expected: usize,
    },

    /// An array does not have the shape that is needed.
    #[error("{what} have shape {got:?}, but {needed} is needed")]
    Shape {
        /// Which array.
        what: &'static str,
        /// Its shape.
        got: Vec<usize>,
        /// The shape it must have.
        needed: String,
    },

    /// The rows of a table differ in length.
    #[error(
        "row {row} has {got} entries, but row 0 has {expected}; a table needs rows of one length"
    )]
    RaggedRows {
        /// The first row that differs.
        row: usize,
        /// Its length.
        got: usize,
        /// The length of row 0.
        expected: usize,
    },

    /// Something that must have entries has none.
    #[error("{what} must not be empty")]
    Empty {
        /// What is empty.
        what: &'static str,
    },

    /// Two things that belong together row by row have different numbers of rows.
    #[error(
        "{left} have {left_rows} rows, but {right} have {right_rows}; each row needs its counterpart"
    )]
    RowCount {
        /// The one.
        left: &'static str,
        /// Its rows.
        left_rows: usize,
        /// The other.
        right: &'static str,
        /// Its rows.
        right_rows: usize,
    },

    /// A value is NaN or infinite.
    #[error("{what} hold {value} in row {row}, column {column}; remove or impute such rows first")]
    NotFinite {
        /// Which array.
        what: &'static str,
        /// Row, counted from 0.
        row: usize,
        /// Entry within the row, counted from 0 in row-major order.
        column: usize,
        /// The value.
        value: f64,
    },

    /// An array that was asked for does not fit into memory.
    #[error("{what} would be {rows} rows of {columns} entries, which do not fit into memory")]
    TooLarge {
        /// Which array.
        what: &'static str,
        /// Its rows.
        rows: usize,
        /// Entries to a row.
        columns: usize,
    },

    /// A class label is not below the number of classes.
    #[error("row {row} has label {label}, but there are {classes} classes, numbered from 0")]
    LabelOutOfRange {
        /// Row, counted from 0.
        row: usize,
        /// The label.
        label: usize,
        /// Number of classes.
        classes: usize,
    },

    /// A target that is to be a class label is no whole number from 0.
    #[error("row {row} has target {value}, which is no class label; labels are numbered from 0")]
    NotALabel {
        /// Row, counted from 0.
        row: usize,
        /// The target.
        value: f64,
    },

    /// A row index is not below the number of rows.
    #[error("row {index} does not exist: the data set has {rows}")]
    NoSuchRow {
        /// The index.
        index: usize,
        /// Number of rows.
        rows: usize,
    },

    /// The fractions of a split are not positive numbers that sum to 1.
    #[error(
        "a split needs positive fractions that sum to 1, such as [0.8, 0.2]; got {fractions:?}"
    )]
    Fractions {
        /// The fractions.
        fractions: Vec<f64>,
    },

    /// A part of a split would have no rows.
    #[error(
        "part {part} of the split would be empty: {rows} rows are too few for the fractions {fractions:?}"
    )]
    EmptyPart {
        /// The part, counted from 0.
        part: usize,
        /// Rows there are to share out.
        rows: usize,
        /// The fractions.
        fractions: Vec<f64>,
    },

    /// A cross-validation with too few or too many folds.
    #[error(
        "{rows} rows cannot be shared out to {folds} folds; take at least 2, at most one to a row"
    )]
    Folds {
        /// Number of folds.
        folds: usize,
        /// Number of rows.
        rows: usize,
    },

    /// A series is shorter than one window and its horizon.
    #[error(
        "a series of {steps} steps is too short for a window of {length} and a horizon of {horizon}"
    )]
    SeriesTooShort {
        /// Steps of the series.
        steps: usize,
        /// Steps of a window.
        length: usize,
        /// Steps after it.
        horizon: usize,
    },

    /// A weight decay that is negative or not finite.
    #[error("weight decay must be a finite number ≥ 0; got {value}")]
    WeightDecay {
        /// The value.
        value: f64,
    },

    /// A setting that makes no sense.
    #[error("{what} must be {needed}; got {value}")]
    Setting {
        /// Which.
        what: &'static str,
        /// What it must be.
        needed: &'static str,
        /// What it is.
        value: f64,
    },

    /// A setting of the training that the optimizer at hand leaves without effect.
    #[error("`Trainer::{setting}` would have no effect: {why}")]
    NoEffect {
        /// Which.
        setting: &'static str,
        /// What the optimizer lacks, and the remedy.
        why: &'static str,
    },

    /// The training objective is not a number, or infinite.
    #[error(
        "the loss became {loss} in epoch {epoch}, step {step}; the network is as it was before that epoch. Lower the learning rate, clip gradients, or look for inputs outside the loss's domain"
    )]
    Diverged {
        /// The epoch, counted from 1.
        epoch: usize,
        /// The step, counted from 0 over all epochs.
        step: u64,
        /// The loss.
        loss: f64,
    },

    /// The loss of a batch is not a number though the model's outputs are: it is not defined for this batch.
    #[error(
        "the loss is NaN in epoch {epoch}, step {step}, though the model's outputs are finite: it is not defined for that batch, in which perhaps nothing counts (all labels ignored, all weights 0: leave such examples out or take larger batches) or a target is outside the loss's domain; the network is as it was before that epoch"
    )]
    UndefinedLoss {
        /// The epoch, counted from 1.
        epoch: usize,
        /// The step, counted from 0 over all epochs.
        step: u64,
    },

    /// The optimizer refused a step or a saved state.
    #[error("the optimizer says: {message}")]
    Optimizer {
        /// Its own message.
        message: String,
    },

    /// A file could not be read or written.
    #[error("{path}: {message}")]
    File {
        /// The file.
        path: String,
        /// What happened.
        message: String,
    },

    /// Another training writes its checkpoints to the same file.
    #[error("{path} is written by another training under way: give each a file of its own")]
    InUse {
        /// The file.
        path: String,
    },

    /// A file of weights is damaged, or not one of this model.
    #[error("{path} does not hold the weights of this model: {problem}")]
    Weights {
        /// The file.
        path: String,
        /// Which arrays differ, and how.
        problem: String,
    },

    /// A file of the state of training is damaged, or not one of this training.
    #[error("training cannot go on from {path}: {problem}")]
    Resume {
        /// The file.
        path: String,
        /// What does not fit.
        problem: String,
    },

    /// A minibatch size of zero.
    #[error("a minibatch needs at least one row")]
    BatchSize,
}

impl From<crate::data::DataFileError> for Error {
    fn from(error: crate::data::DataFileError) -> Self {
        Self::DataFile(Box::new(error))
    }
}

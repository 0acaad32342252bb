//! What a method refuses, with the cause and the remedy.

use super::curvature_matrix::CurvatureMatrix;

/// Why a minimisation was refused or had to be abandoned.
///
/// What ends a run in the ordinary way (a limit, a failed line search, …) is no error but a
/// [`StopReason`](crate::StopReason) in the report. On an error that comes while a run is under way, `x` holds the best
/// point found until then.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A saved state is not one of this method.
    #[error(
        "the saved state is not one of this method: it has no `{missing}`, or not the right number of entries: restore it in the method, with the settings, that saved it"
    )]
    SavedState {
        /// What is not there.
        missing: &'static str,
    },

    /// A saved state has more than this method keeps.
    #[error(
        "the saved state has a list `{list}`, which this method does not keep: restore it in the method, with the settings, that saved it"
    )]
    ForeignState {
        /// The first such list.
        list: String,
    },

    /// A saved state is of other settings than these, with which its numbers would mean something else.
    #[error(
        "the saved state is of another {name}: {saved}, where this method has {here}: restore it in the method, with the settings, that saved it"
    )]
    SavedSetting {
        /// Name of the setter.
        name: &'static str,
        /// What it was set to when the state was saved.
        saved: f64,
        /// What it is set to.
        here: f64,
    },

    /// Parameters are meant by name, where they have none.
    #[error(
        "`{name}` is a name, but the parameters have none here: state them, as `stepper.named(&layout.parts())?`"
    )]
    NoNames {
        /// The name.
        name: String,
    },

    /// Parameters of a network of which some are frozen are meant by their places.
    #[error(
        "parameters are meant by their places, which change as others are frozen: name them, as `group(\"encoder.0\", ..)`"
    )]
    RangeOfFrozen,

    /// What is kept of parameters without names cannot be carried along to others.
    #[error(
        "other parameters are trained than before, and what is kept of those before has no names to be carried along by: \
         name groups and matrices in place of ranges, and state the names before the first step"
    )]
    UnnamedState,

    /// The derivative engine refused: a replay that took another branch, wrong shapes in the user's function, …
    #[error(transparent)]
    Autodiff(#[from] dualtape_autodiff::Error),

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

    /// The objective has no parameters, so there is nothing to minimise over.
    #[error("the objective has no parameters: give it at least one")]
    Empty,

    /// The start contains NaN or an infinity.
    #[error("x[{component}] is {value} at the start: start from finite numbers")]
    NonFiniteStart {
        /// Index of the first such component.
        component: usize,
        /// The number found.
        value: f64,
    },

    /// The objective cannot be evaluated at the start, so no method could tell better from worse.
    #[error("the objective is {value} at the start: choose a start inside its domain")]
    NonFiniteValue {
        /// The value found.
        value: f64,
    },

    /// A gradient contains NaN or an infinity.
    #[error(
        "component {component} of the gradient is {value}: the point is outside the domain or on its edge"
    )]
    NonFiniteGradient {
        /// Index of the first such component.
        component: usize,
        /// The number found.
        value: f64,
    },

    /// A product with a curvature matrix contains NaN or an infinity.
    #[error(
        "component {component} of a product with the curvature matrix is {value}: the point is outside the domain or on its edge"
    )]
    NonFiniteProduct {
        /// Index of the first such component.
        component: usize,
        /// The number found.
        value: f64,
    },

    /// A named range of parameters reaches beyond them.
    #[error("the block `{name}` ends at {end}, but there are {parameters} parameters")]
    Block {
        /// Its name.
        name: String,
        /// Where it ends.
        end: usize,
        /// The number of parameters.
        parameters: usize,
    },

    /// The names that an optimizer goes by are those of another vector of parameters than the objective's.
    #[error(
        "the optimizer's parameters are named as those of another vector than the objective's: say by `set_names` what they \
         are called now, after parameters were frozen or unfrozen"
    )]
    ForeignNames,

    /// A setting is outside the range in which the method is defined.
    #[error("{name} = {value} is not usable: it must be {requirement}")]
    Setting {
        /// Name of the setter.
        name: &'static str,
        /// What it was set to.
        value: f64,
        /// The range allowed.
        requirement: &'static str,
    },

    /// The bounds of a variable leave it no value.
    #[error(
        "the bounds of x[{component}] are {lower} and {upper}: the lower must not exceed the upper, nor either be NaN"
    )]
    Bounds {
        /// Index of the first such variable.
        component: usize,
        /// Its lower bound.
        lower: f64,
        /// Its upper bound.
        upper: f64,
    },

    /// The diagonal preconditioner is not positive.
    #[error("entry {component} of the preconditioner is {value}: it must be positive and finite")]
    Preconditioner {
        /// Index of the first such entry.
        component: usize,
        /// The number found.
        value: f64,
    },

    /// The objective does not have the curvature matrix that was asked for.
    #[error(
        "the objective has no {matrix}: give one that is recorded in the parts which that matrix is made of, or use the Hessian"
    )]
    NoCurvature {
        /// Which matrix.
        matrix: CurvatureMatrix,
    },

    /// A drawing could not be made or written.
    #[cfg(feature = "svg")]
    #[error("the drawing could not be made: {cause}")]
    Drawing {
        /// What went wrong.
        cause: String,
    },

    /// A matrix to be solved with is singular to the precision of its numbers.
    #[error("a {dim}×{dim} matrix to be solved with is singular to rounding: raise the shift")]
    Singular {
        /// Order of the matrix.
        dim: usize,
    },

    /// A linear system could not be solved to the accuracy that rounding allows.
    #[error(
        "a linear system is not solved: after {products} products the residual is {residual:e} of what it is compared with: raise the shift"
    )]
    NotSolved {
        /// Products spent.
        products: usize,
        /// Norm of the residual relative to that of the right-hand side (and of the product, where both are compared).
        residual: f64,
    },

    /// A matrix contains NaN or an infinity.
    #[error(
        "row {row} of a curvature matrix is not finite: the point is outside the domain or on its edge"
    )]
    NonFiniteMatrix {
        /// Index of the first such row.
        row: usize,
    },

    /// There is no variable of this number.
    #[error("there is no variable {index}: an operator on {dim} variables has 0 to {dim} − 1")]
    NoSuchVariable {
        /// The number.
        index: usize,
        /// How many there are.
        dim: usize,
    },

    /// Blocks do not follow each other, or do not cover all variables.
    #[error(
        "block {block} begins at {start}, but should begin at {expected}: blocks are not empty, follow each other, and cover all {dim} variables"
    )]
    Blocks {
        /// Number of the first block that is wrong; the number of blocks if one is missing at the end.
        block: usize,
        /// Where it begins.
        start: usize,
        /// Where the one before ends.
        expected: usize,
        /// How many variables there are.
        dim: usize,
    },

    /// The mean of the gradients of the examples is not the gradient of the objective.
    #[error(
        "the examples are not those of the objective: the mean of their gradients is off by {difference:e} of its size: record both as the mean of the same loss, on the same data"
    )]
    OtherExamples {
        /// Distance between the two, relative to their size.
        difference: f64,
    },

    /// A rank that an operator cannot have.
    #[error("rank {rank} is not usable: it must be at least 1 and at most {dim}")]
    Rank {
        /// The rank asked for.
        rank: usize,
        /// Order of the operator.
        dim: usize,
    },

    /// A matrix that must be positive semidefinite is not.
    #[error(
        "a curvature of {curvature:e} was met where none may be negative: use a Gauss–Newton or Fisher matrix, or a form that keeps the signs"
    )]
    Indefinite {
        /// The negative curvature.
        curvature: f64,
    },

    /// A least-squares method was given an objective that is not made of residuals.
    #[error(
        "the objective is not a sum of squares: record the residuals as `Residuals`, or take a method for any objective"
    )]
    NoResiduals,

    /// There are not more residuals than parameters, so that nothing is left from which to estimate their variance.
    #[error(
        "{residuals} residuals leave no degrees of freedom for {parameters} parameters: give more data, or use a likelihood with known variance"
    )]
    DegreesOfFreedom {
        /// The number of residuals.
        residuals: usize,
        /// The number of parameters.
        parameters: usize,
    },

    /// The data do not determine the parameters: along a direction the objective is flat, or even falls.
    #[error(
        "the parameters are not determined along a direction (curvature {curvature:e}, mainly parameter {}): fix or remove a parameter, give more data, or a prior; if the curvature is negative, the point is no minimum",
        largest(direction)
    )]
    Undetermined {
        /// The second derivative along the direction; 0 where it is at the level of rounding in a Jacobian.
        curvature: f64,
        /// A unit vector.
        direction: Vec<f64>,
    },

    /// An objective that comes from elsewhere could not be evaluated.
    #[error("the objective reports: {message}")]
    External {
        /// What it says.
        message: String,
    },

    /// An estimate of curvature is needed, and none was given.
    #[error("the first step needs an estimate of curvature: give one, or step on an objective")]
    NoEstimate,

    /// An eigenvalue iteration did not converge, which happens only for matrices close to overflow.
    #[error("the eigenvalues of a {dim}×{dim} matrix could not be computed: rescale the objective")]
    Eigenvalues {
        /// Order of the matrix.
        dim: usize,
    },
}

impl Error {
    /// Whether the cause lies in the values met at a point, so that an objective that returns it has no value or no
    /// derivative there, and may have both elsewhere.
    pub(crate) fn is_numerical(&self) -> bool {
        use dualtape_autodiff::{Error as Autodiff, custom::Fault};
        match self {
            Error::Autodiff(Autodiff::Failed { fault, .. }) => matches!(
                fault,
                Fault::NotPositiveDefinite { .. }
                    | Fault::Singular { .. }
                    | Fault::RepeatedEigenvalue { .. }
                    | Fault::NotConverged { .. }
                    | Fault::Refused(_)
            ),
            Error::Autodiff(Autodiff::NotFinite { .. } | Autodiff::Indeterminate { .. })
            | Error::NonFiniteValue { .. }
            | Error::NonFiniteGradient { .. }
            | Error::NonFiniteProduct { .. }
            | Error::NonFiniteMatrix { .. }
            | Error::Singular { .. }
            | Error::NotSolved { .. }
            | Error::Eigenvalues { .. } => true,
            _ => false,
        }
    }

    /// `Ok` if a slice has the length `expected`.
    pub(crate) fn check_length(
        what: &'static str,
        got: usize,
        expected: usize,
    ) -> Result<(), Error> {
        if got == expected { Ok(()) } else { Err(Error::Length { what, got, expected }) }
    }
}

/// The place of the entry of largest magnitude.
fn largest(direction: &[f64]) -> usize {
    let place =
        |best: usize, i: usize| if direction[i].abs() > direction[best].abs() { i } else { best };
    (0..direction.len()).fold(0, place)
}

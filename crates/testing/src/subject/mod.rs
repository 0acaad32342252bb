//! What is verified: a differentiable map, with every way there is to ask for its derivatives.

mod formula;
mod function;
#[cfg(feature = "layers")]
mod module;
#[cfg(feature = "optimizers")]
mod objective;
mod operation;
mod record;
mod recorded;
mod scalars;
mod tensors;

use std::error::Error as StdError;
use std::fmt;
use std::panic::Location;

use dualtape_autodiff::{Error, Function, custom::Fault};

pub use formula::{Formula, formula};
pub use function::{
    recorded_function, recorded_function_in_both, recorded_vector_function,
    recorded_vector_function_in_both,
};
#[cfg(feature = "layers")]
pub use module::{module, module_in_both};
#[cfg(feature = "optimizers")]
pub use objective::{objective, objective_in_both};
pub(crate) use operation::ADAPTOR;
pub use operation::{
    elementwise, numeric_operation, numeric_operation_in_both, operation, operation_in_both,
};
pub(crate) use record::Record;
pub(crate) use recorded::Recorded;
pub use scalars::{scalar, vector};
pub use tensors::{TensorFormula, tensor_formula, tensor_loss, tensors};

/// A differentiable map `f: ℝⁿ → ℝᵐ`, and the ways in which it can be asked for its derivatives.
///
/// The functions of this crate make subjects of closures, operations, layers, …; implement it for what has derivatives of
/// its own. Only [`values`](Self::values) and [`gradient`](Self::gradient) must be there: what a subject does not offer, by
/// answering [`Refusal::NotOffered`], no law asks of it, and the [summary](crate::Summary) says so.
///
/// All derivatives but those of [`jvp`](Self::jvp) and [`vjp`](Self::vjp) are those of the scalar function `φ(x) = ⟨w, f(x)⟩`
/// of an [`At`]; for `m = 1`, `w` is 1.
///
/// # Example
///
/// A gradient made elsewhere:
///
/// ```
/// use dualtape_testing::{Answer, At, Cause, Law, Subject, check};
///
/// /// `x² y`, whose second partial derivative someone has got wrong.
/// struct Mine;
///
/// impl Subject for Mine {
///     fn inputs(&self) -> Option<usize> {
///         Some(2)
///     }
///     fn values(&self, x: &[f64]) -> Answer<Vec<f64>> {
///         Ok(vec![x[0] * x[0] * x[1]])
///     }
///     fn gradient(&self, at: At<'_>) -> Answer<Vec<f64>> {
///         let x = at.x;
///         Ok(vec![2.0 * x[0] * x[1], 3.0 * x[0] * x[0]])
///     }
/// }
///
/// let failure = check(Mine).check().unwrap_err();
/// assert_eq!(failure.law(), Some(Law::FirstOrder));
/// assert_eq!(failure.component(), Some(1));
/// assert_eq!(failure.cause(), Cause::WrongFactor { factor: 3.0 });
/// ```
pub trait Subject {
    /// What reports call it.
    fn name(&self) -> String {
        "the function".into()
    }

    /// Number of inputs `n`, if it is one and known.
    fn inputs(&self) -> Option<usize> {
        None
    }

    /// `f(x)`, without any derivative.
    ///
    /// # Errors
    ///
    /// This and all others: [`Refusal`].
    fn values(&self, x: &[f64]) -> Answer<Vec<f64>>;

    /// `∇φ(x)`, by reverse mode.
    fn gradient(&self, at: At<'_>) -> Answer<Vec<f64>>;

    /// `∇φ(x)·v`, by forward mode.
    fn slope(&self, at: At<'_>, v: &[f64]) -> Answer<f64> {
        let _ = (at, v);
        Err(Refusal::NotOffered)
    }

    /// `J(x)·v`.
    fn jvp(&self, x: &[f64], v: &[f64]) -> Answer<Vec<f64>> {
        let _ = (x, v);
        Err(Refusal::NotOffered)
    }

    /// `J(x)ᵀ·w`.
    fn vjp(&self, at: At<'_>) -> Answer<Vec<f64>> {
        let _ = at;
        Err(Refusal::NotOffered)
    }

    /// `∇²φ(x)·v`, by one of the routes that there are.
    fn hvp(&self, at: At<'_>, v: &[f64], route: Route) -> Answer<Vec<f64>> {
        let _ = (at, v, route);
        Err(Refusal::NotOffered)
    }

    /// `∇³φ(x)[u, v]`, by one of the routes that there are.
    fn third_derivative(&self, at: At<'_>, u: &[f64], v: &[f64], route: Route) -> Answer<Vec<f64>> {
        let _ = (at, u, v, route);
        Err(Refusal::NotOffered)
    }

    /// `dᵏ/dεᵏ φ(x + εv)` for `k` from 0 to `order`, by forward mode over itself.
    fn derivatives_along(&self, at: At<'_>, v: &[f64], order: usize) -> Answer<Vec<f64>> {
        let _ = (at, v, order);
        Err(Refusal::NotOffered)
    }

    /// Value, gradient, and the product `∇²φ(x)·v` if `order ≥ 2`, of a recording made at another point.
    fn replayed(
        &self,
        recorded_at: &[f64],
        at: At<'_>,
        v: &[f64],
        order: usize,
    ) -> Answer<Replayed> {
        let _ = (recorded_at, at, v, order);
        Err(Refusal::NotOffered)
    }

    /// Several products `∇²φ(x)·vₖ` at once, and the same one at a time.
    fn lanes(&self, at: At<'_>, vs: &[Vec<f64>]) -> Answer<[Vec<Vec<f64>>; 2]> {
        let _ = (at, vs);
        Err(Refusal::NotOffered)
    }

    /// `f(x)` and `∇φ(x)` in single precision.
    fn single(&self, x: &[f32], w: &[f64]) -> Answer<(Vec<f32>, Vec<f32>)> {
        let _ = (x, w);
        Err(Refusal::NotOffered)
    }

    /// The line in which an operation was given to be checked: what reports name where the recording has no line of the user's.
    fn applied_at(&self) -> Option<&'static Location<'static>> {
        None
    }

    /// Shows `φ` as a recorded function, in which the instruction behind a failure can be looked for.
    ///
    /// One that [refuses](dualtape_autodiff::BranchPolicy::Refuse) to record itself again also tells where a value was read.
    fn with_function(&self, at: At<'_>, visit: &mut dyn FnMut(&Function<'_>)) -> Answer<()> {
        let _ = (at, visit);
        Err(Refusal::NotOffered)
    }
}

/// What a [`Subject`] answers.
pub type Answer<T> = Result<T, Refusal>;

/// The scalar function `φ(x) = ⟨w, f(x)⟩`, at a point.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    /// The point.
    pub x: &'a [f64],
    /// A weight for each value of `f`.
    pub w: &'a [f64],
}

/// A way to a derivative of second or third order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Route {
    /// Reverse mode over dual numbers, of a recording made for the occasion.
    ForwardOverReverse,
    /// The recorded gradient, differentiated as a program and linearised.
    Linearized,
    /// The gradient recorded inside a recording, and its gradient.
    ReverseOverReverse,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ForwardOverReverse => "forward over reverse",
            Self::Linearized => "the linearised recording",
            Self::ReverseOverReverse => "reverse over reverse",
        })
    }
}

/// What a recording gives at a point other than that where it was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    /// `φ(x)`
    pub value: f64,
    /// `∇φ(x)`
    pub gradient: Vec<f64>,
    /// `∇²φ(x)·v`, or nothing if that was not asked for or was refused.
    pub product: Vec<f64>,
}

/// Why a [`Subject`] does not answer.
#[derive(Debug)]
pub enum Refusal {
    /// It has no such derivative, nor claims to: no law is broken.
    NotOffered,
    /// It refused.
    Failed(Box<dyn StdError + Send + Sync>),
}

impl Refusal {
    /// It refused for this reason.
    pub fn failed(reason: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Failed(reason.into())
    }

    /// The error of the autodiff crate behind it, if that is one.
    pub fn autodiff(&self) -> Option<&Error> {
        let Self::Failed(error) = self else { return None };
        let mut error: &(dyn StdError + 'static) = &**error;
        loop {
            match error.downcast_ref::<Error>() {
                Some(found) => return Some(found),
                None => error = error.source()?,
            }
        }
    }

    /// The hand-written adjoint that was found wrong while it was recorded, in a debug build.
    pub(crate) fn wrong_adjoint(&self) -> Option<WrongAdjoint> {
        match *self.autodiff()? {
            Error::Failed {
                operation,
                fault: Fault::WrongAdjoint { operand, adjoint, difference },
                at,
            } => Some(WrongAdjoint { operation, operand, adjoint, difference, at }),
            _ => None,
        }
    }
}

/// What [`Fault::WrongAdjoint`] says.
pub(crate) struct WrongAdjoint {
    pub operation: &'static str,
    pub operand: usize,
    pub adjoint: f64,
    pub difference: f64,
    pub at: &'static Location<'static>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOffered => f.write_str("not offered"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl StdError for Refusal {}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::failed(error)
    }
}

//! Which steps of sequences count, where sequences of several lengths share an array.

use dualtape_autodiff::{Array, Real, Tensor};

use crate::module::{Module, Scope};

/// Where it is said which steps count.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Steps {
    /// All do.
    #[default]
    All,
    /// The side input of this name holds the number of steps of each sequence, `[batch]`.
    Lengths(String),
    /// The side input of this name is not 0 at the steps that count, `[batch, steps]`.
    Mask(String),
}

impl Steps {
    /// An array `[batch, steps]` that is not 0 at the steps that count, or `None` if all do.
    ///
    /// A side input that is missing or of another shape, and a length that is not a whole number up to `steps`, are errors
    /// that the tape keeps.
    #[track_caller]
    pub fn counted<'t, S: Real>(
        &self,
        scope: &Scope<'t, S>,
        batch: usize,
        steps: usize,
    ) -> Option<Tensor<'t, S>> {
        match self {
            Self::All => None,
            Self::Mask(name) => side_input(scope, name, &[batch, steps]),
            Self::Lengths(name) => {
                let lengths = side_input(scope, name, &[batch])?;
                let numbers = (0..=steps).map(|step| S::constant(step as f64)).collect();
                let numbers = scope.tape().constant(&Array::vector(numbers));
                // Looking each length up refuses those that are none, at every evaluation.
                let lengths = numbers.take(0, lengths).keep_axis(1);
                Some(numbers.view(0, &[1, steps]).lt(lengths))
            }
        }
    }
}

/// The side input of this name, of this shape.
#[track_caller]
pub(crate) fn side_input<'t, S: Real>(
    scope: &Scope<'t, S>,
    name: &str,
    shape: &[usize],
) -> Option<Tensor<'t, S>> {
    let given = scope.side_input(name);
    let shapes: &[&[usize]] = &given.map(|array| array.shape()).into_iter().collect::<Vec<_>>();
    if shapes == [shape] {
        return given;
    }
    let needs = format!("an array of shape {shape:?} by the name `{name}` beside the inputs");
    scope.tape().refuse("a side input", shapes, &needs);
    None
}

/// The mean of a sequence over its steps.
///
/// # Shape
///
/// From `[batch, steps, width]` to `[batch, width]`; other inputs are errors that the tape keeps. A sequence without steps
/// that count has mean 0.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Array;
/// use dualtape_layers::{MeanOfSteps, predict};
///
/// let x = Array::new(&[1, 2, 2], vec![1.0, 2.0, 3.0, 6.0])?;
/// assert_eq!(predict(&MeanOfSteps::new(), &[], &x)?.data(), [2.0, 4.0]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeanOfSteps {
    steps: Steps,
}

impl MeanOfSteps {
    /// The mean over all steps.
    pub fn new() -> Self {
        Self::default()
    }

    /// The mean up to each sequence's own length: an array `[batch]` of whole numbers up to the number of steps, which comes
    /// along with the inputs under this name. Others are an error at every evaluation.
    pub fn lengths_from(self, side_input: &str) -> Self {
        Self { steps: Steps::Lengths(side_input.to_owned()) }
    }

    /// The mean over the steps where the array `[batch, steps]` that comes along with the inputs under this name is not 0.
    pub fn mask_from(self, side_input: &str) -> Self {
        Self { steps: Steps::Mask(side_input.to_owned()) }
    }
}

impl<S: Real> Module<S> for MeanOfSteps {
    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        let (batch, steps) = match *x.shape() {
            [batch, steps, _] if steps > 0 => (batch, steps),
            _ => {
                let needs = "[batch, steps, width] with at least one step";
                scope.tape().refuse("MeanOfSteps", &[x.shape()], needs);
                return x;
            }
        };
        let Some(counted) = self.steps.counted(scope, batch, steps) else { return x.mean_axis(1) };
        let counts = counted.ne(S::zero()).keep_axis(2);
        // The number of steps, but at least 1: a sum of nothing is 0.
        let number =
            counts.sum_axis(1).maximum(scope.tape().constant(&Array::vector(vec![S::one()])));
        counts.where_cond(x, S::zero()).sum_axis(1) / number
    }
}

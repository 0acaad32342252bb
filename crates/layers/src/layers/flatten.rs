//! From images to vectors.

use dualtape_autodiff::{Real, Tensor};

use crate::module::Module;
use crate::module::Scope;

/// Makes one axis of several: `[batch, c, h, w]` becomes `[batch, c·h·w]`, row-major. Nothing is copied.
///
/// # Shape
///
/// Any shape with the first of the axes that become one; by default that is axis 1, so that examples stay apart.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Array;
/// use dualtape_layers::{Flatten, predict};
///
/// let x = Array::<f64>::zeros(&[5, 2, 3, 4]);
/// assert_eq!(predict(&Flatten::new(), &[], &x)?.shape(), [5, 24]);
/// assert_eq!(predict(&Flatten::from_axis(2), &[], &x)?.shape(), [5, 2, 12]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flatten {
    axis: usize,
}

impl Flatten {
    /// Of all axes but the first.
    pub fn new() -> Self {
        Self::from_axis(1)
    }

    /// Of this axis and all that follow.
    pub fn from_axis(axis: usize) -> Self {
        Self { axis }
    }
}

impl Default for Flatten {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Real> Module<S> for Flatten {
    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        if x.rank() <= self.axis {
            let needs = format!("an axis {}", self.axis);
            scope.tape().refuse("Flatten", &[x.shape()], &needs);
            return x;
        }
        let (kept, joined) = x.shape().split_at(self.axis);
        x.reshape(&[kept, &[joined.iter().product()]].concat())
    }

    fn describe(&self) -> String {
        "Flatten".to_owned()
    }
}

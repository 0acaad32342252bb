//! Layer normalisation.

use dualtape_autodiff::{Real, Tensor};

use super::{Affine, EPSILON};
use crate::module::{Declaration, Module, Scope};

/// Layer normalisation: `(x − mean)/√(var + ε) ⊙ weight + bias`, with mean and variance (divided by n) of each example's
/// features.
///
/// Source: Ba, Kiros & Hinton, "Layer normalization" (2016).
///
/// # Shape
///
/// `x` is `[.., features]`, with one or several axes of features at the end; the result has the same shape. Parameters are
/// `weight` and `bias` in the shape of the features, which start at 1 and 0. An `x` of another shape is an error that the
/// tape keeps.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Array;
/// use dualtape_layers::{LayerNorm, predict};
///
/// let layer = LayerNorm::new(&[2]).epsilon(3.0);
/// let y = predict(&layer, &[2.0, 2.0, 0.5, 0.0], &Array::new(&[1, 2], vec![1.0, 3.0])?)?;
/// assert_eq!(y.data(), [-0.5, 1.0]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LayerNorm {
    shape: Vec<usize>,
    epsilon: f64,
    affine: Affine,
}

impl LayerNorm {
    /// Over the last axes, which must have these lengths. ε is 1e-5.
    pub fn new(shape: &[usize]) -> Self {
        Self { shape: shape.to_vec(), epsilon: EPSILON, affine: Affine::FULL }
    }

    /// The same layer, with this ε.
    pub fn epsilon(self, epsilon: f64) -> Self {
        Self { epsilon, ..self }
    }

    /// The same layer, without a bias.
    pub fn without_bias(self) -> Self {
        Self { affine: Affine { bias: false, ..self.affine }, ..self }
    }

    /// The same layer, without gain and bias.
    pub fn without_affine(self) -> Self {
        Self { affine: Affine::NONE, ..self }
    }
}

impl<S: Real> Module<S> for LayerNorm {
    fn declare(&self, declaration: &mut Declaration) {
        self.affine.declare(declaration, &self.shape);
    }

    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        if self.shape.is_empty() || !x.shape().ends_with(&self.shape) {
            let needs = format!("an array whose last axes are {:?}, one at least", self.shape);
            scope.tape().refuse("LayerNorm", &[x.shape()], &needs);
            return x;
        }
        let axes: Vec<usize> = (x.rank() - self.shape.len()..x.rank()).collect();
        self.affine.apply(scope, x.normalize_axes(&axes, self.epsilon), &self.shape)
    }

    fn describe(&self) -> String {
        format!("LayerNorm({:?}{})", self.shape, self.affine.describe())
    }
}

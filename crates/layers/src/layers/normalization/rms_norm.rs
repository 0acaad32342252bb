//! Normalisation by the root mean square.

use dualtape_autodiff::{Real, Tensor};

use super::Affine;
use crate::module::{Declaration, Module, Scope};

/// Normalisation by the root mean square: `x/√(mean(x²) + ε) ⊙ weight`, over each example's features.
///
/// Source: Zhang & Sennrich, "Root mean square layer normalization", NeurIPS 2019.
///
/// # Shape
///
/// As [`LayerNorm`](crate::LayerNorm), without a bias.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Array;
/// use dualtape_layers::{RmsNorm, predict};
///
/// let layer = RmsNorm::new(&[2]).epsilon(0.0);
/// let y = predict(&layer, &[1.0, 10.0], &Array::new(&[1, 2], vec![1.0, 7.0])?)?;
/// assert_eq!(y.data(), [0.2, 14.0]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[doc(alias = "RMSNorm")]
pub struct RmsNorm {
    shape: Vec<usize>,
    epsilon: Option<f64>,
    affine: Affine,
}

impl RmsNorm {
    /// Over the last axes, which must have these lengths. ε is the rounding unit of the number type, as PyTorch's.
    pub fn new(shape: &[usize]) -> Self {
        let affine = Affine { weight: true, bias: false };
        Self { shape: shape.to_vec(), epsilon: None, affine }
    }

    /// The same layer, with this ε.
    pub fn epsilon(self, epsilon: f64) -> Self {
        Self { epsilon: Some(epsilon), ..self }
    }

    /// The same layer, without a gain.
    pub fn without_affine(self) -> Self {
        Self { affine: Affine::NONE, ..self }
    }
}

impl<S: Real> Module<S> for RmsNorm {
    fn declare(&self, declaration: &mut Declaration) {
        self.affine.declare(declaration, &self.shape);
    }

    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        if self.shape.is_empty() || !x.shape().ends_with(&self.shape) {
            let needs = format!("an array whose last axes are {:?}, one at least", self.shape);
            scope.tape().refuse("RmsNorm", &[x.shape()], &needs);
            return x;
        }
        let axes: Vec<usize> = (x.rank() - self.shape.len()..x.rank()).collect();
        let epsilon = self.epsilon.map_or(S::epsilon(), S::constant);
        let mean_square = (x * x).mean_axes(&axes).keep_axes(&axes);
        self.affine.apply(scope, x / (mean_square + epsilon).sqrt(), &self.shape)
    }

    fn describe(&self) -> String {
        let gain = if self.affine.weight { "" } else { ", no gain" };
        format!("RmsNorm({:?}{gain})", self.shape)
    }
}

//! The fully connected layer.

use dualtape_autodiff::{Real, Tensor};

use crate::module::Declaration;
use crate::module::Init;
use crate::module::Module;
use crate::module::Scope;

/// The fully connected layer `y = x·Wᵀ + b`.
///
/// # Shape
///
/// `x` is `[batch, inputs]`, the result `[batch, outputs]`; parameters are `weight` `[outputs, inputs]` and `bias`
/// `[outputs]`. An `x` of another shape is an error that the tape keeps, with both shapes.
///
/// By default the weight starts [Xavier-uniform](Init::xavier_uniform) with gain 1, the bias at 0.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Array;
/// use dualtape_layers::{Linear, predict};
///
/// let layer = Linear::new(2, 3);
/// let theta = [1.0, 0.0, 0.0, 1.0, 2.0, -1.0, /* bias */ 0.5, 0.0, -0.5];
/// let y = predict(&layer, &theta, &Array::new(&[1, 2], vec![3.0, 4.0])?)?;
/// assert_eq!(y.data(), [3.5, 4.0, 1.5]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    inputs: usize,
    outputs: usize,
    weight: Init,
    bias: Option<Init>,
}

impl Linear {
    /// A layer with a bias.
    pub fn new(inputs: usize, outputs: usize) -> Self {
        Self { inputs, outputs, weight: Init::xavier_uniform(1.0), bias: Some(Init::Zeros) }
    }

    /// The same layer, with `y = x·Wᵀ`.
    pub fn without_bias(self) -> Self {
        Self { bias: None, ..self }
    }

    /// The same layer, with a weight that starts so.
    pub fn weight_init(self, weight: Init) -> Self {
        Self { weight, ..self }
    }

    /// The same layer, with a bias that starts so.
    pub fn bias_init(self, bias: Init) -> Self {
        Self { bias: Some(bias), ..self }
    }
}

impl<S: Real> Module<S> for Linear {
    fn declare(&self, declaration: &mut Declaration) {
        declaration.parameter("weight", &[self.outputs, self.inputs], self.weight);
        if let Some(init) = self.bias {
            declaration.parameter("bias", &[self.outputs], init);
        }
    }

    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        let y = x.matmul(scope.parameter("weight").t());
        if self.bias.is_some() { y + scope.parameter("bias") } else { y }
    }

    fn describe(&self) -> String {
        let bias = if self.bias.is_some() { "" } else { ", no bias" };
        format!("Linear({} → {}{bias})", self.inputs, self.outputs)
    }
}

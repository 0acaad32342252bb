//! Fully connected layers.

use dualtape_autodiff::{Real, Tensor};

use crate::module::Declaration;
use crate::module::Init;
use crate::module::Module;
use crate::module::Scope;

/// The fully connected layer `y = x·Wᵀ + b`.
///
/// # Shape
///
/// `x` is `[.., inputs]`, most often `[batch, inputs]`, and the result `[.., outputs]`; parameters are `weight` `[outputs,
/// inputs]` and `bias` `[outputs]`. An `x` of another shape is an error that the tape keeps, with both shapes.
///
/// By default both start as [PyTorch's](Init::pytorch), uniform on `±1/√inputs`.
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
        let init = Init::pytorch(inputs);
        Self { inputs, outputs, weight: init, bias: Some(init) }
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
        let weight = scope.parameter("weight").t();
        let y = match x.shape() {
            &[inputs] => x.reshape(&[1, inputs]).matmul(weight).reshape(&[self.outputs]),
            _ => x.matmul(weight),
        };
        if self.bias.is_some() { y + scope.parameter("bias") } else { y }
    }

    fn describe(&self) -> String {
        let bias = if self.bias.is_some() { "" } else { ", no bias" };
        format!("Linear({} → {}{bias})", self.inputs, self.outputs)
    }
}

/// The bilinear layer `yₖ = aᵀ·Wₖ·b + biasₖ` of two vectors.
///
/// # Shape
///
/// As a [`Module`] it takes both vectors joined, `[.., left + right]`; [`Bilinear::apply`] takes them as `[.., left]` and
/// `[.., right]`. The result is `[.., outputs]`. Parameters are `weight` `[outputs, left, right]` and `bias` `[outputs]`.
/// Other shapes are an error that the tape keeps.
///
/// By default both start as PyTorch's, uniform on `±1/√left`.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Array;
/// use dualtape_layers::{Bilinear, predict};
///
/// let layer = Bilinear::new(2, 1, 1);
/// let theta = [10.0, 100.0, /* bias */ 0.5];
/// let y = predict(&layer, &theta, &Array::new(&[1, 3], vec![1.0, 2.0, /* right */ 3.0])?)?;
/// assert_eq!(y.data(), [(10.0 + 200.0) * 3.0 + 0.5]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Bilinear {
    left: usize,
    right: usize,
    outputs: usize,
    weight: Init,
    bias: Option<Init>,
}

impl Bilinear {
    /// A layer with a bias.
    pub fn new(left: usize, right: usize, outputs: usize) -> Self {
        let init = Init::pytorch(left);
        Self { left, right, outputs, weight: init, bias: Some(init) }
    }

    /// The same layer, with `yₖ = aᵀ·Wₖ·b`.
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

    /// The output for two arrays of vectors, in the scope of this layer.
    #[track_caller]
    pub fn apply<'t, S: Real>(
        &self,
        scope: &Scope<'t, S>,
        a: Tensor<'t, S>,
        b: Tensor<'t, S>,
    ) -> Tensor<'t, S> {
        let &Self { left, right, outputs, .. } = self;
        let leading = &a.shape()[..a.rank().saturating_sub(1)];
        if a.shape() != [leading, &[left]].concat() || b.shape() != [leading, &[right]].concat() {
            let needs = format!("arrays [.., {left}] and [.., {right}] of as many vectors");
            scope.tape().refuse("Bilinear", &[a.shape(), b.shape()], &needs);
            return a;
        }
        let rows = leading.iter().product();
        let weight = scope.parameter("weight").reshape(&[outputs * left, right]);
        let weighted = b.reshape(&[rows, right]).matmul(weight.t());
        let a = a.reshape(&[rows, left, 1]);
        let y = weighted.reshape(&[rows, outputs, left]).matmul(a);
        let y = y.reshape(&[leading, &[outputs]].concat());
        if self.bias.is_some() { y + scope.parameter("bias") } else { y }
    }
}

impl<S: Real> Module<S> for Bilinear {
    fn declare(&self, declaration: &mut Declaration) {
        declaration.parameter("weight", &[self.outputs, self.left, self.right], self.weight);
        if let Some(init) = self.bias {
            declaration.parameter("bias", &[self.outputs], init);
        }
    }

    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        let (both, axis) = (self.left + self.right, x.rank().saturating_sub(1));
        if x.shape().last() != Some(&both) {
            scope.tape().refuse("Bilinear", &[x.shape()], &format!("[.., {both}]"));
            return x;
        }
        let (a, b) = (x.slice(axis, 0..self.left), x.slice(axis, self.left..both));
        self.apply(scope, a, b)
    }

    fn describe(&self) -> String {
        let bias = if self.bias.is_some() { "" } else { ", no bias" };
        format!("Bilinear({} × {} → {}{bias})", self.left, self.right, self.outputs)
    }
}

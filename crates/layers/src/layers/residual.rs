//! Connections around layers.

use std::sync::Arc;

use dualtape_autodiff::{Real, Tensor};

use crate::module::{Declaration, Module, Scope};

/// The residual connection `x + f(x)`, or `g(x) + f(x)` with a shortcut `g` that fits the shape of `x` to that of `f(x)`.
///
/// Source: He, Zhang, Ren & Sun, "Deep residual learning for image recognition", CVPR 2016.
///
/// # Shape
///
/// The result has the shape of `f(x)`, which the other term must have too: another shape is an error that the tape keeps,
/// even where broadcasting would make it fit. The modules inside are named `body` and `shortcut`.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Array;
/// use dualtape_layers::{Linear, Module, Residual, predict};
///
/// let x = Array::new(&[1, 1], vec![3.0])?;
/// let block = Residual::new(Linear::new(1, 1).without_bias());
/// assert_eq!(predict(&block, &[10.0], &x)?.data(), [33.0]);
///
/// let wider = Residual::new(Linear::new(1, 2)).shortcut(Linear::new(1, 2).without_bias());
/// let layout = Module::<f64>::layout(&wider)?;
/// let names: Vec<&str> = layout.iter().map(|view| view.name()).collect();
/// assert_eq!(names, ["body.weight", "body.bias", "shortcut.weight"]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Residual<S: Real> {
    body: Arc<dyn Module<S>>,
    shortcut: Option<Arc<dyn Module<S>>>,
}

impl<S: Real> Residual<S> {
    /// `x + body(x)`
    pub fn new(body: impl Module<S> + 'static) -> Self {
        Self { body: Arc::new(body), shortcut: None }
    }

    /// The same connection, with `shortcut(x)` instead of `x`.
    pub fn shortcut(self, shortcut: impl Module<S> + 'static) -> Self {
        Self { shortcut: Some(Arc::new(shortcut)), ..self }
    }
}

impl<S: Real> Module<S> for Residual<S> {
    fn declare(&self, declaration: &mut Declaration) {
        declaration.module("body", self.body.as_ref());
        if let Some(shortcut) = &self.shortcut {
            declaration.module("shortcut", shortcut.as_ref());
        }
    }

    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        let y = scope.apply("body", self.body.as_ref(), x);
        let around = self.shortcut.as_ref().map(|g| scope.apply("shortcut", g.as_ref(), x));
        let around = around.unwrap_or(x);
        if around.shape() != y.shape() {
            let needs = "two terms of one shape; a shortcut can fit the input to the output";
            scope.tape().refuse("Residual", &[around.shape(), y.shape()], needs);
            return y;
        }
        around + y
    }

    fn describe(&self) -> String {
        "Residual".to_owned()
    }
}

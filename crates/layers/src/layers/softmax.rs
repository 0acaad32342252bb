//! Distributions over an axis.

use dualtape_autodiff::{Real, Tensor};

use crate::module::Module;
use crate::module::Scope;

/// `softmax(x)ᵢ = e^xᵢ/Σⱼ e^xⱼ` along one axis, without overflow.
///
/// A classifier that is trained by [`cross_entropy`](crate::cross_entropy) does not need it: that takes logits.
///
/// # Shape
///
/// Any shape that has the axis, counted from 0; the result has the same. Without the axis: an error that the tape keeps.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Array;
/// use dualtape_layers::{Softmax, predict};
///
/// let p = predict(&Softmax::new(1), &[], &Array::new(&[1, 2], vec![0.0, 3.0_f64.ln()])?)?;
/// assert!((p.data()[0] - 0.25).abs() < 1e-15 && (p.data()[1] - 0.75).abs() < 1e-15);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Softmax {
    axis: usize,
}

/// `ln softmax(x)` along one axis, formed as one operation: exact for logits of any finite size.
///
/// # Shape
///
/// As [`Softmax`].
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Array;
/// use dualtape_layers::{LogSoftmax, predict};
///
/// let p = predict(&LogSoftmax::new(0), &[], &Array::vector(vec![1e4, 0.0]))?;
/// assert_eq!(p.data(), [0.0, -1e4]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSoftmax {
    axis: usize,
}

impl Softmax {
    /// Along this axis, counted from 0.
    pub fn new(axis: usize) -> Self {
        Self { axis }
    }
}

impl LogSoftmax {
    /// Along this axis, counted from 0.
    pub fn new(axis: usize) -> Self {
        Self { axis }
    }
}

impl<S: Real> Module<S> for Softmax {
    fn forward<'t>(&self, _: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        x.softmax(self.axis)
    }

    fn describe(&self) -> String {
        format!("Softmax(axis {})", self.axis)
    }
}

impl<S: Real> Module<S> for LogSoftmax {
    fn forward<'t>(&self, _: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        x.log_softmax(self.axis)
    }

    fn describe(&self) -> String {
        format!("LogSoftmax(axis {})", self.axis)
    }
}

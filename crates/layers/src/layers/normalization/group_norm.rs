//! Group normalisation.

use dualtape_autodiff::{Real, Tensor};

use super::{Affine, EPSILON, column};
use crate::module::{Declaration, Module, Scope};

/// Group normalisation: `(x − mean)/√(var + ε) ⊙ weight + bias`, with mean and variance (divided by n) of each example's
/// groups of neighbouring channels; gain and bias are one for each channel.
///
/// With as many groups as channels this is instance normalisation, with one group layer normalisation of an image.
///
/// Source: Wu & He, "Group normalization", ECCV 2018.
///
/// # Shape
///
/// `x` is `[batch, channels, ..]`, which the result is too. Parameters are `weight` and `bias` `[channels]`, which start at
/// 1 and 0. Channels that the groups do not divide, and an `x` of another shape, are errors that the tape keeps.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Array;
/// use dualtape_layers::{GroupNorm, predict};
///
/// let layer = GroupNorm::new(2, 4).epsilon(0.0);
/// let gain_and_bias = [1.0, 1.0, 1.0, 2.0, 0.0, 0.0, 0.5, 0.0];
/// let x = Array::new(&[1, 4], vec![1.0, 3.0, -10.0, 30.0])?;
/// assert_eq!(predict(&layer, &gain_and_bias, &x)?.data(), [-1.0, 1.0, -0.5, 2.0]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[doc(alias = "InstanceNorm")]
pub struct GroupNorm {
    groups: usize,
    channels: usize,
    epsilon: f64,
    affine: Affine,
}

impl GroupNorm {
    /// Over the channels in so many groups. ε is 1e-5.
    pub fn new(groups: usize, channels: usize) -> Self {
        Self { groups, channels, epsilon: EPSILON, affine: Affine::FULL }
    }

    /// The same layer, with this ε.
    pub fn epsilon(self, epsilon: f64) -> Self {
        Self { epsilon, ..self }
    }

    /// The same layer, without gain and bias.
    pub fn without_affine(self) -> Self {
        Self { affine: Affine::NONE, ..self }
    }
}

impl<S: Real> Module<S> for GroupNorm {
    fn declare(&self, declaration: &mut Declaration) {
        self.affine.declare(declaration, &[self.channels]);
    }

    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        let Self { groups, channels, .. } = *self;
        let divided = groups > 0 && channels.is_multiple_of(groups);
        if !divided || x.shape().get(1) != Some(&channels) {
            let needs =
                format!("[batch, {channels}, ..], and {groups} groups that divide the channels");
            scope.tape().refuse("GroupNorm", &[x.shape()], &needs);
            return x;
        }
        let batch = x.shape()[0];
        let of_group = x.len() / (batch * groups).max(1);
        let grouped = x.reshape(&[batch, groups, of_group]);
        let y = grouped.normalize_axes(&[2], self.epsilon).reshape(x.shape());
        self.affine.apply(scope, y, &column(channels, x.rank()))
    }

    fn describe(&self) -> String {
        format!("GroupNorm({} of {}{})", self.groups, self.channels, self.affine.describe())
    }
}

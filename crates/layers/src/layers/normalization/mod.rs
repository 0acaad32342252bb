//! Layers that give their inputs mean 0 and variance 1 over some axes, and then a gain and a bias that are learned.

mod batch_norm;
mod group_norm;
mod layer_norm;
mod rms_norm;

pub use batch_norm::{BatchNorm, BatchNorm1d, BatchNorm2d};
pub use group_norm::GroupNorm;
pub use layer_norm::LayerNorm;
pub use rms_norm::RmsNorm;

use dualtape_autodiff::{Real, Tensor};

use crate::module::{Declaration, Init, Scope};

/// What is added to a variance, unless something else is asked for.
const EPSILON: f64 = 1e-5;

/// The gain `weight` and the `bias`, if there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Affine {
    weight: bool,
    bias: bool,
}

impl Affine {
    const FULL: Self = Self { weight: true, bias: true };
    const NONE: Self = Self { weight: false, bias: false };

    /// Gains start at 1, biases at 0.
    fn declare(self, declaration: &mut Declaration, shape: &[usize]) {
        if self.weight {
            declaration.parameter("weight", shape, Init::Constant(1.0));
        }
        if self.bias {
            declaration.parameter("bias", shape, Init::Zeros);
        }
    }

    /// `x ⊙ weight + bias`, both in a shape that is broadcast to that of `x`.
    fn apply<'t, S: Real>(
        self,
        scope: &Scope<'t, S>,
        mut x: Tensor<'t, S>,
        shape: &[usize],
    ) -> Tensor<'t, S> {
        if self.weight {
            x *= scope.parameter("weight").reshape(shape);
        }
        if self.bias {
            x += scope.parameter("bias").reshape(shape);
        }
        x
    }

    fn describe(self) -> &'static str {
        match (self.weight, self.bias) {
            (true, true) => "",
            (true, false) => ", no bias",
            (false, _) => ", no gain",
        }
    }
}

/// The shape in which a vector over the channels is broadcast to `[batch, channels, ..]` of this rank.
fn column(channels: usize, rank: usize) -> Vec<usize> {
    let mut shape = vec![1; rank - 1];
    shape[0] = channels;
    shape
}

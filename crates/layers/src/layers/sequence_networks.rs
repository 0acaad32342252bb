//! Ready-made networks for sequences.

use dualtape_autodiff::{Real, Tensor};

use super::activation::Activation;
use super::attention::{EncoderBlock, MultiHeadAttention, SinusoidalPositions};
use super::linear::Linear;
use super::normalization::LayerNorm;
use super::recurrent::{Cell, Recurrent};
use super::steps::MeanOfSteps;
use crate::module::{Declaration, Module, Scope, Sequential};

/// A recurrent network from sequences `[batch, steps, inputs]` to `[batch, outputs]`: one layer of this kind, and a linear
/// layer on its last state.
///
/// For more layers, two directions or sequences of several lengths, put the two together yourself: this is
/// `Sequential::new().then(Recurrent::new(..).last()).then(Linear::new(..))`.
///
/// # Example
///
/// ```
/// use dualtape_layers::{Cell, Module, rnn};
///
/// let model = rnn::<f64>(Cell::Gru, 8, 16, 10);
/// let summary = model.summary(&[5, 20, 8])?;
/// assert_eq!(summary.lines().nth(1).unwrap(), "0      GRU(8 → 16)      [5, 16]        1248");
/// assert_eq!(summary.lines().nth(2).unwrap(), "1      Linear(16 → 10)  [5, 10]         170");
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
pub fn rnn<S: Real>(cell: Cell, inputs: usize, hidden: usize, outputs: usize) -> Sequential<S> {
    Sequential::new()
        .then(Recurrent::new(cell, inputs, hidden).last())
        .then(Linear::new(hidden, outputs))
}

/// A transformer from sequences `[batch, steps, inputs]` to `[batch, outputs]`: a linear layer to `width` features,
/// [`SinusoidalPositions`], so many [`EncoderBlock`]s with the norm first, gelu and `4·width` hidden units, a last
/// [`LayerNorm`], the mean over the steps, and a linear layer. More than 4096 blocks are refused where the layout is asked for.
///
/// # Example
///
/// ```
/// use dualtape_layers::{Module, transformer};
///
/// let model = transformer::<f64>(8, 16, 2, 3, 10);
/// let layout = model.layout()?;
/// assert_eq!(layout.find("blocks.2.self_attn.in_proj_weight")?.shape(), [48, 16]);
/// assert!(model.summary(&[5, 20, 8])?.contains("head  "));
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
pub fn transformer<S: Real>(
    inputs: usize,
    width: usize,
    heads: usize,
    blocks: usize,
    outputs: usize,
) -> Sequential<S> {
    let block = EncoderBlock::new(MultiHeadAttention::new(width, heads), width.saturating_mul(4))
        .pre_norm()
        .activation(Activation::Gelu);
    Sequential::new()
        .named("embedding", Linear::new(inputs, width))
        .named("positions", SinusoidalPositions)
        .named("blocks", Repeated { module: block, layers: blocks })
        .named("norm", LayerNorm::new(&[width]))
        .named("mean", MeanOfSteps::new())
        .named("head", Linear::new(width, outputs))
}

/// So many layers of one kind one after the other, each with parameters of its own, named by their positions.
#[derive(Clone, Debug)]
struct Repeated<M> {
    module: M,
    layers: usize,
}

impl<S: Real, M: Module<S>> Module<S> for Repeated<M> {
    fn declare(&self, declaration: &mut Declaration) {
        for layer in declaration.layers(self.layers) {
            declaration.module(&layer.to_string(), &self.module);
        }
    }

    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        (0..self.layers).fold(x, |x, layer| scope.apply(&layer.to_string(), &self.module, x))
    }

    fn describe(&self) -> String {
        format!("Sequential of {}", self.layers)
    }
}

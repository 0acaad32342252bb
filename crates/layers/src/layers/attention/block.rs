//! The blocks of a transformer: attention and a perceptron, each with a residual connection and a norm.

use dualtape_autodiff::{Real, Tensor};

use super::MultiHeadAttention;
use crate::layers::activation::Activation;
use crate::layers::dropout::Dropout;
use crate::layers::linear::Linear;
use crate::layers::normalization::LayerNorm;
use crate::module::{Declaration, Module, Scope};

/// What encoder and decoder blocks have in common: how a part is connected, and the perceptron at the end.
#[derive(Clone, Debug, PartialEq)]
struct Frame {
    width: usize,
    hidden: usize,
    activation: Activation,
    pre_norm: bool,
    dropout: f64,
}

impl Frame {
    fn new(width: usize, hidden: usize) -> Self {
        Self { width, hidden, activation: Activation::Relu, pre_norm: false, dropout: 0.0 }
    }

    /// `norm(x + part(x))`, or `x + part(norm(x))` if the norm comes first.
    fn connect<'t, S: Real>(
        &self,
        scope: &Scope<'t, S>,
        norm: &str,
        x: Tensor<'t, S>,
        part: impl FnOnce(Tensor<'t, S>) -> Tensor<'t, S>,
    ) -> Tensor<'t, S> {
        let norm = |x| scope.apply(norm, &LayerNorm::new(&[self.width]), x);
        let dropped = |x| Dropout::new(self.dropout).forward(scope, x);
        if self.pre_norm { x + dropped(part(norm(x))) } else { norm(x + dropped(part(x))) }
    }

    /// `linear2(φ(linear1(x)))`
    fn perceptron<'t, S: Real>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        let (first, second) = self.linears();
        let h = self.activation.apply(scope.apply("linear1", &first, x));
        scope.apply("linear2", &second, Dropout::new(self.dropout).forward(scope, h))
    }

    fn linears(&self) -> (Linear, Linear) {
        (Linear::new(self.width, self.hidden), Linear::new(self.hidden, self.width))
    }

    /// Declares the perceptron and these norms.
    fn declare<S: Real>(&self, declaration: &mut Declaration, norms: &[&str]) {
        let (first, second) = self.linears();
        declaration.module::<S>("linear1", &first);
        declaration.module::<S>("linear2", &second);
        for norm in norms {
            declaration.module::<S>(norm, &LayerNorm::new(&[self.width]));
        }
    }

    fn describe(&self, name: &str) -> String {
        let norm = if self.pre_norm { "pre" } else { "post" };
        format!("{name}({}, {} hidden, {norm}-norm)", self.width, self.hidden)
    }
}

/// A block of a transformer's encoder: self-attention and a perceptron with one hidden layer, each with a residual connection
/// and a [`LayerNorm`].
///
/// By default the norm comes behind each connection, `norm(x + part(x))`, as in Vaswani et al. 2017; with
/// [`pre_norm`](Self::pre_norm) it is `x + part(norm(x))`, which trains without a warm-up (Xiong et al., ICML 2020). With
/// [`MultiHeadAttention::causal`] this is the block of a language model.
///
/// # Shape
///
/// Input and output are `[batch, steps, width]`, with the width of the attention. Parameters are those of
/// `torch.nn.TransformerEncoderLayer`: `self_attn.*`, `linear1.*`, `linear2.*`, `norm1.*`, `norm2.*`. Unlike there, nothing
/// is dropped by default, and dropout of attention weights is the attention's own.
///
/// # Example
///
/// ```
/// use dualtape_layers::{Activation, EncoderBlock, Module, MultiHeadAttention};
///
/// let attention = MultiHeadAttention::new(8, 2).lengths_from("lengths");
/// let block = EncoderBlock::new(attention, 32).pre_norm().activation(Activation::Gelu);
/// let layout = Module::<f64>::layout(&block)?;
/// assert_eq!(layout.find("self_attn.in_proj_weight")?.shape(), [24, 8]);
/// assert_eq!(layout.len(), (24 * 8 + 24 + 8 * 8 + 8) + (32 * 8 + 32) + (8 * 32 + 8) + 4 * 8);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[doc(alias("TransformerEncoderLayer", "TransformerBlock"))]
pub struct EncoderBlock {
    attention: MultiHeadAttention,
    frame: Frame,
}

impl EncoderBlock {
    /// A block with this attention, and so many hidden units in the perceptron; its activation is relu.
    pub fn new(attention: MultiHeadAttention, hidden: usize) -> Self {
        let frame = Frame::new(attention.width(), hidden);
        Self { attention, frame }
    }

    /// The same block with the norm before each part.
    pub fn pre_norm(self) -> Self {
        Self { frame: Frame { pre_norm: true, ..self.frame }, ..self }
    }

    /// The same block with this activation in the perceptron.
    pub fn activation(self, activation: Activation) -> Self {
        Self { frame: Frame { activation, ..self.frame }, ..self }
    }

    /// The same block with [`Dropout`] of this probability on what each part gives, and on the perceptron's hidden units.
    pub fn dropout(self, p: f64) -> Self {
        Self { frame: Frame { dropout: p, ..self.frame }, ..self }
    }
}

impl<S: Real> Module<S> for EncoderBlock {
    fn declare(&self, declaration: &mut Declaration) {
        declaration.module::<S>("self_attn", &self.attention);
        self.frame.declare::<S>(declaration, &["norm1", "norm2"]);
    }

    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        let Self { attention, frame } = self;
        attention.guarded(&scope.child("self_attn"), None, x, |x| {
            let x = frame.connect(scope, "norm1", x, |x| scope.apply("self_attn", attention, x));
            frame.connect(scope, "norm2", x, |x| frame.perceptron(scope, x))
        })
    }

    fn describe(&self) -> String {
        self.frame.describe("EncoderBlock")
    }
}

/// A block of a transformer's decoder: self-attention, attention to a memory such as an encoder's output, and a perceptron
/// with one hidden layer, each with a residual connection and a [`LayerNorm`](crate::LayerNorm).
///
/// Where norms stand is as in [`EncoderBlock`]. As a [`Module`] it takes the memory from the array that comes along under
/// the name `memory`: see [`Scope::with_side_input`] for handing it on; [`decode`](Self::decode) takes it as an argument.
///
/// Source: Vaswani et al., "Attention is all you need", NeurIPS 2017.
///
/// # Shape
///
/// Input and output are `[batch, steps, width]`, the memory `[batch, keys, width]`. Parameters are those of
/// `torch.nn.TransformerDecoderLayer`: `self_attn.*`, `multihead_attn.*`, `linear1.*`, `linear2.*`, `norm1.*`, `norm2.*`,
/// `norm3.*`. Attentions of two widths are an error that the tape keeps.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::{DecoderBlock, Module, MultiHeadAttention};
///
/// let attention = MultiHeadAttention::new(4, 2);
/// let block = DecoderBlock::new(attention.clone().causal(), attention.lengths_from("lengths"), 8);
/// let layout = Module::<f64>::layout(&block)?;
/// let tape = Tape::new();
/// let theta = tape.constant(&Array::vector(vec![0.1; layout.len()]));
/// let lengths = tape.constant(&Array::vector(vec![2.0]));
/// let scope = layout.bind(theta).with_side_input("lengths", lengths);
/// let [x, memory] = [[1, 5, 4], [1, 3, 4]].map(|shape| tape.constant(&Array::zeros(&shape)));
/// assert_eq!(block.decode(&scope, x, memory).shape(), [1, 5, 4]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[doc(alias = "TransformerDecoderLayer")]
pub struct DecoderBlock {
    attention: MultiHeadAttention,
    cross: MultiHeadAttention,
    frame: Frame,
}

impl DecoderBlock {
    /// A block with this attention to itself, most often [causal](MultiHeadAttention::causal), this one to the memory, and so
    /// many hidden units in the perceptron; its activation is relu.
    pub fn new(attention: MultiHeadAttention, cross: MultiHeadAttention, hidden: usize) -> Self {
        let frame = Frame::new(attention.width(), hidden);
        Self { attention, cross, frame }
    }

    /// The same block with the norm before each part.
    pub fn pre_norm(self) -> Self {
        Self { frame: Frame { pre_norm: true, ..self.frame }, ..self }
    }

    /// The same block with this activation in the perceptron.
    pub fn activation(self, activation: Activation) -> Self {
        Self { frame: Frame { activation, ..self.frame }, ..self }
    }

    /// The same block with [`Dropout`] of this probability on what each part gives, and on the perceptron's hidden units.
    pub fn dropout(self, p: f64) -> Self {
        Self { frame: Frame { dropout: p, ..self.frame }, ..self }
    }

    /// The block's output for `x` `[batch, steps, width]` and a memory `[batch, keys, width]`.
    #[track_caller]
    pub fn decode<'t, S: Real>(
        &self,
        scope: &Scope<'t, S>,
        x: Tensor<'t, S>,
        memory: Tensor<'t, S>,
    ) -> Tensor<'t, S> {
        let Self { attention, cross, frame } = self;
        let of = |x, memory| {
            let x = frame.connect(scope, "norm1", x, |x| scope.apply("self_attn", attention, x));
            let look = |x| cross.attend(&scope.child("multihead_attn"), x, memory);
            let x = frame.connect(scope, "norm2", x, look);
            frame.connect(scope, "norm3", x, |x| frame.perceptron(scope, x))
        };
        attention.guarded(&scope.child("self_attn"), None, x, |x| {
            cross.guarded(&scope.child("multihead_attn"), Some(x), memory, |memory| of(x, memory))
        })
    }
}

impl<S: Real> Module<S> for DecoderBlock {
    fn declare(&self, declaration: &mut Declaration) {
        declaration.module::<S>("self_attn", &self.attention);
        declaration.module::<S>("multihead_attn", &self.cross);
        self.frame.declare::<S>(declaration, &["norm1", "norm2", "norm3"]);
    }

    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        match scope.side_input("memory") {
            Some(memory) => self.decode(scope, x, memory),
            None => {
                let needs = "a memory by the name `memory` beside the inputs";
                scope.tape().refuse("DecoderBlock", &[x.shape()], needs);
                x
            }
        }
    }

    fn describe(&self) -> String {
        self.frame.describe("DecoderBlock")
    }
}

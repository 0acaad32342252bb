//! Attention, and what transformers are made of.

mod block;
mod positions;
mod sound;

use std::ops::Range;

use dualtape_autodiff::{Array, Real, Tensor};

pub use block::{DecoderBlock, EncoderBlock};
pub use positions::{LearnedPositions, SinusoidalPositions};

use self::sound::Marks;
use super::dropout::Dropout;
use super::linear::Linear;
use super::steps::Steps;
use crate::module::{Declaration, Init, Module, Scope};

/// Names of the weights of queries, keys and values: of all in one, and of each.
const SHARED_WEIGHT: &str = "in_proj_weight";
const WEIGHTS: [&str; 3] = ["q_proj_weight", "k_proj_weight", "v_proj_weight"];

/// Multi-head attention: for each head `softmax(q·kᵀ/√d + M)·v`, where queries, keys and values are linear in the inputs and
/// `d = width/heads`; the heads side by side go through one more linear layer.
///
/// As a [`Module`] it is self-attention; [`attend`](Self::attend) takes keys and values from elsewhere. `M` is 0 unless an
/// additive mask is given, and −∞ at keys that a query may not see.
///
/// What a query may not see does not count, whatever it holds: keys and values of NaN have no influence on its output, on
/// the derivatives of that, and on those of a loss that leaves out whoever does see them.
///
/// A query that may see no key at all, in a sequence of length 0 or where masks leave none, gets 0 from every head, with
/// derivatives 0; PyTorch gives NaN there.
///
/// Source: Vaswani et al., "Attention is all you need", NeurIPS 2017.
///
/// # Shape
///
/// Input and output are `[batch, steps, width]`, with at least one step. Parameters are those of
/// `torch.nn.MultiheadAttention`: `in_proj_weight` `[3·width, width]` (queries, keys, values), which starts
/// [Xavier-uniform](Init::xavier_uniform), `in_proj_bias` `[3·width]`, `out_proj.weight` `[width, width]`, uniform on
/// `±1/√width`, and `out_proj.bias` `[width]`; biases start at 0. Where keys and values have
/// [widths of their own](Self::key_value_widths), `q_proj_weight`, `k_proj_weight` and `v_proj_weight` stand in place of
/// `in_proj_weight`, as there. Other inputs, and a width that is not a multiple of the heads, are errors that the tape keeps.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Array;
/// use dualtape_layers::{Module, MultiHeadAttention, predict};
///
/// let layer = MultiHeadAttention::new(1, 1).without_bias().causal();
/// let theta = [/* q, k, v */ 0.0, 0.0, 1.0, /* out */ 10.0];
/// let x = Array::new(&[1, 3, 1], vec![1.0, 2.0, 6.0])?;
/// // equal scores: the mean of all up to now
/// assert_eq!(predict(&layer, &theta, &x)?.data(), [10.0, 15.0, 30.0]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[doc(alias = "MultiheadAttention")]
pub struct MultiHeadAttention {
    width: usize,
    /// Features of what queries, keys and values are made of.
    inputs: [usize; 3],
    heads: usize,
    bias: bool,
    dropout: f64,
    causal: bool,
    keys: Steps,
    additive: Option<String>,
}

impl MultiHeadAttention {
    /// Attention with so many heads, in which all see all.
    pub fn new(width: usize, heads: usize) -> Self {
        Self {
            width,
            inputs: [width; 3],
            heads,
            bias: true,
            dropout: 0.0,
            causal: false,
            keys: Steps::All,
            additive: None,
        }
    }

    /// The same layer without biases.
    pub fn without_bias(self) -> Self {
        Self { bias: false, ..self }
    }

    /// The same layer for keys made of arrays with `keys` features, and values made of arrays with `values` features:
    /// PyTorch's `kdim` and `vdim`. They are given to [`attend`](Self::attend) or [`attend_to`](Self::attend_to).
    #[doc(alias("kdim", "vdim"))]
    pub fn key_value_widths(self, keys: usize, values: usize) -> Self {
        Self { inputs: [self.width, keys, values], ..self }
    }

    /// The same layer with [`Dropout`] of this probability on the weights of the softmax.
    pub fn dropout(self, p: f64) -> Self {
        Self { dropout: p, ..self }
    }

    /// The same layer in which query `i` sees keys `0` to `i` alone.
    pub fn causal(self) -> Self {
        Self { causal: true, ..self }
    }

    /// The same layer for sequences of several lengths: keys from the end of a sequence on are not seen. Lengths come along
    /// with the inputs under this name: an array `[batch]` of whole numbers up to the number of keys. Others are an error at
    /// every evaluation.
    pub fn lengths_from(self, side_input: &str) -> Self {
        Self { keys: Steps::Lengths(side_input.to_owned()), ..self }
    }

    /// The same layer in which keys are not seen where the array `[batch, keys]` that comes along with the inputs under this
    /// name is 0. (PyTorch's `key_padding_mask` says the contrary: which keys to ignore.)
    pub fn mask_from(self, side_input: &str) -> Self {
        Self { keys: Steps::Mask(side_input.to_owned()), ..self }
    }

    /// The same layer with an array `M` that is added to the scores, and comes along with the inputs under this name:
    /// `[queries, keys]`, or any that broadcasts to `[batch, heads, queries, keys]`. Keys are not seen where it is −∞.
    pub fn additive_mask_from(self, side_input: &str) -> Self {
        Self { additive: Some(side_input.to_owned()), ..self }
    }

    /// Attention of queries made of `x`, `[batch, queries, width]`, to keys and values made of `memory`,
    /// `[batch, keys, width]`; the result is `[batch, queries, width]`. Lengths and masks are those of the keys.
    ///
    /// Other shapes are errors that the tape keeps.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape};
    /// use dualtape_layers::{Module, MultiHeadAttention};
    ///
    /// let layer = MultiHeadAttention::new(1, 1).without_bias();
    /// let layout = Module::<f64>::layout(&layer)?;
    /// let tape = Tape::new();
    /// let scope = layout.bind(tape.constant(&Array::vector(vec![0.0, 0.0, 1.0, 10.0])));
    /// let x = tape.constant(&Array::new(&[1, 1, 1], vec![7.0])?);
    /// let memory = tape.constant(&Array::new(&[1, 2, 1], vec![1.0, 2.0])?);
    /// assert_eq!(layer.attend(&scope, x, memory).data(), [15.0]);
    /// # Ok::<(), dualtape_layers::Error>(())
    /// ```
    #[track_caller]
    pub fn attend<'t, S: Real>(
        &self,
        scope: &Scope<'t, S>,
        x: Tensor<'t, S>,
        memory: Tensor<'t, S>,
    ) -> Tensor<'t, S> {
        if let Some(needs) = self.lacks([x, memory, memory]) {
            scope.tape().refuse("MultiHeadAttention", &[x.shape(), memory.shape()], &needs);
            return x;
        }
        let memory = self.counted(scope, memory);
        let ((x, from), (memory, at)) = (self.sound(x), self.sound(memory));
        let (queries, others) = (self.project(scope, x, 0..1), self.project(scope, memory, 1..3));
        let marks = from.zip(at).map(|(queries, keys)| Marks { queries, keys });
        self.mix(scope, [queries[0], others[0], others[1]], marks)
    }

    /// As [`attend`](Self::attend), with keys and values made of two arrays: `[batch, keys, features]`, each with the features
    /// that the layer has [for it](Self::key_value_widths).
    ///
    /// Other shapes are errors that the tape keeps.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape};
    /// use dualtape_layers::{Module, MultiHeadAttention};
    ///
    /// let layer = MultiHeadAttention::new(1, 1).without_bias().key_value_widths(2, 1);
    /// let layout = Module::<f64>::layout(&layer)?;
    /// assert_eq!(layout.find("k_proj_weight")?.shape(), [1, 2]);
    /// let tape = Tape::new();
    /// let theta = [/* q */ 0.0, /* k */ 1.0, 2.0, /* v */ 1.0, /* out */ 10.0];
    /// let scope = layout.bind(tape.constant(&Array::vector(theta.to_vec())));
    /// let x = tape.constant(&Array::new(&[1, 1, 1], vec![7.0])?);
    /// let keys = tape.constant(&Array::new(&[1, 2, 2], vec![0.3, 0.1, 0.2, 0.4])?);
    /// let values = tape.constant(&Array::new(&[1, 2, 1], vec![1.0, 2.0])?);
    /// assert_eq!(layer.attend_to(&scope, x, keys, values).data(), [15.0]);
    /// # Ok::<(), dualtape_layers::Error>(())
    /// ```
    #[track_caller]
    pub fn attend_to<'t, S: Real>(
        &self,
        scope: &Scope<'t, S>,
        x: Tensor<'t, S>,
        keys: Tensor<'t, S>,
        values: Tensor<'t, S>,
    ) -> Tensor<'t, S> {
        let given = [x, keys, values];
        if let Some(needs) = self.lacks(given) {
            scope.tape().refuse("MultiHeadAttention", &given.map(|part| part.shape()), &needs);
            return x;
        }
        let [keys, values] = [keys, values].map(|part| self.counted(scope, part));
        let sound = [x, keys, values].map(|part| self.sound(part));
        let heads = [0, 1, 2].map(|part| self.project(scope, sound[part].0, part..part + 1)[0]);
        let marks = match sound.map(|(_, marks)| marks) {
            [Some(queries), Some(keys), Some(values)] => {
                Some(Marks { queries, keys: keys + values })
            }
            _ => None,
        };
        self.mix(scope, heads, marks)
    }

    /// Number of features.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Whether one parameter holds the weights of queries, keys and values.
    fn shares_weight(&self) -> bool {
        self.inputs == [self.width; 3]
    }

    /// What the layer lacks, or the arrays that queries, keys and values are made of.
    fn lacks<S: Real>(&self, given: [Tensor<'_, S>; 3]) -> Option<String> {
        let Self { width, heads, inputs, .. } = *self;
        if width == 0 || heads == 0 || !width.is_multiple_of(heads) {
            return Some(format!(
                "a width that is a multiple of the heads, not {width} of {heads}"
            ));
        }
        let shapes = given.map(|part| part.shape());
        let fits = |(shape, features): (&[usize], usize)| matches!(*shape, [_, steps, n] if steps > 0 && n == features);
        let fits = shapes.into_iter().zip(inputs).all(fits)
            && shapes[0][0] == shapes[1][0]
            && shapes[1][..2] == shapes[2][..2];
        let features = if self.shares_weight() {
            width.to_string()
        } else {
            let [queries, keys, values] = inputs;
            format!("{queries} (for keys {keys}, for values {values})")
        };
        (!fits).then(|| format!("[batch, steps, {features}] with at least one step, of one batch"))
    }

    /// Of the three linear functions of `x` (queries, keys, values) those in this range, each `[batch, heads, steps, d]`; in
    /// one product if they share a weight.
    fn project<'t, S: Real>(
        &self,
        scope: &Scope<'t, S>,
        x: Tensor<'t, S>,
        parts: Range<usize>,
    ) -> Vec<Tensor<'t, S>> {
        if !self.shares_weight() && parts.len() > 1 {
            return parts.flat_map(|part| self.project(scope, x, part..part + 1)).collect();
        }
        let &[batch, steps, _] = x.shape() else { return vec![x; parts.len()] };
        let Self { width, heads, .. } = *self;
        let rows = parts.len() * width;
        let weight = if self.shares_weight() {
            scope.parameter(SHARED_WEIGHT).view(parts.start * width * width, &[rows, width])
        } else {
            scope.parameter(WEIGHTS[parts.start])
        };
        let mut z = x.matmul(weight.t());
        if self.bias {
            z += scope.parameter("in_proj_bias").view(parts.start * width, &[rows]);
        }
        let of_one = [batch, heads, steps, width / heads];
        let z = z.reshape(&[batch, steps, parts.len(), heads, width / heads]);
        let z = z.permute(&[2, 0, 3, 1, 4]);
        (0..parts.len()).map(|part| z.view(part * batch * steps * width, &of_one)).collect()
    }

    /// From queries, keys and values of all heads to the output. Where not all see all, marks tell which to hide.
    fn mix<'t, S: Real>(
        &self,
        scope: &Scope<'t, S>,
        heads: [Tensor<'t, S>; 3],
        marks: Option<Marks<'t, S>>,
    ) -> Tensor<'t, S> {
        let &[batch, count, steps, depth] = heads[0].shape() else { return heads[0] };
        let (mask, seen) = self.looks(scope, &[batch, count, steps, heads[1].shape()[2]]);
        let (heads, marks) = match marks.map(|marks| marks.of_heads(heads)) {
            Some((heads, marks)) => (heads, Some(marks)),
            None => (heads, None),
        };
        let [queries, keys, values] = heads;
        let scale = S::constant((depth as f64).sqrt().recip());
        let mut scores = (queries * scale).matmul(keys.swap_axes(2, 3));
        if let Some(mask) = mask {
            scores += mask;
        }
        if let Some(seen) = &seen {
            scores = seen.keys.where_cond(scores, S::neg_infinity());
        }
        let weights = Dropout::new(self.dropout).forward(scope, scores.softmax(3));
        let mut y = weights.matmul(values);
        if let Some(any) = seen.and_then(|seen| seen.any) {
            y *= any;
        }
        let y = y.swap_axes(1, 2).reshape(&[batch, steps, count * depth]);
        let y = scope.apply("out_proj", &self.out_proj(), y);
        match marks.zip(seen) {
            Some((marks, seen)) => y * marks.factor(&seen),
            None => y,
        }
    }

    /// What is added to scores of this shape, and what the queries see; `None` if they see all.
    #[track_caller]
    fn looks<'t, S: Real>(
        &self,
        scope: &Scope<'t, S>,
        scores: &[usize],
    ) -> (Option<Tensor<'t, S>>, Option<Seen<'t, S>>) {
        let (mask, finite) = self.additive(scope, scores).unzip();
        (mask, self.seen(scope, scores, finite))
    }

    fn out_proj(&self) -> Linear {
        let linear = Linear::new(self.width, self.width);
        if self.bias { linear.bias_init(Init::Zeros) } else { linear.without_bias() }
    }

    /// The additive mask with 0 in place of −∞, and where it was finite.
    #[track_caller]
    fn additive<'t, S: Real>(
        &self,
        scope: &Scope<'t, S>,
        scores: &[usize],
    ) -> Option<(Tensor<'t, S>, Tensor<'t, S>)> {
        let name = self.additive.as_ref()?;
        let fits = |mask: &Tensor<'t, S>| {
            let axes = mask.shape().iter().rev().zip(scores.iter().rev());
            mask.rank() <= scores.len() && axes.into_iter().all(|(&m, &s)| m == s || m == 1)
        };
        let Some(mask) = scope.side_input(name).filter(fits) else {
            let needs = format!("an array by the name `{name}` that broadcasts to {scores:?}");
            let shape = scope.side_input(name).map(|mask| mask.shape());
            scope.tape().refuse("an additive mask", &shape.into_iter().collect::<Vec<_>>(), &needs);
            return None;
        };
        let finite = mask.ne(S::neg_infinity());
        Some((finite.where_cond(mask, S::zero()), finite))
    }

    /// What the queries see, for scores of this shape and additive masks that are finite here; `None` if they see all.
    fn seen<'t, S: Real>(
        &self,
        scope: &Scope<'t, S>,
        scores: &[usize],
        finite: Option<Tensor<'t, S>>,
    ) -> Option<Seen<'t, S>> {
        let &[batch, _, queries, keys] = scores else { return None };
        let causal = self.causal.then(|| {
            let ones = Array::new(&[queries, keys], vec![S::one(); queries * keys]);
            scope.tape().constant(&ones.expect("its own size")).tril(0)
        });
        let counted = self.keys.counted(scope, batch, keys);
        let counted = counted.map(|keys| keys.ne(S::zero()).keep_axis(1).keep_axis(1));
        // Each query sees the first key, unless data say otherwise.
        let certain = counted.is_none() && finite.is_none();
        let seen = [causal, counted, finite].into_iter().flatten().reduce(|a, b| a * b)?;
        if certain {
            return Some(Seen { own: seen, keys: seen, any: None });
        }
        // Who sees nothing looks at everything, so that all stays finite, and gets nothing of it.
        let last = [seen.rank() - 1];
        let any = seen.max_axes(&last).keep_axes(&last);
        Some(Seen { own: seen, keys: seen + any.eq(S::zero()), any: Some(any) })
    }
}

/// What queries may see.
#[derive(Clone, Copy, Debug)]
struct Seen<'t, S: Real> {
    /// Not 0 at the keys that a query may see; broadcasts to `[batch, heads, queries, keys]`.
    own: Tensor<'t, S>,
    /// Not 0 at the keys that a query looks at; broadcasts to `[batch, heads, queries, keys]`.
    keys: Tensor<'t, S>,
    /// 1 for a query that may see a key, else 0; `None` if all may. Broadcasts to `[batch, heads, queries, 1]`.
    any: Option<Tensor<'t, S>>,
}

impl<S: Real> Module<S> for MultiHeadAttention {
    fn declare(&self, declaration: &mut Declaration) {
        let Self { width, bias, .. } = *self;
        let weight = Init::xavier_uniform(1.0);
        if self.shares_weight() {
            declaration.parameter(SHARED_WEIGHT, &[width.saturating_mul(3), width], weight);
        } else {
            for (name, features) in WEIGHTS.into_iter().zip(self.inputs) {
                declaration.parameter(name, &[width, features], weight);
            }
        }
        if bias {
            declaration.parameter("in_proj_bias", &[width.saturating_mul(3)], Init::Zeros);
        }
        declaration.module::<S>("out_proj", &self.out_proj());
    }

    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        if let Some(needs) = self.lacks([x; 3]) {
            scope.tape().refuse("MultiHeadAttention", &[x.shape()], &needs);
            return x;
        }
        let (x, marks) = self.sound(x);
        let parts = self.project(scope, x, 0..3);
        let marks = marks.map(|marks| Marks { queries: marks, keys: marks });
        self.mix(scope, [parts[0], parts[1], parts[2]], marks)
    }

    fn describe(&self) -> String {
        let heads =
            if self.heads == 1 { "1 head".to_owned() } else { format!("{} heads", self.heads) };
        let causal = if self.causal { ", causal" } else { "" };
        format!("MultiHeadAttention({}, {heads}{causal})", self.width)
    }
}

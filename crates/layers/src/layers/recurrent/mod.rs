//! Recurrent networks.

mod cell;
mod unroll;

use dualtape_autodiff::{Real, Tensor};

pub use cell::Cell;
pub use unroll::{RecurrentOutput, RecurrentState};

use super::steps::Steps;
use crate::module::{Declaration, Init, Module, Scope};

/// A recurrent network: for each step of a sequence, a state made of the state before and the input, by the rule of its
/// [`Cell`]; in layers, each on the states of the one before.
///
/// Gates and their order, names, shapes and initial values are those of `torch.nn.RNN`, `LSTM` and `GRU`, so weights can be
/// exchanged. Initial states are 0, but for [`unroll`](Self::unroll). All products of inputs and weights are one product
/// before the first step.
///
/// # Sequences of several lengths
///
/// With [`lengths_from`](Self::lengths_from) each sequence ends at its own length, as in a packed sequence of PyTorch: its
/// state stays as it is there, the reverse direction starts there, and the sequence of outputs goes on with zeros. What the
/// array holds beyond an end has no influence. A sequence of length 0 keeps its initial state.
///
/// # Shape
///
/// The input is `[batch, steps, inputs]`, with at least one step; the output `[batch, steps, features]`, where `features` is
/// the number of hidden units (or of the projection), twice that if bidirectional, forward first; with [`last`](Self::last)
/// it is `[batch, features]`. Layer `k` has parameters `weight_ih_l{k}` `[gates·hidden, inputs]`, `weight_hh_l{k}`
/// `[gates·hidden, hidden]`, `bias_ih_l{k}` and `bias_hh_l{k}` `[gates·hidden]`, `weight_hr_l{k}` `[projection, hidden]` if
/// there is a projection, then the same with `_reverse` behind their names if bidirectional. All start uniformly on
/// `±1/√hidden`.
///
/// An input of another shape, no layers or hidden units, and a projection that is not smaller than the hidden state or not
/// of long short-term memory, are errors that the tape keeps.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::Array;
/// use dualtape_layers::{Cell, Module, Recurrent, predict};
///
/// // h′ = max(10·x + 2·h, 0)
/// let model = Recurrent::new(Cell::Relu, 1, 1).without_bias();
/// let x = Array::new(&[1, 3, 1], vec![1.0, 2.0, -9.0])?;
/// assert_eq!(predict(&model, &[10.0, 2.0], &x)?.data(), [10.0, 40.0, 0.0]);
/// assert_eq!(predict(&model.last(), &[10.0, 2.0], &x)?.data(), [0.0]);
///
/// let deep = Recurrent::lstm(3, 4).layers(2).bidirectional();
/// let layout = Module::<f64>::layout(&deep)?;
/// assert_eq!(layout.find("weight_ih_l1_reverse")?.shape(), [16, 8]);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[doc(alias("RNN", "LSTM", "GRU"))]
pub struct Recurrent {
    cell: Cell,
    inputs: usize,
    hidden: usize,
    projection: Option<usize>,
    layers: usize,
    bidirectional: bool,
    bias: bool,
    dropout: f64,
    last: bool,
    time_first: bool,
    steps: Steps,
}

impl Recurrent {
    /// One layer of this kind, forward, with biases.
    pub fn new(cell: Cell, inputs: usize, hidden: usize) -> Self {
        Self {
            cell,
            inputs,
            hidden,
            projection: None,
            layers: 1,
            bidirectional: false,
            bias: true,
            dropout: 0.0,
            last: false,
            time_first: false,
            steps: Steps::All,
        }
    }

    /// One layer of the simple network with tanh; [`new`](Self::new) with [`Cell::Relu`] is that with relu.
    pub fn rnn(inputs: usize, hidden: usize) -> Self {
        Self::new(Cell::Tanh, inputs, hidden)
    }

    /// One layer of long short-term memory.
    pub fn lstm(inputs: usize, hidden: usize) -> Self {
        Self::new(Cell::Lstm, inputs, hidden)
    }

    /// One layer of gated recurrent units.
    pub fn gru(inputs: usize, hidden: usize) -> Self {
        Self::new(Cell::Gru, inputs, hidden)
    }

    /// The same network with so many layers, 4096 at most; more are an error that the tape keeps.
    pub fn layers(self, layers: usize) -> Self {
        Self { layers, ..self }
    }

    /// The same network in which each layer also runs from the end to the beginning (Schuster & Paliwal 1997).
    pub fn bidirectional(self) -> Self {
        Self { bidirectional: true, ..self }
    }

    /// The same network without `b` and `d`.
    pub fn without_bias(self) -> Self {
        Self { bias: false, ..self }
    }

    /// The same network with [`Dropout`](crate::Dropout) of this probability on what each layer but the last gives to the
    /// next.
    pub fn dropout(self, p: f64) -> Self {
        Self { dropout: p, ..self }
    }

    /// The same network with states of this size, made of the hidden ones by a matrix: for long short-term memory only (Sak,
    /// Senior & Beaufays 2014).
    pub fn projection(self, size: usize) -> Self {
        Self { projection: Some(size), ..self }
    }

    /// The same network, whose output is the last state of the last layer: that at the end of the forward direction, and
    /// behind it, if bidirectional, that at the beginning of the reverse one.
    pub fn last(self) -> Self {
        Self { last: true, ..self }
    }

    /// The same network for sequences `[steps, batch, ..]`.
    pub fn time_first(self) -> Self {
        Self { time_first: true, ..self }
    }

    /// The same network for sequences of several lengths, which come along with the inputs under this name: an array
    /// `[batch]` of whole numbers up to the number of steps. Others are an error at every evaluation.
    pub fn lengths_from(self, side_input: &str) -> Self {
        Self { steps: Steps::Lengths(side_input.to_owned()), ..self }
    }

    /// The same network for sequences of which some steps are left out: states pass them unchanged, outputs are 0 there.
    /// They are those where the array `[batch, steps]` that comes along with the inputs under this name is 0.
    pub fn mask_from(self, side_input: &str) -> Self {
        Self { steps: Steps::Mask(side_input.to_owned()), ..self }
    }

    /// Number of features of the output.
    pub fn features(&self) -> usize {
        self.state() * self.directions().len()
    }

    /// Number of features of a state.
    fn state(&self) -> usize {
        self.projection.unwrap_or(self.hidden)
    }

    /// What is behind the names of the parameters of each direction.
    fn directions(&self) -> &'static [&'static str] {
        if self.bidirectional { &["", "_reverse"] } else { &[""] }
    }

    /// What the network, or an input of this shape, lacks.
    fn lacks(&self, shape: &[usize]) -> Option<String> {
        let Self { cell, inputs, hidden, layers, .. } = *self;
        if layers == 0 || hidden == 0 {
            return Some(format!("at least 1 layer and 1 hidden unit, not {layers} and {hidden}"));
        }
        if let Some(projection) = self.projection
            && (cell != Cell::Lstm || projection == 0 || projection >= hidden)
        {
            return Some(format!(
                "a projection of long short-term memory to 1 up to {} features, not one of {cell:?} to {projection}",
                hidden - 1
            ));
        }
        let order = if self.time_first { "[steps, batch" } else { "[batch, steps" };
        let fits = matches!(shape, &[_, _, width] if width == inputs)
            && shape[usize::from(!self.time_first)] > 0;
        (!fits).then(|| format!("sequences {order}, {inputs}] of at least one step"))
    }
}

impl<S: Real> Module<S> for Recurrent {
    fn declare(&self, declaration: &mut Declaration) {
        let init = Init::pytorch(self.hidden);
        let gates = self.hidden.saturating_mul(self.cell.gates());
        // More are refused when the network runs.
        for layer in declaration.layers(self.layers) {
            let inputs = if layer == 0 { self.inputs } else { self.features() };
            for direction in self.directions() {
                let mut parameter = |name: &str, shape: &[usize]| {
                    declaration.parameter(&format!("{name}_l{layer}{direction}"), shape, init);
                };
                parameter("weight_ih", &[gates, inputs]);
                parameter("weight_hh", &[gates, self.state()]);
                if self.bias {
                    parameter("bias_ih", &[gates]);
                    parameter("bias_hh", &[gates]);
                }
                if let Some(projection) = self.projection {
                    parameter("weight_hr", &[projection, self.hidden]);
                }
            }
        }
    }

    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        let output = self.unroll(scope, x, None);
        if self.last { output.last } else { output.sequence }
    }

    fn describe(&self) -> String {
        let name = match self.cell {
            Cell::Tanh => "RNN",
            Cell::Relu => "RNN, relu",
            Cell::Lstm => "LSTM",
            Cell::Gru => "GRU",
        };
        let layers =
            if self.layers == 1 { String::new() } else { format!(", {} layers", self.layers) };
        let ways = if self.bidirectional { ", bidirectional" } else { "" };
        let projection = self.projection.map(|size| format!(" → {size}")).unwrap_or_default();
        format!("{name}({} → {}{projection}{layers}{ways})", self.inputs, self.hidden)
    }
}

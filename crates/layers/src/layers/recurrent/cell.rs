//! One step of each kind of recurrent network.

use dualtape_autodiff::{Real, Tensor};

/// The kind of a [`Recurrent`](super::Recurrent) network: how a step makes the next state `h′` (and `c′`) of an input `x` and
/// the state `h` (and `c`). `⊙` is elementwise, `σ` the sigmoid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cell {
    /// `h′ = tanh(W x + b + U h + d)` (Elman, Cognitive Science 14, 1990).
    Tanh,
    /// `h′ = max(W x + b + U h + d, 0)`.
    Relu,
    /// Long short-term memory with a forget gate (Hochreiter & Schmidhuber 1997; Gers, Schmidhuber & Cummins 2000): with
    /// `z = W x + b + U h + d` in four parts `i, f, g, o`,
    /// `c′ = σ(f) ⊙ c + σ(i) ⊙ tanh(g)` and `h′ = σ(o) ⊙ tanh(c′)`, or `h′ = R (σ(o) ⊙ tanh(c′))` with a projection.
    Lstm,
    /// Gated recurrent unit (Cho et al., EMNLP 2014), with the reset gate on the hidden part: in three parts `r, u, n`,
    /// `r = σ(W x + b + U h + d)`, `u` likewise, `n = tanh(W x + b + r ⊙ (U h + d))` and `h′ = (1 − u) ⊙ n + u ⊙ h`.
    Gru,
}

/// The weights of one direction of one layer. They multiply states `[features, batch]` from the left, so that gates are
/// contiguous parts of one product.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weights<'t, S: Real> {
    pub input: Tensor<'t, S>,
    pub hidden: Tensor<'t, S>,
    /// `b` and `d`.
    pub biases: Option<[Tensor<'t, S>; 2]>,
    pub projection: Option<Tensor<'t, S>>,
}

/// The state of a batch between two steps.
#[derive(Clone, Copy, Debug)]
pub(super) struct State<'t, S: Real> {
    /// `h`, `[hidden, batch]`.
    pub hidden: Tensor<'t, S>,
    /// `c`, `[hidden, batch]`; only long short-term memory has one.
    pub cell: Option<Tensor<'t, S>>,
}

impl Cell {
    /// Each kind once.
    pub const ALL: &'static [Self] = &[Self::Tanh, Self::Relu, Self::Lstm, Self::Gru];

    /// The number of parts of the products.
    pub(super) fn gates(self) -> usize {
        match self {
            Self::Tanh | Self::Relu => 1,
            Self::Gru => 3,
            Self::Lstm => 4,
        }
    }

    /// What of the next states depends on the inputs alone: `W x + b`, and of `d` what the state has no part in, for all
    /// steps of `x` `[inputs, steps, batch]` by one product. `[steps, gates·hidden, batch]`
    pub(super) fn prepare<'t, S: Real>(
        self,
        weights: &Weights<'t, S>,
        x: Tensor<'t, S>,
    ) -> Tensor<'t, S> {
        let &[inputs, steps, batch] = x.shape() else { return x };
        let z = weights.input.matmul(x.reshape(&[inputs, steps * batch]));
        let z = match weights.biases {
            Some([b, d]) => {
                let hidden = d.len() / 3;
                let d =
                    if self == Self::Gru { d.view(0, &[2 * hidden]).pad(0, 0, hidden) } else { d };
                z + (b + d).keep_axis(1)
            }
            None => z,
        };
        z.reshape(&[z.shape()[0], steps, batch]).swap_axes(0, 1)
    }

    /// The state after a step for which [`prepare`](Self::prepare) gave `z`, `[gates·hidden, batch]`.
    pub(super) fn step<'t, S: Real>(
        self,
        weights: &Weights<'t, S>,
        z: Tensor<'t, S>,
        state: State<'t, S>,
    ) -> State<'t, S> {
        let product = weights.hidden.matmul(state.hidden);
        match self {
            Self::Tanh => State { hidden: (z + product).tanh(), ..state },
            Self::Relu => State { hidden: (z + product).relu(), ..state },
            Self::Gru => State { hidden: gru(z, product, weights.biases, state.hidden), ..state },
            Self::Lstm => {
                let (hidden, cell) = lstm(z + product, state.cell.unwrap_or(state.hidden));
                let hidden = weights.projection.map_or(hidden, |r| r.matmul(hidden));
                State { hidden, cell: Some(cell) }
            }
        }
    }
}

/// The new `h` before a projection, and the new `c`.
fn lstm<'t, S: Real>(z: Tensor<'t, S>, cell: Tensor<'t, S>) -> (Tensor<'t, S>, Tensor<'t, S>) {
    let &[hidden, batch] = cell.shape() else { return (cell, cell) };
    let part = |gate: usize, count: usize| z.view(gate * cell.len(), &[count * hidden, batch]);
    let input_forget = part(0, 2).sigmoid();
    let input = input_forget.view(0, cell.shape());
    let forget = input_forget.view(cell.len(), cell.shape());
    let cell = forget * cell + input * part(2, 1).tanh();
    (part(3, 1).sigmoid() * cell.tanh(), cell)
}

/// The new `h`.
fn gru<'t, S: Real>(
    z: Tensor<'t, S>,
    product: Tensor<'t, S>,
    biases: Option<[Tensor<'t, S>; 2]>,
    h: Tensor<'t, S>,
) -> Tensor<'t, S> {
    let &[hidden, batch] = h.shape() else { return h };
    let two = [2 * hidden, batch];
    let reset_update = (z.view(0, &two) + product.view(0, &two)).sigmoid();
    let reset = reset_update.view(0, h.shape());
    let update = reset_update.view(h.len(), h.shape());
    let new = |x: Tensor<'t, S>| x.view(2 * h.len(), h.shape());
    let from_h = match biases {
        Some([_, d]) => new(product) + d.view(2 * hidden, &[hidden, 1]),
        None => new(product),
    };
    let candidate = (new(z) + reset * from_h).tanh();
    candidate + update * (h - candidate)
}

//! The losses, written once for every kind of number.

use std::ops::Range;

use dualtape::prelude::*;

/// The four inputs of XOR, and the answers.
pub const DATA: [([f64; 2], f64); 4] =
    [([0.0, 0.0], 0.0), ([0.0, 1.0], 1.0), ([1.0, 0.0], 1.0), ([1.0, 1.0], 0.0)];

/// `L(W) = ½ Σ (σ(xᵀW) − y)²`: one unit, two weights.
pub fn perceptron<S: Scalar>(w: &[S]) -> S {
    let errors = DATA.iter().map(|&([x0, x1], y)| (w[0] * c(x0) + w[1] * c(x1)).sigmoid() - c(y));
    errors.map(|error| error * error * c(0.5)).sum()
}

/// The parameters of the network with two hidden units.
pub const NETWORK_BLOCKS: [(&str, Range<usize>); 4] = [
    ("hidden weights", 0..4),
    ("hidden biases", 4..6),
    ("output weights", 6..8),
    ("output bias", 8..9),
];

/// Small and irregular.
pub fn network_start() -> [f64; 9] {
    std::array::from_fn(|k| 1.5 * (2.3 * k as f64 + 0.4).sin())
}

fn output<S: Scalar>(w: &[S], [x0, x1]: [f64; 2]) -> S {
    let hidden = |k: usize| (w[2 * k] * c(x0) + w[2 * k + 1] * c(x1) + w[4 + k]).sigmoid();
    (w[6] * hidden(0) + w[7] * hidden(1) + w[8]).sigmoid()
}

/// `½ Σ (σ(…) − y)² + ½ 10⁻³ ‖w‖²`; without the decay there is no minimum at finite weights.
pub fn network<S: Scalar>(w: &[S]) -> S {
    let errors = DATA.iter().map(|&(x, y)| output(w, x) - c(y));
    let misfit: S = errors.map(|error| error * error * c(0.5)).sum();
    misfit + w.iter().map(|&w| w * w * c(5e-4)).sum::<S>()
}

/// What the network answers to the four inputs.
pub fn outputs(w: &[f64]) -> [f64; 4] {
    DATA.map(|(x, _)| output(w, x))
}

//! What is sometimes taken for the Hessian, beside the Hessian.
//!
//! The recipe goes: the gradient is `δ x` with `δ = (a − y) g′(z)`, so that "∂²L/∂W² = δ xᵀ g′(z)", gathered for every
//! weight into an array of 2×2×2 numbers. But `δ` depends on the weights too, through `a` and through `g′(z)`. The Hessian
//! is the 2×2 matrix of the derivatives of the gradient:
//!
//! ```text
//! ∂²L/∂wᵢ∂wⱼ = Σ (g′(z)² + (a − y) g″(z)) xᵢ xⱼ
//! ```
//!
//! and that is what differentiating the gradient's own graph gives, without this formula being written anywhere.

use dualtape::prelude::*;

use crate::demonstration::{Outcome, ensure};
use crate::distance::distance;
use crate::models::{DATA, perceptron};

type Square = [[f64; 2]; 2];

/// The 2×2×2 array: for each weight `k`, the sum of its gradients times `g′(z)` times the inputs.
fn folk_array(w: [f64; 2]) -> [Square; 2] {
    let mut array = [[[0.0; 2]; 2]; 2];
    for (x, y) in DATA {
        let a = (x[0] * w[0] + x[1] * w[1]).sigmoid();
        let slope = a * (1.0 - a);
        let delta = (a - y) * slope;
        for (k, i, j) in (0..8).map(|e| (e >> 2, e >> 1 & 1, e & 1)) {
            array[k][i][j] += delta * x[k] * slope * x[i] * x[j];
        }
    }
    array
}

/// The matrix `Σ δ g′(z) x xᵀ` that the recipe suggests.
fn folk_matrix(w: [f64; 2]) -> Square {
    let mut matrix = [[0.0; 2]; 2];
    for (x, y) in DATA {
        let a = (x[0] * w[0] + x[1] * w[1]).sigmoid();
        let slope = a * (1.0 - a);
        for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            matrix[i][j] += (a - y) * slope * slope * x[i] * x[j];
        }
    }
    matrix
}

fn exact(w: &[f64; 2]) -> Outcome<Square> {
    let h = hessian(|w| perceptron(w), w)?;
    Ok([[h[(0, 0)], h[(0, 1)]], [h[(1, 0)], h[(1, 1)]]])
}

/// Central differences of the gradient.
fn differences(w: &[f64; 2]) -> Outcome<Square> {
    let step = 1e-5;
    let mut matrix = [[0.0; 2]; 2];
    for j in 0..2 {
        let moved = |by: f64| {
            let mut w = *w;
            w[j] += by;
            gradient(|w| perceptron(w), &w)
        };
        let (ahead, behind) = (moved(step)?, moved(-step)?);
        for i in 0..2 {
            matrix[i][j] = (ahead[i] - behind[i]) / (2.0 * step);
        }
    }
    Ok(matrix)
}

fn error(a: &Square, b: &Square) -> f64 {
    distance(a.as_flattened(), b.as_flattened())
}

/// Prints the Hessian, its check by differences, and the folk formula, and holds them to each other.
pub fn compare(w: &[f64; 2]) -> Outcome<()> {
    let h = exact(w)?;
    let array = folk_array(*w);
    let slices = [array[0], array[1], folk_matrix(*w)];
    println!("∂²L/∂W² at W = {w:?}");
    println!("  {:<34}{:>24}{:>24}   error", "", "first row", "second row");
    let row = |name: &str, m: &Square| {
        println!(
            "  {name:<34}{:>12.6}{:>12.6}{:>12.6}{:>12.6}   {:.1e}",
            m[0][0],
            m[0][1],
            m[1][0],
            m[1][1],
            error(m, &h)
        );
    };
    row("exact, by automatic differentiation", &h);
    let checked = differences(w)?;
    row("central differences of the gradient", &checked);
    let names = ["folk array, weight 1", "folk array, weight 2", "folk matrix Σ δ g′ x xᵀ"];
    for (name, slice) in names.iter().zip(&slices) {
        row(name, slice);
    }
    println!();
    ensure(error(&checked, &h) < 1e-8, "differences agree with the exact Hessian")?;
    let wrong = slices.iter().all(|slice| error(slice, &h) > 0.5);
    ensure(wrong, "no slice of the folk array is anything like the Hessian")
}

/// The loss by epoch of `W ← W − α F⁻¹∂L/∂W` with the folk matrix; it stays where `F` is singular.
pub fn train(start: [f64; 2], alpha: f64, epochs: usize) -> Outcome<Vec<f64>> {
    let mut w = start;
    let mut losses = vec![perceptron(&w)];
    for _ in 0..epochs {
        let (f, g) = (folk_matrix(w), gradient(|w| perceptron(w), &w)?);
        let det = f[0][0] * f[1][1] - f[0][1] * f[1][0];
        let step =
            [(f[1][1] * g[0] - f[0][1] * g[1]) / det, (f[0][0] * g[1] - f[1][0] * g[0]) / det];
        if step.iter().all(|s| s.is_finite()) {
            (0..2).for_each(|k| w[k] -= alpha * step[k]);
        }
        losses.push(perceptron(&w));
    }
    Ok(losses)
}

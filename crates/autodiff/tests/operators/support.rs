//! Functions and numbers that the tests share.

use dualtape_autodiff::{Array, Dual, Function, Scalar, Tensor, Var, c, record};

pub type Dual3 = Dual<Dual<Dual<f64, 1>, 1>, 1>;

/// Components that no symmetry of a function maps onto each other.
pub fn wave(n: usize, frequency: f64, phase: f64) -> Vec<f64> {
    (0..n).map(|i| 0.8 * (frequency * i as f64 + phase).sin()).collect()
}

/// A curved function of scalars that couples all its inputs.
pub fn coupled<S: Scalar>(x: &[S]) -> S {
    let waves: S = x.windows(2).map(|x| (x[0] * x[1] + c(0.3)).sin() * x[1].exp()).sum();
    let norm: S = x.iter().map(|&x| x * x).sum();
    waves * c(0.5) + (norm + c(1.0)).ln() * x[0] + waves * waves / (norm + c(2.0))
}

/// A network `[n, 3] → 1` of 12 parameters over tensors, with data.
pub fn network_data() -> [Array<f64>; 2] {
    [matrix(&[5, 2], 1.1, 0.4), matrix(&[5, 1], 0.7, 0.9)]
}

pub fn matrix(shape: &[usize], frequency: f64, phase: f64) -> Array<f64> {
    Array::new(shape, wave(shape.iter().product(), frequency, phase)).expect("its own size")
}

pub fn network<'t>(theta: Tensor<'t>, inputs: Tensor<'t>) -> Tensor<'t> {
    let hidden = (inputs.matmul(theta.view(0, &[2, 3])) + theta.view(6, &[3])).tanh();
    hidden.matmul(theta.view(9, &[3, 1]))
}

pub fn network_loss<'t>(theta: Tensor<'t>, data: &[Tensor<'t>]) -> Var<'t> {
    (network(theta, data[0]) - data[1]).powi(2).mean() + theta.sigmoid().sum().powi(2)
}

/// One function of scalars and one of tensors, each with a point.
pub fn functions() -> Vec<(Function<'static>, Vec<f64>)> {
    let (x, theta) = (wave(11, 1.7, 0.2), wave(12, 1.3, 0.5));
    let [inputs, targets] = network_data();
    let scalars = record(&x).function(|x| coupled(x)).expect("a function of scalars");
    let tensors = record(&theta).data(&[&inputs, &targets]).function(network_loss);
    vec![(scalars, x), (tensors.expect("a network"), theta)]
}

/// A dual with tangents of `u`, `v` and `w` in its three levels.
pub fn dual3(x: f64, u: f64, v: f64, w: f64) -> Dual3 {
    let inner = Dual { re: Dual { re: x, eps: [u] }, eps: [Dual::constant(v)] };
    Dual { re: inner, eps: [Dual::constant(Dual::constant(w))] }
}

#[track_caller]
pub fn assert_near(got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len());
    let scale = expected.iter().fold(f64::MIN_POSITIVE, |m, x| m.max(x.abs()));
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        let error = (got - expected).abs();
        assert!(error <= tolerance * scale, "component {i}: {got} is not {expected}");
    }
}

pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

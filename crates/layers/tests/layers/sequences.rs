//! What tests of layers for sequences share: reference values, side inputs, refusals.

use dualtape_autodiff::{Array, Function, Real, Tape, Tensor, Var, record};
use dualtape_layers::{Error, Layout, Module, Scope, predict};
use serde_json::Value;

use crate::oracles::case;
use crate::support::{assert_close, numbers, wave};

const TORCH: &str = include_str!("../data/torch_sequences.json");
const TOLERANCE: f64 = 1e-11;

/// `a·sin(b·k + c)`
pub fn sines<S: Real>(shape: &[usize], [a, b, c]: [f64; 3]) -> Array<S> {
    let sine = |k| S::constant(a * (b * k as f64 + c).sin());
    Array::new(shape, (0..shape.iter().product()).map(sine).collect()).unwrap()
}

/// A function of all elements of these arrays, in which each counts differently:
/// `Σₖ cos(0.9k + 0.3)·yₖ + ½ Σₖ sin(1.1k)·yₖ²`.
pub fn scalar<'t, S: Real>(arrays: &[Tensor<'t, S>]) -> Var<'t, S> {
    let flat: Vec<_> = arrays.iter().map(|y| y.reshape(&[y.len()])).collect();
    let y = Tensor::concat(&flat, 0);
    let linear = y.constant(&sines(y.shape(), [1.0, 0.9, 0.3 + std::f64::consts::FRAC_PI_2]));
    let square = y.constant(&sines(y.shape(), [0.5, 1.1, 0.0]));
    (linear * y + square * y * y).sum()
}

/// Value, gradient and product of the Hessian of [`scalar`] of what `outputs` makes of the parameters, against PyTorch.
pub fn check(
    name: &str,
    layout: &Layout,
    data: &[&Array<f64>],
    outputs: impl for<'t> Fn(&Scope<'t, f64>, &[Tensor<'t>]) -> Vec<Tensor<'t>> + Send + Sync,
) {
    let case = case(TORCH, name);
    let n = layout.len();
    assert_eq!(n, numbers(&case["n_params"])[0] as usize, "{name}");
    let theta = sines::<f64>(&[n], [0.6, 1.7, 0.2]).data().to_vec();
    let function = record(&theta)
        .data(data)
        .function(|theta, data| scalar(&outputs(&layout.bind(theta), data)));
    check_derivatives(
        name,
        &function.unwrap(),
        &theta,
        [&case["value"], &case["gradient"], &case["hvp"]],
    );
}

pub fn check_derivatives(
    name: &str,
    function: &Function<'_>,
    theta: &[f64],
    expected: [&Value; 3],
) {
    let [value, gradient, hvp] = expected.map(numbers);
    let v: Vec<f64> =
        (0..theta.len()).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 } / (i + 1) as f64).collect();
    let (mut g, mut hv) = (vec![0.0; theta.len()], vec![0.0; theta.len()]);
    let f = function.value_and_gradient_into(theta, &mut g).unwrap();
    function.hvp_into(theta, &v, &mut hv).unwrap();
    assert_close(&format!("{name}: value"), &[f], &value, TOLERANCE);
    assert_close(&format!("{name}: gradient"), &g, &gradient, TOLERANCE);
    assert_close(&format!("{name}: HVP"), &hv, &hvp, TOLERANCE);
}

pub fn layout(model: &dyn Module<f64>) -> Layout {
    model.layout().unwrap()
}

/// The output of a model whose side inputs come along.
pub fn output<S: Real>(
    model: &dyn Module<S>,
    theta: &[S],
    x: &Array<S>,
    side: &[(&str, &Array<S>)],
) -> Result<Array<S>, Error> {
    let layout = model.layout()?;
    let tape = Tape::new();
    let theta = tape.constant(&Array::vector(theta.to_vec()));
    let mut scope = layout.bind(theta);
    for &(name, array) in side {
        scope = scope.with_side_input(name, tape.constant(array));
    }
    let y = model.forward(&scope, tape.constant(x));
    match tape.error() {
        Some(error) => Err(error.into()),
        None => Ok(Array::new(y.shape(), y.data().to_vec())?),
    }
}

#[track_caller]
pub fn refused(model: &dyn Module<f64>, shape: &[usize], text: &str) {
    let theta = vec![0.1; model.layout().unwrap().len()];
    let error = predict(model, &theta, &wave(shape, 1.0, 0.7)).unwrap_err().to_string();
    assert!(error.contains(text), "{error}");
}

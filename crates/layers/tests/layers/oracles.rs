//! Losses, gradients, HVPs and Hessians against reference values computed with mpmath and checked against PyTorch.

use dualtape_autodiff::{Array, Function, Tensor, Var, record};
use dualtape_layers::{
    Activation, AdaptiveAvgPool2d, AvgPool2d, BatchNorm2d, Conv2d, Dataset, Flatten, Huber,
    LayerNorm, Linear, Module, Sequential, binary_cross_entropy_with_logits, cross_entropy, hinge,
    mean_squared_error, mlp, one_hot, supervised,
};
use serde_json::Value;

use crate::support::{assert_close, numbers};

const TOLERANCE: f64 = 1e-11;

const MLP: &str = include_str!("../data/nn_mlp.json");
const LOSS: &str = include_str!("../data/nn_loss.json");
const NORMALIZATIONS_AND_ACTIVATIONS: &str = include_str!("../data/nn_norm_act.json");
const CONV: &str = include_str!("../data/nn_conv.json");

pub fn case(file: &str, name: &str) -> Value {
    let file: Value = serde_json::from_str(file).unwrap();
    let cases = file["cases"].as_array().unwrap();
    cases.iter().find(|case| case["name"] == name).unwrap_or_else(|| panic!("no {name}")).clone()
}

/// A tensor given by `values`, or by `shape` and a formula `a*sin(b*k+c)` or `a*sin(b*k+c)+d`.
pub fn tensor(spec: &Value) -> Array<f64> {
    if spec["values"].is_array() {
        let data = numbers(&spec["values"]);
        let rows = spec["values"].as_array().unwrap().len();
        return Array::new(&[rows, data.len() / rows], data).unwrap();
    }
    let shape: Vec<usize> = numbers(&spec["shape"]).iter().map(|&n| n as usize).collect();
    let constants: Vec<f64> = spec["formula"]
        .as_str()
        .unwrap()
        .split(['*', '(', '+', ')'])
        .filter_map(|part| part.parse().ok())
        .collect();
    let (a, b, c, d) = match constants[..] {
        [a, b, c] => (a, b, c, 0.0),
        [a, b, c, d] => (a, b, c, d),
        _ => panic!("not a*sin(b*k+c)+d: {spec}"),
    };
    let size: usize = shape.iter().product();
    let data = (0..size).map(|k| a * (b * k as f64 + c).sin() + d).collect();
    Array::new(&shape, data).unwrap()
}

pub fn theta(case: &Value) -> Vec<f64> {
    let parameters = case["params"].as_array().unwrap();
    parameters.iter().flat_map(|p| tensor(p).data().to_vec()).collect()
}

fn labels(case: &Value) -> Vec<usize> {
    numbers(&case["data"]["labels"]["values"]).iter().map(|&label| label as usize).collect()
}

fn check(case: &Value, function: &Function<'_>) {
    let theta = theta(case);
    assert_eq!(theta.len(), function.dim());
    let v: Vec<f64> =
        (0..theta.len()).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 } / (i + 1) as f64).collect();

    let mut gradient = vec![0.0; theta.len()];
    let loss = function.value_and_gradient_into(&theta, &mut gradient).unwrap();
    assert_close("loss", &[loss], &numbers(&case["loss"]), TOLERANCE);
    assert_close("gradient", &gradient, &numbers(&case["grad"]), TOLERANCE);

    let mut hvp = vec![0.0; theta.len()];
    function.hvp_into(&theta, &v, &mut hvp).unwrap();
    assert_close("HVP", &hvp, &numbers(&case["hvp"]), TOLERANCE);

    if case["hess"].is_array() {
        let hessian = function.hessian(&theta).unwrap();
        assert_close("Hessian", hessian.as_slice(), &numbers(&case["hess"]), TOLERANCE);
    }
}

fn check_model(
    case: &Value,
    model: &dyn Module<f64>,
    targets: Array<f64>,
    loss: impl for<'t> Fn(Tensor<'t>, Tensor<'t>) -> Var<'t> + Send + Sync,
) {
    let data = Dataset::new(tensor(&case["data"]["x"]), targets).unwrap();
    check(case, &supervised(model, &data, loss).unwrap());
}

#[test]
fn tanh_mlp_with_squared_error() {
    let case = case(MLP, "mlp/tanh_mse_3_5_2");
    let model = mlp(&[3, 5, 2], Activation::Tanh);
    check_model(&case, &model, tensor(&case["data"]["y"]), mean_squared_error);
}

#[test]
fn deep_relu_sigmoid_mlp_with_cross_entropy() {
    let case = case(MLP, "mlp/relu_sigmoid_deep_ce");
    let model = Sequential::new()
        .then(Linear::new(3, 4))
        .then(Activation::Relu)
        .then(Linear::new(4, 4))
        .then(Activation::Sigmoid)
        .then(Linear::new(4, 2));
    check_model(&case, &model, one_hot(&labels(&case), 2).unwrap(), cross_entropy);
}

#[test]
fn softplus_and_leaky_relu_mlps() {
    for (name, activation) in [
        ("norm_act/linear_softplus", Activation::Softplus),
        ("norm_act/linear_leaky_relu_0.1", Activation::LeakyRelu { slope: 0.1 }),
    ] {
        let case = case(NORMALIZATIONS_AND_ACTIVATIONS, name);
        let model = mlp(&[3, 4, 2], activation);
        check_model(&case, &model, tensor(&case["data"]["y"]), mean_squared_error);
    }
}

#[test]
fn convolutional_networks() {
    let plain = Sequential::new().then(Conv2d::new(1, 2, [3, 3])).then(Activation::Tanh);
    let pooled = Sequential::new()
        .then(Conv2d::new(2, 3, [3, 3]).padding([1, 1]))
        .then(Activation::Tanh)
        .then(AvgPool2d::new([2, 2]));
    for (name, features, width) in
        [("conv/plain_3x3", plain, 32), ("conv/pad1_avgpool2", pooled, 27)]
    {
        let case = case(CONV, name);
        let model = features.then(Flatten::new()).named("head", Linear::new(width, 3));
        check_model(&case, &model, one_hot(&labels(&case), 3).unwrap(), cross_entropy);
    }
}

#[test]
fn normalized_networks() {
    let by_layer = Sequential::new()
        .then(Linear::new(3, 4))
        .then(LayerNorm::new(&[4]))
        .then(Activation::Gelu)
        .then(Linear::new(4, 2));
    let by_batch = Sequential::new()
        .then(Conv2d::new(2, 4, [3, 3]))
        .then(BatchNorm2d::new(4))
        .then(Activation::Tanh)
        .then(AdaptiveAvgPool2d::new([1, 1]))
        .then(Flatten::new())
        .then(Linear::new(4, 2));
    for (name, model) in
        [("norm_act/layernorm_gelu_erf", by_layer), ("norm_act/batchnorm_identity_tanh", by_batch)]
    {
        let case = case(NORMALIZATIONS_AND_ACTIVATIONS, name);
        check_model(&case, &model, tensor(&case["data"]["y"]), mean_squared_error);
    }
}

/// Checks a loss alone, as a function of its first argument `[4, 3]`.
fn check_loss(
    name: &str,
    target: impl Fn(&Value) -> Array<f64>,
    loss: impl for<'t> Fn(Tensor<'t>, Tensor<'t>) -> Var<'t> + Send + Sync,
) {
    let case = case(LOSS, name);
    let target = target(&case);
    let function = record(&theta(&case))
        .data(&[&target])
        .function(|z, data| loss(z.reshape(&[4, 3]), data[0]));
    check(&case, &function.unwrap());
}

fn y(case: &Value) -> Array<f64> {
    tensor(&case["data"]["y"])
}

#[test]
fn losses_of_the_crate() {
    check_loss("loss/mse_mean", y, mean_squared_error);
    check_loss("loss/bce_with_logits_mean", y, binary_cross_entropy_with_logits);
    let one_hot = |case: &Value| one_hot(&labels(case), 3).unwrap();
    check_loss("loss/cross_entropy_mean", one_hot, cross_entropy);
    let integers = |case: &Value| Array::vector(numbers(&case["data"]["labels"]["values"]));
    check_loss("loss/cross_entropy_mean", integers, cross_entropy);
    check_loss("loss/huber_delta0.7", y, |z, y| Huber::new(0.7).terms(z, y).mean());
    check_loss("loss/hinge_mean", y, hinge);
    check_loss("loss/hinge_mean", y, hinge_in_scalars);
}

/// Hinge loss as a user may write it: in scalars, with a branch.
fn hinge_in_scalars<'t>(z: Tensor<'t>, y: Tensor<'t>) -> Var<'t> {
    let mut sum = z.get(0) * 0.0;
    for i in 0..z.len() {
        let margin = 1.0 - y.get(i) * z.get(i);
        if margin > 0.0 {
            sum += margin;
        }
    }
    sum / z.len() as f64
}

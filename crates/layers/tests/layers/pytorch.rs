//! Every feed-forward layer against PyTorch: values, gradients and Hessian-vector products with respect to parameters and
//! input, and the running statistics of batch normalisation.

use std::sync::{Arc, Mutex};

use dualtape_autodiff::{Array, Real, Record, Tensor, Var};
use dualtape_layers::{
    Activation, AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveMaxPool1d, AdaptiveMaxPool2d,
    AvgPool1d, AvgPool2d, BatchNorm1d, BatchNorm2d, Bilinear, Conv1d, Conv2d, ConvTranspose1d,
    ConvTranspose2d, Dataset, Embedding, GroupNorm, LayerNorm, Linear, LogSoftmax, MaxPool1d,
    MaxPool2d, Mode, Module, Network, RmsNorm, Softmax, Supervised,
};
use serde_json::Value;

use crate::support::{assert_close, rng};

fn cases() -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("../data/nn_layers.json")).unwrap();
    file["cases"].as_array().unwrap().clone()
}

fn case(name: &str) -> Value {
    cases().into_iter().find(|case| case["name"] == name).unwrap()
}

/// The layer of a case.
fn layer<S: Real>(name: &str) -> Box<dyn Module<S>> {
    use Activation as A;
    let activation = |name: &str| match name {
        "tanh" => A::Tanh,
        "tanh_shrink" => A::TanhShrink,
        "soft_sign" => A::SoftSign,
        "sigmoid" => A::Sigmoid,
        "log_sigmoid" => A::LogSigmoid,
        "relu" => A::Relu,
        "relu6" => A::Relu6,
        "leaky_relu" => A::LeakyRelu { slope: 0.2 },
        "elu" => A::Elu { alpha: 0.7 },
        "selu" => A::Selu,
        "gelu" => A::Gelu,
        "gelu_tanh" => A::GeluTanh,
        "softplus" => A::Softplus,
        "silu" => A::Silu,
        "mish" => A::Mish,
        "hard_tanh" => A::HardTanh { low: -0.5, high: 0.8 },
        "hard_sigmoid" => A::HardSigmoid,
        "hard_swish" => A::HardSwish,
        _ => panic!("no layer {name}"),
    };
    match name {
        "linear" => Box::new(Linear::new(3, 2)),
        "linear_vector" => Box::new(Linear::new(3, 2).without_bias()),
        "bilinear" => Box::new(Bilinear::new(2, 3, 2)),
        "conv1d" => Box::new(Conv1d::new(2, 3, [3]).stride([2]).padding([2]).dilation([2])),
        "conv1d_groups" => Box::new(Conv1d::new(4, 2, [2]).groups(2).without_bias()),
        "conv2d" => Box::new(Conv2d::new(2, 2, [2, 3]).stride([2, 1]).padding([1, 0])),
        "conv2d_dilated_groups" => {
            Box::new(Conv2d::new(2, 4, [2, 2]).dilation([1, 2]).groups(2).padding([1, 1]))
        }
        "conv_transpose1d" => Box::new(
            ConvTranspose1d::new(2, 3, [3])
                .stride([2])
                .padding([1])
                .output_padding([1])
                .dilation([2]),
        ),
        "conv_transpose2d" => {
            Box::new(ConvTranspose2d::new(2, 2, [2, 3]).stride([2, 1]).padding([0, 1]))
        }
        "conv_transpose2d_groups" => Box::new(
            ConvTranspose2d::new(4, 2, [2, 2])
                .stride([2, 2])
                .groups(2)
                .output_padding([1, 1])
                .without_bias(),
        ),
        "max_pool1d" => Box::new(MaxPool1d::new([3]).stride([2]).padding([1])),
        "max_pool2d" => Box::new(MaxPool2d::new([2, 3]).stride([1, 2])),
        "avg_pool1d" => Box::new(AvgPool1d::new([3]).stride([2]).padding([1])),
        "avg_pool2d" => Box::new(AvgPool2d::new([3, 2]).stride([2, 2]).padding([1, 1])),
        "avg_pool2d_exclude" => Box::new(
            AvgPool2d::new([3, 2]).stride([2, 2]).padding([1, 1]).without_padding_in_mean(),
        ),
        "adaptive_avg_pool1d" => Box::new(AdaptiveAvgPool1d::new([3])),
        "adaptive_avg_pool2d" => Box::new(AdaptiveAvgPool2d::new([2, 3])),
        "adaptive_max_pool1d" => Box::new(AdaptiveMaxPool1d::new([3])),
        "adaptive_max_pool2d" => Box::new(AdaptiveMaxPool2d::new([2, 3])),
        "embedding" => Box::new(Embedding::new(4, 3)),
        "layer_norm" => Box::new(LayerNorm::new(&[4])),
        "layer_norm_two_axes" => Box::new(LayerNorm::new(&[2, 3]).without_bias()),
        "rms_norm" => Box::new(RmsNorm::new(&[4]).epsilon(1e-3)),
        "rms_norm_default" => Box::new(RmsNorm::new(&[4])),
        "group_norm" => Box::new(GroupNorm::new(2, 4)),
        "batch_norm_table_train" => Box::new(BatchNorm1d::new(3)),
        "batch_norm1d_train" => Box::new(BatchNorm1d::new(2).momentum(0.3)),
        "batch_norm2d_train" => Box::new(BatchNorm2d::new(2).cumulative().epsilon(1e-3)),
        "batch_norm2d_plain" => {
            Box::new(BatchNorm2d::new(2).without_affine().without_running_statistics())
        }
        "batch_norm2d_eval" => Box::new(BatchNorm2d::new(2)),
        "softmax" => Box::new(Softmax::new(1)),
        "log_softmax" => Box::new(LogSoftmax::new(2)),
        name => Box::new(activation(name)),
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn lengths(value: &Value) -> Vec<usize> {
    numbers(value).iter().map(|&n| n as usize).collect()
}

/// `a·sin(b·k + c) + d`
fn formula(n: usize, [a, b, c, d]: [f64; 4]) -> Vec<f64> {
    (0..n).map(|k| a * (b * k as f64 + c).sin() + d).collect()
}

/// Parameters as the references have them, each by its formula, and their names and shapes.
fn parameters(case: &Value) -> (Vec<(String, Vec<usize>)>, Vec<f64>) {
    let mut views = Vec::new();
    let mut theta = Vec::new();
    for (t, parameter) in case["parameters"].as_array().unwrap().iter().enumerate() {
        let (name, shape) = (parameter[0].as_str().unwrap(), lengths(&parameter[1]));
        let gain = if name == "weight" && shape.len() == 1 { 1.0 } else { 0.0 };
        let constants = [0.6, 1.1 + 0.13 * t as f64, 0.3 + 0.2 * t as f64, gain];
        theta.extend(formula(shape.iter().product(), constants));
        views.push((name.to_owned(), shape));
    }
    (views, theta)
}

fn input(case: &Value) -> Vec<f64> {
    formula(lengths(&case["x"]).iter().product(), [1.3, 0.83, 0.4, 0.0])
}

fn cast<S: Real>(values: &[f64]) -> Vec<S> {
    values.iter().map(|&x| S::constant(x)).collect()
}

/// `Σ wₖ(yₖ + yₖ²/2)` with `wₖ = sin(0.7k + 0.2)`.
fn weighted<'t, S: Real>(y: Tensor<'t, S>) -> Var<'t, S> {
    let w = Array::new(y.shape(), cast(&formula(y.len(), [1.0, 0.7, 0.2, 0.0]))).unwrap();
    y.constant(&w).dot(y + y * y * S::constant(0.5))
}

/// The activations' inputs are six times as large as the others'.
fn scale(case: &Value) -> f64 {
    if lengths(&case["x"]) == [8] { 6.0 } else { 1.0 }
}

fn check<S: Real>(case: &Value, tolerance: f64) {
    let name = case["name"].as_str().unwrap();
    let model = layer::<S>(name);
    let layout = model.layout().unwrap();
    let (views, theta) = parameters(case);
    let declared: Vec<_> =
        layout.iter().map(|view| (view.name().to_owned(), view.shape().to_vec())).collect();
    assert_eq!(declared, views, "{name}");

    let (parameters, shape) = (theta.len(), lengths(&case["x"]));
    let indices = case["indices"].is_array().then(|| numbers(&case["indices"]));
    let mut point = theta;
    if indices.is_none() {
        point.extend(input(case));
    }
    let mode = if name.ends_with("train") { Mode::Train } else { Mode::Eval };
    let point: Vec<S> = cast(&point);
    let seen: Mutex<Option<Array<S>>> = Mutex::new(None);
    let f = Record::at(&point)
        .array()
        .function(|z| {
            let x = match &indices {
                Some(indices) => z.constant(&Array::new(&shape, cast(indices)).unwrap()),
                None => z.view(parameters, &shape) * S::constant(scale(case)),
            };
            let scope = layout.bind_in(z.view(0, &[parameters]), mode);
            let y = model.forward(&scope, x);
            *seen.lock().unwrap() = Array::new(y.shape(), y.data().to_vec()).ok();
            weighted(y)
        })
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let y = seen.lock().unwrap().take().unwrap();
    assert_eq!(y.shape(), lengths(&case["y_shape"]), "{name}");
    assert_close(&format!("{name}: y"), y.data(), &numbers(&case["y"]), tolerance);

    let gradient = f.gradient(&point).unwrap();
    assert_close(&format!("{name}: gradient"), &gradient, &numbers(&case["grad"]), tolerance);
    let v: Vec<S> = (0..point.len())
        .map(|i| S::constant(if i % 2 == 0 { 1.0 } else { -1.0 } / (i + 1) as f64))
        .collect();
    let mut hvp = vec![S::zero(); v.len()];
    f.hvp_into(&point, &v, &mut hvp).unwrap();
    assert_close(&format!("{name}: HVP"), &hvp, &numbers(&case["hvp"]), tolerance);
}

#[test]
fn layers_agree_with_pytorch() {
    let cases = cases();
    assert_eq!(cases.len(), 50);
    for case in cases.iter().filter(|case| case["name"] != "batch_norm2d_eval") {
        check::<f64>(case, 1e-11);
    }
}

#[test]
fn layers_agree_with_pytorch_in_single_precision() {
    // The default ε of RMS normalisation is that of the number type, and kinks are not where they are in double precision.
    let other = ["rms_norm_default", "batch_norm2d_eval"];
    for case in cases().iter().filter(|case| !other.contains(&case["name"].as_str().unwrap())) {
        check::<f32>(case, 1e-4);
    }
}

#[test]
fn running_statistics_agree_with_pytorch() {
    for name in ["batch_norm_table_train", "batch_norm1d_train", "batch_norm2d_train"] {
        let case = case(name);
        let mut network =
            Network::new(Arc::<dyn Module<f64>>::from(layer(name)), &mut rng(1)).unwrap();
        let names: Vec<&str> = network.layout().buffers().map(|view| view.name()).collect();
        assert_eq!(names, ["running_mean", "running_var", "num_batches_tracked"]);
        for factor in [1.0, 1.5] {
            let x: Vec<f64> = input(&case).iter().map(|x| factor * x).collect();
            let x = Array::new(&lengths(&case["x"]), x).unwrap();
            let loss = Supervised::of(&network, |y, _| weighted(y)).unwrap().mode(Mode::Train);
            let f = loss.function(&Dataset::new(x.clone(), x.clone()).unwrap()).unwrap();
            let buffers = network.buffers_mut();
            let mut auxiliary = vec![0.0; x.data().len() + buffers.len()];
            f.value_and_auxiliary_into(&vec![1.0; f.dim()], &mut auxiliary).unwrap();
            // outputs, the number of batches, then the statistics
            let updated = &auxiliary[x.data().len()..];
            let statistics = buffers.len() - 1;
            buffers[..statistics].copy_from_slice(&updated[1..]);
            buffers[statistics] = updated[0];
        }
        let expected = case["buffers"].as_array().unwrap();
        let expected: Vec<f64> = expected.iter().flat_map(|pair| numbers(&pair[1])).collect();
        assert_close(name, network.buffers(), &expected, 1e-14);
    }
}

#[test]
fn batch_normalisation_in_evaluation_agrees_with_pytorch() {
    let case = case("batch_norm2d_eval");
    let (_, theta) = parameters(&case);
    let mut network = Network::new(BatchNorm2d::new(2), &mut rng(1)).unwrap();
    network.parameters_mut().copy_from_slice(&theta);
    network.buffers_mut().copy_from_slice(&[0.2, -0.1, 0.7, 1.9, 5.0]);
    let x = Array::new(&lengths(&case["x"]), input(&case)).unwrap();
    let y = network.predict(&x).unwrap();
    assert_close("y", y.data(), &numbers(&case["y"]), 1e-14);
    let loss = Supervised::of(&network, |y, _| weighted(y)).unwrap().mode(Mode::Eval);
    let f = loss.function(&Dataset::new(x.clone(), x).unwrap()).unwrap();
    let gradient = f.gradient(&theta).unwrap();
    assert_close("gradient", &gradient, &numbers(&case["grad"])[..theta.len()], 1e-13);
}

//! Gauss–Newton products and gradients of single examples, through every kind of layer.

use dualtape_autodiff::{Array, record};
use dualtape_layers::{
    Activation, BatchNorm2d, Cell, Conv1d, Conv2d, Dataset, Dropout, Embedding, EncoderBlock,
    Flatten, GroupNorm, LayerNorm, Linear, MeanOfSteps, Mode, Module, MultiHeadAttention,
    Recurrent, Residual, RmsNorm, Sequential, SinusoidalPositions, Supervised, cnn,
    mean_squared_error, mlp, rnn,
};

use crate::support::{assert_close, rng, wave};

/// Models of two outputs for each example, with the shape of an input.
fn models() -> Vec<(Sequential<f64>, Vec<usize>)> {
    let norms = Sequential::new()
        .then(Linear::new(4, 6))
        .then(LayerNorm::new(&[6]))
        .then(Residual::new(Sequential::new().then(RmsNorm::new(&[6])).then(Linear::new(6, 6))))
        .then(Activation::Gelu)
        .then(Linear::new(6, 2));
    let convolutions = Sequential::new()
        .then(Conv2d::new(2, 4, [2, 2]).groups(2).padding([1, 1]).stride([2, 1]))
        .then(BatchNorm2d::new(4))
        .then(GroupNorm::new(2, 4))
        .then(Activation::Tanh)
        .then(Dropout::new(0.3))
        .then(Flatten::new())
        .then(Linear::new(4 * 2 * 4, 2));
    let series = Sequential::new()
        .then(Conv1d::new(2, 3, [2]).dilation([2]))
        .then(Activation::Softplus)
        .then(Flatten::new())
        .then(Linear::new(9, 2));
    let block = EncoderBlock::new(MultiHeadAttention::new(4, 2), 5).pre_norm();
    let attention = Sequential::new()
        .then(SinusoidalPositions)
        .then(block.activation(Activation::GeluTanh))
        .then(MeanOfSteps::new())
        .then(Linear::new(4, 2));
    let deep = Recurrent::gru(2, 3).layers(2).bidirectional().last();
    let recurrent = Sequential::new().then(deep).then(Linear::new(6, 2));
    let words =
        Sequential::new().then(Embedding::new(5, 3)).then(Flatten::new()).then(Linear::new(9, 2));
    vec![
        (mlp(&[4, 5, 2], Activation::Tanh), vec![4]),
        (norms, vec![4]),
        (convolutions, vec![2, 3, 3]),
        (series, vec![2, 5]),
        (cnn([1, 4, 4], &[3], &[2], Activation::Elu { alpha: 1.0 }), vec![1, 4, 4]),
        (attention, vec![3, 4]),
        (recurrent, vec![4, 2]),
        (rnn(Cell::Lstm, 2, 3, 2), vec![4, 2]),
        (words, vec![3]),
    ]
}

/// So many examples; inputs to an embedding are whole numbers.
fn data(input: &[usize], rows: usize) -> Dataset<f64> {
    let shape = [&[rows], input].concat();
    let inputs = match input {
        [3] => {
            let indices = (0..rows * 3).map(|k| (k * k % 5) as f64).collect();
            Array::new(&shape, indices).unwrap()
        }
        _ => wave(&shape, 1.1, 0.83),
    };
    Dataset::new(inputs, wave(&[rows, 2], 0.9, 0.47)).unwrap()
}

#[test]
fn the_mean_of_the_examples_gradients_is_the_gradient() {
    for (model, input) in models() {
        let data = data(&input, 4);
        let objective = Supervised::new(&model, mean_squared_error).unwrap().mode(Mode::Eval);
        let theta: Vec<f64> = model.init(&mut rng(7));
        let examples = objective.per_example(&data).unwrap();
        let (values, gradients) = examples.values_and_gradients(&theta).unwrap();
        let whole = objective.function(&data).unwrap();
        let mean = values.iter().sum::<f64>() / 4.0;
        assert!((mean - whole.value(&theta).unwrap()).abs() < 1e-14, "{}", model.describe());
        let means: Vec<f64> = (0..theta.len())
            .map(|k| (0..4).map(|i| gradients[(i, k)]).sum::<f64>() / 4.0)
            .collect();
        assert_close("gradient", &whole.gradient(&theta).unwrap(), &means, 1e-12);
    }
}

#[test]
fn gauss_newton_products_are_those_of_the_outputs_jacobian() {
    for (model, input) in models() {
        let data = data(&input, 3);
        let theta: Vec<f64> = model.init(&mut rng(3));
        let v: Vec<f64> = (0..theta.len()).map(|i| (1.3 * i as f64 + 0.2).cos()).collect();
        let objective = Supervised::new(&model, mean_squared_error).unwrap().mode(Mode::Eval);
        let composite = objective.composite(&data, None).unwrap();
        let product = composite.linearize(&theta).unwrap().gauss_newton(&v).unwrap();

        // for squared errors over 6 entries, 2/6·JᵀJ·v
        let layout = model.layout().unwrap();
        let outputs = record(&theta)
            .data(&[data.inputs()])
            .vector(|theta, data| model.forward(&layout.bind(theta), data[0]));
        let expected = outputs.unwrap().linearize(&theta).unwrap().gauss_newton(&v).unwrap();
        let expected: Vec<f64> = expected.iter().map(|x| x / 3.0).collect();
        assert_close("product", &product, &expected, 1e-12);
    }
}

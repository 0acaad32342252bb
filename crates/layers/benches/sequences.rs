//! Layers for sequences at the workloads of the autodiff crate's bench `networks`, which writes the same
//! networks by hand: their gradients and Hessian-vector products should cost the same.
//!
//! `cargo bench -p dualtape-layers --bench sequences`

#[path = "../../autodiff/benches/timing/mod.rs"]
mod timing;
#[expect(dead_code, reason = "layers take their parameters from the flat vector themselves")]
#[path = "../../autodiff/benches/workload/mod.rs"]
mod workload;

use dualtape_autodiff::{Array, Real};
use dualtape_layers::{
    Activation, Cell, EncoderBlock, Error, Layout, Module, MultiHeadAttention, Recurrent, rnn,
};
use workload::{Kind, Model, header, report, signed};

/// The parameters of a layer, as those of a workload.
fn model(number: u64, layout: &Layout) -> Model {
    let kind = |shape: &[usize]| match *shape {
        [_, inputs] => Kind::Weight(inputs),
        _ => Kind::Bias,
    };
    let parameters = layout.iter().map(|view| (view.shape().to_vec(), kind(view.shape())));
    Model { number, parameters: parameters.collect() }
}

/// Measures the mean squared error of a module on inputs and targets of these shapes.
fn measure<S: Real>(
    name: &str,
    number: u64,
    module: &dyn Module<S>,
    inputs: &[usize],
    targets: &[usize],
) -> Result<(), Error> {
    let layout = module.layout()?;
    let array = |stream, shape: &[usize]| {
        Array::<S>::new(shape, signed(stream, shape.iter().product(), |s| s))
    };
    let (x, y) = (array(100 * number + 90, inputs)?, array(100 * number + 91, targets)?);
    report(name, &model(number, &layout), &[&x, &y], |theta, data| {
        (module.forward(&layout.bind(theta), data[0]) - data[1]).powi(2).mean()
    })?;
    Ok(())
}

fn measure_all<S: Real>() -> Result<(), Error> {
    let lstm = rnn::<S>(Cell::Lstm, 16, 64, 1);
    measure("lstm_b16", 4, &lstm, &[16, 50, 16], &[16, 1])?;
    let gru = rnn::<S>(Cell::Gru, 16, 64, 1);
    measure("gru_b16", 4, &gru, &[16, 50, 16], &[16, 1])?;
    let deep = Recurrent::lstm(16, 64).layers(2).bidirectional();
    measure::<S>("2-layer bi-lstm", 4, &deep, &[16, 50, 16], &[16, 50, 128])?;
    let attention = MultiHeadAttention::new(64, 1).without_bias();
    let block = EncoderBlock::new(attention, 256).pre_norm().activation(Activation::GeluTanh);
    measure::<S>("xfmr_b8", 5, &block, &[8, 32, 64], &[8, 32, 64])?;
    let attention = MultiHeadAttention::new(64, 4).causal();
    let block = EncoderBlock::new(attention, 256).pre_norm().activation(Activation::GeluTanh);
    measure::<S>("4 heads, causal", 5, &block, &[8, 32, 64], &[8, 32, 64])
}

fn main() -> Result<(), Error> {
    header("layers for sequences");
    measure_all::<f32>()?;
    measure_all::<f64>()
}

//! Multilayer perceptrons with softmax cross-entropy, 784-128-64-10 and 4-16-3: gradient, Hessian-vector products and, for
//! the small one, the Hessian.

use crate::workload::{Kind, Model, header, report, uniform};
use dualtape_autodiff::{Array, Error, Real, Tensor, Var, c};

fn model(number: u64, sizes: &[usize]) -> Model {
    let layer =
        |pair: &[usize]| [(pair.to_vec(), Kind::Weight(pair[0])), (vec![pair[1]], Kind::Bias)];
    Model { number, parameters: sizes.windows(2).flat_map(layer).collect() }
}

fn loss<'t, S: Real>(
    model: &Model,
    theta: Tensor<'t, S>,
    inputs: Tensor<'t, S>,
    labels: Tensor<'t, S>,
) -> Var<'t, S> {
    let tensors = model.tensors(theta);
    let layers = tensors.as_chunks::<2>().0;
    let mut x = inputs;
    for (number, &[w, b]) in layers.iter().enumerate() {
        x = x.matmul(w) + b;
        if number + 1 < layers.len() {
            x = x.tanh();
        }
    }
    -(x.log_softmax(1) * labels).sum() / c(inputs.shape()[0] as f64)
}

fn measure<S: Real>(name: &str, number: u64, sizes: &[usize], batch: usize) -> Result<(), Error> {
    let model = model(number, sizes);
    let (width, classes) = (sizes[0], sizes[sizes.len() - 1]);
    let stream = 100 * number + 90;
    let inputs = (0..batch * width).map(|k| S::constant(uniform(stream, k as u64))).collect();
    let inputs = Array::new(&[batch, width], inputs)?;
    let hot = |k: usize| if k % classes == k / classes % classes { S::one() } else { S::zero() };
    let labels = Array::new(&[batch, classes], (0..batch * classes).map(hot).collect())?;
    report(&format!("{name}_b{batch}"), &model, &[&inputs, &labels], |theta, data| {
        loss(&model, theta, data[0], data[1])
    })?;
    Ok(())
}

pub fn run() -> Result<(), Error> {
    header("perceptrons");
    for batch in [1, 32, 256] {
        measure::<f32>("mlp", 1, &[784, 128, 64, 10], batch)?;
        measure::<f64>("mlp", 1, &[784, 128, 64, 10], batch)?;
    }
    measure::<f32>("iris", 2, &[4, 16, 3], 150)?;
    measure::<f64>("iris", 2, &[4, 16, 3], 150)
}

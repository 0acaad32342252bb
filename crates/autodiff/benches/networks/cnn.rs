//! A convolutional network on 28×28 images, two layers of convolution and pooling before a linear one: gradient and
//! Hessian-vector product against the loss.

use crate::workload::{Kind, Model, header, report, uniform};
use dualtape_autodiff::{
    Array, Error, Real, Tensor, Var, c,
    windows::{Convolution, Pooling},
};

const BATCH: usize = 32;

/// The loss, the length of the gradient, and `v·Hv`.
const CHECKS: [f64; 3] = [2.31947775980801, 0.341184548540043, 5.79658181318618];

fn model() -> Model {
    Model {
        number: 3,
        parameters: vec![
            (vec![8, 1, 3, 3], Kind::Weight(9)),
            (vec![8], Kind::Bias),
            (vec![16, 8, 3, 3], Kind::Weight(72)),
            (vec![16], Kind::Bias),
            (vec![784, 10], Kind::Weight(784)),
            (vec![10], Kind::Bias),
        ],
    }
}

fn loss<'t, S: Real>(
    model: &Model,
    theta: Tensor<'t, S>,
    images: Tensor<'t, S>,
    labels: Tensor<'t, S>,
) -> Var<'t, S> {
    let tensors = model.tensors(theta);
    let &[k1, b1, k2, b2, w, b] = &tensors[..] else { unreachable!("six tensors") };
    let same = Convolution { padding: [1, 1], ..Convolution::default() };
    let layer = |x: Tensor<'t, S>, kernel, bias: Tensor<'t, S>| {
        let y = x.conv(kernel, same) + bias.reshape(&[bias.len(), 1, 1]);
        y.relu().max_pool(Pooling::new([2, 2]))
    };
    let x = layer(layer(images, k1, b1), k2, b2);
    let logits = x.reshape(&[BATCH, 784]).matmul(w) + b;
    -(logits.log_softmax(1) * labels).sum() / c(BATCH as f64)
}

fn measure<S: Real>() -> Result<(), Error> {
    let model = model();
    let images = (0..BATCH as u64 * 784).map(|k| S::constant(uniform(390, k))).collect();
    let images = Array::new(&[BATCH, 1, 28, 28], images)?;
    let mut labels = vec![S::zero(); BATCH * 10];
    for b in 0..BATCH {
        labels[b * 10 + b % 10] = S::one();
    }
    let labels = Array::new(&[BATCH, 10], labels)?;
    let results = report("cnn_b32", &model, &[&images, &labels], |theta, data| {
        loss(&model, theta, data[0], data[1])
    })?;
    let tolerance = if size_of::<S>() == 4 { 1e-4 } else { 1e-12 };
    for (got, expected) in results.into_iter().zip(CHECKS) {
        assert!((got - expected).abs() <= tolerance * expected, "{got} is not {expected}");
    }
    Ok(())
}

pub fn run() -> Result<(), Error> {
    header("convolutional network");
    measure::<f32>()?;
    measure::<f64>()
}

//! A transformer block on 8 sequences of 32 vectors, with mean squared error: attention of one head and a perceptron, each
//! behind a layer norm.

use crate::workload::{Kind, Model, header, report, signed};
use dualtape_autodiff::{Array, Error, Real, Tensor, Var};

const BATCH: usize = 8;
const STEPS: usize = 32;
const WIDTH: usize = 64;
const HIDDEN: usize = 256;
const EPSILON: f64 = 1e-5;

fn model() -> Model {
    let square = || (vec![WIDTH, WIDTH], Kind::Weight(WIDTH));
    let gain = || (vec![WIDTH], Kind::Gain);
    let bias = |length: usize| (vec![length], Kind::Bias);
    Model {
        number: 5,
        parameters: vec![
            gain(),
            bias(WIDTH),
            square(),
            square(),
            square(),
            square(),
            gain(),
            bias(WIDTH),
            (vec![WIDTH, HIDDEN], Kind::Weight(WIDTH)),
            bias(HIDDEN),
            (vec![HIDDEN, WIDTH], Kind::Weight(HIDDEN)),
            bias(WIDTH),
        ],
    }
}

fn loss<'t, S: Real>(
    model: &Model,
    theta: Tensor<'t, S>,
    x: Tensor<'t, S>,
    targets: Tensor<'t, S>,
) -> Var<'t, S> {
    let tensors = model.tensors(theta);
    let &[g1, b1, w_q, w_k, w_v, w_o, g2, b2, w1, c1, w2, c2] = &tensors[..] else {
        unreachable!("twelve tensors")
    };
    let a = x.normalize_axes(&[2], EPSILON) * g1 + b1;
    let h = x + a.matmul(w_q).attention(a.matmul(w_k), a.matmul(w_v), None).matmul(w_o);
    let a = h.normalize_axes(&[2], EPSILON) * g2 + b2;
    let out = h + (a.matmul(w1) + c1).gelu_tanh().matmul(w2) + c2;
    (out - targets).powi(2).mean()
}

fn measure<S: Real>() -> Result<(), Error> {
    let model = model();
    let (shape, n) = ([BATCH, STEPS, WIDTH], BATCH * STEPS * WIDTH);
    let inputs = Array::new(&shape, signed(590, n, |s| s))?;
    let targets: Array<S> = Array::new(&shape, signed(591, n, |s| s))?;
    report("xfmr_b8", &model, &[&inputs, &targets], |theta, data| {
        loss(&model, theta, data[0], data[1])
    })?;
    Ok(())
}

pub fn run() -> Result<(), Error> {
    header("transformer block");
    measure::<f32>()?;
    measure::<f64>()
}

//! A long short-term memory of 64 units over 50 steps of 16 sequences, with mean squared error: gradient and Hessian-vector
//! products through time.

use crate::workload::{Kind, Model, header, report, signed};
use dualtape_autodiff::{Array, Error, Real, Tensor, Var};

const BATCH: usize = 16;
const STEPS: usize = 50;
const INPUTS: usize = 16;
const UNITS: usize = 64;

fn model() -> Model {
    let gates = 4 * UNITS;
    Model {
        number: 4,
        parameters: vec![
            (vec![INPUTS, gates], Kind::Weight(UNITS)),
            (vec![UNITS, gates], Kind::Weight(UNITS)),
            (vec![gates], Kind::Bias),
            (vec![UNITS, 1], Kind::Weight(UNITS)),
            (vec![1], Kind::Bias),
        ],
    }
}

/// States are `[units, batch]`: then the four gates are contiguous parts of one product.
fn loss<'t, S: Real>(
    model: &Model,
    theta: Tensor<'t, S>,
    inputs: Tensor<'t, S>,
    targets: Tensor<'t, S>,
) -> Var<'t, S> {
    let tensors = model.tensors(theta);
    let &[w_x, w_h, b, w_out, b_out] = &tensors[..] else { unreachable!("five tensors") };
    let inputs = inputs.permute(&[1, 2, 0]);
    let b = b.keep_axis(1);
    let zero = inputs.constant(&Array::zeros(&[UNITS, BATCH]));
    let (mut h, mut cell) = (zero, zero);
    for step in 0..STEPS {
        let x = inputs.view(step * INPUTS * BATCH, &[INPUTS, BATCH]);
        let z = w_x.t().matmul(x) + w_h.t().matmul(h) + b;
        let gate = |number: usize| z.view(number * UNITS * BATCH, &[UNITS, BATCH]);
        let (input, forget, output) = (gate(0).sigmoid(), gate(1).sigmoid(), gate(3).sigmoid());
        cell = forget * cell + input * gate(2).tanh();
        h = output * cell.tanh();
    }
    (h.t().matmul(w_out) + b_out - targets).powi(2).mean()
}

fn measure<S: Real>() -> Result<(), Error> {
    let model = model();
    let inputs = Array::new(&[BATCH, STEPS, INPUTS], signed(490, BATCH * STEPS * INPUTS, |s| s))?;
    let targets: Array<S> = Array::new(&[BATCH, 1], signed(491, BATCH, |s| s))?;
    report("lstm_b16", &model, &[&inputs, &targets], |theta, data| {
        loss(&model, theta, data[0], data[1])
    })?;
    Ok(())
}

pub fn run() -> Result<(), Error> {
    header("LSTM");
    measure::<f32>()?;
    measure::<f64>()
}

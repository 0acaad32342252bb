//! The networks, as functions from their parameters and inputs to their outputs, and the losses of these.

use dualtape_autodiff::{Array, Real, Tensor, Var, c, windows::Convolution};

const EPSILON: f64 = 1e-5;

pub fn linear<'t, S: Real>(x: Tensor<'t, S>, w: Tensor<'t, S>, b: Tensor<'t, S>) -> Tensor<'t, S> {
    x.matmul(w.t()) + b
}

/// The outputs of the network of this name. The first of the data are the inputs.
pub fn outputs<'t, S: Real>(
    name: &str,
    p: &[Tensor<'t, S>],
    data: &[Tensor<'t, S>],
) -> Tensor<'t, S> {
    let x = data[0];
    match name {
        "rnn/rnn_tanh" => elman(p, x.swap_axes(0, 1)),
        "lstm" => lstm(p, x),
        "gru" => gru(p, x),
        "attention/mha_single_head" => attention(p, x, 1, None),
        "attention" => attention(p, x, 2, Some(mask(x, data[1]))),
        "norm_act/layernorm_gelu_erf" => layer_norm(p, x),
        "norm_act/batchnorm_identity_tanh" => batch_norm(p, x),
        "group_norm" => group_norm(p, x),
        "rms_norm" => rms_norm(p, x),
        activation => perceptron(activation, p, x),
    }
}

/// The mean cross-entropy for classes, the mean squared error for numbers. The last of the data are the targets.
pub fn loss<'t, S: Real>(classes: bool, z: Tensor<'t, S>, data: &[Tensor<'t, S>]) -> Var<'t, S> {
    let targets = data[data.len() - 1];
    if classes {
        let axis = z.rank() - 1;
        -z.log_softmax(axis).gather(axis, targets).mean()
    } else {
        (z - targets).powi(2).mean()
    }
}

/// `h = tanh(W x + b + U h + d)`
fn elman<'t, S: Real>(p: &[Tensor<'t, S>], x: Tensor<'t, S>) -> Tensor<'t, S> {
    let &[w_ih, w_hh, b_ih, b_hh, v, out] = p else { panic!("six parameters") };
    let mut h = x.constant(&Array::zeros(&[x.shape()[0], w_hh.shape()[1]]));
    for t in 0..x.shape()[1] {
        h = (linear(x.select(1, t), w_ih, b_ih) + linear(h, w_hh, b_hh)).tanh();
    }
    linear(h, v, out)
}

fn lstm<'t, S: Real>(p: &[Tensor<'t, S>], x: Tensor<'t, S>) -> Tensor<'t, S> {
    let &[w_ih, w_hh, b_ih, b_hh, v, out] = p else { panic!("six parameters") };
    let zero = x.constant(&Array::zeros(&[x.shape()[0], w_hh.shape()[1]]));
    let (mut h, mut cell) = (zero, zero);
    for t in 0..x.shape()[1] {
        let gates = linear(x.select(1, t), w_ih, b_ih) + linear(h, w_hh, b_hh);
        let gates = gates.chunk(1, 4);
        let (input, forget, output) = (gates[0].sigmoid(), gates[1].sigmoid(), gates[3].sigmoid());
        cell = forget * cell + input * gates[2].tanh();
        h = output * cell.tanh();
    }
    linear(h, v, out)
}

fn gru<'t, S: Real>(p: &[Tensor<'t, S>], x: Tensor<'t, S>) -> Tensor<'t, S> {
    let &[w_ih, w_hh, b_ih, b_hh, v, out] = p else { panic!("six parameters") };
    let mut h = x.constant(&Array::zeros(&[x.shape()[0], w_hh.shape()[1]]));
    for t in 0..x.shape()[1] {
        let from_x = linear(x.select(1, t), w_ih, b_ih).chunk(1, 3);
        let from_h = linear(h, w_hh, b_hh).chunk(1, 3);
        let reset = (from_x[0] + from_h[0]).sigmoid();
        let update = (from_x[1] + from_h[1]).sigmoid();
        let new = (from_x[2] + reset * from_h[2]).tanh();
        h = (c(1.0) - update) * new + update * h;
    }
    linear(h, v, out)
}

/// Where the query of a row may look: at keys that may be seen, and not ahead. `[batch, 1, steps, steps]`
pub fn mask<'t, S: Real>(x: Tensor<'t, S>, keys: Tensor<'t, S>) -> Tensor<'t, S> {
    let &[batch, steps] = keys.shape() else { panic!("keys of sequences") };
    let ones = Array::new(&[steps, steps], vec![S::one(); steps * steps]).expect("its own size");
    x.constant(&ones).tril(0) * keys.reshape(&[batch, 1, 1, steps])
}

/// Self-attention of sequences `[batch, steps, width]` with several heads.
pub fn attention<'t, S: Real>(
    p: &[Tensor<'t, S>],
    x: Tensor<'t, S>,
    heads: usize,
    seen: Option<Tensor<'t, S>>,
) -> Tensor<'t, S> {
    let &[w_qkv, b_qkv, w_out, b_out] = p else { panic!("four parameters") };
    let &[batch, steps, width] = x.shape() else { panic!("sequences") };
    let apart = |z: Tensor<'t, S>| z.reshape(&[batch, steps, heads, width / heads]).swap_axes(1, 2);
    let parts = linear(x, w_qkv, b_qkv).chunk(2, 3);
    let z = apart(parts[0]).attention(apart(parts[1]), apart(parts[2]), seen);
    linear(z.swap_axes(1, 2).reshape(x.shape()), w_out, b_out)
}

fn layer_norm<'t, S: Real>(p: &[Tensor<'t, S>], x: Tensor<'t, S>) -> Tensor<'t, S> {
    let &[w1, b1, gain, bias, w2, b2] = p else { panic!("six parameters") };
    let h = linear(x, w1, b1).normalize_axes(&[1], EPSILON) * gain + bias;
    linear(h.gelu(), w2, b2)
}

fn rms_norm<'t, S: Real>(p: &[Tensor<'t, S>], x: Tensor<'t, S>) -> Tensor<'t, S> {
    let &[w1, b1, gain, w2, b2] = p else { panic!("five parameters") };
    let h = linear(x, w1, b1);
    let scale = (h.powi(2).mean_axis(1) + c(EPSILON)).sqrt().keep_axis(1);
    linear((h / scale * gain).silu(), w2, b2)
}

/// A convolution, then a normalisation over the batch and the image.
fn batch_norm<'t, S: Real>(p: &[Tensor<'t, S>], x: Tensor<'t, S>) -> Tensor<'t, S> {
    let &[kernel, b1, gain, bias, w2, b2] = p else { panic!("six parameters") };
    let channel = |x: Tensor<'t, S>| x.reshape(&[x.len(), 1, 1]);
    let h = x.conv(kernel, Convolution::<2>::default()) + channel(b1);
    let h = h.normalize_axes(&[0, 2, 3], EPSILON) * channel(gain) + channel(bias);
    linear(h.tanh().mean_axes(&[2, 3]), w2, b2)
}

fn group_norm<'t, S: Real>(p: &[Tensor<'t, S>], x: Tensor<'t, S>) -> Tensor<'t, S> {
    let &[kernel, b1, gain, bias, w2, b2] = p else { panic!("six parameters") };
    let channel = |x: Tensor<'t, S>| x.reshape(&[x.len(), 1, 1]);
    let kernel = kernel.reshape(&[4, 4, 1, 1]);
    let h = x.conv(kernel, Convolution::<2>::default()) + channel(b1);
    let groups = h.reshape_infer(&[h.shape()[0] as isize, 2, -1]).normalize_axes(&[2], EPSILON);
    let h = groups.reshape(h.shape()) * channel(gain) + channel(bias);
    linear(h.elu(1.0).mean_axes(&[2, 3]), w2, b2)
}

fn perceptron<'t, S: Real>(
    activation: &str,
    p: &[Tensor<'t, S>],
    x: Tensor<'t, S>,
) -> Tensor<'t, S> {
    let &[w1, b1, w2, b2] = p else { panic!("four parameters") };
    let h = linear(x, w1, b1);
    let h = match activation {
        "tanh" => h.tanh(),
        "sigmoid" => h.sigmoid(),
        "relu" => h.relu(),
        "leaky_relu" | "norm_act/linear_leaky_relu_0.1" => h.leaky_relu(0.1),
        "elu" => h.elu(0.7),
        "selu" => h.selu(),
        "softplus" | "norm_act/linear_softplus" => h.softplus(),
        "log_sigmoid" => h.log_sigmoid(),
        "silu" => h.silu(),
        "gelu" => h.gelu(),
        "gelu_tanh" => h.gelu_tanh(),
        "mish" => h.mish(),
        "softsign" => h / (h.abs() + c(1.0)),
        "hard_swish" => h * (h + c(3.0)).clamp(0.0, 6.0) / c(6.0),
        name => panic!("no network {name}"),
    };
    linear(h, w2, b2)
}

//! The multilayer perceptron 784-128-64-10 with softmax cross-entropy: gradient and Hessian-vector product against the loss.
//!
//! `cargo bench -p dualtape-autodiff --bench mlp`

mod timing;

use dualtape_autodiff::{Array, Error, Function, Real, Tensor, Var, c};
use timing::time;

const SIZES: [usize; 4] = [784, 128, 64, 10];

/// Number `k` of a stream of uniform deviates in [0, 1), the same in every language (SplitMix64).
fn uniform(stream: u64, k: u64) -> f64 {
    let mut z = (k + 1).wrapping_add(stream << 32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    (z >> 11) as f64 / (1_u64 << 53) as f64
}

fn signed<S: Real>(stream: u64, n: usize, scale: f64) -> Vec<S> {
    (0..n).map(|k| S::constant((2.0 * uniform(stream, k as u64) - 1.0) * scale)).collect()
}

/// Weights and biases in turn; stream `first + t` for tensor `t`.
fn parameters<S: Real>(first: u64, weight_scale: impl Fn(usize) -> f64, bias: f64) -> Vec<S> {
    let mut theta = Vec::new();
    for (layer, pair) in SIZES.windows(2).enumerate() {
        let stream = first + 2 * layer as u64;
        theta.extend(signed::<S>(stream, pair[0] * pair[1], weight_scale(pair[0])));
        theta.extend(signed::<S>(stream + 1, pair[1], bias));
    }
    theta
}

fn loss<'t, S: Real>(theta: Tensor<'t, S>, data: &[Tensor<'t, S>]) -> Var<'t, S> {
    let mut offset = 0;
    let mut x = data[0];
    for (layer, pair) in SIZES.windows(2).enumerate() {
        let w = theta.view(offset, pair);
        let b = theta.view(offset + pair[0] * pair[1], &pair[1..]);
        offset += (pair[0] + 1) * pair[1];
        x = x.matmul(w) + b;
        if layer < 2 {
            x = x.tanh();
        }
    }
    let batch = x.shape()[0] as f64;
    -(x.log_softmax(1) * data[1]).sum() / c(batch)
}

fn report<S: Real>(batch: usize) -> Result<(), Error> {
    let theta = parameters::<S>(100, |fan_in| 1.0 / (fan_in as f64).sqrt(), 0.1);
    let v = parameters::<S>(150, |_| 1.0, 1.0);
    let inputs = (0..batch * 784).map(|k| S::constant(uniform(190, k as u64))).collect();
    let inputs = Array::new(&[batch, 784], inputs)?;
    let mut labels = Array::zeros(&[batch, 10]).data().to_vec();
    for b in 0..batch {
        labels[b * 10 + b % 10] = S::one();
    }
    let labels = Array::new(&[batch, 10], labels)?;

    let start = std::time::Instant::now();
    let f = Function::<S>::record_tensor(&theta, &[&inputs, &labels], loss)?;
    let (mut g, mut hv) = (vec![S::zero(); theta.len()], vec![S::zero(); theta.len()]);
    f.linearize(&theta)?.hvp_into(&v, &mut hv)?;
    let first = start.elapsed();

    let value = time(|| f.value(&theta));
    let gradient = time(|| f.value_and_gradient(&theta, &mut g));
    let linearize = time(|| f.linearize(&theta).map(|at| at.value()));
    let at = f.linearize(&theta)?;
    let product = time(|| at.hvp_into(&v, &mut hv));
    let norm = |x: &[S]| x.iter().map(|x| x.as_f64().powi(2)).sum::<f64>().sqrt();
    println!(
        "{:>4}{:>6}{:>12.1}{:>12.1}{:>12.1}{:>12.1}{:>10.2}{:>10.2}{:>12.1}   loss {:.12} |g| {:.10} |Hv| {:.10}",
        if size_of::<S>() == 4 { "f32" } else { "f64" },
        batch,
        value.median / 1e3,
        gradient.median / 1e3,
        linearize.median / 1e3,
        product.median / 1e3,
        gradient.best / value.best,
        product.best / gradient.best,
        first.as_secs_f64() * 1e3,
        at.value().as_f64(),
        norm(&g),
        norm(&hv),
    );
    Ok(())
}

fn main() -> Result<(), Error> {
    println!("mlp 784-128-64-10: median µs, ratios of the best");
    println!(
        "{:>4}{:>6}{:>12}{:>12}{:>12}{:>12}{:>10}{:>10}{:>12}",
        "", "batch", "value", "gradient", "linearize", "HVP", "g/value", "HVP/g", "1st HVP ms"
    );
    for batch in [1, 32, 256] {
        report::<f32>(batch)?;
        report::<f64>(batch)?;
    }
    Ok(())
}

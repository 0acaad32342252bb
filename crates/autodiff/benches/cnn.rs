//! A convolutional network on 28×28 images, two layers of convolution and pooling before a linear one: gradient and
//! Hessian-vector product against the loss.
//!
//! `cargo bench -p dualtape-autodiff --bench cnn`

mod timing;

use dualtape_autodiff::{Array, Convolution, Error, Function, Pooling, Real, Tensor, Var, c};
use timing::time;

const BATCH: usize = 32;

/// Shapes of weights and biases in turn, with the number of terms that each weight's sums have.
const PARAMETERS: [(&[usize], Option<usize>); 6] = [
    (&[8, 1, 3, 3], Some(9)),
    (&[8], None),
    (&[16, 8, 3, 3], Some(72)),
    (&[16], None),
    (&[784, 10], Some(784)),
    (&[10], None),
];

/// Number `k` of a stream of uniform deviates in [0, 1), the same in every language (SplitMix64).
fn uniform(stream: u64, k: u64) -> f64 {
    let mut z = (k + 1).wrapping_add(stream << 32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    (z >> 11) as f64 / (1_u64 << 53) as f64
}

/// All parameters, or a direction, flat; stream `first + t` for tensor `t`.
fn parameters<S: Real>(first: u64, scale: impl Fn(Option<usize>) -> f64) -> Vec<S> {
    let of_tensor = |(t, &(shape, terms)): (usize, &(&[usize], Option<usize>))| {
        let (stream, scale) = (first + t as u64, scale(terms));
        let signed = move |k| S::constant((2.0 * uniform(stream, k) - 1.0) * scale);
        (0..shape.iter().product::<usize>() as u64).map(signed)
    };
    PARAMETERS.iter().enumerate().flat_map(of_tensor).collect()
}

fn loss<'t, S: Real>(theta: Tensor<'t, S>, data: &[Tensor<'t, S>]) -> Var<'t, S> {
    let mut offset = 0;
    let [k1, b1, k2, b2, w, b] = PARAMETERS.map(|(shape, _)| {
        let part = theta.view(offset, shape);
        offset += part.len();
        part
    });
    let same = Convolution { padding: [1, 1], ..Convolution::default() };
    let layer = |x: Tensor<'t, S>, kernel, bias: Tensor<'t, S>| {
        let y = x.conv(kernel, same) + bias.reshape(&[bias.len(), 1, 1]);
        y.relu().max_pool(Pooling::new([2, 2]))
    };
    let x = layer(layer(data[0], k1, b1), k2, b2);
    let logits = x.reshape(&[BATCH, 784]).matmul(w) + b;
    -(logits.log_softmax(1) * data[1]).sum() / c(BATCH as f64)
}

fn report<S: Real>() -> Result<(), Error> {
    let scale = |terms: Option<usize>| terms.map_or(0.1, |terms| 1.0 / (terms as f64).sqrt());
    let theta = parameters::<S>(300, scale);
    let v = parameters::<S>(350, |_| 1.0);
    let images = (0..BATCH as u64 * 784).map(|k| S::constant(uniform(390, k))).collect();
    let images = Array::new(&[BATCH, 1, 28, 28], images)?;
    let mut labels = vec![S::zero(); BATCH * 10];
    for b in 0..BATCH {
        labels[b * 10 + b % 10] = S::one();
    }
    let labels = Array::new(&[BATCH, 10], labels)?;

    let start = std::time::Instant::now();
    let f = Function::<S>::record_tensor(&theta, &[&images, &labels], loss)?;
    let (mut g, mut hv) = (vec![S::zero(); theta.len()], vec![S::zero(); theta.len()]);
    f.linearize(&theta)?.hvp_into(&v, &mut hv)?;
    let first = start.elapsed();

    let value = time(|| f.value(&theta));
    let gradient = time(|| f.value_and_gradient(&theta, &mut g));
    let linearize = time(|| f.linearize(&theta).map(|at| at.value()));
    let at = f.linearize(&theta)?;
    let product = time(|| at.hvp_into(&v, &mut hv));
    let dot = |x: &[S], y: &[S]| x.iter().zip(y).map(|(x, y)| x.as_f64() * y.as_f64()).sum::<f64>();
    let (loss, slope, curvature) = (at.value().as_f64(), dot(&g, &g).sqrt(), dot(&v, &hv));
    println!(
        "{:>4}{:>12.1}{:>12.1}{:>12.1}{:>12.1}{:>10.2}{:>10.2}{:>12.1}   loss {:.12} |g| {:.12} vHv {:.12}",
        if size_of::<S>() == 4 { "f32" } else { "f64" },
        value.median / 1e3,
        gradient.median / 1e3,
        linearize.median / 1e3,
        product.median / 1e3,
        gradient.best / value.best,
        product.best / gradient.best,
        first.as_secs_f64() * 1e3,
        loss,
        slope,
        curvature,
    );
    let checks =
        [(loss, 2.31947775980801), (slope, 0.341184548540043), (curvature, 5.79658181318618)];
    let tolerance = if size_of::<S>() == 4 { 1e-4 } else { 1e-12 };
    for (got, expected) in checks {
        assert!((got - expected).abs() <= tolerance * expected, "{got} is not {expected}");
    }
    Ok(())
}

fn main() -> Result<(), Error> {
    println!("cnn, 32 images of 28×28: median µs, ratios of the best");
    println!(
        "{:>4}{:>12}{:>12}{:>12}{:>12}{:>10}{:>10}{:>12}",
        "", "value", "gradient", "linearize", "HVP", "g/value", "HVP/g", "1st HVP ms"
    );
    report::<f32>()?;
    report::<f64>()
}

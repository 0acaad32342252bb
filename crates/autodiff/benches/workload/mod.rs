//! Workloads that are defined to the bit in every language, and what is measured of each.
//!
//! Tensor `t` of a model's parameters comes from stream `100·model + t` of SplitMix64; its direction from stream
//! `100·model + 50 + t`, its inputs from `100·model + 90`, its targets from `100·model + 91`.

use std::time::Instant;

use dualtape_autodiff::{Array, Error, Real, Record, Tensor, Var};

use crate::timing::time;

/// How the entries of a parameter tensor are scaled.
#[derive(Clone, Copy)]
pub enum Kind {
    /// `s/√fan_in`
    Weight(usize),
    /// `0.1·s`
    Bias,
    /// `1 + 0.1·s`
    Gain,
}

/// A model's number, and the shapes and kinds of its parameter tensors in order.
pub struct Model {
    pub number: u64,
    pub parameters: Vec<(Vec<usize>, Kind)>,
}

/// Number `k` of a stream of uniform deviates in [0, 1), the same in every language (SplitMix64).
pub fn uniform(stream: u64, k: u64) -> f64 {
    let mut z = (k + 1).wrapping_add(stream << 32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    (z >> 11) as f64 / (1_u64 << 53) as f64
}

/// `map(s)` for deviates `s` in [−1, 1).
pub fn signed<S: Real>(stream: u64, n: usize, map: impl Fn(f64) -> f64) -> Vec<S> {
    (0..n).map(|k| S::constant(map(2.0 * uniform(stream, k as u64) - 1.0))).collect()
}

impl Model {
    /// The parameters, flat.
    pub fn theta<S: Real>(&self) -> Vec<S> {
        self.flat(
            |t| 100 * self.number + t,
            |kind, s| match kind {
                Kind::Weight(fan_in) => s / (fan_in as f64).sqrt(),
                Kind::Bias => 0.1 * s,
                Kind::Gain => 1.0 + 0.1 * s,
            },
        )
    }

    /// Direction number `q` for Hessian-vector products, flat.
    pub fn direction<S: Real>(&self, q: u64) -> Vec<S> {
        self.flat(|t| 100_000 * q + 100 * self.number + 50 + t, |_, s| s)
    }

    fn flat<S: Real>(&self, stream: impl Fn(u64) -> u64, map: impl Fn(Kind, f64) -> f64) -> Vec<S> {
        let tensors = self.parameters.iter().zip(0..);
        tensors
            .flat_map(|((shape, kind), t)| {
                signed(stream(t), shape.iter().product(), |s| map(*kind, s))
            })
            .collect()
    }

    /// The parameter tensors within the flat vector.
    pub fn tensors<'t, S: Real>(&self, theta: Tensor<'t, S>) -> Vec<Tensor<'t, S>> {
        let mut offset = 0;
        self.parameters
            .iter()
            .map(|(shape, _)| {
                let tensor = theta.view(offset, shape);
                offset += tensor.len();
                tensor
            })
            .collect()
    }
}

pub fn header(name: &str) {
    println!("{name}: median µs (best), ratios of the best");
    println!(
        "{:>16}{:>18}{:>18}{:>18}{:>18}{:>9}{:>9}{:>18}{:>11}",
        "",
        "value",
        "gradient",
        "linearize",
        "HVP",
        "g/value",
        "HVP/g",
        "16 HVPs, each",
        "1st HVP ms"
    );
}

/// Measures value, gradient and Hessian-vector products of a loss; returns the loss, the length of its gradient, and `v·Hv`.
pub fn report<S, F>(
    name: &str,
    model: &Model,
    data: &[&Array<S>],
    loss: F,
) -> Result<[f64; 3], Error>
where
    S: Real,
    F: for<'t> Fn(Tensor<'t, S>, &[Tensor<'t, S>]) -> Var<'t, S> + Send + Sync,
{
    let theta = model.theta::<S>();
    let v = model.direction::<S>(0);
    let n = theta.len();
    let (mut g, mut hv) = (vec![S::zero(); n], vec![S::zero(); n]);
    let start = Instant::now();
    let f = Record::at(&theta).data(data).function(loss)?;
    f.linearize(&theta)?.hvp_into(&v, &mut hv)?;
    let first = start.elapsed();

    let value = time(|| f.value(&theta));
    let gradient = time(|| f.value_and_gradient_into(&theta, &mut g));
    let linearize = time(|| f.linearize(&theta).map(|at| at.value()));
    let at = f.linearize(&theta)?;
    let product = time(|| at.hvp_into(&v, &mut hv));
    let directions: Vec<S> = (0..16).flat_map(|q| model.direction::<S>(q)).collect();
    let mut products = vec![S::zero(); directions.len()];
    let sixteen = time(|| at.hvps_into(&directions, &mut products));
    let norm = |x: &[S]| x.iter().map(|x| x.as_f64().powi(2)).sum::<f64>().sqrt();
    let (loss, slope) = (at.value().as_f64(), norm(&g));
    let along = v.iter().zip(&hv).map(|(v, hv)| v.as_f64() * hv.as_f64()).sum::<f64>();
    let show = |t: crate::timing::Nanoseconds, per: f64| {
        format!("{:.1} ({:.1})", t.median / per / 1e3, t.best / per / 1e3)
    };
    println!(
        "{:>16}{:>18}{:>18}{:>18}{:>18}{:>9.2}{:>9.2}{:>18}{:>11.1}   loss {:.12} |g| {:.10} v·Hv {:.10} |Hv| {:.10}",
        format!("{name} {}", if size_of::<S>() == 4 { "f32" } else { "f64" }),
        show(value, 1.0),
        show(gradient, 1.0),
        show(linearize, 1.0),
        show(product, 1.0),
        gradient.best / value.best,
        product.best / gradient.best,
        show(sixteen, 16.0),
        first.as_secs_f64() * 1e3,
        loss,
        slope,
        along,
        norm(&hv),
    );
    if n < 500 {
        let hessian = at.hessian()?;
        let time = time(|| f.linearize(&theta)?.hessian());
        println!("{:>16} Hessian {}   |H| {:.10}", "", show(time, 1.0), norm(hessian.as_slice()));
    }
    Ok([loss, slope, along])
}

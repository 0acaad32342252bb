//! The objectives of ADBench against reference derivatives: a mixture of Gaussians and bundle adjustment.

use std::f64::consts::{LN_2, PI};

use dualtape_autodiff::{Scalar, c, hessian, jacobian, record};
use serde_json::Value;

fn instance(kind: &str) -> Value {
    let file: Value =
        serde_json::from_str(include_str!("data/adbench.json")).expect("adbench.json");
    let mut instances = file["instances"].as_array().expect("a list").iter();
    instances.find(|instance| instance["kind"] == kind).expect("an instance of each kind").clone()
}

/// All numbers of a list, or of a list of rows.
fn floats(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(floats).collect(),
        number => vec![number.as_f64().expect("a number")],
    }
}

/// `max |got − expected| ≤ 1e-11 · max |expected|`.
#[track_caller]
fn assert_close(what: &str, got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len(), "length of {what}");
    let scale = expected.iter().fold(0.0_f64, |scale, e| scale.max(e.abs()));
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        // Written so that NaN fails.
        assert!((g - e).abs() <= 1e-11 * scale, "{what}[{i}] is {g:e}, should be {e:e}");
    }
}

/// Mixture of `k` Gaussians in `d` dimensions for the data `x`, with a Wishart prior of parameters γ and m = 0.
struct Mixture {
    d: usize,
    k: usize,
    x: Vec<f64>,
    gamma: f64,
}

impl Mixture {
    /// f = −½nd ln 2π + Σᵢ LSEₖ(innerᵢₖ) − n LSE(α) + prior.
    fn value<S: Scalar>(&self, theta: &[S]) -> S {
        let (d, k) = (self.d, self.k);
        let n = self.x.len() / d;
        let (alphas, rest) = theta.split_at(k);
        let (means, icf) = rest.split_at(k * d);
        let icf: Vec<&[S]> = icf.chunks_exact(d * (d + 1) / 2).collect();

        let mut value =
            c(-0.5 * (n * d) as f64 * (2.0 * PI).ln()) - c(n as f64) * log_sum_exp(alphas);
        for x in self.x.chunks_exact(d) {
            let inner: Vec<S> =
                (0..k).map(|k| alphas[k] + log_density(x, &means[k * d..][..d], icf[k])).collect();
            value += log_sum_exp(&inner);
        }
        value + self.log_prior(&icf)
    }

    fn log_prior<S: Scalar>(&self, icf: &[&[S]]) -> S {
        let d = self.d as f64;
        let degrees = d + 1.0;
        let norm =
            degrees * d * (self.gamma.ln() - 0.5 * LN_2) - log_gamma_of_half(self.d, degrees);
        let squares = |icf: &&[S]| {
            let (diagonal, lower) = icf.split_at(self.d);
            diagonal.iter().map(|q| (*q + *q).exp()).sum::<S>()
                + lower.iter().map(|&l| l * l).sum::<S>()
        };
        c(0.5 * self.gamma * self.gamma) * icf.iter().map(squares).sum::<S>()
            - c(self.k as f64 * norm)
    }
}

/// Σ ln q − ½ ‖(diag(q) + L)(x − μ)‖².
fn log_density<S: Scalar>(x: &[f64], mean: &[S], icf: &[S]) -> S {
    let d = x.len();
    let (log_q, lower) = icf.split_at(d);
    let centred: Vec<S> = x.iter().zip(mean).map(|(&x, &mean)| c(x) - mean).collect();
    let mut whitened: Vec<S> = log_q.iter().zip(&centred).map(|(q, &x)| q.exp() * x).collect();
    let below = (0..d).flat_map(|column| (column + 1..d).map(move |row| (row, column)));
    for ((row, column), &l) in below.zip(lower) {
        whitened[row] += l * centred[column];
    }
    log_q.iter().sum::<S>() - c(0.5) * whitened.iter().map(|&w| w * w).sum::<S>()
}

fn log_sum_exp<S: Scalar>(x: &[S]) -> S {
    let max = x.iter().copied().fold(S::constant(f64::NEG_INFINITY), S::max);
    x.iter().map(|&x| (x - max).exp()).sum::<S>().ln() + max
}

/// ln Γ_d(a), the multivariate gamma function, at a = `twice_a`/2.
fn log_gamma_of_half(d: usize, twice_a: f64) -> f64 {
    let log_gamma = |twice: f64| {
        // Γ(a) = (a − 1) Γ(a − 1), down to Γ(1) = 1 or Γ(½) = √π.
        let (mut twice, mut sum) = (twice, 0.0);
        while twice > 2.0 {
            twice -= 2.0;
            sum += (twice / 2.0).ln();
        }
        if twice == 1.0 { sum + PI.ln() / 2.0 } else { sum }
    };
    let pairs = (d * (d - 1)) as f64 / 4.0;
    pairs * PI.ln() + (0..d).map(|j| log_gamma(twice_a - j as f64)).sum::<f64>()
}

#[test]
fn gaussian_mixture() {
    let reference = instance("gmm");
    let theta: Vec<f64> =
        ["alphas", "means", "icf"].iter().flat_map(|part| floats(&reference[part])).collect();
    let mixture = Mixture {
        d: reference["d"].as_u64().unwrap() as usize,
        k: reference["k"].as_u64().unwrap() as usize,
        x: floats(&reference["x"]),
        gamma: reference["wishart_gamma"].as_f64().unwrap(),
    };
    let v: Vec<f64> =
        (0..theta.len()).map(|i| (-1.0_f64).powi(i as i32) / (i + 1) as f64).collect();

    let f = record(&theta).function(|theta| mixture.value(theta)).unwrap();
    let linear = f.linearize(&theta).unwrap();
    assert_close("value", &[linear.value()], &floats(&reference["f"]));
    assert_close("gradient", linear.gradient(), &floats(&reference["grad"]));
    let mut product = vec![f64::NAN; theta.len()];
    linear.hvp_into(&v, &mut product).unwrap();
    assert_close("HVP", &product, &floats(&reference["hvp"]));
    assert_close("Hessian", linear.hessian().unwrap().as_slice(), &floats(&reference["hess"]));
}

/// Camera (rotation 3, centre 3, focal length, principal point 2, radial distortion 2), point 3, weight.
const BLOCK: usize = 15;

/// Reprojection error of one observed feature.
fn reprojection_error<S: Scalar>(theta: &[S], feature: &[f64]) -> Vec<S> {
    let (camera, point) = theta.split_at(11);
    let from_centre: [S; 3] = std::array::from_fn(|i| point[i] - camera[3 + i]);
    let y = rotate(&camera[..3], from_centre);
    let p = [y[0] / y[2], y[1] / y[2]];
    let s = p[0] * p[0] + p[1] * p[1];
    let distortion = c(1.0) + camera[9] * s + camera[10] * s * s;
    (0..2)
        .map(|i| theta[14] * (distortion * p[i] * camera[6] + camera[7 + i] - c(feature[i])))
        .collect()
}

/// Rodrigues' formula: `x` turned about `axis` by its length.
fn rotate<S: Scalar>(axis: &[S], x: [S; 3]) -> [S; 3] {
    let cross = |a: &[S], b: &[S]| -> [S; 3] {
        std::array::from_fn(|i| {
            let (j, k) = ((i + 1) % 3, (i + 2) % 3);
            a[j] * b[k] - a[k] * b[j]
        })
    };
    let square: S = axis.iter().map(|&a| a * a).sum();
    if square <= S::constant(0.0) {
        let turn = cross(axis, &x);
        return std::array::from_fn(|i| x[i] + turn[i]);
    }
    let angle = square.sqrt();
    let unit: Vec<S> = axis.iter().map(|&a| a / angle).collect();
    let turn = cross(&unit, &x);
    let along: S = unit.iter().zip(&x).map(|(&u, &x)| u * x).sum();
    let (sin, cos) = (angle.sin(), angle.cos());
    std::array::from_fn(|i| x[i] * cos + turn[i] * sin + unit[i] * along * (c(1.0) - cos))
}

#[test]
fn bundle_adjustment() {
    let reference = instance("ba");
    let theta: Vec<f64> =
        ["cam", "X", "w"].iter().flat_map(|part| floats(&reference[part])).collect();
    let feature = floats(&reference["feat"]);
    assert_eq!(theta.len(), BLOCK);

    assert_close("error", &reprojection_error(&theta, &feature), &floats(&reference["reproj_err"]));
    let weight_error = hessian(|w| 1.0 - w[0] * w[0], &theta[14..]).unwrap();
    assert_eq!(weight_error.as_slice(), [-2.0]);

    let block = jacobian(|theta| reprojection_error(theta, &feature), &theta).unwrap();
    assert_eq!((block.rows(), block.cols()), (2, BLOCK));
    assert_close("Jacobian", block.as_slice(), &floats(&reference["J_block_2x15"]));
    for (i, name) in ["hess_of_err0_15x15", "hess_of_err1_15x15"].into_iter().enumerate() {
        let curvature = hessian(|theta| reprojection_error(theta, &feature)[i], &theta).unwrap();
        assert_close(name, curvature.as_slice(), &floats(&reference[name]));
    }
}

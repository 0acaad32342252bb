//! Distributions of initial values.

use dualtape_layers::{Activation, Fan, Init, Module, mlp};

use crate::support::{assert_close, rng};

fn mean_and_variance(sample: &[f64]) -> (f64, f64) {
    let n = sample.len() as f64;
    let mean = sample.iter().sum::<f64>() / n;
    (mean, sample.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n)
}

/// Mean, variance and kurtosis within five standard errors of those of the distribution with variance `variance` and
/// kurtosis `kurtosis`.
fn check_distribution(init: Init, shape: &[usize], variance: f64, kurtosis: f64) {
    let sample: Vec<f64> = init.sample(shape, &mut rng(11));
    let n = sample.len() as f64;
    let (mean, got) = mean_and_variance(&sample);
    assert!(mean.abs() < 5.0 * (variance / n).sqrt(), "{init:?}: mean {mean}");
    let error = (got / variance - 1.0).abs();
    assert!(error < 5.0 * ((kurtosis - 1.0) / n).sqrt(), "{init:?}: variance {got}");
    let fourth = sample.iter().map(|x| x.powi(4)).sum::<f64>() / n / (got * got);
    assert!((fourth - kurtosis).abs() < 5.0 * (96.0 / n).sqrt(), "{init:?}: kurtosis {fourth}");
    if kurtosis < 3.0 {
        let bound = (3.0 * variance).sqrt();
        let largest = sample.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        assert!(largest <= bound && largest > 0.99 * bound, "{init:?}: {largest} of {bound}");
    }
}

#[test]
fn fan_scaled_distributions_have_their_moments() {
    let (uniform, normal) = (1.8, 3.0);
    let (outputs, inputs) = (150, 250);
    let shape = [outputs, inputs];
    let gain = Activation::Tanh.gain();
    let xavier = gain * gain * 2.0 / (inputs + outputs) as f64;
    check_distribution(Init::xavier_uniform(gain), &shape, xavier, uniform);
    check_distribution(Init::xavier_normal(gain), &shape, xavier, normal);
    let gain = Activation::Relu.gain();
    check_distribution(Init::kaiming_uniform(Fan::In, gain), &shape, 2.0 / 250.0, uniform);
    check_distribution(Init::kaiming_normal(Fan::In, gain), &shape, 2.0 / 250.0, normal);
    check_distribution(Init::kaiming_uniform(Fan::Out, gain), &shape, 2.0 / 150.0, uniform);
    check_distribution(Init::kaiming_normal(Fan::Out, gain), &shape, 2.0 / 150.0, normal);
}

#[test]
fn further_fan_scaled_distributions_have_their_moments() {
    let shape = [120, 30, 2, 5];
    check_distribution(Init::lecun_uniform(), &shape, 1.0 / 300.0, 1.8);
    check_distribution(Init::lecun_normal(), &shape, 1.0 / 300.0, 3.0);
    check_distribution(Init::pytorch(300), &shape, 1.0 / 900.0, 1.8);
    let fan_in = Init::kaiming_uniform(Fan::In, 1.0 / 3.0_f64.sqrt());
    let (ours, theirs): (Vec<f64>, Vec<f64>) =
        (fan_in.sample(&shape, &mut rng(3)), Init::pytorch(300).sample(&shape, &mut rng(3)));
    assert_close("two names of one distribution", &ours, &theirs, 4.0 * f64::EPSILON);
    assert_eq!(Init::pytorch(0).sample::<f64>(&[2], &mut rng(1)), [0.0; 2]);
}

#[test]
fn truncated_normal_numbers_have_their_moments_and_bounds() {
    // variances σ²(1 − 2bφ(b)/(2Φ(b) − 1)) for bounds b in units of σ
    for (bound, variance) in [(2.0, 0.773_741_303_549_232), (0.5, 0.080_589_154_600_811)] {
        let (mean, std) = (3.0, 0.2);
        let init = Init::TruncatedNormal { mean, std, bound: bound * std };
        let sample: Vec<f64> = init.sample(&[40_000], &mut rng(5));
        let (got_mean, got) = mean_and_variance(&sample);
        let expected = variance * std * std;
        assert!((got_mean - mean).abs() < 5.0 * (expected / 40_000.0).sqrt(), "{got_mean}");
        assert!((got / expected - 1.0).abs() < 5.0 * (2.0_f64 / 40_000.0).sqrt(), "{got}");
        let largest = sample.iter().fold(0.0_f64, |m, x| m.max((x - mean).abs()));
        assert!(largest <= bound * std && largest > 0.99 * bound * std, "{largest}");
    }
    let point = Init::TruncatedNormal { mean: 3.0, std: 1.0, bound: 0.0 };
    assert_eq!(point.sample::<f64>(&[2], &mut rng(1)), [3.0; 2]);
    let unknown = Init::TruncatedNormal { mean: 3.0, std: f64::NAN, bound: 1.0 };
    assert!(unknown.sample::<f64>(&[1], &mut rng(1))[0].is_nan());
}

/// `WᵀW = gain²·I`, or `W·Wᵀ` where that has fewer rows.
#[test]
fn orthogonal_matrices_are_orthogonal() {
    let gain = 1.5;
    for shape in [&[7, 7][..], &[9, 4], &[4, 9], &[3, 2, 2, 2], &[1, 5], &[6], &[]] {
        let w: Vec<f64> = Init::Orthogonal { gain }.sample(shape, &mut rng(4));
        let rows = shape.first().copied().unwrap_or(1);
        let cols = w.len() / rows;
        let entry = |vector: usize, k: usize| {
            if rows <= cols { w[vector * cols + k] } else { w[k * cols + vector] }
        };
        for i in 0..rows.min(cols) {
            for j in 0..rows.min(cols) {
                let product: f64 = (0..rows.max(cols)).map(|k| entry(i, k) * entry(j, k)).sum();
                let expected = if i == j { gain * gain } else { 0.0 };
                assert!((product - expected).abs() < 32.0 * f64::EPSILON, "{shape:?}: {product}");
            }
        }
    }
    assert!(Init::Orthogonal { gain }.sample::<f64>(&[0, 3], &mut rng(4)).is_empty());
    // Uniform among all: each entry of a matrix of 3 rows has mean 0 and variance 1/3.
    let mut rng = rng(8);
    let orthogonal = Init::Orthogonal { gain: 1.0 };
    let entries: Vec<f64> = (0..4000).map(|_| orthogonal.sample(&[3, 3], &mut rng)[8]).collect();
    let (mean, variance) = mean_and_variance(&entries);
    assert!(mean.abs() < 5.0 * (3.0_f64 * 4000.0).sqrt().recip(), "{mean}");
    assert!((variance - 1.0 / 3.0).abs() < 0.03, "{variance}");
}

#[test]
fn kernels_count_towards_both_fans() {
    let shape = [40, 20, 5, 7];
    let gain = Activation::LeakyRelu { slope: 3.0_f64.sqrt() }.gain();
    let half = 0.5;
    assert!((gain * gain - half).abs() < 4.0 * f64::EPSILON);
    check_distribution(Init::kaiming_normal(Fan::In, gain), &shape, half / (20.0 * 35.0), 3.0);
    check_distribution(Init::kaiming_normal(Fan::Out, gain), &shape, half / (40.0 * 35.0), 3.0);
}

#[test]
fn plain_distributions() {
    assert_eq!(Init::Zeros.sample::<f64>(&[3], &mut rng(1)), [0.0; 3]);
    assert_eq!(Init::Constant(0.25).sample::<f32>(&[2, 1], &mut rng(1)), [0.25; 2]);
    assert_eq!(Init::Constant(0.25).sample::<f64>(&[], &mut rng(1)), [0.25]);
    let sample: Vec<f64> = Init::Uniform { low: 2.0, high: 3.0 }.sample(&[5000], &mut rng(1));
    assert!(sample.iter().all(|x| (2.0..3.0).contains(x)));
    // odd length: the last normal number is half a pair
    let sample: Vec<f64> = Init::Normal { mean: 5.0, std: 2.0 }.sample(&[20_001], &mut rng(1));
    let (mean, variance) = mean_and_variance(&sample);
    assert!((mean - 5.0).abs() < 5.0 * 2.0 / 141.0 && (variance - 4.0).abs() < 5.0 * 4.0 * 0.01);
}

#[test]
fn same_seed_same_parameters_in_both_precisions() {
    let widths = [5, 7, 3];
    let f64s: Vec<f64> = mlp(&widths, Activation::Relu).init(&mut rng(9));
    let again: Vec<f64> = mlp(&widths, Activation::Relu).init(&mut rng(9));
    let other: Vec<f64> = mlp(&widths, Activation::Relu).init(&mut rng(10));
    let f32s: Vec<f32> = mlp(&widths, Activation::Relu).init(&mut rng(9));
    assert_eq!(f64s, again);
    assert_ne!(f64s, other);
    assert_close("f32", &f32s, &f64s, f64::from(f32::EPSILON));
}

#[test]
fn mlp_starts_as_suits_its_activation() {
    for (activation, hidden) in [
        (Activation::Tanh, Init::xavier_uniform(1.0)),
        (Activation::Sigmoid, Init::xavier_uniform(1.0)),
        (Activation::Relu, Init::kaiming_uniform(Fan::In, 2.0_f64.sqrt())),
    ] {
        let layout = mlp::<f64>(&[4, 8, 8, 2], activation).layout().unwrap();
        let init = |name| layout.find(name).unwrap().init();
        assert_eq!((init("0.weight"), init("2.weight")), (hidden, hidden));
        assert_eq!(init("4.weight"), Init::xavier_uniform(1.0));
        assert_eq!((init("0.bias"), init("4.bias")), (Init::Zeros, Init::Zeros));
    }
}

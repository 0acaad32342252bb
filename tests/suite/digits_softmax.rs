//! Softmax regression on handwritten digits: 650 unknowns, two second-order methods, one minimiser, known from outside.

#[path = "../../examples/digits/data.rs"]
mod data;

use std::path::Path;

use data::{CLASSES, Digits, PIXELS};
use dualtape_autodiff::{Array, Function, record};
use dualtape_layers::{Activation, Dataset, Supervised, cross_entropy, l2_penalty, mlp, one_hot};
use dualtape_optimizers::prelude::*;
use dualtape_optimizers::{Newton, NewtonCg, Report, SecondOrder};
use serde_json::Value;

const L2: f64 = 1e-4;
/// Pixels and the constant 1.
const FEATURES: usize = PIXELS + 1;
const UNKNOWNS: usize = CLASSES * FEATURES;

fn digits() -> Digits {
    Digits::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/optdigits.txt"))
        .unwrap()
}

/// Mean cross entropy of the logits X·Θᵀ plus ½·L2·‖Θ‖², Θ row by row, written in tensor operations.
fn objective(digits: &Digits) -> Function<'static> {
    let n = digits.labels.len();
    let features =
        digits.pixels.chunks_exact(PIXELS).flat_map(|image| image.iter().copied().chain([1.0]));
    let features = Array::new(&[n, FEATURES], features.collect()).unwrap();
    let targets = one_hot(&digits.labels, CLASSES).unwrap();
    record(&[0.0; UNKNOWNS])
        .data(&[&features, &targets])
        .function(|theta, data| {
            let logits = data[0].matmul(theta.reshape(&[CLASSES, FEATURES]).t());
            cross_entropy(logits, data[1]) + l2_penalty(theta, L2)
        })
        .unwrap()
}

/// The minimum and the minimiser.
fn reference() -> (f64, Vec<f64>) {
    let file: Value = serde_json::from_str(include_str!("../data/digits_softmax.json")).unwrap();
    let rows = file["theta"].as_array().unwrap().iter();
    let theta = rows.flat_map(|row| row.as_array().unwrap()).map(|entry| entry.as_f64().unwrap());
    (file["loss"].as_f64().unwrap(), theta.collect())
}

fn norm(x: impl IntoIterator<Item = f64>) -> f64 {
    x.into_iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn assert_minimiser(report: &Report<f64>, f: &Function<'_>, theta: &[f64]) {
    assert!(report.converged() && report.certified(), "{report}");
    let gradient = norm(f.gradient(theta).unwrap());
    assert!(gradient <= 1e-10, "‖∇f‖₂ = {gradient:e}\n{report}");

    let (loss, minimiser) = reference();
    assert!((report.value - loss).abs() <= 1e-15, "{:e} is not {loss:e}", report.value);
    // f is strongly convex with modulus L2, so that this bound is a theorem; the rest is rounding in the gradient.
    let distance = norm(theta.iter().zip(&minimiser).map(|(a, b)| a - b));
    assert!(
        distance <= (gradient + 1e-15) / L2,
        "off by {distance:e}, with a gradient of {gradient:e}"
    );
    // The logits of all classes may shift together: there the penalty alone has curvature.
    let curvature = report.second_order.curvature().unwrap();
    assert!((curvature.smallest - L2).abs() <= 1e-6 * L2, "{report}");
    assert!(matches!(report.second_order, SecondOrder::Minimum(_)), "{report}");
}

#[test]
fn newton_reaches_the_minimiser() {
    let f = objective(&digits());
    let mut theta = vec![0.0; UNKNOWNS];
    let report = Newton::default().gradient_tolerance(1e-12).minimize(&f, &mut theta).unwrap();
    assert!(report.iterations <= 15, "{report}");
    assert_minimiser(&report, &f, &theta);
}

#[test]
fn newton_cg_reaches_the_same_minimiser() {
    let f = objective(&digits());
    let mut theta = vec![0.0; UNKNOWNS];
    let report = NewtonCg::default()
        .gradient_tolerance(1e-12)
        .max_lanczos_steps(UNKNOWNS)
        .minimize(&f, &mut theta)
        .unwrap();
    assert!(report.iterations <= 30, "{report}");
    assert_minimiser(&report, &f, &theta);
}

/// The layers keep weights and biases apart; otherwise it is the same function.
#[test]
fn layers_give_the_same_function() {
    let digits = digits();
    let by_hand = objective(&digits);
    let pixels = Array::new(&[digits.labels.len(), PIXELS], digits.pixels).unwrap();
    let dataset = Dataset::classification(pixels, &digits.labels, CLASSES).unwrap();
    let model = mlp::<f64>(&[PIXELS, CLASSES], Activation::Identity);
    let from_layers = Supervised::new(&model, cross_entropy).unwrap().weight_decay(L2).unwrap();
    let from_layers = from_layers.function(&dataset).unwrap();

    // Where entry (class, feature) of Θ lies in the layer's parameters: weights row by row, then biases.
    let place = |i: usize| match (i / FEATURES, i % FEATURES) {
        (class, PIXELS) => CLASSES * PIXELS + class,
        (class, pixel) => class * PIXELS + pixel,
    };
    let theta: Vec<f64> = (0..UNKNOWNS).map(|i| (0.37 * i as f64).sin()).collect();
    let v: Vec<f64> = (0..UNKNOWNS).map(|i| (0.21 * i as f64 + 0.1).cos()).collect();
    let moved = |x: &[f64]| {
        let mut moved = vec![f64::NAN; UNKNOWNS];
        (0..UNKNOWNS).for_each(|i| moved[place(i)] = x[i]);
        moved
    };
    let (here, there) =
        (by_hand.linearize(&theta).unwrap(), from_layers.linearize(&moved(&theta)).unwrap());
    assert!((here.value() - there.value()).abs() <= 1e-14 * here.value());
    assert_close(&moved(here.gradient()), there.gradient());
    assert_close(&moved(&here.hvp(&v).unwrap()), &there.hvp(&moved(&v)).unwrap());
}

/// Equal up to the rounding of sums over 1,797 images.
#[track_caller]
fn assert_close(got: &[f64], expected: &[f64]) {
    let scale = expected.iter().fold(0.0_f64, |scale, e| scale.max(e.abs()));
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        // Written so that NaN fails.
        assert!((g - e).abs() <= 1e-13 * scale, "entry {i}: {g:e} against {e:e}");
    }
}

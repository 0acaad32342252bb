//! What the README promises, held to it across the crates.

use std::thread;

use dualtape_autodiff::{Array, Function, Scalar, c, record};
use dualtape_layers::{Activation, Dataset, Module, Supervised, cross_entropy, mlp};
use dualtape_optimizers::prelude::*;
use dualtape_optimizers::{Newton, NewtonCg, Report};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

/// Huber's loss of `x₀ eˣ¹ᵗ`: a loop, and a branch on the value.
fn robust<S: Scalar>(x: &[S]) -> S {
    let residual = |(t, y): (f64, f64)| x[0] * (x[1] * c(t)).exp() - c(y);
    let huber = |r: S| if r.abs() < S::constant(1.0) { c(0.5) * r * r } else { r.abs() - c(0.5) };
    [(0.0, 2.1), (1.0, 1.2), (2.0, 0.8), (3.0, 9.9)].into_iter().map(residual).map(huber).sum()
}

/// The exact Hessian against central differences of the exact gradient, on both sides of every branch.
#[test]
fn branches_are_noticed() {
    let recorded = record(&[2.0, -0.5]).function(|x| robust(x)).unwrap();
    for x in [[2.0, -0.5], [0.3, 0.9], [12.0, 0.1], [2.0, -0.5], [-4.0, -0.2]] {
        assert!((recorded.value(&x).unwrap() - robust(&x)).abs() <= 1e-14 * robust(&x), "{x:?}");
        let hessian = recorded.hessian(&x).unwrap();
        for j in 0..2 {
            let at = |h: f64| {
                let mut moved = x;
                moved[j] += h;
                recorded.gradient(&moved).unwrap()
            };
            let (ahead, behind) = (at(1e-5), at(-1e-5));
            for i in 0..2 {
                let difference = (ahead[i] - behind[i]) / 2e-5;
                // h² truncation and ε/h rounding, at the size of the third derivatives here.
                let tolerance = 1e-7 * (1.0 + difference.abs());
                assert!((hessian[(i, j)] - difference).abs() <= tolerance, "{x:?} ({i}, {j})");
            }
        }
    }
}

#[test]
fn a_shape_that_does_not_fit_is_told_with_shapes_and_line() {
    let data = Array::new(&[3, 4], vec![0.5; 12]).unwrap();
    let line = line!() + 3;
    let refused = record(&[0.0; 5])
        .data(&[&data])
        .function(|x, data| data[0].matmul(x.reshape(&[5, 1])).sum());
    let message = refused.expect_err("[3, 4]·[5, 1]").to_string();
    for part in ["[3, 4]", "[5, 1]", "readme.rs", &line.to_string()] {
        assert!(message.contains(part), "no {part} in: {message}");
    }
}

/// x² − y² + y⁴ at its saddle (0, 0), and at a maximum of cos x + cos y.
#[test]
fn saddles_and_maxima_are_left() {
    let saddle =
        record(&[0.0; 2]).function(|x| x[0].powi(2) - x[1].powi(2) + x[1].powi(4)).unwrap();
    let peak = record(&[0.0; 2]).function(|x| x[0].cos() + x[1].cos()).unwrap();
    let check = |report: Report<f64>, minimum: f64| {
        assert!(report.converged() && report.certified(), "{report}");
        assert!((report.value - minimum).abs() < 1e-14, "{report}");
    };
    for (f, minimum) in [(&saddle, -0.25), (&peak, -2.0)] {
        check(Newton::default().minimize(f, &mut [0.0; 2]).unwrap(), minimum);
        check(NewtonCg::default().minimize(f, &mut [0.0; 2]).unwrap(), minimum);
    }
}

/// Loss of a small network on data made by formula.
fn network() -> (Function<'static>, Vec<f64>) {
    let inputs = (0..40 * 6).map(|i| (0.7 * i as f64).sin()).collect();
    let labels: Vec<usize> = (0..40).map(|i| i * i % 3).collect();
    let data = Dataset::classification(Array::new(&[40, 6], inputs).unwrap(), &labels, 3).unwrap();
    let model = mlp(&[6, 5, 3], Activation::Tanh);
    let theta = model.init(&mut ChaCha8Rng::seed_from_u64(8));
    let loss = Supervised::new(model, cross_entropy).unwrap().weight_decay(1e-2).unwrap();
    (loss.function(&data).unwrap(), theta)
}

#[test]
fn runs_repeat_to_the_bit() {
    let train = || {
        let (f, mut theta) = network();
        let report =
            NewtonCg::default().gradient_tolerance(1e-10).minimize(&f, &mut theta).unwrap();
        assert!(report.converged(), "{report}");
        theta.into_iter().map(f64::to_bits).collect::<Vec<_>>()
    };
    assert_eq!(train(), train());
}

#[test]
fn one_function_serves_many_threads() {
    let (f, theta) = network();
    let derivatives = |k: u32| {
        let x: Vec<f64> = theta.iter().map(|t| t + 0.1 * f64::from(k)).collect();
        let at = f.linearize(&x).unwrap();
        [at.gradient().to_vec(), at.hvp(&theta).unwrap()]
    };
    let alone: Vec<_> = (0..4).map(derivatives).collect();
    let derivatives = &derivatives;
    let together = thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|k| scope.spawn(move || derivatives(k))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(together, alone);
}

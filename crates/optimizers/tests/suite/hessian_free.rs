//! Hessian-free optimisation with the Gauss–Newton matrix, on a small network.

use std::ops::ControlFlow;

use dualtape_autodiff::{Array, Composite, Tensor, record};
use dualtape_optimizers::prelude::*;
use dualtape_optimizers::{
    CurvatureMatrix, HessianFree, NewtonCg, Report, SecondOrder, WithExamples,
};

use super::support::assert_close;

const EXAMPLES: usize = 12;
const HIDDEN: usize = 3;
const PARAMETERS: usize = 3 * HIDDEN + 1;
const L2: f64 = 1e-2;
/// Of a point where the gradient is 10⁻⁷ and the least eigenvalue 10⁻³.
const ACCURACY: f64 = 2e-4;

/// A network of one hidden layer at its inputs, a column.
fn outputs<'t>(w: Tensor<'t>, inputs: Tensor<'t>) -> Tensor<'t> {
    let part = |k: usize| w.slice(0, k * HIDDEN..(k + 1) * HIDDEN);
    let hidden = inputs.matmul(part(0).reshape(&[1, HIDDEN])) + part(1);
    hidden.tanh().matmul(part(2).reshape(&[HIDDEN, 1])) + w.get(3 * HIDDEN)
}

fn data() -> [Array<f64>; 2] {
    let x: Vec<f64> = (0..EXAMPLES).map(|i| 0.5 * i as f64 - 2.6).collect();
    // Nearly what such a network can be.
    let value = |x: &f64| 1.5 * (1.2 * x + 0.3).tanh() - 0.8 * (0.7 * x - 0.5).tanh() + 0.1;
    let y = x.iter().map(|x| value(x) + 0.03 * (7.0 * x).cos()).collect();
    [x, y].map(|column| Array::new(&[EXAMPLES, 1], column).unwrap())
}

fn start() -> Vec<f64> {
    (0..PARAMETERS).map(|i| 0.7 * (1.7 * i as f64 + 0.4).sin()).collect()
}

/// The mean of the squared errors and a penalty; the outputs are the errors and the parameters, so that the penalty is part
/// of the Gauss–Newton matrix.
fn network() -> WithExamples<'static, Composite<'static>, f64> {
    let ([x, y], w) = (data(), start());
    let mean = record(&w)
        .data(&[&x, &y])
        .composite(
            |w, data| {
                let errors = (outputs(w, data[0]) - data[1]).reshape(&[EXAMPLES]);
                Tensor::concat(&[errors, w], 0)
            },
            |z, _| {
                let parts = z.split(0, &[EXAMPLES, PARAMETERS]);
                parts[0].powi(2).mean() + parts[1].dot(parts[1]) * L2
            },
        )
        .unwrap();
    let each = record(&w)
        .data(&[&x, &y])
        .per_example(|w, example| {
            let error = outputs(w, example[0].reshape(&[1, 1])) - example[1].reshape(&[1, 1]);
            error.powi(2).sum() + w.dot(w) * L2
        })
        .unwrap();
    WithExamples::new(mean, each).unwrap()
}

/// The path of a run, one point after the other, and its report.
fn run(method: HessianFree<'_, f64>) -> (Vec<Vec<f64>>, Report<f64>) {
    let (f, mut x, mut path) = (network(), start(), Vec::new());
    let report = method
        .gradient_tolerance(1e-7)
        .on_iteration(|it| {
            path.push(it.x.to_vec());
            ControlFlow::Continue(())
        })
        .minimize(&f, &mut x)
        .unwrap();
    (path, report)
}

fn end(path: &[Vec<f64>]) -> &[f64] {
    path.last().unwrap()
}

#[test]
fn the_gauss_newton_matrix_leads_to_the_minimum() {
    let (path, report) = run(HessianFree::default());
    assert!(report.converged(), "{report}");
    assert!(matches!(report.second_order, SecondOrder::Minimum(_)), "{report}");
    assert!(report.counts.curvature_products > 0 && report.iterations < 200, "{report}");
    // From there, Newton's method on the exact Hessian finds nothing better near by.
    let mut x = end(&path).to_vec();
    let f = network();
    let newton = NewtonCg::default().gradient_tolerance(1e-12).minimize(&f, &mut x).unwrap();
    assert!(newton.converged(), "{newton}");
    assert_close(end(&path), &x, ACCURACY, "the minimum");
    assert!((report.value - newton.value).abs() < 1e-10, "{report}\n{newton}");
}

#[test]
fn a_preconditioner_changes_the_path_but_not_the_end() {
    let matrix = CurvatureMatrix::EmpiricalFisher;
    // Of so few steps each counts.
    let short = || HessianFree::default().max_cg_iterations(3).max_iterations(1);
    let (plain, _) = run(short());
    let (preconditioned, _) = run(short().preconditioner(matrix));
    let apart = end(&plain).iter().zip(end(&preconditioned)).map(|(a, b)| (a - b).abs());
    assert!(apart.fold(0.0, f64::max) > 1e-3, "{plain:?} {preconditioned:?}");

    let (plain, _) = run(HessianFree::default());
    let (path, report) = run(HessianFree::default().preconditioner(matrix));
    assert!(report.converged(), "{report}");
    assert_close(end(&path), end(&plain), ACCURACY, "the minimum");
}

#[test]
fn the_last_solution_is_where_the_next_begins() {
    let (warm, warm_report) = run(HessianFree::default());
    let (cold, cold_report) = run(HessianFree::default().decay(0.0));
    assert!(warm_report.converged() && cold_report.converged(), "{warm_report}\n{cold_report}");
    // At first there is no last solution.
    assert_eq!(warm[1], cold[1]);
    assert_ne!(warm[2], cold[2]);
    assert_close(end(&cold), end(&warm), ACCURACY, "the minimum");
}

#[test]
fn the_damping_adapts() {
    let length = |path: &[Vec<f64>]| {
        let square = path[0].iter().zip(&path[1]).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        square.sqrt()
    };
    let (free, _) = run(HessianFree::default());
    let (damped, report) = run(HessianFree::default().damping(1e4));
    assert!(length(&damped) < 1e-2 * length(&free), "{} {}", length(&damped), length(&free));
    // With steps as short for ever, thousands of iterations would not suffice.
    assert!(report.converged() && report.iterations < 200, "{report}");
    assert_close(end(&damped), end(&free), ACCURACY, "the minimum");
}

//! Recorded functions as objectives: no derivative by hand.

use dualtape_autodiff::{Scalar, Var, c, record, record_f32};
use dualtape_optimizers::{Adam, Error, Newton, NewtonCg, Report, SecondOrder, prelude::*};

fn rosenbrock<S: Scalar>(x: &[S]) -> S {
    x.windows(2).map(|p| (c(1.0) - p[0]).powi(2) + c(100.0) * (p[1] - p[0] * p[0]).powi(2)).sum()
}

#[test]
fn newton_and_newton_cg_on_a_recorded_function() {
    let start = vec![-1.2; 10];
    let f = record(&start).function(|x| rosenbrock(x)).unwrap();
    type Method = fn(&dyn Objective<f64>, &mut [f64]) -> Result<Report<f64>, Error>;
    let newton: Method = |f, x| Newton::default().gradient_tolerance(1e-10).minimize(f, x);
    let newton_cg: Method = |f, x| NewtonCg::default().gradient_tolerance(1e-10).minimize(f, x);
    for minimize in [newton, newton_cg] {
        let mut x = start.clone();
        let report = minimize(&f, &mut x).unwrap();
        assert!(report.converged(), "{report}");
        assert!(matches!(report.second_order, SecondOrder::Minimum(_)), "{report}");
        // Of the two minima of the ten-dimensional function either will do.
        assert!(report.value < 4.0, "{report} {x:?}");
        assert_eq!(report.value, f.value(&x).unwrap());
    }
}

#[test]
fn the_dense_hessian_is_that_of_the_products() {
    let x = [0.3, -0.7, 1.1];
    let f = record(&x)
        .function(|x| (x[0] * x[1]).exp() + x[2].powi(3) * x[0] - (x[1] * x[2]).sin())
        .unwrap();
    let objective: &dyn Objective<f64> = &f;
    let at = objective.linearize(&x).unwrap();
    let mut dense = [0.0; 9];
    at.hessian().to_dense(&mut dense).unwrap();
    for j in 0..3 {
        let mut unit = [0.0; 3];
        unit[j] = 1.0;
        let mut column = [0.0; 3];
        at.hessian().apply(&unit, &mut column).unwrap();
        for i in 0..3 {
            let (entry, product) = (dense[3 * i + j], column[i]);
            assert!(
                (entry - product).abs() < 1e-14 * product.abs().max(1.0),
                "{i} {j}: {entry} {product}"
            );
        }
    }
}

/// Huber's loss of a line through three points: a branch on each residual.
fn huber<'t>(x: &[Var<'t, f32>]) -> Var<'t, f32> {
    let data = [(1.0, 2.0), (2.0, 3.5), (3.0, 30.0)];
    let losses = data.iter().map(|&(t, y)| {
        let r = x[0] * t + x[1] - y;
        if r.abs() < 5.0 { r * r * 0.5 } else { r.abs() * 5.0 - 12.5 }
    });
    losses.sum::<Var<'t, f32>>() + x[1] * x[1] * 0.01
}

#[test]
fn single_precision_and_branches() {
    let f = record_f32(&[0.0, 0.0]).function(huber).unwrap();
    let mut x = [0.0, 0.0];
    let report = Newton::default().gradient_tolerance(1e-3).minimize(&f, &mut x).unwrap();
    assert!(report.converged() && report.certified(), "{report}");
    let mut by_adam = [0.0, 0.0];
    let adam = Adam::new(0.05)
        .max_iterations(3000)
        .gradient_tolerance(1e-2)
        .minimize(&f, &mut by_adam)
        .unwrap();
    assert!((adam.value - report.value).abs() < 1e-3 * report.value, "{adam}");
}

#[test]
fn a_saddle_of_a_recorded_function_is_left() {
    let f = record(&[0.0, 0.0]).function(|x| x[0].powi(2) - x[1].powi(2) + x[1].powi(4)).unwrap();
    let mut x = [0.0, 0.0];
    let report = NewtonCg::default().minimize(&f, &mut x).unwrap();
    assert!(
        report.converged() && report.certified() && (report.value + 0.25).abs() < 1e-14,
        "{report}"
    );
}

#[test]
fn errors_of_the_derivative_engine_come_through() {
    let f = record(&[1.0, 2.0]).function(|x| x[0] * x[1]).unwrap();
    let error = Objective::value(&f, &[1.0]).unwrap_err();
    assert!(matches!(
        error,
        Error::Autodiff(dualtape_autodiff::Error::Length { got: 1, expected: 2, .. })
    ));
    assert_eq!(error.to_string(), f.value(&[1.0]).unwrap_err().to_string());
}

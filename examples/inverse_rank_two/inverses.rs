//! How the matrices that quasi-Newton methods make of their steps approach the inverse of the Hessian.

use std::cell::RefCell;
use std::ops::ControlFlow;

use dualtape::autodiff::{Function, Matrix, c, record};
use dualtape::optimizers::prelude::*;
use dualtape::optimizers::{
    Form, LineSearch, MoreThuente, QuasiNewton, QuasiNewtonMatrix, Report, UpdateRule,
};

use crate::chart::{Curve, Points};
use crate::demonstration::{Outcome, ensure};
use crate::distance::distance;
use crate::{dot, logistic};

pub const RULES: [(&str, UpdateRule<f64>); 3] = [
    ("BFGS", UpdateRule::Bfgs),
    ("DFP", UpdateRule::Dfp),
    ("Broyden, φ = ½", UpdateRule::Broyden(0.5)),
];

pub fn method<'c>(rule: UpdateRule<f64>) -> QuasiNewton<'c, f64> {
    match rule {
        UpdateRule::Dfp => QuasiNewton::dfp(),
        UpdateRule::Broyden(phi) => QuasiNewton::broyden(phi),
        _ => QuasiNewton::bfgs(),
    }
}

/// Searches to the very minimum along each line.
fn exact_search() -> LineSearch<f64> {
    let search = MoreThuente {
        sufficient_decrease: 1e-11,
        curvature_condition: 1e-10,
        ..MoreThuente::default()
    };
    LineSearch::MoreThuente(search)
}

/// Runs a method, and beside it the matrix that it makes of the steps: its relative distance from `inverse` over the
/// iterations, counted from 1.
fn follow(
    rule: UpdateRule<f64>,
    search: LineSearch<f64>,
    f: &Function<'_>,
    start: &[f64],
    inverse: &[f64],
) -> Outcome<(Points, Report<f64>)> {
    let n = start.len();
    let h = RefCell::new(QuasiNewtonMatrix::scaled_identity(Form::Inverse, rule, n, 1.0));
    let errors = RefCell::new(Vec::new());
    let mut before: Option<(Vec<f64>, Vec<f64>)> = None;
    let mut method =
        method(rule).line_search(search).gradient_tolerance(1e-11).on_iteration(|it| {
            if let Some((x, g)) = &before {
                let s: Vec<f64> = it.x.iter().zip(x).map(|(a, b)| a - b).collect();
                let y: Vec<f64> = it.gradient.iter().zip(g).map(|(a, b)| a - b).collect();
                let mut h = h.borrow_mut();
                if errors.borrow().len() == 1 {
                    h.reset(dot(&s, &y) / dot(&y, &y));
                }
                h.update(&s, &y).expect("lengths are right");
            }
            errors.borrow_mut().push(distance(h.borrow().as_slice(), inverse));
            before = Some((it.x.to_vec(), it.gradient.to_vec()));
            ControlFlow::Continue(())
        });
    let report = method.minimize(f, &mut start.to_vec())?;
    drop(method);
    Ok(((1..).map(f64::from).zip(errors.into_inner()).collect(), report))
}

pub fn of_a_quadratic() -> Outcome<Vec<Curve>> {
    println!(
        "1. A quadratic of 8 variables, condition number 100, searched exactly along each line\n"
    );
    const N: usize = 8;
    // ½ Σ wᵢ (xᵢ + ½ xᵢ₋₁ − 1)²: curvatures from 1 to 100, and coupled
    let f = record(&[0.0; N]).function(|x| {
        let term = |i: usize| {
            let before = x[i.saturating_sub(1)] * c(if i == 0 { 0.0 } else { 0.5 });
            (x[i] + before - c(1.0)).powi(2) * c(50.0_f64.powf(i as f64 / 7.0))
        };
        (0..N).map(term).sum()
    })?;
    let start: Vec<f64> = (0..N).map(|i| 3.0 - i as f64).collect();
    let inverse = invert(&f.hessian(&start)?);
    let mut curves = Vec::new();
    for (name, rule) in RULES {
        let (errors, _) = follow(rule, exact_search(), &f, &start, &inverse)?;
        ensure(errors.len() > N && errors[N].1 < 1e-7, "n steps give the whole inverse")?;
        curves.push((name.to_owned(), errors));
    }
    table(&curves, 1);
    println!("\nAfter n = 8 steps each matrix is the inverse of the Hessian, whatever the rule.\n");
    Ok(curves)
}

pub fn of_a_regression() -> Outcome<Vec<Curve>> {
    println!("2. Logistic regression of 6 parameters, ordinary line search\n");
    let f = record(&[0.0; 6]).function(|x| logistic(x))?;
    let mut minimum = [0.0; 6];
    QuasiNewton::bfgs().gradient_tolerance(1e-11).minimize(&f, &mut minimum)?;
    let inverse = invert(&f.hessian(&minimum)?);
    let mut curves = Vec::new();
    for (name, rule) in RULES {
        let (errors, report) = follow(rule, LineSearch::default(), &f, &[0.0; 6], &inverse)?;
        ensure(report.converged() && report.certified(), "each rule finds the minimum")?;
        curves.push((name.to_owned(), errors));
    }
    table(&curves, 3);
    for (_, errors) in &curves {
        let last = errors[errors.len() - 1];
        ensure(last.1 < errors[1].1, "the matrix comes nearer to the inverse")?;
    }
    println!(
        "\nThe matrix learns what the steps show: nearer to the inverse, though no rule promises to reach it.\n"
    );
    Ok(curves)
}

/// The inverse of a small positive definite matrix (Gauss & Jordan), which nothing but this comparison needs.
fn invert(matrix: &Matrix<f64>) -> Vec<f64> {
    let n = matrix.rows();
    let mut a = matrix.as_slice().to_vec();
    for p in 0..n {
        let pivot = a[p * n + p];
        a[p * n + p] = 1.0;
        a[p * n..][..n].iter_mut().for_each(|entry| *entry /= pivot);
        for i in (0..n).filter(|&i| i != p) {
            let factor = std::mem::take(&mut a[i * n + p]);
            for j in 0..n {
                a[i * n + j] -= factor * a[p * n + j];
            }
        }
    }
    a
}

/// Every `stride`-th error of each rule.
fn table(curves: &[Curve], stride: usize) {
    print!("  {:9}", "iteration");
    curves.iter().for_each(|(name, _)| print!(" {name:>15}"));
    println!("      ‖H − (∇²f)⁻¹‖ / ‖(∇²f)⁻¹‖");
    let longest = curves.iter().map(|(_, points)| points.len()).max().unwrap_or(0);
    for k in (0..longest).step_by(stride) {
        print!("  {k:9}");
        for (_, points) in curves {
            match points.get(k) {
                Some((_, error)) => print!(" {error:>15.2e}"),
                None => print!(" {:>15}", ""),
            }
        }
        println!();
    }
}

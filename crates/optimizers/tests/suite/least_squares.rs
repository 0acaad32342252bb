//! Least squares: curvature matrices, ranks, scaling, large residuals, and uncertainties of what is fitted.

use crate::support::{assert_close, rosenbrock};
use dualtape_autodiff::{Array, Var, record};
use dualtape_optimizers::prelude::*;
use dualtape_optimizers::{
    CurvatureMatrix, Error, GaussNewton, LevenbergMarquardt, Newton, Residuals, Scaling,
    SecondOrder, SecondOrderTerm, StopReason, Uncertainty,
};
use proptest::prelude::*;

/// Saturating growth with four data that do not fit exactly.
fn growth<S: dualtape_autodiff::Scalar>(p: &[S]) -> Vec<S> {
    let data = [(1.0, 8.3), (2.0, 10.3), (3.0, 19.0), (4.0, 16.0), (5.0, 15.6), (7.0, 19.8)];
    let c = S::constant;
    data.iter().map(|&(t, y)| c(y) - p[0] * (c(1.0) - (-p[1] * c(t)).exp())).collect()
}

#[test]
fn all_curvature_matrices_are_what_they_say() {
    let x = [15.0, 0.4];
    let residuals = Residuals::record(&x, |p| growth(p)).unwrap();
    let squares = record(&x).function(|p| growth(p).into_iter().map(|r| r * r).sum()).unwrap();
    let jacobian = residuals.function().jacobian(&x).unwrap();
    let r = residuals.function().values(&x).unwrap();
    let weighted = |weight: &dyn Fn(f64) -> f64| -> Vec<f64> {
        let entry = |k: usize| {
            let rows = r.iter().enumerate();
            rows.map(|(i, &r)| weight(r) * jacobian[(i, k / 2)] * jacobian[(i, k % 2)]).sum()
        };
        (0..4).map(entry).collect()
    };
    let at = residuals.linearize(&x).unwrap();
    assert_close(&[at.value()], &[squares.value(&x).unwrap()], 1e-14, "value");
    assert_close(at.gradient(), &squares.gradient(&x).unwrap(), 1e-13, "gradient");
    let dense = |matrix| {
        let mut dense = vec![0.0; 4];
        at.curvature(matrix).unwrap().to_dense(&mut dense).unwrap();
        dense
    };
    let exact = squares.hessian(&x).unwrap();
    assert_close(&dense(CurvatureMatrix::Hessian), exact.as_slice(), 1e-13, "Hessian");
    let gram = weighted(&|_| 2.0);
    assert_close(&dense(CurvatureMatrix::GaussNewton), &gram, 1e-13, "Gauss–Newton");
    assert_close(&dense(CurvatureMatrix::Fisher), &gram, 1e-13, "Fisher");
    let scores = weighted(&|r| 24.0 * r * r);
    assert_close(&dense(CurvatureMatrix::EmpiricalFisher), &scores, 1e-13, "empirical Fisher");
    // and they differ
    assert!((exact[(1, 1)] - gram[3]).abs() > 0.01 * gram[3]);
    // The Jacobian comes column after column.
    let linearized = at.residuals().unwrap();
    let want: Vec<f64> = (0..6).map(|i| jacobian[(i, 1)]).collect();
    assert_close(linearized.column(1), &want, 1e-15, "a column");
    assert_eq!(linearized.values(), r);
}

#[test]
fn wide_jacobians_are_right_too() {
    let x = [1.0, -0.5, 2.0];
    let residuals =
        Residuals::record(&x, |x| vec![x[0] * x[1] * x[2], x[0] - x[2].powi(2)]).unwrap();
    let at = residuals.linearize(&x).unwrap().residuals().unwrap();
    assert_eq!(at.columns(), [-1.0, 1.0, 2.0, 0.0, -0.5, -4.0]);
}

#[test]
fn a_linear_problem_takes_one_step_and_deficient_rank_the_shortest() {
    // Only x₀ + 2x₁ is determined; both columns have been scaled to norms between ½ and 1, by ½ and ¼.
    let residuals = Residuals::record(&[5.0, 5.0], |x| {
        let sum = x[0] + 2.0 * x[1];
        vec![sum - 1.0, sum - 3.0]
    })
    .unwrap();
    for start in [[0.0, 0.0], [5.0, -7.0]] {
        let mut x = start;
        let report = GaussNewton::default().minimize(&residuals, &mut x).unwrap();
        assert!(report.converged() && report.certified(), "{report}");
        assert_eq!(report.iterations, 1);
        assert!(report.stop.is_stationary());
        let mut y = start;
        let report = LevenbergMarquardt::default().minimize(&residuals, &mut y).unwrap();
        assert!(report.converged() && report.certified(), "{report}");
        for x in [x, y] {
            assert!((x[0] + 2.0 * x[1] - 2.0).abs() < 1e-13, "{x:?}");
        }
        // (x₀/½)² + (x₁/¼)² is least where x₀/x₁ = (¼·2/½ …): the step is along (½²·1, ¼²·2).
        let step = [x[0] - start[0], x[1] - start[1]];
        assert!((step[0] * 0.125 - step[1] * 0.25).abs() < 1e-13, "{step:?}");
    }
    let error = Uncertainty::of_least_squares(&residuals, &[2.0, 0.0]).unwrap_err();
    assert!(matches!(error, Error::DegreesOfFreedom { residuals: 2, parameters: 2 }), "{error}");
}

/// Where the Jacobian has deficient rank on the whole way, the step must be the shortest in the norm of the trust region: one
/// that is shortest in another leads far along columns that happen to be small.
#[test]
fn any_rank_of_the_jacobian_will_do() {
    let start = [1.0, 1.0, 1.0];
    fn bowl<'t>(x: &[Var<'t>]) -> Var<'t> {
        x[0].powi(2) + 2.0 * x[1].powi(2) + 3.0 * x[2].powi(2)
    }
    let solve = |residuals: &Residuals<'_>, start: &[f64]| {
        let mut x = start.to_vec();
        LevenbergMarquardt::default().minimize(residuals, &mut x).unwrap()
    };
    // A Jacobian that vanishes at the solution leaves no more than linear convergence.
    let report = solve(&Residuals::record(&start, |x| vec![bowl(x)]).unwrap(), &start);
    assert!(report.converged() && report.certified() && report.value < 1e-300, "{report}");
    for level in [1.0, 1e-8, 1e8] {
        let residuals = Residuals::record(&start, |x| vec![bowl(x) - level]).unwrap();
        let report = solve(&residuals, &start);
        assert!(report.converged() && report.certified(), "{level}: {report}");
        assert!(report.value <= 1e-28 * level * level && report.iterations < 40, "{report}");
    }
    let product = Residuals::record(&start, |x| vec![x[0] * x[1] * x[2] - 5.0]).unwrap();
    for start in [[1.0, 1.0, 1.0], [1.0, -2.0, 0.5], [1e-3, 1.0, 1e3]] {
        let report = solve(&product, &start);
        assert!(report.converged() && report.certified(), "{start:?}: {report}");
        assert!(report.value < 1e-28, "{start:?}: {report}");
    }
    // Two residuals of four variables, of which one never matters.
    let start = [2.0, -1.0, 0.5, 7.0];
    let pair = Residuals::record(&start, |x| {
        vec![x[0] * x[1] + x[2].powi(3) - 2.0, (x[0] - x[2]).exp() - 3.0]
    })
    .unwrap();
    let report = solve(&pair, &start);
    assert!(report.converged() && report.certified() && report.value < 1e-26, "{report}");
}

/// Where one variable is far smaller than another, steps that are shortest in the norm of the columns change it by orders of
/// magnitude, which the linear model does not survive: the residuals' own curvature must come in, definite or not.
#[test]
fn variables_of_any_sizes_will_do_where_residuals_are_few() {
    fn squares<'t>(x: &[Var<'t>]) -> Var<'t> {
        x.iter().map(|x| *x * *x).sum()
    }
    type Residual = for<'t> fn(&[Var<'t>]) -> Vec<Var<'t>>;
    let cases: [(&str, Residual, &[f64]); 5] = [
        ("a circle", |x| vec![squares(x) - 1.0], &[1e3, 1e-3]),
        ("a sphere", |x| vec![squares(x) - 4.0], &[1e-6, 30.0, 1e3, 1.0]),
        ("squares", |x| vec![squares(x)], &[1.0, 1e-6, 1e3, 1.0, 1.0, 1.0, 1.0, 1.0]),
        ("a hyperbola", |x| vec![x[0] * x[1] - 1.0], &[1e8, 1e-9]),
        (
            "a circle and a hyperbola",
            |x| vec![squares(&x[..2]) - 1.0, (x[2] * x[3] - 2.0) * 3.0],
            &[100.0, 0.01, 50.0, 1e-3],
        ),
    ];
    for (name, residuals, start) in cases {
        let recorded = Residuals::record(start, residuals).unwrap();
        let mut x = start.to_vec();
        let report = LevenbergMarquardt::default().minimize(&recorded, &mut x).unwrap();
        assert!(report.converged() && report.certified(), "{name}: {report}");
        assert!(report.value < 1e-20, "{name}: {report}");
    }
}

#[test]
fn a_minimum_that_rounding_hides_is_one() {
    // Nearly dependent columns: the projection of the residuals on the weaker one is rounding ten times what is tested for.
    let mut x = [1.0, 1.0];
    let residuals = Residuals::record(&x, |x| {
        let product = x[0] * x[1];
        vec![product - 1.5, product - 1.51, 1e-6 * (x[0] - 1.0), 1e-6 * (x[1] - 1.1)]
    })
    .unwrap();
    let report = LevenbergMarquardt::default().minimize(&residuals, &mut x).unwrap();
    assert!(report.converged() && report.certified(), "{report}");
    // Along xy = 1.505 next to (1, 1.1), in long arithmetic.
    assert!((x[0] - 1.183_880_216_230_456_7).abs() < 1e-6, "{x:?}");
    assert!((x[1] - 1.271_243_474_945_469_7).abs() < 1e-6, "{x:?}");
}

#[test]
fn only_sums_of_squares_are_accepted() {
    let mut x = [-1.2, 1.0];
    let error = LevenbergMarquardt::default().minimize(&rosenbrock(), &mut x).unwrap_err();
    assert_eq!(error, Error::NoResiduals);
    let residuals = Residuals::record(&[1.0], |x| vec![x[0], x[0] + 1.0]).unwrap();
    let mut x = [1.0];
    let bad = LevenbergMarquardt::default().initial_radius(0.0).minimize(&residuals, &mut x);
    assert!(matches!(bad, Err(Error::Setting { name: "initial_radius", .. })), "{bad:?}");
    let bad = GaussNewton::default().orthogonality_tolerance(1.0).minimize(&residuals, &mut x);
    assert!(matches!(bad, Err(Error::Setting { name: "orthogonality_tolerance", .. })), "{bad:?}");
}

/// Davidon's function, Brown & Dennis: large residuals, `f = 85822` at the minimum.
fn large_residuals<'t>(x: &[Var<'t>]) -> Vec<Var<'t>> {
    let residual = |i: i32| {
        let t = f64::from(i) / 5.0;
        (x[0] + t * x[1] - t.exp()).powi(2) + (x[2] + t.sin() * x[3] - t.cos()).powi(2)
    };
    (1..=20).map(residual).collect()
}

#[test]
fn the_second_order_term_makes_large_residuals_converge_quadratically() {
    let start = [25.0, 5.0, -5.0, -1.0];
    let residuals = Residuals::record(&start, large_residuals).unwrap();
    let solve = |term| {
        let mut x = start;
        let mut method = LevenbergMarquardt::default().second_order_term(term);
        let report = method.minimize(&residuals, &mut x).unwrap();
        assert!((report.value - 85_822.201_626_356_34).abs() < 1e-6, "{term:?}: {report}");
        report
    };
    // The classical method gets there, but too slowly to tell its steps from rounding, and says so.
    let classical = solve(SecondOrderTerm::Never);
    assert_eq!((classical.stop, classical.counts.hessians), (StopReason::NoProgress, 0));
    for term in [SecondOrderTerm::Automatic, SecondOrderTerm::Always] {
        let report = solve(term);
        assert!(report.converged() && report.certified(), "{term:?}: {report}");
        assert!(report.counts.hessians > 1);
        assert!(2 * report.iterations < classical.iterations, "{report}\n{classical}");
    }
}

#[test]
fn small_residuals_need_no_second_derivatives() {
    let mut p = [20.0, 0.24];
    let residuals = Residuals::record(&p, |p| {
        let value = |t: f64| p[0] * (1.0 - (-p[1] * t).exp());
        (1..8).map(f64::from).map(|t| value(t) - 10.0 * (1.0 - (-0.5 * t).exp())).collect()
    })
    .unwrap();
    let mut method = LevenbergMarquardt::default().second_order_check(false);
    let report = method.minimize(&residuals, &mut p).unwrap();
    assert!(report.converged(), "{report}");
    assert_eq!((report.counts.hessians, report.second_order), (0, SecondOrder::NotExamined));
    assert!((p[0] - 10.0).abs() < 1e-12 && (p[1] - 0.5).abs() < 1e-13, "{p:?}");
}

#[test]
fn steps_do_not_depend_on_the_units_of_the_parameters() {
    let solve = |unit: f64, scaling| {
        let mut x = [20.0 / unit, 0.24];
        let residuals = Residuals::record(&x, move |p| growth(&[p[0] * unit, p[1]])).unwrap();
        let report =
            LevenbergMarquardt::default().scaling(scaling).minimize(&residuals, &mut x).unwrap();
        assert!(report.converged(), "{report}");
        (x[0] * unit, x[1], report.history.iter().map(|record| record.value).collect::<Vec<_>>())
    };
    for scaling in [Scaling::Monotone, Scaling::Current] {
        let (a, b, values) = solve(1.0, scaling);
        // A power of two changes no bit.
        assert_eq!((a, b, values), solve(2.0_f64.powi(40), scaling));
    }
    let (a, b, values) = solve(1.0, Scaling::Monotone);
    let (c, d, others) = solve(1.0, Scaling::Identity);
    assert!((a - c).abs() < 1e-7 && (b - d).abs() < 1e-8);
    assert_ne!(values, others);
}

#[test]
fn both_methods_work_in_single_precision_and_on_arrays() {
    let t = Array::vector(vec![1.0_f32, 2.0, 3.0, 4.0, 5.0, 7.0]);
    let y = Array::vector(vec![8.3_f32, 10.3, 19.0, 16.0, 15.6, 19.8]);
    let start = [20.0_f32, 0.24];
    let residuals = Residuals::record_tensor(&start, &[&t, &y], |p, data| {
        data[1] - p.get(0) * (1.0 - (-p.get(1) * data[0]).exp())
    })
    .unwrap();
    let mut x = start;
    let report = LevenbergMarquardt::default().minimize(&residuals, &mut x).unwrap();
    assert!(report.converged(), "{report}");
    let mut z = start;
    let report = GaussNewton::default().minimize(&residuals, &mut z).unwrap();
    assert!(report.converged(), "{report}");
    for x in [x, z] {
        assert!((x[0] - 19.143).abs() < 1e-2 && (x[1] - 0.5311).abs() < 1e-3, "{x:?}");
    }
    // Other data of the same shape, exactly of the model.
    let exact = t.data().iter().map(|t| 10.0 * (1.0 - (-0.5 * t).exp())).collect();
    residuals.set_data(1, &Array::vector(exact)).unwrap();
    let report = LevenbergMarquardt::default().minimize(&residuals, &mut x).unwrap();
    assert!(report.converged() && (x[0] - 10.0).abs() < 1e-3, "{report}");
}

#[test]
fn points_outside_the_domain_are_survived() {
    // ln(x) from a start whose first steps would make x negative.
    let mut x = [20.0];
    let residuals = Residuals::record(&x, |x| vec![x[0].ln(), 0.1 * (x[0] - 1.0)]).unwrap();
    let report = LevenbergMarquardt::default().minimize(&residuals, &mut x).unwrap();
    assert!(report.converged() && (x[0] - 1.0).abs() < 1e-10, "{report}");
    let mut x = [20.0];
    let report = GaussNewton::default().minimize(&residuals, &mut x).unwrap();
    assert!(report.converged() && (x[0] - 1.0).abs() < 1e-10, "{report}");
    let mut x = [-1.0];
    let error = LevenbergMarquardt::default().minimize(&residuals, &mut x).unwrap_err();
    assert!(matches!(error, Error::NonFiniteValue { .. }), "{error}");
}

#[test]
fn a_maximum_of_the_sum_of_squares_is_no_solution() {
    // Σr² = (x² − 1)² has a maximum at 0, where J = 0.
    let mut x = [0.0];
    let residuals = Residuals::record(&x, |x| vec![x[0] * x[0] - 1.0]).unwrap();
    let report = LevenbergMarquardt::default().minimize(&residuals, &mut x).unwrap();
    assert!(report.converged() && (x[0].abs() - 1.0_f64).abs() < 1e-10, "{report}");
}

#[test]
fn uncertainties_of_a_straight_line_are_those_of_the_textbook() {
    let data = [(1.0, 1.1), (2.0, 1.9), (3.0, 3.2), (5.0, 4.8)];
    let mut p = [0.0, 0.0];
    let line = Residuals::record(&p, |p| data.iter().map(|&(t, y)| p[0] + p[1] * t - y).collect())
        .unwrap();
    assert!(LevenbergMarquardt::default().minimize(&line, &mut p).unwrap().certified());
    let fit = Uncertainty::of_least_squares(&line, &p).unwrap();
    // Σ(t − t̄)² = 8.75, t̄ = 2.75, Σt² = 39, m = 4
    let rss = line.value(&p).unwrap();
    let variance = rss / 2.0;
    let want =
        [variance * 39.0 / 35.0, -variance * 2.75 / 8.75, -variance * 2.75 / 8.75, variance / 8.75];
    assert_close(fit.covariance(), &want, 1e-13, "covariance");
    assert_close(fit.standard_errors(), &[want[0].sqrt(), want[3].sqrt()], 1e-13, "errors");
    assert_close(&[fit.correlation()[1]], &[-2.75 / (39.0_f64 / 4.0).sqrt()], 1e-13, "correlation");
    assert_eq!(fit.degrees_of_freedom(), Some(2.0));
    assert_close(&[fit.residual_deviation().unwrap()], &[variance.sqrt()], 1e-14, "σ");
    // t(0.975; 2) = 0.95 √(2/(1 − 0.95²)): the quantile is elementary for two degrees of freedom.
    let width = 0.95 * (2.0 / (1.0 - 0.95_f64.powi(2))).sqrt();
    let intervals = fit.confidence_intervals(0.95).unwrap();
    let half: Vec<f64> = intervals.iter().map(|[low, high]| 0.5 * (high - low)).collect();
    let want_half: Vec<f64> = fit.standard_errors().iter().map(|s| width * s).collect();
    assert_close(&half, &want_half, 1e-9, "half widths");
    assert!(fit.to_string().contains("2 degrees of freedom"));
    // The same with the variance known, and as a likelihood: f/(2σ²), whose Hessian is exact for a line.
    let known = fit.clone().known_variance(0.25);
    let likelihood = record(&p)
        .function(|p| data.iter().map(|&(t, y)| 2.0 * (p[0] + p[1] * t - y).powi(2)).sum())
        .unwrap();
    let observed = Uncertainty::of_likelihood(&likelihood, &p).unwrap();
    assert_close(observed.covariance(), known.covariance(), 1e-12, "observed information");
    assert_eq!((known.degrees_of_freedom(), observed.degrees_of_freedom()), (None, None));
    let [[low, high], _] = known.confidence_intervals(0.95).unwrap()[..] else { panic!() };
    let width = 0.5 * (high - low) / known.standard_errors()[0];
    assert!((width - 1.959_963_984_540_054).abs() < 1e-9, "{width}");
    assert!(fit.confidence_intervals(1.0).is_err());
}

#[test]
fn the_sandwich_is_that_of_white() {
    let (t, y) = (vec![1.0, 2.0, 3.0, 5.0], vec![1.1, 1.9, 3.2, 4.8]);
    let mut p = [0.0, 0.0];
    let losses = record(&p)
        .data(&[&Array::vector(t.clone()), &Array::vector(y.clone())])
        .per_example(|p, data| {
            (p.get(0) + p.get(1) * data[0].to_var() - data[1].to_var()).powi(2) * 0.5
        })
        .unwrap();
    let sum = record(&p)
        .function(|p| t.iter().zip(&y).map(|(&t, &y)| 0.5 * (p[0] + p[1] * t - y).powi(2)).sum())
        .unwrap();
    assert!(Newton::default().minimize(&sum, &mut p).unwrap().certified());
    let (_, scores) = losses.values_and_gradients(&p).unwrap();
    let robust = Uncertainty::sandwich(&sum, &p, scores.as_slice()).unwrap();
    // (XᵀX)⁻¹ Xᵀ diag(r²) X (XᵀX)⁻¹: the variance of the slope is Σ (t − t̄)² r² / 8.75².
    let slope: f64 =
        t.iter().zip(&y).map(|(t, y)| ((t - 2.75) * (p[0] + p[1] * t - y)).powi(2)).sum::<f64>()
            / 8.75_f64.powi(2);
    assert_close(&[robust.covariance()[3]], &[slope], 1e-12, "variance of the slope");
    assert!(Uncertainty::sandwich(&sum, &p, &[1.0; 3]).is_err());
}

#[test]
fn what_the_data_leave_undetermined_is_named() {
    // Only the product of the first two parameters matters.
    let at = [2.0, 0.5, 1.0];
    let residuals = Residuals::record(&at, |p| {
        (1..6)
            .map(|i| p[0] * p[1] * f64::from(i) + p[2] * f64::from(i * i) - f64::from(i))
            .collect()
    })
    .unwrap();
    let want = [2.0, -0.5, 0.0].map(|d: f64| d / 4.25_f64.sqrt());
    let check = |error: Error| {
        let Error::Undetermined { direction, curvature } = &error else { panic!("{error}") };
        let sign = direction[0].signum();
        let turned: Vec<f64> = direction.iter().map(|d| sign * d).collect();
        assert_close(&turned, &want, 1e-10, "direction");
        assert!(curvature.abs() < 1e-10);
        assert!(error.to_string().contains("mainly parameter 0"), "{error}");
    };
    check(Uncertainty::of_least_squares(&residuals, &at).unwrap_err());
    // At a solution with r = 0 the Hessian is 2JᵀJ, singular in the same direction.
    check(Uncertainty::of_likelihood(&residuals, &[2.0, 0.5, 0.0]).unwrap_err());
    let saddle = record(&[0.0, 0.0]).function(|x| x[0].powi(2) - x[1].powi(2)).unwrap();
    let error = Uncertainty::of_likelihood(&saddle, &[0.0, 0.0]).unwrap_err();
    assert_eq!(error, Error::Undetermined { curvature: -2.0, direction: vec![0.0, 1.0] });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// On a linear problem any radius leads to the solution of the normal equations: `Jᵀr = 0`.
    #[test]
    fn linear_problems_end_with_orthogonal_residuals(
        entries in prop::collection::vec(-1.0..1.0_f64, 15),
        b in prop::collection::vec(-1.0..1.0_f64, 5),
        radius in 1e-3..10.0_f64,
    ) {
        let mut x = [0.3, -0.2, 0.1];
        let residuals = Residuals::record(&x, |x| {
            (0..5).map(|i| (0..3).map(|j| entries[3 * i + j] * x[j]).sum::<Var<'_>>() - b[i]).collect()
        }).unwrap();
        let report = LevenbergMarquardt::default().initial_radius(radius).minimize(&residuals, &mut x).unwrap();
        prop_assert!(report.converged(), "{report}");
        prop_assert!(report.gradient_norm < 1e-9, "{report}");
    }
}

#[test]
fn confidence_intervals_have_the_quantiles_of_student() {
    // t quantiles at 0.975 for 1, 2, 3, 12, 150 degrees of freedom, from SciPy 1.17
    let quantiles = [
        (1, 12.706_204_736_174_694),
        (2, 4.302_652_729_749_462),
        (3, 3.182_446_305_283_707_8),
        (12, 2.178_812_829_667_228_4),
        (150, 1.975_905_330_896_620_1),
    ];
    for (degrees, want) in quantiles {
        let mut mean = [0.0];
        let data: Vec<f64> = (0..=degrees).map(|i| f64::from(i % 3)).collect();
        let sample =
            Residuals::record(&mean, |x| data.iter().map(|&y| x[0] - y).collect()).unwrap();
        LevenbergMarquardt::default().minimize(&sample, &mut mean).unwrap();
        let fit = Uncertainty::of_least_squares(&sample, &mean).unwrap();
        let [[_, high]] = fit.confidence_intervals(0.95).unwrap()[..] else { panic!() };
        let got = (high - mean[0]) / fit.standard_errors()[0];
        assert!((got - want).abs() < 1e-10 * want, "{degrees}: {got}");
    }
}

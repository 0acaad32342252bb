//! What the methods that hold their steps short promise.

use crate::promises::{self, Method};
use crate::support::{quadratic, rosenbrock, saddle};
use dualtape_autodiff::{Function, Real, Record, Var, c, record, record_f32};
use dualtape_optimizers::{
    CubicRegularization, CurvatureMatrix, Error, Forcing, HessianFree, LinearOperator, Lsr1,
    SaddleFreeNewton, SecondOrder, Sr1, StopReason, Subproblem, TrustRegion, prelude::*,
};

fn methods() -> Vec<(&'static str, Method)> {
    vec![
        ("dogleg", |f, x| TrustRegion::new(Subproblem::Dogleg).minimize(f, x).unwrap()),
        ("exact", |f, x| TrustRegion::new(Subproblem::Exact).minimize(f, x).unwrap()),
        ("conjugate gradients", |f, x| {
            TrustRegion::new(Subproblem::ConjugateGradients).minimize(f, x).unwrap()
        }),
        ("Krylov", |f, x| TrustRegion::new(Subproblem::Krylov).minimize(f, x).unwrap()),
        ("cubic", |f, x| CubicRegularization::default().minimize(f, x).unwrap()),
        ("saddle-free", |f, x| SaddleFreeNewton::default().minimize(f, x).unwrap()),
        ("Hessian-free", |f, x| {
            let mut method = HessianFree::default().curvature(CurvatureMatrix::Hessian);
            method.minimize(f, x).unwrap()
        }),
    ]
}

#[test]
fn classical_problems() {
    promises::classical_problems(&methods());
}

#[test]
fn saddles_and_maxima_are_left() {
    promises::saddles_and_maxima_are_left(&methods());
}

/// The hard case in a run: the gradient has no part along the negative curvature, and yet the step has.
#[test]
fn the_hard_case_is_solved_where_it_appears() {
    for subproblem in [Subproblem::Exact, Subproblem::Krylov] {
        let mut x = [1.5, 0.0];
        let method = TrustRegion::new(subproblem).initial_radius(1.0);
        let report = method.max_iterations(1).minimize(&saddle(), &mut x).unwrap();
        assert!(report.value < 2.25 && x[1].abs() > 0.1, "{subproblem:?}: {x:?}\n{report}");
    }
}

/// `Σ cosh`-like terms in many variables, with a few strong couplings.
fn chain(n: usize) -> Function<'static> {
    record(&vec![0.0; n])
        .function(move |x| {
            let links = x.windows(2).map(|p| (p[0] - p[1]).powi(2) * 5.0);
            let terms = x.iter().enumerate().map(|(i, &x)| {
                x.powi(4) * (1.0 + 0.1 * i as f64) - x * x * 0.5 + x * (0.1 * (i as f64).sin())
            });
            links.sum::<Var<'_>>() + terms.sum::<Var<'_>>()
        })
        .unwrap()
}

#[test]
fn many_variables_are_handled_by_products() {
    let f = chain(150);
    let start: Vec<f64> = (0..150).map(|i| 0.5 * f64::from(i).cos()).collect();
    for (method, minimize) in methods() {
        if ["dogleg", "exact"].contains(&method) {
            continue;
        }
        let mut x = start.clone();
        let report = minimize(&f, &mut x);
        assert!(report.converged() && report.certified(), "{method}: {report}");
        assert_eq!(report.counts.hessians, 0, "{method}: {report}");
    }
}

#[test]
fn nothing_is_evaluated_twice() {
    let mut x = [-1.2, 1.0];
    let report = TrustRegion::new(Subproblem::Exact)
        .second_order_check(false)
        .minimize(&rosenbrock(), &mut x)
        .unwrap();
    assert_eq!((report.counts.values, report.counts.gradients), (0, 0), "{report}");
    assert!(report.counts.linearizations <= 2 * report.iterations, "{report}");
    assert_eq!(report.counts.hessians, report.iterations, "{report}");
}

#[test]
fn rounding_does_not_shrink_the_region() {
    // The minimum is 10⁸, so that values tell nothing of the last four digits of x.
    let f = record(&[0.0, 0.0])
        .function(|x| (x[0] - 1.0).cosh() + (x[1] + 2.0).powi(2) * 3.0 + x[0] * x[1] * 0.1 + 1e8)
        .unwrap();
    for (method, minimize) in methods() {
        let mut x = [3.0, 3.0];
        let report = minimize(&f, &mut x);
        assert!(report.converged(), "{method}: {report}");
        assert!(report.iterations < 40, "{method}: {report}");
    }
}

#[test]
fn steps_out_of_the_domain_are_shortened() {
    promises::steps_out_of_the_domain_are_shortened(
        &methods(),
        [[5.0, 1.0], [40.0, -2.0], [1e-4, 3.0]],
    );
}

#[test]
fn flat_valleys_are_certified_as_semidefinite() {
    let f = quadratic(vec![2.0, 2.0, 2.0, 2.0], vec![1.0, 1.0]);
    for (method, minimize) in methods() {
        let mut x = [3.0, -1.0];
        let report = minimize(&f, &mut x);
        assert!(report.converged(), "{method}: {report}");
        assert!(matches!(report.second_order, SecondOrder::Semidefinite(_)), "{method}: {report}");
        // The minimum next to the start, not one far along the valley.
        assert!((x[0] - x[1] - 4.0).abs() < 1e-3, "{method}: {x:?}");
    }
}

/// `½ (a x² + y²)`
fn stiff<S: Real>(a: f64) -> Function<'static, S> {
    let at = [S::one(), S::zero()];
    Record::at(&at).function(move |x| (x[0] * x[0] * c(a) + x[1] * x[1]) * c(0.5)).unwrap()
}

/// The gradient shows nothing of the second variable, and what is new in a random vector is small beside the matrix.
#[test]
fn stiff_problems_come_to_an_end() {
    for a in [1e6, 1e15, 1e20, 1e100] {
        for (method, minimize) in methods() {
            let mut x = [1.0, 0.0];
            let report = minimize(&stiff(a), &mut x);
            assert!(report.converged(), "{method} {a:e}: {report}");
            // A weight of the cubic term that is far from the right size costs some iterations.
            assert!(report.iterations < 100, "{method} {a:e}: {report}");
        }
    }
    for a in [1e6, 1e10, 1e20] {
        for report in [
            TrustRegion::new(Subproblem::Krylov).minimize(&stiff::<f32>(a), &mut [1.0, 0.0]),
            TrustRegion::new(Subproblem::Exact).minimize(&stiff::<f32>(a), &mut [1.0, 0.0]),
            CubicRegularization::default().minimize(&stiff::<f32>(a), &mut [1.0, 0.0]),
            SaddleFreeNewton::default().minimize(&stiff::<f32>(a), &mut [1.0, 0.0]),
        ] {
            let report = report.unwrap();
            assert!(report.converged() && report.iterations < 10, "{a:e}: {report}");
        }
    }
}

/// `½ Σ λₖ (vₖᵀ(x − 1))²` with eigenvalues spread over so many decades.
fn ill_conditioned(n: usize, decades: f64) -> Function<'static> {
    let entry = move |k: usize, i: usize| (1.7 * ((k * n + i).pow(2) % 101) as f64).sin();
    record(&vec![0.0; n])
        .function(move |x| {
            let term = |k: usize| {
                let along: Var<'_> =
                    x.iter().enumerate().map(|(i, &x)| (x - 1.0) * entry(k, i)).sum();
                0.5 * 10_f64.powf(-decades * k as f64 / (n - 1) as f64) * along.powi(2)
            };
            (0..n).map(term).sum()
        })
        .unwrap()
}

#[test]
fn numbers_that_are_finite_are_not_called_otherwise() {
    for decades in [10.0, 14.0, 16.0, 20.0] {
        let f = ill_conditioned(20, decades);
        for (method, minimize) in methods() {
            let mut x = vec![0.0; 20];
            let report = minimize(&f, &mut x);
            println!("{method} 10^{decades}: {report}\n");
            assert_ne!(report.stop, StopReason::NonFinite, "{method} 10^{decades}: {report}");
            assert!(
                report.value < 1e-5 * report.history[0].value,
                "{method} 10^{decades}: {report}"
            );
        }
    }
}

/// COSINE of CUTEst: valleys that lead to infinity beside minima at which every term is −1.
fn cosine(n: usize) -> Function<'static> {
    record(&vec![1.0; n])
        .function(|x| x.windows(2).map(|p| (p[0].powi(2) - 0.5 * p[1]).cos()).sum())
        .unwrap()
}

/// Biggs's EXP6 function (Moré, Garbow & Hillstrom, number 18).
fn biggs() -> Function<'static> {
    record(&[1.0, 2.0, 1.0, 1.0, 1.0, 1.0])
        .function(|x| {
            let residual = |i: i32| {
                let t = 0.1 * f64::from(i);
                let y = (-t).exp() - 5.0 * (-10.0 * t).exp() + 3.0 * (-4.0 * t).exp();
                let decay = [x[0], x[1], x[4]].map(|rate| (-t * rate).exp());
                x[2] * decay[0] - x[3] * decay[1] + x[5] * decay[2] - y
            };
            (1..=13).map(|i| residual(i).powi(2)).sum()
        })
        .unwrap()
}

/// The first radius is a guess, and a poor step of that length would lead into a valley without a minimum.
#[test]
fn a_radius_that_is_guessed_too_large_does_no_harm() {
    for subproblem in
        [Subproblem::Dogleg, Subproblem::Exact, Subproblem::ConjugateGradients, Subproblem::Krylov]
    {
        for n in [10, 20, 40] {
            let report =
                TrustRegion::new(subproblem).minimize(&cosine(n), &mut vec![1.0; n]).unwrap();
            let what = format!("{subproblem:?}, {n} variables: {report}");
            assert!(report.converged() && report.certified() && report.iterations < 40, "{what}");
            assert!((report.value / (n - 1) as f64 + 1.0).abs() < 1e-12, "{what}");
        }
        let mut x = [1.0, 2.0, 1.0, 1.0, 1.0, 1.0];
        let report = TrustRegion::new(subproblem).minimize(&biggs(), &mut x).unwrap();
        assert!(report.converged() && report.certified(), "{subproblem:?}: {report}");
        assert!(report.iterations < 200, "{subproblem:?}: {report}");
    }
}

/// `diag(m)⁻¹`
struct Inverse(Vec<f64>);

impl LinearOperator<f64> for Inverse {
    fn dim(&self) -> usize {
        self.0.len()
    }
    fn apply(&self, r: &[f64], out: &mut [f64]) -> Result<(), Error> {
        out.iter_mut().zip(r).zip(&self.0).for_each(|((out, r), m)| *out = r / m);
        Ok(())
    }
}

#[test]
fn a_preconditioner_saves_products() {
    let weights = |n: usize| (0..n).map(|i| 1.2_f64.powi(i as i32)).collect::<Vec<f64>>();
    let n = 60;
    let f = record(&vec![0.0; n])
        .function(move |x| {
            x.iter().zip(weights(n)).map(|(x, w)| (x.cosh() - 1.0) * w + *x * 0.1).sum()
        })
        .unwrap();
    let method = || {
        TrustRegion::new(Subproblem::ConjugateGradients)
            .initial_radius(1e3)
            .forcing(Forcing::Constant(0.01))
            .second_order_check(false)
    };
    let plain = method().minimize(&f, &mut vec![0.5; n]).unwrap();
    let helped = method()
        .inverse_preconditioner(move |_| Ok(Box::new(Inverse(weights(n)))))
        .minimize(&f, &mut vec![0.5; n])
        .unwrap();
    assert!(plain.converged() && helped.converged(), "{plain}\n{helped}");
    assert!(2 * helped.counts.hvps < plain.counts.hvps, "{plain}\n{helped}");
}

#[test]
fn the_largest_radius_holds() {
    let (f, start) = (rosenbrock(), [30.0, -7.0]);
    let krylov =
        TrustRegion::new(Subproblem::Krylov).max_radius(0.5).minimize(&f, &mut start.clone());
    let sr1 = Sr1::default().initial_radius(0.1).max_radius(0.5).minimize(&f, &mut start.clone());
    let lsr1 = Lsr1::default().initial_radius(0.1).max_radius(0.5).minimize(&f, &mut start.clone());
    for (method, report) in [("Krylov", krylov), ("SR1", sr1), ("L-SR1", lsr1)] {
        let report = report.unwrap();
        let longest = report.history.iter().map(|record| record.step_length).fold(0.0, f64::max);
        assert!(
            report.converged() && longest <= 0.5 * (1.0 + 1e-12),
            "{method}: {report} {longest}"
        );
        assert!(longest > 0.49, "{method}: {longest}");
    }
}

#[test]
fn settings_are_checked() {
    let f = rosenbrock();
    let x = || [0.0, 0.0];
    let errors = [
        TrustRegion::default().initial_radius(0.0).minimize(&f, &mut x()),
        TrustRegion::default().max_radius(-1.0).minimize(&f, &mut x()),
        TrustRegion::default().acceptance(0.3).minimize(&f, &mut x()),
        TrustRegion::default().max_products(0).minimize(&f, &mut x()),
        TrustRegion::default().forcing(Forcing::Constant(1.0)).minimize(&f, &mut x()),
        CubicRegularization::default().initial_weight(f64::NAN).minimize(&f, &mut x()),
        CubicRegularization::default().max_products(0).minimize(&f, &mut x()),
        SaddleFreeNewton::default().initial_radius(-1.0).minimize(&f, &mut x()),
        SaddleFreeNewton::default().max_products(0).minimize(&f, &mut x()),
        HessianFree::default().damping(-1.0).minimize(&f, &mut x()),
        HessianFree::default().decay(1.5).minimize(&f, &mut x()),
        HessianFree::default().max_cg_iterations(0).minimize(&f, &mut x()),
    ];
    for result in errors {
        assert!(matches!(result, Err(Error::Setting { .. })), "{result:?}");
    }
    let missing = HessianFree::default().minimize(&f, &mut x());
    assert!(matches!(missing, Err(Error::NoCurvature { .. })), "{missing:?}");
}

#[test]
fn budgets_hold_within_an_iteration() {
    let f = chain(150);
    let start: Vec<f64> = (0..150).map(|i| 0.5 * f64::from(i).cos()).collect();
    let report = TrustRegion::default().max_passes(7).minimize(&f, &mut start.clone()).unwrap();
    assert_eq!(report.stop, StopReason::MaxPasses);
    assert!(report.counts.passes(150) <= 9, "{report}");
}

#[test]
fn single_precision() {
    let f = record_f32(&[0.0, 0.0])
        .function(|x| (x[0] * -1.0 + 1.0).powi(2) + (x[1] - x[0] * x[0]).powi(2) * 100.0)
        .unwrap();
    for report in [
        TrustRegion::new(Subproblem::Dogleg).minimize(&f, &mut [-1.2, 1.0]).unwrap(),
        TrustRegion::new(Subproblem::Exact).minimize(&f, &mut [-1.2, 1.0]).unwrap(),
        TrustRegion::new(Subproblem::ConjugateGradients).minimize(&f, &mut [-1.2, 1.0]).unwrap(),
        TrustRegion::new(Subproblem::Krylov).minimize(&f, &mut [-1.2, 1.0]).unwrap(),
        CubicRegularization::default().minimize(&f, &mut [-1.2, 1.0]).unwrap(),
        SaddleFreeNewton::default().minimize(&f, &mut [-1.2, 1.0]).unwrap(),
    ] {
        assert!(report.converged() && report.certified() && report.value < 1e-6, "{report}");
    }
}

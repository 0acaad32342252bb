//! What Newton's method and Newton-CG promise, on quadratics, classical test functions, saddles and edges.

use std::ops::ControlFlow;

use crate::promises::{self, Method};
use crate::support::{barrier, quadratic, rosenbrock_f32, saddle};
use dualtape_optimizers::{
    Armijo, ByHand, Forcing, LineSearch, Newton, NewtonCg, SecondOrder, StopReason, prelude::*,
};
use proptest::prelude::*;

/// A positive definite matrix `Bᵀ B + I` and a vector.
fn positive_definite(n: usize, entries: &[f64]) -> Vec<f64> {
    let at = |i: usize, j: usize| entries[i * n + j];
    let product = |i: usize, j: usize| (0..n).map(|k| at(k, i) * at(k, j)).sum::<f64>();
    (0..n * n).map(|k| product(k / n, k % n) + if k / n == k % n { 1.0 } else { 0.0 }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn newton_solves_quadratics_in_one_step(
        n in 1_usize..8,
        entries in prop::collection::vec(-1.0..1.0_f64, 64),
        b in prop::collection::vec(-3.0..3.0_f64, 8),
        start in prop::collection::vec(-5.0..5.0_f64, 8),
    ) {
        let f = quadratic(positive_definite(n, &entries), b[..n].to_vec());
        let mut x = start[..n].to_vec();
        let report = Newton::default().gradient_tolerance(1e-11).minimize(&f, &mut x).unwrap();
        prop_assert!(report.converged() && report.iterations <= 2, "{report}");
        prop_assert!(matches!(report.second_order, SecondOrder::Minimum(_)));
    }

    #[test]
    fn newton_cg_solves_quadratics_in_one_step_of_at_most_n_products(
        n in 1_usize..8,
        entries in prop::collection::vec(-1.0..1.0_f64, 64),
        b in prop::collection::vec(-3.0..3.0_f64, 8),
        start in prop::collection::vec(-5.0..5.0_f64, 8),
    ) {
        let f = quadratic(positive_definite(n, &entries), b[..n].to_vec());
        let mut x = start[..n].to_vec();
        let report = NewtonCg::default()
            .forcing(Forcing::Constant(1e-9))
            .gradient_tolerance(1e-6)
            .second_order_check(false)
            .minimize(&f, &mut x)
            .unwrap();
        prop_assert!(report.converged() && report.iterations <= 1, "{report}");
        prop_assert!(report.counts.hvps <= n + 1, "{report}");
    }

    /// The iterates in `y`, with `x = T y + s`, are the images of those in `x`.
    #[test]
    fn newton_does_not_depend_on_coordinates(
        t in prop::collection::vec(-1.0..1.0_f64, 4),
        s in prop::collection::vec(-2.0..2.0_f64, 2),
        y0 in prop::collection::vec(-2.0..2.0_f64, 2),
    ) {
        let [a, b, c, d] = [t[0] + 2.0, t[1], t[2], t[3] - 2.0];
        let map = |y: &[f64]| [a * y[0] + b * y[1] + s[0], c * y[0] + d * y[1] + s[1]];
        // strictly convex: Σ cosh(x_i) + ½(x₀ − x₁)² − x₀
        let f = ByHand::new(
            2,
            |x: &[f64], g: &mut [f64]| {
                let e = x[0] - x[1];
                (g[0], g[1]) = (x[0].sinh() + e - 1.0, x[1].sinh() - e);
                x[0].cosh() + x[1].cosh() + 0.5 * e * e - x[0]
            },
            |x: &[f64], v: &[f64], hv: &mut [f64]| {
                let e = v[0] - v[1];
                (hv[0], hv[1]) = (x[0].cosh() * v[0] + e, x[1].cosh() * v[1] - e);
            },
        );
        let mapped = ByHand::new(
            2,
            |y: &[f64], g: &mut [f64]| {
                let mut gx = [0.0; 2];
                let value = f.value_and_gradient_into(&map(y), &mut gx).unwrap();
                (g[0], g[1]) = (a * gx[0] + c * gx[1], b * gx[0] + d * gx[1]);
                value
            },
            |y: &[f64], v: &[f64], hv: &mut [f64]| {
                let mut hx = [0.0; 2];
                let vx = [a * v[0] + b * v[1], c * v[0] + d * v[1]];
                f.linearize(&map(y)).unwrap().hessian().apply(&vx, &mut hx).unwrap();
                (hv[0], hv[1]) = (a * hx[0] + c * hx[1], b * hx[0] + d * hx[1]);
            },
        );
        let path = |objective: &dyn Objective<f64>, start: &[f64]| {
            let mut points = Vec::new();
            let mut x = start.to_vec();
            Newton::default()
                .max_iterations(4)
                .gradient_tolerance(1e-9)
                .on_iteration(|it| {
                    points.push(it.x.to_vec());
                    ControlFlow::Continue(())
                })
                .minimize(objective, &mut x)
                .unwrap();
            points
        };
        let (in_y, in_x) = (path(&mapped, &y0), path(&f, &map(&y0)));
        for (y, x) in in_y.iter().zip(&in_x) {
            let image = map(y);
            for (image, x) in image.iter().zip(x) {
                prop_assert!((image - x).abs() < 1e-8, "{image} {x}");
            }
        }
    }
}

/// The Newton methods with each of their line searches.
fn methods() -> Vec<(&'static str, Method)> {
    vec![
        ("Newton", |f, x| Newton::default().minimize(f, x).unwrap()),
        ("Newton, Armijo", |f, x| {
            let search = LineSearch::Armijo(Armijo::default());
            Newton::default().line_search(search).minimize(f, x).unwrap()
        }),
        ("Newton-CG", |f, x| NewtonCg::default().minimize(f, x).unwrap()),
        ("Newton-CG, superlinear, Armijo", |f, x| {
            let search = LineSearch::Armijo(Armijo::default());
            NewtonCg::default()
                .forcing(Forcing::Superlinear)
                .line_search(search)
                .minimize(f, x)
                .unwrap()
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

#[test]
fn a_pure_newton_step_leaves_a_saddle_too() {
    let mut x = [1.0, 0.0];
    let report = Newton::default().fixed_step(1.0).minimize(&saddle(), &mut x).unwrap();
    assert!(
        report.converged() && report.certified() && (report.value + 0.25).abs() < 1e-12,
        "{report}"
    );
}

/// One negative eigenvalue of −10⁻⁹ next to one of 2·10⁶, invisible to an absolute test of curvature.
#[test]
fn faint_negative_curvature_is_seen() {
    let f = ByHand::new(
        2,
        |x: &[f64], g: &mut [f64]| {
            (g[0], g[1]) = (2e3 * x[0], -1e-6 * x[1] + 4.0 * x[1].powi(3));
            1e3 * x[0] * x[0] - 0.5e-6 * x[1] * x[1] + x[1].powi(4)
        },
        |x: &[f64], v: &[f64], hv: &mut [f64]| {
            (hv[0], hv[1]) = (2e3 * v[0], (12.0 * x[1] * x[1] - 1e-6) * v[1]);
        },
    );
    for (method, minimize) in methods() {
        let mut x = [0.3, 0.0];
        let report = minimize(&f, &mut x);
        assert!(report.converged() && report.value < -1e-14, "{method}: {report}");
    }
}

#[test]
fn success_is_not_claimed_where_a_saddle_cannot_be_left() {
    for (stop, iterations) in [(StopReason::MaxIterations, 0), (StopReason::Callback, 10)] {
        let mut x = [0.0, 0.0];
        let report = Newton::default()
            .max_iterations(iterations)
            .on_iteration(|_| ControlFlow::Break(()))
            .minimize(&saddle(), &mut x)
            .unwrap();
        assert!(!report.converged() && !report.certified());
        assert!(matches!(report.second_order, SecondOrder::Indefinite(c) if c.smallest == -2.0));
        assert!(report.stop == stop || report.stop == StopReason::Callback);
    }
    let mut x = [0.0, 0.0];
    let report = Newton::default().second_order_check(false).minimize(&saddle(), &mut x).unwrap();
    assert_eq!(report.second_order, SecondOrder::NotExamined);
    assert!(!report.certified());
}

#[test]
fn steps_out_of_the_domain_are_shortened() {
    promises::steps_out_of_the_domain_are_shortened(
        &methods(),
        [[5.0, 1.0], [1e3, -2.0], [1e-8, 3.0]],
    );
}

#[test]
fn a_fixed_step_out_of_the_domain_stops_with_the_best_point() {
    let mut x = [5.0, 1.0];
    let report = Newton::default().fixed_step(1.0).minimize(&barrier(), &mut x).unwrap();
    assert_eq!(report.stop, StopReason::NonFinite);
    assert_eq!(x, [5.0, 1.0]);
    assert!(!report.converged() && report.value.is_finite());
}

#[test]
fn a_singular_hessian_stops_the_pure_iteration() {
    let f = quadratic(vec![1.0, 0.0, 0.0, 0.0], vec![0.0, 1.0]);
    let mut x = [1.0, 1.0];
    let report = Newton::default().fixed_step(1.0).minimize(&f, &mut x).unwrap();
    assert_eq!(report.stop, StopReason::SingularHessian);
}

#[test]
fn flat_valleys_are_certified_as_semidefinite() {
    let f = quadratic(vec![2.0, 2.0, 2.0, 2.0], vec![1.0, 1.0]);
    for (method, minimize) in methods() {
        let mut x = [3.0, -1.0];
        let report = minimize(&f, &mut x);
        assert!(report.converged(), "{method}: {report}");
        assert!(matches!(report.second_order, SecondOrder::Semidefinite(_)), "{method}: {report}");
    }
}

#[test]
fn single_precision() {
    let f = rosenbrock_f32();
    for report in [
        Newton::default().minimize(&f, &mut [-1.2, 1.0]).unwrap(),
        NewtonCg::default().minimize(&f, &mut [-1.2, 1.0]).unwrap(),
    ] {
        assert!(report.converged() && report.certified() && report.value < 1e-6, "{report}");
    }
}

#[test]
fn a_preconditioner_saves_products() {
    let n = 60;
    let f = ByHand::new(
        n,
        |x: &[f64], g: &mut [f64]| {
            let mut value = 0.0;
            for (i, (g, x)) in g.iter_mut().zip(x).enumerate() {
                let weight = 1.2_f64.powi(i as i32);
                value += weight * (x.cosh() - 1.0) + 0.1 * x;
                *g = weight * x.sinh() + 0.1;
            }
            value
        },
        |x: &[f64], v: &[f64], hv: &mut [f64]| {
            for (i, ((hv, v), x)) in hv.iter_mut().zip(v).zip(x).enumerate() {
                *hv = 1.2_f64.powi(i as i32) * x.cosh() * v;
            }
        },
    );
    let plain = NewtonCg::default().minimize(&f, &mut vec![0.5; n]).unwrap();
    let diagonal = |_: &[f64], m: &mut [f64]| {
        m.iter_mut().enumerate().for_each(|(i, m)| *m = 1.2_f64.powi(i as i32));
    };
    let helped =
        NewtonCg::default().preconditioner(diagonal).minimize(&f, &mut vec![0.5; n]).unwrap();
    assert!(plain.converged() && helped.converged(), "{plain}\n{helped}");
    let final_check = 100;
    assert!(
        2 * (helped.counts.hvps.saturating_sub(final_check)) < plain.counts.hvps,
        "{plain}\n{helped}"
    );
}

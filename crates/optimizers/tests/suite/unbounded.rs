//! Functions without a minimum: a run says so, or that it is not at an end; it never claims to have converged.

use crate::methods::any;
use dualtape_optimizers::prelude::*;
use dualtape_optimizers::{ByHand, Newton, Real, Sgd, StopReason};

/// Sums over two variables of `φ`, which is given with its first two derivatives.
fn sum<S: Real>(phi: Phi<S>) -> impl Objective<S> {
    ByHand::new(
        2,
        move |x: &[S], g: &mut [S]| {
            let [a, b] = [phi(x[0]), phi(x[1])];
            (g[0], g[1]) = (a[1], b[1]);
            a[0] + b[0]
        },
        move |x: &[S], v: &[S], hv: &mut [S]| {
            (hv[0], hv[1]) = (phi(x[0])[2] * v[0], phi(x[1])[2] * v[1]);
        },
    )
}

/// A function of one variable with its first two derivatives.
type Phi<S> = fn(S) -> [S; 3];

fn functions<S: Real>() -> [(&'static str, Phi<S>); 6] {
    [
        ("−x²", |x| [-x * x, S::constant(-2.0) * x, S::constant(-2.0)]),
        ("−eˣ", |x| [-x.exp(), -x.exp(), -x.exp()]),
        ("−x³", |x| [-x * x * x, S::constant(-3.0) * x * x, S::constant(-6.0) * x]),
        ("−x⁴", |x| [-x.powi(4), S::constant(-4.0) * x.powi(3), S::constant(-12.0) * x * x]),
        ("ln x", |x| [x.ln(), x.recip(), -(x * x).recip()]),
        ("−x", |x| [-x, -S::one(), S::zero()]),
    ]
}

/// Whether a method need not notice within its iterations that a function falls for ever.
fn may_be_slow(function: &str, method: &str) -> bool {
    // Where nothing curves, Newton's model has no length of its own; and the cubic term of a model vanishes but slowly.
    function == "−x" || (function == "−x²" && method == "cubic regularisation")
}

fn no_run_claims_a_minimum<S: Real>() {
    for (function, phi) in functions::<S>() {
        let f = sum(phi);
        for (method, minimize) in any::<S>() {
            let mut x = [0.5, 0.25].map(S::constant);
            let report = minimize(&f, &mut x).unwrap();
            let what = format!("{method} on {function}: {report}");
            assert!(!report.converged() && !report.certified(), "{what}");
            assert!(report.value.is_finite() && x.iter().all(|x| x.is_finite()), "{what}");
            match report.stop {
                StopReason::Unbounded => {}
                StopReason::MaxIterations => {
                    assert!(may_be_slow(function, method), "{what}");
                    assert!(report.value.as_f64() < -1e13, "{what}");
                }
                // Beside a pole, there is no room for a step.
                _ => assert_eq!(function, "ln x", "{what}"),
            }
        }
    }
}

#[test]
fn values_that_fall_without_bound_are_told() {
    no_run_claims_a_minimum::<f64>();
    no_run_claims_a_minimum::<f32>();
}

#[test]
fn steps_that_are_not_tested_are_told_too() {
    let f = sum::<f64>(|x| [-x.exp(), -x.exp(), -x.exp()]);
    let mut x = [0.5, 0.25];
    let report = Sgd::new(0.1).minimize(&f, &mut x).unwrap();
    assert_eq!(report.stop, StopReason::Unbounded, "{report}");
    assert!(report.value.is_finite() && x.iter().all(|x| x.is_finite()), "{report}");
    assert!(report.to_string().starts_with("not converged: the values fall without bound"));
}

/// `√(1 + (x − 1)²)`, and −∞ beyond 3, where a step of Newton's leads.
#[test]
fn minus_infinity_beside_a_minimum_is_outside_the_domain() {
    let f = sum::<f64>(|x| {
        let root = (1.0 + (x - 1.0).powi(2)).sqrt();
        if x > 3.0 { [f64::NEG_INFINITY; 3] } else { [root, (x - 1.0) / root, root.powi(-3)] }
    });
    for (method, minimize) in any::<f64>() {
        let mut x = [-1.5, -1.0];
        let report = minimize(&f, &mut x).unwrap();
        assert!(report.converged() && report.certified(), "{method}: {report}");
        assert!(x.iter().all(|x| (x - 1.0).abs() < 1e-6), "{method}: {x:?}");
    }
}

/// The same function in units in which its values begin where others would have ended.
#[test]
fn large_units_are_no_fall() {
    let f = ByHand::new(
        1,
        |x: &[f64], g: &mut [f64]| {
            g[0] = 2e160 * (x[0] - 1.0);
            1e160 * ((x[0] - 1.0).powi(2) - 10.0)
        },
        |_: &[f64], v: &[f64], hv: &mut [f64]| hv[0] = 2e160 * v[0],
    );
    let mut x = [3.0];
    let report = Newton::default().minimize(&f, &mut x).unwrap();
    assert!(report.converged() && report.certified() && x == [1.0], "{report}");
}

/// A slope that ends at a cliff: −∞ below ½.
#[test]
fn a_cliff_is_told_from_a_wall() {
    for (bottom, stop) in [(f64::NEG_INFINITY, true), (f64::INFINITY, false), (f64::NAN, false)] {
        let f = ByHand::new(
            1,
            move |x: &[f64], g: &mut [f64]| {
                g[0] = 1.0;
                if x[0] < 0.5 { bottom } else { x[0] }
            },
            |_: &[f64], _: &[f64], hv: &mut [f64]| hv[0] = 0.0,
        );
        for (method, minimize) in any::<f64>() {
            let mut x = [0.75];
            let report = minimize(&f, &mut x).unwrap();
            assert!(!report.converged(), "{method}: {report}");
            assert_eq!(report.stop == StopReason::Unbounded, stop, "{method}: {report}");
        }
    }
}

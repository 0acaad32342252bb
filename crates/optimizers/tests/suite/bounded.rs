//! L-BFGS within bounds, against SciPy's solutions and the first-order conditions.

use crate::regressions::numbers;
use crate::support::{assert_close, beale, brown_dennis, quadratic, rosenbrock, saddle, wood};
use dualtape_optimizers::{ByHand, Lbfgs, Lbfgsb, Report, SecondOrder, StopReason, prelude::*};
use proptest::prelude::*;
use serde_json::Value;

fn bounds(value: &Value, infinity: f64) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|bound| bound.as_f64().unwrap_or(infinity)).collect()
}

fn quad12() -> impl Objective<f64> {
    let entry =
        |i: usize, j: usize| 1.0 / (i + j + 1) as f64 + if i == j { (i + 1) as f64 } else { 0.0 };
    let b = (0..12).map(|i| 3.0 * f64::from(1 + 2 * i).sin() * (1.0 + f64::from(i) / 3.0));
    quadratic((0..144).map(|k| entry(k / 12, k % 12)).collect(), b.collect())
}

/// Refuses to be evaluated outside its bounds.
fn guarded<'f>(
    f: &'f dyn Objective<f64>,
    lower: &'f [f64],
    upper: &'f [f64],
) -> impl Objective<f64> + 'f {
    ByHand::new(
        f.dim(),
        move |x: &[f64], g: &mut [f64]| {
            for ((x, l), u) in x.iter().zip(lower).zip(upper) {
                assert!(l <= x && x <= u, "{x} is not within {l} and {u}");
            }
            f.value_and_gradient_into(x, g).unwrap()
        },
        move |x: &[f64], v: &[f64], out: &mut [f64]| {
            f.linearize(x).unwrap().hessian().apply(v, out).unwrap()
        },
    )
}

#[test]
fn minima_within_bounds_are_those_of_scipy() {
    let data: Value = serde_json::from_str(include_str!("../data/bounded.json")).unwrap();
    let problems: [(&str, Box<dyn Objective<f64>>); 6] = [
        ("rosenbrock", Box::new(rosenbrock())),
        ("rosenbrock_corner", Box::new(rosenbrock())),
        ("wood", Box::new(wood())),
        ("beale", Box::new(beale())),
        ("brown_dennis", Box::new(brown_dennis())),
        ("quad12", Box::new(quad12())),
    ];
    for (name, f) in &problems {
        let case = &data[name];
        let (lower, upper) =
            (bounds(&case["lower"], f64::NEG_INFINITY), bounds(&case["upper"], f64::INFINITY));
        let mut x = numbers(&case["x0"]);
        let report = Lbfgsb::new(lower.clone(), upper.clone())
            .gradient_tolerance(1e-8)
            .relative_gradient_tolerance(1e-12)
            .minimize(&guarded(&**f, &lower, &upper), &mut x)
            .unwrap();
        println!("{name}, scipy {}: {report}\n", case["scipy_gradients"]);
        assert!(report.converged() && report.certified(), "{name}: {report}");
        assert_close(&x, &numbers(&case["x"]), 1e-7, name);
        assert_close(&[report.value], &[case["f"].as_f64().unwrap()], 1e-12, name);
        for ((x, want), (l, u)) in x.iter().zip(numbers(&case["x"])).zip(lower.iter().zip(&upper)) {
            // What lies on a bound lies there exactly.
            assert!((want != *l && want != *u) || *x == want, "{name}: {x} {want}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// On random convex quadratics in random boxes: `x` is within, `g` vanishes inside and points outwards on the bounds.
    #[test]
    fn quadratics_end_at_their_kkt_point(
        n in 1_usize..9,
        entries in prop::collection::vec(-1.0..1.0_f64, 64),
        b in prop::collection::vec(-3.0..3.0_f64, 8),
        corner in prop::collection::vec(-1.0..1.0_f64, 8),
        widths in prop::collection::vec(prop_oneof![Just(0.0), 0.01..2.0_f64, Just(f64::INFINITY)], 8),
        start in prop::collection::vec(-4.0..4.0_f64, 8),
        memory in 1_usize..6,
    ) {
        let product = |i: usize, j: usize| (0..n).map(|k| entries[k * n + i] * entries[k * n + j]).sum::<f64>();
        let a = (0..n * n).map(|k| product(k / n, k % n) + if k / n == k % n { 0.3 } else { 0.0 }).collect();
        let f = quadratic(a, b[..n].to_vec());
        let (lower, upper): (Vec<_>, Vec<_>) =
            (0..n).map(|i| (corner[i], corner[i] + widths[i])).unzip();
        let mut x = start[..n].to_vec();
        let mut method = Lbfgsb::new(lower.clone(), upper.clone()).memory(memory).gradient_tolerance(1e-9);
        let report = method.minimize(&guarded(&f, &lower, &upper), &mut x).unwrap();
        prop_assert!(report.converged() && report.certified(), "{report}");
        let mut g = vec![0.0; n];
        f.value_and_gradient_into(&x, &mut g).unwrap();
        for i in 0..n {
            prop_assert!(lower[i] <= x[i] && x[i] <= upper[i]);
            prop_assert!(g[i] <= 1e-9 || x[i] - lower[i] <= 1e-9, "{i}: {} at {}", g[i], x[i]);
            prop_assert!(g[i] >= -1e-9 || upper[i] - x[i] <= 1e-9, "{i}: {} at {}", g[i], x[i]);
        }
    }
}

#[test]
fn without_bounds_it_is_l_bfgs() {
    let f = wood();
    let start = [-3.0, -1.0, -3.0, -1.0];
    let values = |report: Report<f64>| -> Vec<f64> {
        report.history[..12].iter().map(|record| record.value).collect()
    };
    let free = vec![f64::INFINITY; 4];
    let mut method = Lbfgsb::new(free.iter().map(|u| -u).collect(), free);
    let bounded = values(method.minimize(&f, &mut start.clone()).unwrap());
    let plain = values(Lbfgs::default().minimize(&f, &mut start.clone()).unwrap());
    assert_close(&bounded[1..2], &plain[1..2], 1e-12, "the first value");
    assert_close(&bounded, &plain, 1e-6, "values");
}

#[test]
fn saddles_are_left_within_the_bounds() {
    // x² − y² + y⁴, whose minima at y = ±1/√2 are out of bounds
    let mut x = [0.0, 0.0];
    let mut method = Lbfgsb::new(vec![-1.0, -0.5], vec![1.0, 0.5]);
    let report = method.minimize(&saddle(), &mut x).unwrap();
    assert!(report.converged() && report.certified(), "{report}");
    assert!(x[0].abs() < 1e-8 && x[1].abs() == 0.5, "{x:?}");

    // The saddle is held in y: what is left is a minimum in x.
    let mut x = [0.7, 0.3];
    let mut method = Lbfgsb::new(vec![-1.0, 0.0], vec![1.0, 0.0]);
    let report = method.minimize(&saddle(), &mut x).unwrap();
    assert!(matches!(report.second_order, SecondOrder::Minimum(_)), "{report}");
    assert!(x[0].abs() < 1e-8 && x[1] == 0.0);
}

#[test]
fn corners_and_single_precision() {
    let f = ByHand::new(
        2,
        |x: &[f32], g: &mut [f32]| {
            (g[0], g[1]) = (1.0, -3.0 * x[1] * x[1]);
            x[0] - x[1].powi(3)
        },
        |x: &[f32], v: &[f32], hv: &mut [f32]| (hv[0], hv[1]) = (0.0, -6.0 * x[1] * v[1]),
    );
    let mut x = [0.4, 0.2];
    let report = Lbfgsb::new(vec![0.0, 0.0], vec![1.0, 1.0]).minimize(&f, &mut x).unwrap();
    assert!(report.converged() && report.certified() && x == [0.0, 1.0], "{report} {x:?}");
    assert_eq!((report.stop, report.gradient_norm), (StopReason::GradientTolerance, 0.0));
}

#[test]
fn bounds_that_leave_nothing_are_refused() {
    let mut x = [0.0, 0.0];
    let error =
        Lbfgsb::new(vec![0.0, 1.0], vec![1.0, 0.5]).minimize(&saddle(), &mut x).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the bounds of x[1] are 1 and 0.5: the lower must not exceed the upper, nor either be NaN"
    );
    assert!(Lbfgsb::new(vec![f64::NAN, 0.0], vec![1.0; 2]).minimize(&saddle(), &mut x).is_err());
    assert!(Lbfgsb::new(vec![0.0], vec![1.0; 2]).minimize(&saddle(), &mut x).is_err());
}

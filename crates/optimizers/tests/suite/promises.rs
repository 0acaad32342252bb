//! What every globalised method promises, checked of whatever methods a family has.

use crate::regressions::numbers;
use crate::support::{
    assert_close, barrier, beale, brown_dennis, powell_singular, rosenbrock, saddle, wood,
};
use dualtape_optimizers::{ByHand, Objective, Report};

/// A method with its settings, as a function.
pub type Method = fn(&dyn Objective<f64>, &mut [f64]) -> Report<f64>;

/// From the standard starts to the known minima.
pub fn classical_problems(methods: &[(&str, Method)]) {
    let data: serde_json::Value = serde_json::from_str(include_str!("../data/mgh.json")).unwrap();
    let problems: [(&str, Box<dyn Objective<f64>>); 5] = [
        ("rosenbrock", Box::new(rosenbrock())),
        ("powell_singular", Box::new(powell_singular())),
        ("wood", Box::new(wood())),
        ("beale", Box::new(beale())),
        ("brown_dennis", Box::new(brown_dennis())),
    ];
    for (name, f) in &problems {
        let case = &data[name];
        let x0 = numbers(&case["x0"]);
        let mut gradient = vec![0.0; x0.len()];
        let value = f.value_and_gradient_into(&x0, &mut gradient).unwrap();
        assert_close(&[value], &[case["f0"].as_f64().unwrap()], 1e-13, name);
        assert_close(&gradient, &numbers(&case["grad0"]), 1e-13, name);
        let minimum = &case["minima"][0];
        for (method, minimize) in methods {
            let mut x = x0.clone();
            let report = minimize(&**f, &mut x);
            let what = format!("{method} on {name}: {report}");
            println!("{what}\n");
            assert!(report.converged() && report.certified(), "{what}");
            let want = minimum["f"].as_f64().unwrap();
            assert!((report.value - want).abs() <= 1e-10 * want.max(1.0), "{what}");
            if *name != "powell_singular" {
                assert_close(&x, &numbers(&minimum["x"]), 1e-6, &what);
            }
        }
    }
}

/// From a maximum, from a saddle, beside it and along the way into it.
pub fn saddles_and_maxima_are_left(methods: &[(&str, Method)]) {
    // cos x + cos y: the origin is a maximum
    let waves = ByHand::new(
        2,
        |x: &[f64], g: &mut [f64]| {
            (g[0], g[1]) = (-x[0].sin(), -x[1].sin());
            x[0].cos() + x[1].cos()
        },
        |x: &[f64], v: &[f64], hv: &mut [f64]| {
            (hv[0], hv[1]) = (-x[0].cos() * v[0], -x[1].cos() * v[1])
        },
    );
    let saddle = saddle();
    let cases: [(&dyn Objective<f64>, [f64; 2], f64); 4] = [
        (&saddle, [0.0, 0.0], -0.25),
        (&saddle, [1.5, 0.0], -0.25),
        (&saddle, [1e-9, -1e-12], -0.25),
        (&waves, [0.0, 0.0], -2.0),
    ];
    for (f, start, least) in cases {
        for (method, minimize) in methods {
            let mut x = start;
            let report = minimize(f, &mut x);
            let what = format!("{method} from {start:?}: {report}");
            assert!(report.converged() && report.certified(), "{what}");
            assert!((report.value - least).abs() < 1e-12, "{what}");
        }
    }
}

/// Where the function does not exist beyond a boundary.
pub fn steps_out_of_the_domain_are_shortened(methods: &[(&str, Method)], starts: [[f64; 2]; 3]) {
    for (method, minimize) in methods {
        for start in starts {
            let mut x = start;
            let report = minimize(&barrier(), &mut x);
            assert!(report.converged() && report.certified(), "{method} from {start:?}: {report}");
            assert_close(&x, &[1.0, 0.0], 1e-6, method);
        }
    }
}

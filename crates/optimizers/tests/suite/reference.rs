//! Iterates against reference values: PyTorch's optimizers, and Newton's method in 50 digits.

use std::cell::RefCell;
use std::ops::ControlFlow;

use crate::regressions::numbers;
use crate::support::{assert_close, quadratic, rosenbrock};
use dualtape_optimizers::{Adagrad, Adam, ByHand, Minimizer, Newton, Objective, RmsProp, Sgd};
use serde_json::Value;

fn data() -> Value {
    serde_json::from_str(include_str!("../data/optim.json")).unwrap()
}

/// Logistic regression on the iris data: is it the third species?
fn iris(data: &Value) -> impl Objective<f64> + use<> {
    let rows: Vec<Vec<f64>> = data["iris"]["x"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| numbers(row).into_iter().chain([1.0]).collect())
        .collect();
    let labels = numbers(&data["iris"]["labels"]);
    ByHand::new(
        5,
        move |theta: &[f64], g: &mut [f64]| {
            let m = rows.len() as f64;
            g.iter_mut().zip(theta).for_each(|(g, t)| *g = 0.01 * t);
            let mut value = 0.005 * theta.iter().map(|t| t * t).sum::<f64>();
            for (row, &label) in rows.iter().zip(&labels) {
                let y = if label == 2.0 { 1.0 } else { 0.0 };
                let z: f64 = row.iter().zip(theta).map(|(a, t)| a * t).sum();
                value += (z.max(0.0) + (-z.abs()).exp().ln_1p() - y * z) / m;
                let slope = (1.0 / (1.0 + (-z).exp()) - y) / m;
                g.iter_mut().zip(row).for_each(|(g, a)| *g += slope * a);
            }
            value
        },
        |_: &[f64], _: &[f64], _: &mut [f64]| unreachable!("first-order methods only"),
    )
}

/// Takes ten steps and compares values and points.
fn check<'c>(
    method: impl Minimizer<'c, f64>,
    points: &'c RefCell<Vec<Vec<f64>>>,
    objective: &dyn Objective<f64>,
    start: &[f64],
    run: &Value,
) {
    let what = format!("{} on {}", run["optimizer"], run["problem"]);
    let mut method = method.max_iterations(10).gradient_tolerance(0.0).on_iteration(|it| {
        points.borrow_mut().push(it.x.to_vec());
        ControlFlow::Continue(())
    });
    let mut x = start.to_vec();
    let report = method.minimize(objective, &mut x).unwrap();
    let values: Vec<f64> = report.history.iter().map(|record| record.value).collect();
    let losses = numbers(&run["losses_f0_to_f10"]);
    assert_close(&values, &losses, 1e-11, &what);
    for (got, want) in points.borrow()[1..].iter().zip(run["iterates"].as_array().unwrap()) {
        assert_close(got, &numbers(want), 1e-11, &what);
    }
    let least = losses.iter().fold(f64::MAX, |m, &l| m.min(l));
    assert_close(
        &[report.value, objective.value(&x).unwrap()],
        &[least, least],
        1e-11,
        "best point",
    );
}

#[test]
fn first_order_methods_take_the_steps_of_pytorch() {
    let data = data();
    let rosenbrock = rosenbrock();
    let quad4 = &data["quad4"];
    let matrix = quad4["A"].as_array().unwrap().iter().flat_map(numbers).collect();
    let quad4 = quadratic(matrix, numbers(&quad4["b"]));
    let iris = iris(&data);
    let runs = data["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 14);
    for run in runs {
        let rate = run["base_lr"].as_f64().unwrap();
        let (objective, start): (&dyn Objective<f64>, Vec<f64>) =
            match run["problem"].as_str().unwrap() {
                "rosenbrock2" => (&rosenbrock, vec![-1.2, 1.0]),
                "quad4" => (&quad4, vec![1.0; 4]),
                "iris_logistic" => (&iris, vec![0.0; 5]),
                other => panic!("unknown problem {other}"),
            };
        let points = RefCell::default();
        match run["optimizer"].as_str().unwrap() {
            "sgd" => check(Sgd::new(rate), &points, objective, &start, run),
            "sgd_momentum" => check(Sgd::new(rate).momentum(0.9), &points, objective, &start, run),
            "sgd_nesterov" => {
                check(Sgd::new(rate).momentum(0.9).nesterov(true), &points, objective, &start, run);
            }
            "adagrad" => check(Adagrad::new(10.0 * rate), &points, objective, &start, run),
            "rmsprop" => check(RmsProp::new(rate).rho(0.9), &points, objective, &start, run),
            "adam" => check(Adam::new(10.0 * rate), &points, objective, &start, run),
            "adamw" => {
                check(
                    Adam::new(10.0 * rate).decoupled_weight_decay(0.1),
                    &points,
                    objective,
                    &start,
                    run,
                );
            }
            other => panic!("unknown optimizer {other}"),
        }
    }
}

#[test]
fn pure_newton_steps_agree_with_fifty_digits() {
    let data = data();
    let steps = data["newton_rosenbrock2"].as_array().unwrap();
    let mut seen = Vec::new();
    let mut x = [-1.2, 1.0];
    let report = Newton::default()
        .fixed_step(1.0)
        .gradient_tolerance(0.0)
        .max_iterations(6)
        .on_iteration(|it| {
            seen.push((it.x.to_vec(), it.record.value, it.gradient.to_vec()));
            ControlFlow::Continue(())
        })
        .minimize(&rosenbrock(), &mut x)
        .unwrap();
    assert_eq!((seen.len(), report.iterations), (7, 6));
    for (step, (x, value, gradient)) in steps.iter().zip(&seen) {
        assert_close(x, &numbers(&step["x"]), 1e-11, "x");
        let k = step["step"].as_u64().unwrap();
        // Two quantities that cancel, the later the more: at the end only their smallness can be asked for.
        let want = [step["f"].as_f64().unwrap(), step["gnorm"].as_f64().unwrap()];
        let got = [*value, gradient.iter().map(|g| g * g).sum::<f64>().sqrt()];
        if k <= 4 {
            assert_close(&got, &want, 1e-11, "value and gradient norm");
        } else {
            assert!(got[0] < 1e-10 && got[1] < 1e-4, "step {k}: {got:?}");
        }
    }
    assert_close(&x, &[1.0, 1.0], 1e-10, "the minimum");
}

//! Every derivative operator against reference values on published test problems.

mod problems;

use dualtape_autodiff::{Matrix, hessian, hvp, jacobian, record, value_and_gradient};
use problems::Problem;
use serde_json::Value;

fn floats(value: &Value) -> Vec<f64> {
    let numbers = value.as_array().expect("a list").iter();
    numbers.map(|number| number.as_f64().expect("a number")).collect()
}

fn rows(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list of rows").iter().flat_map(floats).collect()
}

/// The direction of all reference Hessian-vector products.
fn direction(n: usize) -> Vec<f64> {
    (0..n).map(|i| (-1.0_f64).powi(i as i32) / (i + 1) as f64).collect()
}

/// `max |got − expected| ≤ 1e-11 · max |expected|`, or a report of the worst entry.
#[track_caller]
fn assert_close(what: &str, problem: Problem, got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len(), "{problem:?}: length of {what}");
    let scale = expected.iter().fold(0.0_f64, |scale, e| scale.max(e.abs()));
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        // Written so that NaN fails.
        let close = (g - e).abs() <= 1e-11 * scale;
        assert!(
            close,
            "{problem:?}: {what}[{i}] is {g:e}, should be {e:e}, off by {:e}",
            (g - e) / scale
        );
    }
}

#[test]
fn plain_numbers_give_the_reference_residuals() {
    for problem in Problem::ALL {
        let reference = problem.reference();
        let x = floats(&reference["x0"]);
        assert_close(
            "residuals",
            problem,
            &problem.residuals(&x),
            &floats(&reference["residuals0"]),
        );
        assert_close("value", problem, &[problem.value(&x)], &[reference["f0"].as_f64().unwrap()]);
    }
}

#[test]
fn one_shot_operators_give_the_reference_derivatives() {
    for problem in Problem::ALL {
        let reference = problem.reference();
        let x = floats(&reference["x0"]);
        let v = direction(x.len());

        let (value, gradient) = value_and_gradient(|x| problem.value(x), &x).unwrap();
        assert_close("value", problem, &[value], &[reference["f0"].as_f64().unwrap()]);
        assert_close("gradient", problem, &gradient, &floats(&reference["grad0"]));

        let hessian = hessian(|x| problem.value(x), &x).unwrap();
        assert_close("Hessian", problem, hessian.as_slice(), &rows(&reference["hess0"]));
        let product = hvp(|x| problem.value(x), &x, &v).unwrap();
        assert_close("HVP", problem, &product, &floats(&reference["hvp0"]));
    }
}

#[test]
fn recorded_functions_give_the_reference_derivatives() {
    for problem in Problem::ALL {
        let reference = problem.reference();
        let x = floats(&reference["x0"]);
        let (expected_gradient, expected_hvp) =
            (floats(&reference["grad0"]), floats(&reference["hvp0"]));
        let v = direction(x.len());

        let f = record(&x).function(|x| problem.value(x)).unwrap();
        assert_eq!(f.dim(), x.len());
        let mut gradient = vec![f64::NAN; x.len()];
        let value = f.value_and_gradient_into(&x, &mut gradient).unwrap();
        assert_close("value", problem, &[value], &[reference["f0"].as_f64().unwrap()]);
        assert_close("gradient", problem, &gradient, &expected_gradient);
        let mut product = vec![f64::NAN; x.len()];
        f.hvp_into(&x, &v, &mut product).unwrap();
        assert_close("HVP", problem, &product, &expected_hvp);
        assert_close(
            "Hessian",
            problem,
            f.hessian(&x).unwrap().as_slice(),
            &rows(&reference["hess0"]),
        );

        let linear = f.linearize(&x).unwrap();
        assert_close("linearised value", problem, &[linear.value()], &[value]);
        assert_close("linearised gradient", problem, linear.gradient(), &expected_gradient);
        product.fill(f64::NAN);
        linear.hvp_into(&v, &mut product).unwrap();
        assert_close("linearised HVP", problem, &product, &expected_hvp);
        assert_close(
            "linearised Hessian",
            problem,
            linear.hessian().unwrap().as_slice(),
            &rows(&reference["hess0"]),
        );
    }
}

/// A recording made elsewhere must be as good at the reference point as one made there.
#[test]
fn recordings_replay_at_other_points() {
    for problem in Problem::ALL {
        let reference = problem.reference();
        let x = floats(&reference["x0"]);
        let v = direction(x.len());
        // Near enough to keep to the same side of the one branch there is, in the helical valley.
        let elsewhere: Vec<f64> = x.iter().zip(&v).map(|(x, v)| x + 0.1 * v).collect();
        let f = record(&elsewhere).function(|x| problem.value(x)).unwrap();
        assert_close("gradient", problem, &f.gradient(&x).unwrap(), &floats(&reference["grad0"]));
        assert_close(
            "Hessian",
            problem,
            f.hessian(&x).unwrap().as_slice(),
            &rows(&reference["hess0"]),
        );
    }
}

/// ∇f = 2 Jᵀr and ∇²f = 2 JᵀJ + 2 Σᵢ rᵢ ∇²rᵢ: the Jacobian of the residuals and the Hessian of each of them.
#[test]
fn jacobian_and_residual_hessians_assemble_the_reference() {
    for problem in Problem::ALL {
        let reference = problem.reference();
        let x = floats(&reference["x0"]);
        let residuals = problem.residuals(&x);
        let n = x.len();

        let jacobian = jacobian(|x| problem.residuals(x), &x).unwrap();
        assert_eq!((jacobian.rows(), jacobian.cols()), (residuals.len(), n), "{problem:?}");
        let gradient: Vec<f64> =
            (0..n).map(|j| 2.0 * column_dot(&jacobian, j, &residuals)).collect();
        assert_close("2 Jᵀr", problem, &gradient, &floats(&reference["grad0"]));

        let mut assembled = vec![0.0; n * n];
        for (i, r) in residuals.iter().enumerate() {
            let curvature = hessian(|x| problem.residuals(x)[i], &x).unwrap();
            for (a, entry) in assembled.iter_mut().enumerate() {
                let (row, col) = (a / n, a % n);
                *entry +=
                    2.0 * (jacobian[(i, row)] * jacobian[(i, col)] + r * curvature[(row, col)]);
            }
        }
        assert_close("2 JᵀJ + 2 Σ rᵢ∇²rᵢ", problem, &assembled, &rows(&reference["hess0"]));
    }
}

fn column_dot(matrix: &Matrix<f64>, column: usize, vector: &[f64]) -> f64 {
    vector.iter().enumerate().map(|(row, v)| matrix[(row, column)] * v).sum()
}

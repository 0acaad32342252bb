//! Roots and optima as functions of their parameters.

use dualtape_autodiff::{
    Array, Error, Function, Scalar, Tensor, custom::Fault, gradient, hessian, hvp, implicit, record,
};
use proptest::prelude::*;

/// `eˣ·y = a`, `y² = b`: so `y = √b`, `x = ln(a/√b)`.
fn closed_form<S: Scalar>(theta: &[S]) -> S {
    let y = theta[1].sqrt();
    let x = (theta[0] / y).ln();
    x.sin() * y + x * x * x
}

fn by_root<'t>(theta: Tensor<'t>) -> dualtape_autodiff::Var<'t> {
    // As far as a solver stopping at √ε would come.
    let solver = |theta: &[f64], x: &mut [f64]| {
        x[1] = theta[1].sqrt() * (1.0 + 2e-9);
        x[0] = (theta[0] / x[1]).ln();
    };
    let root = implicit::root(theta, &[0.0, 1.0], solver, |x, theta| {
        let [u, v] = [x.get(0), x.get(1)];
        Tensor::from_vars(x.tape(), &[u.exp() * v - theta.get(0), v * v - theta.get(1)])
    });
    let [x, y] = [root.get(0), root.get(1)];
    x.sin() * y + x * x * x
}

fn assert_close(got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len());
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        assert!((g - e).abs() <= tolerance * (1.0 + e.abs()), "entry {i}: {g} is not {e}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_root_has_the_derivatives_of_its_closed_form(a in 0.5..3.0_f64, b in 0.5..3.0_f64) {
        let at = [a, b];
        let f = record(&[1.0, 1.0]).array().function(by_root)?;
        assert_close(&[f.value(&at)?], &[closed_form(&at)], 1e-14);
        assert_close(&f.gradient(&at)?, &gradient(|x| closed_form(x), &at)?, 1e-13);
        let expected = hessian(|x| closed_form(x), &at)?;
        assert_close(f.hessian(&at)?.as_slice(), expected.as_slice(), 1e-12);
        let (u, v) = ([0.3, -1.0], [0.7, 0.2]);
        let third = record(&at).function(|x| closed_form(x))?.third_derivative(&at, &u, &v)?;
        assert_close(&f.third_derivative(&at, &u, &v)?, &third, 1e-11);
    }
}

#[test]
fn a_root_is_differentiable_over_duals_too() -> Result<(), Error> {
    let (at, v) = ([1.7, 0.6], [0.4, -1.0]);
    let product = hvp(
        |x| {
            let tape = x[0].tape().expect("an input");
            by_root(Tensor::from_vars(tape, x))
        },
        &at,
        &v,
    )?;
    assert_close(&product, &hvp(|x| closed_form(x), &at, &v)?, 1e-12);
    Ok(())
}

/// Ridge regression: the validation loss of weights fitted at a penalty, as a function of its logarithm.
#[test]
fn a_bilevel_problem_has_the_derivatives_of_the_explicit_solution() -> Result<(), Error> {
    let features = Array::new(&[4, 2], vec![1.0, 0.5, -0.3, 1.2, 0.8, -0.7, 0.1, 0.9])?;
    let targets = Array::vector(vec![1.0, 0.2, 0.4, -0.5]);
    let identity = Array::new(&[2, 2], vec![1.0, 0.0, 0.0, 1.0])?;
    let truth = Array::vector(vec![0.6, -0.1]);
    let explicit = record(&[0.0]).data(&[&features, &targets, &identity, &truth]).function(
        |theta, data| {
            let (a, b) = (data[0], data[1].reshape(&[4, 1]));
            let normal = a.t().matmul(a) + data[2] * theta.get(0).exp();
            (normal.solve(a.t().matmul(b)).reshape(&[2]) - data[3]).powi(2).sum()
        },
    )?;
    let (inner_features, inner_targets) = (features.clone(), targets.clone());
    let solver = move |theta: &[f64], x: &mut [f64]| {
        // Gradient descent: slow, and never recorded.
        let (a, b) = (features.data(), targets.data());
        for _ in 0..4000 {
            let mut slope = [theta[0].exp() * x[0], theta[0].exp() * x[1]];
            for i in 0..4 {
                let r = a[2 * i] * x[0] + a[2 * i + 1] * x[1] - b[i];
                slope[0] += r * a[2 * i];
                slope[1] += r * a[2 * i + 1];
            }
            x[0] -= 0.1 * slope[0];
            x[1] -= 0.1 * slope[1];
        }
    };
    let f = record(&[0.0]).data(&[&truth]).function(move |theta, data| {
        let (a, b) = (inner_features.clone(), inner_targets.clone());
        let x = implicit::optimum(theta, &[0.0; 2], solver.clone(), move |x, theta| {
            let r = x.constant(&a).matmul(x.reshape(&[2, 1])).reshape(&[4]) - x.constant(&b);
            0.5 * (r.powi(2).sum() + theta.get(0).exp() * x.powi(2).sum())
        });
        (x - data[0]).powi(2).sum()
    })?;
    for at in [[0.0], [-1.0], [0.7]] {
        assert_close(&[f.value(&at)?], &[explicit.value(&at)?], 1e-14);
        assert_close(&f.gradient(&at)?, &explicit.gradient(&at)?, 1e-13);
        assert_close(f.hessian(&at)?.as_slice(), explicit.hessian(&at)?.as_slice(), 1e-12);
    }
    Ok(())
}

/// The same with the objective stated once and no copy of its data, which is differentiated by too.
#[test]
fn a_minimum_is_that_of_an_objective_stated_once() -> Result<(), Error> {
    let features = Array::new(&[4, 2], vec![1.0, 0.5, -0.3, 1.2, 0.8, -0.7, 0.1, 0.9])?;
    let identity = Array::new(&[2, 2], vec![1.0, 0.0, 0.0, 1.0])?;
    // The logarithm of the penalty, and four targets.
    let at = [0.3, 1.0, 0.2, 0.4, -0.5];
    let explicit = record(&at).data(&[&features, &identity]).function(|theta, data| {
        let (a, b) = (data[0], theta.view(1, &[4]));
        let normal = a.t().matmul(a) + data[1] * theta.get(0).exp();
        normal.solve(a.t().matmul(b)).powi(2).sum()
    })?;
    let newton = |f: &Function<'static>, x: &mut [f64]| {
        if let (Ok(g), Ok(h)) = (f.gradient(x), f.hessian(x)) {
            let determinant = h[(0, 0)] * h[(1, 1)] - h[(0, 1)] * h[(1, 0)];
            x[0] -= (h[(1, 1)] * g[0] - h[(0, 1)] * g[1]) / determinant;
            x[1] -= (h[(0, 0)] * g[1] - h[(1, 0)] * g[0]) / determinant;
        }
    };
    let f = record(&at).data(&[&features]).function(move |theta, data| {
        let parameters = [theta.view(0, &[1]), theta.view(1, &[4]), data[0]];
        let x = implicit::minimum(
            &parameters,
            &[0.0; 2],
            |x, p| 0.5 * ((p[2].matmul(x) - p[1]).powi(2).sum() + (p[0].exp() * x.powi(2)).sum()),
            newton,
        );
        x.powi(2).sum()
    })?;
    for at in [at, [-1.0, 0.7, 0.1, 0.0, 2.0]] {
        assert_close(&[f.value(&at)?], &[explicit.value(&at)?], 1e-14);
        assert_close(&f.gradient(&at)?, &explicit.gradient(&at)?, 1e-13);
        assert_close(f.hessian(&at)?.as_slice(), explicit.hessian(&at)?.as_slice(), 1e-12);
        let (u, v) = ([1.0, 0.2, 0.0, -0.4, 0.1], [0.3, 0.0, 1.0, 0.1, -0.2]);
        let third = explicit.third_derivative(&at, &u, &v)?;
        assert_close(&f.third_derivative(&at, &u, &v)?, &third, 1e-11);
    }
    Ok(())
}

#[test]
fn what_is_no_root_is_refused() -> Result<(), Error> {
    let with_error = |error: f64| {
        record(&[2.0]).array().function(move |theta| {
            let solver = move |theta: &[f64], x: &mut [f64]| x[0] = theta[0].sqrt() + error;
            implicit::root(theta, &[0.0], solver, |x, theta| x * x - theta).get(0)
        })
    };
    let refused = with_error(1e-3).unwrap_err();
    assert!(
        matches!(
            refused,
            Error::Failed { operation: "implicit_root", fault: Fault::NotConverged { .. }, .. }
        ),
        "{refused}"
    );
    let f = with_error(1e-9)?;
    assert_eq!(f.value(&[9.0])?, 3.0);
    // In a replay: there is no root of a negative number, and at zero it does not depend on θ differentiably.
    assert!(matches!(f.value(&[-1.0]), Err(Error::Failed { .. })));
    let refused = with_error(0.0)?.gradient(&[0.0]).unwrap_err();
    assert!(
        matches!(refused, Error::Failed { fault: Fault::Singular { pivot: 0 }, .. }),
        "{refused}"
    );
    let refused = record(&[2.0])
        .array()
        .function(|theta| implicit::root(theta, &[0.0; 2], |_, _| {}, |_, theta| theta).get(0));
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("shapes [[1], [2]] do not fit implicit_root"), "{message}");
    Ok(())
}

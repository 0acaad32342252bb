//! Every network against its references.

use dualtape_autodiff::{Array, Error, record};

use super::support::{assert_close, cases, cast, direction, numbers};

#[test]
fn values_gradients_and_products_match_their_references() -> Result<(), Error> {
    for case in cases() {
        let (name, values, theta) = (&case.name, &case.values, &case.theta);
        let at_point = case.record(theta)?;
        let at = at_point.linearize(theta)?;
        assert_close(name, &[at.value()], &numbers(&values["loss"]), 1e-13);
        assert_close(name, at.gradient(), &numbers(&values["grad"]), 1e-13);
        let v = direction(theta.len());
        assert_close(name, &at.hvp(&v)?, &numbers(&values["hvp"]), 1e-12);
        if values["hess"].is_array() {
            assert_close(name, at.hessian()?.as_slice(), &numbers(&values["hess"]), 1e-12);
        }
        // Recorded elsewhere and replayed here, the same.
        let elsewhere = case.record(&vec![0.1; theta.len()])?;
        assert_close(name, &elsewhere.gradient(theta)?, at.gradient(), 1e-14);
    }
    Ok(())
}

#[test]
fn single_precision_matches_to_its_rounding() -> Result<(), Error> {
    for case in cases() {
        let (name, values, theta) = (&case.name, &case.values, case.theta::<f32>());
        let f = case.record(&theta)?;
        let at = f.linearize(&theta)?;
        let tolerance = 1e-5;
        assert_close(name, &[at.value()], &numbers(&values["loss"]), tolerance);
        assert_close(name, at.gradient(), &numbers(&values["grad"]), tolerance);
        let v: Vec<f32> = cast(&direction(theta.len()));
        assert_close(name, &at.hvp(&v)?, &numbers(&values["hvp"]), tolerance);
    }
    Ok(())
}

#[test]
fn gauss_newton_and_fisher_products_match_their_references() -> Result<(), Error> {
    for case in cases().iter().filter(|case| case.values["fisher"].is_array()) {
        let (name, values) = (&case.name, &case.values);
        let f = case.compose()?;
        let at = f.linearize(&case.theta)?;
        let v = direction(case.theta.len());
        assert_close(name, &at.gauss_newton(&v)?, &numbers(&values["gauss_newton"]), 1e-12);
        assert_close(name, &at.fisher(&v)?, &numbers(&values["fisher"]), 1e-12);
        assert_close(name, &at.hvp(&v)?, &numbers(&values["hvp"]), 1e-12);
    }
    Ok(())
}

#[test]
fn each_example_has_its_own_gradient() -> Result<(), Error> {
    for case in cases().iter().filter(|case| case.values["examples"].is_array()) {
        let data = case.data();
        let data: Vec<&Array<f64>> = data.iter().collect();
        let f = record(&case.theta).data(&data).per_example(|theta, row| {
            // A batch of one.
            let batch: Vec<_> = row.iter().map(|row| row.keep_axis(0)).collect();
            case.loss(theta, &batch)
        })?;
        let (values, gradients) = f.values_and_gradients(&case.theta)?;
        let examples = case.values["examples"].as_array().expect("examples");
        assert_eq!(values.len(), examples.len());
        for (i, example) in examples.iter().enumerate() {
            assert_close(&case.name, &[values[i]], &numbers(&example["loss"]), 1e-13);
            assert_close(&case.name, gradients.row(i), &numbers(&example["grad"]), 1e-13);
        }
    }
    Ok(())
}

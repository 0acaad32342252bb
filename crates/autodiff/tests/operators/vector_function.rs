//! Functions with several values: products, Jacobians, auxiliary outputs, Gauss–Newton and empirical Fisher products.

use dualtape_autodiff::inspect::Quantity;
use dualtape_autodiff::{
    Array, BranchPolicy, Error, Scalar, c, jacobian, jvp, record, scalar_loss,
    value_gradient_and_hvp, vjp,
};

use super::support::{assert_near, dot, network, network_data, wave};

/// Four values of `x` whose derivatives have nothing in common.
fn values<S: Scalar>(x: &[S]) -> Vec<S> {
    let sum: S = x.iter().map(|&x| x.sin()).sum();
    vec![x[0] * x[1].exp(), sum * sum, x[2] / (x[0] * x[0] + c(1.0)), S::constant(2.0)]
}

#[test]
fn products_and_jacobian_agree_with_one_shot_ones() -> Result<(), Error> {
    for n in [3, 9] {
        let f = record(&vec![0.5; n]).vector(|x| values(x))?;
        let x = wave(n, 1.7, 0.2);
        let (v, w) = (wave(n, 0.9, 1.0), wave(4, 2.1, 0.6));
        let at = f.linearize(&x)?;
        let j = jacobian(|x| values(x), &x)?;
        assert_near(at.jacobian()?.as_slice(), j.as_slice(), 1e-14);
        for (i, &component) in at.jvp(&v)?.iter().enumerate() {
            let expected = jvp(|x| values(x)[i], &x, &v)?;
            assert_near(&[at.values()[i], component], &[expected.0, expected.1], 1e-14);
        }
        let (expected_values, expected) = vjp(|x| values(x), &x, &w)?;
        assert_eq!(f.values(&x)?, expected_values);
        assert_near(&at.vjp(&w)?, &expected, 1e-14);
        let expected: Vec<f64> =
            (0..n).map(|k| (0..4).map(|i| j[(i, k)] * dot(j.row(i), &v)).sum()).collect();
        assert_near(&at.gauss_newton(&v)?, &expected, 1e-13);
    }
    Ok(())
}

#[test]
fn arrays_have_products_in_both_directions() -> Result<(), Error> {
    let [inputs, _] = network_data();
    let theta = wave(12, 1.3, 0.5);
    let f = record(&theta).data(&[&inputs]).vector(|theta, data| network(theta, data[0]))?;
    let x = wave(12, 0.7, 0.3);
    let at = f.linearize(&x)?;
    let j = at.jacobian()?;
    assert_eq!((j.rows(), j.cols()), (5, 12));
    let (directions, cotangents) = (wave(3 * 12, 0.9, 1.0), wave(3 * 5, 2.1, 0.6));
    let (mut forward, mut reverse) = (vec![0.0; 15], vec![0.0; 36]);
    at.jvps_into(&directions, &mut forward)?;
    at.vjps_into(&cotangents, &mut reverse)?;
    for k in 0..3 {
        let (v, w) = (&directions[12 * k..12 * (k + 1)], &cotangents[5 * k..5 * (k + 1)]);
        assert_eq!(at.jvp(v)?, forward[5 * k..5 * (k + 1)]);
        assert_eq!(at.vjp(w)?, reverse[12 * k..12 * (k + 1)]);
        let expected: Vec<f64> = (0..5).map(|i| dot(j.row(i), v)).collect();
        assert_near(&at.jvp(v)?, &expected, 1e-14);
        // ⟨w, J·v⟩ = ⟨wᵀJ, v⟩
        assert_near(&[dot(w, &at.jvp(v)?)], &[dot(&at.vjp(w)?, v)], 1e-13);
    }
    let mut fisher = vec![0.0; 12];
    at.empirical_fisher_into(&directions[..12], &mut fisher)?;
    let expected: Vec<f64> = at.gauss_newton(&directions[..12])?.iter().map(|x| x / 5.0).collect();
    assert_eq!(fisher, expected);
    Ok(())
}

#[test]
fn another_branch_may_not_have_another_number_of_values() -> Result<(), Error> {
    let f = record(&[1.0])
        .vector(|x| if x[0] > 0.0 { vec![x[0]] } else { vec![x[0], x[0].powi(2)] })?;
    assert_eq!(f.values(&[3.0])?, [3.0]);
    for refused in [f.values(&[-1.0]).map(drop), f.linearize(&[-1.0]).map(drop)] {
        assert_eq!(refused, Err(Error::OutputsChanged { recorded: 1, got: 2 }));
    }
    let f =
        record(&[1.0]).vector(|x| vec![x[0].abs(), if x[0] > 0.0 { x[0] } else { -x[0] * 3.0 }])?;
    assert_eq!(f.jacobian(&[-2.0])?.as_slice(), [-1.0, -3.0]);
    Ok(())
}

/// What a function can be asked, several values can be asked: over scalars and over an array.
#[test]
fn settings_and_looks_are_those_of_functions() -> Result<(), Error> {
    let x = [4.0, 1.0, 2.0];
    let refusing = record(&x).branches(BranchPolicy::Refuse).vector(|x| {
        let larger = if x[0] > x[1] { x[0] } else { x[1] };
        vec![larger * x[1], x[0].sqrt()]
    })?;
    assert_eq!(refusing.values(&x)?, [4.0, 2.0]);
    assert!(matches!(refusing.jacobian(&[1.0, 4.0, 2.0]), Err(Error::BranchChanged { .. })));
    assert_eq!(refusing.unused_inputs(&x)?, [2]);
    assert!(refusing.step_line(&x, 4)?.is_some());

    let scalars = record(&x).vector(|x| vec![x[0].sqrt() * x[1], x[2].ln()])?;
    let array = record(&x).array().threads(2).vector(|x| x.sqrt() * x.sum())?;
    assert!(scalars.check_finite(&x).and(array.check_finite(&x)).is_ok());
    let line = line!() - 3;
    let refused = scalars.check_finite(&[4.0, 1.0, 0.0]).unwrap_err().to_string();
    assert!(
        refused.contains("in the value") && refused.contains(&format!(":{line}:")),
        "{refused}"
    );
    let second = record(&x).vector(|x| vec![x[1] * x[2], x[0].sqrt()])?;
    for refused in [
        scalars.check_finite(&[0.0, 1.0, 1.0]),
        second.check_finite(&[0.0, 1.0, 1.0]),
        array.check_finite(&[1.0, 0.0, 1.0]),
    ] {
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("in the gradient"), "{refused}");
    }
    assert!(!array.is_smooth_at(&[1.0, 0.0, 1.0])? && array.is_smooth_at(&x)?);
    let [gradient, jacobian] =
        [Quantity::Gradient, Quantity::Jacobian].map(|q| array.inspect(q, &x));
    assert!(jacobian?.instructions() > gradient?.instructions());

    // Of the sum of the values.
    let sum = record(&x).array().function(|x| (x.sqrt() * x.sum()).sum())?;
    let v = [1.0, -2.0, 0.5];
    assert!(array.check_finite_along(&x, &v).is_ok());
    let cut = array.up_to(&x, &[(array.steps(&x)?.len() - 1, vec![1.0; 3])])?;
    assert_near(&cut.gradient(&x)?, &sum.gradient(&x)?, 1e-15);
    Ok(())
}

#[test]
fn the_loss_of_an_example_can_be_looked_into() -> Result<(), Error> {
    let [x, y] = [[1.0, 2.0, 4.0], [0.0, 1.0, 3.0]].map(|row| Array::vector(row.to_vec()));
    let mut losses = record(&[0.5, 2.0])
        .data(&[&x, &y])
        .per_example(|p, example| (p.get(0) * example[0].to_var() - example[1].to_var()).abs())?;
    assert_eq!((losses.dim(), losses.examples()), (2, 3));
    assert_eq!(losses.unused_inputs(&[0.5, 2.0])?, [1]);
    assert!(!losses.is_smooth_at(&[0.0, 2.0])?);
    assert_eq!(losses.values_and_gradients(&[1.0, 0.0])?.0, [1.0, 1.0, 1.0]);
    losses.set_data(1, &Array::vector(vec![1.0, 4.0, 0.0]))?;
    assert_eq!(losses.values_and_gradients(&[1.0, 0.0])?.0, [0.0, 2.0, 4.0]);
    let refused = losses.set_data(1, &Array::vector(vec![1.0]));
    assert!(matches!(refused, Err(Error::DataShape { index: 1, .. })));
    Ok(())
}

/// One sweep gives the same three as three calls, at a kink too.
#[test]
fn value_gradient_and_product_come_together() -> Result<(), Error> {
    let loss = scalar_loss(|x| x[0].powi(3) * x[1].exp() + x[2].abs());
    let f = record(&[1.0, 0.5, 1.0]).function(&loss)?;
    let v = [0.3, -1.0, 0.0];
    for x in [[1.5, 0.2, -1.0], [2.0, -0.3, 0.0]] {
        let expected = (f.value(&x)?, f.gradient(&x)?, f.hvp(&x, &v)?);
        assert_eq!(f.value_gradient_and_hvp(&x, &v)?, expected);
        let (value, gradient, product) = value_gradient_and_hvp(loss, &x, &v)?;
        assert_eq!(value, expected.0);
        assert_near(&gradient, &expected.1, 1e-15);
        assert_near(&product, &expected.2, 1e-15);
    }
    Ok(())
}

//! Functions with several values: products, Jacobians, auxiliary outputs, Gauss–Newton and empirical Fisher products.

use dualtape_autodiff::{Error, Scalar, c, jacobian, jvp, record, vjp};

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

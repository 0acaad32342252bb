//! Structured inputs.

use std::collections::BTreeMap;

use dualtape_autodiff::{
    Array, Error, gauss_newton, generic, gradient, jacobian, third_derivative,
    tree::{Fixed, gradient_of, value_and_gradient_of, value_gradient_and_auxiliary_of},
};

use super::support::{assert_near, coupled, dual3, wave};

#[test]
fn gradients_have_the_structure_of_the_input() -> Result<(), Error> {
    let x = (2.0, [0.5, -1.0], vec![3.0], Fixed("name"));
    let (value, gradient) = value_and_gradient_of(
        |_, (a, [b, c], rest, name)| {
            assert_eq!(name, "name");
            a * b.exp() + c * rest[0] * a
        },
        &x,
    )?;
    let e = 0.5_f64.exp();
    assert_eq!(value, 2.0 * e - 6.0);
    assert_eq!(gradient, (e - 3.0, [2.0 * e, 6.0], vec![-2.0], Fixed("name")));
    Ok(())
}

#[test]
fn arrays_and_names_mix_with_numbers() -> Result<(), Error> {
    let weights = Array::new(&[2, 2], vec![1.0, 2.0, 3.0, 4.0])?;
    let layer = |bias: f64| (weights.clone(), bias);
    let network = BTreeMap::from([("first", layer(0.5)), ("second", layer(-0.5))]);
    let gradient = gradient_of(
        |_, net| {
            let (first, second) = (&net["first"], &net["second"]);
            (first.0 * first.1).sum() + (second.0 * second.0).sum()
        },
        &network,
    )?;
    assert_eq!(gradient["first"].0.data(), [0.5; 4]);
    assert_eq!(gradient["first"].1, 10.0);
    assert_eq!(gradient["second"].0.data(), [2.0, 4.0, 6.0, 8.0]);
    assert_eq!(gradient["second"].1, 0.0);
    Ok(())
}

#[test]
fn single_precision_and_auxiliary_results() -> Result<(), Error> {
    let gradient: (f32, f32) = generic::gradient_of(|_, (a, b)| a * b, &(2.0_f32, 3.0_f32))?;
    assert_eq!(gradient, (3.0, 2.0));
    let (value, gradient, steps) = value_gradient_and_auxiliary_of(
        |_, x| {
            let (mut y, mut steps) = (x, 0);
            while y < 10.0 {
                y = y * y;
                steps += 1;
            }
            (y, steps)
        },
        &2.0,
    )?;
    assert_eq!((value, gradient, steps), (16.0, 32.0, 2));
    Ok(())
}

#[test]
fn one_shot_operators_agree_with_nested_duals() -> Result<(), Error> {
    let (x, u, v) = (wave(5, 1.7, 0.2), wave(5, 0.9, 1.0), wave(5, 2.1, 0.6));
    let expected: Vec<f64> = (0..5)
        .map(|i| {
            let inputs: Vec<_> =
                (0..5).map(|j| dual3(x[j], u[j], v[j], f64::from(u8::from(i == j)))).collect();
            coupled(&inputs).eps[0].eps[0].eps[0]
        })
        .collect();
    assert_near(&third_derivative(|x| coupled(x), &x, &u, &v)?, &expected, 1e-13);
    let residuals =
        |x: &[f64]| -> Result<_, Error> { jacobian(|x| vec![coupled(x), x[0] * x[1]], x) };
    let j = residuals(&x)?;
    let j_v: Vec<f64> = (0..2).map(|i| j.row(i).iter().zip(&v).map(|(a, b)| a * b).sum()).collect();
    let expected: Vec<f64> = (0..5).map(|k| j[(0, k)] * j_v[0] + j[(1, k)] * j_v[1]).collect();
    assert_near(&gauss_newton(|x| vec![coupled(x), x[0] * x[1]], &x, &v)?, &expected, 1e-13);
    assert_eq!(gradient(|x| coupled(x), &x)?.len(), 5);
    Ok(())
}

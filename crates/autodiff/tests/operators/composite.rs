//! Gauss–Newton and Fisher products and matrices.

use dualtape_autodiff::{Array, Error, Likelihood, Matrix, Tensor, Var, record};

use super::support::{assert_near, dot, matrix, network, network_data, wave};

fn cross_entropy<'t>(z: Tensor<'t>, data: &[Tensor<'t>]) -> Var<'t> {
    -(z.log_softmax(1) * data[1]).sum() / 5.0
}

/// Logits of three classes for five examples, from 12 parameters.
fn logits<'t>(theta: Tensor<'t>, data: &[Tensor<'t>]) -> Tensor<'t> {
    data[0].matmul(theta.view(0, &[2, 3])).tanh().matmul(theta.view(3, &[3, 3]))
}

/// `Jᵀ·M·J·v`, term by term.
fn sandwich(j: &Matrix, m: impl Fn(usize, usize) -> f64, v: &[f64]) -> Vec<f64> {
    let j_v: Vec<f64> = (0..j.rows()).map(|i| dot(j.row(i), v)).collect();
    let m_j_v: Vec<f64> =
        (0..j.rows()).map(|i| (0..j.rows()).map(|k| m(i, k) * j_v[k]).sum()).collect();
    (0..j.cols()).map(|c| (0..j.rows()).map(|i| j[(i, c)] * m_j_v[i]).sum()).collect()
}

#[test]
fn least_squares_have_their_normal_matrix() -> Result<(), Error> {
    let [inputs, targets] = network_data();
    let theta = wave(12, 1.3, 0.5);
    let f = record(&theta)
        .data(&[&inputs, &targets])
        .likelihood(Likelihood::Gaussian { variance: 0.5 })
        .composite(|theta, data| network(theta, data[0]), |z, data| (z - data[1]).powi(2).mean())?;
    let x = wave(12, 0.7, 0.3);
    let at = f.linearize(&x)?;
    let model = record(&theta).data(&[&inputs]).vector(|t, data| network(t, data[0]))?;
    let j = model.jacobian(&x)?;
    let v = wave(12, 0.9, 1.0);
    let expected = sandwich(&j, |i, k| if i == k { 2.0 / 5.0 } else { 0.0 }, &v);
    assert_near(&at.gauss_newton(&v)?, &expected, 1e-13);
    assert_near(&at.fisher(&v)?, &expected, 1e-13);
    Ok(())
}

#[test]
fn a_composite_is_a_function_as_well() -> Result<(), Error> {
    let [inputs, targets] = network_data();
    let theta = wave(12, 1.3, 0.5);
    let f = record(&theta).data(&[&inputs, &targets]).composite(
        |theta, data| network(theta, data[0]) * theta.sum(),
        |z, data| (z - data[1]).powi(4).mean(),
    )?;
    let g = record(&theta)
        .data(&[&inputs, &targets])
        .function(|theta, data| (network(theta, data[0]) * theta.sum() - data[1]).powi(4).mean())?;
    let x = wave(12, 0.7, 0.3);
    let (at, expected) = (f.linearize(&x)?, g.linearize(&x)?);
    assert_eq!((f.dim(), f.value(&x)?), (12, g.value(&x)?));
    assert_near(&[at.value()], &[expected.value()], 1e-15);
    assert_near(at.gradient(), expected.gradient(), 1e-14);
    // The two curvatures, asked for in turn, do not disturb each other.
    let v = wave(12, 0.9, 1.0);
    let gauss_newton = at.gauss_newton(&v)?;
    assert_near(&at.hvp(&v)?, &expected.hvp(&v)?, 1e-13);
    assert_eq!(at.gauss_newton(&v)?, gauss_newton);
    let h = at.hessian()?;
    assert_near(h.as_slice(), expected.hessian()?.as_slice(), 1e-13);
    assert_eq!(at.fisher(&v), Err(Error::NoLikelihood));
    f.set_data(1, &matrix(&[5, 1], 0.2, 0.1))?;
    g.set_data(1, &matrix(&[5, 1], 0.2, 0.1))?;
    let (at, expected) = (f.linearize(&x)?, g.linearize(&x)?);
    assert_near(&at.hvp(&v)?, &expected.hvp(&v)?, 1e-13);
    Ok(())
}

#[test]
fn fisher_of_categories_is_their_covariance() -> Result<(), Error> {
    let [inputs, _] = network_data();
    let labels: Vec<f64> = (0..15).map(|i| f64::from(u8::from(i % 3 == (i / 3) % 2))).collect();
    let labels = Array::new(&[5, 3], labels)?;
    let theta = wave(12, 1.3, 0.5);
    let data = [&inputs, &labels];
    let f = record(&theta)
        .data(&data)
        .likelihood(Likelihood::Categorical)
        .composite(logits, cross_entropy)?;
    let x = wave(12, 0.7, 0.3);
    let at = f.linearize(&x)?;
    let probabilities =
        record(&theta).data(&data).vector(|t, data| logits(t, data).softmax(1))?.values(&x)?;
    let j = record(&theta).data(&data).vector(logits)?.jacobian(&x)?;
    let covariance = |i: usize, k: usize| match (i == k, i / 3 == k / 3) {
        (_, false) => 0.0,
        (same, true) => {
            let p = probabilities[i];
            (f64::from(u8::from(same)) * p - p * probabilities[k]) / 5.0
        }
    };
    let directions = wave(24, 0.9, 1.0);
    let mut products = [0.0; 24];
    at.gauss_newtons_into(&directions, &mut products)?;
    for (v, product) in directions.chunks(12).zip(products.chunks(12)) {
        let expected = sandwich(&j, covariance, v);
        assert_near(&at.fisher(v)?, &expected, 1e-13);
        assert_near(&at.gauss_newton(v)?, &expected, 1e-13);
        assert_eq!(at.gauss_newton(v)?, product);
    }
    let (fisher, gauss_newton) = (at.fisher_matrix()?, at.gauss_newton_matrix()?);
    assert_near(fisher.as_slice(), gauss_newton.as_slice(), 1e-12);
    assert_eq!(fisher[(3, 7)], fisher[(7, 3)]);
    Ok(())
}

#[test]
fn outputs_may_depend_on_each_other_and_repeat() -> Result<(), Error> {
    // z = (a, a², a, x₁, 2) with a = x₀x₁; L = z₀·z₁ + z₂²·z₃ + z₄²
    let f = record(&[1.0, 1.0]).composite(
        |x| {
            let a = x[0] * x[1];
            vec![a, a * a, a, x[1], Var::from_value(2.0)]
        },
        |z| z[0] * z[1] + z[2] * z[2] * z[3] + z[4] * z[4],
    )?;
    let [x0, x1] = [0.6, 1.7];
    let a = x0 * x1;
    let at = f.linearize(&[x0, x1])?;
    assert_near(&[at.value()], &[a * a * a + a * a * x1 + 4.0], 1e-15);
    let j = [[x1, x0], [2.0 * a * x1, 2.0 * a * x0], [x1, x0], [0.0, 1.0], [0.0, 0.0]];
    let m = [
        [0.0, 1.0, 0.0, 0.0, 0.0],
        [1.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 2.0 * x1, 2.0 * a, 0.0],
        [0.0, 0.0, 2.0 * a, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 2.0],
    ];
    let mut expected = [0.0; 4];
    for (entry, (r, s)) in expected.iter_mut().zip([(0, 0), (0, 1), (1, 0), (1, 1)]) {
        for i in 0..5 {
            for k in 0..5 {
                *entry += j[i][r] * m[i][k] * j[k][s];
            }
        }
    }
    assert_near(at.gauss_newton_matrix()?.as_slice(), &expected, 1e-14);
    let h = record(&[1.0, 1.0]).function(|x| {
        let a = x[0] * x[1];
        a * a * a + a * a * x[1]
    })?;
    let expected = h.hessian(&[x0, x1])?;
    assert_near(at.hessian()?.as_slice(), expected.as_slice(), 1e-14);
    Ok(())
}

#[test]
fn branches_in_either_part_are_noticed() -> Result<(), Error> {
    let f = record(&[1.0]).composite(
        |x| vec![if x[0] > 0.0 { x[0] } else { x[0] * 3.0 }],
        |z| if z[0] < 5.0 { z[0].powi(2) } else { z[0] * 7.0 },
    )?;
    for (x, expected) in [(2.0, 2.0), (-1.0, 18.0), (6.0, 0.0), (1.0, 2.0)] {
        assert_eq!(f.linearize(&[x])?.gauss_newton(&[1.0])?, [expected]);
    }
    Ok(())
}

/// `L(z(x)) + r(x)`: value, gradient and Hessian are the whole function's, and each curvature matrix has `∇²r` besides; over
/// scalars, an array, and an array with data.
#[test]
fn the_hessian_of_a_penalty_is_part_of_every_curvature_matrix() -> Result<(), Error> {
    let inputs = matrix(&[5, 3], 0.4, 0.7);
    let theta: Vec<f64> = (0..3).map(|i| 0.3 - 0.2 * f64::from(i)).collect();
    let x = [0.4, -0.7, 0.9];
    let v = [0.5, 1.0, -2.0];
    fn z<'t>(x: Tensor<'t>, inputs: Tensor<'t>) -> Tensor<'t> {
        inputs.matmul(x.tanh())
    }
    fn loss(z: Tensor<'_>) -> Var<'_> {
        (z.softplus() - z * 0.3).mean()
    }
    fn penalty(x: Tensor<'_>) -> Var<'_> {
        x.powi(4).sum() * 0.25 + x.get(0) * x.get(2)
    }
    // ∇²r·v
    let of_penalty = [
        3.0 * x[0] * x[0] * v[0] + v[2],
        3.0 * x[1] * x[1] * v[1],
        3.0 * x[2] * x[2] * v[2] + v[0],
    ];

    let plain = record(&theta)
        .data(&[&inputs])
        .likelihood(Likelihood::Bernoulli)
        .composite(|x, data| z(x, data[0]), |z, _| loss(z))?;
    let penalized = record(&theta)
        .data(&[&inputs])
        .likelihood(Likelihood::Bernoulli)
        .composite_with_penalty(|x, data| z(x, data[0]), |z, _| loss(z), |x, _| penalty(x))?;
    let whole =
        record(&theta).data(&[&inputs]).function(|x, data| loss(z(x, data[0])) + penalty(x))?;
    let (at, without, expected) =
        (penalized.linearize(&x)?, plain.linearize(&x)?, whole.linearize(&x)?);
    assert_near(&[at.value()], &[expected.value()], 1e-15);
    assert_near(at.gradient(), expected.gradient(), 1e-14);
    assert_near(&at.hvp(&v)?, &expected.hvp(&v)?, 1e-13);
    let plus = |product: Vec<f64>| -> Vec<f64> {
        product.iter().zip(of_penalty).map(|(a, b)| a + b).collect()
    };
    assert_near(&at.gauss_newton(&v)?, &plus(without.gauss_newton(&v)?), 1e-13);
    assert_near(&at.fisher(&v)?, &plus(without.fisher(&v)?), 1e-13);
    assert_eq!(at.gauss_newton_matrix()?[(0, 2)], at.gauss_newton_matrix()?[(2, 0)]);
    let mut products = [0.0; 6];
    at.gauss_newtons_into(&[v, [1.0, 0.0, 0.5]].concat(), &mut products)?;
    assert_eq!(at.gauss_newton(&v)?, products[..3]);
    // The outputs of the model come along.
    let (_, outputs) = penalized.value_and_auxiliary(&x)?;
    let model = record(&theta).data(&[&inputs]).vector(|x, data| z(x, data[0]))?;
    assert_eq!(outputs, model.values(&x)?);

    let scalars = record(&theta).composite_with_penalty(
        |x| vec![x[0] * x[1], x[2].exp()],
        |z| z[0].powi(2) * z[1],
        |x| x[0].powi(3) + x[0] * x[2],
    )?;
    let array = record(&theta).array().composite_with_penalty(
        |x| Tensor::concat(&[x.slice(0, 0..1) * x.slice(0, 1..2), x.slice(0, 2..3).exp()], 0),
        |z| z.get(0).powi(2) * z.get(1),
        |x| x.get(0).powi(3) + x.get(0) * x.get(2),
    )?;
    let (scalars, array) = (scalars.linearize(&x)?, array.linearize(&x)?);
    assert_near(&array.gauss_newton(&v)?, &scalars.gauss_newton(&v)?, 1e-14);
    assert_near(&array.hvp(&v)?, &scalars.hvp(&v)?, 1e-14);
    Ok(())
}

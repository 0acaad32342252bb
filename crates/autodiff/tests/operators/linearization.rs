//! Products at a point: several at once, diagonals, blocks, and third derivatives.

use dualtape_autodiff::{Error, record};

use super::support::{assert_near, coupled, dot, dual3, functions, network, network_data, wave};

#[test]
fn products_together_have_the_bits_they_have_alone() -> Result<(), Error> {
    for (f, x) in functions() {
        let n = x.len();
        let at = f.linearize(&x)?;
        for count in [1, 3, 8, 13] {
            let directions = wave(count * n, 0.9, 0.1);
            let mut products = vec![0.0; count * n];
            at.hvps_into(&directions, &mut products)?;
            for (v, product) in directions.chunks(n).zip(products.chunks(n)) {
                assert_eq!(at.hvp(v)?, product);
            }
        }
    }
    Ok(())
}

#[test]
fn diagonal_and_blocks_are_parts_of_the_hessian() -> Result<(), Error> {
    for (f, x) in functions() {
        let at = f.linearize(&x)?;
        let h = at.hessian()?;
        let diagonal: Vec<f64> = (0..x.len()).map(|i| h[(i, i)]).collect();
        assert_eq!(at.hessian_diagonal()?, diagonal);
        for indices in [vec![2, 3, 4, 5], vec![7, 0, 9], vec![1, 1], vec![]] {
            let block = at.hessian_block(indices.iter().copied())?;
            let expected: Vec<f64> = indices
                .iter()
                .flat_map(|&i| indices.iter().map(move |&j| (i, j)))
                .map(|ij| h[ij])
                .collect();
            assert_near(block.as_slice(), &expected, 1e-15);
        }
        let blocks = at.hessian_blocks(&[0..4, 4..9])?;
        assert_eq!((blocks[1].rows(), blocks[1][(1, 3)]), (5, h[(5, 7)]));
    }
    Ok(())
}

#[test]
fn wrong_lengths_and_indices_are_refused() -> Result<(), Error> {
    let f = record(&[1.0, 2.0]).function(|x| coupled(x))?;
    let at = f.linearize(&[1.0, 2.0])?;
    let message = |result: Result<(), Error>| result.unwrap_err().to_string();
    assert_eq!(
        message(at.hvps_into(&[0.0; 3], &mut [0.0; 4])),
        "the directions has 3 entries, but 2 are needed"
    );
    assert_eq!(
        message(at.hvps_into(&[0.0; 4], &mut [0.0; 2])),
        "the products has 2 entries, but 4 are needed"
    );
    assert_eq!(
        message(at.hessian_block([0, 2]).map(drop)),
        "input 2 does not exist: the function has 2"
    );
    assert!(f.third_derivative(&[1.0, 2.0], &[1.0], &[1.0, 2.0]).is_err());
    Ok(())
}

#[test]
fn third_derivatives_are_those_of_nested_duals() -> Result<(), Error> {
    let n = 11;
    let (x, u, v) = (wave(n, 1.7, 0.2), wave(n, 0.9, 1.0), wave(n, 2.1, 0.6));
    let f = record(&x).function(|x| coupled(x))?;
    let product = f.third_derivative(&x, &u, &v)?;
    let expected: Vec<f64> = (0..n)
        .map(|i| {
            let inputs: Vec<_> =
                (0..n).map(|j| dual3(x[j], u[j], v[j], f64::from(u8::from(i == j)))).collect();
            coupled(&inputs).eps[0].eps[0].eps[0]
        })
        .collect();
    assert_near(&product, &expected, 1e-13);
    let w = wave(n, 0.4, 0.8);
    let along = f.third_derivative_along(&x, &u, &v, &w)?;
    assert_near(&[along], &[dot(&expected, &w)], 1e-13);
    Ok(())
}

#[test]
fn third_derivatives_are_symmetric_and_notice_branches() -> Result<(), Error> {
    for (f, x) in functions() {
        let [u, v, w] = [0.3, 0.7, 1.9].map(|phase| wave(x.len(), 1.1, phase));
        let expected = f.third_derivative_along(&x, &u, &v, &w)?;
        assert!(expected.abs() > 1e-3);
        for [u, v, w] in [[&v, &w, &u], [&w, &u, &v], [&w, &v, &u]] {
            assert_near(&[f.third_derivative_along(&x, u, v, w)?], &[expected], 1e-12);
        }
    }
    let f = record(&[1.0]).function(|x| if x[0] > 0.0 { x[0].powi(3) } else { x[0].powi(4) })?;
    assert_eq!(f.third_derivative(&[2.0], &[1.0], &[1.0])?, [6.0]);
    assert_eq!(f.third_derivative(&[-2.0], &[1.0], &[1.0])?, [-48.0]);
    Ok(())
}

#[test]
fn auxiliary_arrays_come_along_and_change_no_derivative() -> Result<(), Error> {
    let [inputs, targets] = network_data();
    let data = [&inputs, &targets];
    let theta = wave(12, 1.3, 0.5);
    let plain = record(&theta)
        .data(&data)
        .function(|theta, data| (network(theta, data[0]) - data[1]).powi(2).mean())?;
    let both = record(&theta).data(&data).auxiliary().function(|theta, data| {
        let z = network(theta, data[0]);
        ((z - data[1]).powi(2).mean(), vec![z.powi(3), theta * 2.0])
    })?;
    let (x, u, v) = (wave(12, 0.7, 0.3), wave(12, 0.9, 1.0), wave(12, 2.1, 0.6));
    let entries = targets.len() + 12;
    let (mut gradient, mut auxiliary) = (vec![0.0; 12], vec![0.0; entries]);
    let value = both.value_gradient_and_auxiliary_into(&x, &mut gradient, &mut auxiliary)?;
    assert_eq!((value, &gradient), (plain.value(&x)?, &plain.gradient(&x)?));
    let outputs =
        record(&theta).data(&[&inputs]).vector(|theta, data| network(theta, data[0]).powi(3))?;
    assert_near(&auxiliary[..targets.len()], &outputs.values(&x)?, 1e-15);
    assert_eq!(auxiliary[targets.len()..], x.iter().map(|x| 2.0 * x).collect::<Vec<_>>());
    let mut alone = vec![0.0; entries];
    assert_eq!((both.value_and_auxiliary_into(&x, &mut alone)?, alone), (value, auxiliary));
    assert!(matches!(
        both.value_and_auxiliary_into(&x, &mut [0.0; 3]),
        Err(Error::Length { got: 3, expected, .. }) if expected == entries
    ));

    assert_near(&both.linearize(&x)?.hvp(&v)?, &plain.linearize(&x)?.hvp(&v)?, 1e-14);
    assert_near(both.hessian(&x)?.as_slice(), plain.hessian(&x)?.as_slice(), 1e-14);
    assert_near(&both.third_derivative(&x, &u, &v)?, &plain.third_derivative(&x, &u, &v)?, 1e-13);
    assert_near(&both.taylor(&x, &v, 3)?, &plain.taylor(&x, &v, 3)?, 1e-13);
    Ok(())
}

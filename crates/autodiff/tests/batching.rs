//! One batched program gives what as many single evaluations give.

use dualtape_autodiff::{Array, Error, Tensor, Var, record};

const EXAMPLES: usize = 5;

fn wave(shape: &[usize], phase: f64) -> Array<f64> {
    let n = shape.iter().product();
    let data = (0..n).map(|i| (1.7 * i as f64 + phase).sin()).collect();
    Array::new(shape, data).expect("as many elements")
}

fn row(array: &Array<f64>, i: usize) -> Array<f64> {
    let shape = &array.shape()[1..];
    let length: usize = shape.iter().product();
    Array::new(shape, array.data()[i * length..(i + 1) * length].to_vec()).expect("a row")
}

fn assert_near(got: &[f64], expected: &[f64], what: &str) {
    let scale = expected.iter().fold(1.0, |scale: f64, x| scale.max(x.abs()));
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        let error = (got - expected).abs() / scale;
        assert!(error <= 64.0 * f64::EPSILON, "{what}, {i}: {got} is not {expected}");
    }
}

/// Values and gradients of all examples against those of each by itself.
fn check<F>(what: &str, dim: usize, shapes: &[&[usize]], f: F) -> Result<(), Error>
where
    F: for<'t> Fn(Tensor<'t>, &[Tensor<'t>]) -> Var<'t> + Send + Sync,
{
    let theta: Vec<f64> = (0..dim).map(|i| 0.3 + 0.5 * (0.9 * i as f64).cos()).collect();
    let data: Vec<Array<f64>> = shapes
        .iter()
        .enumerate()
        .map(|(i, shape)| wave(&[&[EXAMPLES], *shape].concat(), i as f64))
        .collect();
    let data: Vec<&Array<f64>> = data.iter().collect();
    let all = record(&theta).data(&data).per_example(&f)?;
    // At another point than the one of the recording.
    let theta: Vec<f64> = theta.iter().map(|x| 1.1 * x - 0.02).collect();
    let (values, gradients) = all.values_and_gradients(&theta)?;
    for (i, value) in values.iter().enumerate() {
        let example: Vec<Array<f64>> = data.iter().map(|array| row(array, i)).collect();
        let example: Vec<&Array<f64>> = example.iter().collect();
        let single = record(&theta).data(&example).function(&f)?;
        let mut gradient = vec![0.0; dim];
        let expected = single.value_and_gradient_into(&theta, &mut gradient)?;
        assert_near(&[*value], &[expected], &format!("{what}: value {i}"));
        assert_near(gradients.row(i), &gradient, &format!("{what}: gradient {i}"));
    }
    Ok(())
}

/// A network of one hidden layer on a vector `x`, with parameters 4·3 + 3 + 3·2.
fn network<'t>(theta: Tensor<'t>, x: Tensor<'t>) -> Tensor<'t> {
    let hidden = (x.reshape(&[1, 4]).matmul(theta.view(0, &[4, 3])) + theta.view(12, &[3])).tanh();
    hidden.matmul(theta.view(15, &[3, 2]))
}

#[test]
fn gradients_of_a_network_are_those_of_each_example() -> Result<(), Error> {
    check("squares", 21, &[&[4], &[2]], |theta, data| {
        (network(theta, data[0]) - data[1]).powi(2).sum()
    })?;
    check("softmax and a penalty on all parameters", 21, &[&[4], &[2]], |theta, data| {
        let fit = -(network(theta, data[0]).log_softmax(1) * data[1]).sum();
        fit + 0.1 * theta.powi(2).sum() + theta.dot(theta.exp())
    })
}

#[test]
fn every_rule_keeps_lanes_apart() -> Result<(), Error> {
    check("matrices on either side", 12, &[&[3, 4], &[4, 2]], |theta, data| {
        let w = theta.reshape(&[3, 4]);
        let (a, b) = (data[0], data[1]);
        w.matmul(b).sum()
            + (a.matmul(w.t()).matmul(w.matmul(b)) * 0.5).tanh().sum()
            + (w.t().matmul(a) - a.t().matmul(w)).powi(2).mean()
    })?;
    check("batches of matrices", 12, &[&[2, 2, 3], &[3, 2]], |theta, data| {
        let w = theta.reshape(&[2, 3, 2]);
        (data[0].matmul(w).tanh().matmul(data[1].t()) * w.matmul(data[0]).sum()).sum()
    })?;
    check("reductions and layouts", 6, &[&[2, 3]], |theta, data| {
        let t = theta.reshape(&[2, 3]) * data[0] + theta.view(1, &[3]);
        t.sum_axis(0).max_axis(0).to_var()
            + t.log_sum_exp(1).powf(2.0).sum()
            + (t.t().permute(&[1, 0]) * t.max_axis(1).keep_axis(1)).mean()
            + t.sum_to(&[1, 3]).broadcast(&[4, 2, 3]).sin().sum()
            + t.view(2, &[3]).dot(theta.view(0, &[3]))
            + theta.view(0, &[4]).dot(theta.view(2, &[4])) * t.get(4)
    })?;
    check("products so far", 6, &[&[2, 3], &[3]], |theta, data| {
        let t = theta.reshape(&[2, 3]) * data[0];
        (t.cumprod(1) * t.cumprod(0)).sum() + theta.cumprod(0).dot(data[0].reshape(&[6]).cumprod(0))
    })
}

/// Products with several directions at once, bit for bit those of each alone; and the Hessian made of them.
fn check_products<F>(what: &str, dim: usize, data: &[&Array<f64>], f: F) -> Result<(), Error>
where
    F: for<'t> Fn(Tensor<'t>, &[Tensor<'t>]) -> Var<'t> + Send + Sync,
{
    let point = |x: f64| (0..dim).map(|i| x + 0.5 * (0.9 * i as f64).cos()).collect::<Vec<f64>>();
    let recorded = record(&point(0.3)).data(data).function(&f)?;
    let at = recorded.linearize(&point(0.25))?;
    // More than are taken at once, and not a multiple of it.
    let directions = wave(&[11, dim], 0.5);
    let mut products = vec![0.0; 11 * dim];
    at.hvps_into(directions.data(), &mut products)?;
    for (k, v) in directions.data().chunks_exact(dim).enumerate() {
        let alone: Vec<u64> = at.hvp(v)?.into_iter().map(f64::to_bits).collect();
        let row = products[k * dim..(k + 1) * dim].iter();
        assert_eq!(row.map(|x| x.to_bits()).collect::<Vec<_>>(), alone, "{what}, direction {k}");
    }
    let hessian = at.hessian()?;
    drop(at);
    let recorded = record(&point(0.3)).data(data).threads(2).function(&f)?;
    let on_threads = recorded.linearize(&point(0.25))?;
    let mut again = vec![0.0; 11 * dim];
    on_threads.hvps_into(directions.data(), &mut again)?;
    assert_eq!(again, products, "{what}, on two threads");
    assert_eq!(on_threads.hessian()?, hessian, "{what}, on two threads");
    let v = &directions.data()[..dim];
    let product: Vec<f64> =
        (0..dim).map(|i| hessian.row(i).iter().zip(v).map(|(h, v)| h * v).sum()).collect();
    assert_near(&product, &products[..dim], what);
    Ok(())
}

#[test]
fn several_products_have_the_bits_of_single_ones() -> Result<(), Error> {
    let (x, labels) = (wave(&[EXAMPLES, 4], 0.0), wave(&[EXAMPLES, 2], 1.0));
    check_products("network", 21, &[&x, &labels], |theta, data| {
        let hidden = (data[0].matmul(theta.view(0, &[4, 3])) + theta.view(12, &[3])).tanh();
        let logits = hidden.matmul(theta.view(15, &[3, 2]));
        -(logits.log_softmax(1) * data[1]).mean() + 0.1 * theta.powi(2).sum()
    })?;
    check_products("overlapping views and elements", 9, &[], |theta, _| {
        let a = theta.view(0, &[2, 3]);
        let b = theta.view(3, &[3, 2]);
        let t = a.matmul(b).exp() * theta.get(4) + theta.get(8) * theta.get(0);
        t.sum() + a.max_axis(0).powi(2).sum() * theta.view(2, &[4]).log_sum_exp(0).to_var()
    })?;
    check_products("layouts", 12, &[], |theta, _| {
        let t = theta.reshape(&[2, 3, 2]);
        let moved = t.permute(&[2, 0, 1]).sin().sum_axis(1);
        (moved * t.view(6, &[3])).sum() + t.sum_to(&[3, 1]).broadcast(&[3, 3]).powi(3).sum()
    })
}

#[test]
fn scalars_of_an_example_are_lanes_too() -> Result<(), Error> {
    check("scalars", 3, &[&[2], &[]], |theta, data| {
        let (x, y) = (data[0].get(0), data[1].to_var());
        let (a, b, c) = (theta.get(0), theta.get(1), theta.get(2));
        let terms = [a * x, b.exp() * y, c * c, 2.0 / (3.0 + x)];
        let sum: Var<'_> = terms.into_iter().sum();
        sum * sum + (a + y).powi(3) + (b * b + 1.0).powf(y.abs() + 0.5) + a.mul_add(x, y).sin()
    })
}

#[test]
fn an_example_on_another_branch_is_evaluated_there() -> Result<(), Error> {
    check("branches", 2, &[&[]], |theta, data| {
        let x = data[0].to_var();
        if x > 0.0 { theta.get(0) * x } else { theta.get(1).exp() * x.powi(2) }
    })?;
    check("a value that was read", 2, &[&[]], |theta, data| {
        theta.get(0) * data[0].to_var().value() + theta.get(1)
    })
}

#[test]
fn examples_must_be_there_and_equally_many() -> Result<(), Error> {
    let [three, two] = [3, 2].map(|n| wave(&[n, 1], 0.0));
    let record = |data: &[&Array<f64>]| {
        record(&[1.0]).data(data).per_example(|theta, data| theta.dot(data[0])).map(|_| ())
    };
    record(&[&two])?;
    for (data, counts) in [
        (&[&three, &two][..], vec![Some(3), Some(2)]),
        (&[], vec![]),
        (&[&wave(&[0, 1], 0.0)], vec![Some(0)]),
        (&[&wave(&[], 0.0)], vec![None]),
    ] {
        assert_eq!(record(data), Err(Error::Examples { counts }));
    }
    Ok(())
}

#[test]
fn data_are_replaced_without_recording_again() -> Result<(), Error> {
    let data = wave(&[3, 2], 0.0);
    let mut f = record(&[1.0, 2.0]).data(&[&data]).per_example(|theta, data| theta.dot(data[0]))?;
    let other = wave(&[3, 2], 1.0);
    f.set_data(0, &other)?;
    assert_eq!(f.values_and_gradients(&[1.0, 2.0])?.1.as_slice(), other.data());
    assert!(matches!(f.set_data(1, &other), Err(Error::NoSuchData { index: 1, count: 1 })));
    assert!(matches!(f.set_data(0, &wave(&[2, 2], 0.0)), Err(Error::DataShape { .. })));
    Ok(())
}

/// Directions too long to be taken together, on one thread and on two, and none at all.
#[test]
fn long_directions_have_the_bits_of_single_products() -> Result<(), Error> {
    let n = 5000;
    let wave = |phase: f64| (0..n).map(move |i| (0.37 * i as f64 + phase).sin());
    let x: Vec<f64> = wave(0.3).collect();
    let directions: Vec<f64> = (0..10).flat_map(|k| wave(f64::from(k))).collect();
    for threads in [1, 2] {
        let f = record(&x).array().threads(threads).function(|x| {
            (x.view(0, &[n / 2]).tanh() * x.view(n / 2, &[n / 2])).powi(2).sum().sin()
        })?;
        let mut products = vec![f64::NAN; directions.len()];
        let at = f.linearize(&x)?;
        at.hvps_into(&directions, &mut products)?;
        at.hvps_into(&[], &mut [])?;
        for (v, product) in directions.chunks(n).zip(products.chunks(n)) {
            let mut expected = vec![0.0; n];
            f.hvp_into(&x, v, &mut expected)?;
            assert_eq!(product, expected);
        }
    }
    Ok(())
}

/// The parts of the input lie in the order in which they are used, in the reverse order, in another, and with gaps; one of
/// them is used twice.
#[test]
fn the_hessian_has_the_columns_that_products_have() -> Result<(), Error> {
    let wave = |k: usize| (0.37 * k as f64 + 0.3).sin();
    let data = Array::new(&[7, 8], (0..56).map(|k| wave(3 * k)).collect())?;
    for [n, first, second, bias] in
        [[104, 0, 48, 96], [104, 56, 8, 0], [104, 0, 56, 48], [180, 40, 120, 100]]
    {
        let x: Vec<f64> = (0..n).map(wave).collect();
        let network = |threads| -> Result<_, Error> {
            record(&x).data(&[&data]).threads(threads).function(|x, data| {
                let hidden = data[0].matmul(x.view(first, &[8, 6])).tanh();
                let second = x.view(second, &[6, 8]);
                let logits = hidden.matmul(second) + x.view(bias, &[8]);
                logits.log_softmax(1).sum() / -7.0 + second.powi(4).sum().sin()
            })
        };
        let f = network(1)?;
        let hessian = f.hessian(&x)?;
        assert_eq!(hessian.as_slice(), network(2)?.hessian(&x)?.as_slice());
        let at = f.linearize(&x)?;
        for (k, row) in hessian.as_slice().chunks(n).enumerate() {
            let unit: Vec<f64> = (0..n).map(|i| f64::from(i == k)).collect();
            for (i, (&entry, expected)) in row.iter().zip(at.hvp(&unit)?).enumerate() {
                assert!((entry - expected).abs() < 1e-14, "{k}, {i}: {entry} {expected}");
                assert_eq!(entry.to_bits(), hessian.as_slice()[i * n + k].to_bits());
            }
        }
    }
    Ok(())
}

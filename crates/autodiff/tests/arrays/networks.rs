//! Convolutional networks against reference values computed with mpmath and checked against PyTorch.

use dualtape_autodiff::{
    Array, Error, Function, Tensor, record,
    windows::{Convolution, Pooling},
};
use serde_json::Value;

use super::support::{Naive, samples};

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        value => vec![value.as_f64().unwrap()],
    }
}

fn lengths(value: &Value) -> Vec<usize> {
    numbers(value).iter().map(|&n| n as usize).collect()
}

/// The elements of a tensor given by its shape and a formula `a*sin(b*k+c)`.
fn elements(spec: &Value) -> Vec<f64> {
    let parts = spec["formula"].as_str().unwrap().split(['*', '(', '+', ')']);
    let constants: Vec<f64> = parts.filter_map(|part| part.parse().ok()).collect();
    let &[a, b, c] = constants.as_slice() else { panic!("not a*sin(b*k+c): {spec}") };
    let size: usize = lengths(&spec["shape"]).iter().product();
    (0..size).map(|k| a * (b * k as f64 + c).sin()).collect()
}

/// Convolution, bias, tanh, pooling, a linear layer, mean cross-entropy.
fn network(case: &Value) -> Result<Function<'static>, Error> {
    let shapes: Vec<Vec<usize>> =
        case["params"].as_array().unwrap().iter().map(|p| lengths(&p["shape"])).collect();
    let consts = case["consts"].clone();
    let number = |name: &str| consts[name].as_u64().unwrap() as usize;
    let how = Convolution {
        stride: [number("stride"); 2],
        padding: [number("padding"); 2],
        dilation: [number("dilation"); 2],
        groups: number("groups"),
    };
    let x = Array::new(&lengths(&case["data"]["x"]["shape"]), elements(&case["data"]["x"]))?;
    let labels = numbers(&case["data"]["labels"]["values"]);
    let labels = Array::new(&[labels.len(), 1], labels)?;
    let theta: Vec<f64> = case["params"].as_array().unwrap().iter().flat_map(elements).collect();
    record(&theta).data(&[&x, &labels]).function(move |theta, data| {
        let mut offset = 0;
        let mut next = |shape: &Vec<usize>| {
            let part = theta.view(offset, shape);
            offset += part.len();
            part
        };
        let parts: Vec<Tensor<'_>> = shapes.iter().map(&mut next).collect();
        let &[kernel, bias, w, b] = parts.as_slice() else { panic!("four parameters") };
        let mut h = (data[0].conv(kernel, how) + bias.reshape(&[bias.len(), 1, 1])).tanh();
        if let Some(pool) = consts["pool"].as_array() {
            let (window, stride) = (pool[1].as_u64().unwrap(), pool[2].as_u64().unwrap());
            let how =
                Pooling { stride: [stride as usize; 2], ..Pooling::new([window as usize; 2]) };
            h = if pool[0] == "avg" { h.avg_pool(how) } else { h.max_pool(how) };
        }
        let batch = h.shape()[0];
        let logits = h.reshape(&[batch, h.len() / batch]).matmul(w.t()) + b;
        -logits.log_softmax(1).gather(1, data[1]).mean()
    })
}

fn assert_close(what: &str, got: &[f64], expected: &[f64]) {
    let scale = expected.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    assert_eq!(got.len(), expected.len(), "{what}");
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() <= 1e-13 * scale, "{what}: {got} is not {expected}");
    }
}

#[test]
fn networks_with_convolutions_match_their_references() -> Result<(), Error> {
    let file: Value = serde_json::from_str(include_str!("../data/nn_conv.json")).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let f = network(case)?;
        let theta: Vec<f64> =
            case["params"].as_array().unwrap().iter().flat_map(elements).collect();
        let sign = |i: usize| (-1.0_f64).powi(i as i32);
        let v: Vec<f64> = (0..theta.len()).map(|i| sign(i) / (i + 1) as f64).collect();
        assert_close(name, &[f.value(&theta)?], &numbers(&case["loss"]));
        assert_close(name, &f.gradient(&theta)?, &numbers(&case["grad"]));
        let mut product = vec![0.0; theta.len()];
        f.hvp_into(&theta, &v, &mut product)?;
        assert_close(name, &product, &numbers(&case["hvp"]));
    }
    Ok(())
}

/// Two layers of convolution, relu and max-pooling: the second one differentiates with respect to its image too.
#[test]
fn the_curvature_of_a_deep_network_is_the_change_of_its_gradient() -> Result<(), Error> {
    let x = Naive::sample(&[2, 1, 8, 8], 5);
    let x = Array::new(&x.shape, x.data)?;
    let same = Convolution { padding: [1, 1], ..Convolution::default() };
    let n = 3 * 9 + 3 + 4 * 3 * 9 + 4 + 16 * 3;
    let f = record(&samples(n, 6)).data(&[&x]).function(|theta, data| {
        let w1 = theta.view(0, &[3, 1, 3, 3]);
        let b1 = theta.view(27, &[3, 1, 1]);
        let w2 = theta.view(30, &[4, 3, 3, 3]);
        let b2 = theta.view(138, &[4, 1, 1]);
        let h = (data[0].conv(w1, same) + b1).relu().max_pool(Pooling::new([2, 2]));
        let h = (h.conv(w2, same) + b2).relu().max_pool(Pooling::new([2, 2]));
        let logits = h.reshape(&[2, 16]).matmul(theta.view(142, &[16, 3]));
        -(logits.log_softmax(1).select(1, 1)).sum()
    })?;
    let (at, v) = (samples(n, 7), samples(n, 8));
    let mut product = vec![0.0; n];
    f.hvp_into(&at, &v, &mut product)?;
    let h = 1e-6;
    let shifted = |s: f64| -> Result<Vec<f64>, Error> {
        f.gradient(&at.iter().zip(&v).map(|(x, v)| x + s * h * v).collect::<Vec<f64>>())
    };
    let (after, before) = (shifted(1.0)?, shifted(-1.0)?);
    for (i, product) in product.into_iter().enumerate() {
        let difference = (after[i] - before[i]) / (2.0 * h);
        assert!((product - difference).abs() <= 1e-7, "[{i}] {product} is not {difference}");
    }
    Ok(())
}

//! Activations at the edges of the range: near 0, far out in the tails, and beyond where exponentials end.

use dualtape_autodiff::record;
use dualtape_layers::Activation;
use serde_json::Value;

use crate::support::numbers;

fn activation(name: &str) -> Activation {
    match name {
        "tanh" => Activation::Tanh,
        "tanh_shrink" => Activation::TanhShrink,
        "soft_sign" => Activation::SoftSign,
        "sigmoid" => Activation::Sigmoid,
        "log_sigmoid" => Activation::LogSigmoid,
        "elu" => Activation::Elu { alpha: 0.7 },
        "selu" => Activation::Selu,
        "gelu" => Activation::Gelu,
        "gelu_tanh" => Activation::GeluTanh,
        "softplus" => Activation::Softplus,
        "silu" => Activation::Silu,
        "mish" => Activation::Mish,
        _ => panic!("the data has an activation {name}"),
    }
}

/// Values and derivatives to third order have their digits everywhere, relative to themselves.
#[test]
fn activations_keep_their_digits_at_the_edges() {
    let file: Value = serde_json::from_str(include_str!("../data/activation_edges.json")).unwrap();
    let mut wrong = Vec::new();
    for case in file["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let rows: Vec<Vec<f64>> = case["rows"].as_array().unwrap().iter().map(numbers).collect();
        let x: Vec<f64> = rows.iter().map(|row| row[0]).collect();
        let ones = vec![1.0; x.len()];
        let f = activation(name);
        let sum = record(&x).array().function(|x| f.apply(x).sum()).unwrap();
        let at = sum.linearize(&x).unwrap();
        let value =
            |x: f64| record(&[x]).array().function(|x| f.apply(x).sum()).unwrap().value(&[x]);
        let got = [
            x.iter().map(|&x| value(x).unwrap()).collect(),
            at.gradient().to_vec(),
            at.hvp(&ones).unwrap(),
            sum.third_derivative(&x, &ones, &ones).unwrap(),
        ];
        for (order, got) in got.iter().enumerate() {
            for (row, got) in rows.iter().zip(got) {
                let expected = row[order + 1];
                // Below the normal numbers digits are lost.
                let error = (got - expected).abs() - f64::MIN_POSITIVE;
                if error.is_nan() || error > 64.0 * f64::EPSILON * expected.abs() {
                    wrong.push(format!(
                        "{name} at {:e}, order {order}: {got:e}, not {expected:e}",
                        row[0]
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// At a kink of the curvature, and at infinity.
#[test]
fn soft_sign_where_it_has_no_digits() {
    let f = record(&[0.0]).array().function(|x| Activation::SoftSign.apply(x).sum());
    let f = f.unwrap();
    assert_eq!((f.value(&[0.0]).unwrap(), f.gradient(&[0.0]).unwrap()), (0.0, vec![1.0]));
    assert_eq!(f.hessian(&[0.0]).unwrap().as_slice(), [0.0]);
    for infinity in [f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(f.value(&[infinity]).unwrap(), infinity.signum());
        assert_eq!(f.gradient(&[infinity]).unwrap(), [0.0]);
    }
    assert!(f.value(&[f64::NAN]).unwrap().is_nan());
}

/// Losses of residuals and embeddings whose squares would overflow, but not what is asked for.
#[test]
fn losses_of_vast_numbers_are_what_they_are() {
    use dualtape_autodiff::{Array, record};
    use dualtape_layers::{GaussianNll, cosine_distance};

    let f = record(&[1e200, 1e300]).array().function(|x| {
        let target = x.constant(&Array::zeros(&[1]));
        GaussianNll::new().terms(x.view(0, &[1]), x.view(1, &[1]), target).sum()
    });
    let f = f.unwrap();
    let expected = 0.5 * (1e300_f64.ln() + 1e100);
    assert!((f.value(&[1e200, 1e300]).unwrap() / expected - 1.0).abs() < 1e-15);
    let gradient = f.gradient(&[1e200, 1e300]).unwrap();
    for (got, expected) in gradient.iter().zip([1e-100, -0.5e-200]) {
        assert!((got / expected - 1.0).abs() < 1e-14, "{got:e}, {expected:e}");
    }

    // The angle does not depend on the length.
    let y = Array::new(&[1, 2], vec![1.0, 2.0]).unwrap();
    let f = |scale: f64| {
        let x = [3.0 * scale, -scale];
        let f = record(&x).data(&[&y]).function(|x, y| cosine_distance(x.reshape(&[1, 2]), y[0]));
        let f = f.unwrap();
        let gradient: Vec<f64> = f.gradient(&x).unwrap().iter().map(|g| g * scale).collect();
        (f.value(&x).unwrap(), gradient)
    };
    let (value, gradient) = f(1.0);
    for scale in [1e-2, 1e8, 1e100, 1e160, 1e300] {
        let (v, g) = f(scale);
        assert!((v - value).abs() < 1e-8 && v.is_finite(), "{scale:e}: {v}");
        assert!(g.iter().zip(&gradient).all(|(a, b)| (a - b).abs() < 1e-8), "{scale:e}: {g:?}");
    }
}

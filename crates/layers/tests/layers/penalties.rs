//! Penalties on parameters: values and derivatives by formula.

use dualtape_autodiff::{Array, Error, Function, Tensor, Var, record};
use dualtape_layers::{elastic_net_penalty, l1_penalty, l2_penalty, spectral_penalty};

use crate::support::{assert_close, wave};

fn function(
    theta: &Array<f64>,
    penalty: impl for<'t> Fn(Tensor<'t>) -> Var<'t> + Send + Sync + 'static,
) -> Function<'static, f64> {
    let shape = theta.shape().to_vec();
    record(theta.data()).array().function(move |x| penalty(x.reshape(&shape))).unwrap()
}

#[test]
fn penalties_of_entries_by_formula() {
    let theta = wave::<f64>(&[6], 1.5, 0.9);
    let gradient = |penalty: fn(Tensor<'_>) -> Var<'_>| {
        function(&theta, penalty).gradient(theta.data()).unwrap()
    };
    let expected = |f: &dyn Fn(f64) -> f64| theta.data().iter().map(|&x| f(x)).collect::<Vec<_>>();
    let eps = 4.0 * f64::EPSILON;
    assert_close("L2", &gradient(|x| l2_penalty(x, 0.3)), &expected(&|x| 0.3 * x), eps);
    assert_close("L1", &gradient(|x| l1_penalty(x, 0.3)), &expected(&|x| 0.3 * x.signum()), eps);
    let both = expected(&|x| 0.2 * x.signum() + 0.3 * x);
    assert_close("net", &gradient(|x| elastic_net_penalty(x, 0.2, 0.3)), &both, eps);
    let zero = function(&theta, |x| elastic_net_penalty(x, 0.2, 0.3)).gradient(&[0.0; 6]).unwrap();
    assert_eq!(zero, [0.0; 6]);
}

/// A matrix `σ₁·u₁v₁ᵀ + σ₂·u₂v₂ᵀ` with known singular vectors: the gradient of ½σ₁² is `σ₁·u₁v₁ᵀ`.
#[test]
fn the_spectral_penalty_knows_its_singular_vectors() {
    let (sin, cos) = 0.4_f64.sin_cos();
    let (u, v) = ([[cos, sin], [-sin, cos]], [[0.6, 0.0, 0.8], [0.0, 1.0, 0.0]]);
    let outer = |k: usize, sigma: f64| {
        let rows = u[k].iter().flat_map(|u| v[k].map(|v| sigma * u * v));
        rows.collect::<Vec<f64>>()
    };
    let add = |a: Vec<f64>, b: Vec<f64>| a.iter().zip(b).map(|(a, b)| a + b).collect::<Vec<_>>();
    let wide = Array::new(&[2, 3], add(outer(0, 2.0), outer(1, 0.5))).unwrap();
    let eps = 32.0 * f64::EPSILON;
    let penalty = function(&wide, |w| spectral_penalty(w, 0.3));
    assert_close("value", &[penalty.value(wide.data()).unwrap()], &[0.15 * 4.0], eps);
    let gradient = penalty.gradient(wide.data()).unwrap();
    assert_close("gradient", &gradient, &outer(0, 0.6), eps);

    // along the largest direction the curvature is λ
    let mut hvp = vec![0.0; 6];
    penalty.hvp_into(wide.data(), &outer(0, 1.0), &mut hvp).unwrap();
    assert_close("HVP", &hvp, &outer(0, 0.3), eps);

    // the transpose has the same, and so has a kernel of the same entries
    let tall: Vec<f64> = (0..6).map(|k| wide.data()[3 * (k % 2) + k / 2]).collect();
    let tall = Array::new(&[3, 2], tall).unwrap();
    let transposed = function(&tall, |w| spectral_penalty(w, 0.3)).value(tall.data()).unwrap();
    assert_close("transposed", &[transposed], &[0.6], eps);
    let kernel = Array::new(&[2, 1, 3], wide.data().to_vec()).unwrap();
    let kernel = function(&kernel, |w| spectral_penalty(w, 0.3)).value(wide.data()).unwrap();
    assert_close("kernel", &[kernel], &[0.6], eps);
}

#[test]
fn a_repeated_singular_value_is_refused_where_it_matters() {
    let identity = Array::new(&[2, 2], vec![1.0, 0.0, 0.0, 1.0]).unwrap();
    let penalty = function(&wave(&[2, 2], 1.0, 0.7), |w| spectral_penalty(w, 1.0));
    assert_close("value", &[penalty.value(identity.data()).unwrap()], &[0.5], 1e-15);
    let mut hvp = vec![0.0; 4];
    let refused = penalty.hvp_into(identity.data(), &[1.0, 0.5, -0.3, 0.2], &mut hvp).unwrap_err();
    assert!(refused.to_string().contains("eigenvalue"), "{refused}");
    let empty = record(&[]).array().function(|x| spectral_penalty(x, 1.0));
    assert!(matches!(empty, Err(Error::Shape { .. })), "{empty:?}");
}

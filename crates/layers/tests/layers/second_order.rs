//! Exact curvature through whole networks.

use dualtape_autodiff::{
    Error as AutodiffError, Function, IndeterminatePolicy, Likelihood, Real, Tensor, Var,
};
use dualtape_layers::{
    Activation, Dataset, Error, Module, Network, Supervised, Trainer, cross_entropy,
    mean_squared_error, mlp, perceptron, supervised, table,
};
use proptest::prelude::*;

use crate::support::{Descent, assert_close, dot, max_abs, rng, wave};

const ACTIVATIONS: [Activation; 6] = [
    Activation::Tanh,
    Activation::Sigmoid,
    Activation::Softplus,
    Activation::Silu,
    Activation::Relu,
    Activation::LeakyRelu { slope: 0.1 },
];

/// A classifier of 3 classes on 7 examples of 4 features.
fn data<S: Real>() -> Dataset<S> {
    Dataset::classification(wave(&[7, 4], 1.5, 0.83), &[0, 2, 1, 1, 0, 2, 2], 3).unwrap()
}

fn objective<S: Real>(activation: Activation) -> (Function<'static, S>, Vec<S>) {
    let model = mlp(&[4, 5, 3], activation);
    let theta = model.init(&mut rng(21));
    (supervised(model, &data(), cross_entropy).unwrap(), theta)
}

fn hvp<S: Real>(function: &Function<'_, S>, theta: &[S], v: &[S]) -> Vec<S> {
    let mut out = vec![S::nan(); v.len()];
    function.hvp_into(theta, v, &mut out).unwrap();
    out
}

/// An MLP of 43 parameters, a point, and two directions.
fn problems() -> impl Strategy<Value = (Activation, Vec<f64>, Vec<f64>, Vec<f64>)> {
    let vector = |scale: f64| prop::collection::vec(-scale..scale, 43);
    (prop::sample::select(&ACTIVATIONS[..]), vector(1.5), vector(1.0), vector(1.0))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn hvp_is_symmetric_and_linear((activation, theta, u, v) in problems(), a in -3.0..3.0_f64) {
        let (function, _) = objective(activation);
        let (hu, hv) = (hvp(&function, &theta, &u), hvp(&function, &theta, &v));
        let scale = 43.0 * (max_abs(&hu) + max_abs(&hv));
        prop_assert!((dot(&u, &hv) - dot(&v, &hu)).abs() <= 64.0 * f64::EPSILON * scale);

        let combined: Vec<f64> = u.iter().zip(&v).map(|(u, v)| u + a * v).collect();
        let expected: Vec<f64> = hu.iter().zip(&hv).map(|(hu, hv)| hu + a * hv).collect();
        let error: Vec<f64> = hvp(&function, &theta, &combined)
            .iter()
            .zip(&expected)
            .map(|(got, expected)| got - expected)
            .collect();
        prop_assert!(max_abs(&error) <= 64.0 * f64::EPSILON * (1.0 + a.abs()) * scale);
    }

    /// The HVP is the derivative of the gradient: central difference with error O(h²).
    #[test]
    fn hvp_is_the_derivative_of_the_gradient((activation, theta, _, v) in problems()) {
        prop_assume!(!matches!(activation, Activation::Relu | Activation::LeakyRelu { .. }));
        let (function, _) = objective(activation);
        let h = 1e-5;
        let moved = |h: f64| -> Vec<f64> {
            let point: Vec<f64> = theta.iter().zip(&v).map(|(x, v)| x + h * v).collect();
            function.gradient(&point).unwrap()
        };
        let exact = hvp(&function, &theta, &v);
        for ((plus, minus), exact) in moved(h).iter().zip(moved(-h)).zip(&exact) {
            let difference = (plus - minus) / (2.0 * h);
            let error = (difference - exact).abs();
            prop_assert!(error < 1e-7 * (1.0 + max_abs(&theta)), "{} {}", difference, exact);
        }
    }

    #[test]
    fn single_precision_agrees_with_double((activation, theta, _, v) in problems()) {
        prop_assume!(!matches!(activation, Activation::Relu | Activation::LeakyRelu { .. }));
        let (double, _) = objective::<f64>(activation);
        let (single, _) = objective::<f32>(activation);
        let narrow = |x: &[f64]| -> Vec<f32> { x.iter().map(|&x| x as f32).collect() };
        let (theta32, v32) = (narrow(&theta), narrow(&v));
        let tolerance = 256.0 * f64::from(f32::EPSILON);
        let gradient = double.gradient(&theta).unwrap();
        assert_close("gradient", &single.gradient(&theta32).unwrap(), &gradient, tolerance);
        let curvature = hvp(&double, &theta, &v);
        assert_close("HVP", &hvp(&single, &theta32, &v32), &curvature, tolerance);
    }
}

#[test]
fn the_hessian_has_the_hvps_as_columns() {
    for activation in ACTIVATIONS {
        let (function, theta) = objective::<f64>(activation);
        let hessian = function.hessian(&theta).unwrap();
        let n = function.dim();
        assert_eq!((n, hessian.rows(), hessian.cols()), (43, 43, 43));
        for j in [0, 7, 20, 25, 42] {
            let mut unit = vec![0.0; n];
            unit[j] = 1.0;
            let column: Vec<f64> = (0..n).map(|i| hessian[(i, j)]).collect();
            let tolerance = 16.0 * f64::EPSILON * max_abs(hessian.as_slice()) / max_abs(&column);
            assert_close("column", &hvp(&function, &theta, &unit), &column, tolerance);
        }
    }
}

#[test]
fn weight_decay_adds_its_multiple_of_the_identity() {
    let model = mlp(&[4, 5, 3], Activation::Tanh);
    let theta: Vec<f64> = model.init(&mut rng(2));
    let plain = supervised(&model, &data(), cross_entropy).unwrap();
    let decayed = Supervised::new(&model, cross_entropy).unwrap().weight_decay(0.25).unwrap();
    let decayed = decayed.function(&data()).unwrap();
    let eps = 16.0 * f64::EPSILON;
    let penalty = 0.125 * dot(&theta, &theta);
    let value = plain.value(&theta).unwrap() + penalty;
    assert_close("value", &[decayed.value(&theta).unwrap()], &[value], eps);
    let add =
        |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a + 0.25 * b).collect() };
    let gradient = add(&plain.gradient(&theta).unwrap(), &theta);
    assert_close("gradient", &decayed.gradient(&theta).unwrap(), &gradient, eps);
    let v = wave::<f64>(&[43], 1.0, 1.9).data().to_vec();
    let curvature = add(&hvp(&plain, &theta, &v), &v);
    assert_close("HVP", &hvp(&decayed, &theta, &v), &curvature, eps);
    for decay in [-0.1, f64::NAN, f64::INFINITY] {
        let refused = Supervised::new(&model, cross_entropy).unwrap().weight_decay(decay);
        assert!(matches!(refused, Err(Error::WeightDecay { .. })));
    }
}

/// The mean of the minibatch losses, swapped in without recording again, is the loss of all.
#[test]
fn minibatches_are_swapped_in() {
    let all = Dataset::new(wave(&[12, 4], 1.5, 0.83), wave(&[12, 2], 1.0, 0.37)).unwrap();
    let model = mlp(&[4, 5, 2], Activation::Tanh);
    let theta: Vec<f64> = model.init(&mut rng(3));
    let expected = supervised(&model, &all, mean_squared_error).unwrap().gradient(&theta).unwrap();

    let batches = all.batches(4, &mut rng(8)).unwrap();
    let first = all.gather(&batches[0]).unwrap();
    let objective = supervised(&model, &first, mean_squared_error).unwrap();
    let mut mean = vec![0.0; theta.len()];
    for batch in &batches {
        let batch = all.gather(batch).unwrap();
        objective.set_data(0, batch.inputs()).unwrap();
        objective.set_data(1, batch.targets()).unwrap();
        let gradient = objective.gradient(&theta).unwrap();
        for (mean, g) in mean.iter_mut().zip(gradient) {
            *mean += g / 3.0;
        }
    }
    assert_close("gradient", &mean, &expected, 32.0 * f64::EPSILON);
    let short = all.gather(&[0, 1]).unwrap();
    assert!(objective.set_data(0, short.inputs()).is_err());
}

/// A loss in scalars, with a loop and a branch, has the same derivatives as the same loss in tensors.
#[test]
fn scalar_and_tensor_losses_agree() {
    fn in_scalars<'t>(prediction: Tensor<'t>, target: Tensor<'t>) -> Var<'t> {
        let mut sum = Var::from_value(0.0);
        for i in 0..prediction.len() {
            let residual = prediction.get(i) - target.get(i);
            sum += if residual < 0.0 { 2.0 * residual * residual } else { residual * residual };
        }
        sum / prediction.len() as f64
    }
    fn in_tensors<'t>(prediction: Tensor<'t>, target: Tensor<'t>) -> Var<'t> {
        let residual = prediction - target;
        let short = (-residual).relu();
        (residual * residual + short * short).mean()
    }
    let all = Dataset::new(wave(&[6, 4], 1.5, 0.83), wave(&[6, 2], 1.0, 0.37)).unwrap();
    let model = mlp(&[4, 5, 2], Activation::Softplus);
    let scalars = supervised(&model, &all, in_scalars).unwrap();
    let tensors = supervised(&model, &all, in_tensors).unwrap();
    let eps = 64.0 * f64::EPSILON;
    // different points take different branches
    for seed in 0..4 {
        let theta: Vec<f64> = model.init(&mut rng(seed));
        let v = wave::<f64>(&[theta.len()], 1.0, 1.9).data().to_vec();
        let gradient = tensors.gradient(&theta).unwrap();
        assert_close("gradient", &scalars.gradient(&theta).unwrap(), &gradient, eps);
        assert_close("HVP", &hvp(&scalars, &theta, &v), &hvp(&tensors, &theta, &v), eps);
    }
}

/// Weight decay adds λ to the diagonal of every curvature matrix, and its value and gradient to the loss's.
#[test]
fn weight_decay_is_part_of_every_curvature_matrix() {
    let data = Dataset::classification(table(&[[1.0], [2.0], [4.0]]).unwrap(), &[0, 1, 1], 2);
    let data = data.unwrap();
    let model = mlp(&[1, 3, 2], Activation::Tanh);
    let loss = || Supervised::new(&model, cross_entropy).unwrap();
    let likelihood = Some(Likelihood::Categorical);
    let plain = loss().composite(&data, likelihood).unwrap();
    let decayed = loss().weight_decay(0.3).unwrap();
    let whole = decayed.function(&data).unwrap();
    let decayed = decayed.composite(&data, likelihood).unwrap();
    let theta: Vec<f64> = (0..14).map(|i| 0.4 * (1.3 * f64::from(i)).sin()).collect();
    let v: Vec<f64> = (0..14).map(|i| (0.7 * f64::from(i) + 0.2).cos()).collect();
    let (at, without) = (decayed.linearize(&theta).unwrap(), plain.linearize(&theta).unwrap());
    let plus = |product: Vec<f64>| -> Vec<f64> {
        product.iter().zip(&v).map(|(p, v)| p + 0.3 * v).collect()
    };
    let eps = 1e-14;
    assert_close(
        "GN",
        &at.gauss_newton(&v).unwrap(),
        &plus(without.gauss_newton(&v).unwrap()),
        eps,
    );
    assert_close("Fisher", &at.fisher(&v).unwrap(), &plus(without.fisher(&v).unwrap()), eps);
    assert_close("HVP", &at.hvp(&v).unwrap(), &whole.hvp(&theta, &v).unwrap(), eps);
    assert_close("gradient", at.gradient(), &whole.gradient(&theta).unwrap(), eps);
    assert_close("value", &[at.value()], &[whole.value(&theta).unwrap()], eps);
}

/// ½‖z − t‖², written with the root: its gradient where the model fits is a computed 0 times an infinity.
fn norm<'t>(z: Tensor<'t, f64>, t: Tensor<'t, f64>) -> Var<'t, f64> {
    (z - t).powi(2).sum().sqrt().powi(2) * 0.5
}

#[test]
fn an_indeterminate_derivative_of_a_network_is_as_the_policy_says() {
    let line = || perceptron(1, 1, Activation::Identity);
    let data = Dataset::new(table(&[[1.0], [2.0]]).unwrap(), table(&[[3.0], [5.0]]).unwrap());
    let data = data.unwrap();
    let fits = [2.0, 1.0];
    let gradients = |policy| -> [Result<Vec<f64>, AutodiffError>; 3] {
        let loss = Supervised::new(line(), norm).unwrap().indeterminate_policy(policy);
        let composite = loss.composite(&data, None).unwrap();
        let each = loss.per_example(&data).unwrap();
        [
            loss.function(&data).unwrap().gradient(&fits),
            composite.gradient(&fits),
            each.values_and_gradients(&fits).map(|(_, rows)| rows.as_slice().to_vec()),
        ]
    };
    for refused in gradients(IndeterminatePolicy::Refuse) {
        assert!(matches!(refused, Err(AutodiffError::Indeterminate { .. })), "{refused:?}");
    }
    for nan in gradients(IndeterminatePolicy::Nan) {
        assert!(nan.unwrap().iter().all(|x| x.is_nan()));
    }
    for absorbed in gradients(IndeterminatePolicy::Absorb) {
        assert!(absorbed.unwrap().iter().all(|&x| x == 0.0));
    }

    let train = |policy| {
        let mut network = Network::new(line(), &mut rng(1)).unwrap();
        network.parameters_mut().copy_from_slice(&fits);
        let trainer = Trainer::new(norm).epochs(1).indeterminate_policy(policy);
        let ended = trainer.fit(&mut network, &mut Descent::new(0.1), &data);
        (ended.map(|_| ()), network.parameters().to_vec())
    };
    let (refused, kept) = train(IndeterminatePolicy::Refuse);
    assert!(refused.unwrap_err().to_string().contains("sqrt"));
    assert_eq!(kept, fits);
    let (stays, kept) = train(IndeterminatePolicy::Absorb);
    assert_eq!((stays.unwrap(), kept.as_slice()), ((), &fits[..]));
}

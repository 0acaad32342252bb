//! Losses against their formulas, at extreme logits, and with shapes that do not fit.

use dualtape_autodiff::{Array, Error, Function, Real, Tensor, Var};
use dualtape_layers::{
    binary_cross_entropy_with_logits, cross_entropy, l2_penalty, mean_squared_error, one_hot,
};

use crate::support::{assert_close, max_abs, wave};

fn as_function<'f, S: Real>(
    z: &Array<S>,
    target: &Array<S>,
    loss: impl for<'t> Fn(Tensor<'t, S>, Tensor<'t, S>) -> Var<'t, S> + Send + Sync + 'f,
) -> Result<Function<'f, S>, Error> {
    let shape = z.shape().to_vec();
    Function::record_tensor(z.data(), &[target], move |x, data| loss(x.reshape(&shape), data[0]))
}

fn soft_targets() -> Array<f64> {
    let target = vec![0.2, 0.5, 0.3, 0.9, 0.1, 0.0, 0.25, 0.25, 0.5, 0.0, 0.0, 1.0];
    Array::new(&[4, 3], target).unwrap()
}

#[test]
fn squared_error_by_formula() {
    let (z, y) = (wave::<f64>(&[4, 3], 1.3, 1.7), wave::<f64>(&[4, 3], 0.8, 0.6));
    let residuals: Vec<f64> = z.data().iter().zip(y.data()).map(|(z, y)| z - y).collect();
    let function = as_function(&z, &y, mean_squared_error).unwrap();
    let value = residuals.iter().map(|r| r * r).sum::<f64>() / 12.0;
    let gradient: Vec<f64> = residuals.iter().map(|r| 2.0 * r / 12.0).collect();
    let eps = 12.0 * f64::EPSILON;
    assert_close("value", &[function.value(z.data()).unwrap()], &[value], eps);
    assert_close("gradient", &function.gradient(z.data()).unwrap(), &gradient, eps);
}

#[test]
fn cross_entropy_of_distributions_by_formula() {
    let (z, t) = (wave::<f64>(&[4, 3], 2.0, 1.7), soft_targets());
    let (mut value, mut gradient) = (0.0, Vec::new());
    for (z, t) in z.data().chunks(3).zip(t.data().chunks(3)) {
        let total: f64 = z.iter().map(|z| z.exp()).sum();
        for (z, t) in z.iter().zip(t) {
            let p = z.exp() / total;
            value -= t * p.ln() / 4.0;
            gradient.push((p - t) / 4.0);
        }
    }
    let function = as_function(&z, &t, cross_entropy).unwrap();
    let eps = 32.0 * f64::EPSILON;
    assert_close("value", &[function.value(z.data()).unwrap()], &[value], eps);
    assert_close("gradient", &function.gradient(z.data()).unwrap(), &gradient, eps);
}

#[test]
fn cross_entropy_takes_classes_from_the_last_axis() {
    let (z, t) = (wave::<f64>(&[4, 3], 2.0, 1.7), soft_targets());
    let flat = as_function(&z, &t, cross_entropy).unwrap().value(z.data()).unwrap();
    let deep = |a: &Array<f64>| Array::new(&[2, 2, 3], a.data().to_vec()).unwrap();
    let nested = as_function(&deep(&z), &deep(&t), cross_entropy).unwrap();
    assert_close("value", &[nested.value(z.data()).unwrap()], &[flat], 8.0 * f64::EPSILON);
}

/// Logits of ±10⁴: value, gradient and curvature are finite, and right where they have closed forms.
#[test]
fn extreme_logits() {
    let z = Array::new(&[3, 3], vec![1e4, -1e4, 0.0, -1e4, -1e4, 1e4, 1e4, 1e4, -1e4]).unwrap();
    let t = one_hot::<f64>(&[1, 2, 0], 3).unwrap();
    let function = as_function(&z, &t, cross_entropy).unwrap();
    let value = (2e4 + 0.0 + 2.0_f64.ln()) / 3.0;
    assert_close("value", &[function.value(z.data()).unwrap()], &[value], 4.0 * f64::EPSILON);
    let third = 1.0 / 3.0;
    let gradient = [third, -third, 0.0, 0.0, 0.0, 0.0, -0.5 * third, 0.5 * third, 0.0];
    // A tie at 10⁴ keeps ln 2 only to the rounding of 10⁴.
    let eps = 2e4 * f64::EPSILON;
    assert_close("gradient", &function.gradient(z.data()).unwrap(), &gradient, eps);
    // only the tie in the last row is curved: H = (diag p − p pᵀ)/3 with p = (½, ½, 0)
    let hessian = function.hessian(z.data()).unwrap();
    for i in 0..9 {
        for j in 0..9 {
            let expected = match (i, j) {
                (6, 6) | (7, 7) => third / 4.0,
                (6, 7) | (7, 6) => -third / 4.0,
                _ => 0.0,
            };
            assert!((hessian[(i, j)] - expected).abs() < eps, "({i}, {j}): {}", hessian[(i, j)]);
        }
    }

    let z = Array::new(&[4], vec![1e4_f32, -1e4, 1e4, -1e4]).unwrap();
    let y = Array::new(&[4], vec![1.0_f32, 0.0, 0.0, 1.0]).unwrap();
    let function = as_function(&z, &y, binary_cross_entropy_with_logits).unwrap();
    assert_eq!(function.value(z.data()).unwrap(), 5e3);
    assert_eq!(function.gradient(z.data()).unwrap(), [0.0, 0.0, 0.25, -0.25]);
    let mut hvp = [f32::NAN; 4];
    function.hvp(z.data(), &[1.0, -0.5, 0.25, 2.0], &mut hvp).unwrap();
    assert_eq!(max_abs(&hvp), 0.0);
}

#[test]
fn binary_cross_entropy_by_formula() {
    let z = wave::<f64>(&[5], 2.0, 1.7);
    let y = Array::new(&[5], vec![0.0, 1.0, 0.3, 1.0, 0.8]).unwrap();
    let function = as_function(&z, &y, binary_cross_entropy_with_logits).unwrap();
    let terms = z.data().iter().zip(y.data()).map(|(z, y)| {
        let p = 1.0 / (1.0 + (-z).exp());
        (-(y * p.ln() + (1.0 - y) * (1.0 - p).ln()) / 5.0, (p - y) / 5.0)
    });
    let (values, gradient): (Vec<f64>, Vec<f64>) = terms.unzip();
    let eps = 32.0 * f64::EPSILON;
    let value = function.value(z.data()).unwrap();
    assert_close("value", &[value], &[values.iter().sum()], eps);
    assert_close("gradient", &function.gradient(z.data()).unwrap(), &gradient, eps);
}

#[test]
fn l2_penalty_decays_weights() {
    let theta = wave::<f64>(&[6], 1.5, 0.9);
    let function =
        Function::<f64>::record_tensor(theta.data(), &[], |theta, _| l2_penalty(theta, 0.3));
    let gradient = function.unwrap().gradient(theta.data()).unwrap();
    let expected: Vec<f64> = theta.data().iter().map(|x| 0.3 * x).collect();
    assert_close("gradient", &gradient, &expected, 4.0 * f64::EPSILON);
}

type Loss = for<'t> fn(Tensor<'t>, Tensor<'t>) -> Var<'t>;

/// Shapes that NumPy would broadcast, or that merely have the same size, are mistakes in a loss.
#[test]
fn shapes_that_differ_are_refused_with_both() {
    let losses: [Loss; 3] = [mean_squared_error, cross_entropy, binary_cross_entropy_with_logits];
    let shapes: [([usize; 2], &[usize]); 4] =
        [([4, 1], &[4]), ([4, 3], &[3, 4]), ([4, 3], &[1, 3]), ([4, 3], &[5, 3])];
    for loss in losses {
        for (prediction, target) in shapes {
            let (z, y) = (wave::<f64>(&prediction, 1.0, 0.4), wave::<f64>(target, 1.0, 0.3));
            let refused = as_function(&z, &y, loss).unwrap_err();
            let text = refused.to_string();
            assert!(matches!(refused, Error::Shape { .. }), "{refused:?}");
            assert!(text.contains(&format!("{prediction:?}")), "{text}");
            assert!(text.contains(&format!("{target:?}")), "{text}");
        }
    }
    // called in a user's loss, the error names the user's line
    let (z, y) = (wave::<f64>(&[4, 1], 1.0, 0.4), wave(&[4], 1.0, 0.3));
    let text = as_function(&z, &y, |z, y| mean_squared_error(z, y).sqrt()).unwrap_err().to_string();
    assert!(text.starts_with(file!()), "{text}");
}

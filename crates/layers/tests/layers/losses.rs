//! Losses against their formulas, at extreme logits, and with shapes that do not fit.

use dualtape_autodiff::{Array, Error, Function, Real, Record, Tensor, Var, record};
use dualtape_layers::{
    BinaryCrossEntropy, CosineEmbedding, CrossEntropy, GaussianNll, Hinge, Huber, MulticlassHinge,
    PoissonNll, SquaredError, TripletMargin, binary_cross_entropy_with_logits, cosine_distance,
    cross_entropy, elastic_net_penalty, gaussian_nll, hinge, huber, kl_divergence, l1_penalty,
    mean_absolute_error, mean_squared_error, negative_log_likelihood, one_hot, poisson_nll,
    triplet_margin,
};

use crate::support::{assert_close, max_abs, wave};

fn as_function<'f, S: Real>(
    z: &Array<S>,
    target: &Array<S>,
    loss: impl for<'t> Fn(Tensor<'t, S>, Tensor<'t, S>) -> Var<'t, S> + Send + Sync + 'f,
) -> Result<Function<'f, S>, Error> {
    let shape = z.shape().to_vec();
    Record::at(z.data()).data(&[target]).function(move |x, data| loss(x.reshape(&shape), data[0]))
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
fn cross_entropy_takes_classes_from_the_axis_it_is_told() {
    let (z, t) = (wave::<f64>(&[4, 3], 2.0, 1.7), soft_targets());
    let flat = as_function(&z, &t, cross_entropy).unwrap().value(z.data()).unwrap();
    let deep = |a: &Array<f64>| Array::new(&[2, 2, 3], a.data().to_vec()).unwrap();
    let nested = as_function(&deep(&z), &deep(&t), |z, t| {
        CrossEntropy::new().class_axis(2).terms(z, t).mean()
    });
    let nested = nested.unwrap();
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
    function.hvp_into(z.data(), &[1.0, -0.5, 0.25, 2.0], &mut hvp).unwrap();
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

type Loss = for<'t> fn(Tensor<'t>, Tensor<'t>) -> Var<'t>;

/// Shapes that NumPy would broadcast, or that merely have the same size, are mistakes in a loss.
#[test]
fn shapes_that_differ_are_refused_with_both() {
    let losses: [Loss; 10] = [
        mean_squared_error,
        mean_absolute_error,
        huber,
        hinge,
        cross_entropy,
        negative_log_likelihood,
        binary_cross_entropy_with_logits,
        kl_divergence,
        poisson_nll,
        cosine_distance,
    ];
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

/// A right and sure prediction has a small loss, of which gradient and curvature keep their digits, and so does the value
/// where there is no sum under a logarithm.
#[test]
fn small_losses_keep_their_digits() {
    let z = Array::new(&[1], vec![40.0]).unwrap();
    let y = Array::new(&[1], vec![1.0]).unwrap();
    let small = (-40.0_f64).exp();
    let function = as_function(&z, &y, binary_cross_entropy_with_logits).unwrap();
    let eps = 8.0 * f64::EPSILON;
    assert_close("value", &[function.value(&[40.0]).unwrap()], &[small], eps);
    assert_close("gradient", &function.gradient(&[40.0]).unwrap(), &[-small], eps);
    assert_close("curvature", function.hessian(&[40.0]).unwrap().as_slice(), &[small], eps);

    let z = Array::new(&[1, 2], vec![40.0, 0.0]).unwrap();
    let label = Array::new(&[1], vec![0.0]).unwrap();
    let function = as_function(&z, &label, cross_entropy).unwrap();
    assert!((function.value(z.data()).unwrap() - small).abs() < f64::EPSILON);
    assert_close("gradient", &function.gradient(z.data()).unwrap()[1..], &[small], eps);
    let hessian = function.hessian(z.data()).unwrap();
    assert_close("curvature", &[hessian[(1, 1)]], &[small], eps);
}

/// Predictions of ±10⁴ in both precisions: losses with finite values have them, and right derivatives.
#[test]
fn extreme_predictions() {
    extreme_predictions_of::<f64>();
    extreme_predictions_of::<f32>();
}

fn extreme_predictions_of<S: Real>() {
    fn array<S: Real>(shape: &[usize], data: &[f64]) -> Array<S> {
        Array::new(shape, data.iter().map(|&x| S::constant(x)).collect()).unwrap()
    }
    fn check<'f, S: Real>(
        function: Result<Function<'f, S>, Error>,
        at: &Array<S>,
        [value, gradient, hvp]: [&[f64]; 3],
    ) {
        let function = function.unwrap();
        let eps = 4.0 * S::epsilon().to_f64().unwrap();
        let v: Vec<S> = (0..at.len()).map(|i| S::constant(1.0 / (1.0 + i as f64))).collect();
        let mut got = vec![S::nan(); at.len()];
        function.hvp_into(at.data(), &v, &mut got).unwrap();
        assert_close("value", &[function.value(at.data()).unwrap()], value, eps);
        assert_close("gradient", &function.gradient(at.data()).unwrap(), gradient, eps);
        assert_close("HVP", &got, hvp, eps);
    }
    let none = &[0.0; 4][..];
    let z = array::<S>(&[4], &[1e4, -1e4, 1e4, -1e4]);
    let zero = array::<S>(&[4], &[0.0; 4]);
    let signs = array::<S>(&[4], &[1.0, 1.0, -1.0, -1.0]);
    let squared = [&[1e8][..], &[5e3, -5e3, 5e3, -5e3], &[0.5, 0.25, 0.5 / 3.0, 0.125]];
    check(as_function(&z, &zero, mean_squared_error), &z, squared);
    let pulls = [&[1e4 - 0.5][..], &[0.25, -0.25, 0.25, -0.25], none];
    check(as_function(&z, &zero, huber), &z, pulls);
    check(as_function(&z, &signs, hinge), &z, [&[5000.5], &[0.0, -0.25, 0.25, 0.0], none]);
    let yes = array::<S>(&[4], &[1.0, 1.0, 0.0, 0.0]);
    let binary = as_function(&z, &yes, |z, y| {
        BinaryCrossEntropy::new().positive_weights(&[2.0]).terms(z, y).sum()
    });
    check(binary, &z, [&[3e4], &[0.0, -2.0, 1.0, 0.0], none]);

    let z = array::<S>(&[2, 2], &[1e4, -1e4, -1e4, 1e4]);
    let labels = array::<S>(&[2], &[1.0, 1.0]);
    let smooth =
        as_function(&z, &labels, |z, t| CrossEntropy::new().label_smoothing(0.5).terms(z, t).sum());
    // row 0: ¾·2·10⁴, row 1: ¼·2·10⁴
    check(smooth, &z, [&[2e4], &[0.75, -0.75, -0.25, 0.25], none]);
    let function = as_function(&z, &labels, |z, t| MulticlassHinge::new().terms(z, t).sum());
    check(function, &z, [&[1e4 + 0.5], &[0.5, -0.5, 0.0, 0.0], none]);

    let p = array::<S>(&[2, 2], &[0.0, 1.0, 0.0, 1.0]);
    let divergence = as_function(&z, &p, |z, p| kl_divergence(z.log_softmax(1), p));
    check(divergence, &z, [&[1e4], &[0.5, -0.5, 0.0, 0.0], none]);

    let counts = array::<S>(&[2], &[3.0, 0.0]);
    let x = array::<S>(&[2], &[-1e4, -1e4]);
    check(as_function(&x, &counts, poisson_nll), &x, [&[1.5e4], &[-1.5, 0.0], &[0.0, 0.0]]);
    // a rate that is no number of the type
    let large = array::<S>(&[2], &[1e4, 0.0]);
    let function = as_function(&large, &counts, poisson_nll).unwrap();
    assert!(function.value(large.data()).unwrap() == S::infinity());

    let x = array::<S>(&[2, 2], &[1e4, 0.0, 0.0, -1e4]);
    let unit = array::<S>(&[2, 2], &[0.0, 1e4, 0.0, 1e4]);
    let gradient = [0.0, -0.5e-4, 0.0, 0.0];
    // ∂²(−cos)/∂x² = (u x̂ᵀ + x̂ uᵀ)/‖x‖² + (x̂ᵀu)(1 − 3x̂x̂ᵀ)/‖x‖², halved by the mean
    let hvp = [0.25e-8, 0.5e-8, -0.5e-8 / 3.0, 0.0];
    check(as_function(&x, &unit, cosine_distance), &x, [&[1.5], &gradient, &hvp]);
}

#[test]
fn degenerate_vectors_have_documented_derivatives() {
    // a vector of norm 0 has cosine 0; the derivative is that of the ε
    let zero = Array::<f64>::zeros(&[1, 2]);
    let y = Array::new(&[1, 2], vec![3.0, 4.0]).unwrap();
    let function = as_function(&zero, &y, cosine_distance).unwrap();
    assert_eq!(function.value(zero.data()).unwrap(), 1.0);
    let gradient = function.gradient(zero.data()).unwrap();
    assert_close("gradient", &gradient, &[-0.6e6, -0.8e6], 1e-12);
    assert!(function.hessian(zero.data()).unwrap().as_slice().iter().all(|h| h.is_finite()));

    // points that coincide
    let same = Array::new(&[1, 2], vec![0.5, -0.5]).unwrap();
    let function = record(same.data()).array().function(|x| {
        let x = x.reshape(&[1, 2]);
        TripletMargin::new().epsilon(0.0).terms(x, x, x).mean()
    });
    let function = function.unwrap();
    assert_eq!(function.value(same.data()).unwrap(), 1.0);
    assert_eq!(function.gradient(same.data()).unwrap(), [0.0, 0.0]);
    assert_eq!(max_abs(function.hessian(same.data()).unwrap().as_slice()), 0.0);
    let near = as_function(&same, &same, |x, y| triplet_margin(x, y, x * 0.0));
    let near = near.unwrap();
    assert!(near.gradient(same.data()).unwrap().iter().all(|g| g.is_finite()));
    assert!(near.hessian(same.data()).unwrap().as_slice().iter().all(|h| h.is_finite()));
}

/// What has no meaning is NaN rather than 0.
#[test]
fn targets_without_meaning_are_seen() {
    let z = wave::<f64>(&[4], 1.0, 0.7);
    let targets = Array::vector(vec![1.0, 0.0, -1.0, 1.0]);
    let value = |loss: Loss| as_function(&z, &targets, loss).unwrap().value(z.data()).unwrap();
    assert!(value(hinge).is_nan());
    assert!(value(|z, t| gaussian_nll(z, t, z)).is_nan()); // a variance of −1
    let cosine = as_function(&z, &targets, |z, t| {
        let [x, y] = [z, t].map(|rows| rows.reshape(&[4, 1]));
        CosineEmbedding::new().terms(x, y, t).sum()
    });
    assert!(cosine.unwrap().value(z.data()).unwrap().is_nan());
    // nothing counts
    let logits = wave::<f64>(&[2, 3], 1.0, 0.7);
    let ignored = Array::vector(vec![7.0, 7.0]);
    let none = as_function(&logits, &ignored, |z, t| {
        CrossEntropy::new().ignore_index(7).terms(z, t).mean()
    });
    assert!(none.unwrap().value(logits.data()).unwrap().is_nan());
}

#[test]
fn labels_are_checked_at_every_evaluation() {
    let z = wave::<f64>(&[2, 3], 1.0, 0.7);
    for labels in [[0.0, 3.0], [0.5, 1.0], [-1.0, 0.0], [f64::NAN, 0.0]] {
        let labels = Array::vector(labels.to_vec());
        assert!(as_function(&z, &labels, cross_entropy).is_err(), "{labels:?}");
        let function = as_function(&z, &Array::vector(vec![0.0, 1.0]), cross_entropy).unwrap();
        function.set_data(0, &labels).unwrap();
        assert!(function.value(z.data()).is_err(), "{labels:?}");
        assert!(function.gradient(z.data()).is_err(), "{labels:?}");
    }
    // other labels need no other recording, ignored ones included
    let function = as_function(&z, &Array::vector(vec![0.0, 1.0]), |z, t| {
        CrossEntropy::new().ignore_index(-1).terms(z, t).mean()
    });
    let function = function.unwrap();
    function.set_data(0, &Array::vector(vec![-1.0, 2.0])).unwrap();
    let row = Array::new(&[1, 3], z.data()[3..].to_vec()).unwrap();
    let alone = as_function(&row, &Array::vector(vec![2.0]), cross_entropy).unwrap();
    let expected = alone.gradient(row.data()).unwrap();
    let gradient = function.gradient(z.data()).unwrap();
    assert_eq!(max_abs(&gradient[..3]), 0.0);
    assert_close("gradient", &gradient[3..], &expected, 4.0 * f64::EPSILON);
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let z = wave::<f64>(&[2, 3], 1.0, 0.7);
    let (labels, same) = (Array::vector(vec![0.0, 2.0]), wave::<f64>(&[2, 3], 0.5, 0.4));
    let refused = |target: &Array<f64>, loss: Loss| {
        as_function(&z, target, loss).expect_err("to be refused").to_string()
    };
    let cases: [(&Array<f64>, Loss, &str); 12] = [
        (
            &labels,
            |z, t| CrossEntropy::new().label_smoothing(1.5).terms(z, t).sum(),
            "[0, 1], not 1.5",
        ),
        (&labels, |z, t| CrossEntropy::new().label_smoothing(f64::NAN).terms(z, t).sum(), "NaN"),
        (
            &labels,
            |z, t| CrossEntropy::new().class_weights(&[1.0, 2.0]).terms(z, t).sum(),
            "one weight",
        ),
        (
            &labels,
            |z, t| CrossEntropy::new().class_weights(&[f64::NAN; 3]).terms(z, t).sum(),
            "finite",
        ),
        (&same, |z, t| CrossEntropy::new().ignore_index(0).terms(z, t).sum(), "integer labels"),
        (&same, |z, t| CrossEntropy::new().class_axis(2).terms(z, t).sum(), "axis 2"),
        (&same, |z, t| BinaryCrossEntropy::new().weights(&[]).terms(z, t).sum(), "one weight"),
        (&same, |z, t| Huber::new(0.0).terms(z, t).sum(), "δ > 0, not 0"),
        (&same, |z, t| Hinge::new().margin(f64::INFINITY).terms(z, t).sum(), "finite margin"),
        (&same, |z, t| PoissonNll::new().of_rates(-1.0).terms(z, t).sum(), "ε ≥ 0, not -1"),
        (&same, |z, t| GaussianNll::new().epsilon(0.0).terms(z, t, t).sum(), "ε > 0, not 0"),
        (
            &same,
            |z, t| TripletMargin::new().margin(-1.0).terms(z, t, t).sum(),
            "margin > 0, not -1",
        ),
    ];
    for (target, loss, cause) in cases {
        let text = refused(target, loss);
        assert!(text.contains(cause), "{text}, should say {cause}");
    }
    let wrong_weights: Loss = |z, t| SquaredError.terms(z, t).weighted(t.sum_axis(0)).mean();
    assert!(refused(&same, wrong_weights).contains("one weight for each term"));
}

/// At a kink, derivative and curvature are 0 by choice, in every order, and of what lies beside the kink nothing is lost.
#[test]
fn kinks_have_derivative_and_curvature_0() {
    let zeros = Array::<f64>::zeros(&[2, 2]);
    let [ones, signs] =
        [[1.0; 4], [1.0, -1.0, 1.0, -1.0]].map(|x| Array::new(&[2, 2], x.to_vec()).unwrap());
    let f = |z: &Array<f64>,
             target: &Array<f64>,
             loss: for<'t> fn(Tensor<'t>, Tensor<'t>) -> Var<'t>| {
        as_function(z, target, loss).unwrap()
    };
    let kinks = [
        ("absolute error", zeros.clone(), f(&zeros, &zeros, mean_absolute_error)),
        ("L1", zeros.clone(), f(&zeros, &zeros, |z, _| l1_penalty(z, 0.3))),
        ("hinge", signs.clone(), f(&signs, &signs, hinge)),
        (
            "several classes",
            Array::new(&[2, 2], vec![0.5, -0.5, 2.0, 1.0]).unwrap(),
            f(&ones, &zeros, |z, t| MulticlassHinge::new().terms(z, t.sum_axis(1)).mean()),
        ),
        (
            "triplet",
            zeros.clone(),
            f(&zeros, &zeros, |z, t| TripletMargin::new().epsilon(0.0).terms(z, t, z).sum()),
        ),
    ];
    for (name, z, f) in kinks {
        let gradient = f.gradient(z.data()).unwrap();
        let hessian = f.hessian(z.data()).unwrap();
        let along = f.linearize(z.data()).unwrap().hvp(&[1.0, 2.0, -1.0, 0.5]).unwrap();
        assert_eq!(gradient, [0.0; 4], "{name}");
        assert_eq!(hessian.as_slice(), [0.0; 16], "{name}");
        assert_eq!(along, [0.0; 4], "{name}");
    }

    // Zou and Hastie's penalty keeps the curvature of its smooth part.
    let net = f(&zeros, &zeros, |z, _| elastic_net_penalty(z, 0.3, 0.5));
    assert_eq!(net.gradient(&[0.0; 4]).unwrap(), [0.0; 4]);
    let hessian = net.hessian(&[0.0; 4]).unwrap();
    assert!((0..16).all(|k| hessian.as_slice()[k] == if k % 5 == 0 { 0.5 } else { 0.0 }));
    // Huber's is that of the inside, at 0 and at ±δ.
    let huber = f(&zeros, &zeros, |z, t| Huber::new(2.0).terms(z, t).sum());
    for (r, slope) in [(0.0, 0.0), (2.0, 2.0), (-2.0, -2.0)] {
        assert_eq!(huber.gradient(&[r; 4]).unwrap(), [slope; 4]);
        assert_eq!(huber.hessian(&[r; 4]).unwrap().as_slice()[..5], [1.0, 0.0, 0.0, 0.0, 0.0]);
    }
}

/// What does not count has no influence, whatever it holds: a label to be ignored, a weight of 0.
#[test]
fn what_does_not_count_has_no_influence_whatever_it_holds() {
    let labels = Array::vector(vec![2.0, -100.0, 1.0]);
    let mask = Array::vector(vec![1.0, 0.0, 2.0]);
    let with = |held: f64| {
        let mut z = wave::<f64>(&[3, 3], 2.0, 1.7).data().to_vec();
        z[3..6].fill(held);
        Array::new(&[3, 3], z).unwrap()
    };
    type Named = (&'static str, for<'t> fn(Tensor<'t>, Tensor<'t>) -> Var<'t>);
    let losses: [Named; 3] = [
        ("ignored", |z, t| CrossEntropy::new().ignore_index(-100).terms(z, t).mean()),
        ("ignored, smoothed and weighted", |z, t| {
            let loss = CrossEntropy::new().ignore_index(-100).label_smoothing(0.1);
            loss.class_weights(&[1.0, 0.2, 3.0]).terms(z, t).mean()
        }),
        ("weights", |z, w| {
            let target = z.constant(&Array::zeros(&[3]));
            SquaredError.terms(z.view(0, &[3, 3]).sum_axis(1), target).weighted(w).mean()
        }),
    ];
    for (name, loss) in losses {
        let data = if name == "weights" { &mask } else { &labels };
        let all = |held: f64| {
            let z = with(held);
            let f = as_function(&z, data, loss).unwrap();
            let mut hv = vec![0.0; 9];
            f.hvp_into(z.data(), &[1.0, 0.5, -0.3, 1.0, 2.0, 3.0, 0.1, 0.2, 0.7], &mut hv).unwrap();
            [vec![f.value(z.data()).unwrap()], f.gradient(z.data()).unwrap(), hv]
        };
        let expected = all(0.0);
        assert!(expected.iter().flatten().all(|x| x.is_finite()), "{name}");
        for held in [f64::NAN, f64::INFINITY, -f64::INFINITY, 5.0] {
            assert_eq!(all(held), expected, "{name}, {held}");
        }
    }
    // A weight of 0 is no mask to the weight's own derivative.
    let f = as_function(&mask, &labels, |w, t| SquaredError.terms(t, t * 0.0).weighted(w).sum())
        .unwrap();
    assert_eq!(f.gradient(mask.data()).unwrap(), [4.0, 1e4, 1.0]);
}

//! The curvature matrices of losses in two parts and of losses that know their examples.

use dualtape_autodiff::{
    Array, Composite, Likelihood, PerExample, Tensor, record, windows::Convolution,
};
use dualtape_optimizers::prelude::*;
use dualtape_optimizers::{
    Counted, CurvatureMatrix, Error, KroneckerFactored, Patches, Sharing, WithExamples,
};

const EXAMPLES: usize = 5;
/// Weights 3×2 and a bias of 3.
const DIM: usize = 9;

fn sequence(n: usize, seed: f64) -> Vec<f64> {
    (0..n).map(|i| (seed + 1.7 * i as f64).sin() + 0.3 * (seed * i as f64).cos()).collect()
}

fn inputs() -> Array<f64> {
    Array::new(&[EXAMPLES, 2], sequence(2 * EXAMPLES, 0.4)).unwrap()
}

/// Labels 0, 1, 2 as unit vectors.
fn targets() -> Array<f64> {
    let labels = [2, 0, 1, 1, 0];
    let entry = |k: usize| f64::from(u8::from(labels[k / 3] == k % 3));
    Array::new(&[EXAMPLES, 3], (0..3 * EXAMPLES).map(entry).collect()).unwrap()
}

/// A linear layer as the layers crate lays it out, `x Wᵀ + b`, after a nonlinearity to make it curved.
fn logits<'t>(theta: Tensor<'t>, x: Tensor<'t>) -> Tensor<'t> {
    let weight = theta.slice(0, 0..6).reshape(&[3, 2]);
    let bias = theta.slice(0, 6..9).reshape(&[1, 3]);
    (x.matmul(weight.t()) + bias).sin() * 2.0
}

fn cross_entropy<'t>(z: Tensor<'t>, y: Tensor<'t>) -> Tensor<'t> {
    z.log_sum_exp(1) - (z * y).sum_axis(1)
}

fn classifier() -> Composite<'static> {
    record(&[0.1; DIM])
        .data(&[&inputs(), &targets()])
        .likelihood(Likelihood::Categorical)
        .composite(|theta, data| logits(theta, data[0]), |z, data| cross_entropy(z, data[1]).mean())
        .unwrap()
}

fn each(scale: f64) -> PerExample<'static> {
    record(&[0.1; DIM])
        .data(&[&inputs(), &targets()])
        .per_example(move |theta, example| {
            let (x, y) = (example[0].reshape(&[1, 2]), example[1].reshape(&[1, 3]));
            cross_entropy(logits(theta, x), y).mean() * scale
        })
        .unwrap()
}

fn matrix(operator: &dyn LinearOperator<f64>) -> Vec<f64> {
    let mut dense = vec![0.0; operator.dim() * operator.dim()];
    operator.to_dense(&mut dense).unwrap();
    dense
}

fn assert_near(got: &[f64], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len());
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((got - want).abs() <= tolerance, "[{i}]: {got:e}, not {want:e}");
    }
}

#[test]
fn each_matrix_is_what_it_is_called() {
    let f = WithExamples::new(classifier(), each(1.0)).unwrap();
    let theta = sequence(DIM, 2.0);
    let at = f.linearize(&theta).unwrap();
    let of = |which| matrix(&*at.curvature(which).unwrap());

    let hessian = f.linearize(&theta).unwrap();
    assert_eq!(of(CurvatureMatrix::Hessian), matrix(hessian.hessian()));
    // Cross-entropy of logits: the last layer's Fisher matrix is its Hessian.
    assert_near(&of(CurvatureMatrix::Fisher), &of(CurvatureMatrix::GaussNewton), 1e-14);

    // Each gradient from a function of its own.
    let mut covariance = vec![0.0; DIM * DIM];
    for example in 0..EXAMPLES {
        let (x, y) = (inputs(), targets());
        let x = Array::new(&[1, 2], x.data()[2 * example..2 * example + 2].to_vec()).unwrap();
        let y = Array::new(&[1, 3], y.data()[3 * example..3 * example + 3].to_vec()).unwrap();
        let loss = record(&theta)
            .data(&[&x, &y])
            .function(|theta, data| cross_entropy(logits(theta, data[0]), data[1]).mean());
        let g = loss.unwrap().gradient(&theta).unwrap();
        for (k, entry) in covariance.iter_mut().enumerate() {
            *entry += g[k / DIM] * g[k % DIM] / EXAMPLES as f64;
        }
    }
    let empirical = of(CurvatureMatrix::EmpiricalFisher);
    assert_near(&empirical, &covariance, 1e-14);

    // And all three differ here.
    let distance =
        |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    let (exact, fisher) = (of(CurvatureMatrix::Hessian), of(CurvatureMatrix::Fisher));
    assert!(distance(&exact, &fisher) > 0.1 && distance(&fisher, &empirical) > 0.1);

    let fisher = at.empirical_fisher().unwrap();
    assert_eq!(fisher.examples(), EXAMPLES);
    assert_near(&fisher.mean_gradient(), at.gradient(), 1e-15);
}

#[test]
fn products_agree_with_the_matrices() {
    let f = WithExamples::new(classifier(), each(1.0)).unwrap();
    let theta = sequence(DIM, 1.0);
    let at = f.linearize(&theta).unwrap();
    let v = sequence(2 * DIM, 0.9);
    for which in [
        CurvatureMatrix::Hessian,
        CurvatureMatrix::GaussNewton,
        CurvatureMatrix::Fisher,
        CurvatureMatrix::EmpiricalFisher,
    ] {
        let operator = at.curvature(which).unwrap();
        let dense = matrix(&*operator);
        let row =
            |v: &[f64], i: usize| -> f64 { (0..DIM).map(|j| dense[i * DIM + j] * v[j]).sum() };
        let expected: Vec<f64> = v
            .chunks(DIM)
            .flat_map(|v| (0..DIM).map(move |i| row(v, i)).collect::<Vec<_>>())
            .collect();
        let mut products = vec![0.0; 2 * DIM];
        operator.apply_many(&v, &mut products).unwrap();
        assert_near(&products, &expected, 1e-13);
        let mut block = [0.0; 4];
        operator.block(&[7, 2], &mut block).unwrap();
        let at = |i: usize, j: usize| dense[i * DIM + j];
        assert_near(&block, &[at(7, 7), at(7, 2), at(2, 7), at(2, 2)], 1e-14);
    }
}

#[test]
fn what_is_asked_is_counted() {
    let f = WithExamples::new(classifier(), each(1.0)).unwrap();
    let counted = Counted::new(&f);
    let at = counted.linearize(&[0.2; DIM]).unwrap();
    at.curvature(CurvatureMatrix::GaussNewton).unwrap().trace().unwrap();
    assert_eq!(counted.counts().curvature_products, DIM);
    let fisher = at.curvature(CurvatureMatrix::EmpiricalFisher).unwrap();
    fisher.solve_shifted(0.1, &[1.0; DIM], &mut [0.0; DIM]).unwrap();
    assert_eq!(counted.counts().curvature_products, DIM + 1);
    at.hessian().block(&[1, 2, 3], &mut [0.0; 9]).unwrap();
    assert_eq!(counted.counts().hvps, 3);
    at.hessian().solve_shifted(100.0, &[1.0; DIM], &mut [0.0; DIM]).unwrap();
    let counts = counted.counts();
    assert_eq!((counts.hvps, counts.hessians, counts.linearizations), (3, 1, 1));
}

#[test]
fn what_is_not_there_is_refused() {
    let plain = record(&[1.0]).function(|x| x[0] * x[0]).unwrap();
    let at = Objective::linearize(&plain, &[1.0]).unwrap();
    for matrix in
        [CurvatureMatrix::GaussNewton, CurvatureMatrix::Fisher, CurvatureMatrix::EmpiricalFisher]
    {
        assert_eq!(at.curvature(matrix).err(), Some(Error::NoCurvature { matrix }));
    }
    // The examples of another loss: twice as large.
    let other = WithExamples::new(classifier(), each(2.0)).unwrap();
    let at = other.linearize(&[0.2; DIM]).unwrap();
    let refused = at.curvature(CurvatureMatrix::EmpiricalFisher).err();
    assert!(matches!(refused, Some(Error::OtherExamples { .. })), "{refused:?}");
    let plain = record(&[1.0]).function(|x| x[0] * x[0]).unwrap();
    let mixed = WithExamples::new(plain, each(1.0));
    assert!(matches!(mixed, Err(Error::Length { .. })));
}

/// `½‖W a + b‖²` of one example, with the gradient `g = W a + b`.
#[test]
fn one_example_of_a_linear_layer_is_factored_exactly() {
    let (a, theta) = (sequence(2, 3.0), sequence(DIM, 5.0));
    let x = Array::new(&[1, 2], a.clone()).unwrap();
    let f = record(&theta)
        .data(&[&x])
        .function(|theta, data| {
            let weight = theta.slice(0, 0..6).reshape(&[3, 2]);
            let z = data[0].matmul(weight.t()) + theta.slice(0, 6..9).reshape(&[1, 3]);
            (z * z).sum() * 0.5
        })
        .unwrap();
    let gradient = f.gradient(&theta).unwrap();
    // The gradient of the bias is that of the output.
    let kfac = KroneckerFactored::linear(1, &a, &gradient[6..], true, Sharing::Expand).unwrap();
    let outer: Vec<f64> = (0..DIM * DIM).map(|k| gradient[k / DIM] * gradient[k % DIM]).collect();
    assert_near(&matrix(&kfac), &outer, 1e-13);
}

#[test]
fn a_convolution_sees_its_patches() {
    let (size, kernel) = ([4, 5], [2, 3]);
    let x = sequence(2 * 2 * 20, 0.8);
    let w = sequence(3 * 2 * 6, 0.1);
    let how =
        Convolution { stride: [2, 1], padding: [1, 0], dilation: [1, 2], ..Convolution::default() };
    let patches = Patches::new(2, size, kernel).convolution(how);
    let rows = patches.rows(2, &x).unwrap();
    let places = patches.places();
    assert_eq!(rows.len(), 2 * places * 12);

    // The convolution, summed against fixed weights so that its gradient is Σ c a.
    let c = sequence(2 * 3 * places, 0.6);
    let input = Array::new(&[2, 2, 4, 5], x).unwrap();
    let cotangent = Array::new(&[2 * 3 * places], c.clone()).unwrap();
    let f = record(&w)
        .data(&[&input, &cotangent])
        .function(move |w, data| {
            let z = data[0].conv(w.reshape(&[3, 2, 2, 3]), how);
            (z.reshape(&[2 * 3 * places]) * data[1]).sum()
        })
        .unwrap();
    let mut expected = vec![0.0; w.len()];
    for (row, a) in rows.chunks(12).enumerate() {
        let (example, place) = (row / places, row % places);
        for o in 0..3 {
            let g = c[(example * 3 + o) * places + place];
            a.iter().enumerate().for_each(|(i, a)| expected[o * 12 + i] += g * a);
        }
    }
    assert_near(&f.gradient(&w).unwrap(), &expected, 1e-12);
}

#[test]
fn shared_weights_are_expanded_or_reduced() {
    // Two examples at two places; one input, one output.
    let (a, g) = ([1.0, 3.0, 2.0, 2.0], [0.5, 1.0, -1.0, 2.0]);
    let factor =
        |sharing| matrix(&KroneckerFactored::shared(2, 2, &a, &g, false, sharing).unwrap());
    // A = (1 + 9 + 4 + 4)/4, G = (¼ + 1 + 1 + 4)/2
    assert_near(&factor(Sharing::Expand), &[4.5 * 3.125], 1e-14);
    // A = (2² + 2²)/2, G = (1.5² + 1²)/2
    assert_near(&factor(Sharing::Reduce), &[4.0 * 1.625], 1e-14);
    // The same input at all places: reduction is exact, the gradient being Σg · a.
    let same = KroneckerFactored::shared(1, 2, &[3.0, 3.0], &[0.5, 1.0], false, Sharing::Reduce);
    assert_near(&matrix(&same.unwrap()), &[(1.5_f64 * 3.0).powi(2)], 1e-13);
    let uneven = KroneckerFactored::linear(2, &[1.0, 2.0, 3.0], &[1.0, 2.0], true, Sharing::Expand);
    assert!(matches!(uneven, Err(Error::Length { .. })));
}

#[test]
fn factored_damping_is_balanced() {
    let layer = KroneckerFactored::new(2, vec![4.0, 0.0, 0.0, 4.0], 1, vec![1.0], false).unwrap();
    // π = 2: (4 + 2·½)(1 + ½/2)
    let damped = layer.damped(0.25).unwrap();
    assert_near(&matrix(&damped), &[6.25, 0.0, 0.0, 6.25], 1e-14);
    assert!(matches!(layer.damped(-1.0), Err(Error::Setting { .. })));
}

//! Every loss with its options, in each reduction, against reference values computed with PyTorch.

use dualtape_autodiff::{Array, Tensor, Var, record};
use dualtape_layers::{
    AbsoluteError, BinaryCrossEntropy, CosineEmbedding, CrossEntropy, GaussianNll, Hinge, Huber,
    KlDivergence, MulticlassHinge, PoissonNll, SquaredError, Terms, TripletMargin,
};
use serde_json::Value;

use crate::support::{assert_close, numbers, wave};

const REFERENCE: &str = include_str!("../data/torch_losses.json");

/// A loss of differentiated arrays, with fixed ones.
type Loss = for<'t> fn(&[Tensor<'t>], &[Tensor<'t>]) -> Terms<'t>;

struct Case {
    name: &'static str,
    inputs: Vec<Array<f64>>,
    data: Vec<Array<f64>>,
    loss: Loss,
}

fn map(array: Array<f64>, f: impl Fn(f64) -> f64) -> Array<f64> {
    Array::new(array.shape(), array.data().iter().map(|&x| f(x)).collect()).unwrap()
}

fn rows<const N: usize>(entries: [f64; N]) -> Array<f64> {
    Array::new(&[4, N / 4], entries.to_vec()).unwrap()
}

fn softmax_rows(array: Array<f64>) -> Array<f64> {
    let exp = map(array, f64::exp);
    let data = exp.data().chunks(3).flat_map(|row| {
        let sum: f64 = row.iter().sum();
        row.iter().map(move |x| x / sum)
    });
    Array::new(exp.shape(), data.collect()).unwrap()
}

const WEIGHTS: [f64; 3] = [0.5, 2.0, 1.25];

fn cases() -> Vec<Case> {
    let z = || vec![wave(&[4, 3], 2.0, 1.7)];
    let case =
        |name, inputs, data: &[Array<f64>], loss| Case { name, inputs, data: data.to_vec(), loss };
    let mut cases = regression_cases(&z, &case);
    cases.extend(class_cases(&z, &case));
    cases.extend(likelihood_cases(&z, &case));
    cases.extend(embedding_cases(&case));
    cases
}

type Make<'a> = &'a dyn Fn(&'static str, Vec<Array<f64>>, &[Array<f64>], Loss) -> Case;
type Inputs<'a> = &'a dyn Fn() -> Vec<Array<f64>>;

fn regression_cases(z: Inputs<'_>, case: Make<'_>) -> Vec<Case> {
    let y = [wave(&[4, 3], 0.8, 0.6)];
    let signs = [rows([1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0])];
    let yes = [map(wave(&[4, 3], 3.0, 0.9), |x| 1.0 / (1.0 + (-x).exp()))];
    vec![
        case("squared_error", z(), &y, |x, d| SquaredError.terms(x[0], d[0])),
        case("absolute_error", z(), &y, |x, d| AbsoluteError.terms(x[0], d[0])),
        case("huber_0.7", z(), &y, |x, d| Huber::new(0.7).terms(x[0], d[0])),
        case("hinge", z(), &signs, |x, d| Hinge::new().terms(x[0], d[0])),
        case("bce", z(), &yes, |x, d| BinaryCrossEntropy::new().terms(x[0], d[0])),
        case("bce_weights", z(), &yes, |x, d| {
            let loss = BinaryCrossEntropy::new().weights(&WEIGHTS);
            loss.positive_weights(&[3.0, 0.5, 1.5]).terms(x[0], d[0])
        }),
    ]
}

fn class_cases(z: Inputs<'_>, case: Make<'_>) -> Vec<Case> {
    let labels = [Array::vector(vec![0.0, 2.0, 1.0, 2.0])];
    let ignored = [Array::vector(vec![0.0, -100.0, 1.0, 2.0])];
    let distributions = [softmax_rows(wave(&[4, 3], 1.0, 2.3))];
    let deep = [Array::new(&[2, 2], vec![0.0, 2.0, 1.0, 2.0]).unwrap()];
    vec![
        case("cross_entropy_labels", z(), &labels, |x, d| CrossEntropy::new().terms(x[0], d[0])),
        case("cross_entropy_weights", z(), &labels, |x, d| {
            CrossEntropy::new().class_weights(&WEIGHTS).terms(x[0], d[0])
        }),
        case("cross_entropy_smoothing", z(), &labels, |x, d| {
            CrossEntropy::new().label_smoothing(0.1).terms(x[0], d[0])
        }),
        case("cross_entropy_ignore", z(), &ignored, |x, d| {
            CrossEntropy::new().ignore_index(-100).terms(x[0], d[0])
        }),
        case("cross_entropy_all", z(), &ignored, |x, d| {
            let loss = CrossEntropy::new().class_weights(&WEIGHTS).label_smoothing(0.2);
            loss.ignore_index(-100).terms(x[0], d[0])
        }),
        case("cross_entropy_deep", vec![wave(&[2, 3, 2], 2.0, 1.7)], &deep, |x, d| {
            CrossEntropy::new().class_weights(&WEIGHTS).label_smoothing(0.2).terms(x[0], d[0])
        }),
        case("cross_entropy_distributions", z(), &distributions, |x, d| {
            CrossEntropy::new().class_weights(&WEIGHTS).label_smoothing(0.1).terms(x[0], d[0])
        }),
        case("nll_weights_ignore", z(), &ignored, |x, d| {
            let loss = CrossEntropy::new().of_log_probabilities().class_weights(&WEIGHTS);
            loss.ignore_index(-100).terms(x[0], d[0])
        }),
        case("multiclass_hinge", z(), &labels, |x, d| {
            MulticlassHinge::new().margin(0.8).class_weights(&WEIGHTS).terms(x[0], d[0])
        }),
    ]
}

fn likelihood_cases(z: Inputs<'_>, case: Make<'_>) -> Vec<Case> {
    let y = [wave(&[4, 3], 0.8, 0.6)];
    let counts = [rows([0.0, 1.0, 2.0, 3.0, 5.0, 0.0, 1.0, 4.0, 2.0, 7.0, 1.0, 0.0])];
    let distributions = [softmax_rows(wave(&[4, 3], 1.0, 2.3))];
    let logarithms = [map(distributions[0].clone(), f64::ln)];
    let rates = || vec![map(wave(&[4, 3], 1.0, 1.7), |x| x + 1.5)];
    let variance = |shape: &[usize]| map(wave(shape, 0.5, 1.1), |x| x + 0.7);
    let normal = |shape: &[usize]| [z(), vec![variance(shape)]].concat();
    vec![
        case("kl", z(), &distributions, |x, d| {
            KlDivergence::new().terms(x[0].log_softmax(1), d[0])
        }),
        case("kl_log_target", z(), &logarithms, |x, d| {
            KlDivergence::new().log_target().terms(x[0].log_softmax(1), d[0])
        }),
        case("poisson", z(), &counts, |x, d| PoissonNll::new().terms(x[0], d[0])),
        case("poisson_full", z(), &counts, |x, d| PoissonNll::new().full().terms(x[0], d[0])),
        case("poisson_rates", rates(), &counts, |x, d| {
            PoissonNll::new().of_rates(1e-3).terms(x[0], d[0])
        }),
        case("gaussian", normal(&[4, 3]), &y, |x, d| GaussianNll::new().terms(x[0], x[1], d[0])),
        case("gaussian_full_rows", normal(&[4, 1]), &y, |x, d| {
            GaussianNll::new().full().terms(x[0], x[1], d[0])
        }),
    ]
}

fn embedding_cases(case: Make<'_>) -> Vec<Case> {
    let alike = [Array::vector(vec![1.0, -1.0, -1.0, 1.0])];
    let vectors = [(1.0, 1.7), (0.9, 0.6), (1.1, 1.1)].map(|(a, f)| wave(&[4, 3], a, f));
    vec![
        case("cosine_embedding", vectors[..2].to_vec(), &alike, |x, d| {
            CosineEmbedding::new().margin(0.2).terms(x[0], x[1], d[0])
        }),
        case("triplet", vectors.to_vec(), &[], |x, _| {
            TripletMargin::new().margin(2.0).terms(x[0], x[1], x[2])
        }),
        case("triplet_swap", vectors.to_vec(), &[], |x, _| {
            TripletMargin::new().margin(2.0).swap().terms(x[0], x[1], x[2])
        }),
    ]
}

/// The reduction, and for none the sum of the terms with the factors `cos(i + 0.3)`.
fn reduce<'t>(reduction: &str, terms: Terms<'t>) -> Var<'t> {
    match reduction {
        "mean" => terms.mean(),
        "sum" => terms.sum(),
        _ => {
            let each = terms.each();
            let factors = (0..each.len()).map(|i| (i as f64 + 0.3).cos()).collect();
            let factors = Array::new(each.shape(), factors).unwrap();
            each.dot(each.constant(&factors))
        }
    }
}

fn check(case: &Case, reference: &Value) {
    let reduction = reference["reduction"].as_str().unwrap();
    let what = format!("{}, {reduction}", case.name);
    let theta: Vec<f64> = case.inputs.iter().flat_map(|input| input.data().to_vec()).collect();
    let data: Vec<&Array<f64>> = case.data.iter().collect();
    let function = record(&theta)
        .data(&data)
        .function(|theta, data| {
            let mut offset = 0;
            let inputs: Vec<Tensor<'_>> = case
                .inputs
                .iter()
                .map(|input| {
                    offset += input.len();
                    theta.view(offset - input.len(), input.shape())
                })
                .collect();
            reduce(reduction, (case.loss)(&inputs, data))
        })
        .unwrap_or_else(|error| panic!("{what}: {error}"));

    let tolerance = 64.0 * f64::EPSILON;
    let v: Vec<f64> =
        (0..theta.len()).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 } / (i + 1) as f64).collect();
    let (mut gradient, mut hvp) = (vec![0.0; theta.len()], vec![0.0; theta.len()]);
    let value = function.value_and_gradient_into(&theta, &mut gradient).unwrap();
    function.hvp_into(&theta, &v, &mut hvp).unwrap();
    if reduction != "none" {
        assert_close(&what, &[value], &numbers(&reference["value"]), tolerance);
    }
    assert_close(&format!("{what}: gradient"), &gradient, &numbers(&reference["grad"]), tolerance);
    assert_close(&format!("{what}: HVP"), &hvp, &numbers(&reference["hvp"]), tolerance);
}

#[test]
fn every_option_and_reduction() {
    let reference: Value = serde_json::from_str(REFERENCE).unwrap();
    let references = reference["cases"].as_array().unwrap();
    let cases = cases();
    for reference in references {
        let name = reference["name"].as_str().unwrap();
        let case = cases.iter().find(|case| case.name == name);
        check(case.unwrap_or_else(|| panic!("no case {name}")), reference);
    }
    assert_eq!(references.len(), 3 * cases.len());
}

#[test]
fn terms_are_not_reduced() {
    let reference: Value = serde_json::from_str(REFERENCE).unwrap();
    let references = reference["cases"].as_array().unwrap();
    for case in cases() {
        let unreduced = |r: &&Value| r["name"] == case.name && r["reduction"] == "none";
        let expected = references.iter().find(unreduced).unwrap();
        let tape = dualtape_autodiff::Tape::new();
        let constants = |arrays: &[Array<f64>]| -> Vec<Tensor<'_>> {
            arrays.iter().map(|array| tape.constant(array)).collect()
        };
        let each = (case.loss)(&constants(&case.inputs), &constants(&case.data)).each();
        assert_close(case.name, each.data(), &numbers(&expected["value"]), 64.0 * f64::EPSILON);
        assert!(tape.error().is_none());
    }
}

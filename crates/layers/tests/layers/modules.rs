//! Layouts, scopes, shapes and values of modules.

use dualtape_autodiff::{Array, Real, Tape, Tensor};
use dualtape_layers::{
    Activation, Dataset, Declaration, DecoderBlock, Error, Init, Linear, MeanOfSteps, Module,
    MultiHeadAttention, Network, Scope, Sequential, mean_squared_error, mlp, perceptron, predict,
    supervised,
};
use proptest::prelude::*;

use crate::support::{assert_close, rng, wave};

fn encoder_decoder<S: Real>() -> Sequential<S> {
    let encoder = mlp(&[4, 3, 2], Activation::Tanh);
    let decoder = Sequential::new().named("head", Linear::new(2, 3).without_bias());
    Sequential::new().named("encoder", encoder).then(Activation::Sigmoid).named("decoder", decoder)
}

#[test]
fn names_nest_and_follow_each_other() {
    let layout = encoder_decoder::<f64>().layout().unwrap();
    let parts = layout.parts();
    let views: Vec<_> =
        parts.iter().map(|part| (part.name(), part.shape().to_vec(), part.range())).collect();
    assert!(layout.iter().map(|view| view.name()).eq(parts.iter().map(|part| part.name())));
    assert_eq!(
        views,
        [
            ("encoder.0.weight", vec![3, 4], 0..12),
            ("encoder.0.bias", vec![3], 12..15),
            ("encoder.2.weight", vec![2, 3], 15..21),
            ("encoder.2.bias", vec![2], 21..23),
            ("decoder.head.weight", vec![3, 2], 23..29),
        ]
    );
    assert_eq!(layout.len(), 29);
    assert_eq!(layout.find("decoder.head.weight").unwrap().init(), Init::pytorch(2));
}

#[test]
fn nested_values_by_hand() {
    let model = encoder_decoder::<f64>();
    let layout = model.layout().unwrap();
    let theta = wave::<f64>(&[29], 0.8, 1.3).data().to_vec();
    let x = [0.3, -1.2, 0.7, 2.0];
    let get = |name| layout.view(&theta, name).unwrap();
    let affine = |w: &[f64], x: &[f64], b: &[f64]| -> Vec<f64> {
        let rows = w.chunks_exact(x.len()).zip(b);
        rows.map(|(w, b)| w.iter().zip(x).map(|(w, x)| w * x).sum::<f64>() + b).collect()
    };
    let h = affine(get("encoder.0.weight"), &x, get("encoder.0.bias"));
    let h: Vec<f64> = h.into_iter().map(f64::tanh).collect();
    let h = affine(get("encoder.2.weight"), &h, get("encoder.2.bias"));
    let h: Vec<f64> = h.into_iter().map(|z| 1.0 / (1.0 + (-z).exp())).collect();
    let expected = affine(get("decoder.head.weight"), &h, &[0.0; 3]);

    let y = predict(&model, &theta, &Array::new(&[1, 4], x.to_vec()).unwrap()).unwrap();
    assert_eq!(y.shape(), [1, 3]);
    assert_close("output", y.data(), &expected, 16.0 * f64::EPSILON);
}

#[test]
fn rows_of_a_batch_are_independent() {
    let model = mlp::<f64>(&[4, 6, 3], Activation::Silu);
    let theta = model.init(&mut rng(5));
    let batch = wave::<f64>(&[5, 4], 2.0, 0.7);
    let together = predict(&model, &theta, &batch).unwrap();
    assert_eq!(together.shape(), [5, 3]);
    for row in 0..5 {
        let one = Array::new(&[1, 4], batch.data()[4 * row..][..4].to_vec()).unwrap();
        let alone = predict(&model, &theta, &one).unwrap();
        let expected = &together.data()[3 * row..][..3];
        assert_close("row", alone.data(), expected, 16.0 * f64::EPSILON);
    }
}

#[test]
fn activations_by_formula() {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    type Formula<'a> = &'a dyn Fn(f64) -> f64;
    let cases: [(Activation, Formula); 7] = [
        (Activation::Identity, &|x| x),
        (Activation::Tanh, &f64::tanh),
        (Activation::Sigmoid, &sigmoid),
        (Activation::Relu, &|x| x.max(0.0)),
        (Activation::LeakyRelu { slope: 0.2 }, &|x| if x > 0.0 { x } else { 0.2 * x }),
        (Activation::Softplus, &|x| x.exp().ln_1p()),
        (Activation::Silu, &|x| x * sigmoid(x)),
    ];
    let x = wave::<f64>(&[2, 3, 2], 3.0, 0.9);
    for (activation, formula) in cases {
        let y = predict(&activation, &[], &x).unwrap();
        let expected: Vec<f64> = x.data().iter().map(|&x| formula(x)).collect();
        assert_eq!(y.shape(), x.shape());
        assert_close(&format!("{activation:?}"), y.data(), &expected, 8.0 * f64::EPSILON);
    }
}

#[test]
fn degenerate_networks_are_the_identity() {
    let x = wave::<f64>(&[2, 3], 1.0, 0.7);
    for widths in [&[][..], &[3]] {
        let model = mlp::<f64>(widths, Activation::Tanh);
        assert!(model.is_empty() && model.layout().unwrap().is_empty());
        assert_eq!(predict(&model, &[], &x).unwrap(), x);
    }
    let data = Dataset::new(x.clone(), x).unwrap();
    let refused = supervised(mlp(&[3], Activation::Tanh), &data, mean_squared_error).unwrap_err();
    assert_eq!(refused.to_string(), "the set of parameters to train must not be empty");
}

#[test]
fn summary_lists_layers_and_total() {
    assert_eq!(
        encoder_decoder::<f64>().summary(&[5, 4]).unwrap(),
        "layer         module                  output  parameters\n\
         encoder.0     Linear(4 → 3)           [5, 3]          15\n\
         encoder.1     Tanh                    [5, 3]           0\n\
         encoder.2     Linear(3 → 2)           [5, 2]           8\n\
         1             Sigmoid                 [5, 2]           0\n\
         decoder.head  Linear(2 → 3, no bias)  [5, 3]           6\n\
         total                                                 29\n"
    );
    let single = Module::<f64>::summary(&Linear::new(7, 2), &[1, 7]).unwrap();
    assert_eq!(single.lines().nth(1), Some("(model)  Linear(7 → 2)  [1, 2]          16"));
}

#[test]
fn arrays_beside_the_inputs_are_summarised_by_shape_and_missed_by_name() {
    let attention = MultiHeadAttention::new(4, 2);
    let cross = attention.clone().lengths_from("lengths");
    let model = Sequential::new()
        .named("look", DecoderBlock::new(attention, cross, 8))
        .then(MeanOfSteps::new().mask_from("mask"));
    let side: [(&str, &[usize]); 3] =
        [("memory", &[2, 3, 4]), ("lengths", &[2]), ("mask", &[2, 5])];
    let network = Network::<f64>::new(model.clone(), &mut rng(1)).unwrap();
    let summary = network.summary_with(&[2, 5, 4], &side).unwrap();
    assert!(summary.contains("look.multihead_attn"), "{summary}");
    assert!(summary.lines().any(|line| line.starts_with("1 ") && line.contains("[2, 4]")));
    assert_eq!(summary, model.summary_with(&[2, 5, 4], &side).unwrap());

    let x = wave(&[2, 5, 4], 1.0, 0.7);
    let missed = |error: Error| {
        let text = error.to_string();
        assert!(text.contains("Dataset::with_side") && text.contains("summary_with"), "{text}");
        let Error::NoSideInput { names, source } = error else { panic!("{text}") };
        assert!(text.starts_with(&source.to_string()));
        names
    };
    assert_eq!(missed(network.summary(&[2, 5, 4]).unwrap_err()), "mask`, `memory");
    assert_eq!(missed(network.summary_with(&[2, 5, 4], &side[..2]).unwrap_err()), "mask");
    assert_eq!(missed(network.predict(&x).unwrap_err()), "mask`, `memory");
    let data = Dataset::new(x.clone(), wave(&[2, 4], 1.0, 0.7)).unwrap();
    let refused = supervised(&model, &data, mean_squared_error).unwrap_err();
    assert_eq!(missed(refused), "mask`, `memory");
    // Given, but of another shape: the tape says which.
    let refused = network.summary_with(&[2, 5, 4], &[side[0], side[1], ("mask", &[5, 2])]);
    let refused = refused.unwrap_err();
    assert!(matches!(refused, Error::Autodiff(_)), "{refused}");
    assert!(refused.to_string().contains("[[5, 2]] do not fit a side input"), "{refused}");
}

#[derive(Debug)]
struct Twice;

impl<S: Real> Module<S> for Twice {
    fn declare(&self, declaration: &mut Declaration) {
        declaration.parameter("scale", &[1], Init::Constant(2.0));
        declaration.parameter("scale", &[2], Init::Zeros);
    }

    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        x * scope.parameter("scale")
    }
}

#[derive(Debug)]
struct Misspelt;

impl<S: Real> Module<S> for Misspelt {
    fn declare(&self, declaration: &mut Declaration) {
        declaration.parameter("factor", &[1], Init::Constant(2.0));
    }

    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        x * scope.parameter("facto")
    }
}

#[test]
fn names_that_are_double_or_unknown_are_refused() {
    let model = Sequential::<f64>::new().then(Linear::new(2, 2)).then(Twice);
    let double = Error::DuplicateParameter { name: "1.scale".into() };
    assert_eq!(model.layout(), Err(double.clone()));
    assert_eq!(predict(&model, &[], &wave(&[1, 2], 1.0, 1.0)), Err(double));

    let refused = predict(&Misspelt, &[2.0], &wave(&[1, 2], 1.0, 1.0)).unwrap_err();
    assert!(refused.to_string().contains("modules.rs"), "{refused}");

    let layout = perceptron::<f64>(2, 1, Activation::Relu).layout().unwrap();
    assert_eq!(
        layout.view(&[0.0; 3], "weight").unwrap_err().to_string(),
        "there is no parameter `weight`; the model has: 0.weight, 0.bias"
    );
    assert_eq!(
        layout.view(&[0.0; 4], "0.weight"),
        Err(Error::ParameterLength { got: 4, expected: 3 })
    );
}

#[test]
fn scopes_do_not_confuse_names_with_a_common_start() {
    let mut model = Sequential::<f64>::new();
    for _ in 0..11 {
        model = model.then(Linear::new(1, 1).without_bias());
    }
    // children 1 and 10 both start with "1"
    let theta: Vec<f64> = (0..11).map(|i| 1.0 + 0.1 * i as f64).collect();
    let product: f64 = theta.iter().product();
    let y = predict(&model, &theta, &Array::new(&[1, 1], vec![1.0]).unwrap()).unwrap();
    assert_close("product", y.data(), &[product], 11.0 * f64::EPSILON);
}

#[test]
fn a_vector_of_the_wrong_length_is_refused_by_the_tape() {
    let layout = Module::<f64>::layout(&Linear::new(2, 1)).unwrap();
    for length in [2, 4] {
        let tape = Tape::new();
        layout.bind(tape.constant(&wave::<f64>(&[length], 1.0, 1.0)));
        let error = tape.error().unwrap().to_string();
        assert!(error.contains(&format!("[[{length}], [3]]")), "{error}");
    }
}

#[test]
fn inputs_that_do_not_fit_are_refused_with_both_shapes() {
    let model = mlp(&[3, 4, 2], Activation::Tanh);
    let inputs = wave::<f64>(&[6, 5], 1.0, 0.3);
    let theta = model.init(&mut rng(1));
    let data = Dataset::new(inputs.clone(), wave(&[6, 2], 1.0, 0.2)).unwrap();
    let errors = [
        predict(&model, &theta, &inputs).unwrap_err(),
        supervised(&model, &data, mean_squared_error).unwrap_err(),
    ];
    for error in errors {
        let Error::Autodiff(dualtape_autodiff::Error::Shape { operation, shapes, .. }) = error
        else {
            panic!("{error:?}")
        };
        assert_eq!((operation, shapes), ("matmul", vec![vec![6, 5], vec![3, 4]]));
    }
}

fn widths() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1_usize..6, 2..6)
}

proptest! {
    /// Views tile the flat vector: writing each by name and reading all back loses and mixes nothing.
    #[test]
    fn layouts_tile_the_flat_vector(widths in widths(), bias in any::<bool>()) {
        let mut model = Sequential::<f64>::new();
        for pair in widths.windows(2) {
            let layer = Linear::new(pair[0], pair[1]);
            let layer = if bias { layer } else { layer.without_bias() };
            let name = format!("layer{}", model.len());
            model = model.named(&name, layer);
        }
        let layout = model.layout().unwrap();
        let mut theta = vec![f64::NAN; layout.len()];
        let mut written = Vec::new();
        for (number, view) in layout.iter().enumerate() {
            let entries = layout.view_mut(&mut theta, view.name()).unwrap();
            prop_assert_eq!(entries.len(), view.shape().iter().product::<usize>());
            for (k, entry) in entries.iter_mut().enumerate() {
                *entry = number as f64 + 0.001 * k as f64;
                written.push(*entry);
            }
        }
        prop_assert_eq!(&theta, &written);

        // what the tape hands out by name is what the layout has under that name
        let tape = Tape::new();
        let scope = layout.bind(tape.constant(&Array::vector(theta.clone())));
        for view in layout.iter() {
            let (layer, name) = view.name().split_once('.').unwrap();
            let tensor = scope.child(layer).parameter(name);
            prop_assert_eq!(tensor.shape(), view.shape());
            prop_assert_eq!(tensor.data(), layout.view(&theta, view.name()).unwrap());
        }
        prop_assert_eq!(tape.error(), None);
    }
}

//! Every layer, activation and loss has exact derivatives, and so have the objectives that are made of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use dualtape_autodiff::{Array, Tensor, Var};
use dualtape_layers::{
    Activation, AdaptiveAvgPool2d, AdaptiveMaxPool2d, AvgPool2d, BatchNorm2d, Bilinear, Conv2d,
    ConvTranspose2d, Dataset, Declaration, DecoderBlock, Dropout, Embedding, EncoderBlock, Flatten,
    GroupNorm, LayerNorm, LearnedPositions, Linear, LogSoftmax, MaxPool2d, MeanOfSteps, Mode,
    Module, MultiHeadAttention, Recurrent, Residual, RmsNorm, Scope, Sequential,
    SinusoidalPositions, Softmax, Supervised, binary_cross_entropy_with_logits, cnn, cross_entropy,
    l2_penalty, mean_squared_error, mlp, one_hot, supervised,
};
use dualtape_testing::strategies::{away_from, between};
use dualtape_testing::{Law, check, module, objective, tensor_loss, tensors};

const CASES: u32 = 12;

/// What follows this beginning on lines in a folder of the crate's sources, up to the next character that is not of a name.
fn names(folder: &str, beginning: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut folders =
        vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/layers/src").join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of the crate's sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(path).expect("a text");
            let rests = text.lines().filter_map(|line| line.strip_prefix(beginning));
            let name = |rest: &str| {
                rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned)
            };
            names.extend(rests.filter_map(name));
        }
    }
    names
}

/// That what was checked is what there is.
fn assert_all<'a>(checked: impl IntoIterator<Item = &'a str>, there_are: &BTreeSet<String>) {
    let checked: BTreeSet<String> = checked.into_iter().map(str::to_owned).collect();
    assert_eq!(&checked, there_are, "each layer and each loss needs a check here");
}

#[test]
fn every_activation() {
    for &activation in Activation::ALL {
        let kinks = away_from(between(-2.0, 2.0, 6), &[-1.0, 0.0, 1.0], 1e-2);
        let check = check(tensors(&[&[2, 3]], move |x| activation.apply(x[0])));
        if let Err(failure) = check.at(kinks).order(3).cases(CASES).check() {
            panic!("{activation:?}: {failure}");
        }
    }
}

type Loss = for<'t> fn(Tensor<'t>, Tensor<'t>) -> Var<'t>;

#[test]
fn every_loss() {
    let losses: [(&str, Loss); 3] = [
        ("mean_squared_error", |y, t| mean_squared_error(y, t)),
        ("cross_entropy", |y, t| cross_entropy(y, t)),
        ("binary_cross_entropy_with_logits", |y, t| binary_cross_entropy_with_logits(y, t)),
    ];
    for (name, loss) in &losses {
        // Targets vary too: a teacher's are functions of something.
        let check = check(tensor_loss(&[&[4, 3], &[4, 3]], move |x| loss(x[0], x[1])));
        if let Err(failure) = check.order(3).cases(CASES).check() {
            panic!("{name}: {failure}");
        }
    }
    check(tensor_loss(&[&[5]], |x| l2_penalty(x[0], 0.3))).order(3).cases(CASES).assert();
    let checked = losses.iter().map(|&(name, _)| name).chain(["l2_penalty"]);
    let metrics = ["accuracy", "predicted_labels"];
    assert_all(checked.chain(metrics), &names("losses", "pub fn "));
}

/// Numbers in disorder that are all at least 0.1 apart, so that no maximum of them is near another.
fn apart(n: usize) -> Vec<f64> {
    (0..n).map(|k| 0.1 * ((k * 37 + 11) % 101) as f64 - 3.0).collect()
}

#[test]
fn every_layer() -> Result<(), dualtape_layers::Error> {
    let mut checked = vec!["Sequential"];
    let mut check_layer = |name, model: &dyn Module<f64>, input: &[usize]| {
        checked.push(name);
        let subject = check(module(model, input)?).order(3).cases(CASES);
        let points = apart(model.layout()?.len() + input.iter().product::<usize>());
        let subject = if name.contains("Max") { subject.at_point(&points) } else { subject };
        let summary = subject.assert();
        assert!(summary.checked(Law::SecondOrder) > 0 && summary.checked(Law::ThirdOrder) > 0);
        Ok::<_, dualtape_layers::Error>(())
    };
    check_layer("Linear", &Linear::new(3, 2), &[4, 3])?;
    check_layer("Linear", &Linear::new(3, 2).without_bias(), &[1, 3])?;
    check_layer("Bilinear", &Bilinear::new(2, 1, 2), &[2, 3])?;
    check_layer("Activation", &Activation::Tanh, &[2, 3])?;
    check_layer("Softmax", &Softmax::new(1), &[2, 3])?;
    check_layer("LogSoftmax", &LogSoftmax::new(0), &[2, 3])?;
    let conv = Conv2d::new(2, 2, [2, 2]).stride([1, 2]).padding([1, 0]).groups(2);
    check_layer("Conv", &conv, &[1, 2, 2, 3])?;
    let transposed = ConvTranspose2d::new(1, 2, [2, 2]).stride([2, 1]).output_padding([1, 0]);
    check_layer("Conv", &transposed, &[1, 1, 2, 2])?;
    check_layer("MaxPool", &MaxPool2d::new([2, 2]).padding([1, 1]), &[1, 1, 3, 4])?;
    let mean = AvgPool2d::new([2, 2]).padding([1, 1]).without_padding_in_mean();
    check_layer("AvgPool", &mean, &[1, 1, 3, 4])?;
    check_layer("AdaptiveAvgPool", &AdaptiveAvgPool2d::new([2, 1]), &[1, 1, 3, 3])?;
    check_layer("AdaptiveMaxPool", &AdaptiveMaxPool2d::new([2, 1]), &[1, 1, 3, 3])?;
    check_layer("Flatten", &Flatten::new(), &[2, 2, 2])?;
    check_layer("Residual", &Residual::new(Linear::new(2, 2)), &[2, 2])?;
    check_layer("LayerNorm", &LayerNorm::new(&[4]), &[2, 4])?;
    check_layer("RmsNorm", &RmsNorm::new(&[3]), &[2, 3])?;
    check_layer("GroupNorm", &GroupNorm::new(2, 4), &[1, 4, 2])?;
    check_layer("BatchNorm", &BatchNorm2d::new(2), &[2, 2, 1, 2])?;
    check_layer("Dropout", &Dropout::new(0.5), &[2, 2])?;
    checked.push("Embedding"); // below
    checked.extend(LAYERS_FOR_SEQUENCES); // below
    let mut there_are = names("", "impl<S: Real> Module<S> for ");
    there_are.extend(names("", "impl<S: Real, const N: usize> Module<S> for "));
    assert_all(checked, &there_are);
    Ok(())
}

const LAYERS_FOR_SEQUENCES: [&str; 7] = [
    "Recurrent",
    "MultiHeadAttention",
    "EncoderBlock",
    "DecoderBlock",
    "LearnedPositions",
    "SinusoidalPositions",
    "MeanOfSteps",
];

/// A decoder whose memory is the beginning of its input.
#[derive(Debug)]
struct OwnMemory(DecoderBlock);

impl Module<f64> for OwnMemory {
    fn declare(&self, declaration: &mut Declaration) {
        Module::<f64>::declare(&self.0, declaration);
    }

    fn forward<'t>(&self, scope: &Scope<'t, f64>, x: Tensor<'t>) -> Tensor<'t> {
        self.0.decode(scope, x, x.slice(1, 0..2))
    }
}

#[test]
fn layers_for_sequences() -> Result<(), dualtape_layers::Error> {
    let mut checked = Vec::new();
    let mut check_layer = |name, model: &dyn Module<f64>, input: &[usize]| {
        checked.push(name);
        check(module(model, input)?).order(3).cases(CASES).assert();
        Ok::<_, dualtape_layers::Error>(())
    };
    check_layer("Recurrent", &Recurrent::rnn(2, 2).layers(2).bidirectional(), &[2, 3, 2])?;
    check_layer("Recurrent", &Recurrent::lstm(2, 3).projection(2).last(), &[2, 3, 2])?;
    check_layer("Recurrent", &Recurrent::gru(2, 2), &[2, 3, 2])?;
    let attention = MultiHeadAttention::new(4, 2);
    check_layer("MultiHeadAttention", &attention.clone().causal(), &[2, 3, 4])?;
    let encoder = EncoderBlock::new(attention.clone(), 3).activation(Activation::Gelu);
    check_layer("EncoderBlock", &encoder.pre_norm(), &[1, 3, 4])?;
    let decoder = DecoderBlock::new(attention.clone().causal(), attention, 3);
    let decoder = OwnMemory(decoder.activation(Activation::Gelu).pre_norm());
    check_layer("DecoderBlock", &decoder, &[1, 3, 4])?;
    check_layer("LearnedPositions", &LearnedPositions::new(4, 2), &[2, 3, 2])?;
    check_layer("SinusoidalPositions", &SinusoidalPositions, &[2, 3, 2])?;
    check_layer("MeanOfSteps", &MeanOfSteps::new(), &[2, 3, 2])?;
    assert_all(checked, &BTreeSet::from(LAYERS_FOR_SEQUENCES.map(str::to_owned)));
    Ok(())
}

#[test]
fn layers_in_training() -> Result<(), dualtape_layers::Error> {
    let check_layer = |model: &dyn Module<f64>, input: &[usize]| {
        let layout = model.layout()?;
        let forward = tensors(&[&[layout.len()], input], |x| {
            model.forward(&layout.bind_in(x[0], Mode::Train), x[1])
        });
        check(forward).order(3).cases(CASES).assert();
        Ok::<_, dualtape_layers::Error>(())
    };
    check_layer(&BatchNorm2d::new(2), &[2, 2, 1, 2])?;
    check_layer(&BatchNorm2d::new(2).without_affine(), &[3, 2])?;
    check_layer(&Dropout::new(0.5), &[2, 3])?;
    check_layer(&Dropout::new(0.5).of_channels(), &[2, 2, 2])?;

    // Words are not differentiated.
    let words = Array::new(&[2, 2], vec![2.0, 0.0, 1.0, 2.0])?;
    let table = Embedding::new(3, 2).padding_index(1);
    let layout = Module::<f64>::layout(&table)?;
    let rows = tensors(&[&[6]], |x| table.forward(&layout.bind(x[0]), x[0].constant(&words)));
    check(rows).order(3).cases(CASES).assert();
    Ok(())
}

#[test]
fn models_of_several_layers() -> Result<(), dualtape_layers::Error> {
    let inner = Sequential::new().then(Linear::new(3, 2)).then(Activation::Softplus);
    let nested = Sequential::new().named("encoder", inner).then(Linear::new(2, 2));
    let tied = nested.clone().tie("1.weight", "1.weight");
    for model in [&nested, &tied, &mlp(&[3, 4, 3], Activation::Sigmoid)] {
        check(module(model, &[3, 3])?).order(3).cases(CASES).assert();
    }
    let images = cnn([1, 4, 2], &[2], &[2], Activation::Softplus);
    check(module(&images, &[1, 1, 4, 2])?).order(2).cases(CASES).assert();
    Ok(())
}

#[test]
fn objectives_of_networks() -> Result<(), Box<dyn std::error::Error>> {
    let inputs = Array::new(&[3, 2], vec![0.1, 0.7, -0.4, 0.9, 1.2, -0.3])?;
    let data = Dataset::classification(inputs, &[0, 2, 1], 3)?;
    let model = mlp(&[2, 3, 3], Activation::Tanh);
    let plain = supervised(&model, &data, cross_entropy)?;
    check(objective(&plain)).cases(CASES).assert();
    let decayed = Supervised::new(&model, cross_entropy)?.weight_decay(0.1)?.function(&data)?;
    check(objective(&decayed)).cases(CASES).assert();
    assert_eq!(one_hot::<f64>(&[1], 2)?.data(), [0.0, 1.0]);
    Ok(())
}

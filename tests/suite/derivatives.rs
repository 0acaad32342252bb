//! Every layer, activation and loss has exact derivatives, and so have the objectives that are made of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use dualtape_autodiff::{Array, Tensor, Var};
use dualtape_layers::{
    AbsoluteError, Activation, AdaptiveAvgPool2d, AdaptiveMaxPool2d, AvgPool2d, BatchNorm2d,
    Bilinear, BinaryCrossEntropy, Conv2d, ConvTranspose2d, CosineEmbedding, CrossEntropy, Dataset,
    Declaration, DecoderBlock, Dropout, Embedding, EncoderBlock, Flatten, GaussianNll, GroupNorm,
    Hinge, Huber, KlDivergence, LayerNorm, LearnedPositions, Linear, LogSoftmax, MaxPool2d,
    MeanOfSteps, Mode, Module, MultiHeadAttention, MulticlassHinge, PoissonNll, Recurrent,
    Residual, RmsNorm, Scope, Sequential, SinusoidalPositions, Softmax, SquaredError, Supervised,
    TripletMargin, binary_cross_entropy_with_logits, cnn, cosine_distance, cross_entropy,
    elastic_net_penalty, gaussian_nll, hinge, huber, kl_divergence, l1_penalty, l2_penalty,
    mean_absolute_error, mean_squared_error, mlp, negative_log_likelihood, one_hot, poisson_nll,
    spectral_penalty, supervised, triplet_margin,
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

type Loss = for<'t> fn(&[Tensor<'t>]) -> Var<'t>;

/// A loss by its name in the sources, as a function of arrays of these shapes.
type LossCheck = (&'static str, &'static [&'static [usize]], Loss);

/// The labels of four examples.
fn labels<'t>(like: Tensor<'t>) -> Tensor<'t> {
    like.constant(&Array::vector(vec![2.0, 0.0, 1.0, 2.0]))
}

/// Targets ±1 of this shape.
fn signs<'t>(like: Tensor<'t>, shape: &[usize]) -> Tensor<'t> {
    let n = shape.iter().product();
    let signs = (0..n).map(|k| if k % 3 == 0 { 1.0 } else { -1.0 }).collect();
    like.constant(&Array::new(shape, signs).expect("a sign for each entry"))
}

const ONE: &[&[usize]] = &[&[4, 3]];
/// Targets vary too: a teacher's are functions of something.
const TWO: &[&[usize]] = &[&[4, 3], &[4, 3]];
const THREE: &[&[usize]] = &[&[4, 3], &[4, 3], &[4, 3]];

const LOSSES: &[LossCheck] = &[
    ("SquaredError", TWO, |x| SquaredError.terms(x[0], x[1]).sum()),
    ("AbsoluteError", TWO, |x| AbsoluteError.terms(x[0], x[1]).sum()),
    ("Huber", TWO, |x| Huber::new(0.7).terms(x[0], x[1]).sum()),
    ("Hinge", ONE, |x| Hinge::new().margin(0.8).terms(x[0], signs(x[0], &[4, 3])).sum()),
    ("MulticlassHinge", ONE, |x| {
        let loss = MulticlassHinge::new().class_weights(&[1.0, 2.0, 0.5]);
        loss.terms(x[0], labels(x[0])).sum()
    }),
    ("CrossEntropy", ONE, |x| {
        let loss = CrossEntropy::new().label_smoothing(0.1).class_weights(&[1.0, 2.0, 0.5]);
        loss.ignore_index(0).terms(x[0], labels(x[0])).mean()
    }),
    ("CrossEntropy", TWO, |x| {
        let loss = CrossEntropy::new().label_smoothing(0.1).class_weights(&[1.0, 2.0, 0.5]);
        loss.terms(x[0], x[1]).mean()
    }),
    ("BinaryCrossEntropy", TWO, |x| {
        let loss = BinaryCrossEntropy::new().weights(&[1.0, 2.0, 0.5]);
        loss.positive_weights(&[3.0]).terms(x[0], x[1].sigmoid()).mean()
    }),
    ("KlDivergence", TWO, |x| {
        KlDivergence::new().terms(x[0].log_softmax(1), x[1].softmax(1)).mean()
    }),
    ("KlDivergence", TWO, |x| {
        let log_target = KlDivergence::new().log_target();
        log_target.terms(x[0].log_softmax(1), x[1].log_softmax(1)).mean()
    }),
    ("PoissonNll", TWO, |x| PoissonNll::new().full().terms(x[0], x[1].exp() + 1.1).mean()),
    ("PoissonNll", TWO, |x| PoissonNll::new().of_rates(0.1).terms(x[0].exp(), x[1]).mean()),
    ("GaussianNll", THREE, |x| GaussianNll::new().full().terms(x[0], x[1].exp(), x[2]).mean()),
    ("CosineEmbedding", TWO, |x| {
        CosineEmbedding::new().margin(-0.9).terms(x[0] + 3.0, x[1] - 3.0, signs(x[0], &[4])).mean()
    }),
    ("TripletMargin", THREE, |x| {
        let loss = TripletMargin::new().margin(50.0).swap();
        loss.terms(x[0], x[1] + 9.0, x[2] * 0.5 - 9.0).mean()
    }),
    ("Terms", TWO, |x| SquaredError.terms(x[0], x[1]).weighted(x[1].exp()).batch_mean()),
    ("mean_squared_error", TWO, |x| mean_squared_error(x[0], x[1])),
    ("mean_absolute_error", TWO, |x| mean_absolute_error(x[0], x[1])),
    ("huber", TWO, |x| huber(x[0], x[1])),
    ("hinge", ONE, |x| hinge(x[0], signs(x[0], &[4, 3]))),
    ("cross_entropy", TWO, |x| cross_entropy(x[0], x[1])),
    ("negative_log_likelihood", ONE, |x| {
        negative_log_likelihood(x[0].log_softmax(1), labels(x[0]))
    }),
    ("binary_cross_entropy_with_logits", TWO, |x| binary_cross_entropy_with_logits(x[0], x[1])),
    ("kl_divergence", TWO, |x| kl_divergence(x[0].log_softmax(1), x[1].softmax(1))),
    ("poisson_nll", TWO, |x| poisson_nll(x[0], x[1])),
    ("gaussian_nll", THREE, |x| gaussian_nll(x[0], x[1].exp(), x[2])),
    ("cosine_distance", TWO, |x| cosine_distance(x[0] + 3.0, x[1] - 3.0)),
    ("triplet_margin", THREE, |x| triplet_margin(x[0] + 9.0, x[1], x[2] * 0.5 + 18.0)),
    ("l1_penalty", ONE, |x| l1_penalty(x[0], 0.3)),
    ("l2_penalty", ONE, |x| l2_penalty(x[0], 0.3)),
    ("elastic_net_penalty", ONE, |x| elastic_net_penalty(x[0], 0.2, 0.3)),
    ("spectral_penalty", ONE, |x| {
        let apart = [3.0, 0.0, 0.0, 0.0, 6.0, 0.0, 0.0, 0.0, 9.0, 0.0, 0.0, 0.0];
        let apart = Array::new(&[4, 3], apart.to_vec()).expect("twelve entries");
        spectral_penalty(x[0] * 0.25 + x[0].constant(&apart), 0.3)
    }),
];

#[test]
fn every_loss() {
    for &(name, shapes, loss) in LOSSES {
        let n = shapes.iter().map(|shape| shape.iter().product::<usize>()).sum();
        let check = check(tensor_loss(shapes, loss)).at(between(-2.0, 2.0, n));
        if let Err(failure) = check.order(3).cases(CASES / 2).check() {
            panic!("{name}: {failure}");
        }
    }
    let checked = LOSSES.iter().map(|&(name, ..)| name);
    let metrics = ["accuracy", "predicted_labels", "ConfusionMatrix", "RegressionScores"];
    let mut there_are = names("losses", "pub fn ");
    there_are.extend(names("losses", "pub struct "));
    assert_all(checked.chain(metrics), &there_are);
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

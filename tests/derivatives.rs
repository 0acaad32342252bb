//! Every layer, activation and loss has exact derivatives, and so have the objectives that are made of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use dualtape_autodiff::{Array, Tensor, Var};
use dualtape_layers::{
    Activation, Dataset, Linear, Module, Sequential, Supervised, binary_cross_entropy_with_logits,
    cross_entropy, l2_penalty, mean_squared_error, mlp, one_hot, supervised,
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
        let kinks = away_from(between(-2.0, 2.0, 6), &[0.0], 1e-2);
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

#[test]
fn every_layer() -> Result<(), dualtape_layers::Error> {
    let mut checked = vec!["Sequential"];
    let mut check_layer = |name, model: &dyn Module<f64>, input: &[usize]| {
        checked.push(name);
        let summary = check(module(model, input)?).order(3).cases(CASES).assert();
        assert!(summary.checked(Law::SecondOrder) > 0 && summary.checked(Law::ThirdOrder) > 0);
        Ok::<_, dualtape_layers::Error>(())
    };
    check_layer("Linear", &Linear::new(3, 2), &[4, 3])?;
    check_layer("Linear", &Linear::new(3, 2).without_bias(), &[1, 3])?;
    check_layer("Activation", &Activation::Tanh, &[2, 3])?;
    assert_all(checked, &names("", "impl<S: Real> Module<S> for "));

    let inner = Sequential::new().then(Linear::new(3, 2)).then(Activation::Softplus);
    let nested = Sequential::new().named("encoder", inner).then(Linear::new(2, 2));
    let tied = nested.clone().tie("1.weight", "1.weight");
    for model in [&nested, &tied, &mlp(&[3, 4, 3], Activation::Sigmoid)] {
        check(module(model, &[3, 3])?).order(3).cases(CASES).assert();
    }
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

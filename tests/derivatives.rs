//! Every layer, activation and loss has exact derivatives, and so have the objectives that are made of them.

use std::fs;
use std::path::Path;

use dualtape_autodiff::{Array, Tensor, Var};
use dualtape_layers::{
    Activation, Dataset, Linear, Module, Sequential, binary_cross_entropy_with_logits,
    cross_entropy, l2_penalty, mean_squared_error, mlp, one_hot, supervised, supervised_with_decay,
};
use dualtape_testing::strategies::{away_from, between};
use dualtape_testing::{Law, check, module, objective, tensor_loss, tensors};

const CASES: u32 = 12;

/// How many lines in the sources of the layers begin with this, in files of which the name ends so.
fn lines(file_name: &str, beginning: &str) -> usize {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/layers/src");
    let files = fs::read_dir(sources)
        .expect("the crate's sources")
        .map(|file| file.expect("an entry").path());
    let texts =
        files.filter(|path| path.to_string_lossy().ends_with(file_name)).map(fs::read_to_string);
    texts
        .map(|text| {
            text.expect("a text").lines().filter(|line| line.starts_with(beginning)).count()
        })
        .sum()
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
    for (name, loss) in losses {
        // Targets vary too: a teacher's are functions of something.
        let check = check(tensor_loss(&[&[4, 3], &[4, 3]], move |x| loss(x[0], x[1])));
        if let Err(failure) = check.order(3).cases(CASES).check() {
            panic!("{name}: {failure}");
        }
    }
    check(tensor_loss(&[&[5]], |x| l2_penalty(x[0], 0.3))).order(3).cases(CASES).assert();
    assert_eq!(lines("losses.rs", "pub fn "), losses.len() + 1);
}

#[test]
fn every_layer() -> Result<(), dualtape_layers::Error> {
    let check_module = |model: &dyn Module<f64>, input: &[usize]| {
        let summary = check(module(model, input)?).order(3).cases(CASES).assert();
        assert!(summary.checked(Law::SecondOrder) > 0 && summary.checked(Law::ThirdOrder) > 0);
        Ok::<_, dualtape_layers::Error>(())
    };
    check_module(&Linear::new(3, 2), &[4, 3])?;
    check_module(&Linear::new(3, 2).without_bias(), &[1, 3])?;
    check_module(&Activation::Tanh, &[2, 3])?;
    let inner = Sequential::new().then(Linear::new(3, 2)).then(Activation::Softplus);
    check_module(&Sequential::new().named("encoder", inner).then(Linear::new(2, 2)), &[3, 3])?;
    check_module(&mlp(&[2, 4, 3], Activation::Sigmoid), &[5, 2])?;
    assert_eq!(lines(".rs", "impl<S: Real> Module<S> for "), 3);
    Ok(())
}

#[test]
fn objectives_of_networks() -> Result<(), Box<dyn std::error::Error>> {
    let inputs = Array::new(&[3, 2], vec![0.1, 0.7, -0.4, 0.9, 1.2, -0.3])?;
    let data = Dataset::classification(inputs, &[0, 2, 1], 3)?;
    let model = mlp(&[2, 3, 3], Activation::Tanh);
    let plain = supervised(&model, &data, cross_entropy)?;
    check(objective(&plain)).cases(CASES).assert();
    let decayed = supervised_with_decay(&model, &data, cross_entropy, 0.1)?;
    check(objective(&decayed)).cases(CASES).assert();
    assert_eq!(one_hot::<f64>(&[1], 2)?.data(), [0.0, 1.0]);
    Ok(())
}

//! Training that is interrupted goes on as if it had not been.

use std::fs;
use std::ops::ControlFlow;

use dualtape_autodiff::{Real, Tensor};
use dualtape_layers::{
    Activation, Batch, Clip, Declaration, Ended, Epoch, Error, Init, Linear, Mode, Module, Network,
    Noise, Scope, Sequential, Trainer, cosine, cross_entropy, with_learning_rate,
};

use super::files::Temporary;
use crate::support::{Descent, classes, rng};

/// Drops half of its inputs in training and counts the steps.
#[derive(Debug)]
struct Forgetful;

impl<S: Real> Module<S> for Forgetful {
    fn declare(&self, declaration: &mut Declaration) {
        declaration.buffer("steps", &[], Init::Zeros);
    }

    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        if scope.mode() == Mode::Eval {
            return x;
        }
        scope.update("steps", scope.buffer("steps") + S::one());
        x * scope.noise(Noise::Bernoulli(0.5), x.shape()) * S::constant(2.0)
    }
}

fn model() -> Sequential<f64> {
    Sequential::new()
        .then(Linear::new(2, 8))
        .then(Activation::Tanh)
        .then(Forgetful)
        .then(Linear::new(8, 3))
}

fn network() -> Network<f64> {
    Network::new(model(), &mut rng(2)).unwrap()
}

fn trainer<'f>() -> Trainer<'f, f64> {
    Trainer::new(cross_entropy).epochs(9).batch_size(7).seed(11).schedule(cosine(0.1))
}

#[test]
fn training_goes_on_to_the_same_bits() {
    let (data, held_out) = (classes(24), classes(10));
    let trainer = || trainer().validation(&held_out).early_stopping(6);
    let (mut whole, mut descent) = (network(), Descent::new(0.4));
    let expected = trainer().fit(&mut whole, &mut descent, &data).unwrap();
    assert_eq!(whole.buffers(), [expected.kept_epoch() as f64 * 4.0]);

    let file = Temporary::new("resume.safetensors");
    let mut interrupted = network();
    trainer()
        .checkpoint(&file.0)
        .on_epoch(|epoch, _| match epoch.epoch {
            4 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        })
        .fit(&mut interrupted, &mut Descent::new(0.4), &data)
        .unwrap();

    // another process: another network, another optimizer, even with another learning rate
    let mut resumed = Network::new(model(), &mut rng(99)).unwrap();
    let mut fresh = Descent::new(123.0);
    let history = trainer().resume(&file.0).fit(&mut resumed, &mut fresh, &data).unwrap();
    assert_eq!(resumed.parameters(), whole.parameters());
    assert_eq!(resumed.buffers(), whole.buffers());
    assert_eq!(history.ended(), Ended::Epochs);
    let timeless = |history: &dualtape_layers::History| {
        let epochs = history.epochs().iter();
        epochs.map(|&e| dualtape_layers::Epoch { seconds: 0.0, ..e }).collect::<Vec<_>>()
    };
    assert_eq!(timeless(&history), timeless(&expected));
    assert_eq!(history.gradient_flow(), expected.gradient_flow());
    assert_eq!(history.kept_epoch(), expected.kept_epoch());
}

#[test]
fn the_weights_are_there_after_each_epoch() {
    let file = Temporary::new("each.safetensors");
    let mut trained = network();
    trainer()
        .checkpoint(&file.0)
        .on_epoch(|_, network| {
            let mut saved = Network::new(model(), &mut rng(1)).unwrap();
            saved.load(&file.0).unwrap();
            assert_eq!(saved.parameters(), network.parameters());
            ControlFlow::Continue(())
        })
        .fit(&mut trained, &mut Descent::new(0.1), &classes(24))
        .unwrap();
}

/// What could not be written after the first epoch is refused before it.
#[test]
fn useless_paths_are_refused_before_the_first_epoch() {
    for path in ["", "/", "/no/such/folder/weights"] {
        let mut trained = with_learning_rate(0.1, |_: &Batch<'_, f64>, _: &mut [f64], _| {
            panic!("a step was taken")
        });
        let trainer = trainer().checkpoint(path);
        let error = trainer.fit(&mut network(), &mut trained, &classes(24)).unwrap_err();
        assert!(matches!(error, Error::File { .. }), "{error}");
    }
}

/// As many epochs as it takes, until something else ends the training.
#[test]
fn epochs_need_not_be_counted() {
    let stop = |epoch: &Epoch, _: &Network<f64>| match epoch.epoch {
        2 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let trainer = trainer().epochs(usize::MAX).on_epoch(stop);
    let history = trainer.fit(&mut network(), &mut Descent::new(0.1), &classes(24)).unwrap();
    assert_eq!(history.ended(), Ended::Callback);
    // a schedule over all of them is still where it starts
    assert_eq!(history.last().unwrap().learning_rate, Some(0.1));
}

/// Two trainings on one path would mix their files, also where a link is another name of the weights, or the weights of one are
/// the state of the other: the later one is told so, and the first goes on.
#[cfg(unix)]
#[test]
fn trainings_do_not_share_their_files() {
    let file = Temporary::new("shared.safetensors");
    let data = classes(24);
    let link = Temporary::new("shared-link.safetensors");
    std::os::unix::fs::symlink(&file.0, &link.0).unwrap();
    let mut state = file.0.clone().into_os_string();
    state.push(".training");
    let paths = [file.0.clone(), link.0.clone(), state.into()];
    let train = |trainer: Trainer<'_, f64>, path: &std::path::Path| {
        trainer.checkpoint(path).fit(&mut network(), &mut Descent::new(0.1), &data)
    };
    let others = |_: &Epoch, _: &Network<f64>| {
        for other in &paths {
            let error = train(trainer(), other).unwrap_err();
            let named = matches!(&error, Error::InUse { path } if other.ends_with(path));
            assert!(named, "{error}");
        }
        ControlFlow::Continue(())
    };
    let history = train(trainer().on_epoch(others), &file.0);
    assert_eq!(history.unwrap().epochs().len(), 9);
    // afterwards the files are free
    train(trainer().epochs(1), &link.0).unwrap();
}

#[test]
fn states_that_do_not_fit_are_refused() {
    let file = Temporary::new("misfit.safetensors");
    let data = classes(24);
    let mut trained = network();
    let short = || trainer().epochs(2);
    short().checkpoint(&file.0).fit(&mut trained, &mut Descent::new(0.1), &data).unwrap();

    let refusal = |trainer: Trainer<'_, f64>, network: &mut Network<f64>| {
        let before = network.parameters().to_vec();
        let error =
            trainer.resume(&file.0).fit(network, &mut Descent::new(0.1), &data).unwrap_err();
        assert_eq!(network.parameters(), before);
        error
    };
    let seed = refusal(trainer().seed(12), &mut network());
    assert!(
        seed.to_string()
            .ends_with("the file is of a training with another seed: its seed is `11`, not `12`")
    );
    let batch = refusal(trainer().batch_size(8), &mut network()).to_string();
    assert!(batch.ends_with("another batch size: its batch size is `7`, not `8`"), "{batch}");
    let clip = refusal(trainer().clip(Clip::Norm(2.5)), &mut network()).to_string();
    assert!(clip.ends_with("clipping: its clipping is `none`, not `to a norm of 2.5`"), "{clip}");
    let mut frozen = network();
    frozen.freeze("0").unwrap();
    assert!(refusal(trainer(), &mut frozen).to_string().contains("is of another model"));

    let training = file
        .0
        .with_file_name(format!("{}.training", file.0.file_name().unwrap().to_string_lossy()));
    let whole = fs::read(&training).unwrap();
    for length in (0..whole.len()).step_by(101) {
        fs::write(&training, &whole[..length]).unwrap();
        assert!(matches!(refusal(trainer(), &mut network()), Error::Resume { .. }));
    }
    let says = |from: &[u8], to: &[u8]| {
        let (mut changed, length) = (whole.clone(), from.len());
        let at = changed.windows(length).position(|text| text == from).unwrap();
        changed.splice(at..at + length, to.iter().copied());
        fs::write(&training, changed).unwrap();
        refusal(trainer(), &mut network()).to_string()
    };
    let late = says(b"\"best epoch\":\"0\"", b"\"best epoch\":\"9\"");
    assert!(late.contains("its best epoch is 9 of 2"), "{late}");
    fs::remove_file(&training).unwrap();
    assert!(matches!(refusal(trainer(), &mut network()), Error::File { .. }));
}

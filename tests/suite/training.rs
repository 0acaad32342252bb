//! The optimizers in the training loop.

use std::ops::ControlFlow;
use std::path::PathBuf;

use dualtape::prelude::*;
use dualtape_layers::Optimizer;
use dualtape_optimizers::stochastic::sources::{HutchinsonDiagonal, NewtonCg as NewtonCgDirection};
use dualtape_optimizers::{AdaHessian, OnEachBatch, Soap, Sophia};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

fn data() -> Dataset<f32> {
    let inputs = (0..40 * 6).map(|i| (0.7 * i as f32).sin()).collect();
    let labels: Vec<usize> = (0..40).map(|i| i * i % 3).collect();
    Dataset::classification(Array::new(&[40, 6], inputs).unwrap(), &labels, 3).unwrap()
}

fn network() -> Network<f32> {
    Network::new(mlp(&[6, 8, 3], Activation::Tanh), &mut ChaCha8Rng::seed_from_u64(4)).unwrap()
}

/// Interrupted after some epochs and resumed by `fresh`, training ends at the same bits.
fn assert_resumes<O: Optimizer<f32>>(name: &str, fresh: impl Fn() -> O) {
    let trainer = || Trainer::new(cross_entropy).epochs(8).batch_size(12).seed(3);
    let (data, mut whole) = (data(), network());
    let history = trainer().fit(&mut whole, &mut fresh(), &data).unwrap();
    assert!(history.last().unwrap().loss < history.epochs()[0].loss, "{name}");

    let file: PathBuf =
        std::env::temp_dir().join(format!("dualtape-{}-{name}", std::process::id()));
    let mut interrupted = network();
    let stop = |epoch: &dualtape_layers::Epoch, _: &Network<f32>| match epoch.epoch {
        3 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let first = trainer().checkpoint(&file).on_epoch(stop);
    first.fit(&mut interrupted, &mut fresh(), &data).unwrap();
    let mut resumed = network();
    trainer().resume(&file).fit(&mut resumed, &mut fresh(), &data).unwrap();
    assert_eq!(resumed.parameters(), whole.parameters(), "{name}");

    for suffix in ["", ".training"] {
        let mut path = file.clone().into_os_string();
        path.push(suffix);
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn first_order_methods_resume_to_the_same_bits() {
    assert_resumes("adam", || Adam::new(0.02));
    assert_resumes("amsgrad", || Adam::new(0.02).amsgrad(true).decoupled_weight_decay(0.01));
    assert_resumes("momentum", || Sgd::new(0.1).momentum(0.9).nesterov(true));
    assert_resumes("soap", || Soap::new(0.02).matrix(0..48, 8, 6).matrix(56..80, 3, 8));
}

#[test]
fn rules_fed_with_curvature_resume_to_the_same_bits() {
    assert_resumes("adahessian", || AdaHessian::new(0.02));
    assert_resumes("sophia", || {
        Sophia::new(0.02).with_source(HutchinsonDiagonal::default().every(3))
    });
    assert_resumes("newton-cg", || Sgd::new(0.3).with_source(NewtonCgDirection::default()));
}

#[test]
fn a_second_order_method_sees_the_curvature_of_the_batch() {
    let mut network = network();
    let mut newton = OnEachBatch(NewtonCg::default().max_iterations(1).max_lanczos_steps(1));
    let trainer = Trainer::new(cross_entropy).epochs(12);
    let history = trainer.fit(&mut network, &mut newton, &data()).unwrap();
    let losses: Vec<f64> = history.epochs().iter().map(|epoch| epoch.loss).collect();
    assert!(losses.windows(2).all(|pair| pair[1] <= pair[0]), "{losses:?}");

    // one iteration of each of twelve runs goes where one run of twelve iterations goes
    let model = mlp(&[6, 8, 3], Activation::Tanh);
    let objective = supervised(&model, &data(), cross_entropy).unwrap();
    let mut theta = self::network().parameters().to_vec();
    let mut whole = NewtonCg::default().max_iterations(12).max_lanczos_steps(1);
    let report = whole.minimize(&objective, &mut theta).unwrap();
    let end = objective.value(network.parameters()).unwrap();
    assert!(end <= 1.5 * report.value.max(1e-4), "{end} against {}", report.value);
}

#[test]
fn a_state_of_another_method_is_refused() {
    let saved = Adam::new(0.1_f32).state();
    let error = Sgd::new(0.1_f32).restore(&saved).unwrap_err();
    assert!(
        error.to_string().contains("a list `first`, which this method does not keep"),
        "{error}"
    );
    let mut trained = Adam::new(0.1_f32);
    trained.step(&mut [1.0, 2.0], &[0.5, -1.0]).unwrap();
    let error = Sgd::new(0.1).momentum(0.9).restore(&trained.state()).unwrap_err();
    assert!(error.to_string().contains("it has no `momentum`"), "{error}");
}

/// Groups by name hold the parameters that they were given, whatever is frozen, and so do views of a layout; what was learnt of
/// a parameter waits while that is frozen.
#[test]
fn groups_are_by_name_through_freezing() {
    let model = || {
        Network::<f32>::new(mlp(&[6, 4, 8, 3], Activation::Tanh), &mut ChaCha8Rng::seed_from_u64(4))
            .unwrap()
    };
    let held = || Adam::new(0.0);
    let whole = model();
    let view = whole.layout().find("2.weight").unwrap();
    for mut adam in [Adam::new(0.05).group("2.weight", held()), Adam::new(0.05).group(view, held())]
    {
        let mut network = model();
        let mut train = |network: &mut Network<f32>| {
            let before = network.clone();
            Trainer::new(cross_entropy).epochs(2).fit(network, &mut adam, &data()).unwrap();
            let moved = |name: &str| {
                let (now, before) =
                    (network.parameter(name).unwrap(), before.parameter(name).unwrap());
                now.iter().zip(before).filter(|(now, before)| now != before).count()
            };
            let counts =
                ["0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias"].map(moved);
            (counts, adam.state())
        };
        assert_eq!(train(&mut network).0, [24, 4, 0, 8, 24, 3]);
        network.freeze("0").unwrap();
        assert_eq!(train(&mut network).0, [0, 0, 0, 8, 24, 3]);
        network.freeze("4.weight").unwrap();
        network.unfreeze("0.bias").unwrap();
        assert_eq!(train(&mut network).0, [0, 4, 0, 8, 0, 3]);
        network.unfreeze("0").unwrap();
        let (moved, state) = train(&mut network);
        assert_eq!(moved, [24, 4, 0, 8, 0, 3]);
        let steps = ["0.weight", "0.bias", "2.bias", "4.weight"]
            .map(|name| state[&format!("steps/{name}")][0]);
        assert_eq!((steps, state["steps"][0]), ([4.0, 6.0, 8.0, 4.0], 8.0));
    }

    let mut network = model();
    network.freeze("0").unwrap();
    let mut by_place = Adam::new(0.05).group(0..24, held());
    let error = Trainer::new(cross_entropy).fit(&mut network, &mut by_place, &data()).unwrap_err();
    assert!(error.to_string().contains("meant by their places"), "{error}");
    assert_eq!(network.parameters(), model().parameters());
}

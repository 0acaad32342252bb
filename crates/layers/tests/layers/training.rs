//! The training loop.

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dualtape_autodiff::{Array, Tensor, Var};
use dualtape_layers::{
    Activation, Batch, Clip, CrossEntropy, Dataset, Ended, Error, Flow, Linear, Module, Moment,
    Network, Optimizer, OptimizerError, Scope, Sequential, Trainer, accuracy, cosine,
    cross_entropy, l2_penalty, mean_squared_error, mlp, on_plateau, one_cycle, predicted_labels,
    step_decay, supervised, table, warm_up, with_learning_rate,
};

use crate::support::{Descent, assert_close, classes, rng};

fn network(seed: u64) -> Network<f64> {
    Network::new(mlp(&[2, 6, 3], Activation::Tanh), &mut rng(seed)).unwrap()
}

#[test]
fn full_batches_take_the_steps_of_a_loop_by_hand() {
    let (data, mut trained) = (classes(20), network(1));
    let f = supervised(mlp(&[2, 6, 3], Activation::Tanh), &data, cross_entropy).unwrap();
    let mut theta = trained.parameters().to_vec();
    let (mut losses, mut velocity) = (Vec::new(), vec![0.0; theta.len()]);
    for _ in 0..7 {
        losses.push(f.value(&theta).unwrap());
        let gradient = f.gradient(&theta).unwrap();
        for ((x, v), g) in theta.iter_mut().zip(&mut velocity).zip(gradient) {
            *v = 0.5 * *v + g;
            *x -= 0.3 * *v;
        }
    }
    let history =
        Trainer::new(cross_entropy).epochs(7).fit(&mut trained, &mut Descent::new(0.3), &data);
    let history = history.unwrap();
    assert_eq!(trained.parameters(), theta);
    assert_eq!(history.epochs().iter().map(|epoch| epoch.loss).collect::<Vec<_>>(), losses);
    let norm = |g: Vec<f64>| g.iter().map(|g| g * g).sum::<f64>().sqrt();
    let first = norm(f.gradient(network(1).parameters()).unwrap());
    assert!((history.epochs()[0].gradient_norm.unwrap() - first).abs() < 1e-14);
    assert_eq!((history.ended(), history.kept_epoch()), (Ended::Epochs, 7));
}

#[test]
fn batches_are_shuffled_by_the_seed_and_cover_all_examples() {
    let data = classes(23);
    let sizes = RefCell::new(Vec::new());
    let run = |seed| {
        let mut trained = network(1);
        let mut descent = Descent::new(0.1);
        let mut noted = |batch: &Batch<'_, f64>, theta: &mut [f64]| {
            sizes.borrow_mut().push(batch.len());
            dualtape_layers::Optimizer::step(&mut descent, batch, theta)
        };
        let trainer = Trainer::new(cross_entropy).epochs(3).batch_size(10).seed(seed);
        trainer.fit(&mut trained, &mut noted, &data).unwrap();
        trained.parameters().to_vec()
    };
    assert_eq!(run(4), run(4));
    assert_ne!(run(4), run(5));
    assert_eq!(sizes.borrow()[..9], [10, 10, 3, 10, 10, 3, 10, 10, 3]);
}

#[test]
fn penalties_validation_and_metrics_are_what_they_say() {
    let (data, held_out) = (classes(20), classes(9));
    let mut trained = network(2);
    let start = trained.clone();
    let epoch = *Trainer::new(cross_entropy)
        .penalty(|scope| scope.penalty("weight", |w| l2_penalty(w, 0.1)))
        .epochs(1)
        .validation(&held_out)
        .metric(|outputs, targets| accuracy(outputs, &predicted_labels(targets)?))
        .fit(&mut trained, &mut Descent::new(0.2), &data)
        .unwrap()
        .last()
        .unwrap();
    let loss = |network: &Network<f64>, data: &Dataset<f64>| {
        let f = supervised(network.module(), data, cross_entropy).unwrap();
        f.value(network.parameters()).unwrap()
    };
    let decay: f64 = ["0.weight", "2.weight"]
        .map(|name| start.parameter(name).unwrap().iter().map(|w| w * w).sum::<f64>())
        .iter()
        .sum();
    assert!((epoch.loss - loss(&start, &data) - 0.05 * decay).abs() < 1e-14);
    assert!((epoch.validation_loss.unwrap() - loss(&trained, &held_out)).abs() < 1e-14);
    let right = |network: &Network<f64>, data: &Dataset<f64>| {
        let outputs = network.predict(data.inputs()).unwrap();
        accuracy(&outputs, &predicted_labels(data.targets()).unwrap()).unwrap()
    };
    assert_eq!(epoch.metric, Some(right(&start, &data)));
    assert_eq!(epoch.validation_metric, Some(right(&trained, &held_out)));
}

#[test]
fn early_stopping_gives_back_the_best_epoch() {
    let (data, held_out) = (classes(12), classes(30));
    let mut trained = network(3);
    let seen = RefCell::new(Vec::new());
    // A learning rate at which the loss goes up and down.
    let history = Trainer::new(cross_entropy)
        .epochs(400)
        .validation(&held_out)
        .early_stopping(5)
        .on_epoch(|epoch, network| {
            seen.borrow_mut().push((epoch.validation_loss.unwrap(), network.parameters().to_vec()));
            ControlFlow::Continue(())
        })
        .fit(&mut trained, &mut Descent::new(12.0), &data)
        .unwrap();
    let seen = seen.into_inner();
    assert_eq!(history.ended(), Ended::EarlyStopping);
    let best = history.best().unwrap().epoch;
    assert_eq!((history.kept_epoch(), history.epochs().len()), (best, best + 5));
    assert_eq!(trained.parameters(), seen[best - 1].1);
    assert!(seen.iter().all(|(loss, _)| *loss >= seen[best - 1].0));
}

#[test]
fn a_callback_ends_training() {
    let history = Trainer::new(cross_entropy)
        .on_epoch(|epoch, _| match epoch.epoch {
            3 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        })
        .fit(&mut network(3), &mut Descent::new(0.1), &classes(12))
        .unwrap();
    assert_eq!((history.epochs().len(), history.ended()), (3, Ended::Callback));
}

#[test]
fn clipping_shortens_gradients_and_leaves_the_report_alone() {
    let data = classes(20);
    let step = |clip: Option<Clip>| {
        let mut trained = network(1);
        let trainer = Trainer::new(cross_entropy).epochs(1);
        let trainer = match clip {
            Some(clip) => trainer.clip(clip),
            None => trainer,
        };
        let history = trainer.fit(&mut trained, &mut Descent::new(1.0), &data).unwrap();
        let start = network(1);
        let moved = start.parameters().iter().zip(trained.parameters()).map(|(a, b)| a - b);
        (moved.collect::<Vec<f64>>(), history.last().unwrap().gradient_norm.unwrap())
    };
    let (gradient, norm) = step(None);
    let (clipped, reported) = step(Some(Clip::Norm(0.01)));
    assert_eq!(reported, norm);
    let expected: Vec<f64> = gradient.iter().map(|g| g * 0.01 / norm).collect();
    assert_close("clipped", &clipped, &expected, 1e-12);
    let (clipped, _) = step(Some(Clip::Value(0.02)));
    let expected: Vec<f64> = gradient.iter().map(|g| g.clamp(-0.02, 0.02)).collect();
    assert_close("clipped", &clipped, &expected, 1e-12);
    assert!(expected.contains(&0.02) && gradient.iter().any(|g| g.abs() < 0.02));
    let refused = Trainer::new(cross_entropy).clip(Clip::Norm(0.0)).fit(
        &mut network(1),
        &mut Descent::new(1.0),
        &data,
    );
    assert_eq!(refused.unwrap_err().to_string(), "the bound of clipping must be positive; got 0");
}

/// Of value 0, with no derivative.
fn root_of_zero<'t>(z: Tensor<'t>, _: Tensor<'t>) -> Var<'t> {
    (z * 0.0).sqrt().sum()
}

#[test]
fn clipping_hides_no_missing_derivative() {
    let mut trained = network(1);
    let trainer = Trainer::new(root_of_zero).epochs(1).clip(Clip::Value(0.02));
    let _ = trainer.fit(&mut trained, &mut Descent::new(1.0), &classes(20));
    let moved =
        network(1).parameters().iter().zip(trained.parameters()).any(|(a, b)| (a - b).abs() > 0.0);
    assert!(!moved, "NaN must not become a step of the bound's length");
}

#[test]
fn the_report_tells_vanishing_gradients() {
    let deep = mlp::<f64>(&[2, 4, 4, 4, 4, 4, 4, 4, 3], Activation::Sigmoid);
    let mut network = Network::new(deep, &mut rng(1)).unwrap();
    for name in ["2.weight", "4.weight", "6.weight", "8.weight", "10.weight"] {
        network.parameter_mut(name).unwrap().iter_mut().for_each(|w| *w *= 0.2);
    }
    network.freeze("14.bias").unwrap();
    let trainer = Trainer::new(cross_entropy).epochs(2);
    let history = trainer.fit(&mut network, &mut Descent::new(0.1), &classes(20)).unwrap();
    let flow = history.gradient_flow();
    assert_eq!(flow.len(), 15);
    assert_eq!((flow[0].name.as_str(), flow[0].verdict), ("0.weight", Flow::Vanishing));
    assert_eq!((flow[14].name.as_str(), flow[14].verdict), ("14.weight", Flow::Healthy));
}

#[test]
fn frozen_parameters_stay() {
    let mut trained = network(6);
    let before = trained.parameters().to_vec();
    trained.freeze("0").unwrap();
    Trainer::new(cross_entropy).fit(&mut trained, &mut Descent::new(0.5), &classes(20)).unwrap();
    assert_eq!(trained.parameters()[..18], before[..18]);
    assert!(trained.parameters()[18..].iter().zip(&before[18..]).all(|(a, b)| a != b));
}

#[test]
fn a_loss_that_is_lost_ends_training_and_keeps_the_network() {
    let data = Dataset::new(table(&[[1.0], [2.0]]).unwrap(), table(&[[1.0], [2.0]]).unwrap());
    let mut line = Network::new(mlp(&[1, 1], Activation::Tanh), &mut rng(1)).unwrap();
    let trainer = Trainer::new(mean_squared_error).epochs(5000);
    let last = RefCell::new(Vec::new());
    let trainer = trainer.on_epoch(|_, network| {
        *last.borrow_mut() = network.parameters().to_vec();
        ControlFlow::Continue(())
    });
    let error = trainer.fit(&mut line, &mut Descent::new(3.0), &data.unwrap()).unwrap_err();
    assert!(matches!(error, Error::Diverged { epoch, .. } if epoch > 10), "{error}");
    assert_eq!(line.parameters(), *last.borrow());

    let mut failing =
        |_: &Batch<'_, f64>, _: &mut [f64]| -> Result<f64, OptimizerError> { Err("enough".into()) };
    let error = Trainer::new(cross_entropy).fit(&mut network(1), &mut failing, &classes(12));
    assert_eq!(error.unwrap_err().to_string(), "the optimizer says: enough");
    let zero = Trainer::new(cross_entropy).batch_size(0);
    let error = zero.fit(&mut network(1), &mut Descent::new(0.1), &classes(12)).unwrap_err();
    assert_eq!(error, Error::BatchSize);
}

#[test]
fn an_update_sees_the_clipped_gradient_of_a_finite_loss_only() {
    let (data, mut trained) = (classes(20), network(3));
    let start = trained.parameters().to_vec();
    let calls = AtomicUsize::new(0);
    let mut checked = |batch: &Batch<'_, f64>, theta: &mut [f64]| {
        let mut expected = vec![f64::NAN; theta.len()];
        let loss = batch.value_and_gradient_into(theta, &mut expected)?;
        // Within an update one may ask for another: each has memory of its own.
        let same = batch.update(theta, |theta, gradient| {
            assert_eq!(gradient, expected);
            batch.update(theta, |_, inner| {
                assert_eq!(inner, expected);
                Ok(())
            })?;
            assert_eq!(gradient, expected);
            theta.iter_mut().for_each(|x| *x = f64::INFINITY);
            Ok(())
        })?;
        assert_eq!(same, loss);
        calls.fetch_add(1, Ordering::Relaxed);
        batch.update(theta, |_, _| panic!("the loss is lost"))
    };
    let result = Trainer::new(cross_entropy).epochs(1).clip(Clip::Value(0.01)).fit(
        &mut trained,
        &mut checked,
        &data,
    );
    assert!(matches!(result, Err(Error::Diverged { epoch: 1, step: 0, .. })), "{result:?}");
    assert_eq!((trained.parameters(), calls.into_inner()), (&start[..], 1));
    let mut refuses =
        |batch: &Batch<'_, f64>, theta: &mut [f64]| batch.update(theta, |_, _| Err("no".into()));
    let result = Trainer::new(cross_entropy).fit(&mut trained, &mut refuses, &data);
    assert!(matches!(result, Err(Error::Optimizer { message }) if message == "no"));
}

#[test]
fn schedules_have_their_shapes() {
    let rates = |schedule: &dyn Fn(&Moment<'_>) -> f64, epochs: usize| -> Vec<f64> {
        let (mut trained, mut descent) = (network(1), Descent::new(0.5));
        let trainer = Trainer::new(cross_entropy).epochs(epochs).schedule(schedule);
        let history = trainer.fit(&mut trained, &mut descent, &classes(12)).unwrap();
        assert_eq!(descent.rate, 0.5, "the base rate is given back");
        history.epochs().iter().map(|epoch| epoch.learning_rate.unwrap() / 0.5).collect()
    };
    let close = |got: &[f64], expected: &[f64]| assert_close("rates", got, expected, 1e-14);
    close(
        &rates(&cosine(0.1), 4),
        &[1.0, 0.1 + 0.9 * 0.853_553_390_593_273_8, 0.55, 0.1 + 0.9 * 0.146_446_609_406_726_2],
    );
    close(&rates(&step_decay(2, 0.1), 5), &[1.0, 1.0, 0.1, 0.1, 0.01]);
    close(&rates(&warm_up(3, |_| 2.0), 5), &[2.0 / 3.0, 4.0 / 3.0, 2.0, 2.0, 2.0]);
    let cycle = rates(&one_cycle(), 10);
    close(&[cycle[0], cycle[2], cycle[9]], &[0.04, 1.0, 4e-6]);
    assert!(cycle[..3].is_sorted() && cycle[2..].is_sorted_by(|a, b| a > b));
    // A rate of 0 never improves after the first epoch.
    let stuck = rates(&|now| 0.0 * on_plateau(2, 0.5)(now), 8);
    assert_eq!(stuck, [0.0; 8]);
    let seen = RefCell::new(Vec::new());
    rates(
        &|now| {
            seen.borrow_mut().push(on_plateau(2, 0.5)(now));
            0.0
        },
        7,
    );
    assert_eq!(seen.into_inner(), [1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25]);
}

/// A batch in which no label counts has no mean loss, which is not the fault of the learning rate.
#[test]
fn a_batch_in_which_nothing_counts_is_named() {
    let points: Vec<[f64; 2]> = (0..12).map(|i| [(0.7 * i as f64).sin(), 0.1 * i as f64]).collect();
    let labels = |counted: usize| -> Vec<[f64; 1]> {
        (0..12).map(|i| if i < counted { [(i % 3) as f64] } else { [-100.0] }).collect()
    };
    let train = |counted: usize| {
        let targets = Array::vector(labels(counted).concat());
        let data = Dataset::new(table(&points).unwrap(), targets).unwrap();
        let mut trained = network(1);
        let loss = CrossEntropy::new().ignore_index(-100);
        let trainer = Trainer::new(move |z, t| loss.terms(z, t).mean()).epochs(3);
        (trainer.fit(&mut trained, &mut Descent::new(0.1), &data), trained)
    };
    let (result, trained) = train(0);
    let error = result.unwrap_err();
    assert!(matches!(error, Error::UndefinedLoss { epoch: 1, step: 0 }), "{error}");
    assert!(error.to_string().contains("all labels ignored"), "{error}");
    assert_eq!(trained.parameters(), network(1).parameters());
    train(1).0.unwrap();
}

/// A setting that the optimizer at hand would leave without effect is refused, and nothing is trained.
#[test]
fn no_setting_is_ignored() {
    let (data, mut trained) = (classes(12), network(1));
    let start = trained.parameters().to_vec();
    let mut descent = |batch: &Batch<'_, f64>, theta: &mut [f64]| {
        batch.update(theta, |theta, gradient| {
            theta.iter_mut().zip(gradient).for_each(|(x, g)| *x -= 0.5 * g);
            Ok(())
        })
    };
    let trainer = Trainer::new(cross_entropy).epochs(4).schedule(|_| 0.0);
    let error = trainer.fit(&mut trained, &mut descent, &data).unwrap_err();
    assert!(matches!(error, Error::NoEffect { setting: "schedule", .. }), "{error}");
    assert!(error.to_string().contains("give a closure one by `with_learning_rate`"), "{error}");
    assert_eq!(trained.parameters(), start);

    // With a rate, the schedule is that of the rate.
    let mut rates = Vec::new();
    let mut scheduled = with_learning_rate(0.5, |batch, theta: &mut [f64], rate| {
        rates.push(rate);
        batch.update(theta, |theta, gradient| {
            theta.iter_mut().zip(gradient).for_each(|(x, g)| *x -= rate * g);
            Ok(())
        })
    });
    trainer.fit(&mut trained, &mut scheduled, &data).unwrap();
    assert_eq!(Optimizer::<f64>::learning_rate(&scheduled), Some(0.5));
    drop(scheduled);
    assert_eq!((rates, trained.parameters()), (vec![0.0; 4], &start[..]));

    // One that evaluates the function itself has no gradient to be clipped.
    let mut by_itself = |batch: &Batch<'_, f64>, theta: &mut [f64]| {
        let gradient = batch.function().gradient(theta)?;
        theta.iter_mut().zip(gradient).for_each(|(x, g)| *x -= 0.5 * g);
        Ok(batch.function().value(theta)?)
    };
    let trainer = Trainer::new(cross_entropy).clip(Clip::Norm(1.0));
    let error = trainer.fit(&mut trained, &mut by_itself, &data).unwrap_err();
    assert!(matches!(error, Error::NoEffect { setting: "clip", .. }), "{error}");
    assert_eq!(trained.parameters(), start);
    trainer.fit(&mut trained, &mut descent, &data).unwrap();
}

#[test]
fn the_history_is_a_table() {
    let history = Trainer::new(cross_entropy)
        .epochs(2)
        .fit(&mut network(1), &mut Descent::new(0.1), &classes(12))
        .unwrap();
    let csv = history.to_csv();
    let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines[0][..4], ["epoch", "steps", "loss", "metric"]);
    assert!(lines.len() == 3 && lines.iter().all(|line| line.len() == 9));
    assert_eq!(lines[2][2].parse::<f64>().unwrap(), history.epochs()[1].loss);
    assert_eq!((lines[2][1], lines[2][3], lines[2][6]), ("2", "", "0.1"));
    let array = Array::<f64>::zeros(&[1, 2]);
    assert_eq!(network(1).predict(&array).unwrap().shape(), [1, 3]);
}

/// Counts how often it runs.
#[derive(Debug)]
struct Counting(Arc<AtomicUsize>);

impl Module<f64> for Counting {
    fn forward<'t>(&self, _: &Scope<'t, f64>, x: Tensor<'t>) -> Tensor<'t> {
        self.0.fetch_add(1, Ordering::Relaxed);
        x
    }
}

#[test]
fn each_shape_of_a_batch_is_recorded_once() {
    let runs = Arc::new(AtomicUsize::new(0));
    let model = Sequential::new().then(Counting(Arc::clone(&runs))).then(Linear::new(2, 3));
    let mut network = Network::new(model, &mut rng(1)).unwrap();
    let counts = RefCell::new(Vec::new());
    let held_out = classes(9);
    Trainer::new(cross_entropy)
        .epochs(6)
        .batch_size(10)
        .validation(&held_out)
        .on_epoch(|_, _| {
            counts.borrow_mut().push(runs.load(Ordering::Relaxed));
            ControlFlow::Continue(())
        })
        .fit(&mut network, &mut Descent::new(0.1), &classes(23))
        .unwrap();
    // batches of 10 and of 3, and the validation data: each is run once to see what it asks for, and recorded
    assert_eq!(counts.into_inner(), [6; 6]);
}

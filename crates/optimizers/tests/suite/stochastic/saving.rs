//! Saving and going on: to the same bits, or not at all.

use dualtape_optimizers::prelude::*;
use dualtape_optimizers::stochastic::sources::{HutchinsonDiagonal, Lbfgs, Newton, NewtonCg};
use dualtape_optimizers::stochastic::{Rule, Source};
use dualtape_optimizers::{
    AdaHessian, Adadelta, Adagrad, Adam, Adamax, ByHand, Error, Lion, NAdam, RAdam, RmsProp,
    SavedState, Sgd, Shampoo, Soap, Sophia, Stepper, StopReason, cosine, warm_up,
};

use super::{N, quartic, start};

/// Steps on `f` without and with an interruption end at the same bits, as do steps in one group of all parameters, and in a
/// `Minimizer`'s run.
fn assert_the_same_bits<R: Rule<f64>, C: Source<f64>>(
    name: &str,
    fresh: impl Fn() -> Stepper<'static, f64, R, C>,
) {
    let f = quartic();
    let run = |method: &mut Stepper<'_, f64, R, C>, x: &mut [f64], steps: usize| {
        for _ in 0..steps {
            method.step_on(x, &f).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    };
    let (mut method, mut whole) = (fresh(), start());
    run(&mut method, &mut whole, 9);
    assert!(f.value(&whole).unwrap() < f.value(&start()).unwrap(), "{name}");

    let (mut method, mut x) = (fresh(), start());
    run(&mut method, &mut x, 4);
    let saved = method.state();
    let mut other = fresh();
    other.restore(&saved).unwrap();
    assert_eq!(other.state(), saved, "{name}");
    run(&mut other, &mut x, 5);
    assert_eq!((&x, other.steps()), (&whole, 9), "{name} resumed");

    for missing in saved.keys() {
        let mut part = saved.clone();
        part.remove(missing);
        assert!(fresh().restore(&part).is_err(), "{name} without {missing}");
    }

    let (mut method, mut x) = (fresh().group(0..N, fresh()), start());
    run(&mut method, &mut x, 9);
    assert_eq!(x, whole, "{name} in one group");

    let mut last = Vec::new();
    let mut method = fresh().max_iterations(9).gradient_tolerance(0.0).on_iteration(|it| {
        last = it.x.to_vec();
        std::ops::ControlFlow::Continue(())
    });
    // What it learnt before a run is forgotten.
    run(&mut method, &mut start(), 2);
    let report = method.minimize(&f, &mut start()).unwrap();
    assert_eq!(report.stop, StopReason::MaxIterations);
    drop(method);
    assert_eq!(last, whole, "{name} minimising");
}

#[test]
fn every_method_resumes_to_the_same_bits() {
    assert_the_same_bits("sgd", || Sgd::new(0.02));
    assert_the_same_bits("momentum", || Sgd::new(0.02).momentum(0.9).dampening(0.2));
    assert_the_same_bits("adagrad", || Adagrad::new(0.1));
    assert_the_same_bits("adadelta", || Adadelta::new(1.0));
    assert_the_same_bits("rmsprop", || RmsProp::new(0.01).centered(true).momentum(0.5));
    assert_the_same_bits("adam", || Adam::new(0.02).amsgrad(true).decoupled_weight_decay(0.01));
    assert_the_same_bits("nadam", || NAdam::new(0.02));
    assert_the_same_bits("radam", || RAdam::new(0.02).betas(0.8, 0.9));
    assert_the_same_bits("adamax", || Adamax::new(0.02).weight_decay(0.01));
    assert_the_same_bits("lion", || Lion::new(0.01));
    assert_the_same_bits("adahessian", || {
        AdaHessian::new(0.05).with_source(HutchinsonDiagonal::default().samples(2).every(2).seed(5))
    });
    assert_the_same_bits("sophia", || {
        Sophia::new(0.02).with_source(HutchinsonDiagonal::default().every(3))
    });
    let matrices = |method: Stepper<'static, f64, _>| method.matrix(1..13, 3, 4);
    assert_the_same_bits("shampoo", || matrices(Shampoo::new(0.05).root_interval(2)));
    assert_the_same_bits("soap", || Soap::new(0.05).matrix(1..13, 3, 4).basis_interval(2));
    assert_the_same_bits("clipped", || {
        Adam::new(0.05).clip_norm(0.3).schedule(20, warm_up(3, cosine(0.1))).on_plateau(1, 0.5)
    });
    assert_the_same_bits("newton-cg with momentum", || {
        Sgd::new(0.1).momentum(0.5).with_source(NewtonCg::default().damping(2.0))
    });
    assert_the_same_bits("stochastic l-bfgs", || {
        Sgd::new(0.02).with_source(Lbfgs::default().interval(2).pairs(2))
    });
    assert_the_same_bits("newton with adam", || {
        Adam::new(0.02).with_source(Newton::default().gradient_share(0.1))
    });
}

/// A state of other settings is refused with both numbers, before and after the first step.
fn assert_other_settings_are_refused<R: Rule<f64>, C: Source<f64>>(
    setting: &str,
    [saved, here]: [f64; 2],
    mut was: Stepper<'_, f64, R, C>,
    mut is: Stepper<'_, f64, R, C>,
) {
    let f = quartic();
    for steps in [0, 3] {
        let mut x = start();
        for _ in 0..steps {
            was.step_on(&mut x, &f).unwrap();
        }
        let before = is.state();
        let error = is.restore(&was.state()).unwrap_err();
        let Error::SavedSetting { name, saved: a, here: b } = error else { panic!("{error}") };
        assert_eq!((name, a, b), (setting, saved, here));
        assert_eq!(is.state(), before, "{setting}");
    }
}

#[test]
fn a_state_of_other_settings_is_refused() {
    use assert_other_settings_are_refused as refused;
    let adam = || Adam::new(0.02);
    refused("beta1", [0.9, 0.8], adam(), adam().betas(0.8, 0.999));
    refused("beta2", [0.999, 0.99], adam(), adam().betas(0.9, 0.99));
    refused("epsilon", [1e-8, 1e-6], adam(), adam().epsilon(1e-6));
    refused("weight_decay", [0.1, 0.0], adam().weight_decay(0.1), adam());
    let decoupled = adam().decoupled_weight_decay(0.1);
    refused("decoupled_weight_decay", [1.0, 0.0], decoupled, adam().weight_decay(0.1));
    refused("clip_norm", [f64::INFINITY, 1.0], adam(), adam().clip_norm(1.0));
    refused("clip_value", [2.0, 1.0], adam().clip_value(2.0), adam().clip_value(1.0));
    refused("patience", [2.0, 3.0], adam().on_plateau(2, 0.5), adam().on_plateau(3, 0.5));
    refused("decay", [0.5, 0.4], adam().on_plateau(2, 0.5), adam().on_plateau(2, 0.4));
    let group = |rate| adam().group(0..2, Adam::new(rate));
    refused("relative_rate", [0.5, 0.25], group(0.01), group(0.005));
    refused("group", [2.0, 3.0], group(0.02), adam().group(0..3, adam()));
    let second = |beta| adam().group(0..2, adam().betas(0.9, beta));
    refused("beta2", [0.99, 0.9], second(0.99), second(0.9));
    let sgd = || Sgd::new(0.02).momentum(0.9);
    refused("momentum", [0.9, 0.8], sgd(), sgd().momentum(0.8));
    refused("dampening", [0.0, 0.1], sgd(), sgd().dampening(0.1));
    refused("nesterov", [0.0, 1.0], sgd(), sgd().nesterov(true));
    refused("rho", [0.99, 0.9], RmsProp::new(0.01), RmsProp::new(0.01).rho(0.9));
    refused("momentum_decay", [4e-3, 0.0], NAdam::new(0.02), NAdam::new(0.02).momentum_decay(0.0));
    refused("beta1", [0.9, 0.8], Lion::new(0.01), Lion::new(0.01).betas(0.8, 0.99));
    let soap = |rows, columns| Soap::new(0.05).matrix(1..13, rows, columns);
    refused("matrix", [3.0, 4.0], soap(3, 4), soap(4, 3));
    let probes = |seed| AdaHessian::new(0.05).with_source(HutchinsonDiagonal::default().seed(seed));
    refused("seed", [5.0, 6.0], probes(5), probes(6));
    refused("seed", [0.0, 1.0], probes(5), probes(5 + (1 << 32)));
    let lbfgs = |pairs| Sgd::new(0.02).with_source(Lbfgs::default().interval(2).pairs(pairs));
    refused("pairs", [3.0, 4.0], lbfgs(3), lbfgs(4));
    let newton = |damping| Sgd::new(0.1).with_source(NewtonCg::default().damping(damping));
    refused("damping", [2.0, 1.0], newton(2.0), newton(1.0));

    // The learning rate may change between steps, and is that of the state.
    let mut saved = adam();
    saved.set_learning_rate(0.5);
    let mut other = adam();
    other.restore(&saved.state()).unwrap();
    assert_eq!(other.learning_rate(), 0.5);
    // Lists of the same names do not make one method of another.
    let lion = Lion::new(0.01).state();
    assert!(matches!(sgd().restore(&lion), Err(Error::ForeignState { .. })));
}

/// What must be refused of a state, and what was missing.
fn refusal<R: Rule<f64>, C: Source<f64>>(
    mut method: Stepper<'_, f64, R, C>,
    saved: &SavedState,
    list: &str,
    numbers: &[f64],
) -> &'static str {
    let (mut state, before) = (saved.clone(), method.state());
    state.insert(list.to_owned(), numbers.to_vec());
    let error = method.restore(&state).unwrap_err();
    assert_eq!(method.state(), before, "{list}: {numbers:?}");
    match error {
        Error::SavedState { missing } => missing,
        other => panic!("{list}, {numbers:?}: {other}"),
    }
}

#[test]
fn a_state_that_is_wrong_about_its_size_is_refused_without_memory_for_it() {
    let fresh = || Adam::new(0.1).group(1..2, Adam::new(0.2)).on_plateau(3, 0.5);
    let mut adam = fresh();
    adam.step(&mut [1.0, 2.0, 3.0], &[0.1, -0.2, 0.3]).unwrap();
    let saved = adam.state();
    // Adam would need two lists of 8 petabytes.
    for count in [1e15, 2f64.powi(53), 4.0, 2.0] {
        assert_eq!(refusal(fresh(), &saved, "parameters", &[count]), "first", "{count}");
    }
    for count in [f64::INFINITY, 1e300, f64::NAN, -1.0, 2.5] {
        for list in ["parameters", "steps"] {
            assert_eq!(refusal(fresh(), &saved, list, &[count]), list, "{count}");
        }
    }
    assert_eq!(refusal(fresh(), &saved, "steps", &[1.0, 1.0]), "steps");
    assert_eq!(refusal(fresh(), &saved, "second", &[0.5; 4]), "second");
    assert_eq!(refusal(fresh(), &saved, "plateau", &[0.5; 2]), "plateau");
    let mut state = saved.clone();
    state.insert("parameters".to_owned(), vec![0.0]);
    assert!(matches!(fresh().restore(&state), Err(Error::Setting { name: "group", .. })));
    // Saved before the first step, there are no parameters, and no numbers of them.
    let adam = || Adam::new(0.1);
    assert_eq!(refusal(adam(), &adam().state(), "second", &[0.5]), "second");

    // Nothing is kept of each parameter here, so that the count is found out by the next step.
    let mut sgd = Sgd::new(0.1);
    let mut state = sgd.state();
    state.insert("parameters".to_owned(), vec![1e15]);
    sgd.restore(&state).unwrap();
    let error = sgd.step(&mut [1.0; 3], &[1.0; 3]).unwrap_err();
    assert!(matches!(error, Error::Length { got: 3, .. }), "{error}");

    // A plateau that has waited longer than it can goes on to wait.
    let mut late = saved.clone();
    late.insert("plateau".to_owned(), vec![0.0, f64::INFINITY, 1.0]);
    let mut method = fresh();
    method.restore(&late).unwrap();
    method
        .step_on(&mut [0.5; 3], &ByHand::new(3, |_: &[f64], _: &mut [f64]| 1.0, |_, _, _| {}))
        .unwrap();
    assert_eq!(method.state()["plateau"], [0.0, 0.0, 0.5]);
}

#[test]
fn pairs_that_do_not_fit_are_refused() {
    let f = quartic();
    let fresh = |pairs| Sgd::new(0.02).with_source(Lbfgs::default().interval(2).pairs(pairs));
    let (mut method, mut x) = (fresh(3), start());
    for _ in 0..9 {
        method.step_on(&mut x, &f).unwrap();
    }
    let saved = method.state();
    let memory = &saved["lbfgs_memory"];
    assert_eq!(memory.len(), 1 + 3 * 2 * N);
    assert_eq!(refusal(fresh(2), &saved, "steps", &[9.0]), "lbfgs_memory");
    let shorter = &memory[..memory.len() - 1];
    assert_eq!(refusal(fresh(3), &saved, "lbfgs_memory", shorter), "lbfgs_memory");
    assert_eq!(refusal(fresh(3), &saved, "lbfgs_memory", &[]), "lbfgs_memory");
    for gamma in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(refusal(fresh(3), &saved, "lbfgs_memory", &[gamma]), "lbfgs_memory");
    }
    assert_eq!(refusal(fresh(3), &saved, "lbfgs_mean", &[0.5; N - 1]), "lbfgs_mean");
    // Of other parameters than the rule's.
    let mut state = saved.clone();
    for (list, numbers) in [("memory", vec![1.0]), ("sum", vec![0.5; 2]), ("mean", vec![])] {
        state.insert(format!("lbfgs_{list}"), numbers);
    }
    let mut other = fresh(3);
    other.restore(&state).unwrap();
    let error = other.step_on(&mut x, &f).unwrap_err();
    assert!(matches!(error, Error::Length { got: N, expected: 2, .. }), "{error}");
}

//! The methods with a fixed rule: steps against PyTorch's and against transcriptions of what was published, groups.

mod names;
mod saving;

use dualtape_autodiff::{Function, record};
use dualtape_optimizers::stochastic::Rule;
use dualtape_optimizers::stochastic::rules::Grafting;
use dualtape_optimizers::stochastic::sources::{HutchinsonDiagonal, Lbfgs, Newton, NewtonCg};
use dualtape_optimizers::{
    AdaHessian, Adadelta, Adagrad, Adam, Adamax, ByHand, CurvatureMatrix, Error, Lion, NAdam,
    RAdam, RmsProp, Sgd, Shampoo, Soap, Sophia, Stepper,
};
use serde_json::Value;

use crate::regressions::numbers;
use crate::support::assert_close;

const N: usize = 19;

/// A quartic in neighbours, with saddle points and many minima.
fn quartic() -> Function<'static> {
    record(&start())
        .function(|x| {
            let wells = x.iter().enumerate().map(|(i, &x)| {
                let t = i as f64;
                let (a, b) = (0.5 + 0.1 * ((7 * i) % 11) as f64, 1.2 + 0.25 * t.sin());
                0.25 * a * (x * x - b).powi(2)
            });
            let pairs = x.windows(2).enumerate();
            let coupling = pairs.map(|(i, p)| 0.3 * (2.0 * i as f64 + 1.0).cos() * p[0] * p[1]);
            wells.chain(coupling).sum()
        })
        .unwrap()
}

fn start() -> Vec<f64> {
    (0..N).map(|i| 1.5 * (0.7 * i as f64 + 0.3).sin()).collect()
}

/// What is known of the points after some steps of one method.
struct Reference {
    data: Value,
    seen: Vec<String>,
}

impl Reference {
    fn new() -> Self {
        let data = serde_json::from_str(include_str!("../data/stochastic.json")).unwrap();
        Reference { data, seen: Vec::new() }
    }

    /// Takes the steps with `step(k, x)`, `k` from 1, and compares.
    fn check(&mut self, name: &str, mut step: impl FnMut(u64, &mut [f64])) {
        let runs = self.data["runs"].as_array().unwrap();
        let run = runs.iter().find(|run| run["name"] == name).unwrap_or_else(|| panic!("{name}"));
        let known = numbers(&self.data["steps"]);
        let mut points = known.iter().map(|&k| k as u64).zip(run["x"].as_array().unwrap());
        let (mut x, mut k) = (start(), 0);
        let mut next = points.next();
        while let Some((at, want)) = next {
            k += 1;
            step(k, &mut x);
            if k == at {
                // Roots and bases of singular matrices magnify rounding.
                let singular = name.starts_with("shampoo") || name == "soap";
                let tolerance = if singular { 1e-9 } else { 1e-12 };
                assert_close(&x, &numbers(want), tolerance, &format!("{name}, step {k}"));
                next = points.next();
            }
        }
        self.seen.push(name.to_owned());
    }

    fn check_gradients<R: Rule<f64>>(&mut self, name: &str, mut method: Stepper<'_, f64, R>) {
        let f = quartic();
        self.check(name, |_, x| method.step(x, &f.gradient(x).unwrap()).unwrap());
    }
}

/// The sign vector of step `k` in the reference runs.
fn signs(k: u64) -> Vec<f64> {
    (0..N as u64).map(|j| if (j * j + k).is_multiple_of(3) { -1.0 } else { 1.0 }).collect()
}

fn hvp(f: &Function<'_>, x: &[f64], v: &[f64]) -> Vec<f64> {
    let mut product = vec![0.0; x.len()];
    f.hvp_into(x, v, &mut product).unwrap();
    product
}

/// `z ⊙ ∇²f(x) z`.
fn estimate(f: &Function<'_>, x: &[f64], k: u64) -> Vec<f64> {
    let z = signs(k);
    hvp(f, x, &z).iter().zip(&z).map(|(h, z)| h * z).collect()
}

#[test]
fn steps_are_those_of_pytorch_and_of_the_published_algorithms() {
    let mut reference = Reference::new();
    let r = &mut reference;
    let sgd = || Sgd::new(0.05).momentum(0.8).weight_decay(0.1);
    r.check_gradients("sgd momentum dampening decay", sgd().dampening(0.3));
    r.check_gradients("sgd nesterov decay", sgd().nesterov(true));
    let adagrad = Adagrad::new(0.1).learning_rate_decay(0.05).initial_sum(0.2).weight_decay(0.1);
    r.check_gradients("adagrad", adagrad);
    r.check_gradients("adadelta", Adadelta::new(0.7).rho(0.8).weight_decay(0.1));
    let rmsprop = || RmsProp::new(0.01);
    r.check_gradients("rmsprop", rmsprop().rho(0.9).weight_decay(0.1));
    r.check_gradients("rmsprop momentum", rmsprop().momentum(0.7));
    r.check_gradients("rmsprop centered", rmsprop().rho(0.9).centered(true));
    let all = rmsprop().rho(0.9).centered(true).momentum(0.7).weight_decay(0.1);
    r.check_gradients("rmsprop centered momentum", all);
    r.check_gradients("adam decay", Adam::new(0.05).betas(0.8, 0.95).weight_decay(0.1));
    let amsgrad = || Adam::new(0.05).betas(0.8, 0.7).amsgrad(true);
    r.check_gradients("adam amsgrad", amsgrad());
    r.check_gradients("adamw amsgrad", amsgrad().decoupled_weight_decay(0.1));
    let nadam = NAdam::new(0.05).betas(0.8, 0.95).momentum_decay(0.01).weight_decay(0.1);
    r.check_gradients("nadam decay", nadam);
    r.check_gradients("nadam decoupled", NAdam::new(0.05).decoupled_weight_decay(0.1));
    r.check_gradients("radam decay", RAdam::new(0.05).betas(0.8, 0.95).weight_decay(0.1));
    r.check_gradients("radam decoupled", RAdam::new(0.05).decoupled_weight_decay(0.1));
    r.check_gradients("adamax", Adamax::new(0.05).betas(0.8, 0.9).weight_decay(0.1));
    let groups = Adam::new(0.05)
        .decoupled_weight_decay(0.1)
        .group(4..11, Adam::new(0.02).betas(0.5, 0.9).decoupled_weight_decay(0.0));
    r.check_gradients("adamw groups", groups);
    r.check_gradients("lion", Lion::new(0.05).decoupled_weight_decay(0.1));

    let shampoo = || Shampoo::new(0.05).matrix(1..13, 3, 4).matrix(13..18, 5, 1).epsilon(1e-6);
    r.check_gradients("shampoo", shampoo());
    let averages = shampoo()
        .betas(0.9, 0.9)
        .root_interval(3)
        .grafting(Grafting::Adam { beta2: 0.9, epsilon: 1e-8 });
    r.check_gradients("shampoo averages adam", averages);
    r.check_gradients("shampoo sgd", shampoo().grafting(Grafting::Sgd));
    r.check_gradients("shampoo alone", shampoo().grafting(Grafting::None));
    let soap = Soap::new(0.03).betas(0.9, 0.95).basis_interval(3).matrix(1..13, 3, 4);
    r.check_gradients("soap", soap.decoupled_weight_decay(0.1));

    let f = quartic();
    let adahessian = || AdaHessian::new(0.1).betas(0.9, 0.99).decoupled_weight_decay(0.1);
    let mut method = adahessian();
    r.check("adahessian", |k, x| {
        let (gradient, diagonal) = (f.gradient(x).unwrap(), estimate(&f, x, k));
        method.step_with_diagonal(x, &gradient, Some(&diagonal)).unwrap();
    });
    let mut method = adahessian().hessian_power(0.5).average_over(2..14, 3);
    r.check("adahessian power averaged", |k, x| {
        let (gradient, diagonal) = (f.gradient(x).unwrap(), estimate(&f, x, k));
        method.step_with_diagonal(x, &gradient, Some(&diagonal)).unwrap();
    });
    let mut method = Sophia::new(0.05).betas(0.96, 0.9).gamma(0.05).decoupled_weight_decay(0.1);
    r.check("sophia", |k, x| {
        let gradient = f.gradient(x).unwrap();
        let diagonal = (k % 3 == 1).then(|| estimate(&f, x, k));
        method.step_with_diagonal(x, &gradient, diagonal.as_deref()).unwrap();
    });
    assert_eq!(r.seen.len(), r.data["runs"].as_array().unwrap().len());
}

#[test]
fn groups_are_each_a_method_of_their_own() {
    let f = quartic();
    let mut grouped = Adam::new(0.05).group(3..8, Adam::new(0.01).betas(0.5, 0.8));
    let (mut of_rest, mut of_group) = (Adam::new(0.05), Adam::new(0.01).betas(0.5, 0.8));
    let mut x = start();
    for step in 0..6 {
        if step == 4 {
            // A schedule changes all in proportion.
            grouped.set_learning_rate(0.025);
            of_rest.set_learning_rate(0.025);
            of_group.set_learning_rate(0.005);
        }
        let gradient = f.gradient(&x).unwrap();
        let (mut rest, mut group) = (x.clone(), x.clone());
        of_rest.step(&mut rest, &gradient).unwrap();
        of_group.step(&mut group, &gradient).unwrap();
        grouped.step(&mut x, &gradient).unwrap();
        rest[3..8].copy_from_slice(&group[3..8]);
        assert_close(&x, &rest, 1e-15, "groups");
    }
    // Two groups that are one, given in any order.
    let halves = |cut: usize| {
        let half = || Adam::new(0.02).weight_decay(0.3);
        Adam::new(0.5).group(cut..N, half()).group(0..cut, half())
    };
    let end = |mut method: Adam<'_, f64>| {
        let mut x = start();
        for _ in 0..5 {
            let gradient = f.gradient(&x).unwrap();
            method.step(&mut x, &gradient).unwrap();
        }
        x
    };
    assert_eq!(end(halves(7)), end(halves(16)));
    assert_close(&end(halves(7)), &end(Adam::new(0.02).weight_decay(0.3)), 1e-14, "halves");
}

#[test]
fn unusable_settings_and_groups_are_refused_and_leave_x_alone() {
    let refused = |mut method: Adam<'_, f64>, setting: &str| {
        let mut x = [1.0, 2.0, 3.0];
        let error = method.step(&mut x, &[1.0; 3]).unwrap_err();
        assert!(matches!(error, Error::Setting { name, .. } if name == setting), "{error}");
        assert_eq!((x, method.steps()), ([1.0, 2.0, 3.0], 0));
    };
    let adam = || Adam::new(0.1);
    refused(Adam::new(-1.0), "learning_rate");
    refused(adam().betas(0.9, 1.0), "beta2");
    refused(adam().epsilon(0.0), "epsilon");
    refused(adam().decoupled_weight_decay(-0.1), "weight_decay");
    refused(adam().clip_norm(0.0), "clip_norm");
    refused(adam().group(1..4, adam()), "group");
    refused(adam().group(0..2, adam()).group(1..3, adam()), "group");
    refused(adam().group(0..2, adam().betas(1.5, 0.9)), "beta1");
    let mut x = [1.0, 2.0];
    let error = adam().step(&mut x, &[0.0, f64::NAN]).unwrap_err();
    assert!(matches!(error, Error::NonFiniteGradient { component: 1, .. }));
    let mut shampoo = Shampoo::new(0.1).matrix(0..4, 2, 3);
    assert!(matches!(shampoo.step(&mut [1.0; 4], &[1.0; 4]), Err(Error::Setting { .. })));
    let mut cut = Soap::new(0.1).matrix(0..4, 2, 2).group(2..4, Soap::new(0.1));
    assert!(matches!(cut.step(&mut [1.0; 4], &[1.0; 4]), Err(Error::Setting { .. })));
    let mut none = AdaHessian::new(0.1);
    assert_eq!(none.step_with_diagonal(&mut x, &[1.0; 2], None), Err(Error::NoEstimate));
    let error = none.step_with_diagonal(&mut x, &[1.0; 2], Some(&[1.0, f64::INFINITY]));
    assert!(matches!(error, Err(Error::NonFiniteProduct { component: 1, .. })), "{error:?}");
    let mut vast = Shampoo::new(0.1).matrix(0..3, usize::MAX, 3);
    assert!(matches!(vast.step(&mut [1.0; 3], &[1.0; 3]), Err(Error::Setting { .. })));
    let fisher = HutchinsonDiagonal::default().of(CurvatureMatrix::Fisher);
    let mut sophia = Sophia::new(0.1).with_source(fisher);
    let error = sophia.step_on(&mut start(), &quartic()).unwrap_err();
    assert_eq!(error, Error::NoCurvature { matrix: CurvatureMatrix::Fisher });
}

#[test]
fn clipping_and_schedules_scale_what_they_say() {
    let gradient = [3.0, -4.0];
    let step = |mut method: Sgd<'_, f64>| {
        let mut x = [0.0; 2];
        method.step(&mut x, &gradient).unwrap();
        x
    };
    assert_close(&step(Sgd::new(1.0).clip_norm(0.5)), &[-0.3, 0.4], 1e-15, "norm");
    assert_eq!(step(Sgd::new(1.0).clip_norm(5.5)), [-3.0, 4.0]);
    assert_eq!(step(Sgd::new(1.0).clip_value(3.5)), [-3.0, 3.5]);
    // A rate of 0 moves nothing, be it the group's, the schedule's or the method's own.
    let mut method = Sgd::new(1.0).group(1..2, Sgd::new(0.0)).schedule(2, |now| now.fraction());
    let mut x = [0.0; 2];
    let points = [1.0, 1.0, 0.0].map(|rate| {
        method.set_learning_rate(rate);
        method.step(&mut x, &gradient).unwrap();
        x
    });
    assert_eq!(points, [[0.0; 2], [-1.5, 0.0], [-1.5, 0.0]]);
    for factor in [-0.5, f64::NAN] {
        let mut method = Sgd::new(1.0).schedule(4, move |_| factor);
        let error = method.step(&mut x, &gradient).unwrap_err();
        assert!(matches!(error, Error::Setting { name: "schedule", .. }), "{error}");
    }
    let mut method = Sgd::new(1.0).schedule(4, |now| 1.0 / (1.0 + now.step as f64));
    let mut x = [0.0];
    let points = [1, 2, 3].map(|_| {
        method.step(&mut x, &[-1.0]).unwrap();
        x[0]
    });
    assert_eq!(points, [1.0, 1.5, 1.5 + 1.0 / 3.0]);
    // The value does not fall: the rate is halved after the third step.
    let f = ByHand::new(
        1,
        |_: &[f64], g: &mut [f64]| {
            g[0] = -1.0;
            7.0
        },
        |_, _, _| {},
    );
    let mut method = Sgd::new(1.0).on_plateau(2, 0.5);
    let mut x = [0.0];
    for _ in 0..4 {
        method.step_on(&mut x, &f).unwrap();
    }
    assert_eq!(x, [1.0 + 1.0 + 1.0 + 0.5]);
}

#[test]
fn hutchinsons_estimate_is_unbiased_and_of_the_known_variance() {
    let f = quartic();
    let x = start();
    let hessian = f.hessian(&x).unwrap();
    let source = HutchinsonDiagonal::default().seed(3);
    let (mut mean, mut square, count) = (vec![0.0; N], vec![0.0; N], 2000_u64);
    for step in 0..count {
        let z: Vec<f64> = source.probes(step, N);
        let hz = hvp(&f, &x, &z);
        for i in 0..N {
            let sample = z[i] * hz[i];
            mean[i] += sample / count as f64;
            square[i] += (sample - hessian[(i, i)]).powi(2) / count as f64;
        }
    }
    for i in 0..N {
        let others = (0..N).filter(|&j| j != i).map(|j| hessian[(i, j)].powi(2));
        let variance: f64 = others.sum();
        let error = (mean[i] - hessian[(i, i)]).abs();
        assert!(error < 4.0 * (variance / count as f64).sqrt(), "{i}: {error} {variance}");
        assert!((square[i] / variance - 1.0).abs() < 0.2, "{i}: {} {variance}", square[i]);
    }
}

#[test]
fn a_step_on_an_objective_uses_the_probes_of_its_seed() {
    let f = quartic();
    let source = HutchinsonDiagonal::default().seed(11).samples(3);
    let (mut x, mut y) = (start(), start());
    let mut method = AdaHessian::new(0.05).with_source(source);
    let mut by_hand = AdaHessian::new(0.05);
    for step in 0..3 {
        let probes: Vec<f64> = source.probes(step, N);
        let mut diagonal = vec![0.0; N];
        for z in probes.chunks(N) {
            for ((d, hz), z) in diagonal.iter_mut().zip(hvp(&f, &y, z)).zip(z) {
                *d += z * hz / 3.0;
            }
        }
        let gradient = f.gradient(&y).unwrap();
        by_hand.step_with_diagonal(&mut y, &gradient, Some(&diagonal)).unwrap();
        method.step_on(&mut x, &f).unwrap();
        assert_close(&x, &y, 1e-13, "AdaHessian");
    }
}

#[test]
fn newton_directions_solve_the_damped_system() {
    let f = quartic();
    let x = start();
    let (gradient, hessian) = (f.gradient(&x).unwrap(), f.hessian(&x).unwrap());
    // Enough damping that the matrix is positive definite.
    let damping = 3.0;
    let check = |moved: &[f64], share: f64, tolerance: f64| {
        let d: Vec<f64> =
            x.iter().zip(moved).zip(&gradient).map(|((x, y), g)| x - y - share * g).collect();
        let product =
            (0..N).map(|i| damping * d[i] + (0..N).map(|j| hessian[(i, j)] * d[j]).sum::<f64>());
        assert_close(&product.collect::<Vec<_>>(), &gradient, tolerance, "Newton system");
    };
    let mut moved = x.clone();
    let source = NewtonCg::default().damping(damping).forcing(1e-12).max_iterations(60);
    Sgd::new(1.0).with_source(source).step_on(&mut moved, &f).unwrap();
    check(&moved, 0.0, 1e-11);
    let mut moved = x.clone();
    let source = Newton::default().damping(damping).gradient_share(0.25);
    Sgd::new(1.0).with_source(source).step_on(&mut moved, &f).unwrap();
    check(&moved, 0.25, 1e-12);
}

/// On a quadratic the products are exact differences, and `n` pairs make the inverse: `H y = s` for all pairs kept.
#[test]
fn stochastic_lbfgs_learns_from_averaged_points() {
    let scales = [1.0, 4.0, 9.0];
    let f = record(&[0.0; 3])
        .function(move |x| x.iter().zip(scales).map(|(&x, a)| 0.5 * a * x * x).sum())
        .unwrap();
    let source = || Lbfgs::default().interval(2).pairs(3);
    let mut method = Sgd::new(0.05).with_source(source());
    let mut x = [1.0, -2.0, 3.0];
    let mut means = Vec::new();
    for _ in 0..4 {
        let from = x;
        method.step_on(&mut x, &f).unwrap();
        for i in 0..3 {
            // Plain descent until the first pair.
            assert_close(&[x[i]], &[from[i] * (1.0 - 0.05 * scales[i])], 1e-14, "descent");
        }
        means.push(from);
    }
    let mean = |k: usize, i: usize| 0.5 * (means[k][i] + means[k + 1][i]);
    let s: Vec<f64> = (0..3).map(|i| mean(2, i) - mean(0, i)).collect();
    let y: Vec<f64> = s.iter().zip(scales).map(|(s, a)| a * s).collect();
    // From a point where the gradient is y, the direction is s.
    let mut x: Vec<f64> = s.clone();
    let from = x.clone();
    assert_close(&f.gradient(&x).unwrap(), &y, 1e-14, "gradient");
    method.set_learning_rate(1.0);
    method.step_on(&mut x, &f).unwrap();
    let moved: Vec<f64> = from.iter().zip(&x).map(|(from, x)| from - x).collect();
    assert_close(&moved, &s, 1e-13, "secant equation");
    // Curvature that is negative is left out: descent goes on along the gradient.
    let g = record(&[0.0]).function(|x| -x[0] * x[0]).unwrap();
    let mut method = Sgd::new(0.5).with_source(source());
    let mut x = [1.0];
    for _ in 0..6 {
        method.step_on(&mut x, &g).unwrap();
    }
    assert_eq!(x, [64.0]);
}

#[test]
fn single_precision_takes_nearly_the_same_steps() {
    let f = quartic();
    let single = |x: &[f64]| x.iter().map(|&x| x as f32).collect::<Vec<f32>>();
    let mut x = start();
    let mut y = single(&x);
    // An ε that tells rounding from a gradient, since L is singular at first.
    let mut double = Soap::new(0.02).matrix(0..12, 4, 3).basis_interval(2).epsilon(1e-2);
    let mut float = Soap::new(0.02_f32).matrix(0..12, 4, 3).basis_interval(2).epsilon(1e-2);
    for _ in 0..8 {
        let gradient = f.gradient(&x).unwrap();
        double.step(&mut x, &gradient).unwrap();
        float.step(&mut y, &single(&gradient)).unwrap();
    }
    let y: Vec<f64> = y.iter().map(|&y| f64::from(y)).collect();
    assert_close(&y, &x, 1e-4, "f32");

    // 1 − βᵗ is a small difference, which Adam divides by. With these gradients its steps are the learning rate.
    let mut adam = Adam::new(0.125_f32).epsilon(1e-30);
    let mut y = [0.0_f32];
    for step in 1..=20 {
        adam.step(&mut y, &[0.75]).unwrap();
        let want = -0.125 * step as f32;
        assert!((y[0] - want).abs() <= f32::EPSILON * step as f32, "{y:?}, not {want}");
    }
}

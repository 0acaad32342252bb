//! Parameters by name: groups, matrices and what is kept of each, while others are frozen and thawed.

use dualtape_autodiff::{
    Error::{ForeignPart, Length},
    parts::Parts,
    record, scalar_loss,
};
use dualtape_optimizers::stochastic::Rule;
use dualtape_optimizers::{
    AdaHessian, Adam, Counted, CurvatureInspection, Dense, Error, LinearOperator, NAdam, Objective,
    SavedState, Sgd, Shampoo, Soap, Stepper,
};

/// Names, shapes, and where they begin in the whole vector.
const ARRAYS: [(&str, [usize; 2], usize); 4] = [
    ("0.weight", [3, 2], 0),
    ("0.bias", [3, 1], 6),
    ("2.weight", [2, 3], 9),
    ("2.bias", [2, 1], 15),
];
const N: usize = 17;

/// The parts of the vector without these modules, and where its entries are in the whole.
fn trained(frozen: &[&str]) -> (Parts, Vec<usize>) {
    let is_frozen = |name: &str| frozen.iter().any(|frozen| name.starts_with(frozen));
    let (absent, present): (Vec<_>, Vec<_>) =
        ARRAYS.into_iter().partition(|(name, ..)| is_frozen(name));
    let parts = Parts::new(present.iter().map(|(name, shape, _)| (*name, shape.to_vec())));
    let entries = present.iter().flat_map(|&(_, [r, c], start)| start..start + r * c);
    (parts.with_absent(absent.iter().map(|(name, ..)| *name)), entries.collect())
}

/// The gradient of a function that couples all parameters.
fn gradient(x: &[f64]) -> Vec<f64> {
    let sum: f64 = x.iter().sum();
    x.iter().enumerate().map(|(i, x)| x - (0.3 * i as f64).sin() + 0.05 * sum).collect()
}

fn start() -> Vec<f64> {
    (0..N).map(|i| (1.7 * i as f64).cos()).collect()
}

/// A step of those that are not frozen.
fn step<R: Rule<f64>>(
    method: &mut Stepper<'_, f64, R>,
    x: &mut [f64],
    frozen: &[&str],
) -> Result<(), Error> {
    let (parts, entries) = trained(frozen);
    method.set_names(&parts)?;
    let g = gradient(x);
    let pick = |from: &[f64]| entries.iter().map(|&i| from[i]).collect::<Vec<f64>>();
    let mut theta = pick(x);
    method.step(&mut theta, &pick(&g))?;
    entries.iter().zip(theta).for_each(|(&i, value)| x[i] = value);
    Ok(())
}

/// What is frozen at each step.
const COURSE: [&[&str]; 12] = [
    &[],
    &[],
    &["0"],
    &["0"],
    &["0"],
    &[],
    &["2.bias"],
    &["2.bias", "0.bias"],
    &[],
    &["2"],
    &[],
    &[],
];

/// A method that lays its state aside and takes it up again goes where one method for each parameter goes, which is told
/// nothing while that is frozen.
#[track_caller]
fn assert_carried<R: Rule<f64>>(what: &str, fresh: impl Fn() -> Stepper<'static, f64, R>) {
    let (mut together, mut x) = (fresh(), start());
    for frozen in COURSE {
        step(&mut together, &mut x, frozen).unwrap();
    }

    let mut apart: Vec<_> = ARRAYS.iter().map(|_| fresh()).collect();
    let mut y = start();
    for frozen in COURSE {
        let g = gradient(&y);
        for (method, (name, shape, from)) in apart.iter_mut().zip(ARRAYS) {
            if frozen.iter().any(|frozen| name.starts_with(frozen)) {
                continue;
            }
            let others = ARRAYS.iter().map(|(name, ..)| *name).filter(|other| *other != name);
            let parts = Parts::new([(name, shape.to_vec())]).with_absent(others);
            method.set_names(&parts).unwrap();
            let range = from..from + shape[0] * shape[1];
            method.step(&mut y[range.clone()], &g[range]).unwrap();
        }
    }
    assert_eq!(x, y, "{what}");

    // Saved and restored after each step, it goes on to the same bits.
    let mut z = start();
    let mut saved: Option<SavedState> = None;
    for frozen in COURSE {
        let mut method = fresh();
        if let Some(saved) = &saved {
            method.restore(saved).unwrap();
            assert_eq!(method.state(), *saved, "{what}");
        }
        step(&mut method, &mut z, frozen).unwrap();
        saved = Some(method.state());
    }
    assert_eq!(x, z, "{what}");
}

#[test]
fn what_is_kept_goes_along_with_names() {
    assert_carried("adam", || Adam::new(0.05));
    assert_carried("amsgrad in groups", || {
        let slow = || Adam::new(0.01).betas(0.5, 0.8).amsgrad(true);
        Adam::new(0.05).amsgrad(true).group("2", slow()).group("0.bias", slow())
    });
    assert_carried("momentum", || Sgd::new(0.1).momentum(0.9).nesterov(true).weight_decay(0.1));
    assert_carried("shampoo", || {
        Shampoo::new(0.05).matrices("0").matrix("2.weight", 2, 3).epsilon(1e-6)
    });
    assert_carried("soap", || Soap::new(0.03).basis_interval(2).matrices("0").matrices("2"));
    assert_carried("nadam", || NAdam::new(0.05));
}

/// Frozen neighbours do not move a group: a rate of 0 holds the parameters that it was given to, and no others.
#[test]
fn groups_are_those_that_were_named() {
    type Named = (&'static str, fn() -> Sgd<'static, f64>);
    let named: [Named; 3] = [
        ("by name", || Sgd::new(0.1).group("2.weight", Sgd::new(0.0))),
        ("by part", || Sgd::new(0.1).group(trained(&[]).0.get("2.weight").unwrap(), Sgd::new(0.0))),
        ("by part of another vector", || {
            Sgd::new(0.1).group(trained(&["0"]).0.get("2.weight").unwrap(), Sgd::new(0.0))
        }),
    ];
    for (what, method) in named {
        for frozen in [&[][..], &["0"], &["0.weight"], &["2.bias"], &["2"]] {
            let mut x = start();
            step(&mut method(), &mut x, frozen).unwrap();
            let (_, entries) = trained(frozen);
            for (i, (x, before)) in x.iter().zip(start()).enumerate() {
                let held = (9..15).contains(&i) || !entries.contains(&i);
                assert_eq!(*x == before, held, "{what}, {frozen:?}, {i}");
            }
        }
    }
}

#[test]
fn ranges_are_refused_where_they_would_be_others() {
    let ranges: [fn() -> Soap<'static, f64>; 3] = [
        || Soap::new(0.1).group(9..15, Soap::new(0.0)),
        || Soap::new(0.1).matrix(9..15, 2, 3),
        || Soap::new(0.1).group("0", Soap::new(0.0).matrix(0..6, 3, 2)),
    ];
    for method in ranges {
        let mut x = start();
        assert_eq!(step(&mut method(), &mut x, &["0"]), Err(Error::RangeOfFrozen));
        assert_eq!(x, start());
        // Where nothing is frozen they are what they were.
        let mut method = method();
        step(&mut method, &mut x, &[]).unwrap();
        let after = x.clone();
        assert_eq!(step(&mut method, &mut x, &["2"]), Err(Error::RangeOfFrozen));
        assert_eq!(x, after);
        step(&mut method, &mut x, &[]).unwrap();
    }
    let averaged = AdaHessian::<f64>::new(0.1).average_over(9..15, 3);
    assert!(matches!(averaged.named(&trained(&["0"]).0), Err(Error::RangeOfFrozen)));
}

#[test]
fn names_that_mean_nothing_are_refused() {
    let mut x = start();
    let mut typo = Sgd::new(0.1).group("2.wieght", Sgd::new(0.0));
    let error = step(&mut typo, &mut x, &["0"]).unwrap_err();
    assert!(error.to_string().contains("there are: 2.weight, 2.bias, 0.weight, 0.bias"), "{error}");
    let mut twice = Sgd::new(0.1).group("2", Sgd::new(0.0)).group("2.bias", Sgd::new(0.0));
    assert!(matches!(step(&mut twice, &mut x, &[]), Err(Error::Setting { name: "group", .. })));
    step(&mut twice, &mut x, &["2.bias"]).unwrap();
    let mut cut = Soap::new(0.1).matrix("2.weight", 4, 3);
    assert!(matches!(step(&mut cut, &mut x, &[]), Err(Error::Setting { name: "matrix", .. })));

    // Without names there is nothing to look up.
    for mut method in [Soap::new(0.1).group("2", Soap::new(0.0)), Soap::new(0.1).matrices("2")] {
        let error = method.step(&mut start(), &[0.0; N]).unwrap_err();
        assert_eq!(error, Error::NoNames { name: "2".to_owned() });
    }
    // What was learnt before there were names cannot go along with them.
    let mut adam = Adam::new(0.1);
    adam.step(&mut x, &gradient(&start())).unwrap();
    assert_eq!(step(&mut adam, &mut x, &["0"]), Err(Error::UnnamedState));
    step(&mut adam, &mut x, &[]).unwrap();
    assert_eq!(step(&mut adam, &mut x, &["0"]), Err(Error::UnnamedState));
    let mut named = Adam::new(0.1);
    step(&mut named, &mut x, &[]).unwrap();
    let mut other = Adam::new(0.1);
    other.restore(&named.state()).unwrap();
    assert!(matches!(other.step(&mut x, &[0.0; N]), Err(Error::NoNames { .. })));
}

#[test]
fn states_of_named_parameters_that_are_wrong_are_refused() {
    let (mut adam, mut x) = (Adam::new(0.1), start());
    step(&mut adam, &mut x, &[]).unwrap();
    let saved = adam.state();
    let refusal = |change: &dyn Fn(&mut SavedState)| {
        let (mut state, mut fresh) = (saved.clone(), Adam::new(0.1));
        change(&mut state);
        let before = fresh.state();
        let error = fresh.restore(&state).and_then(|()| step(&mut fresh, &mut start(), &[]));
        if fresh.steps() == 0 {
            assert_eq!(fresh.state(), before);
        }
        error.unwrap_err()
    };
    let missing = |missing| Error::SavedState { missing };
    let insert = |key: &str, list: Vec<f64>| {
        let key = key.to_owned();
        move |state: &mut SavedState| drop(state.insert(key.clone(), list.clone()))
    };
    assert_eq!(refusal(&|s| drop(s.remove("steps/0.bias"))), missing("steps"));
    assert_eq!(refusal(&|s| drop(s.remove("first/0.bias"))), missing("first"));
    assert_eq!(refusal(&insert("steps/0.bias", vec![0.5])), missing("steps"));
    assert_eq!(refusal(&insert("second", vec![1.0])), missing("second"));
    assert_eq!(refusal(&insert("second/0.bias", vec![1.0])), missing("second"));
    let foreign = refusal(&insert("third/0.bias", vec![1.0]));
    assert_eq!(foreign, Error::ForeignState { list: "third/0.bias".to_owned() });
}

/// The shares of parameters are those of the vector that the matrix belongs to, or refused.
#[test]
fn blocks_of_another_vector_are_refused() {
    let (whole, now) = (trained(&[]).0, trained(&["0"]).0);
    let mut matrix = vec![0.0; 64];
    (0..8).for_each(|i| matrix[9 * i] = if i < 6 { 1.0 } else { 3.0 });
    let matrix = Dense::new(8, matrix).unwrap();
    let inspect = |parts: &Parts| CurvatureInspection::new("").parts(parts.iter()).inspect(&matrix);
    let shares: Vec<f64> = inspect(&now).unwrap().blocks.iter().map(|b| b.trace_share).collect();
    assert_eq!(shares, [0.5, 0.5]);
    let error = inspect(&whole).unwrap_err();
    let foreign = |error: &Error, length: usize| match error {
        Error::Autodiff(ForeignPart { dim, got, .. }) => (*dim, *got) == (length, 8),
        _ => false,
    };
    assert!(foreign(&error, N), "{error}");

    // Of vectors of one length, where the matrix knows whose it is; also through what it is made into.
    let others = Parts::new([("0.weight", vec![6]), ("0.bias", vec![2])]);
    assert!(inspect(&others).is_ok());
    let squares = scalar_loss(|x| x.iter().map(|x| x.powi(2)).sum());
    let f = record(&[0.5; 8]).parts(&now).function(&squares).unwrap();
    let counted = Counted::new(&f);
    let at = counted.linearize(&[0.5; 8]).unwrap();
    let matrix = at.hessian().scaled(2.0).shifted(1.0).plus(&matrix).unwrap();
    let inspect = |parts: &Parts| CurvatureInspection::new("").parts(parts.iter()).inspect(&matrix);
    let error = inspect(&others).unwrap_err();
    assert!(foreign(&error, 8), "{error}");
    assert_eq!(inspect(&now).unwrap().blocks.len(), 2);
    let refused = record(&[0.5; 8]).parts(&whole).function(&squares).unwrap_err();
    assert!(matches!(refused, Length { expected: 8, got: N, .. }), "{refused}");
}

/// A stepper whose names are those of another vector of the same length takes no step.
#[test]
fn steps_of_another_vector_are_refused() {
    let now = trained(&["0"]).0;
    let others = Parts::new([("0.weight", vec![6]), ("0.bias", vec![2])]);
    let squares = scalar_loss(|x| x.iter().map(|x| x.powi(2)).sum());
    let f = record(&[0.5; 8]).parts(&now).function(&squares).unwrap();
    let mut x = [0.5; 8];
    let mut adam = Adam::new(0.1).group("0", Adam::new(0.0)).named(&others).unwrap();
    assert!(matches!(adam.step_on(&mut x, &f), Err(Error::ForeignNames)));
    assert_eq!(x, [0.5; 8]);
    adam.set_names(&now).unwrap();
    adam.step_on(&mut x, &f).unwrap();
    assert!(x.iter().all(|&x| x < 0.5));
}

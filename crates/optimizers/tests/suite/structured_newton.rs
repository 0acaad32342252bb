//! What the variants of Newton's method and the natural gradient promise.

use dualtape_autodiff::{Array, Composite, Likelihood, Tensor, record, record_f32};
use dualtape_optimizers::prelude::*;
use dualtape_optimizers::{
    CurvatureMatrix, Error, NaturalGradient, NewtonCg, SecondOrder, StopReason, Structure,
    StructuredNewton, WithExamples,
};
use proptest::prelude::*;

use crate::support::{quadratic, saddle};

fn newton(structure: Structure) -> StructuredNewton<'static, f64> {
    StructuredNewton::new(CurvatureMatrix::Hessian, structure)
}

/// A positive definite matrix of `n` rows that is zero where `kept` is false.
fn matrix(n: usize, entries: &[f64], kept: impl Fn(usize, usize) -> bool) -> Vec<f64> {
    let entry = |i: usize, j: usize| match (i == j, kept(i, j)) {
        (true, _) => n as f64 + entries[i * n + i],
        (false, true) => 0.5 * (entries[i * n + j] + entries[j * n + i]),
        (false, false) => 0.0,
    };
    (0..n * n).map(|k| entry(k / n, k % n)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    /// Where the Hessian has the structure, it is Newton's method, which solves a quadratic in one step.
    #[test]
    fn what_has_the_structure_is_solved_in_one_step(
        entries in prop::collection::vec(-1.0..1.0_f64, 36),
        b in prop::collection::vec(-3.0..3.0_f64, 6),
        start in prop::collection::vec(-5.0..5.0_f64, 6),
    ) {
        let together = |i: usize, j: usize| (i < 2) == (j < 2);
        let cases = [
            (Structure::Diagonal, matrix(6, &entries, |_, _| false)),
            (Structure::Blocks(vec![0..2, 2..6]), matrix(6, &entries, together)),
            (Structure::Full, matrix(6, &entries, |_, _| true)),
            (Structure::Lanczos { rank: 6 }, matrix(6, &entries, |_, _| true)),
            (Structure::Nystrom { rank: 6 }, matrix(6, &entries, |_, _| true)),
        ];
        for (structure, a) in cases {
            let f = quadratic(a, b.clone());
            let mut x = start.clone();
            let mut method = newton(structure.clone()).gradient_tolerance(1e-9);
            let report = method.minimize(&f, &mut x).unwrap();
            prop_assert!(report.converged() && report.iterations <= 2, "{structure:?}: {report}");
            prop_assert!(matches!(report.second_order, SecondOrder::Minimum(_)));
        }
    }

    /// Two eigenvalues stand out of a flat rest: three eigenpairs tell all there is, a random sketch most of it.
    #[test]
    fn low_rank_finds_what_stands_out(
        u in prop::collection::vec(-1.0..1.0_f64, 24),
        b in prop::collection::vec(-3.0..3.0_f64, 12),
        seed in 0_u64..50,
    ) {
        let entry = |i: usize, j: usize| {
            let flat = if i == j { 1.0 } else { 0.0 };
            flat + 20.0 * u[i] * u[j] + 50.0 * u[12 + i] * u[12 + j]
        };
        let f = quadratic((0..144).map(|k| entry(k / 12, k % 12)).collect(), b);
        for (structure, most) in [(Structure::Lanczos { rank: 3 }, 3), (Structure::Nystrom { rank: 6 }, 1000)] {
            let mut x = [0.3; 12];
            let report = newton(structure)
                .seed(seed)
                .shift(1.0)
                .gradient_tolerance(1e-7)
                .minimize(&f, &mut x)
                .unwrap();
            prop_assert!(report.converged() && report.iterations <= most, "{report}");
        }
    }
}

#[test]
fn indefinite_hessians_are_descended_and_saddles_left() {
    let structures = [
        Structure::Full,
        Structure::Diagonal,
        Structure::Blocks(vec![0..1, 1..2]),
        Structure::Lanczos { rank: 2 },
        Structure::Lanczos { rank: 1 },
    ];
    for structure in structures {
        for start in [[0.0, 0.0], [0.3, 0.01]] {
            let mut x = start;
            let report = newton(structure.clone()).minimize(&saddle(), &mut x).unwrap();
            assert!(report.converged() && report.certified(), "{structure:?}: {report}");
        }
    }
    let mut x = [0.3, 0.01];
    let refused = newton(Structure::Nystrom { rank: 2 }).minimize(&saddle(), &mut x);
    assert!(matches!(refused, Err(Error::Indefinite { .. })), "{refused:?}");
}

#[test]
fn settings_are_checked() {
    let f = quadratic(vec![1.0, 0.0, 0.0, 2.0], vec![1.0, 1.0]);
    let refuse = |method: &mut StructuredNewton<'_, f64>| method.minimize(&f, &mut [0.0; 2]);
    let blocks = refuse(&mut newton(Structure::Blocks(vec![0..1, 1..1])));
    assert!(matches!(blocks, Err(Error::Blocks { .. })), "{blocks:?}");
    let rank = refuse(&mut newton(Structure::Lanczos { rank: 0 }));
    assert!(matches!(rank, Err(Error::Setting { name: "rank", .. })), "{rank:?}");
    let shift = refuse(&mut newton(Structure::Full).shift(-1.0));
    assert!(matches!(shift, Err(Error::Setting { name: "shift", .. })), "{shift:?}");
    let damping = NaturalGradient::new().damping(0.0).minimize(&f, &mut [0.0; 2]);
    assert!(matches!(damping, Err(Error::Setting { name: "damping", .. })), "{damping:?}");
    // A function of no likelihood has no Fisher matrix.
    let fisher = NaturalGradient::new().minimize(&f, &mut [0.0; 2]);
    let matrix = CurvatureMatrix::Fisher;
    assert_eq!(fisher.err(), Some(Error::NoCurvature { matrix }));
}

const N: usize = 40;

fn data() -> (Array<f64>, Array<f64>) {
    let x: Vec<f64> =
        (0..N).flat_map(|i| [(1.3 * i as f64).sin(), (0.7 * i as f64).cos()]).collect();
    let label = |i: usize| x[2 * i] - 0.5 * x[2 * i + 1] + 0.9 * (2.1 * i as f64).sin() > 0.0;
    let y = (0..N).map(|i| f64::from(u8::from(label(i)))).collect();
    (Array::new(&[N, 2], x).unwrap(), Array::new(&[N, 1], y).unwrap())
}

fn logits<'t>(theta: Tensor<'t>, x: Tensor<'t>) -> Tensor<'t> {
    x.matmul(theta.slice(0, 0..2).reshape(&[2, 1])) + theta.slice(0, 2..3).reshape(&[1, 1])
}

/// Logistic regression, with its examples.
fn regression() -> WithExamples<'static, Composite<'static>, f64> {
    let (x, y) = data();
    let mean = record(&[0.0; 3]).data(&[&x, &y]).likelihood(Likelihood::Bernoulli).composite(
        |theta, data| logits(theta, data[0]),
        |z, data| (z.softplus() - data[1] * z).mean(),
    );
    let each = record(&[0.0; 3]).data(&[&x, &y]).per_example(|theta, example| {
        let z = logits(theta, example[0].reshape(&[1, 2])).to_var();
        z.softplus() - example[1].to_var() * z
    });
    WithExamples::new(mean.unwrap(), each.unwrap()).unwrap()
}

#[test]
fn every_matrix_leads_to_the_same_optimum() {
    let f = regression();
    let mut best = [0.0; 3];
    let mut exact = NewtonCg::default().gradient_tolerance(1e-10);
    assert!(exact.minimize(&f, &mut best).unwrap().certified());
    let check = |name: &str, most: usize, x: [f64; 3], report: dualtape_optimizers::Report<f64>| {
        assert!(report.converged() && report.certified(), "{name}: {report}");
        assert!(report.iterations <= most, "{name}: {report}");
        for (x, best) in x.iter().zip(best) {
            assert!((x - best).abs() < 1e-6, "{name}: {x} {best}");
        }
    };
    let full = |matrix| StructuredNewton::new(matrix, Structure::Full);
    for (matrix, most) in [
        (CurvatureMatrix::GaussNewton, 8),
        (CurvatureMatrix::Fisher, 8),
        (CurvatureMatrix::EmpiricalFisher, 60),
    ] {
        let mut x = [0.0; 3];
        let report = full(matrix).gradient_tolerance(1e-8).minimize(&f, &mut x).unwrap();
        check(&format!("{matrix}"), most, x, report);
    }
    let methods = [
        ("natural", NaturalGradient::new(), 15),
        ("Levenberg", NaturalGradient::gauss_newton(), 15),
        ("empirical", NaturalGradient::empirical(), 120),
    ];
    for (name, method, most) in methods {
        let mut x = [0.0; 3];
        let report = method.gradient_tolerance(1e-8).minimize(&f, &mut x).unwrap();
        check(name, most, x, report);
    }
}

#[test]
fn natural_gradient_refuses_steps_that_promise_too_much() {
    // From far out in the flat part of the sigmoid the undamped step would overflow.
    let f = regression();
    let mut x = [30.0, -40.0, 10.0];
    let mut values = Vec::new();
    let report = NaturalGradient::new()
        .damping(1e-12)
        .on_iteration(|it| {
            values.push(it.record.value);
            std::ops::ControlFlow::Continue(())
        })
        .minimize(&f, &mut x)
        .unwrap();
    assert!(report.converged(), "{report}");
    assert!(values.windows(2).all(|w| w[1] <= w[0] + 1e-15), "{values:?}");
    // Some trial was refused: more linearizations than points.
    assert!(report.counts.linearizations > report.iterations + 1, "{report}");
}

#[test]
fn budgets_hold_and_single_precision_works() {
    let f = regression();
    let mut x = [0.5; 3];
    let report = NaturalGradient::new().max_passes(6).minimize(&f, &mut x).unwrap();
    assert_eq!(report.stop, StopReason::MaxPasses, "{report}");

    let f = record_f32(&[0.5; 4])
        .array()
        .function(|x| (x * x).sum() + x.slice(0, 0..2).exp().sum() - x.sin().sum())
        .unwrap();
    for structure in [
        Structure::Full,
        Structure::Diagonal,
        Structure::Blocks(vec![0..3, 3..4]),
        Structure::Lanczos { rank: 2 },
        Structure::Nystrom { rank: 4 },
    ] {
        let mut x = [0.5_f32; 4];
        let mut method = StructuredNewton::new(CurvatureMatrix::Hessian, structure.clone());
        let report = method.minimize(&f, &mut x).unwrap();
        assert!(report.converged() && report.certified(), "{structure:?}: {report}");
    }
}

//! What the methods that use gradients alone promise.

use std::cell::RefCell;
use std::ops::ControlFlow;

use crate::promises::{self, Method};
use crate::regressions::numbers;
use crate::support::{assert_close, beale, quadratic, rosenbrock, rosenbrock_f32, saddle, wood};
use dualtape_optimizers::{
    ByHand, Conjugacy, Error, GradientDescent, HagerZhang, InitialMatrix, Lbfgs, LineSearch, Lsr1,
    MoreThuente, Newton, NewtonCg, NonlinearCg, QuasiNewton, Report, Safeguard, SecondOrder, Sr1,
    prelude::*,
};

fn hager_zhang() -> LineSearch<f64> {
    LineSearch::HagerZhang(HagerZhang::default())
}

fn cg<'c>(conjugacy: Conjugacy) -> NonlinearCg<'c, f64> {
    NonlinearCg::default().conjugacy(conjugacy)
}

/// Every method, and some with another line search.
fn methods() -> Vec<(&'static str, Method)> {
    vec![
        ("BFGS", |f, x| QuasiNewton::bfgs().minimize(f, x).unwrap()),
        ("BFGS, Hager–Zhang", |f, x| {
            QuasiNewton::bfgs().line_search(hager_zhang()).minimize(f, x).unwrap()
        }),
        ("BFGS, damped", |f, x| {
            QuasiNewton::bfgs().safeguard(Safeguard::Damp(0.2)).minimize(f, x).unwrap()
        }),
        ("DFP", |f, x| QuasiNewton::dfp().minimize(f, x).unwrap()),
        ("Broyden", |f, x| QuasiNewton::broyden(0.5).minimize(f, x).unwrap()),
        ("L-BFGS", |f, x| Lbfgs::default().minimize(f, x).unwrap()),
        ("L-BFGS, Hager–Zhang", |f, x| {
            Lbfgs::default().memory(3).line_search(hager_zhang()).minimize(f, x).unwrap()
        }),
        ("FR", |f, x| cg(Conjugacy::FletcherReeves).minimize(f, x).unwrap()),
        ("PR+", |f, x| cg(Conjugacy::PolakRibierePlus).minimize(f, x).unwrap()),
        ("HS", |f, x| cg(Conjugacy::HestenesStiefel).minimize(f, x).unwrap()),
        ("CG_DESCENT", |f, x| cg(Conjugacy::HagerZhang).minimize(f, x).unwrap()),
    ]
}

/// A name, a function, a start, and where its minimum is.
type Classical = (&'static str, Box<dyn Objective<f64>>, Vec<f64>, Vec<f64>);

#[test]
fn classical_problems() {
    let problems: [Classical; 3] = [
        ("rosenbrock", Box::new(rosenbrock()), vec![-1.2, 1.0], vec![1.0; 2]),
        ("wood", Box::new(wood()), vec![-3.0, -1.0, -3.0, -1.0], vec![1.0; 4]),
        ("beale", Box::new(beale()), vec![1.0, 1.0], vec![3.0, 0.5]),
    ];
    for (name, f, start, minimum) in &problems {
        for (method, minimize) in methods() {
            let mut x = start.clone();
            let report = minimize(&**f, &mut x);
            let what = format!("{method} on {name}: {report}");
            println!("{what}\n");
            assert!(report.converged() && report.certified(), "{what}");
            assert_close(&x, minimum, 1e-6, &what);
            // Each point is evaluated once, value and gradient together, and linearised only to be certified.
            assert_eq!(report.counts.values, 0, "{what}");
            assert!(report.counts.linearizations <= 1, "{what}");
        }
    }
}

#[test]
fn gradient_descent_follows_the_scale_of_the_problem() {
    let f = quadratic(vec![1.0, 0.0, 0.0, 300.0], vec![1.0, 3.0]);
    let mut x = [9.0, -7.0];
    let report = GradientDescent::default().minimize(&f, &mut x).unwrap();
    assert!(report.converged() && report.certified(), "{report}");
    // Two evaluations an iteration at most: the first trial is of the right size.
    assert!(report.counts.gradients < 2 * report.iterations, "{report}");
    assert_close(&x, &[1.0, 0.01], 1e-7, "minimum");
}

#[test]
fn saddles_and_maxima_are_left() {
    for start in [[0.0, 0.0], [1.5, 0.0], [1e-9, -1e-12]] {
        for (method, minimize) in methods() {
            let mut x = start;
            let report = minimize(&saddle(), &mut x);
            let what = format!("{method} from {start:?}: {report}");
            assert!(report.converged() && report.certified(), "{what}");
            assert!((report.value + 0.25).abs() < 1e-12, "{what}");
        }
    }
}

#[test]
fn steps_out_of_the_domain_are_shortened() {
    promises::steps_out_of_the_domain_are_shortened(
        &methods(),
        [[5.0, 1.0], [1e3, -2.0], [1e-5, 3.0]],
    );
}

/// Strong Wolfe with next to no slope left, which on a parabola is the exact minimum.
fn exact() -> LineSearch<f64> {
    LineSearch::MoreThuente(MoreThuente {
        sufficient_decrease: 1e-13,
        curvature_condition: 1e-12,
        ..MoreThuente::default()
    })
}

/// `quad4` of the reference data, where linear conjugate gradients from `x = 1` are known.
fn quad4() -> (impl Objective<f64>, Vec<Vec<f64>>) {
    let data: serde_json::Value = serde_json::from_str(include_str!("../data/optim.json")).unwrap();
    let entry =
        |i: usize, j: usize| 1.0 / (i + j + 1) as f64 + if i == j { (i + 1) as f64 } else { 0.0 };
    let a = (0..16).map(|k| entry(k / 4, k % 4)).collect();
    let iterates = data["cg_quad4"].as_array().unwrap().iter().map(|case| numbers(&case["x"]));
    (quadratic(a, vec![1.0, -1.0, 0.5, 2.0]), iterates.collect())
}

/// The points that a run has come to.
type Points = RefCell<Vec<Vec<f64>>>;

/// With exact line searches all of these take, on a quadratic, the steps of linear conjugate gradients (Nocedal &
/// Wright, Theorem 6.4 and §5.2).
#[test]
fn on_a_quadratic_all_are_linear_conjugate_gradients() {
    let (f, iterates) = quad4();
    let check = |what: &str, run: &dyn Fn(&Points)| {
        let points = RefCell::default();
        run(&points);
        for (k, want) in iterates.iter().enumerate() {
            assert_close(&points.borrow()[k + 1], want, 1e-9, &format!("{what}, step {}", k + 1));
        }
    };
    fn watch<'c, M: Minimizer<'c, f64>>(method: M, f: &dyn Objective<f64>, points: &'c Points) {
        let mut method = method.max_iterations(4).gradient_tolerance(1e-14).on_iteration(|it| {
            points.borrow_mut().push(it.x.to_vec());
            ControlFlow::Continue(())
        });
        method.minimize(f, &mut [1.0; 4]).unwrap();
    }
    for conjugacy in [
        Conjugacy::FletcherReeves,
        Conjugacy::PolakRibierePlus,
        Conjugacy::HestenesStiefel,
        Conjugacy::HagerZhang,
    ] {
        check(&format!("{conjugacy:?}"), &|points| {
            watch(cg(conjugacy).line_search(exact()), &f, points)
        });
    }
    check("BFGS", &|points| watch(QuasiNewton::bfgs().line_search(exact()), &f, points));
    check("DFP", &|points| watch(QuasiNewton::dfp().line_search(exact()), &f, points));
    check("Broyden", &|points| watch(QuasiNewton::broyden(0.4).line_search(exact()), &f, points));
    check("L-BFGS", &|points| watch(Lbfgs::default().line_search(exact()), &f, points));
}

/// L-BFGS that forgets nothing and BFGS differ only in the scaling of their start, which the first step fixes for both.
#[test]
fn one_pair_of_memory_is_enough_for_the_first_steps_of_bfgs() {
    let path = |report: Report<f64>| -> Vec<f64> {
        report.history[..3].iter().map(|record| record.value).collect()
    };
    let f = wood();
    let start = [-3.0, -1.0, -3.0, -1.0];
    let mut bfgs = QuasiNewton::bfgs().initial_matrix(InitialMatrix::FirstPair);
    let dense = path(bfgs.minimize(&f, &mut start.clone()).unwrap());
    let limited = path(Lbfgs::default().memory(1).minimize(&f, &mut start.clone()).unwrap());
    assert_close(&limited, &dense, 1e-12, "values");
}

#[test]
fn single_precision() {
    let f = rosenbrock_f32();
    for report in [
        QuasiNewton::bfgs().minimize(&f, &mut [-1.2, 1.0]).unwrap(),
        QuasiNewton::dfp().minimize(&f, &mut [-1.2, 1.0]).unwrap(),
        Lbfgs::default().minimize(&f, &mut [-1.2, 1.0]).unwrap(),
        NonlinearCg::default().minimize(&f, &mut [-1.2, 1.0]).unwrap(),
    ] {
        assert!(report.converged() && report.certified() && report.value < 1e-6, "{report}");
    }
}

/// Gradients of 10⁻¹⁵ and values whose differences underflow: torch's L-BFGS returns NaN on such.
#[test]
fn tiny_objectives_in_single_precision_give_no_nan() {
    for scale in [1e-12_f32, 1e12] {
        let f = ByHand::new(
            2,
            move |x: &[f32], g: &mut [f32]| {
                (g[0], g[1]) = (scale * 2.0 * (x[0] - 1.0), scale * 20.0 * x[1]);
                scale * ((x[0] - 1.0).powi(2) + 10.0 * x[1] * x[1])
            },
            move |_: &[f32], v: &[f32], hv: &mut [f32]| {
                (hv[0], hv[1]) = (scale * 2.0 * v[0], scale * 20.0 * v[1]);
            },
        );
        let mut x = [4.0, -2.0];
        let report =
            Lbfgs::default().gradient_tolerance(scale * 1e-4).minimize(&f, &mut x).unwrap();
        assert!(report.converged(), "{report}");
        assert!((x[0] - 1.0).abs() < 1e-3 && x[1].abs() < 1e-3, "{x:?}");
    }
}

/// `(x − 1)² + (e^{30y} − 1)²`: the first trial makes the model so stiff that its next step is lost in rounding, or in other
/// units its numbers so large that they overflow.
#[test]
fn a_model_too_stiff_to_move_is_learnt_anew() {
    let methods: [Method; 2] = [
        |f, x| Sr1::default().minimize(f, x).unwrap(),
        |f, x| Lsr1::default().minimize(f, x).unwrap(),
    ];
    for [c, s] in [[1.0, 1.0], [1e12, 1.0], [1e-12, 1.0], [1.0, 1e6], [1.0, 1e-6]] {
        let f = ByHand::new(
            2,
            move |x: &[f64], g: &mut [f64]| {
                let (x, e) = (x[0] / s, (30.0 * x[1] / s).exp());
                (g[0], g[1]) = (c / s * 2.0 * (x - 1.0), c / s * 60.0 * e * (e - 1.0));
                c * ((x - 1.0).powi(2) + (e - 1.0).powi(2))
            },
            move |x: &[f64], v: &[f64], hv: &mut [f64]| {
                let e = (30.0 * x[1] / s).exp();
                let unit = c / (s * s);
                (hv[0], hv[1]) = (unit * 2.0 * v[0], unit * 1800.0 * e * (2.0 * e - 1.0) * v[1]);
            },
        );
        for minimize in methods {
            let mut x = [3.0 * s, -0.02 * s];
            let report = minimize(&f, &mut x);
            assert!(report.converged() && report.certified(), "{c:e} {s:e}: {report}");
            assert_close(&x.map(|x| x / s), &[1.0, 0.0], 1e-6, "minimum");
            let moved = report.history[1..].iter().all(|record| record.step_length > 0.0);
            assert!(moved && report.iterations < 100, "{c:e} {s:e}: {report}");
        }
    }
}

/// Along the first step the curvature is nearly the largest, and so all other steps would begin far too short.
#[test]
fn a_first_matrix_for_spread_eigenvalues() {
    let curvature = |i: usize| 10_f64.powf(i as f64 * 0.5 - 3.0);
    let f = ByHand::new(
        13,
        move |x: &[f64], g: &mut [f64]| {
            let terms = x.iter().enumerate().map(|(i, &x)| {
                g[i] = curvature(i) * (x - 1.0);
                0.5 * g[i] * (x - 1.0)
            });
            terms.sum()
        },
        move |_: &[f64], v: &[f64], hv: &mut [f64]| {
            hv.iter_mut().zip(v).enumerate().for_each(|(i, (hv, v))| *hv = curvature(i) * v);
        },
    );
    let gradients = |method: QuasiNewton<'static, f64>| {
        let mut x = [0.0; 13];
        let report = method.gradient_tolerance(1e-8).minimize(&f, &mut x).unwrap();
        assert!(report.converged() && report.certified(), "{report}");
        assert_close(&x, &[1.0; 13], 1e-4, "minimum");
        report.counts.gradients
    };
    let from = |initial| gradients(QuasiNewton::bfgs().initial_matrix(initial));
    let newest = gradients(QuasiNewton::bfgs());
    assert_eq!(from(InitialMatrix::Newest), newest);
    let first_pair = from(InitialMatrix::FirstPair);
    assert!(4 * newest < 3 * first_pair, "{newest} {first_pair}");
    assert!(from(InitialMatrix::Scaled(1.0)) < first_pair);
    let mut inverse = vec![0.0; 13 * 13];
    inverse.iter_mut().step_by(14).enumerate().for_each(|(i, h)| *h = 1.0 / curvature(i));
    assert!(from(InitialMatrix::Dense(inverse.clone())) <= 3);
    for method in [QuasiNewton::dfp(), QuasiNewton::broyden(0.5)] {
        assert!(gradients(method.initial_matrix(InitialMatrix::Dense(inverse.clone()))) <= 3);
    }
}

#[test]
fn unusable_first_matrices_are_refused() {
    let minimize = |initial| {
        let mut x = [1.0, 2.0];
        QuasiNewton::bfgs().initial_matrix(initial).minimize(&saddle(), &mut x).unwrap_err()
    };
    for unusable in [
        InitialMatrix::Scaled(0.0),
        InitialMatrix::Scaled(f64::NAN),
        InitialMatrix::Dense(vec![1.0, 2.0, 2.0, 1.0]),
        InitialMatrix::Dense(vec![1.0, f64::NAN, 0.0, 1.0]),
    ] {
        let error = minimize(unusable);
        assert!(matches!(error, Error::Setting { .. }), "{error}");
    }
    assert!(matches!(minimize(InitialMatrix::Dense(vec![1.0; 3])), Error::Length { .. }));
}

#[test]
fn unusable_settings_are_refused() {
    let f = saddle();
    let mut x = [1.0, 1.0];
    let error = QuasiNewton::broyden(-0.5).minimize(&f, &mut x).unwrap_err();
    assert_eq!(error.to_string(), "broyden = -0.5 is not usable: it must be in [0, 1]");
    let error = Lbfgs::default().memory(0).minimize(&f, &mut x).unwrap_err();
    assert_eq!(error.to_string(), "memory = 0 is not usable: it must be at least 1");
    assert!(NonlinearCg::default().restart_every(0).minimize(&f, &mut x).is_err());
    let damped = QuasiNewton::bfgs().safeguard(Safeguard::Damp(1.0)).minimize(&f, &mut x);
    assert!(damped.is_err());
    let line = || {
        LineSearch::MoreThuente(MoreThuente { sufficient_decrease: -1.0, ..MoreThuente::default() })
    };
    for refused in [
        QuasiNewton::bfgs().line_search(line()).minimize(&f, &mut x),
        Lbfgs::default().line_search(line()).minimize(&f, &mut x),
        NonlinearCg::default().line_search(line()).minimize(&f, &mut x),
        GradientDescent::default().line_search(line()).minimize(&f, &mut x),
        Newton::default().line_search(line()).minimize(&f, &mut x),
        NewtonCg::default().line_search(line()).minimize(&f, &mut x),
    ] {
        assert!(matches!(refused, Err(Error::Setting { .. })), "{refused:?}");
    }
}

#[test]
fn a_saddle_that_may_not_be_left_is_no_success() {
    let mut x = [0.0, 0.0];
    let report = Lbfgs::default().max_iterations(0).minimize(&saddle(), &mut x).unwrap();
    assert!(!report.converged() && matches!(report.second_order, SecondOrder::Indefinite(_)));
}

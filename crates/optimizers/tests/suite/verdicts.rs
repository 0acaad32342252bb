//! A report is true in both directions: minima are called minima, and nothing else is.

use crate::methods::{ANY, SQUARES, Solve};
use crate::support::{powell_singular, quadratic, saddle};
use dualtape_autodiff::{Function, Var, checkpoint_scalars, record};
use dualtape_optimizers::prelude::*;
use dualtape_optimizers::{
    ByHand, CurvatureSource, Error, Lbfgs, LevenbergMarquardt, Linearized, Newton, NewtonCg,
    Residuals, Scaling, SecondOrder, TrustRegion,
};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// The energy of a cluster of atoms in the units of Lennard and Jones; six rigid motions leave it as it is.
fn lennard_jones<'t>(x: &[Var<'t>]) -> Var<'t> {
    let atoms: Vec<&[Var<'t>]> = x.chunks_exact(3).collect();
    let mut energy = Vec::new();
    for (i, p) in atoms.iter().enumerate() {
        for q in &atoms[..i] {
            let square: Var<'t> = p.iter().zip(*q).map(|(&p, &q)| (p - q).powi(2)).sum();
            let sixth = square.recip().powi(3);
            energy.push((sixth * sixth - sixth) * 4.0);
        }
    }
    energy.into_iter().sum()
}

/// Atoms near the points of a lattice.
fn cluster(atoms: usize, seed: u64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let side = (1..).find(|side| side * side * side >= atoms).unwrap();
    let place = |atom: usize| [atom % side, atom / side % side, atom / (side * side)];
    let noise = |cell: usize| 1.15 * cell as f64 + rng.random_range(-0.1..0.1);
    (0..atoms).flat_map(place).map(noise).collect()
}

const FREE: [(&str, Solve); 4] = [
    ("Newton", |f, x| Newton::default().minimize(f, x)),
    ("Newton-CG", |f, x| NewtonCg::default().minimize(f, x)),
    ("L-BFGS", |f, x| Lbfgs::default().minimize(f, x)),
    ("trust region", |f, x| TrustRegion::default().minimize(f, x)),
];

#[test]
fn free_clusters_end_in_minima() {
    for (atoms, seeds) in [(3, 0..6), (7, 0..4), (13, 0..2), (38, 0..1)] {
        for seed in seeds {
            let start = cluster(atoms, seed);
            let f = record(&start).function(lennard_jones).unwrap();
            // The modified factors of Newton's method lose their way among the many saddles of the largest.
            for (method, minimize) in &FREE[usize::from(atoms > 13)..] {
                let mut x = start.clone();
                let report = minimize(&f, &mut x).unwrap();
                let what = format!("{method} on {atoms} atoms from start {seed}: {report}");
                assert!(report.converged(), "{what}");
                assert!(atoms > 3 || (report.value + 3.0).abs() < 1e-12, "{what}");
            }
        }
    }
}

/// With a coarse tolerance the remaining gradient makes eigenvalues of the zero modes negative that are far from rounding.
#[test]
fn zero_modes_are_told_from_saddles_at_any_tolerance() {
    for tolerance in [1e-3, 1e-5, 1e-7, 1e-9, 1e-11] {
        for seed in 0..4 {
            let start = cluster(3, seed);
            let f = record(&start).function(lennard_jones).unwrap();
            for report in [
                Newton::default().gradient_tolerance(tolerance).minimize(&f, &mut start.clone()),
                NewtonCg::default().gradient_tolerance(tolerance).minimize(&f, &mut start.clone()),
                Lbfgs::default().gradient_tolerance(tolerance).minimize(&f, &mut start.clone()),
            ] {
                let report = report.unwrap();
                assert!(report.converged() && (report.value + 3.0).abs() < 1e-5, "{report}");
            }
        }
    }
}

/// A name, a function, a start, and the least value.
type Case<'a> = (&'a str, &'a dyn Objective<f64>, &'a [f64], f64);

#[test]
fn degenerate_minima_are_minima() {
    let quartic = record(&[1.0]).function(|x| x[0].powi(4)).unwrap();
    let mixed = record(&[1.0, 2.0]).function(|x| x[0].powi(4) + x[1].powi(2)).unwrap();
    let lifted = record(&[1.0, 2.0]).function(|x| x[0].powi(4) + x[1].powi(2) + 1.0).unwrap();
    let valley = record(&[0.3, 2.0]).function(|x| (x[0] * x[1] - 1.0).powi(2)).unwrap();
    let lifted_valley =
        record(&[0.3, 2.0]).function(|x| (x[0] * x[1] - 1.0).powi(2) + 1.0).unwrap();
    let ring = record(&[0.3, 0.2]).function(|x| (x[0] * x[0] + x[1] * x[1] - 1.0).powi(2)).unwrap();
    let singular = powell_singular();
    let cases: [Case<'_>; 7] = [
        ("x⁴", &quartic, &[1.0], 0.0),
        ("x⁴ + y²", &mixed, &[1.0, 2.0], 0.0),
        ("x⁴ + y² + 1", &lifted, &[1.0, 2.0], 1.0),
        ("(xy − 1)²", &valley, &[0.3, 2.0], 0.0),
        ("(xy − 1)² + 1", &lifted_valley, &[0.3, 2.0], 1.0),
        ("(x² + y² − 1)²", &ring, &[0.3, 0.2], 0.0),
        ("Powell's singular function", &singular, &[3.0, -1.0, 0.0, 1.0], 0.0),
    ];
    for (name, f, start, least) in cases {
        for (method, minimize) in ANY {
            let mut x = start.to_vec();
            let report = minimize(f, &mut x).unwrap();
            let what = format!("{method} on {name}: {report}");
            let slow = *method == "gradient descent" || *method == "blocks of the Hessian";
            assert!(slow || report.converged() && report.certified(), "{what}");
            assert!(!matches!(report.second_order, SecondOrder::Indefinite(_)), "{what}");
            assert!(slow || report.value - least < 1e-9, "{what}");
        }
    }
}

/// A network of eight units, which are more parameters than the data determine: the minima are a valley.
fn network_misfit<'t>(p: &[Var<'t>]) -> Var<'t> {
    let data = [(-1.0, 0.3), (-0.4, -0.6), (0.2, 0.5), (0.9, -0.2)];
    let output =
        |t: f64| -> Var<'t> { p.chunks_exact(3).map(|u| u[2] * (u[0] * t + u[1]).tanh()).sum() };
    data.iter().map(|&(t, y)| (output(t) - y).powi(2)).sum()
}

#[test]
fn overparameterised_networks_end_in_minima() {
    for seed in 0..4 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let start: Vec<f64> = (0..24).map(|_| rng.random_range(-1.0..1.0)).collect();
        let f = record(&start).function(network_misfit).unwrap();
        for (method, minimize) in FREE {
            let report = minimize(&f, &mut start.clone()).unwrap();
            let what = format!("{method} from start {seed}: {report}");
            assert!(report.converged() && report.value < 1e-12, "{what}");
        }
    }
}

/// A start far up makes the default tolerance wide: what is left below the point must not be taken for nothing.
#[test]
fn a_start_far_up_ends_in_no_false_minimum() {
    let mut reached = 0;
    for (steep, start) in [(100.0, [0.0, 0.1]), (30.0, [3.0, -0.02]), (200.0, [0.0, 0.1])] {
        for (height, length) in [(1.0, 1.0), (1e-12, 1e6), (1e12, 1e-6)] {
            let start = start.map(|x: f64| x * length);
            let f = record(&start)
                .function(move |x| {
                    let [u, v] = [x[0] / length, x[1] / length];
                    ((u - 1.0).powi(2) + ((v * steep).exp() - 1.0).powi(2)) * height
                })
                .unwrap();
            for (name, solve) in ANY {
                let mut x = start;
                let report = solve(&f, &mut x).unwrap();
                let there = report.value < 1e-4 * height;
                // There the exponential is 0 beside 1 in all digits, and so every point a minimum.
                let level = steep * x[1] / length < -37.0;
                assert!(
                    there || level || !report.converged(),
                    "{name} from {start:?}: {report} at {x:?}"
                );
                reached += usize::from(there && report.certified());
            }
        }
    }
    assert!(reached > 5 * ANY.len(), "{reached} of {}", 9 * ANY.len());
}

/// So it is where some curvatures are nothing beside others: of a molecule from atoms close together, and in a flat valley.
#[test]
fn a_start_far_up_in_a_valley_ends_in_no_false_minimum() {
    for r in [0.05, 0.1] {
        let start = [0.0, 0.0, 0.0, r, 0.01, 0.0, 0.0, r, 0.02];
        let f = record(&start).function(lennard_jones).unwrap();
        for (name, solve) in ANY {
            let mut x = start;
            let report = solve(&f, &mut x).unwrap();
            // Pairs and single atoms far apart are minima in all digits.
            let known =
                [-3.0, -2.0, -1.0, 0.0].iter().any(|e: &f64| (report.value - e).abs() < 1e-5);
            assert!(known || !report.converged(), "{name} from r = {r}: {report} at {x:?}");
        }
    }
    for steep in [1e12, 1e15] {
        let f = record(&[1.0, 0.0])
            .function(move |x| x[0].powi(2) * steep - x[1].powi(2) + x[1].powi(4))
            .unwrap();
        for (name, solve) in ANY {
            let mut x = [1.0, 0.0];
            let report = solve(&f, &mut x).unwrap();
            let there = (report.value + 0.25).abs() < 1e-6;
            assert!(there || !report.converged(), "{name}, steepness {steep}: {report} at {x:?}");
        }
    }
}

/// Negative curvature that is real stays what it is, however faint beside the other curvatures and the value.
#[test]
fn saddles_are_never_minima() {
    let faint = record(&[0.0, 0.0])
        .function(|x| x[0].powi(2) * 1e3 - x[1].powi(2) * 5e-6 + x[1].powi(4) + 1.0)
        .unwrap();
    let monkey = record(&[1e-6, 0.0])
        .function(|x| {
            x[0].powi(3) - x[0] * x[1].powi(2) * 3.0 + (x[0].powi(2) + x[1].powi(2)).powi(2) + 1.0
        })
        .unwrap();
    let cosine = record(&[0.0, 1e-9]).function(|x| x[0].cos() + x[1].cos()).unwrap();
    // The negative eigenvalue is 10⁻¹³ of the other one, and still no rounding.
    let steep = record(&[0.0, 0.0])
        .function(|x| x[0].powi(2) * 1e13 - x[1].powi(2) + x[1].powi(4) + x[0] * x[1] * 1e2)
        .unwrap();
    let cases: [(&dyn Objective<f64>, &[f64], f64); 5] = [
        (&faint, &[0.0, 0.0], 1.0 - 1e-14),
        (&steep, &[0.0, 0.0], -0.2),
        (&monkey, &[1e-6, 0.0], 1.0 - 0.1),
        (&cosine, &[0.0, 1e-9], -2.0 + 1e-9),
        (&saddle(), &[0.0, 0.0], -0.25 + 1e-9),
    ];
    for (f, start, most) in cases {
        for (method, minimize) in ANY {
            let mut x = start.to_vec();
            let report = minimize(f, &mut x).unwrap();
            assert!(!report.converged() || report.value <= most, "{method}: {report}");
        }
    }
}

/// A Hessian that is not finite certifies nothing.
#[test]
fn a_hessian_of_nan_is_no_certificate() {
    let cusp = ByHand::new(
        2,
        |x: &[f64], g: &mut [f64]| {
            g.fill(0.0);
            (x[0].hypot(x[1]) - 1.0).powi(2)
        },
        |_: &[f64], _: &[f64], hv: &mut [f64]| hv.fill(f64::NAN),
    );
    for (method, minimize) in ANY {
        let report = minimize(&cusp, &mut [0.0, 0.0]).unwrap();
        assert_eq!(report.second_order, SecondOrder::NotFinite, "{method}: {report}");
        assert!(!report.converged() && !report.certified(), "{method}: {report}");
        assert!(report.to_string().starts_with("not converged"), "{method}: {report}");
    }
}

/// `(|x| − 1)²`, which knows its kink.
struct Folded;

impl Objective<f64> for Folded {
    fn dim(&self) -> usize {
        1
    }
    fn value(&self, x: &[f64]) -> Result<f64, Error> {
        Ok((x[0].abs() - 1.0).powi(2))
    }
    fn value_and_gradient_into(&self, x: &[f64], gradient: &mut [f64]) -> Result<f64, Error> {
        let sign = if x[0] == 0.0 { 0.0 } else { x[0].signum() };
        gradient[0] = 2.0 * (x[0].abs() - 1.0) * sign;
        self.value(x)
    }
    fn linearize<'a>(&'a self, x: &[f64]) -> Result<Box<dyn Linearized<f64> + 'a>, Error> {
        let mut gradient = vec![0.0];
        let value = self.value_and_gradient_into(x, &mut gradient)?;
        Ok(Box::new(FoldedAt { value, gradient }))
    }
    fn kinks(&self, x: &[f64]) -> Result<Vec<String>, Error> {
        Ok(if x[0] == 0.0 { vec!["|x| at 0".to_owned()] } else { Vec::new() })
    }
}

struct FoldedAt {
    value: f64,
    gradient: Vec<f64>,
}

impl Linearized<f64> for FoldedAt {
    fn value(&self) -> f64 {
        self.value
    }
    fn gradient(&self) -> &[f64] {
        &self.gradient
    }
    fn hessian(&self) -> &dyn LinearOperator<f64> {
        self
    }
}

impl LinearOperator<f64> for FoldedAt {
    fn dim(&self) -> usize {
        1
    }
    fn apply(&self, v: &[f64], out: &mut [f64]) -> Result<(), Error> {
        out[0] = 2.0 * v[0];
        Ok(())
    }
}

#[test]
fn a_kink_is_no_certificate() {
    for (method, minimize) in ANY {
        let report = minimize(&Folded, &mut [0.0]).unwrap();
        assert_eq!(report.second_order, SecondOrder::NotSmooth, "{method}: {report}");
        assert_eq!(report.obstacles, ["|x| at 0"], "{method}");
        assert!(!report.converged() && !report.certified(), "{method}: {report}");
        let text = report.to_string();
        assert!(text.contains("not smooth here: not certified\n  |x| at 0\n"), "{text}");
        let report = minimize(&Folded, &mut [0.3]).unwrap();
        assert!(report.converged() && report.certified(), "{method}: {report}");
        assert!(report.obstacles.is_empty());
    }
}

/// Problem 10 of Moré, Garbow and Hillstrom.
fn meyer<'t>(x: &[Var<'t>]) -> Vec<Var<'t>> {
    let y = [
        34780.0, 28610.0, 23650.0, 19630.0, 16370.0, 13720.0, 11540.0, 9744.0, 8261.0, 7030.0,
        6005.0, 5147.0, 4427.0, 3820.0, 3307.0, 2872.0,
    ];
    let model = |t: f64| x[0] * (x[1] / (x[2] + t)).exp();
    y.iter().zip(1..).map(|(&y, i)| model(45.0 + 5.0 * f64::from(i)) - y).collect()
}

/// Solved to all digits, the gradient stays far from zero, as `f` is of size 10⁹.
#[test]
fn meyer_ends_with_the_truth() {
    let start = [0.02, 4000.0, 250.0];
    let f = record(&start).function(|x| meyer(x).into_iter().map(|r| r * r).sum()).unwrap();
    let r = Residuals::record(&start, meyer).unwrap();
    let minimum = 87.945855171;
    let runs = ANY.iter().map(|&(name, minimize)| (name, minimize(&f, &mut start.clone())));
    let squares =
        SQUARES[..2].iter().map(|&(name, minimize)| (name, minimize(&r, &mut start.clone())));
    let mut arrived = Vec::new();
    for (method, report) in runs.chain(squares) {
        let report = report.unwrap();
        println!("{method}: {report}\n");
        let there = (report.value - minimum).abs() < 1e-8 * minimum;
        assert!(there || !report.converged(), "{method}: {report}");
        assert!(!there || report.converged() && report.certified(), "{method}: {report}");
        assert!(report.iterations < 1000 || !there, "{method}: {report}");
        arrived.extend(there.then_some(method));
    }
    for method in ["Newton", "trust region, exact", "cubic regularisation", "Levenberg–Marquardt"]
    {
        assert!(arrived.contains(&method), "{arrived:?}");
    }
}

#[test]
fn tiny_functions_are_minimised_too() {
    for scale in [1e-100, 1e100] {
        let f = record(&[5.0, -2.0])
            .function(|x| ((x[0] - 3.0).powi(2) + (x[1] - x[0]).powi(2) * 10.0) * scale)
            .unwrap();
        for (method, minimize) in ANY {
            let mut x = [5.0, -2.0];
            let report = minimize(&f, &mut x).unwrap();
            let what = format!("{method} at {scale:e}: {report}");
            let there = (x[0] - 3.0).abs() < 1e-6 && (x[1] - 3.0).abs() < 1e-6;
            assert!(there == report.converged(), "{what}");
        }
    }
    let f =
        record(&[5.0, -2.0]).function(|x| ((x[0] - 3.0).powi(2) + (x[1] - x[0]).powi(2)) * 1e-300);
    let f = f.unwrap();
    for (method, minimize) in &ANY[..1] {
        let mut x = [5.0, -2.0];
        let report = minimize(&f, &mut x).unwrap();
        assert!(report.converged() && (x[0] - 3.0).abs() < 1e-12, "{method}: {report}");
    }
}

/// Residuals that determine `xy` well and `x` and `y` hardly.
#[test]
fn least_squares_at_the_level_of_rounding_have_converged() {
    let start = [1.0, 1.0];
    let f = Residuals::record(&start, |x| {
        let product = x[0] * x[1];
        vec![product - 1.5, product - 1.51, (x[0] - 1.0) * 1e-6, (x[1] - 1.1) * 1e-6]
    })
    .unwrap();
    let report = LevenbergMarquardt::default().minimize(&f, &mut start.clone()).unwrap();
    assert!(report.converged() && report.certified(), "{report}");
}

/// On the way to a minimum of `x²y²` the Hessian stays indefinite beside the gradient, until the square of the residual is 0 in
/// all digits: nothing is lower than that.
#[test]
fn a_sum_of_squares_of_0_is_no_saddle() {
    for scaling in [Scaling::Monotone, Scaling::Current, Scaling::Identity] {
        for start in [[1.0, 1.0], [1.0, 2.0]] {
            let f = Residuals::record(&start, |x| vec![x[0] * x[1]]).unwrap();
            let mut method = LevenbergMarquardt::default().scaling(scaling);
            let report = method.minimize(&f, &mut start.clone()).unwrap();
            let what = format!("{scaling:?} from {start:?}: {report}");
            assert!(report.converged() && report.value == 0.0, "{what}");
        }
    }
}

/// Powell's badly scaled function: its smallest eigenvalue is far below the rounding of the largest.
#[test]
fn a_lower_bound_allows_for_rounding() {
    let f = record(&[1.0, 1.0])
        .function(|x| {
            (x[0] * x[1] * 1e4 - 1.0).powi(2) + ((-x[0]).exp() + (-x[1]).exp() - 1.0001).powi(2)
        })
        .unwrap();
    let minimum = [1.098159329699759e-5, 9.106146739867318];
    // By the quotient of determinant and trace in many digits.
    let smallest = 6.3e-8;
    for report in [
        Newton::default().minimize(&f, &mut minimum.clone()).unwrap(),
        Lbfgs::default().minimize(&f, &mut minimum.clone()).unwrap(),
    ] {
        let curvature = report.second_order.curvature().unwrap();
        assert!(curvature.lower_bound < smallest, "{curvature:?}");
        // The largest is 1.6·10¹⁰.
        assert!(curvature.smallest - curvature.lower_bound > 1e10 * f64::EPSILON, "{curvature:?}");
        assert!(!matches!(report.second_order, SecondOrder::Indefinite(_)), "{report}");
    }
    let known = quadratic(vec![2.0, 0.0, 0.0, 1.0], vec![0.0, 0.0]);
    let curvature = Newton::default().minimize(&known, &mut [1.0, 1.0]).unwrap();
    let curvature = curvature.second_order.curvature().unwrap();
    assert!(
        curvature.lower_bound > 1.0 - 1e-14 && curvature.source == CurvatureSource::Eigenvalues
    );
}

/// Next to the inflection of a hyperbolic tangent, Newton's step leads far out onto a plateau, where the gradient is less than
/// any tolerance; on the way there is a well.
#[test]
fn newton_does_not_run_onto_a_plateau() {
    let f =
        record(&[1e-3]).function(|x| x[0].tanh() - (-(x[0] + 4.0).powi(2)).exp() * 2.0).unwrap();
    for start in [1e-3, 1e-5, -1e-4] {
        for report in [
            Newton::default().minimize(&f, &mut [start]).unwrap(),
            NewtonCg::default().minimize(&f, &mut [start]).unwrap(),
        ] {
            assert!(report.converged() && report.value < -2.9, "{start}: {report}");
        }
    }
    let steps = |max_step: f64| {
        let mut lengths = Vec::new();
        let quadratic = quadratic(vec![1.0], vec![100.0]);
        let report = Newton::default()
            .max_step(max_step)
            .on_iteration(|it| {
                lengths.push(it.record.step_length);
                std::ops::ControlFlow::Continue(())
            })
            .minimize(&quadratic, &mut [0.0])
            .unwrap();
        assert!(report.converged(), "{report}");
        lengths
    };
    assert_eq!(steps(30.0), [0.0, 30.0, 30.0, 30.0, 10.0]);
    assert_eq!(steps(1e3).len(), 2);
    let refused = Newton::default().max_step(0.0).minimize(&f, &mut [1.0]).unwrap_err();
    assert!(refused.to_string().contains("max_step = 0"), "{refused}");
}

/// A recorded function tells its kinks itself: at 0 lies the local maximum 1 of `(|x| − 1)²`, where its slope is taken as 0.
#[test]
fn a_recorded_kink_is_no_certificate() {
    let folded = record(&[0.5]).function(|x| (x[0].abs() - 1.0).powi(2)).unwrap();
    for (method, minimize) in ANY {
        is_no_certificate(&folded, "abs", method, *minimize);
        let report = minimize(&folded, &mut [0.3]).unwrap();
        assert!(report.converged() && report.certified(), "{method}: {report}");
    }
}

#[track_caller]
fn is_no_certificate(f: &Function<'_>, operation: &str, method: &str, minimize: Solve) {
    let Ok(report) = minimize(f, &mut [0.0]) else { return };
    assert!(!report.converged() && !report.certified(), "{method}: {report}");
    let told = report.obstacles.iter().any(|cause| cause.contains(operation));
    assert!(told, "{method}: {report}");
}

/// Nor are two that cancel each other, nor is one in a region that is computed again.
#[test]
fn kinks_that_cancel_or_hide_are_no_certificate() {
    let square = record(&[0.5]).function(|x| (x[0].relu() + (-x[0]).relu()).powi(2)).unwrap();
    let hidden = record(&[0.5]).function(|x| checkpoint_scalars(x, |x| (x[0].abs() - 1.0).powi(2)));
    let hidden = hidden.unwrap();
    for (method, minimize) in ANY {
        is_no_certificate(&square, "relu", method, *minimize);
        is_no_certificate(&hidden, "checkpoint", method, *minimize);
    }
}

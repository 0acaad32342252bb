//! Random programs over scalars and arrays: all compositions of forward and reverse mode agree, and a replay is the
//! function.

use std::collections::BTreeSet;

use dualtape_autodiff::{
    Dual, Error, Scalar, Tape, Var, gradient, hvp,
    inspect::ARRAY_OPERATIONS,
    jvp,
    numbers::{Binary, Unary},
    record,
};
use dualtape_testing::strategies::{Program, programs_with_stopped_gradients};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

const INPUTS: usize = 5;

type Nested = Dual<Dual<f64, 1>, 1>;

/// `vᵀ∇²f·v` by forward over forward mode: the program on a tape of nested dual numbers.
fn forward_twice(program: &Program, x: &[f64], v: &[f64]) -> Result<f64, Error> {
    let tape = Tape::<Nested>::new();
    let moved =
        |x: f64, v: f64| Dual { re: Dual { re: x, eps: [v] }, eps: [Dual { re: v, eps: [0.0] }] };
    let inputs: Vec<_> = x.iter().zip(v).map(|(&x, &v)| tape.input(moved(x, v))).collect();
    let value = program.run(&inputs).value();
    tape.error().map_or(Ok(value.eps[0].eps[0]), Err)
}

/// `∇(∇f·v)` by reverse over forward mode: a tape of dual numbers over handles of another tape.
fn reverse_over_forward(program: &Program, x: &[f64], v: &[f64]) -> Result<Vec<f64>, Error> {
    gradient(|x| slope_along(program, x, v), x)
}

/// `∇(∇f·v)` by reverse over reverse mode: the gradient of a recorded gradient.
fn reverse_twice(program: &Program, x: &[f64], v: &[f64]) -> Result<Vec<f64>, Error> {
    gradient(|x| program.run(x).gradient(x).iter().zip(v).map(|(&g, &v)| g * v).sum(), x)
}

fn slope_along<'t>(program: &Program, x: &[Var<'t>], v: &[f64]) -> Var<'t> {
    let tape = Tape::<Dual<Var<'t>, 1>>::new();
    let inputs: Vec<_> = x
        .iter()
        .zip(v)
        .map(|(&x, &v)| tape.input(Dual { re: x, eps: [Var::from_value(v)] }))
        .collect();
    let value = program.run(&inputs).value();
    value.eps[0]
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn all_modes_agree(
        program in programs_with_stopped_gradients(10),
        x in prop::array::uniform5(-1.5..1.5_f64),
        v in prop::array::uniform5(-1.0..1.0_f64),
        other in prop::array::uniform5(-1.5..1.5_f64),
    ) {
        let program = &program;
        let f = record(&x).function(|x| program.run(x)).expect("shapes fit");
        let at = f.linearize(&x).expect("shapes fit");
        let products = at.hvp(&v).expect("as long as the point");
        let one_shot = hvp(|x| program.run(x), &x, &v).expect("shapes fit");
        let nested = reverse_over_forward(program, &x, &v).expect("shapes fit");
        let recorded = reverse_twice(program, &x, &v).expect("shapes fit");
        let g = gradient(|x| program.run(x), &x).expect("shapes fit");
        let (value, slope) = jvp(|x| program.run(x), &x, &v).expect("shapes fit");
        // Rounding grows with the number of steps and with the derivatives that are added up.
        let growth = (20.0 * (1.0 + program.steps() as f64)).powi(2);
        let size = |x: &[f64]| x.iter().fold(1.0_f64, |m, x| m.max(x.abs()));
        let scale = size(&products).max(size(&g)).max(value.abs());
        let tolerance = f64::EPSILON * growth * scale * 16.0;
        let near = |a: f64, b: f64| (a - b).abs() <= tolerance || (a.is_nan() && b.is_nan());
        // Elementary functions of arrays of plain numbers have their own last bits.
        prop_assert!(near(f.value(&x).expect("same length"), value));
        for i in 0..INPUTS {
            prop_assert!(near(at.gradient()[i], g[i]), "gradient {}: {} {}", i, at.gradient()[i], g[i]);
            prop_assert!(near(products[i], one_shot[i]), "{}: {} {}", i, products[i], one_shot[i]);
            prop_assert!(near(products[i], nested[i]), "{}: {} {}", i, products[i], nested[i]);
            prop_assert!(near(products[i], recorded[i]), "{}: {} {}", i, products[i], recorded[i]);
        }
        prop_assert!(near(dot(&g, &v), slope), "{} {}", dot(&g, &v), slope);
        let curvature = forward_twice(program, &x, &v).expect("shapes fit");
        prop_assert!(near(dot(&products, &v), curvature), "{} {}", dot(&products, &v), curvature);
        // The same program elsewhere, replayed and recorded anew.
        let replayed = f.gradient(&other).expect("same length");
        let fresh = record(&other).function(|x| program.run(x)).expect("shapes fit");
        prop_assert_eq!(
            f.value(&other).expect("same length").to_bits(),
            fresh.value(&other).expect("same length").to_bits()
        );
        let again = fresh.gradient(&other).expect("same length");
        for (a, b) in replayed.iter().zip(&again) {
            prop_assert!(a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()), "{} {}", a, b);
        }
    }
}

fn weighted_gradient<'t>(program: &Program, x: &[Var<'t>]) -> Var<'t> {
    let gradient = program.run(x).gradient(x);
    gradient.iter().enumerate().map(|(i, &g)| g * Var::constant(1.0 + i as f64)).sum()
}

/// What random programs and their gradients are made of, from the registries: an operation that they lack fails the test.
#[test]
fn every_operation_occurs() -> Result<(), Error> {
    let mut runner = TestRunner::deterministic();
    let strategy = programs_with_stopped_gradients(12);
    let x = [0.3, -0.8, 1.1, 0.5, -0.2];
    let mut met = BTreeSet::new();
    let mut empty = false;
    for _ in 0..600 {
        let program = strategy.new_tree(&mut runner).expect("nothing is filtered").current();
        let of_value = record(&x).function(|x| program.run(x))?.steps(&x)?;
        empty |= of_value.iter().any(|step| step.shape.contains(&0));
        met.extend(of_value.into_iter().map(|step| step.operation));
        met.extend(
            record(&x)
                .function(|x| weighted_gradient(&program, x))?
                .steps(&x)?
                .into_iter()
                .map(|step| step.operation),
        );
    }
    let occurs = |name: &str| met.iter().any(|step| step.starts_with(name));
    let scalar = Unary::ALL
        .iter()
        .map(|f| format!("{f:?}"))
        .chain(Binary::ALL.iter().map(|f| format!("{f:?}")));
    let missing: Vec<String> = scalar
        .map(|name| name.to_lowercase())
        // Their order is no argument that varies.
        .filter(|name| !["polygamma", "besselj"].contains(&name.as_str()))
        .chain(["power", "sum", "dot", "muladd", "element"].map(String::from))
        .chain(ARRAY_OPERATIONS.iter().map(|&name| name.to_owned()))
        // Listed by the name of their function.
        .filter(|name| !["map", "elementwise operation"].contains(&name.as_str()))
        .filter(|name| !occurs(name))
        .collect();
    assert!(missing.is_empty() && empty, "{missing:?} do not occur among {met:?}");
    Ok(())
}

//! Dual numbers: the primal is the plain function's, and the tangents are its derivatives.

mod edges;
mod primal;
mod tangent;

use dualtape_autodiff::{Dual, Scalar};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// The same cases in every run.
fn fixed(cases: u32) -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(20),
        failure_persistence: None,
        cases,
        ..Default::default()
    }
}

/// Numbers on which implementations differ, and any others.
fn edge() -> impl Strategy<Value = f64> {
    let special = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        2.0,
        2.5,
        -3.0,
        1.0 - f64::EPSILON / 2.0,
        std::f64::consts::FRAC_PI_2,
        40.0,
        800.0,
        -800.0,
        1e16,
        1e-200,
        1e200,
        f64::MIN_POSITIVE,
        5e-324,
        -5e-324,
        f64::MAX,
        f64::MIN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
    ];
    prop_oneof![prop::sample::select(special.to_vec()), -10.0..10.0, any::<f64>()]
}

/// Equal bit for bit; one NaN is as good as another.
#[track_caller]
fn assert_same(got: f64, expected: f64, what: impl std::fmt::Debug) {
    let same = got.to_bits() == expected.to_bits() || got.is_nan() && expected.is_nan();
    assert!(same, "{what:?}: {got:e} instead of {expected:e}");
}

#[track_caller]
fn assert_close(got: f64, expected: f64, tolerance: f64, what: impl std::fmt::Debug) {
    let close = got == expected || (got - expected).abs() <= tolerance;
    assert!(close, "{what:?}: {got:e} instead of {expected:e}, off by more than {tolerance:e}");
}

/// `f′(x)`, for any number `x`: derivatives nest.
fn derivative<S: Scalar>(f: impl Fn(Dual<S, 1>) -> Dual<S, 1>, x: S) -> S {
    f(Dual::variable(x, 0)).eps[0]
}

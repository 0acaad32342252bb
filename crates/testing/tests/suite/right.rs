//! What is right passes, under every adaptor and at every order.

use dualtape_autodiff::{Scalar, c, custom::Elementwise, record};
use dualtape_testing::strategies::{
    apart, positive, programs, reals, simplex, symmetric_positive_definite,
};
use dualtape_testing::{
    Law, Skip, check, check_derivatives, elementwise, generic, recorded_function,
    recorded_vector_function, tensor_loss, tensors, vector,
};
use proptest::prelude::*;

fn mixed<S: Scalar>(x: &[S]) -> S {
    let mut total = S::zero();
    for pair in x.windows(2) {
        let t = pair[1] - pair[0] * pair[0];
        total += c(100.0) * t * t + (c(1.0) - pair[0]).powi(2);
        if pair[0] > pair[1] {
            total += (pair[0] - pair[1]).powi(3) * x[0].tanh();
        }
    }
    let r: S = x.iter().map(|&x| x * x).sum();
    total / (r + c(1.5)).ln() + r.powf(S::constant(1.7))
}

#[test]
fn a_generic_function_obeys_every_law() {
    let summary = check(generic!(mixed)).inputs(4).order(3).assert();
    assert!(summary.skipped().is_empty(), "{summary}");
    // At the origin the curvature of `r^1.7` is refused.
    let kept = |law: Law| match law {
        Law::Limit => summary.checked(law) + summary.refused(law),
        _ => summary.checked(law),
    };
    assert!(Law::ALL.iter().all(|&law| kept(law) >= 60), "{summary}");
    assert!(summary.checked(Law::Limit) >= 30, "{summary}");
}

#[test]
fn closures_over_scalars_and_arrays_pass() {
    check_derivatives(|x| mixed(x)).inputs(3).order(3).assert();
    check(vector(|x| vec![x[0] * x[1], (x[2] / x[0]).atan(), mixed(x)]))
        .at(positive(3))
        .order(3)
        .assert();
    check(tensors(&[&[2, 3], &[3, 2]], |x| x[0].matmul(x[1]).tanh())).order(3).assert();
    check(tensor_loss(&[&[3, 4]], |x| x[0].log_sum_exp(1).powi(2).sum())).order(3).assert();
}

#[test]
fn structured_points_pass() {
    check_derivatives(|p| p.iter().map(|&p| p * p.ln()).sum()).at(simplex(4)).order(3).assert();
    check(tensors(&[&[3, 3]], |a| (a[0] + a[0].t()).eigenvalues_symmetric()))
        .at(symmetric_positive_definite(3))
        .cases(16)
        .assert();
    check(tensors(&[&[3, 3]], |a| a[0].cholesky()))
        .at(symmetric_positive_definite(3))
        .order(3)
        .assert();
    check(tensors(&[&[5]], |x| x[0].max_axis(0))).at(apart(reals(5), 1e-2)).order(3).assert();
}

#[test]
fn inputs_without_elements_and_of_one_element_pass() {
    for shape in [&[][..], &[0], &[1], &[2, 0], &[1, 1]] {
        check(tensor_loss(&[shape], |x| x[0].tanh().sum())).order(3).cases(8).assert();
        check(tensors(&[shape, &[1]], |x| x[0] * x[1])).order(3).cases(8).assert();
    }
    check_derivatives(|_| dualtape_autodiff::Var::from_value(3.0)).inputs(0).assert();
    check_derivatives(|x| x[0]).inputs(1).order(3).assert();
}

/// `sin(tan x)` turns back and forth within the points at which rounding is looked for.
#[test]
fn points_of_fast_oscillation_are_passed_over() {
    for x in [1.5783014125, 1.5755, 1.5718] {
        let checked = check_derivatives(|x| x[0].tan() * x[1] + x[1].tan().sin())
            .at_point(&[0.05, x])
            .cases(200)
            .check();
        assert!(checked.as_ref().err().and_then(|failure| failure.law()).is_none(), "{checked:?}");
    }
}

struct Smooth;

impl Elementwise<2> for Smooth {
    const NAME: &'static str = "smooth";

    fn eval<S: Scalar>(&self, [x, y]: [S; 2]) -> S {
        if x > y { (x - y).powi(4) * y } else { (y - x).powi(4).sin() }
    }
}

#[test]
fn operations_and_recorded_functions_pass() -> Result<(), dualtape_autodiff::Error> {
    let summary = check(elementwise(Smooth, &[&[2, 1], &[3]])).order(3).assert();
    assert!(summary.skipped().is_empty(), "{summary}");
    let f = record(&[1.0, 2.0]).function(|x| mixed(x))?;
    let summary = check(recorded_function(&f)).order(3).assert();
    let skipped: Vec<Law> = summary.skipped().iter().map(|(law, _)| *law).collect();
    assert_eq!(skipped, [Law::Adjoint, Law::Replay, Law::SinglePrecision]);
    let f = record(&[1.0, 2.0]).vector(|x| vec![mixed(x), x[0] * x[1]])?;
    let summary = check(recorded_vector_function(&f)).assert();
    assert!(summary.skipped().contains(&(Law::SecondOrder, Skip::NotOffered)), "{summary}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn random_programs_pass(program in programs(8)) {
        check(program.subject()).inputs(5).order(3).cases(1).check()
            .map_err(|failure| failure.into_test_case_error())?;
    }
}

//! Operations of one's own and subjects in both precisions.

use dualtape_autodiff::{
    Error, Real, Tensor,
    custom::{Adjoint, Fault, NumericAdjoint, Operation, View},
    record, record_f32,
};
use dualtape_testing::{
    Cause, Failure, Law, Skip, Subject, check, generic_tensors, numeric_operation,
    numeric_operation_in_both, operation, operation_in_both, recorded_function_in_both,
    recorded_vector_function_in_both, tensors,
};

fn fail(subject: impl Subject) -> Failure {
    check(subject).check().expect_err("the derivative is wrong")
}

/// Whether a generic function runs in single precision: only a test of precisions may ask.
fn is_single<S>() -> bool {
    size_of::<S>() == 4
}

/// `Σ x³` over a vector, with an adjoint that is wrong in one way or the other.
#[derive(Clone, Copy)]
struct Cubes(Slip);

#[derive(Clone, Copy, PartialEq)]
enum Slip {
    None,
    Sign,
    ZeroCurvature,
    /// In single precision.
    Single,
}

impl<R: Real> Operation<R> for Cubes {
    fn name(&self) -> &'static str {
        "cubes"
    }

    fn shape(&self, _: &[&[usize]]) -> Result<Vec<usize>, String> {
        Ok(vec![])
    }

    fn forward(&self, x: &[View<'_, R>], y: &mut [R]) -> Result<(), Fault> {
        let sum: R = x[0].data.iter().map(|&x| x * x * x).sum();
        let wrong = self.0 == Slip::Single && is_single::<R>();
        y[0] = if wrong { sum * R::constant(1.01) } else { sum };
        Ok(())
    }
}

impl<R: Real> Adjoint<R> for Cubes {
    fn adjoint<'t>(
        &self,
        x: &[Tensor<'t, R>],
        _: Tensor<'t, R>,
        y_bar: Tensor<'t, R>,
    ) -> Vec<Option<Tensor<'t, R>>> {
        let square = match self.0 {
            Slip::None | Slip::Single => x[0] * x[0],
            Slip::Sign => -(x[0] * x[0]),
            Slip::ZeroCurvature => (x[0] * x[0]).stop_gradient(),
        };
        vec![Some(square * y_bar * R::constant(3.0))]
    }
}

impl<R: Real> NumericAdjoint<R> for Cubes {
    fn adjoint(
        &self,
        x: &[View<'_, R>],
        _: View<'_, R>,
        y_bar: View<'_, R>,
        x_bar: &mut [&mut [R]],
    ) {
        for (x_bar, &x) in x_bar[0].iter_mut().zip(x[0].data) {
            *x_bar = R::constant(3.0) * x * x * y_bar.data[0];
        }
    }
}

#[test]
fn hand_written_adjoints_are_verified() {
    assert!(check(operation(Cubes(Slip::None), &[&[3]])).order(3).check().is_ok());
    let line = line!() + 1;
    let sign = fail(operation(Cubes(Slip::Sign), &[&[3]]));
    assert_eq!((sign.law(), sign.cause()), (Some(Law::FirstOrder), Cause::WrongSign), "{sign}");
    assert_eq!(sign.operation(), Some("cubes"));
    let at = sign.location().map(|at| (at.file(), at.line()));
    assert_eq!(at, Some((file!(), line)), "where it was given: {sign}");
    let line = line!() + 1;
    let flat = fail(operation(Cubes(Slip::ZeroCurvature), &[&[3]]));
    assert_eq!((flat.law(), flat.cause()), (Some(Law::NoSilentZero), Cause::Zero), "{flat}");
    assert_eq!(flat.operation(), Some("cubes"), "{flat}");
    assert_eq!(flat.location().map(|at| at.line()), Some(line), "where it was given: {flat}");
    let line = line!() + 2;
    let applied = fail(tensors(&[&[3]], |x| {
        let cubes = Tensor::custom(Cubes(Slip::Sign), &[x[0].exp()]);
        cubes * 2.0
    }));
    assert_eq!(applied.location().map(|at| at.line()), Some(line), "where it is used: {applied}");
}

/// Where a derivative is 0, differences are small and none of them is.
#[test]
fn right_adjoints_are_not_refused_where_they_vanish() -> Result<(), Error> {
    for at in [[0.0; 2], [1e-9, 0.0], [0.0, 1e-5], [1e-3, -1e-3]] {
        let f =
            record(&at).array().function(|x| Tensor::custom(Cubes(Slip::None), &[x]).to_var())?;
        let gradient = f.gradient(&at)?;
        for (x, slope) in at.iter().zip(gradient) {
            assert!((slope - 3.0 * x * x).abs() <= 1e-15);
        }
        check(operation(Cubes(Slip::None), &[&[2]])).at_point(&at).cases(4).order(3).assert();
    }
    Ok(())
}

#[test]
fn what_has_no_rule_is_refused_and_the_summary_says_so() {
    let summary = check(numeric_operation(Cubes(Slip::None), &[&[3]]))
        .check()
        .expect("its gradient is right");
    assert_eq!(summary.checked(Law::FirstOrder), 64);
    assert_eq!(summary.checked(Law::NoSilentZero), 64, "a refusal is no zero: {summary}");
    let refused = |law| {
        summary
            .skipped()
            .iter()
            .any(|(skipped, skip)| *skipped == law && matches!(skip, Skip::Refused(_)))
    };
    assert!(refused(Law::SecondOrder) && refused(Law::ForwardIsReverse), "{summary}");
}

/// A scaled `exp`, with a wrong scale in single precision.
fn wrong_in_single<'t, S: Real>(x: &[Tensor<'t, S>]) -> Tensor<'t, S> {
    let scale = if is_single::<S>() { 1.01 } else { 1.0 };
    x[0].exp() * S::constant(scale)
}

fn right_in_single<'t, S: Real>(x: &[Tensor<'t, S>]) -> Tensor<'t, S> {
    x[0].exp()
}

#[test]
fn every_adaptor_finds_what_is_wrong_in_single_precision() -> Result<(), Error> {
    assert_eq!(law(generic_tensors!(right_in_single, &[&[2, 2]])), None);
    assert_eq!(law(generic_tensors!(wrong_in_single, &[&[2, 2]])), Some(Law::SinglePrecision));
    let shapes: &[&[usize]] = &[&[3]];
    assert_eq!(law(operation_in_both(Cubes(Slip::None), shapes)), None);
    let wrong = operation_in_both(Cubes(Slip::Single), shapes);
    assert_eq!(law(wrong), Some(Law::SinglePrecision));
    assert_eq!(law(numeric_operation_in_both(Cubes(Slip::None), shapes)), None);
    let wrong = numeric_operation_in_both(Cubes(Slip::Single), shapes);
    assert_eq!(law(wrong), Some(Law::SinglePrecision));

    let f = record(&[1.0; 2]).array().function(|x| wrong_in_single(&[x]).sum())?;
    let right = record_f32(&[1.0; 2]).array().function(|x| right_in_single(&[x]).sum())?;
    let wrong = record_f32(&[1.0; 2]).array().function(|x| wrong_in_single(&[x]).sum())?;
    assert_eq!(law(recorded_function_in_both(&f, &right)), None);
    assert_eq!(law(recorded_function_in_both(&f, &wrong)), Some(Law::SinglePrecision));

    let f = record(&[1.0; 2]).array().vector(|x| wrong_in_single(&[x]))?;
    let right = record_f32(&[1.0; 2]).array().vector(|x| right_in_single(&[x]))?;
    let wrong = record_f32(&[1.0; 2]).array().vector(|x| wrong_in_single(&[x]))?;
    assert_eq!(law(recorded_vector_function_in_both(&f, &right)), None);
    assert_eq!(law(recorded_vector_function_in_both(&f, &wrong)), Some(Law::SinglePrecision));
    Ok(())
}

/// The law that a subject breaks; one that breaks none must have been checked in single precision too.
fn law(subject: impl Subject) -> Option<Law> {
    match check(subject).cases(16).check() {
        Ok(summary) => {
            assert_eq!(summary.checked(Law::SinglePrecision), 16, "{summary}");
            None
        }
        Err(failure) => failure.law(),
    }
}

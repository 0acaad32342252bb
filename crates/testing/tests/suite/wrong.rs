//! What is wrong is caught, by the law that it breaks, with its cause and its line.

use dualtape_autodiff::{
    Array, Elementary, Real, Scalar, Tensor, Var, c, custom::Elementwise, numbers::Unary,
};
use dualtape_testing::strategies::{away_from, positive, reals};
use dualtape_testing::{
    Answer, At, Cause, Failure, Kinks, Law, Lost, Route, Subject, check, check_derivatives,
    elementwise, prop_assert_derivatives, tensor_loss,
};

/// `x² sin y` and its derivatives, of which one is spoilt.
#[derive(Clone, Copy, Default)]
struct Spoilt {
    gradient: Option<fn([f64; 2]) -> [f64; 2]>,
    slope: Option<f64>,
    hessian: Option<fn([f64; 4]) -> [f64; 4]>,
    reverse: Option<f64>,
}

fn fail(subject: impl Subject) -> Failure {
    check(subject).check().expect_err("the derivative is wrong")
}

impl Subject for Spoilt {
    fn inputs(&self) -> Option<usize> {
        Some(2)
    }

    fn values(&self, x: &[f64]) -> Answer<Vec<f64>> {
        Ok(vec![x[0] * x[0] * x[1].sin()])
    }

    fn gradient(&self, at: At<'_>) -> Answer<Vec<f64>> {
        let [x, y] = [at.x[0], at.x[1]];
        let gradient = [2.0 * x * y.sin(), x * x * y.cos()];
        Ok(self.gradient.map_or(gradient, |spoil| spoil(gradient)).to_vec())
    }

    fn slope(&self, at: At<'_>, v: &[f64]) -> Answer<f64> {
        let gradient = self.gradient(at)?;
        Ok(self.slope.unwrap_or(1.0) * (gradient[0] * v[0] + gradient[1] * v[1]))
    }

    fn hvp(&self, at: At<'_>, v: &[f64], route: Route) -> Answer<Vec<f64>> {
        let [x, y] = [at.x[0], at.x[1]];
        let cross = 2.0 * x * y.cos();
        let h = [2.0 * y.sin(), cross, cross, -x * x * y.sin()];
        let [a, b, c, d] = self.hessian.map_or(h, |spoil| spoil(h));
        let factor =
            if route == Route::ReverseOverReverse { self.reverse.unwrap_or(1.0) } else { 1.0 };
        Ok(vec![factor * (a * v[0] + b * v[1]), factor * (c * v[0] + d * v[1])])
    }
}

#[test]
fn each_kind_of_error_breaks_its_law() {
    assert!(check(Spoilt::default()).check().is_ok());
    let sign = fail(Spoilt { gradient: Some(|[a, b]| [a, -b]), ..Default::default() });
    assert_eq!(
        (sign.law(), sign.component(), sign.cause()),
        (Some(Law::FirstOrder), Some(1), Cause::WrongSign)
    );
    let term = fail(Spoilt { gradient: Some(|[a, b]| [a + 0.5 * b, b]), ..Default::default() });
    assert_eq!(
        (term.law(), term.component(), term.cause()),
        (Some(Law::FirstOrder), Some(0), Cause::MissingTerm)
    );
    let zero = fail(Spoilt { gradient: Some(|[_, b]| [0.0, b]), ..Default::default() });
    assert_eq!(
        (zero.law(), zero.component(), zero.cause()),
        (Some(Law::NoSilentZero), Some(0), Cause::Zero)
    );
    let mode = fail(Spoilt { slope: Some(0.5), ..Default::default() });
    assert_eq!(
        (mode.law(), mode.cause()),
        (Some(Law::ForwardIsReverse), Cause::WrongFactor { factor: 2.0 })
    );
    let transposed =
        fail(Spoilt { hessian: Some(|[a, b, c, d]| [a, b, 3.0 * c, d]), ..Default::default() });
    assert_eq!(transposed.law(), Some(Law::Symmetry));
    let flat = fail(Spoilt { hessian: Some(|_| [0.0; 4]), ..Default::default() });
    assert_eq!((flat.law(), flat.cause()), (Some(Law::NoSilentZero), Cause::Zero));
    let half = fail(Spoilt { hessian: Some(|h| h.map(|h| h / 2.0)), ..Default::default() });
    assert_eq!(
        (half.law(), half.cause()),
        (Some(Law::SecondOrder), Cause::WrongFactor { factor: 0.5 })
    );
    let route = fail(Spoilt { reverse: Some(1.0 + 1e-9), ..Default::default() });
    assert_eq!((route.law(), route.cause()), (Some(Law::SecondOrderModes), Cause::Cancellation));
}

/// The line in which it is lost.
const DETACHED: u32 = line!() + 9;

/// `ln cosh x`, whose derivative by the chain rule is lost in one branch.
struct Detached;

impl Elementwise<1> for Detached {
    const NAME: &'static str = "detached";

    fn eval<S: Scalar>(&self, [x]: [S; 1]) -> S {
        if x > c_of::<S>(0.5) { S::constant(x.primal().as_f64()) * x } else { x.cosh().ln() }
    }
}

fn c_of<S: Scalar>(value: f64) -> S {
    S::constant(value)
}

#[test]
fn a_lost_path_in_an_elementwise_operation_is_located() {
    let failure = fail(elementwise(Detached, &[&[3]]));
    // The smallest input found may lie so close to the branch that only the law of limits can tell.
    let told = matches!(failure.law(), Some(Law::FirstOrder | Law::Limit));
    assert!(told, "{failure}");
    assert_eq!(failure.cause(), Cause::WrongFactor { factor: 0.5 }, "{failure}");
    let line = failure.location().map(std::panic::Location::line);
    assert_eq!(line, Some(DETACHED), "the instruction inside it: {failure}");
}

/// The first line of a report, and whether each of `parts` is in one.
fn assert_says(failure: &Failure, headline: &str, parts: &[&str]) {
    let text = failure.to_string();
    assert!(text.starts_with(headline), "{text}");
    for part in parts {
        assert!(text.contains(part), "no \"{part}\" in {text}");
    }
}

fn line_of_read(failure: &Failure) -> Option<u32> {
    match failure.lost() {
        Some(Lost::ValueRead { at }) => at.map(std::panic::Location::line),
        _ => None,
    }
}

#[test]
fn values_that_were_read_are_named_as_the_cause() {
    let line = line!() + 1;
    let failure = fail_at(&[0.7], |x| x[0] * x[0].value());
    assert_eq!(line_of_read(&failure), Some(line), "{failure}");
    assert_eq!(failure.cause(), Cause::WrongFactor { factor: 0.5 }, "{failure}");
    let read = format!("a value was read as a plain number at {}:{line}", file!());
    assert_says(&failure, "a derivative of the function is wrong", &[&read]);

    let line = line!() + 2;
    let failure = fail_at(&[0.7, 0.3], |x| {
        let shift = x[1].exp().value();
        (x[0] + c(1.0)) / Var::from_value(shift.sin() + 2.0)
    });
    assert_eq!(line_of_read(&failure), Some(line), "{failure}");

    let line = line!() + 2;
    let failure = fail(tensor_loss(&[&[3]], |x| {
        let read = Array::new(&[3], x[0].data().to_vec()).expect("three");
        (x[0] * x[0].constant(&read)).sum()
    }));
    assert_eq!(line_of_read(&failure), Some(line), "{failure}");
}

/// `ln Σ eˣ` by a shift, which cancels: it is read without harm.
fn shifted<'t>(x: Tensor<'t>) -> Var<'t> {
    let largest = x.data().iter().fold(f64::NEG_INFINITY, |m, &x| m.max(x));
    let shift = x.constant(&Array::vector(vec![largest]));
    (x - shift).exp().sum().ln() + shift.sum()
}

#[test]
fn values_that_were_read_without_harm_are_not_named() {
    check(tensor_loss(&[&[3]], |x| shifted(x[0]))).assert();
    let failure = fail(tensor_loss(&[&[3]], |x| shifted(x[0]) + x[0].stop_gradient().sum()));
    assert_eq!(failure.lost(), Some(Lost::GradientStopped), "{failure}");
    let failure = fail(elementwise(Detached, &[&[3]]));
    assert_eq!(line_of_read(&failure), Some(DETACHED), "{failure}");
}

#[test]
fn reports_say_what_held_and_what_did_not() {
    let kink = check_derivatives(|x| x[0].abs()).at_point(&[0.0]).cases(4).check().unwrap_err();
    assert_says(
        &kink,
        "no derivative of the function was held against its values",
        &[
            "holds in     4 directions  derivatives have the lengths of their inputs",
            "not reached                all modes give the same Hessian-vector product",
            "passed over    4 directions: a kink of order 1",
        ],
    );
    let few = check_derivatives(|x| (x[0] - c(1.9)).ln()).inputs(1).seed(7).check().unwrap_err();
    let checked = few.summary().checked(Law::FirstOrder);
    assert!((1..64).contains(&checked), "{few}");
    let said = format!("checked at {checked} points only, of 64 asked for");
    assert_says(&few, "the derivatives of the function were checked", &[&said]);

    let wrong = fail(Spoilt { hessian: Some(|h| h.map(|h| h / 2.0)), ..Default::default() });
    assert!(Law::ALL.iter().all(|&law| wrong.summary().checked(law) <= 64), "{wrong}");
    assert_says(&wrong, "a derivative of the function is wrong", &["(the smallest found)"]);
    let text = wrong.to_string();
    let broken = text.lines().find(|line| line.ends_with(&Law::SecondOrder.to_string()));
    let table = text.split_once("derivatives of the function, to order").map(|(_, table)| table);
    assert!(broken.is_some(), "{wrong}");
    assert!(table.is_some_and(|table| table.contains("broken")), "{wrong}");
    let needed = check_derivatives(|x| x[0].abs()).at_point(&[0.0]).kinks(Kinks::Report);
    assert_says(
        &needed.check().unwrap_err(),
        "the function has no derivative at a point",
        &["[0.0] (given)", "a kink"],
    );
}

#[test]
fn the_line_of_a_stopped_gradient_is_found() {
    let line = line!() + 3;
    let failure = fail(tensor_loss(&[&[4]], |x| {
        let y = x[0].exp();
        let z = y.stop_gradient() * y;
        z.sin().sum()
    }));
    assert_eq!(failure.law(), Some(Law::NoSilentZero), "{failure}");
    assert_eq!(failure.location().map(std::panic::Location::line), Some(line), "{failure}");
    assert!(failure.to_string().contains("stopgradient"), "{failure}");
    assert_eq!(failure.lost(), Some(Lost::GradientStopped), "{failure}");
    assert!(failure.to_string().contains("the gradient was stopped"), "{failure}");
}

/// By bisection: some twelve trials.
#[test]
fn a_culprit_among_thousands_of_instructions_is_found() {
    let line = line!() + 5;
    let failure = fail_at(&[0.7, 1.3], |x| {
        let mut y = x[0];
        for k in 0..500 {
            if k == 137 {
                y += y.map(Unary::StopGradient) * c(0.5);
            }
            y += (y * x[1]).sin() * c(0.001);
        }
        y
    });
    assert_eq!(failure.law(), Some(Law::NoSilentZero), "{failure}");
    assert_eq!(failure.operation(), Some("stopgradient"), "{failure}");
    assert_eq!(failure.location().map(std::panic::Location::line), Some(line), "{failure}");
}

fn fail_at(x: &[f64], f: impl for<'t> Fn(&[Var<'t>]) -> Var<'t> + Send + Sync) -> Failure {
    check_derivatives(f).at_point(x).check().expect_err("the derivative is wrong")
}

#[test]
fn zeros_that_are_right_are_no_missing_rules() {
    let flat =
        check_derivatives(|x| x[0].floor() * x[1] + x[2].relu() + (x[3] * c(800.0)).sigmoid())
            .inputs(5)
            .order(3)
            .assert();
    assert!(flat.checked(Law::NoSilentZero) >= 64, "{flat}");
    for point in [[0.0, 0.0], [0.0, 1e-3], [1e-9, 0.0]] {
        check_derivatives(|x| x[0].powi(3) * x[1] + x[1].powi(4) + x[0].powi(2))
            .at_point(&point)
            .order(3)
            .assert();
    }
}

#[test]
fn failures_shrink_to_small_inputs() {
    let failure = check_derivatives(|x| x[0] * x[1].exp() + Var::from_value(x[2].value()))
        .inputs(3)
        .check()
        .expect_err("the third input has no derivative");
    assert_eq!((failure.component(), failure.cause()), (Some(2), Cause::Zero), "{failure}");
    assert!(failure.input().iter().all(|x| x.abs() < 1e-3), "{failure}");
}

#[test]
fn kinks_are_avoided_or_reported() {
    let at_kink =
        || check_derivatives(|x| (x[0] - 0.5).abs() * x[1]).at_point(&[0.5, 1.0]).cases(4);
    let nothing = at_kink().check().unwrap_err();
    assert_eq!(nothing.law(), None);
    assert_eq!(nothing.summary().rejected(), 4);
    let reported = at_kink().kinks(Kinks::Report).check().unwrap_err();
    assert_eq!((reported.law(), reported.cause()), (Some(Law::FirstOrder), Cause::Kink));
    let bent =
        check_derivatives(|x| x[0].relu().powi(2)).at_point(&[0.0]).kinks(Kinks::Report).check();
    assert_eq!(bent.unwrap_err().law(), Some(Law::SecondOrder));
    check_derivatives(|x| (x[0] - 0.5).abs() * x[1])
        .at(away_from(reals(2), &[0.5], 1e-3))
        .kinks(Kinks::Report)
        .assert();
}

#[test]
fn points_without_a_value_are_passed_over_and_counted() {
    let summary = check_derivatives(|x| x[0].ln() + x[1].sqrt()).inputs(2).cases(16).assert();
    assert!(summary.rejected() > 0);
    check_derivatives(|x| x[0].ln() + x[1].sqrt()).at(positive(2)).kinks(Kinks::Report).assert();
    let nowhere = check_derivatives(|x| (x[0] - 10.0).ln()).inputs(1).check().unwrap_err();
    assert!(nowhere.to_string().contains("no derivative"), "{nowhere}");
    let unknown = check_derivatives(|x| x[0] * c(2.0)).check().unwrap_err();
    assert!(unknown.to_string().contains("`inputs`"), "{unknown}");
}

#[test]
fn the_macro_fails_the_test_around_it_and_rejects_kinks() {
    use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
    let run = |test: fn(Vec<f64>) -> Result<(), TestCaseError>| {
        let config = Config { cases: 8, failure_persistence: None, ..Config::default() };
        TestRunner::new(config).run(&reals(1), test)
    };
    let right = run(|x| {
        prop_assert_derivatives!(|x| x[0].sin(), &x, order = 3);
        Ok(())
    });
    assert!(right.is_ok());
    let wrong = run(|x| {
        prop_assert_derivatives!(|x| x[0] * x[0].value(), &x);
        Ok(())
    });
    assert!(matches!(wrong, Err(TestError::Fail(..))), "{wrong:?}");
    let kinked = run(|_| {
        prop_assert_derivatives!(|x| x[0].abs(), &[0.0]);
        Ok(())
    });
    assert!(matches!(kinked, Err(TestError::Abort(..))), "{kinked:?}");
}

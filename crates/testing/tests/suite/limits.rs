//! Derivatives at special points: the limit of differences, or a refusal.

use dualtape_autodiff::{Var, c};
use dualtape_testing::strategies::{reals, special};
use dualtape_testing::{
    Answer, At, Domain, Failure, Law, Refusal, Route, Subject, Summary, check, check_derivatives,
    tensor_loss,
};

/// A function of `N` inputs with derivatives by hand, which are refused where there is none.
struct ByHand<V, G, H, const N: usize> {
    value: V,
    gradient: G,
    hessian: H,
}

fn by_hand<V, G, H, const N: usize>(value: V, gradient: G, hessian: H) -> ByHand<V, G, H, N>
where
    V: Fn([f64; N]) -> f64,
    G: Fn([f64; N]) -> Option<[f64; N]>,
    H: Fn([f64; N]) -> Option<[[f64; N]; N]>,
{
    ByHand { value, gradient, hessian }
}

fn point<const N: usize>(x: &[f64]) -> [f64; N] {
    x.try_into().expect("as many as there are inputs")
}

impl<V, G, H, const N: usize> Subject for ByHand<V, G, H, N>
where
    V: Fn([f64; N]) -> f64,
    G: Fn([f64; N]) -> Option<[f64; N]>,
    H: Fn([f64; N]) -> Option<[[f64; N]; N]>,
{
    fn inputs(&self) -> Option<usize> {
        Some(N)
    }

    fn values(&self, x: &[f64]) -> Answer<Vec<f64>> {
        Ok(vec![(self.value)(point(x))])
    }

    fn gradient(&self, at: At<'_>) -> Answer<Vec<f64>> {
        let gradient = (self.gradient)(point(at.x));
        gradient.map(|g| g.to_vec()).ok_or(Refusal::failed("indeterminate"))
    }

    fn hvp(&self, at: At<'_>, v: &[f64], route: Route) -> Answer<Vec<f64>> {
        if route != Route::ForwardOverReverse {
            return Err(Refusal::NotOffered);
        }
        let hessian = (self.hessian)(point(at.x)).ok_or(Refusal::failed("indeterminate"))?;
        Ok(hessian.iter().map(|row| row.iter().zip(v).map(|(h, v)| h * v).sum()).collect())
    }
}

/// `x`, with another derivative at 0, if any.
fn identity(at_zero: Option<f64>) -> impl Subject {
    let gradient = move |[x]: [f64; 1]| if x == 0.0 { at_zero.map(|g| [g]) } else { Some([1.0]) };
    by_hand(|[x]| x, gradient, |_| Some([[0.0]]))
}

fn broken(subject: impl Subject, domain: Domain) -> Failure {
    let failure = check(subject).in_domain(domain).check().expect_err("a number that is no limit");
    assert_eq!(failure.law(), Some(Law::Limit), "{failure}");
    failure
}

fn kept(subject: impl Subject) -> Summary {
    kept_to(2, subject)
}

fn kept_to(order: usize, subject: impl Subject) -> Summary {
    match check(subject).order(order).check() {
        Ok(summary) => summary,
        Err(failure) => panic!("{failure}"),
    }
}

#[test]
fn a_gradient_that_is_not_the_limit_is_found() {
    assert_eq!(kept(identity(Some(1.0))).checked(Law::Limit), 64);
    for given in [0.0, 2.0, f64::INFINITY, f64::NAN] {
        let failure = broken(identity(Some(given)), Domain::Reals);
        assert_eq!((failure.input(), failure.given().to_bits()), (&[0.0][..], given.to_bits()));
        assert!((failure.expected() - 1.0).abs() < 1e-9, "{failure}");
    }
    // At the end of a domain the limit is that from inside.
    let root = by_hand(
        |[x]: [f64; 1]| x.sqrt() * x.sqrt(),
        |[x]| Some([f64::from(x != 0.0)]),
        |_| Some([[0.0]]),
    );
    assert!((broken(root, Domain::Positive).expected() - 1.0).abs() < 1e-9);
    // At a tie, where the slopes of max and min cancel.
    let tie = by_hand(
        |[x, y]: [f64; 2]| x.max(y) + x.min(y),
        |[x, y]| Some(if x == y { [0.5, 0.5] } else { [1.0, 1.0] }),
        |_| Some([[0.0; 2]; 2]),
    );
    let failure = broken(tie, Domain::Reals);
    assert_eq!(failure.given(), 0.5, "{failure}");
    assert!(failure.input()[0] == failure.input()[1], "{failure}");
}

#[test]
fn a_hessian_that_is_not_the_limit_is_found() {
    let unit = |x: [f64; 2]| if x == [0.0; 2] { 0.0 } else { 1.0 };
    let half_square = by_hand(
        |[x, y]: [f64; 2]| 0.5 * x.hypot(y).powi(2),
        Some,
        move |x| Some([[unit(x), 0.0], [0.0, unit(x)]]),
    );
    let failure = broken(half_square, Domain::Reals);
    assert_eq!((failure.input(), failure.given()), (&[0.0, 0.0][..], 0.0), "{failure}");
    let square = by_hand(
        |[x, y]: [f64; 2]| x.abs().powi(2) + x * y,
        |[x, y]| Some([2.0 * x + y, x]),
        |[x, _]| Some([[if x == 0.0 { f64::NAN } else { 2.0 }, 1.0], [1.0, 0.0]]),
    );
    let failure = broken(square, Domain::Reals);
    assert_eq!(failure.component(), Some(0), "{failure}");
}

#[test]
fn a_finite_slope_where_it_is_infinite_is_found() {
    let root = |at_zero: f64| {
        by_hand(
            |[x]: [f64; 1]| x.cbrt(),
            move |[x]| Some([if x == 0.0 { at_zero } else { x.abs().powf(-2.0 / 3.0) / 3.0 }]),
            |[x]| Some([[-2.0 / 9.0 * x.signum() * x.abs().powf(-5.0 / 3.0)]]),
        )
    };
    for given in [0.0, f64::NEG_INFINITY] {
        let failure = broken(root(given), Domain::Reals);
        assert_eq!(failure.expected(), f64::INFINITY, "{failure}");
    }
    kept(root(f64::INFINITY));
}

#[test]
fn refusals_pass_and_are_counted() {
    let summary = kept(identity(None));
    assert!(summary.refused(Law::Limit) > 0, "{summary}");
    assert_eq!(summary.checked(Law::Limit) + summary.refused(Law::Limit), 64, "{summary}");
    let text = summary.to_string();
    assert!(text.contains("its limit, or refused: indeterminate"), "{text}");
}

#[test]
fn nothing_is_said_where_there_is_no_limit() {
    let silent = |summary: Summary| {
        assert!(summary.passed(Law::Limit) > 0, "{summary}");
        assert!(summary.to_string().contains("no limit that is certain"), "{summary}");
    };
    silent(kept(by_hand(|[x]: [f64; 1]| x.abs(), |[x]| Some([x.signum()]), |_| Some([[0.0]]))));
    // Along each line a slope, and no derivative: the slopes are not linear in the direction.
    let ratio =
        |x: f64, y: f64| if x == 0.0 && y == 0.0 { 0.0 } else { x.powi(3) / (x * x + y * y) };
    let slopes = |x: f64, y: f64| {
        let r = x * x + y * y;
        [(x.powi(4) + 3.0 * x * x * y * y) / (r * r), -2.0 * x.powi(3) * y / (r * r)]
    };
    let curved = by_hand(
        move |[x, y]: [f64; 2]| ratio(x, y),
        move |[x, y]| Some(if [x, y] == [0.0; 2] { [0.0; 2] } else { slopes(x, y) }),
        |_| None,
    );
    silent(kept_to(1, curved));
    // A second derivative that grows beyond bounds is none.
    let power = by_hand(
        |[x]: [f64; 1]| x.abs().powf(1.5),
        |[x]| Some([1.5 * x.abs().sqrt() * x.signum()]),
        |[x]| Some([[if x == 0.0 { 0.0 } else { 0.75 / x.abs().sqrt() }]]),
    );
    assert_eq!(kept(power).checked(Law::Limit), 64);
}

#[test]
fn points_of_ones_own_are_taken_as_they_are() {
    let failure = check(identity(Some(0.0))).at_point(&[0.5]).cases(4).check();
    assert!(failure.is_ok_and(|summary| summary.checked(Law::Limit) == 4));
    let everywhere = check(identity(None)).at(special(reals(1))).check();
    let summary = everywhere.expect("refused at 0, right elsewhere");
    assert!(summary.refused(Law::Limit) > 0 && summary.checked(Law::Limit) > 0, "{summary}");
    let smooth = check_derivatives(|x| (x[0] - x[1]).powi(3).sin()).at(special(reals(2)));
    assert_eq!(smooth.assert().checked(Law::Limit), 64);
    let nowhere = check(by_hand(
        |[x]: [f64; 1]| if x == 0.5 { x } else { f64::NAN },
        |_| Some([1.0]),
        |_| Some([[0.0]]),
    ));
    assert!(nowhere.at_point(&[0.5]).cases(4).check().is_err());
}

type OfScalars = for<'t> fn(&[Var<'t>]) -> Var<'t>;

/// Smooth functions with `0·∞` in the chain rule at special points: the derivative or a refusal, in every mode.
#[test]
fn our_modes_refuse_what_the_chain_rule_cannot_tell() {
    let indeterminate: [(&str, OfScalars); 6] = [
        ("∛(x³)", |x| x[0].powi(3).cbrt() + x[1].sin()),
        ("√(x⁴)", |x| x[0].powi(4).sqrt() * x[1].exp()),
        ("|x|²", |x| x[0].abs().powi(2) + x[1]),
        ("½‖x‖²", |x| x[0].hypot(x[1]).powi(2) * c(0.5)),
        ("sinh(∛x³)", |x| x[0].powi(3).cbrt().sinh() + x[1]),
        ("∛(x³)·y", |x| x[0].powi(3).cbrt() * x[1]),
    ];
    for (name, f) in indeterminate {
        match check_derivatives(f).inputs(2).check() {
            Ok(summary) => assert!(summary.refused(Law::Limit) > 0, "{name}: {summary}"),
            Err(failure) => panic!("{name}: {failure}"),
        }
    }
    let roots = check_derivatives(|x| x[0].sqrt() * x[0].sqrt()).inputs(1);
    let summary = roots.in_domain(Domain::Positive).assert();
    assert!(summary.refused(Law::Limit) > 0, "{summary}");
    let norm = tensor_loss(&[&[3]], |x| x[0].norm_axes(&[0]).powi(2).sum() * 0.5);
    assert!(check(norm).assert().refused(Law::Limit) > 0);
}

/// The subgradients of kinks that cancel are what is documented, and are counted with their lines.
#[test]
fn documented_derivatives_at_kinks_are_reported_as_such() {
    let line = line!() + 1;
    let cancelling = |x: &[f64]| check_derivatives(|x| x[0].max(0.0) - (-x[0]).relu()).at_point(x);
    let nowhere = cancelling(&[0.0]).check().expect_err("no derivative was held against values");
    assert_eq!(nowhere.law(), None, "{nowhere}");
    let said = format!("a documented derivative at a kink of max _ 0.0 at {}:{line}", file!());
    assert!(nowhere.to_string().contains(&said), "{nowhere}");
    assert!(cancelling(&[0.5]).check().is_ok());

    let kinks: [(&str, OfScalars); 3] = [
        ("relu x − relu −x", |x| x[0].relu() - (-x[0]).relu() + x[1]),
        ("exp(relu x − relu −x)", |x| (x[0].relu() - (-x[0]).relu()).exp() * x[1]),
        ("max(x, −x)²", |x| x[0].max(-x[0]).powi(2) + x[1]),
    ];
    for (name, f) in kinks {
        match check_derivatives(f).inputs(2).check() {
            Ok(summary) => {
                assert!(summary.passed(Law::Limit) > 0, "{name}: {summary}");
                let kink = summary.to_string().contains("a documented derivative at a kink of");
                assert!(kink, "{name}: {summary}");
            }
            Err(failure) => panic!("{name}: {failure}"),
        }
    }
}

#[test]
fn our_modes_give_the_limits_that_there_are() {
    let smooth: [(&str, OfScalars); 6] = [
        ("product", |x| (x[0] * x[1]).sin() + x[0].powi(3)),
        ("weight of 0", |x| 0.0 * x[0].sqrt().abs() + x[1].exp() * x[0]),
        ("power", |x| (x[0] * x[0] + x[1] * x[1] + 1.0).sqrt()),
        ("quotient", |x| x[0] / (x[1] * x[1] + 1.0)),
        ("difference of equals", |x| (x[0] - x[1]).powi(2) * (x[0] + x[1])),
        ("softplus", |x| x[0].softplus() + (x[0] - x[1]).tanh()),
    ];
    for (name, f) in smooth {
        match check_derivatives(f).inputs(2).order(3).check() {
            Ok(summary) => assert!(summary.checked(Law::Limit) >= 32, "{name}: {summary}"),
            Err(failure) => panic!("{name}: {failure}"),
        }
    }
}

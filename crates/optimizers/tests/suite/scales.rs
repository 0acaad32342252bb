//! Units do not matter: other units of the objective, or of its variables, change nothing of what a report says.

use crate::methods::{ANY, SQUARES, Solve};
use crate::published::{Problem, floats, is_known_minimum};
use crate::regressions::{Regression, STARTS};
use dualtape_autodiff::{Var, record};
use dualtape_optimizers::prelude::*;
use dualtape_optimizers::{Hso, Residuals, SecondOrder, Shift};

/// Factors of `f` and of `x`.
type Units = [f64; 2];

const OWN: Units = [1.0, 1.0];
const TENS: [Units; 6] =
    [[1e-12, 1.0], [1e12, 1.0], [1.0, 1e-6], [1.0, 1e6], [1e-12, 1e6], [1e12, 1e-6]];

/// 2¹⁰, next to 10³, so that no number is rounded differently. Where a run ends in rounding, as those of condition numbers of
/// 10¹⁶ do, the last digits may decide how.
const K: f64 = 1024.0;
const TWOS: [Units; 6] = [
    [1.0 / (K * K * K * K), 1.0],
    [K * K * K * K, 1.0],
    [1.0, 1.0 / (K * K)],
    [1.0, K * K],
    [1.0 / (K * K * K * K), K * K],
    [K * K * K * K, 1.0 / (K * K)],
];

/// What a method sees.
#[derive(Clone, Copy)]
enum Form {
    Whole,
    InTwoParts,
    InResiduals,
}

/// A sum of squares with a start.
enum Case {
    Published(Problem),
    Regression(Regression, &'static str),
}

impl Case {
    fn published() -> impl Iterator<Item = Case> {
        Problem::ALL.into_iter().map(Case::Published)
    }

    fn regressions() -> impl Iterator<Item = Case> {
        let all = Regression::all().into_iter();
        all.flat_map(|r| STARTS.map(|start| Case::Regression(r.clone(), start)))
    }

    fn name(&self) -> String {
        match self {
            Case::Published(problem) => format!("{problem:?}"),
            Case::Regression(regression, start) => format!("{} from {start}", regression.name),
        }
    }

    fn start(&self) -> Vec<f64> {
        match self {
            Case::Published(problem) => floats(&problem.reference()["x0"]),
            Case::Regression(regression, start) => regression.start(start),
        }
    }

    fn residuals<'t>(&self, x: &[Var<'t>]) -> Vec<Var<'t>> {
        match self {
            Case::Published(problem) => problem.residuals(x),
            Case::Regression(regression, _) => regression.residuals(x),
        }
    }

    fn value<'t>(&self, x: &[Var<'t>]) -> Var<'t> {
        match self {
            Case::Published(problem) => problem.value(x),
            Case::Regression(..) => sum_of_squares(&self.residuals(x)),
        }
    }

    /// `c f(x/s)` at the start, which is `s x₀`.
    fn recorded(&self, form: Form, [c, s]: Units, start: &[f64]) -> Box<dyn Objective<f64> + '_> {
        match form {
            Form::Whole => {
                Box::new(record(start).function(move |x| self.value(&divided(x, s)) * c).unwrap())
            }
            Form::InTwoParts => Box::new(
                record(start)
                    .composite(move |x| self.scaled_residuals([c, s], x), sum_of_squares)
                    .unwrap(),
            ),
            Form::InResiduals => Box::new(
                Residuals::record(start, move |x| self.scaled_residuals([c, s], x)).unwrap(),
            ),
        }
    }

    fn scaled_residuals<'t>(&self, [c, s]: Units, x: &[Var<'t>]) -> Vec<Var<'t>> {
        self.residuals(&divided(x, s)).into_iter().map(|r| r * c.sqrt()).collect()
    }

    /// Whether a point may be where a run ends, as far as that is known.
    fn may_be_minimum(&self, value: f64, x: &[f64]) -> bool {
        match self {
            Case::Published(problem) => is_known_minimum(&problem.reference(), value, x, 1e-4),
            Case::Regression(regression, _) => {
                let least = regression.data["certified_rss"].as_f64().unwrap();
                value >= least * (1.0 - 1e-8) - 1e-20
            }
        }
    }
}

fn divided<'t>(x: &[Var<'t>], s: f64) -> Vec<Var<'t>> {
    x.iter().map(|&x| x / s).collect()
}

fn sum_of_squares<'t>(r: &[Var<'t>]) -> Var<'t> {
    r.iter().map(|&r| r * r).sum()
}

/// What a report says of a run.
#[derive(Debug, PartialEq)]
struct Said {
    converged: bool,
    certified: bool,
    indefinite: bool,
}

/// More iterations than this are so near to those allowed that the last digits decide.
const MANY: usize = 900;

fn said(case: &Case, form: Form, minimize: Solve, [c, s]: Units) -> Option<(Said, String)> {
    let mut x: Vec<f64> = case.start().iter().map(|x| x * s).collect();
    let f = case.recorded(form, [c, s], &x);
    let report = minimize(&*f, &mut x).unwrap();
    if report.iterations > MANY {
        return None;
    }
    let own: Vec<f64> = x.iter().map(|x| x / s).collect();
    let said = Said {
        converged: report.converged(),
        certified: report.certified(),
        indefinite: matches!(report.second_order, SecondOrder::Indefinite(_)),
    };
    // In other units, rounding may decide which of several minima is found.
    let known = case.may_be_minimum(report.value / c, &own);
    assert!(known || !said.converged || [c, s] != OWN, "{}: {report}", case.name());
    Some((said, report.to_string()))
}

/// A method with what it sees.
type Run = (&'static str, Solve, Form);

fn on_any() -> impl Iterator<Item = Run> {
    ANY.iter().map(|&(name, minimize)| (name, minimize, Form::Whole))
}

fn on_squares() -> impl Iterator<Item = Run> {
    let forms = [Form::InResiduals; 2].into_iter().chain([Form::InTwoParts; 3]);
    SQUARES.iter().zip(forms).map(|(&(name, minimize), form)| (name, minimize, form))
}

/// The verdicts that differ from those in units of one's own, in so many others for each of the cases. All of them have their
/// turn.
fn changed(
    runs: impl Iterator<Item = Run>,
    cases: &[Case],
    others: [Units; 6],
    count: usize,
) -> Vec<String> {
    let (mut changed, mut turn) = (Vec::new(), 0);
    for (method, minimize, form) in runs {
        for case in cases {
            let Some((own, _)) = said(case, form, minimize, OWN) else { continue };
            turn += 1;
            for other in 0..count {
                let units = others[(turn + other * others.len() / count) % others.len()];
                let Some((found, report)) = said(case, form, minimize, units) else { continue };
                if found != own {
                    let case = case.name();
                    changed.push(format!(
                        "{method} on {case} in {units:?}: {own:?} became {found:?}\n{report}"
                    ));
                }
            }
        }
    }
    changed
}

fn assert_none(changed: &[String]) {
    assert!(changed.is_empty(), "{}\n{}", changed.join("\n\n"), changed.len());
}

/// With low rank convergence is so slow that a run ends in rounding, before or after all is gained.
fn ends_in_rounding((name, ..): &Run) -> bool {
    *name == "low rank"
}

#[test]
fn units_change_no_verdict() {
    let cases: Vec<_> = Case::published().collect();
    assert_none(&changed(on_any().filter(|run| !ends_in_rounding(run)), &cases, TENS, 2));
    assert_none(&changed(on_any().filter(ends_in_rounding), &cases, TWOS, 1));
}

#[test]
fn units_change_no_verdict_on_squares() {
    assert_none(&changed(on_squares(), &Case::published().collect::<Vec<_>>(), TENS, 2));
}

#[test]
fn units_change_no_verdict_on_regressions() {
    let cases: Vec<_> = Case::regressions().collect();
    assert_none(&changed(on_squares().take(2), &cases, TENS, 2));
    // Each method sees some of them, each of them all methods but for a few.
    for (k, run) in on_any().chain(on_squares().skip(2)).enumerate() {
        let some = Case::regressions().skip(k % 6).step_by(6).collect::<Vec<_>>();
        assert_none(&changed(std::iter::once(run), &some, TWOS, 1));
    }
}

#[test]
#[ignore = "takes minutes"]
fn units_change_no_verdict_on_any_regression() {
    let cases: Vec<_> = Case::regressions().collect();
    assert_none(&changed(on_any().chain(on_squares().skip(2)), &cases, TWOS, 6));
}

/// From where the curvature is 10⁴ times that at the minimum, in units in which all steps are long and all changes small.
#[test]
fn learnt_curvature_has_no_units() {
    let [c, s] = [1e-12, 1e6];
    for (name, minimize) in ANY.iter().filter(|(name, _)| name.contains("SR1")) {
        let mut x = [3.0 * s, -0.02 * s];
        let f = record(&x).function(|x| {
            let [a, b] = [x[0] / s, x[1] / s];
            ((a - 1.0).powi(2) + ((b * 100.0).exp() - 1.0).powi(2)) * c
        });
        let report = minimize(&f.unwrap(), &mut x).unwrap();
        assert!(report.converged() && report.certified(), "{name}: {report}");
        assert!(report.iterations < 100, "{name}: {report}");
    }
}

/// A shift of HSO that is measured in units of its own makes other steps in others, and may take more than are allowed; but
/// what is said of the end is true.
#[test]
fn what_is_said_of_shifts_is_true_in_any_units() {
    let shifts = [Shift::Fixed(1e-9), Shift::Adaptive(1e-6)];
    let mut converged = 0;
    for case in Case::published() {
        for (shift, [c, s]) in shifts.into_iter().flat_map(|shift| TENS.map(|u| (shift, u))) {
            let mut x: Vec<f64> = case.start().iter().map(|x| x * s).collect();
            let f = case.recorded(Form::Whole, [c, s], &x);
            let mut method = Hso::newton(shift).max_iterations(100);
            let report = method.minimize(&*f, &mut x).unwrap();
            let own: Vec<f64> = x.iter().map(|x| x / s).collect();
            let known = case.may_be_minimum(report.value / c, &own);
            let what = format!("{shift:?} on {} in {:?}: {report}", case.name(), [c, s]);
            assert!(known || !(report.converged() || report.certified()), "{what}");
            assert!(!matches!(report.second_order, SecondOrder::Indefinite(_)), "{what}");
            converged += usize::from(report.converged());
        }
    }
    assert!(converged > 100, "{converged}");
}

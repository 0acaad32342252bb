//! Reports, budgets, callbacks and refusals.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::time::Duration;

use crate::support::{quadratic, rosenbrock, saddle};
use dualtape_optimizers::{
    Adam, ByHand, Error, Linearized, Newton, NewtonCg, SecondOrder, Sgd, StopReason, prelude::*,
};

/// Counts by itself what is asked of it.
#[derive(Default)]
struct Tally {
    values: Cell<usize>,
    gradients: Cell<usize>,
    linearizations: Cell<usize>,
    hvps: Cell<usize>,
}

struct Watched<'a>(&'a dyn Objective<f64>, &'a Tally);
struct WatchedAt<'a>(Box<dyn Linearized<f64> + 'a>, &'a Tally);

fn add(cell: &Cell<usize>) {
    cell.set(cell.get() + 1);
}

impl Objective<f64> for Watched<'_> {
    fn dim(&self) -> usize {
        self.0.dim()
    }
    fn value(&self, x: &[f64]) -> Result<f64, Error> {
        add(&self.1.values);
        self.0.value(x)
    }
    fn value_and_gradient_into(&self, x: &[f64], gradient: &mut [f64]) -> Result<f64, Error> {
        add(&self.1.gradients);
        self.0.value_and_gradient_into(x, gradient)
    }
    fn linearize<'a>(&'a self, x: &[f64]) -> Result<Box<dyn Linearized<f64> + 'a>, Error> {
        add(&self.1.linearizations);
        Ok(Box::new(WatchedAt(self.0.linearize(x)?, self.1)))
    }
}

impl Linearized<f64> for WatchedAt<'_> {
    fn value(&self) -> f64 {
        self.0.value()
    }
    fn gradient(&self) -> &[f64] {
        self.0.gradient()
    }
    fn hessian(&self) -> &dyn LinearOperator<f64> {
        self
    }
}

impl LinearOperator<f64> for WatchedAt<'_> {
    fn dim(&self) -> usize {
        self.0.hessian().dim()
    }
    fn apply(&self, v: &[f64], out: &mut [f64]) -> Result<(), Error> {
        add(&self.1.hvps);
        self.0.hessian().apply(v, out)
    }
}

#[test]
fn counts_are_exact() {
    let f = rosenbrock();
    let start = [-1.2, 1.0];
    for (dense, minimize) in [
        (
            true,
            (|f, x| Newton::default().minimize(f, x)) as fn(&dyn Objective<f64>, &mut [f64]) -> _,
        ),
        (false, |f, x| NewtonCg::default().minimize(f, x)),
        (false, |f, x| Sgd::new(1e-3).max_iterations(7).minimize(f, x)),
        (false, |f, x| Adam::new(1e-3).max_iterations(7).minimize(f, x)),
    ] {
        let tally = Tally::default();
        let report = minimize(&Watched(&f, &tally), &mut start.clone()).unwrap();
        let counts = report.counts;
        let products = if dense { f.dim() * counts.hessians } else { 0 } + counts.hvps;
        assert_eq!(
            (counts.values, counts.gradients, counts.linearizations, products),
            (
                tally.values.get(),
                tally.gradients.get(),
                tally.linearizations.get(),
                tally.hvps.get()
            ),
        );
        assert_eq!(report.history.len(), report.iterations + 1);
        assert_eq!(report.history.last().unwrap().value, report.value);
        assert!(report.history.windows(2).all(|p| p[0].counts.passes(2) < p[1].counts.passes(2)));
        assert!(report.history.windows(2).all(|p| p[0].elapsed <= p[1].elapsed));
        assert!(report.history[0].step_length == 0.0 && report.history[1].step_length > 0.0);
    }
}

#[test]
fn the_summary_says_what_happened() {
    let mut x = [1.0, 0.5];
    let report = Newton::default().minimize(&saddle(), &mut x).unwrap();
    let text = report.to_string();
    for part in [
        "converged: gradient within tolerance",
        "strict local minimum",
        "f = -2.500000e-1",
        "linearizations",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let report =
        Newton::default().max_iterations(1).minimize(&rosenbrock(), &mut [-1.2, 1.0]).unwrap();
    assert!(
        report.to_string().starts_with("not converged: iterations used up\nnot stationary\n"),
        "{report}"
    );
}

#[test]
fn each_limit_has_its_reason() {
    let f = rosenbrock();
    let start = [-1.2, 1.0];
    let newton = || NewtonCg::default().gradient_tolerance(0.0);
    let stop =
        |mut method: NewtonCg<'_, f64>| method.minimize(&f, &mut start.clone()).unwrap().stop;
    assert_eq!(stop(newton().max_iterations(3)), StopReason::MaxIterations);
    assert_eq!(stop(newton().max_passes(9)), StopReason::MaxPasses);
    assert_eq!(stop(newton().time_limit(Duration::ZERO)), StopReason::TimeLimit);
    assert_eq!(stop(newton().step_tolerance(1e-2)), StopReason::StepTolerance);
    assert_eq!(stop(newton().function_tolerance(1e-1)), StopReason::FunctionTolerance);
    assert_eq!(
        stop(newton().relative_gradient_tolerance(1e-3)),
        StopReason::RelativeGradientTolerance
    );
    assert_eq!(stop(newton().gradient_tolerance(1e-3)), StopReason::GradientTolerance);
    assert_eq!(stop(newton().on_iteration(|_| ControlFlow::Break(()))), StopReason::Callback);
}

#[test]
fn a_short_step_is_not_convergence() {
    let report =
        NewtonCg::default().step_tolerance(0.5).minimize(&rosenbrock(), &mut [-1.2, 1.0]).unwrap();
    assert_eq!(report.stop, StopReason::StepTolerance);
    assert!(!report.converged() && report.second_order == SecondOrder::NotStationary);
}

/// Both linear systems and Lanczos are asked to respect a budget.
#[test]
fn a_budget_ends_the_inner_iteration() {
    let n = 40;
    let diagonal: Vec<f64> = (0..n * n)
        .map(|k| if k / n == k % n { 1.3_f64.powi((k % n) as i32) } else { 0.0 })
        .collect();
    let f = quadratic(diagonal, vec![1.0; n]);
    let report = NewtonCg::default().max_passes(10).minimize(&f, &mut vec![0.1; n]).unwrap();
    assert_eq!((report.stop, report.counts.passes(n)), (StopReason::MaxPasses, 10));
    let report = NewtonCg::default()
        .gradient_tolerance(1e9)
        .max_passes(10)
        .minimize(&f, &mut vec![0.1; n])
        .unwrap();
    assert_eq!((report.stop, report.counts.hvps), (StopReason::GradientTolerance, 9));
    assert!(report.converged() && !report.certified(), "{report}");
}

#[test]
fn a_diverging_run_returns_the_best_point() {
    let f = quadratic(vec![2.0, 0.0, 0.0, 60.0], vec![0.0, 0.0]);
    let mut x = [1.0, 1e-6];
    let report = Sgd::new(0.1).max_iterations(60).keep_history(false).minimize(&f, &mut x).unwrap();
    assert_eq!(report.value, f.value(&x).unwrap());
    assert!(report.value < 0.5 && !report.converged() && report.history.is_empty(), "{report}");
}

/// Fails as an objective may, some evaluations into the run.
#[test]
fn an_error_leaves_the_best_point() {
    struct Failing<'a>(&'a dyn Objective<f64>, Cell<usize>);
    impl Objective<f64> for Failing<'_> {
        fn dim(&self) -> usize {
            self.0.dim()
        }
        fn value(&self, x: &[f64]) -> Result<f64, Error> {
            self.0.value(x)
        }
        fn value_and_gradient_into(&self, x: &[f64], gradient: &mut [f64]) -> Result<f64, Error> {
            self.0.value_and_gradient_into(x, gradient)
        }
        fn linearize<'a>(&'a self, x: &[f64]) -> Result<Box<dyn Linearized<f64> + 'a>, Error> {
            self.1.set(self.1.get() + 1);
            if self.1.get() > 4 {
                return Err(Error::Empty);
            }
            self.0.linearize(x)
        }
    }
    let f = rosenbrock();
    let mut x = [-1.2, 1.0];
    let mut least = f64::MAX;
    let failing = Failing(&f, Cell::new(0));
    let error = Newton::default()
        .on_iteration(|it| {
            least = least.min(it.record.value);
            ControlFlow::Continue(())
        })
        .minimize(&failing, &mut x)
        .unwrap_err();
    assert_eq!(error, Error::Empty);
    assert!(least < 5.0);
    assert_eq!(f.value(&x).unwrap(), least);
}

#[test]
fn bad_input_is_refused_with_its_name() {
    let f = rosenbrock();
    let refusal = |x: &mut [f64]| Newton::default().minimize(&f, x).unwrap_err().to_string();
    assert_eq!(refusal(&mut [1.0]), "x has 1 entries, but 2 are needed");
    assert_eq!(
        refusal(&mut [1.0, f64::NAN]),
        "x[1] is NaN at the start: start from finite numbers"
    );
    assert_eq!(
        refusal(&mut [1e200, 1.0]),
        "the objective is inf at the start: choose a start inside its domain"
    );
    let setting = |mut method: NewtonCg<'_, f64>| {
        method.minimize(&f, &mut [0.0, 0.0]).unwrap_err().to_string()
    };
    assert_eq!(
        setting(NewtonCg::default().gradient_tolerance(-1.0)),
        "gradient_tolerance = -1 is not usable: it must be zero or positive, and finite"
    );
    assert_eq!(
        setting(NewtonCg::default().max_cg_iterations(0)),
        "max_cg_iterations = 0 is not usable: it must be at least 1"
    );
    assert_eq!(
        setting(NewtonCg::default().preconditioner(|_, m| m[1] = -2.0)),
        "entry 1 of the preconditioner is -2: it must be positive and finite"
    );
    let step = Sgd::new(0.1).nesterov(true).step(&mut [1.0], &[1.0]).unwrap_err();
    assert_eq!(
        step.to_string(),
        "momentum = 0 is not usable: it must be positive with Nesterov's momentum"
    );
    let mut x = [1.0, 2.0];
    let step = Adam::new(0.1).step(&mut x, &[1.0, f64::INFINITY]).unwrap_err();
    assert!(matches!(step, Error::NonFiniteGradient { component: 1, .. }));
    assert_eq!(x, [1.0, 2.0]);
    let none =
        ByHand::new(0, |_: &[f64], _: &mut [f64]| 0.0, |_: &[f64], _: &[f64], _: &mut [f64]| ());
    assert_eq!(Newton::default().minimize(&none, &mut []).unwrap_err(), Error::Empty);
}

#[test]
fn runs_are_reproducible() {
    let run = || {
        let mut x = [-1.2, 1.0];
        let report = NewtonCg::default().lanczos_seed(3).minimize(&rosenbrock(), &mut x).unwrap();
        (x, report.counts, report.second_order)
    };
    assert_eq!(run(), run());
}

#[test]
fn minimize_starts_afresh_and_step_goes_on() {
    let f = rosenbrock();
    let mut adam = Adam::new(1e-2).amsgrad(true).max_iterations(5);
    let ends = [(); 2].map(|()| {
        let mut x = [-1.2, 1.0];
        adam.minimize(&f, &mut x).unwrap();
        x
    });
    assert_eq!(ends[0], ends[1]);
    let mut x = [-1.2, 1.0];
    let mut adam = Adam::new(1e-2).amsgrad(true);
    for _ in 0..5 {
        let mut gradient = [0.0; 2];
        f.value_and_gradient_into(&x, &mut gradient).unwrap();
        adam.step(&mut x, &gradient).unwrap();
    }
    assert_eq!(x, ends[0]);
}

//! The solvers of `argmin` on exact derivatives, and problems written for it under the methods of this crate.

use crate::support::rosenbrock;
use argmin::core::{CostFunction, Error, Executor, Gradient, Hessian, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use argmin::solver::trustregion::{Steihaug, TrustRegion};
use argmin_math::ArgminDot;
use dualtape_autodiff::{Function, record};
use dualtape_optimizers::prelude::*;
use dualtape_optimizers::{ArgminProblem, FromArgmin, Newton};

fn recorded() -> Function<'static> {
    record(&[-1.2, 1.0])
        .function(|x| (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2))
        .unwrap()
}

fn assert_at_one(x: &[f64], tolerance: f64) {
    assert!(x.iter().all(|x| (x - 1.0).abs() < tolerance), "{x:?}");
}

#[test]
fn the_trust_region_of_argmin_runs_on_exact_products() {
    let f = recorded();
    let solver = TrustRegion::new(Steihaug::new());
    let result = Executor::new(ArgminProblem::new(&f), solver)
        .configure(|state| state.param(vec![-1.2, 1.0]).max_iters(100))
        .run()
        .unwrap();
    assert_at_one(result.state.get_best_param().unwrap(), 1e-6);
}

#[test]
fn l_bfgs_of_argmin_runs_on_gradients() {
    let f = recorded();
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), 5);
    let result = Executor::new(ArgminProblem::new(&f), solver)
        .configure(|state| state.param(vec![-1.2, 1.0]).max_iters(100))
        .run()
        .unwrap();
    assert_at_one(result.state.get_best_param().unwrap(), 1e-6);
}

#[test]
fn derivatives_pass_unchanged_in_both_directions() {
    let f = recorded();
    let (x, v) = (vec![0.3, -0.7], vec![1.0, -0.5]);
    let problem = ArgminProblem::new(&f);
    let hessian = problem.hessian(&x).unwrap();
    assert_eq!(hessian.dot(&v), f.linearize(&x).unwrap().hvp(&v).unwrap());
    assert_eq!(hessian.to_rows().unwrap()[1], f.hessian(&x).unwrap().row(1));
    // There and back again.
    let back = FromArgmin::new(2, problem);
    let mut gradient = [0.0; 2];
    assert_eq!(back.value_and_gradient_into(&x, &mut gradient).unwrap(), f.value(&x).unwrap());
    assert_eq!(gradient.to_vec(), f.gradient(&x).unwrap());
    let mut product = [0.0; 2];
    back.linearize(&x).unwrap().hessian().apply(&v, &mut product).unwrap();
    assert_eq!(product.to_vec(), hessian.dot(&v));
    // A wrong length is an error, not a panic.
    assert!(problem.cost(&vec![1.0]).is_err() && back.value(&[1.0]).is_err());
}

/// A problem as a user of argmin writes it.
struct Rosenbrock;

impl CostFunction for Rosenbrock {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, x: &Vec<f64>) -> Result<f64, Error> {
        if x[0] > 50.0 {
            return Err(Error::msg("too far out"));
        }
        Ok(rosenbrock().value(x)?)
    }
}

impl Gradient for Rosenbrock {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, x: &Vec<f64>) -> Result<Vec<f64>, Error> {
        let mut gradient = vec![0.0; 2];
        rosenbrock().value_and_gradient_into(x, &mut gradient)?;
        Ok(gradient)
    }
}

impl Hessian for Rosenbrock {
    type Param = Vec<f64>;
    type Hessian = Vec<Vec<f64>>;

    fn hessian(&self, x: &Vec<f64>) -> Result<Vec<Vec<f64>>, Error> {
        let mut dense = [0.0; 4];
        rosenbrock().linearize(x)?.hessian().to_dense(&mut dense)?;
        Ok(dense.chunks(2).map(<[f64]>::to_vec).collect())
    }
}

#[test]
fn newton_minimises_a_problem_of_argmin() {
    let problem = FromArgmin::new(2, Rosenbrock);
    let mut x = [-1.2, 1.0];
    let report = Newton::default().minimize(&problem, &mut x).unwrap();
    assert!(report.converged() && report.certified(), "{report}");
    assert_at_one(&x, 1e-8);
    let error = problem.value(&[60.0, 0.0]).unwrap_err();
    assert_eq!(error.to_string(), "the objective reports: too far out");
}

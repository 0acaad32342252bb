//! Steepest descent.

use dualtape_autodiff::Real;

use crate::engine::{
    Directions, LineDescent, LineSearch, Minimizer, Options, Report, descend, minimizer, run,
};
use crate::error::Error;
use crate::linalg::{dot, negate};
use crate::problem::Objective;

/// Gradient descent with a line search that starts from the step of Barzilai and Borwein (IMA J. Numer. Anal. 8 (1988)):
///
/// ```text
/// x ← x − a ∇f(x),    first trial a = sᵀs/sᵀy, with s = Δx, y = Δ∇f of the step before
/// ```
///
/// `sᵀy/sᵀs` is the mean curvature along the last step, so that the trial follows the scale of the problem.
///
/// **Defaults**: [`MoreThuente`](crate::MoreThuente) line search, 10 000 iterations, gradient tolerance by scale.
///
/// **Use it** as a baseline, to see what curvature is worth: convergence is linear with a rate that worsens with the
/// condition number of the Hessian. For the same price an iteration, [`Lbfgs`](crate::Lbfgs) and
/// [`NonlinearCg`](crate::NonlinearCg) do far better.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Scalar, c, record};
/// use dualtape_optimizers::{GradientDescent, prelude::*};
///
/// let f = record(&[3.0, -2.0]).function(|x| (x[0] - c(1.0)).powi(2) + c(10.0) * x[1].powi(2))?;
/// let mut x = [3.0, -2.0];
/// let report = GradientDescent::default().minimize(&f, &mut x)?;
/// assert!(report.converged() && report.certified());
/// assert!((x[0] - 1.0).abs() < 1e-7 && x[1].abs() < 1e-8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct GradientDescent<'c, S: Real> {
    options: Options<'c, S>,
    line_search: LineSearch<S>,
}

impl<S: Real> Default for GradientDescent<'_, S> {
    fn default() -> Self {
        GradientDescent { options: Options::new(10_000), line_search: LineSearch::default() }
    }
}

impl<S: Real> GradientDescent<'_, S> {
    /// The line search. Default [`MoreThuente`](crate::MoreThuente).
    #[must_use]
    pub fn line_search(mut self, line_search: LineSearch<S>) -> Self {
        self.line_search = line_search;
        self
    }
}

minimizer!(GradientDescent);

impl<S: Real> GradientDescent<'_, S> {
    fn solve(&mut self, objective: &dyn Objective<S>, x: &mut [S]) -> Result<Report<S>, Error> {
        self.line_search.check()?;
        let line_search = self.line_search;
        run(&mut self.options, objective, x, |objective, run, x| {
            let mut method = LineDescent::new(x.len(), Steepest { step: None }, line_search);
            descend(&mut method, objective, run, x)
        })
    }
}

/// `−g`, with the step of Barzilai and Borwein.
struct Steepest<S> {
    step: Option<S>,
}

impl<S: Real> Directions<S> for Steepest<S> {
    fn learn(&mut self, s: &[S], y: &[S]) -> Result<(), Error> {
        let step = dot(s, s) / dot(s, y);
        if step > S::zero() && step.is_normal() {
            self.step = Some(step);
        }
        Ok(())
    }

    fn turn(&mut self, gradient: &[S], direction: &mut [S]) -> Result<(), Error> {
        negate(gradient, direction);
        Ok(())
    }

    fn forget(&mut self) {
        self.step = None;
    }

    fn first_step(&self, _: S) -> Option<S> {
        self.step
    }
}

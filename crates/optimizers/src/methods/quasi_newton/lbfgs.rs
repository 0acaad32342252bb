//! L-BFGS.

use dualtape_autodiff::Real;

use super::memory::LbfgsMemory;
use crate::check::require_count;
use crate::engine::{
    Directions, LineDescent, LineSearch, Minimizer, Options, Report, descend, minimizer, run,
};
use crate::error::Error;
use crate::linalg::{LinearOperator, scale};
use crate::problem::Objective;

/// Limited-memory BFGS with a line search (Liu & Nocedal, Math. Programming 45 (1989); Nocedal & Wright, Alg. 7.5):
///
/// ```text
/// x ← x − a H ∇f(x),    H: BFGS applied to γI for the last m pairs s = Δx, y = Δ∇f
/// ```
///
/// `H` is never formed, see [`LbfgsMemory`]: `2mn` numbers, `4mn` multiplications an iteration. `γ = sᵀy/yᵀy` of the newest
/// pair gives the step its scale, so that `a = 1` is nearly always taken. Pairs with `yᵀs ≤ √ε ‖y‖ ‖s‖` are skipped. If a
/// line search fails, the memory is cleared and it is done once more straight downhill before the run is given up.
///
/// **Defaults**: `m = 10`, [`MoreThuente`](crate::MoreThuente) line search from `a = 1` (the first of all from a step of
/// length `0.3 ‖x‖`), 1000 iterations, gradient tolerance `√ε`.
///
/// **Use it** for many parameters when gradients are all that can be afforded. Convergence is linear: for high accuracy
/// [`NewtonCg`](crate::NewtonCg) usually needs less time. With bounds, [`Lbfgsb`](crate::Lbfgsb).
///
/// **Pitfalls**: gradients must be of one and the same function (no minibatches). In `f32`, ask for no more than its
/// rounding allows.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Scalar, c, record};
/// use dualtape_optimizers::{Lbfgs, prelude::*};
///
/// // the extended Rosenbrock function
/// let start = vec![-1.2; 100];
/// let f = record(&start).function(|x| {
///     x.chunks(2).map(|p| (c(1.0) - p[0]).powi(2) + c(100.0) * (p[1] - p[0] * p[0]).powi(2)).sum()
/// })?;
/// let mut x = start.clone();
/// let report = Lbfgs::default().minimize(&f, &mut x)?;
/// assert!(report.converged() && report.certified());
/// assert!(x.iter().all(|x| (x - 1.0).abs() < 1e-6));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Lbfgs<'c, S: Real> {
    options: Options<'c, S>,
    memory: usize,
    line_search: LineSearch<S>,
}

impl<S: Real> Default for Lbfgs<'_, S> {
    fn default() -> Self {
        Lbfgs { options: Options::new(1000), memory: 10, line_search: LineSearch::default() }
    }
}

impl<S: Real> Lbfgs<'_, S> {
    /// The number `m` of pairs kept. Default 10; more than 20 seldom pay.
    #[must_use]
    pub fn memory(mut self, pairs: usize) -> Self {
        self.memory = pairs;
        self
    }

    /// The line search. Default [`MoreThuente`](crate::MoreThuente).
    #[must_use]
    pub fn line_search(mut self, line_search: LineSearch<S>) -> Self {
        self.line_search = line_search;
        self
    }
}

minimizer!(Lbfgs);

impl<S: Real> Lbfgs<'_, S> {
    fn solve(&mut self, objective: &dyn Objective<S>, x: &mut [S]) -> Result<Report<S>, Error> {
        require_count("memory", self.memory)?;
        self.line_search.check()?;
        let (memory, line_search) = (self.memory, self.line_search);
        run(&mut self.options, objective, x, |objective, run, x| {
            let directions = LbfgsMemory::new(x.len(), memory);
            let mut method = LineDescent::new(x.len(), directions, line_search);
            descend(&mut method, objective, run, x)
        })
    }
}

impl<S: Real> Directions<S> for LbfgsMemory<S> {
    fn learn(&mut self, s: &[S], y: &[S]) -> Result<(), Error> {
        self.update(s, y).map(drop)
    }

    fn turn(&mut self, gradient: &[S], direction: &mut [S]) -> Result<(), Error> {
        self.apply(gradient, direction)?;
        scale(-S::one(), direction);
        Ok(())
    }

    fn forget(&mut self) {
        self.clear();
    }

    fn first_step(&self, _: S) -> Option<S> {
        (!self.is_empty()).then_some(S::one())
    }
}

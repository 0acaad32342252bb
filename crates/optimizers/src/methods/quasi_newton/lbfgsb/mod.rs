//! L-BFGS within bounds.
//!
//! | file | |
//! |---|---|
//! | `mod.rs` | [`Lbfgsb`] |
//! | `cauchy.rs` | the first minimum along the projected gradient |
//! | `subspace.rs` | from there on over the variables that are free |

mod cauchy;
mod subspace;

use dualtape_autodiff::Real;

use crate::check::require_count;
use crate::engine::{
    Bounds, Here, LineSearch, Method, Minimizer, MoreThuente, Next, Options, Report, Run,
    StopReason, descend, first_trial, minimizer, run,
};
use crate::error::Error;
use crate::linalg::{LinearOperator, norm, scale};
use crate::methods::quasi_newton::memory::LbfgsMemory;
use crate::problem::Objective;

/// L-BFGS with bounds `l ≤ x ≤ u` (Byrd, Lu, Nocedal & Zhu, SIAM J. Sci. Comput. 16 (1995)).
///
/// Each iteration follows the projected path `P(x − t∇f(x))` to the first minimum of the quadratic model with the L-BFGS
/// matrix `B` (their algorithm CP, the generalised Cauchy point), which decides what variables lie on a bound. The model is
/// then minimised over the others (§5.1, direct primal method), the result projected onto the bounds (Morales & Nocedal,
/// ACM TOMS 38 (2011)), and a line search leads there. No point outside the bounds is ever evaluated.
///
/// **Stationarity** is that of the projected gradient, `‖P(x − ∇f(x)) − x‖∞`: that is what the report calls the gradient
/// norm, and what the tolerances are for. **The certificate** is that of the Hessian over the variables that lie on no bound;
/// where there are none, its smallest eigenvalue is infinite. If it is negative, the run goes on along its eigenvector, within
/// the bounds. (Where the gradient vanishes in a variable on its bound, the condition is necessary only.)
///
/// **Defaults**: `m = 10` pairs, [`MoreThuente`] line search, 1000 iterations, tolerance `√ε`. A start outside the bounds is
/// projected onto them.
///
/// **Use it** for many parameters with bounds. `2mn` numbers, `O(mn + m²n_free + n log n)` operations an iteration. Without
/// bounds it makes the steps of [`Lbfgs`](crate::Lbfgs), at the same cost.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Scalar, c, record};
/// use dualtape_optimizers::{Lbfgsb, prelude::*};
///
/// // Rosenbrock's function, whose minimum (1, 1) is out of bounds
/// let f = record(&[-1.2, 1.0]).function(|x| (c(1.0) - x[0]).powi(2) + c(100.0) * (x[1] - x[0] * x[0]).powi(2))?;
/// let mut x = [-1.2, 1.0];
/// let mut method = Lbfgsb::new(vec![-2.0, f64::NEG_INFINITY], vec![0.5, f64::INFINITY]);
/// let report = method.minimize(&f, &mut x)?;
/// assert!(report.converged() && report.certified());
/// assert!(x[0] == 0.5 && (x[1] - 0.25).abs() < 1e-8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Lbfgsb<'c, S: Real> {
    options: Options<'c, S>,
    bounds: Bounds<S>,
    memory: usize,
    line_search: MoreThuente<S>,
}

impl<S: Real> Lbfgsb<'_, S> {
    /// With bounds for each variable; `±∞` where there is none.
    pub fn new(lower: Vec<S>, upper: Vec<S>) -> Self {
        Lbfgsb {
            options: Options::new(1000),
            bounds: Bounds::new(lower, upper),
            memory: 10,
            line_search: MoreThuente::default(),
        }
    }

    /// The number `m` of pairs kept. Default 10.
    #[must_use]
    pub fn memory(mut self, pairs: usize) -> Self {
        self.memory = pairs;
        self
    }

    /// The constants of the line search. Default those of [`MoreThuente`].
    #[must_use]
    pub fn line_search(mut self, line_search: MoreThuente<S>) -> Self {
        self.line_search = line_search;
        self
    }
}

minimizer!(Lbfgsb);

impl<S: Real> Lbfgsb<'_, S> {
    fn solve(&mut self, objective: &dyn Objective<S>, x: &mut [S]) -> Result<Report<S>, Error> {
        require_count("memory", self.memory)?;
        LineSearch::MoreThuente(self.line_search).check()?;
        self.bounds.check(objective.dim())?;
        let (bounds, line_search) = (&self.bounds, self.line_search);
        let memory = LbfgsMemory::new(x.len(), self.memory);
        run(&mut self.options, objective, x, |objective, run, mut x| {
            bounds.project(&mut x);
            let mut state = State { bounds, line_search, memory, length: None, previous: None };
            descend(&mut state, objective, run, x)
        })
    }
}

/// A run of L-BFGS-B.
struct State<'b, S: Real> {
    bounds: &'b Bounds<S>,
    line_search: MoreThuente<S>,
    memory: LbfgsMemory<S>,
    /// `‖x − x_before‖`, once there was a step.
    length: Option<S>,
    /// Point and gradient of the iteration before.
    previous: Option<(Vec<S>, Vec<S>)>,
}

impl<S: Real> State<'_, S> {
    fn look_back(&mut self, x: &[S], gradient: &[S]) -> Result<(), Error> {
        let difference =
            |a: &[S], b: &[S]| -> Vec<S> { a.iter().zip(b).map(|(&a, &b)| a - b).collect() };
        if let Some((x_before, gradient_before)) = &self.previous {
            let step = difference(x, x_before);
            self.memory.update(&step, &difference(gradient, gradient_before))?;
            self.length = Some(norm(&step));
        }
        self.previous = Some((x.to_vec(), gradient.to_vec()));
        Ok(())
    }

    /// From `x` to the minimum of the model within the bounds; without bounds that is the step of L-BFGS. `None` if it is not
    /// finite.
    fn direction(&self, x: &[S], gradient: &[S]) -> Result<Option<Vec<S>>, Error> {
        let direction = if self.bounds.are_none() {
            let mut direction = vec![S::zero(); x.len()];
            self.memory.apply(gradient, &mut direction)?;
            scale(-S::one(), &mut direction);
            direction
        } else {
            let Some(target) = self.target(x, gradient) else { return Ok(None) };
            target.iter().zip(x).map(|(&target, &x)| target - x).collect()
        };
        Ok(direction.iter().all(|d| d.is_finite()).then_some(direction))
    }

    /// The minimum of the model, as far as the algorithm finds it.
    fn target(&self, x: &[S], gradient: &[S]) -> Option<Vec<S>> {
        let model = self.memory.hessian()?;
        let cauchy = cauchy::cauchy_point(&model, self.bounds, x, gradient);
        subspace::minimize(&model, self.bounds, x, gradient, cauchy)
    }

    fn search<'a>(&self, here: &Here<'a, '_, S>, direction: &[S]) -> Next<'a, S> {
        let known = (!self.memory.is_empty()).then_some(S::one());
        let first = first_trial(known, here.x, direction, self.length);
        let room = self.bounds.room(here.x, direction).max(S::one());
        let max_step = self.line_search.max_step.min(room);
        let search = LineSearch::MoreThuente(MoreThuente { max_step, ..self.line_search });
        here.search_within(&search, direction, first, self.bounds)
    }
}

impl<S: Real> Method<S> for State<'_, S> {
    fn needs_curvature(&self) -> bool {
        false
    }

    fn bounds(&self) -> Option<&Bounds<S>> {
        Some(self.bounds)
    }

    fn advance<'a>(&mut self, here: &Here<'a, '_, S>, _: &Run<'_, '_, S>) -> Next<'a, S> {
        let gradient = here.at.gradient();
        self.look_back(here.x, gradient)?;
        if !self.memory.is_empty()
            && let Some(direction) = self.direction(here.x, gradient)?
        {
            match self.search(here, &direction)? {
                Err(StopReason::LineSearch(_)) => {}
                next => return Ok(next),
            }
        }
        // Without memory the model is a sphere, and the way leads along the projected gradient.
        self.memory.clear();
        match self.direction(here.x, gradient)? {
            Some(direction) => self.search(here, &direction),
            None => Ok(Err(StopReason::NonFinite)),
        }
    }

    fn escaped(&mut self) {
        self.memory.clear();
        self.previous = None;
    }
}

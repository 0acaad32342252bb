//! The Gauss–Newton method with a line search.

use dualtape_autodiff::Real;

use super::tangent::{Tangent, default_orthogonality_tolerance};
use crate::check::require;
use crate::engine::{
    Here, LineSearch, Method, Minimizer, Next, Options, Report, Run, StopReason, descend,
    minimizer, run,
};
use crate::error::Error;
use crate::problem::Objective;

/// The Gauss–Newton method with a line search (Nocedal & Wright, §10.3), for sums of squares `f(x) = ‖r(x)‖²`:
///
/// ```text
/// x ← x + a p,    p minimises ‖J(x) p + r(x)‖
/// ```
///
/// The linear problem is solved by a column-pivoted `QR` factorization of `J`, never through `JᵀJ`, whose condition is
/// the square. Where the columns are dependent to rounding, `p` is the solution of least norm, in variables scaled so that
/// the columns of `J` have length 1 (within a factor of 2).
///
/// **Where it differs from Newton's method**: the Hessian `2JᵀJ + 2Σ rᵢ∇²rᵢ` is taken without its second term. So it
/// needs no second derivatives, `p` always leads downhill, and it converges quadratically where the residuals vanish at
/// the solution; but only linearly where they do not, and not at all without the line search where they are large and
/// curved. [`LevenbergMarquardt`](crate::LevenbergMarquardt) has a remedy, as has [`Newton`](crate::Newton) on the same
/// objective.
///
/// **Stops** as all methods do, and where the residuals are orthogonal to the columns of `J` (see
/// [`orthogonality_tolerance`](GaussNewton::orthogonality_tolerance)).
///
/// **Defaults**: [`MoreThuente`](crate::MoreThuente) line search from `a = 1`, 1000 iterations; `gradient_tolerance` is 0
/// here, as the test of orthogonality is the better one, being free of units.
///
/// **Use it** for data that the model fits well from a start that is not far off: a Jacobian and `O(m n²)` operations an
/// iteration. Else [`LevenbergMarquardt`](crate::LevenbergMarquardt), which does not rely on `J` having full rank.
///
/// **Pitfalls**: where `J` is nearly singular the steps are long and nearly orthogonal to the gradient, and the line
/// search makes them short: slow progress. Whatever the method, least squares are spoilt by outliers.
///
/// # Example
///
/// ```
/// use dualtape_optimizers::{GaussNewton, Residuals, prelude::*};
///
/// // Where do three measured distances from (0,0), (4,0) and (0,3) meet?
/// let posts = [(0.0, 0.0, 2.24), (4.0, 0.0, 2.23), (0.0, 3.0, 2.83)];
/// let mut x = [1.0, 1.0];
/// let distances = Residuals::record(&x, |x| {
///     posts.iter().map(|&(a, b, d)| ((x[0] - a).powi(2) + (x[1] - b).powi(2)).sqrt() - d).collect()
/// })?;
/// let report = GaussNewton::default().minimize(&distances, &mut x)?;
/// assert!(report.converged() && report.certified() && report.iterations < 10);
/// assert!((x[0] - 2.0_f64).abs() < 0.02 && (x[1] - 1.0).abs() < 0.02);
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
#[derive(Debug)]
pub struct GaussNewton<'c, S: Real> {
    options: Options<'c, S>,
    settings: Settings<S>,
}

#[derive(Debug, Clone, Copy)]
struct Settings<S: Real> {
    orthogonality_tolerance: S,
    line_search: LineSearch<S>,
}

impl<S: Real> Default for GaussNewton<'_, S> {
    fn default() -> Self {
        let mut options = Options::new(1000);
        options.gradient_tolerance = Some(S::zero());
        let settings = Settings {
            orthogonality_tolerance: default_orthogonality_tolerance(),
            line_search: LineSearch::default(),
        };
        GaussNewton { options, settings }
    }
}

impl<S: Real> GaussNewton<'_, S> {
    /// Stops, as converged, where `‖P r‖ ≤ t ‖r‖`, `P` the orthogonal projection on the range of `J`: the relative offset of
    /// Bates & Watts, Technometrics 23 (1981), but for their factor of degrees of freedom. It is the cosine of the angle
    /// between `r` and the tangent space, free of all units, and tells how far, measured in standard errors, the
    /// parameters still are from the solution.
    ///
    /// Also stops where `‖P r‖ ≤ 10 ε ‖|J| |x|‖`, the change of the residuals that rounding `x` makes: nothing is left to
    /// be gained. Default `10⁻³ √ε` (`1.5·10⁻¹¹` in `f64`).
    #[must_use]
    pub fn orthogonality_tolerance(mut self, tolerance: S) -> Self {
        self.settings.orthogonality_tolerance = tolerance;
        self
    }

    /// The line search. Default [`MoreThuente`](crate::MoreThuente).
    #[must_use]
    pub fn line_search(mut self, line_search: LineSearch<S>) -> Self {
        self.settings.line_search = line_search;
        self
    }
}

impl<S: Real> Settings<S> {
    fn check(&self) -> Result<(), Error> {
        require("orthogonality_tolerance", self.orthogonality_tolerance, "in [0, 1)", |t| {
            (0.0..1.0).contains(&t)
        })?;
        self.line_search.check()
    }
}

minimizer!(GaussNewton);

impl<S: Real> GaussNewton<'_, S> {
    fn solve(&mut self, objective: &dyn Objective<S>, x: &mut [S]) -> Result<Report<S>, Error> {
        self.settings.check()?;
        let settings = self.settings;
        run(&mut self.options, objective, x, |objective, run, x| {
            descend(&mut State { settings, tangent: None }, objective, run, x)
        })
    }
}

/// A run of the method.
struct State<S: Real> {
    settings: Settings<S>,
    /// At the present point, if it is finite.
    tangent: Option<Tangent>,
}

impl<S: Real> Method<S> for State<S> {
    fn is_dense(&self) -> bool {
        true
    }

    fn stationary(&mut self, here: &Here<'_, '_, S>) -> Result<Option<StopReason>, Error> {
        self.tangent = Tangent::new(here.at, here.x)?;
        let tolerance = self.settings.orthogonality_tolerance.as_f64();
        let orthogonal = self.tangent.as_ref().is_some_and(|t| t.is_orthogonal(tolerance));
        Ok(orthogonal.then_some(StopReason::OrthogonalResiduals))
    }

    fn advance<'a>(&mut self, here: &Here<'a, '_, S>, _: &Run<'_, '_, S>) -> Next<'a, S> {
        let Some(tangent) = &self.tangent else { return Ok(Err(StopReason::NonFinite)) };
        let step: Vec<S> = tangent.factors.solve().into_iter().map(S::constant).collect();
        here.search(&self.settings.line_search, &step, S::zero(), S::one())
    }
}

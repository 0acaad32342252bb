//! How well data determine parameters.

use std::fmt;

use dualtape_autodiff::Real;

use crate::check::require;
use crate::error::Error;
use crate::linalg::{
    Eigen, LeastSquaresFactors, Pivots, SymmetricFactors, dense_matrix, dot, first_non_finite,
    norm, symmetrize,
};
use crate::problem::{Linearized, Objective};
use crate::quantile::{normal, student_t};

/// Fitted parameters with their covariance matrix, standard errors and confidence intervals.
///
/// | made by | of | covariance |
/// |---|---|---|
/// | [`of_least_squares`](Uncertainty::of_least_squares) | a sum of squares | `σ² (JᵀJ)⁻¹`, `σ² = ‖r‖²/(m − n)` |
/// | [`of_likelihood`](Uncertainty::of_likelihood) | any negative log-likelihood | `(∇²f)⁻¹`, the inverse observed information |
/// | [`sandwich`](Uncertainty::sandwich) | any sum of the losses of examples | `(∇²f)⁻¹ (Σᵢ gᵢgᵢᵀ) (∇²f)⁻¹`, valid also where the likelihood is not the true one |
///
/// The first is what tables and other programs report for regressions (Bates & Watts, *Nonlinear Regression Analysis*,
/// §2.1): it leaves out the second derivatives of the residuals. They belong to the *observed* information, and
/// `of_likelihood` of `f/(2σ²)` has them. All three are linear approximations at the optimum, and say nothing of other
/// optima.
///
/// `JᵀJ` is never formed: `(JᵀJ)⁻¹ = W Wᵀ` with `W = R⁻¹` of the `QR` factorization of `J`, and standard errors are norms
/// of the rows of `W`. The Hessian is solved against unit vectors by its `LBLᵀ` factors. Where it is not positive definite,
/// or `J` not of full rank, there is no covariance, and the error names the direction that the data leave undetermined.
///
/// The point must be an optimum; that is for the [`Report`](crate::Report) of the fit to say.
///
/// # Example
///
/// ```
/// use dualtape_optimizers::{LevenbergMarquardt, Residuals, Uncertainty, prelude::*};
///
/// let data = [(1.0, 8.3), (2.0, 10.3), (3.0, 19.0), (4.0, 16.0), (5.0, 15.6), (7.0, 19.8)];
/// let mut p = [20.0, 0.24];
/// let demand = Residuals::record(&p, |p| {
///     data.iter().map(|&(x, y)| y - p[0] * (1.0 - (-p[1] * x).exp())).collect()
/// })?;
/// LevenbergMarquardt::default().minimize(&demand, &mut p)?;
/// let fit = Uncertainty::of_least_squares(&demand, &p)?;
/// assert!((fit.standard_errors()[0] - 2.4959).abs() < 1e-3);
/// let [low, high] = fit.confidence_intervals(0.95)?[0]; // Student's t with 4 degrees of freedom
/// assert!((low - 12.21).abs() < 0.01 && (high - 26.07).abs() < 0.01);
/// println!("{fit}");
/// # Ok::<(), dualtape_optimizers::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Uncertainty<S: Real = f64> {
    estimates: Vec<S>,
    covariance: Vec<f64>,
    standard_errors: Vec<f64>,
    spread: Spread,
}

/// The distribution of an estimate divided by its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Spread {
    Normal,
    /// Student's t, where `σ` is estimated.
    Student {
        degrees_of_freedom: f64,
        deviation: f64,
    },
}

impl<S: Real> Uncertainty<S> {
    /// Of a fit by least squares, whose errors have the same unknown variance: estimated from the `m` residuals with `m − n`
    /// degrees of freedom.
    ///
    /// # Errors
    ///
    /// [`Error::NoResiduals`] if the objective is not a sum of squares; [`Error::DegreesOfFreedom`] if there are not more
    /// residuals than parameters; [`Error::Undetermined`] if the Jacobian's columns are dependent to rounding;
    /// [`Error::NonFiniteValue`].
    pub fn of_least_squares(objective: &dyn Objective<S>, x: &[S]) -> Result<Self, Error> {
        Error::check_length("x", x.len(), objective.dim())?;
        let at = objective.linearize(x)?;
        let residuals = at.residuals()?;
        let (m, n) = (residuals.values().len(), x.len());
        if m <= n {
            return Err(Error::DegreesOfFreedom { residuals: m, parameters: n });
        }
        let factors = LeastSquaresFactors::new(residuals.columns(), residuals.values())
            .ok_or(Error::NonFiniteValue { value: at.value().as_f64() })?;
        if let Some(direction) = factors.null_direction() {
            return Err(Error::Undetermined { curvature: 0.0, direction });
        }
        let degrees_of_freedom = (m - n) as f64;
        let deviation = norm(residuals.values()).as_f64() / degrees_of_freedom.sqrt();
        let mut root = factors.inverse_root();
        root.iter_mut().for_each(|w| *w *= deviation);
        Ok(Self::from_root(x, &root, n, Spread::Student { degrees_of_freedom, deviation }))
    }

    /// Of an objective that is a negative log-likelihood, all examples summed: from its exact Hessian. A mean has to be
    /// multiplied by the number of examples first, a sum of squares divided by `2σ²`. With a penalty that is a negative
    /// log-prior, it is Laplace's approximation of the posterior.
    ///
    /// # Errors
    ///
    /// [`Error::Undetermined`] if the Hessian is not positive definite beyond rounding; [`Error::NonFiniteValue`]; or
    /// whatever the objective refuses.
    pub fn of_likelihood(objective: &dyn Objective<S>, x: &[S]) -> Result<Self, Error> {
        let information = Information::new(objective, x)?;
        let covariance = information.inverse();
        Ok(Self::from_covariance(x, covariance, Spread::Normal))
    }

    /// As [`of_likelihood`](Uncertainty::of_likelihood), but robust where the likelihood is not the distribution that the
    /// data have: the sandwich estimator of Huber (1967) and White, Econometrica 50 (1982). `scores` has the gradient of the
    /// loss of each example in a row of `n` entries, as [`PerExample`](dualtape_autodiff::PerExample) computes them; the
    /// objective is the sum of these losses.
    ///
    /// # Errors
    ///
    /// As there; [`Error::Length`] if `scores` is not a whole number of rows; [`Error::NonFiniteGradient`].
    pub fn sandwich(objective: &dyn Objective<S>, x: &[S], scores: &[S]) -> Result<Self, Error> {
        let n = x.len();
        let information = Information::new(objective, x)?;
        Error::check_length("the gradients of the examples", scores.len(), scores.len() / n * n)?;
        if let Some(place) = first_non_finite(scores) {
            let value = scores[place].as_f64();
            return Err(Error::NonFiniteGradient { component: place % n, value });
        }
        // Column k of H⁻¹Gᵀ for example k: its influence on the parameters.
        let examples = scores.len() / n;
        let mut root = vec![0.0; n * examples];
        for (k, score) in scores.chunks_exact(n).enumerate() {
            let mut influence: Vec<f64> = score.iter().map(|g| g.as_f64()).collect();
            information.solve_in_place(&mut influence);
            for (i, entry) in influence.into_iter().enumerate() {
                root[i * examples + k] = entry;
            }
        }
        Ok(Self::from_root(x, &root, examples, Spread::Normal))
    }

    /// For a fit by least squares whose errors have a known variance, 1 if the residuals were divided by their standard
    /// deviations: rescales the covariance, and intervals become normal. No change of one that has no estimated variance.
    #[must_use]
    pub fn known_variance(mut self, variance: S) -> Self {
        if let Spread::Student { deviation, .. } = self.spread {
            let factor = variance.as_f64() / (deviation * deviation);
            self.covariance.iter_mut().for_each(|c| *c *= factor);
            self.standard_errors.iter_mut().for_each(|s| *s *= factor.sqrt());
            self.spread = Spread::Normal;
        }
        self
    }

    /// `W Wᵀ`, `W` row by row with `columns` entries each.
    fn from_root(x: &[S], root: &[f64], columns: usize, spread: Spread) -> Self {
        let n = x.len();
        let row = |i: usize| &root[i * columns..(i + 1) * columns];
        let covariance = (0..n * n).map(|k| dot(row(k / n), row(k % n))).collect();
        let standard_errors = (0..n).map(|i| norm(row(i))).collect();
        Uncertainty { estimates: x.to_vec(), covariance, standard_errors, spread }
    }

    fn from_covariance(x: &[S], covariance: Vec<f64>, spread: Spread) -> Self {
        let standard_errors = covariance.iter().step_by(x.len() + 1).map(|c| c.sqrt()).collect();
        Uncertainty { estimates: x.to_vec(), covariance, standard_errors, spread }
    }

    /// The parameters.
    pub fn estimates(&self) -> &[S] {
        &self.estimates
    }

    /// The covariance matrix, row by row. Computed in double precision whatever `S`.
    pub fn covariance(&self) -> &[f64] {
        &self.covariance
    }

    /// The square roots of the covariance's diagonal.
    pub fn standard_errors(&self) -> &[f64] {
        &self.standard_errors
    }

    /// The matrix of correlations, row by row, with ones on the diagonal.
    pub fn correlation(&self) -> Vec<f64> {
        let (n, errors) = (self.estimates.len(), &self.standard_errors);
        let entry = |(k, c): (usize, &f64)| match (k / n, k % n) {
            (i, j) if i == j => 1.0,
            (i, j) => c / (errors[i] * errors[j]),
        };
        self.covariance.iter().enumerate().map(entry).collect()
    }

    /// The degrees of freedom of the estimated variance; `None` where it is known, and intervals normal.
    pub fn degrees_of_freedom(&self) -> Option<f64> {
        match self.spread {
            Spread::Normal => None,
            Spread::Student { degrees_of_freedom, .. } => Some(degrees_of_freedom),
        }
    }

    /// The estimated standard deviation `σ` of an error; `None` where it is known.
    pub fn residual_deviation(&self) -> Option<f64> {
        match self.spread {
            Spread::Normal => None,
            Spread::Student { deviation, .. } => Some(deviation),
        }
    }

    /// Intervals that contain each parameter with probability `level`, from Student's t distribution where the variance is
    /// estimated, else from the normal one. Each parameter by itself: all at once are contained less often.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] unless `level` is in (0, 1).
    pub fn confidence_intervals(&self, level: f64) -> Result<Vec<[f64; 2]>, Error> {
        require("level", level, "in (0, 1)", |level| level > 0.0 && level < 1.0)?;
        let width = self.width(level);
        let intervals = self.estimates.iter().zip(&self.standard_errors);
        Ok(intervals.map(|(x, s)| [x.as_f64() - width * s, x.as_f64() + width * s]).collect())
    }

    fn width(&self, level: f64) -> f64 {
        match self.spread {
            Spread::Normal => normal(level),
            Spread::Student { degrees_of_freedom, .. } => student_t(level, degrees_of_freedom),
        }
    }
}

/// Estimates, standard errors and 95 % intervals as a table.
impl<S: Real> fmt::Display for Uncertainty<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.width(0.95);
        writeln!(f, "{:>4} {:>16} {:>16}   95 % interval", "", "estimate", "standard error")?;
        for (i, (x, s)) in self.estimates.iter().zip(&self.standard_errors).enumerate() {
            let x = x.as_f64();
            let (low, high) = (x - width * s, x + width * s);
            writeln!(f, "{i:>4} {x:>16.8e} {s:>16.8e}   [{low:.6e}, {high:.6e}]")?;
        }
        match self.spread {
            Spread::Normal => f.write_str("normal intervals"),
            Spread::Student { degrees_of_freedom, deviation } => {
                write!(f, "σ = {deviation:.8e} with {degrees_of_freedom} degrees of freedom")
            }
        }
    }
}

/// A Hessian that is positive definite beyond rounding, factored.
struct Information {
    dim: usize,
    factors: SymmetricFactors,
}

impl Information {
    fn new<S: Real>(objective: &dyn Objective<S>, x: &[S]) -> Result<Self, Error> {
        let n = objective.dim();
        Error::check_length("x", x.len(), n)?;
        let at: Box<dyn Linearized<S>> = objective.linearize(x)?;
        let hessian: Vec<f64> = dense_matrix(at.hessian())?.iter().map(|h| h.as_f64()).collect();
        let not_finite = Error::NonFiniteValue { value: at.value().as_f64() };
        check_definite(n, &hessian, S::epsilon().as_f64(), &not_finite)?;
        let factors = SymmetricFactors::new(n, &hessian, Pivots::Exact).ok_or(not_finite)?;
        Ok(Information { dim: n, factors })
    }

    fn solve_in_place(&self, x: &mut [f64]) {
        self.factors.solve_in_place(x);
    }

    fn inverse(&self) -> Vec<f64> {
        let n = self.dim;
        let mut inverse = vec![0.0; n * n];
        for (i, row) in inverse.chunks_exact_mut(n).enumerate() {
            row[i] = 1.0;
            self.solve_in_place(row);
        }
        symmetrize(n, &mut inverse);
        inverse
    }
}

/// `Ok` if all eigenvalues of the matrix, scaled to a diagonal of ones so that units do not matter, are above `10 n ε`.
fn check_definite(n: usize, a: &[f64], epsilon: f64, not_finite: &Error) -> Result<(), Error> {
    let diagonal = || (0..n).map(|i| a[i * n + i]);
    if let Some(i) = diagonal().position(|d| d <= 0.0) {
        let direction = (0..n).map(|j| if i == j { 1.0 } else { 0.0 }).collect();
        return Err(Error::Undetermined { curvature: a[i * n + i], direction });
    }
    let scale: Vec<f64> = diagonal().map(|d| 1.0 / d.sqrt()).collect();
    let scaled: Vec<f64> = (0..n * n).map(|k| a[k] * scale[k / n] * scale[k % n]).collect();
    let eigen = Eigen::new(n, &scaled)?.ok_or_else(|| not_finite.clone())?;
    if eigen.values[0] > 10.0 * n as f64 * epsilon {
        return Ok(());
    }
    let vector: Vec<f64> = eigen.vector(0);
    let mut direction: Vec<f64> = vector.iter().zip(&scale).map(|(v, s)| v * s).collect();
    let length = norm(&direction);
    direction.iter_mut().for_each(|d| *d /= length);
    Err(Error::Undetermined { curvature: eigen.values[0] / (length * length), direction })
}

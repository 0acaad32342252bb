//! The objective itself along directions of interest.

use dualtape_autodiff::Real;

use crate::check::require;
use crate::error::Error;
use crate::linalg::{RitzPair, axpy, dot};
use crate::problem::{Domain, Objective};

/// The objective along a line through a point, `t ↦ f(x + t u)`.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::record;
/// use dualtape_optimizers::{ExtremeEigenpairs, LossCurve, prelude::*};
///
/// let x = [0.0, 0.0];
/// let f = record(&x).function(|x| x[0].powi(2) - x[1].powi(2) + x[1].powi(4))?;
/// let at = Objective::linearize(&f, &x)?;
/// let downhill = ExtremeEigenpairs::new(0, 1).find(at.hessian())?;
/// let curve = LossCurve::along_eigenvector(&f, &x, &downhill.smallest[0], 1.0, 41)?;
/// let lowest = curve.losses.iter().copied().fold(f64::INFINITY, f64::min);
/// assert!((lowest + 0.25).abs() < 1e-4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LossCurve {
    /// What direction it is.
    pub label: String,
    /// `t`, from `−radius` to `radius`.
    pub steps: Vec<f64>,
    /// `f(x + t u)`; NaN or infinite outside the domain.
    pub losses: Vec<f64>,
    /// What value, slope and curvature at `x` promise: `f + t uᵀ∇f + ½ λ t²`. Known along an eigenvector.
    pub model: Option<Vec<f64>>,
}

impl LossCurve {
    /// Along any direction, at `points` equidistant points from `−radius` to `radius` lengths of it.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`], [`Error::Length`], and whatever the objective refuses.
    pub fn along<S: Real>(
        label: impl Into<String>,
        objective: &dyn Objective<S>,
        x: &[S],
        direction: &[S],
        radius: f64,
        points: usize,
    ) -> Result<LossCurve, Error> {
        Error::check_length("x", x.len(), objective.dim())?;
        Error::check_length("the direction", direction.len(), x.len())?;
        let steps = steps(radius, points)?;
        let losses = steps.iter().map(|&t| loss(objective, x, &[(t, direction)]));
        let losses = losses.collect::<Result<_, Error>>()?;
        Ok(LossCurve { label: label.into(), steps, losses, model: None })
    }

    /// Along an eigenvector of the Hessian at `x`, with the parabola that its eigenvalue promises.
    ///
    /// # Errors
    ///
    /// As [`along`](LossCurve::along).
    pub fn along_eigenvector<S: Real>(
        objective: &dyn Objective<S>,
        x: &[S],
        pair: &RitzPair<S>,
        radius: f64,
        points: usize,
    ) -> Result<LossCurve, Error> {
        let label = format!("eigenvalue {:.3e}", pair.value);
        let mut curve = Self::along(label, objective, x, &pair.vector, radius, points)?;
        let mut gradient = vec![S::zero(); x.len()];
        let value = objective.value_and_gradient_into(x, &mut gradient)?.as_f64();
        let slope = dot(&gradient, &pair.vector).as_f64();
        let model = |&t: &f64| value + t * slope + 0.5 * pair.value * t * t;
        curve.model = Some(curve.steps.iter().map(model).collect());
        Ok(curve)
    }
}

/// The objective on a plane through a point, `(s, t) ↦ f(x + s u + t v)` (Li, Xu, Taylor, Studer & Goldstein, NeurIPS 2018).
///
/// # Example
///
/// ```
/// use dualtape_autodiff::record;
/// use dualtape_optimizers::{LossSurface, prelude::*};
///
/// let f = record(&[0.0; 3]).function(|x| x[0].powi(2) + x[1] * x[2])?;
/// let surface = LossSurface::around(&f, &[0.0; 3], [&[1.0, 0.0, 0.0], &[0.0, 1.0, 1.0]], 2.0, 5)?;
/// assert_eq!(surface.steps, [-2.0, -1.0, 0.0, 1.0, 2.0]);
/// assert_eq!(surface.loss(4, 1), 2.0 * 2.0 + (-1.0) * (-1.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LossSurface {
    /// `s`, and likewise `t`, from `−radius` to `radius`.
    pub steps: Vec<f64>,
    /// `f(x + s u + t v)`, one row after the other, a row for each `t`; NaN or infinite outside the domain.
    pub losses: Vec<f64>,
}

impl LossSurface {
    /// On the square of side `2 radius` spanned by two directions, at `points × points` points.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`], [`Error::Length`], and whatever the objective refuses.
    pub fn around<S: Real>(
        objective: &dyn Objective<S>,
        x: &[S],
        [u, v]: [&[S]; 2],
        radius: f64,
        points: usize,
    ) -> Result<LossSurface, Error> {
        Error::check_length("x", x.len(), objective.dim())?;
        Error::check_length("the first direction", u.len(), x.len())?;
        Error::check_length("the second direction", v.len(), x.len())?;
        let steps = steps(radius, points)?;
        let pairs = steps.iter().flat_map(|&t| steps.iter().map(move |&s| (s, t)));
        let losses = pairs.map(|(s, t)| loss(objective, x, &[(s, u), (t, v)]));
        let losses = losses.collect::<Result<_, Error>>()?;
        Ok(LossSurface { steps, losses })
    }

    /// The loss at the `i`-th step along the first direction and the `j`-th along the second.
    ///
    /// # Panics
    ///
    /// If there are fewer steps.
    pub fn loss(&self, i: usize, j: usize) -> f64 {
        self.losses[j * self.steps.len() + i]
    }
}

fn steps(radius: f64, points: usize) -> Result<Vec<f64>, Error> {
    require("radius", radius, "positive", |r| r > 0.0)?;
    require("points", points as f64, "at least 2", |p| p >= 2.0)?;
    let last = (points - 1) as f64;
    Ok((0..points).map(|i| radius * (2.0 * i as f64 / last - 1.0)).collect())
}

fn loss<S: Real>(
    objective: &dyn Objective<S>,
    x: &[S],
    offsets: &[(f64, &[S])],
) -> Result<f64, Error> {
    let mut at = x.to_vec();
    for &(t, direction) in offsets {
        axpy(S::constant(t), direction, &mut at);
    }
    Ok(Domain::new(objective).value(&at)?.as_f64())
}

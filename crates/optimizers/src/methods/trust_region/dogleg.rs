//! The dogleg path.

use std::iter::zip;

use dualtape_autodiff::Real;

use crate::engine::{Model, Proposal};
use crate::error::Error;
use crate::linalg::{Eigen, Shiftable, ShiftedCholesky, dot, norm};

/// The path from 0 to the minimiser along `−g` and on to `−B⁻¹g`, where `B` is the matrix, shifted if need be to be positive
/// definite.
pub(super) struct Dogleg {
    factors: ShiftedCholesky,
    gradient: Vec<f64>,
    cauchy: Vec<f64>,
    newton: Vec<f64>,
}

impl Dogleg {
    /// `None` if a number is not finite.
    pub(super) fn new<S: Real>(matrix: &[S], gradient: &[S]) -> Result<Option<Self>, Error> {
        let n = gradient.len();
        let Some(mut factors) = ShiftedCholesky::new(n, matrix) else { return Ok(None) };
        let gradient: Vec<f64> = gradient.iter().map(|g| g.as_f64()).collect();
        let Some(shift) = definite_shift(&mut factors, matrix, &gradient)? else { return Ok(None) };
        let mut newton: Vec<f64> = gradient.iter().map(|g| -g).collect();
        factors.solve_in_place(&mut newton);
        let (g, square) = (&gradient, dot(&gradient, &gradient));
        let along = -square / (factors.quadratic_form(g) + shift * square);
        let cauchy: Vec<f64> = g.iter().map(|g| along * g).collect();
        let finite = newton.iter().chain(&cauchy).all(|p| p.is_finite());
        Ok(finite.then_some(Dogleg { factors, gradient, cauchy, newton }))
    }

    /// The last point of the path within the radius.
    fn end(&self, radius: f64) -> Vec<f64> {
        let (cauchy, newton) = (norm(&self.cauchy), norm(&self.newton));
        if newton <= radius {
            return self.newton.clone();
        }
        if cauchy >= radius {
            return self.cauchy.iter().map(|p| p * (radius / cauchy)).collect();
        }
        let leg: Vec<f64> = zip(&self.newton, &self.cauchy).map(|(n, c)| n - c).collect();
        let (along, square) = (dot(&self.cauchy, &leg), dot(&leg, &leg));
        let left = (radius - cauchy) * (radius + cauchy);
        let root = (along * along + square * left).sqrt();
        let part = if along > 0.0 { left / (root + along) } else { (root - along) / square };
        zip(&self.cauchy, &leg).map(|(c, l)| c + part * l).collect()
    }
}

/// Factors with the least shift tried that makes the matrix positive definite; `None` if a number is not finite.
fn definite_shift<S: Real>(
    factors: &mut ShiftedCholesky,
    matrix: &[S],
    gradient: &[f64],
) -> Result<Option<f64>, Error> {
    if factors.factor(0.0) {
        return Ok(Some(0.0));
    }
    let Some(eigen) = Eigen::new(factors.dim(), matrix)? else { return Ok(None) };
    // Where there is no curvature at all, the path is that of steepest descent, as long as numbers permit.
    let size = factors.norm_bound();
    let size = if size > 0.0 { size } else { norm(gradient) * f64::MIN_POSITIVE.sqrt() };
    let rounding = f64::EPSILON.sqrt() * size.max(f64::MIN_POSITIVE / f64::EPSILON);
    let shift = (-1.5 * eigen.values[0]).max(rounding);
    Ok(factors.factor(shift).then_some(shift))
}

impl<S: Real> Model<S> for Dogleg {
    fn propose(&mut self, radius: S) -> Result<Option<Proposal<S>>, Error> {
        let p = self.end(radius.as_f64());
        let decrease = -dot(&self.gradient, &p) - 0.5 * self.factors.quadratic_form(&p);
        let step = p.iter().map(|&p| S::constant(p)).collect();
        let length = S::constant(norm(&p));
        Ok(Some(Proposal { step, length, decrease: S::constant(decrease) }))
    }
}

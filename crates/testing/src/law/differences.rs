//! Differences of values and of gradients at a point, along lines, and what they come to.

use std::cell::OnceCell;

use super::Case;
use super::case::{dot, size_of_dot};
use crate::limits::{Quotient, Trend, both, extrapolated, steps, trend};
use crate::noise::noise;
use crate::subject::At;

/// Two steps at which most derivatives already are what they must be.
pub(super) const NEAR: [f64; 2] = [1.0 / 16_384.0, 1.0 / 65_536.0];

/// Rounding is looked for this far beside the point, so close together that a power of the distance is smooth there.
const BESIDE: f64 = 1.0 / 1024.0;
const SPACING: f64 = BESIDE / 4096.0;

/// What a derivative that is far less than this part of the value is measured against.
const MATTERS: f64 = 1e-3;

/// Differences at the point of a case.
pub(super) struct Differences<'c, 'a> {
    case: &'c Case<'a>,
    /// The direction in which rounding is looked for.
    v: Vec<f64>,
    steps: Vec<f64>,
    value_rounding: OnceCell<f64>,
    gradient_rounding: OnceCell<Vec<f64>>,
}

impl<'c, 'a> Differences<'c, 'a> {
    pub(super) fn new(case: &'c Case<'a>, v: &[f64], from_zero: bool) -> Self {
        let (value_rounding, gradient_rounding) = (OnceCell::new(), OnceCell::new());
        let (v, steps) = (v.to_vec(), steps(from_zero).collect());
        Self { case, v, steps, value_rounding, gradient_rounding }
    }

    /// Whether differences at two small steps already give this derivative, on all sides that there are.
    pub(super) fn is_near(&self, order: usize, v: &[f64], given: f64) -> bool {
        let side = |sign: f64| match order {
            1 => {
                let base = dot(&self.case.values, &self.case.w);
                let [coarse, fine] =
                    NEAR.map(|h| Some((self.case.sample(sign * h, v)?.value - base) / (sign * h)));
                Some(extrapolated(coarse?, fine?))
            }
            _ => {
                let [coarse, fine] = NEAR.map(|h| self.gradient(sign * h, v));
                let change = dot(&coarse?, v) - dot(&fine?, v);
                Some(change / (sign * (NEAR[0] - NEAR[1])))
            }
        };
        let near = |measured: f64| {
            let size = given.abs().max(measured.abs());
            given.is_finite() && (given - measured).abs() <= 1e-3 * size + 1e-9 * self.size(order)
        };
        match [-1.0, 1.0].map(side) {
            [None, None] => false,
            sides => sides.into_iter().flatten().all(near),
        }
    }

    /// A size in comparison to which derivatives of this order matter, in units of the value.
    pub(super) fn size(&self, order: usize) -> f64 {
        let case = self.case;
        match order {
            1 => MATTERS * case.magnitude(),
            _ => {
                let gradient = case.any_gradient().map_or(0.0, |g| size_of_dot(g, &self.v));
                let gradient = if gradient.is_finite() { gradient } else { 0.0 };
                MATTERS * case.magnitude().max(gradient)
            }
        }
    }

    /// The gradient at a distance along a direction.
    fn gradient(&self, t: f64, v: &[f64]) -> Option<Vec<f64>> {
        let x = self.case.moved(t, v);
        let gradient = self.case.subject.gradient(At { x: &x, w: &self.case.w }).ok()?;
        (gradient.len() == x.len() && gradient.iter().all(|g| g.is_finite())).then_some(gradient)
    }

    /// What the value rounds by.
    fn value_rounding(&self) -> f64 {
        *self.value_rounding.get_or_init(|| {
            let value = |t| Some(vec![self.case.sample(t, &self.v)?.value]);
            beside(value).first().copied().unwrap_or(0.0)
        })
    }

    /// What each component of the gradient rounds by, in units of the value.
    fn gradient_rounding(&self) -> &[f64] {
        self.gradient_rounding
            .get_or_init(|| beside(|t| Some(self.case.scaled(&self.gradient(t, &self.v)?))))
    }

    /// What differences say of the derivative of this order along `v`: of order 2 of the gradient's component along `weights`.
    /// With `careful`, the rounding of the function is measured.
    /// Less than a small part of `size` does not matter.
    pub(super) fn trend(
        &self,
        order: usize,
        v: &[f64],
        weights: &[f64],
        size: f64,
        careful: bool,
    ) -> Trend {
        match order {
            1 => both([-1.0, 1.0].map(|sign| self.trend_of_values(v, sign, size, careful))),
            _ => {
                let sides = [-1.0, 1.0].map(|sign| self.gradients(v, sign));
                self.trend_of_gradients(&sides, weights, size, careful)
            }
        }
    }

    fn trend_of_values(&self, v: &[f64], sign: f64, size: f64, careful: bool) -> Trend {
        let case = self.case;
        let (base, magnitude) = (dot(&case.values, &case.w), case.magnitude());
        let rounding = if careful { 64.0 * self.value_rounding() } else { 0.0 };
        let quotients: Vec<Option<Quotient>> = self
            .steps
            .iter()
            .map(|&h| {
                let sample = case.sample(sign * h, v)?;
                let noise = 4.0 * f64::EPSILON * (sample.magnitude + magnitude) + rounding;
                Some(Quotient { value: (sample.value - base) / (sign * h), noise: noise / h })
            })
            .collect();
        trend(&quotients, self.size(1).max(size))
    }

    pub(super) fn gradients(&self, v: &[f64], sign: f64) -> Vec<Option<Vec<f64>>> {
        self.steps.iter().map(|&h| self.gradient(sign * h, v)).collect()
    }

    /// Of the slope of a gradient that is continuous at the point, in a component.
    pub(super) fn trend_of_gradients(
        &self,
        sides: &[Vec<Option<Vec<f64>>>; 2],
        weights: &[f64],
        size: f64,
        careful: bool,
    ) -> Trend {
        let case = self.case;
        let rounding = match careful {
            true => {
                let scaled = weights.iter().zip(&case.scales).map(|(w, s)| w.abs() / s);
                64.0 * scaled.zip(self.gradient_rounding()).map(|(w, noise)| w * noise).sum::<f64>()
            }
            false => 0.0,
        };
        let noise = |g: &[f64]| {
            4.0 * f64::EPSILON * size_of_dot(g, weights).max(case.magnitude()) + rounding
        };
        let size = self.size(2).max(size);
        let values = sides.each_ref().map(|side| {
            let value = |g: &Option<Vec<f64>>| {
                g.as_ref().map(|g| Quotient { value: dot(g, weights), noise: noise(g) })
            };
            trend(&side.iter().map(value).collect::<Vec<_>>(), size)
        });
        if !matches!(both(values), Trend::Limit { .. }) {
            return Trend::Unknown;
        }
        let slopes = [(-1.0, &sides[0]), (1.0, &sides[1])].map(|(sign, side)| {
            let slope = |k: usize| {
                let (coarse, fine) = (side[k].as_ref()?, side[k + 1].as_ref()?);
                let step = self.steps[k] - self.steps[k + 1];
                let value = (dot(coarse, weights) - dot(fine, weights)) / (sign * step);
                Some(Quotient { value, noise: noise(coarse).max(noise(fine)) / step })
            };
            trend(&(0..side.len() - 1).map(slope).collect::<Vec<_>>(), size)
        });
        both(slopes)
    }
}

/// The rounding of a function that is smooth on both sides of a point, but maybe not at it.
fn beside(f: impl Fn(f64) -> Option<Vec<f64>>) -> Vec<f64> {
    let [behind, ahead] = [-BESIDE, BESIDE].map(|middle| noise(|t| f(middle + t), SPACING));
    match (behind.is_empty(), ahead.is_empty()) {
        (true, _) => ahead,
        (_, true) => behind,
        _ => behind.iter().zip(&ahead).map(|(a, b)| a.max(*b)).collect(),
    }
}

/// The magnitude of a number, 0 if it is not finite.
pub(super) fn finite(x: f64) -> f64 {
    if x.is_finite() { x.abs() } else { 0.0 }
}

/// Component `i` in units of the value.
pub(super) fn along(case: &Case<'_>, i: usize) -> Vec<f64> {
    let mut direction = vec![0.0; case.x.len()];
    direction[i] = case.scales[i];
    direction
}

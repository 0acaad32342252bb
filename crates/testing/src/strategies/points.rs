//! Points in a domain, as flat vectors.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::BoxedStrategy;

use crate::directions::Uneven;

/// Coordinates are multiples of this part of the width of their interval: so fine that no two are equal but by a rare chance,
/// and such that what a failure shrinks to can be read.
const GRID: i32 = 4_000_000;

/// Where the inputs of a function lie.
///
/// Points are generic: no component 0, 1 or equal to another but by chance, and none so close to the edge of the domain
/// that the function is ill-conditioned there. A special point is made of each for [`Law::Limit`](crate::Law::Limit), with
/// components at 0, ±1, the ends or equal to others. A strategy of one's own goes to [`Check::at`](crate::Check::at).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Domain {
    /// Between −2 and 2.
    #[default]
    Reals,
    /// Between 0.05 and 4.
    Positive,
    /// Between 0.02 and 0.98.
    UnitInterval,
    /// Between two numbers.
    Between(f64, f64),
}

impl Domain {
    /// Points of `n` components.
    pub fn points(self, n: usize) -> BoxedStrategy<Vec<f64>> {
        match self {
            Self::Reals => reals(n).boxed(),
            Self::Positive => positive(n).boxed(),
            Self::UnitInterval => unit_interval(n).boxed(),
            Self::Between(low, high) => between(low, high, n).boxed(),
        }
    }

    /// Numbers at which functions are prone to be special: 0 and ±1 as far as they belong to it, and its ends.
    fn special_values(self) -> Vec<f64> {
        match self {
            Self::Reals => vec![0.0, 1.0, -1.0],
            Self::Positive => vec![0.0, 1.0],
            Self::UnitInterval => vec![0.0, 1.0, 0.5],
            Self::Between(low, high) => {
                let inside = |x: &f64| (low..=high).contains(x);
                [0.0, 1.0, -1.0].into_iter().filter(inside).chain([low, high]).collect()
            }
        }
    }

    /// A point with some components, or all, at special values or equal in magnitude to others.
    pub(crate) fn special(self, x: &[f64], seed: u64) -> Vec<f64> {
        let n = x.len();
        let mut uneven = Uneven::new(!seed);
        let values = self.special_values();
        let changed: Vec<usize> = match uneven.below(3) {
            0 => return vec![values[0]; n],
            1 => vec![uneven.below(n)],
            _ => (0..n).filter(|_| uneven.below(2) == 0).collect(),
        };
        let mut special = x.to_vec();
        for i in changed.into_iter().filter(|&i| i < n) {
            let other = special[uneven.below(n)];
            special[i] = match uneven.below(4) {
                0 => other,
                1 if self == Self::Reals => -other,
                2 => values[0],
                _ => values[uneven.below(values.len())],
            };
        }
        special
    }
}

/// Points with components between −2 and 2; they shrink towards 0.
///
/// # Example
///
/// ```
/// use dualtape_testing::{check_derivatives, strategies::reals};
///
/// check_derivatives(|x| x[0].tanh() * x[1]).at(reals(2)).assert();
/// ```
pub fn reals(n: usize) -> impl Strategy<Value = Vec<f64>> + Clone {
    between(-2.0, 2.0, n)
}

/// Points with components between 0.05 and 4.
pub fn positive(n: usize) -> impl Strategy<Value = Vec<f64>> + Clone {
    between(0.05, 4.0, n)
}

/// Points with components between 0.02 and 0.98.
pub fn unit_interval(n: usize) -> impl Strategy<Value = Vec<f64>> + Clone {
    between(0.02, 0.98, n)
}

/// Points with components between `low` and `high`; they shrink towards 0, or towards `low` if that is not between.
pub fn between(low: f64, high: f64, n: usize) -> impl Strategy<Value = Vec<f64>> + Clone {
    let width = high - low;
    let origin =
        if low < 0.0 && high > 0.0 { (-low / width * f64::from(GRID)).round() as i32 } else { 0 };
    let coordinate = (-origin..=GRID - origin).prop_map(move |k| {
        let start = if origin == 0 { low } else { 0.0 };
        // Divided, so that decimal fractions stay such.
        (start + f64::from(k) * width / f64::from(GRID)).clamp(low, high)
    });
    vec(coordinate, n)
}

/// Probabilities: positive numbers that add up to 1. None is far smaller than the others.
///
/// A derivative of a function of probabilities is checked in all directions, also those that leave the simplex.
pub fn simplex(n: usize) -> impl Strategy<Value = Vec<f64>> + Clone {
    between(0.1, 1.0, n).prop_map(|x| {
        let total: f64 = x.iter().sum();
        x.into_iter().map(|x| x / total).collect()
    })
}

/// Symmetric positive definite matrices `[n, n]`, flat, with eigenvalues of at least ½: `½·I + A Aᵀ`.
///
/// A derivative is checked in all directions, also to matrices that are not symmetric.
pub fn symmetric_positive_definite(n: usize) -> impl Strategy<Value = Vec<f64>> + Clone {
    reals(n * n).prop_map(move |a| {
        let entry = |i: usize, j: usize| -> f64 {
            let product: f64 = (0..n).map(|k| a[i * n + k] * a[j * n + k]).sum();
            product + if i == j { 0.5 } else { 0.0 }
        };
        (0..n * n).map(|k| entry(k / n, k % n)).collect()
    })
}

/// Points of another strategy with some components, or all, put at 0, 1 or −1, or equal in magnitude to another one.
///
/// A [`Domain`] has such points of its own, for [`Law::Limit`](crate::Law::Limit); here all laws are checked at them.
///
/// # Example
///
/// ```
/// use dualtape_testing::{check_derivatives, strategies::{reals, special}};
///
/// check_derivatives(|x| (x[0] - x[1]).powi(3).sin()).at(special(reals(2))).assert();
/// ```
pub fn special(points: impl Strategy<Value = Vec<f64>>) -> impl Strategy<Value = Vec<f64>> {
    (points, any::<u64>().no_shrink()).prop_map(|(x, seed)| Domain::Reals.special(&x, seed))
}

/// Points of another strategy none of whose components is within `distance` of one of `kinks`.
///
/// # Example
///
/// ```
/// use dualtape_testing::{Kinks, check_derivatives, strategies::{away_from, reals}};
///
/// let points = away_from(reals(1), &[0.0], 1e-2);
/// check_derivatives(|x| x[0].abs()).at(points).kinks(Kinks::Report).assert();
/// ```
pub fn away_from(
    points: impl Strategy<Value = Vec<f64>>,
    kinks: &[f64],
    distance: f64,
) -> impl Strategy<Value = Vec<f64>> {
    let kinks = kinks.to_vec();
    points.prop_map(move |mut x| {
        for x in &mut x {
            for kink in &kinks {
                if (*x - kink).abs() < distance {
                    *x = if *x < *kink { kink - distance } else { kink + distance };
                }
            }
        }
        x
    })
}

/// Points of another strategy no two components of which are within `distance` of each other, for sorting, maxima,
/// eigenvalues and the like.
pub fn apart(
    points: impl Strategy<Value = Vec<f64>>,
    distance: f64,
) -> impl Strategy<Value = Vec<f64>> {
    points.prop_map(move |x| {
        let mut order: Vec<usize> = (0..x.len()).collect();
        order.sort_by(|&i, &j| x[i].total_cmp(&x[j]));
        let mut spread = x.clone();
        for pair in order.windows(2) {
            spread[pair[1]] = spread[pair[1]].max(spread[pair[0]] + distance);
        }
        spread
    })
}

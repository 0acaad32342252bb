//! Points in a domain, as flat vectors.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::BoxedStrategy;

/// Coordinates are multiples of this part of the width of their interval: so fine that no two are equal but by a rare chance,
/// and such that what a failure shrinks to can be read.
const GRID: i32 = 4_000_000;

/// Where the inputs of a function lie.
///
/// Points are generic: no component 0, 1 or equal to another but by chance, and none so close to the edge of the domain
/// that the function is ill-conditioned there. A strategy of one's own goes to [`Check::at`](crate::Check::at).
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

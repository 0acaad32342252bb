//! Bounds on the variables, and what stationarity means within them.

use dualtape_autodiff::Real;

use crate::error::Error;
use crate::linalg::first_non_finite;

/// `lower ≤ x ≤ upper`, component by component; infinite where there is no bound.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bounds<S> {
    lower: Vec<S>,
    upper: Vec<S>,
}

impl<S: Real> Bounds<S> {
    pub(crate) fn new(lower: Vec<S>, upper: Vec<S>) -> Self {
        Bounds { lower, upper }
    }

    pub(crate) fn check(&self, n: usize) -> Result<(), Error> {
        Error::check_length("the lower bounds", self.lower.len(), n)?;
        Error::check_length("the upper bounds", self.upper.len(), n)?;
        let crossed = |(l, u): (&S, &S)| {
            l.partial_cmp(u).is_none_or(|order| order.is_gt())
                || *l == S::infinity()
                || -*u == S::infinity()
        };
        match self.lower.iter().zip(&self.upper).position(crossed) {
            Some(component) => Err(Error::Bounds {
                component,
                lower: self.lower[component].as_f64(),
                upper: self.upper[component].as_f64(),
            }),
            None => Ok(()),
        }
    }

    /// Whether no variable has any.
    pub(crate) fn are_none(&self) -> bool {
        self.lower.iter().chain(&self.upper).all(|bound| bound.is_infinite())
    }

    pub(crate) fn lower(&self, i: usize) -> S {
        self.lower[i]
    }

    pub(crate) fn upper(&self, i: usize) -> S {
        self.upper[i]
    }

    /// Moves `x` to the nearest point within the bounds.
    pub(crate) fn project(&self, x: &mut [S]) {
        for ((x, &l), &u) in x.iter_mut().zip(&self.lower).zip(&self.upper) {
            // A NaN stays one.
            if *x < l {
                *x = l;
            } else if *x > u {
                *x = u;
            }
        }
    }

    /// `‖P(x − g) − x‖∞`, which is 0 where the first-order conditions hold; NaN if an entry of `g` is.
    pub(crate) fn projected_norm(&self, x: &[S], gradient: &[S]) -> S {
        if first_non_finite(gradient).is_some() {
            return S::nan();
        }
        (0..x.len()).fold(S::zero(), |max, i| {
            let room =
                if gradient[i] > S::zero() { x[i] - self.lower[i] } else { self.upper[i] - x[i] };
            max.max(gradient[i].abs().min(room))
        })
    }

    /// The variables that lie on no bound.
    pub(crate) fn free(&self, x: &[S]) -> Vec<usize> {
        (0..x.len()).filter(|&i| self.lower[i] < x[i] && x[i] < self.upper[i]).collect()
    }

    /// How far along `direction` the bounds allow to go.
    pub(crate) fn room(&self, x: &[S], direction: &[S]) -> S {
        (0..x.len()).fold(S::infinity(), |least, i| {
            let d = direction[i];
            let bound = if d > S::zero() { self.upper[i] } else { self.lower[i] };
            if d.is_zero() { least } else { least.min((bound - x[i]) / d) }
        })
    }
}

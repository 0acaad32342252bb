//! The search that a method uses.

use dualtape_autodiff::Real;

use super::armijo::Armijo;
use super::hager_zhang::HagerZhang;
use super::line::{Accepted, Line, LineSearchFailure, Origin};
use super::more_thuente::MoreThuente;
use crate::error::Error;

/// The search that a method uses.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum LineSearch<S: Real> {
    /// Backtracking; a trial costs a value, the least where the first step is usually right.
    Armijo(Armijo<S>),
    /// Strong Wolfe; a trial costs a gradient, which along curved valleys is more than repaid in iterations. Directions of
    /// negative curvature are left to [`Armijo`].
    MoreThuente(MoreThuente<S>),
    /// Wolfe or approximate Wolfe; as [`MoreThuente`], and more accurate where values are known to rounding only.
    HagerZhang(HagerZhang<S>),
}

impl<S: Real> Default for LineSearch<S> {
    /// [`MoreThuente`].
    fn default() -> Self {
        LineSearch::MoreThuente(MoreThuente::default())
    }
}

impl<S: Real> LineSearch<S> {
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self {
            LineSearch::Armijo(search) => search.check(),
            LineSearch::MoreThuente(search) => search.check(),
            LineSearch::HagerZhang(search) => search.check(),
        }
    }

    /// Negative curvature is always followed by [`Armijo`], which alone can start from a zero slope.
    pub(crate) fn search(
        &self,
        line: &mut dyn Line<S>,
        origin: Origin<S>,
        first: S,
    ) -> Result<Result<Accepted<S>, LineSearchFailure>, Error> {
        match self {
            LineSearch::Armijo(search) => search.search(line, origin, first),
            _ if origin.curvature < S::zero() => Armijo::default().search(line, origin, first),
            LineSearch::MoreThuente(search) => search.search(line, origin, first),
            LineSearch::HagerZhang(search) => search.search(line, origin, first),
        }
    }
}

/// `φ` up to a longest step, and beyond it outside of its domain.
pub(crate) struct UpTo<'l, L, S> {
    pub(crate) line: &'l mut L,
    pub(crate) longest: S,
}

impl<L, S: Real> UpTo<'_, L, S> {
    fn allows(&self, a: S) -> bool {
        a <= self.longest * S::constant(1.0 + 1e-6)
    }
}

impl<L: Line<S>, S: Real> Line<S> for UpTo<'_, L, S> {
    fn value(&mut self, a: S) -> Result<S, Error> {
        if self.allows(a) { self.line.value(a) } else { Ok(S::nan()) }
    }

    fn value_and_slope(&mut self, a: S) -> Result<(S, S), Error> {
        if self.allows(a) { self.line.value_and_slope(a) } else { Ok((S::nan(), S::nan())) }
    }
}

/// The same search, told of the longest step where it can be.
pub(crate) fn limited<S: Real>(line_search: &LineSearch<S>, longest: S) -> LineSearch<S> {
    match *line_search {
        LineSearch::MoreThuente(search) => {
            let max_step = search.max_step.min(longest);
            LineSearch::MoreThuente(MoreThuente { max_step, ..search })
        }
        other => other,
    }
}

//! Models in a Krylov space.

use dualtape_autodiff::Real;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use super::secular::{Accuracy, Bound, ShortStep, minimize};
use super::tridiagonal::FactoredTridiagonal;
use crate::error::Error;
use crate::linalg::basis::normal_deviates;
use crate::linalg::lanczos::Lanczos;
use crate::linalg::operator::LinearOperator;
use crate::linalg::vector::norm;

/// Products made after an invariant space was found, to look for curvature outside it.
const BEYOND: usize = 20;

/// A matrix and a gradient, and how far to build the Krylov space of the two.
pub(crate) struct Space<'a, S: Real> {
    pub(crate) operator: &'a dyn LinearOperator<S>,
    pub(crate) gradient: &'a [S],
    /// Largest residual `‖(A + λI) p + g‖` to accept.
    pub(crate) tolerance: f64,
    /// Products allowed.
    pub(crate) max_products: usize,
    pub(crate) interrupted: &'a dyn Fn() -> bool,
}

/// The quadratic model `gᵀp + ½ pᵀAp` in the Krylov space of `A` and `g`.
#[derive(Debug)]
pub(crate) struct Krylov<S> {
    lanczos: Lanczos<S>,
    /// `‖g‖`
    size: f64,
}

impl<S: Real> Krylov<S> {
    /// Builds the space until it holds the solution to the tolerance, which is returned in the coordinates of the space;
    /// `None` if a number is not finite.
    ///
    /// The method of Gould, Lucidi, Roma & Toint, SIAM J. Optim. 9 (1999), with the basis kept and orthogonal. Where the
    /// space stops growing before it is all of `ℝⁿ`, it goes on from a random vector: what the gradient has no component
    /// in, as in the hard case, is then seen too. (A component so faint that the residual is within the tolerance before it
    /// matters is not.)
    pub(crate) fn build(
        space: &Space<'_, S>,
        bound: Bound,
    ) -> Result<Option<(Self, ShortStep)>, Error> {
        let n = space.gradient.len();
        let mut last = space.max_products.clamp(1, n);
        let mut beyond = false;
        let lanczos = Lanczos::new(space.gradient);
        let size = lanczos.remainder().as_f64();
        let mut krylov = Krylov { lanczos, size };
        let mut found: Option<ShortStep> = None;
        // Every pass adds a vector to the space, of which there are no more than `n`.
        while krylov.lanczos.steps() < last && krylov.lanczos.step(space.operator)? {
            let shift = found.map_or(0.0, |solution| solution.shift);
            let Some(solution) = krylov.solve(bound, shift) else { return Ok(None) };
            let steps = krylov.lanczos.steps();
            let rest = krylov.lanczos.remainder().as_f64();
            let residual = rest * solution.step[steps - 1].abs();
            let terms = size + krylov.lanczos.tridiagonal().size() * norm(&solution.step);
            let rounding = 1e4 * S::epsilon().as_f64() * terms;
            found = Some(solution);
            let exhausted = krylov.lanczos.exhausted();
            // A residual of zero may mean that there is more to the matrix than the gradient shows.
            let exact = exhausted || residual <= rounding;
            let solved = residual <= space.tolerance && !exact && !beyond;
            if solved || (space.interrupted)() {
                break;
            }
            if exact && !beyond {
                beyond = true;
                last = last.min(steps + BEYOND);
            }
            if exhausted {
                let mut elsewhere = vec![S::zero(); n];
                normal_deviates(&mut ChaCha8Rng::seed_from_u64(steps as u64), &mut elsewhere);
                krylov.lanczos.go_on_from(&elsewhere);
            }
        }
        Ok(found.map(|solution| (krylov, solution)))
    }

    /// The solution in the same space under another bound, searched for from a shift; no products.
    pub(crate) fn solve(&self, bound: Bound, shift: f64) -> Option<ShortStep> {
        let mut gradient = vec![0.0; self.lanczos.steps()];
        gradient[0] = self.size;
        let precision = S::epsilon().as_f64();
        let mut model = FactoredTridiagonal::new(self.lanczos.tridiagonal(), precision);
        minimize(&mut model, &gradient, bound, Accuracy::FULL, shift)
    }

    /// `p = Σ hₖ qₖ`.
    pub(crate) fn combine(&self, solution: &ShortStep) -> Vec<S> {
        let coordinates: Vec<S> = solution.step.iter().map(|&h| S::constant(h)).collect();
        self.lanczos.basis().combine(&coordinates)
    }
}

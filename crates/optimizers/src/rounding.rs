//! Whether rounding is all that is left of a run.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use crate::bounds::Bounds;
use crate::conjugate_gradient::{ConjugateGradient, Outcome, System};
use crate::dense::{Pivots, SymmetricFactors};
use crate::method::Here;
use crate::vector::{axpy, dot, norm};
use crate::{Error, LinearOperator, Objective, Real};

/// Up to this many parameters the dense Hessian is factored.
const DENSE: usize = 100;
/// Second differences are taken along so many directions.
const DIRECTIONS: usize = 3;
/// What is promised may exceed the rounding that was measured by this factor: descent needs values that tell points apart.
const MARGIN: f64 = 10.0;

/// Whether what the second-order model at a point promises, `½ gᵀ|H|⁻¹g` over the variables on no bound, is within the
/// rounding of the objective's values; no if it cannot be told.
pub(crate) fn hides_the_rest<S: Real>(
    here: &Here<'_, '_, S>,
    bounds: Option<&Bounds<S>>,
    dense: bool,
    interrupted: &dyn Fn() -> bool,
) -> Result<bool, Error> {
    if interrupted() {
        return Ok(false);
    }
    let (hessian, gradient) = (here.at.hessian(), here.at.gradient());
    let promised = match bounds.map(|bounds| bounds.free(here.x)) {
        Some(free) if free.is_empty() => Some(S::zero()),
        Some(free) => {
            let slopes: Vec<S> = free.iter().map(|&i| gradient[i]).collect();
            promised(&hessian.restricted(free)?, &slopes, dense, interrupted)?
        }
        None => promised(hessian, gradient, dense, interrupted)?,
    };
    let Some(promised) = promised else { return Ok(false) };
    Ok(promised <= S::constant(MARGIN) * rounding(here, bounds)?)
}

/// `½ gᵀ|H|⁻¹g`; `None` if it is not finite, or if conjugate gradients do not get there.
fn promised<S: Real>(
    hessian: &dyn LinearOperator<S>,
    gradient: &[S],
    dense: bool,
    interrupted: &dyn Fn() -> bool,
) -> Result<Option<S>, Error> {
    let n = gradient.len();
    let promised = if dense || n <= DENSE {
        let mut matrix = vec![S::zero(); n * n];
        hessian.block(&(0..n).collect::<Vec<_>>(), &mut matrix)?;
        let Some(factors) = SymmetricFactors::new(n, &matrix, Pivots::Absolute) else {
            return Ok(None);
        };
        let mut step = gradient.to_vec();
        factors.solve_in_place(&mut step);
        S::constant(0.5) * dot(gradient, &step)
    } else {
        let mut inner = ConjugateGradient::new(n);
        let outcome = inner.solve(&System {
            operator: hessian,
            gradient,
            preconditioner: None,
            radius: None,
            tolerance: S::constant(0.1) * norm(gradient),
            max_iterations: 2 * n,
            interrupted,
        })?;
        match outcome {
            Outcome::Converged | Outcome::NegativeCurvature { .. } => {
                inner.decrease(gradient).abs()
            }
            _ => return Ok(None),
        }
    };
    Ok(Some(promised).filter(|promised| promised.is_finite()))
}

/// By how much second differences of the objective, over relative steps of `√ε`, differ from what the Hessian makes of them;
/// at least `ε |f|`. Truncation is far smaller, so that this is rounding, of what cancels within the objective too.
fn rounding<S: Real>(here: &Here<'_, '_, S>, bounds: Option<&Bounds<S>>) -> Result<S, Error> {
    let value = here.at.value();
    let mut largest = S::epsilon() * value.abs();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut image = vec![S::zero(); here.x.len()];
    for _ in 0..DIRECTIONS {
        let mut step = here.x.to_vec();
        for (i, d) in step.iter_mut().enumerate() {
            *d *= S::epsilon().sqrt() * S::constant(rng.random_range(-1.0..1.0));
            let x = here.x[i];
            let (low, high) = (x - d.abs(), x + d.abs());
            if bounds.is_some_and(|bounds| low < bounds.lower(i) || high > bounds.upper(i)) {
                *d = S::zero();
            }
        }
        here.at.hessian().apply(&step, &mut image)?;
        let mut difference = -value - value - dot(&step, &image);
        for side in [S::one(), -S::one()] {
            let mut near = here.x.to_vec();
            axpy(side, &step, &mut near);
            difference += here.objective.value(&near)?;
        }
        if difference.is_finite() {
            largest = largest.max(difference.abs());
        }
    }
    Ok(largest)
}

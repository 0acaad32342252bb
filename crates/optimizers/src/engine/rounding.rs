//! Whether rounding is all that is left of a run.

use dualtape_autodiff::Real;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::bounds::Bounds;
use super::method::Here;
use crate::error::Error;
use crate::linalg::{
    ConjugateGradient, LinearOperator, Outcome, Pivots, SymmetricFactors, System, axpy, dot,
    first_non_finite, norm,
};
use crate::problem::Objective;

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
    let Some(Promise { decrease, .. }) = promise(here, bounds, dense, interrupted)? else {
        return Ok(false);
    };
    Ok(decrease <= S::constant(MARGIN) * rounding(here, bounds)?)
}

/// How the model is minimised.
#[derive(Clone, Copy, PartialEq)]
enum Solver {
    /// By factors of the dense Hessian: in all directions.
    Factors,
    /// By conjugate gradients, to a tenth of the gradient: in those that matter most.
    Products,
}

/// What the second-order model at a point promises.
pub(crate) struct Promise<S> {
    /// `½ gᵀ|H|⁻¹g`
    pub(crate) decrease: S,
    /// `|H|⁻¹g`
    pub(crate) step: Vec<S>,
}

/// What the second-order model promises over the variables on no bound; `None` if that is not finite, or if conjugate
/// gradients do not get there.
pub(crate) fn promise<S: Real>(
    here: &Here<'_, '_, S>,
    bounds: Option<&Bounds<S>>,
    dense: bool,
    interrupted: &dyn Fn() -> bool,
) -> Result<Option<Promise<S>>, Error> {
    let solver = match dense || here.x.len() <= DENSE {
        true => Solver::Factors,
        false => Solver::Products,
    };
    let (hessian, gradient) = (here.at.hessian(), here.at.gradient());
    let Some(free) = bounds.map(|bounds| bounds.free(here.x)) else {
        return promised(hessian, gradient, solver, interrupted);
    };
    let mut step = vec![S::zero(); gradient.len()];
    if free.is_empty() {
        return Ok(Some(Promise { decrease: S::zero(), step }));
    }
    let slopes: Vec<S> = free.iter().map(|&i| gradient[i]).collect();
    let restricted = hessian.restricted(free.iter().copied())?;
    let promise = promised(&restricted, &slopes, solver, interrupted)?;
    Ok(promise.map(|Promise { decrease, step: part }| {
        free.iter().zip(part).for_each(|(&i, part)| step[i] = part);
        Promise { decrease, step }
    }))
}

fn promised<S: Real>(
    hessian: &dyn LinearOperator<S>,
    gradient: &[S],
    solver: Solver,
    interrupted: &dyn Fn() -> bool,
) -> Result<Option<Promise<S>>, Error> {
    let n = gradient.len();
    let promise = if solver == Solver::Factors {
        let mut matrix = vec![S::zero(); n * n];
        hessian.block(&(0..n).collect::<Vec<_>>(), &mut matrix)?;
        let Some(factors) = SymmetricFactors::new(n, &matrix, Pivots::Absolute) else {
            return Ok(None);
        };
        let mut step = gradient.to_vec();
        factors.solve_in_place(&mut step);
        Promise { decrease: S::constant(0.5) * dot(gradient, &step), step }
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
                let step = inner.solution().to_vec();
                Promise { decrease: inner.decrease(gradient).abs(), step }
            }
            _ => return Ok(None),
        }
    };
    let is_finite = promise.decrease.is_finite() && first_non_finite(&promise.step).is_none();
    Ok(is_finite.then_some(promise))
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
